"""The host site makes its users known."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management.color import no_style
from django.db import connection, transaction

from accounts import services, tokens
from accounts.models import User
from accounts.serializers import NewMember
from tests import cast


@pytest.fixture
def host(api, service_key):
    return api(service_key("users"))


def fresh():
    return f"host-user-{secrets.token_hex(4)}"


def number():
    """One that nothing here gives, far from those that it does."""
    return 10**9 + secrets.randbelow(10**9)


def send(client, **body):
    return client.post("/api/v1/users", body)


def test_a_user_is_made_once_however_often_it_is_sent(host):
    name = fresh()
    first, second = send(host, username=name, displayName="Mia"), send(host, username=name, displayName="Mia")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == {"id": first.json()["id"], "username": name, "role": "member", "displayName": "Mia"}
    user = User.objects.get(username=name)
    assert not user.has_usable_password()
    assert not user.is_staff


def test_the_host_may_choose_the_number(host):
    name, chosen = fresh(), number()
    assert send(host, id=chosen, username=name, displayName="").json()["id"] == chosen
    assert send(host, id=chosen, username=name, displayName="").status_code == 200
    assert send(host, username=name, displayName="").json()["id"] == chosen


def test_a_new_display_name_is_taken(host):
    name = fresh()
    send(host, username=name, displayName="Mia")
    assert send(host, username=name, displayName="Mia M.").json()["displayName"] == "Mia M."


def test_the_numbers_that_we_give_go_on_after_one_that_the_host_has_chosen(host, api):
    highest = User.objects.order_by("-pk").first().pk
    chosen = highest + 1
    assert send(host, id=chosen, username=fresh(), displayName="").status_code == 201
    made = [api().post("/api/v1/customers", {"name": "Ann", "channel": "WEB"}) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert all(answer.json()["userId"] > chosen for answer in made)


def test_after_the_highest_number_that_may_be_chosen_come_numbers_that_a_token_carries(db):
    highest = NewMember().fields["id"].max_value
    try:
        with transaction.atomic():
            services.make_member(id=highest, username=fresh(), display_name="")
            next_one = services.make_customer(name="Ann", channel="WEB", metadata={}).user
            assert next_one.pk > highest
            assert tokens.verify(tokens.issue(next_one)[0]).user_id == next_one.pk
            transaction.set_rollback(True)
    finally:
        # PostgreSQL rolls no sequence back, and the other tests want numbers too.
        with connection.cursor() as cursor:
            for reset in connection.ops.sequence_reset_sql(no_style(), [User]):
                cursor.execute(reset)


def test_a_number_of_somebody_with_another_name_is_a_conflict_that_is_named(host, mia):
    answer = send(host, id=mia.pk, username=fresh(), displayName="")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (409, "CONFLICT", ["id"])


def test_a_name_of_somebody_with_another_number_is_a_conflict_that_is_named(host, mia):
    answer = send(host, id=number(), username=mia.username, displayName="")
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["username"])


def test_a_customer_is_none_of_the_hosts_users(host, ann):
    assert send(host, username=ann.username, displayName="").status_code == 409


def test_the_number_of_a_deleted_user_is_not_given_again_because_its_tokens_would_open_it(host, mia, token, api):
    mine, chosen = token(mia), mia.pk
    mia.delete()
    answer = send(host, id=chosen, username=fresh(), displayName="")
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["id"])
    assert api(mine).post("/api/v1/ws/ticket").status_code == 401


def test_making_a_user_known_again_gives_it_nothing_back(host):
    gone = cast.member(is_active=False)
    answer = send(host, username=gone.username, displayName="Gone")
    assert (answer.status_code, User.objects.get(pk=gone.pk).is_active) == (200, False)


def test_an_agent_that_the_host_knows_stays_an_agent(host, bob):
    assert send(host, username=bob.username, displayName="Bob").json()["role"] == "agent"


def test_many_that_send_the_same_user_at_once_make_one(db):
    name, chosen = fresh(), number()

    def make(_number):
        try:
            return services.make_member(id=chosen, username=name, display_name="")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(make, range(8)))
    assert {user.pk for user, _new in made} == {chosen}
    assert sum(new for _user, new in made) == 1


def test_customers_come_while_the_host_chooses_numbers_just_ahead_of_theirs(db):
    highest = User.objects.order_by("-pk").first().pk if User.objects.exists() else 0

    def make(step):
        try:
            if step % 2:
                return services.make_customer(name="Ann", channel="WEB", metadata={}).pk
            return services.make_member(id=highest + 5000 + step * 700, username=fresh(), display_name="")[0].pk
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(make, range(60)))
    assert len(set(made)) == 60


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 0}, "id"),
        ({"id": -1}, "id"),
        ({"id": 2**52 + 1}, "id"),
        ({"id": 2**53 - 1}, "id"),
        ({"id": 2**53}, "id"),
        ({"id": 1.0}, "id"),
        ({"id": "7"}, "id"),
        ({"id": True}, "id"),
        ({"id": [7]}, "id"),
        ({"username": ...}, "username"),
        ({"username": None}, "username"),
        ({"username": ""}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": 7}, "username"),
        ({"username": ["mia"]}, "username"),
        ({"displayName": ...}, "displayName"),
        ({"displayName": None}, "displayName"),
        ({"displayName": "x" * 101}, "displayName"),
        ({"displayName": 7}, "displayName"),
        ({"displayName": []}, "displayName"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_field_that_is_wrong_is_named(host, changes, field):
    body = {name: value for name, value in {"username": "mia-of-the-host", "displayName": "Mia", **changes}.items() if value is not ...}
    answer = send(host, **body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_everybody_is_not_deleted_by_a_word_left_out():
    for manager in (User.objects, User._default_manager, User._base_manager):
        assert not hasattr(manager, "delete")
        assert not hasattr(manager, "adelete")


def test_only_a_key_with_the_scope_may(api, service_key, mia, bob, ann, admin):
    for who in (mia, bob, ann, admin, service_key("notifications", "tasks"), service_key()):
        answer = send(api(who), username=fresh(), displayName="")
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
