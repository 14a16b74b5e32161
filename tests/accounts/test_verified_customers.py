"""Customers whom the host site vouches for: the same on every device, and heirs of who they were before."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import identity, services, tokens
from accounts.models import Customer, User
from tests.accounts.visitors import come, fetch, proof


def test_a_verified_customer_is_the_same_on_every_device(api, vouched):
    me = proof(f"host-{uuid.uuid4()}")
    phone, desk = come(api(), channel="APP", identity=me).json(), come(api(), channel="WEB", identity=me).json()
    assert phone["userId"] == desk["userId"]
    assert phone["id"] == desk["id"]
    for channel in ("APP", "WEB"):
        assert fetch(api(), phone["id"], channel, identity=me).status_code == 200


def test_a_verified_customers_newest_name_is_shown(api, vouched):
    me = proof(f"host-{uuid.uuid4()}")
    come(api(), name="Ann", identity=me)
    made = come(api(), name="Ann Smith", identity=me, metadata={}).json()
    assert (made["name"], made["metadata"]) == ("Ann Smith", {"page": "/cart"})
    assert User.objects.get(pk=made["userId"]).display_name == "Ann Smith"


def test_a_hash_in_capitals_is_the_same_hash(api, vouched):
    me = proof(f"host-{uuid.uuid4()}")
    assert come(api(), identity={**me, "hash": me["hash"].upper()}).status_code == 201


def test_an_id_is_vouched_for_as_it_is_with_its_blanks(api, vouched):
    assert come(api(), identity=proof(" 7 ")).status_code == 201
    assert come(api(), identity={"externalId": "7", "hash": identity.proof(" 7 ")}).status_code == 403


@pytest.mark.parametrize("hash", ["0" * 64, "", "é", "x"])
def test_a_wrong_hash_is_refused(api, vouched, hash):
    before = Customer.objects.count()
    answer = come(api(), identity={"externalId": "7", "hash": hash or "0"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "identity" in answer.json()["errors"]
    assert Customer.objects.count() == before


def test_nobody_is_vouched_for_without_a_secret(api):
    assert come(api(), identity={"externalId": "7", "hash": identity.proof("7")}).status_code == 403


def test_a_verified_customer_must_prove_itself_for_each_token(api, vouched):
    me, other = proof(f"host-{uuid.uuid4()}"), proof(f"host-{uuid.uuid4()}")
    made = come(api(), identity=me).json()
    assert fetch(api(), made["id"]).status_code == 403
    assert fetch(api(), made["id"]).content == b""
    assert fetch(api(), made["id"], identity={**me, "hash": "0" * 64}).status_code == 403
    assert fetch(api(), made["id"], identity=other).status_code == 403
    assert fetch(api(), made["id"], identity=me).status_code == 200


def test_an_anonymous_customer_that_proves_itself_too_early_comes_back_as_the_anonymous_one(api, ann, vouched):
    answer = fetch(api(), ann.customer.public_id, identity=proof("7"))
    assert tokens.verify(answer.json()["token"]).user_id == ann.pk
    assert fetch(api(), ann.customer.public_id, identity={"externalId": "7", "hash": "0" * 64}).status_code == 403


def test_when_verification_is_mandatory_nobody_is_anonymous(api, ann, vouched, options):
    options(identity_required=True)
    assert come(api()).status_code == 403
    assert fetch(api(), ann.customer.public_id).status_code == 403
    assert come(api(), identity=proof(f"host-{uuid.uuid4()}")).status_code == 201


def test_a_deactivated_verified_customer_does_not_come_back(api, vouched):
    me = proof(f"host-{uuid.uuid4()}")
    made = come(api(), identity=me).json()
    User.objects.filter(pk=made["userId"]).update(is_active=False)
    assert come(api(), identity=me).status_code == 403
    assert fetch(api(), made["id"], identity=me).status_code == 404


# Taking over


def test_an_anonymous_customer_that_proves_itself_stays_the_same_and_its_old_token_dies(api, ann, token, vouched):
    old = token(ann)
    made = come(api(old), identity=proof(f"host-{uuid.uuid4()}")).json()
    assert made["userId"] == ann.pk
    assert made["id"] == str(ann.customer.public_id)
    # Whoever planted that token, or found it, is not to read on.
    assert api(old).post("/api/v1/ws/ticket").status_code == 401
    assert api(made["token"]).post("/api/v1/ws/ticket").status_code == 201


def test_a_known_customer_takes_an_anonymous_one_over_once(api, ann, token, vouched):
    me = proof(f"host-{uuid.uuid4()}")
    known, old = come(api(), identity=me).json(), token(ann)
    again = come(api(old), identity=me).json()
    assert again["userId"] == known["userId"] != ann.pk
    ann.refresh_from_db()
    assert not ann.is_active
    assert api(old).post("/api/v1/ws/ticket").status_code == 401
    assert fetch(api(), ann.customer.public_id).status_code == 404
    # The same call again finds nobody to take over, and is no error.
    assert come(api(old), identity=me).json()["userId"] == known["userId"]


taken_over = []


def remember(*, anonymous, verified):
    taken_over.append((anonymous.pk, verified.pk))


def test_every_app_moves_its_own_rows_when_somebody_is_taken_over(api, ann, token, vouched, settings):
    settings.CUSTOMER_TAKE_OVER = [f"{__name__}.remember"]
    me = proof(f"host-{uuid.uuid4()}")
    known = come(api(), identity=me).json()
    come(api(token(ann)), identity=me)
    assert (ann.pk, known["userId"]) in taken_over


def fail(*, anonymous, verified):
    raise LookupError("the rows of this app cannot be moved")


def test_a_take_over_that_fails_half_way_leaves_everybody_as_they_were(api, ann, token, vouched, settings):
    settings.CUSTOMER_TAKE_OVER = [f"{__name__}.fail"]
    me = proof(f"host-{uuid.uuid4()}")
    come(api(), identity=me)
    client = api(token(ann))
    client.raise_request_exception = False
    answer = come(client, identity=me)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert client.post("/api/v1/ws/ticket").status_code == 201


def test_somebody_else_who_proves_itself_takes_over_no_verified_customer(api, vouched):
    mine = come(api(), identity=proof(f"host-{uuid.uuid4()}")).json()
    other = come(api(mine["token"]), identity=proof(f"host-{uuid.uuid4()}")).json()
    assert other["userId"] != mine["userId"]
    assert api(mine["token"]).post("/api/v1/ws/ticket").status_code == 201


def test_the_bearer_of_a_member_or_one_that_is_no_longer_good_is_nobody_to_take_over(api, mia, ann, expired, vouched):
    for bearer in (mia, expired(ann), "garbage"):
        assert come(api(bearer), identity=proof(f"host-{uuid.uuid4()}")).status_code == 201
    mia.refresh_from_db()
    assert mia.is_active
    assert not Customer.objects.filter(pk=mia.pk).exists()


def test_a_bearer_without_proof_takes_over_nothing(api, ann, token):
    old = token(ann)
    assert come(api(old)).json()["userId"] != ann.pk
    assert api(old).post("/api/v1/ws/ticket").status_code == 201


def test_devices_that_prove_themselves_at_once_are_one_customer_and_take_over_once(ann, settings):
    settings.CUSTOMER_TAKE_OVER = [f"{__name__}.remember"]
    external_id = f"host-{uuid.uuid4()}"
    known = services.make_verified_customer(external_id=external_id, name="Ann", channel="WEB", metadata={})

    def prove(_number):
        try:
            return services.make_verified_customer(external_id=external_id, name="Ann", channel="WEB", metadata={}, anonymous=ann.customer).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(prove, range(8))) == {known.pk}
    assert taken_over.count((ann.pk, known.pk)) == 1


def test_devices_that_prove_themselves_for_the_first_time_at_once_are_one_customer(db):
    external_id = f"host-{uuid.uuid4()}"

    def prove(_number):
        try:
            return services.make_verified_customer(external_id=external_id, name="Ann", channel="WEB", metadata={}).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(prove, range(8)))) == 1
