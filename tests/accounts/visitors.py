"""What a visitor's browser sends."""

from accounts import identity

NEW = {"name": "Ann", "channel": "WEB", "metadata": {"page": "/cart"}}


def come(client, **changes):
    return client.post("/api/v1/customers", {**NEW, **changes})


def fetch(client, customer_id, channel="WEB", **more):
    return client.post("/api/v1/customers/token", {"customerId": str(customer_id), "channel": channel, **more})


def proof(external_id):
    """The host site's word for a customer, under the secret of this process."""
    return {"externalId": external_id, "hash": identity.proof(external_id)}
