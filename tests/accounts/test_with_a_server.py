"""Identity over a real server: what its log holds, and whose word on an address it takes."""

import secrets

import httpx
import pytest

from accounts import refresh, service_keys, tickets, tokens
from accounts.models import User
from tests import cast


@pytest.fixture(scope="module")
def site(servers):
    with servers.serve(env={"TRUSTED_PROXIES": "127.0.0.1", "RATE_CUSTOMERS": "2/m", "IDENTITY_SECRET": secrets.token_hex(20)}) as running:
        yield running


@pytest.fixture
def http(site):
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_no_credential_gets_into_the_log(site, http, mia, ann, service_key):
    token, key, renewal = tokens.issue(mia)[0], service_key("users"), refresh.issue(mia)
    ticket = tickets.issue(tokens.verify(token))[0]
    wrong, fresh = f"Wrong-{secrets.token_hex(8)}", f"Fresh-{secrets.token_hex(8)}"
    proof = secrets.token_hex(32)
    public_id = str(ann.customer.public_id)
    calls = [
        ("/api/v1/public/login", {"username": mia.username, "password": cast.PASSWORD}, {}),
        ("/api/v1/public/login", {"username": mia.username, "password": wrong}, {}),
        (f"/api/v1/public/login?token={token}&password={wrong}", {"username": mia.username, "password": wrong}, {}),
        ("/api/v1/token/refresh", {"refresh": renewal}, {}),
        ("/api/v1/token/refresh", {"refresh": renewal}, {}),
        ("/api/v1/customers/token", {"customerId": public_id, "channel": "WEB"}, {}),
        (f"/api/v1/customers/token?customerId={public_id}", {"customerId": public_id, "channel": "APP"}, {}),
        ("/api/v1/customers", {"name": "Ann", "channel": "WEB", "identity": {"externalId": "7", "hash": proof}}, bearer(token)),
        (f"/api/v1/ws/ticket?ticket={ticket}", {}, bearer(token)),
        (f"/api/v1/nowhere/?token={token}", {}, bearer(token)),
        ("/api/v1/users", {"username": "known-to-the-log", "displayName": ""}, bearer(key)),
        ("/api/v1/users", {"username": "known-to-the-log", "displayName": ""}, bearer(key[:-1])),
        ("/api/v1/password", {"old": wrong, "new": fresh}, bearer(token)),
        ("/api/v1/password", {"old": cast.PASSWORD, "new": fresh}, bearer(token)),
        ("/api/v1/logout", {}, bearer(token)),
    ]
    statuses = [http.post(path, json=body, headers=headers).status_code for path, body, headers in calls]
    assert statuses == [200, 401, 401, 200, 401, 200, 404, 403, 201, 404, *statuses[10:11], 401, 400, 204, 401]
    assert statuses[10] in (200, 201)
    log = site.log
    assert "/api/v1/public/login" in log  # it is the right log
    parts = [token.split(".")[2], renewal.split(".")[2], ticket.split(".")[2], key[11:], cast.PASSWORD, wrong, fresh, proof, public_id]
    assert [part for part in parts if part in log] == []


def test_behind_a_trusted_proxy_limits_count_the_address_that_it_forwards(http):
    def come(address):
        return http.post("/api/v1/customers", json={"name": "Ann", "channel": "WEB"}, headers={"X-Forwarded-For": address}).status_code

    assert [come("198.51.100.7") for _ in range(3)] == [201, 201, 429]
    assert come("198.51.100.8") == 201
    # Whoever has a network of IPv6 has one address as far as limits go.
    assert [come(f"2001:db8:7:7::{number}") for number in range(3)] == [201, 201, 429]
    # What the client itself has put before it is not believed, whatever it is.
    assert come("203.0.113.1, 198.51.100.7") == 429
    for nonsense in ("unknown", "x" * 1000, ""):
        assert come(nonsense) in (201, 429)


def test_a_problem_carries_the_number_of_its_request(site, http):
    answer = http.post("/api/v1/customers/token", json=[], headers={"Accept": "application/json"})
    assert answer.json()["request_id"] in site.log


def test_a_key_made_now_works_at_once_in_every_worker(server):
    _key, text = service_keys.make(name="shop", scopes=["users"])
    with httpx.Client(base_url=server.url, timeout=20) as client:
        name = f"host-user-{secrets.token_hex(4)}"
        answers = [client.post("/api/v1/users", json={"username": name, "displayName": ""}, headers={**bearer(text), "Connection": "close"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [201, *[200] * 5]
    assert User.objects.filter(username=name).count() == 1
