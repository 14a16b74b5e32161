"""Who no longer stands: revoked, changed, deactivated, deleted; with Redis, without it, and after it was emptied."""

import asyncio
import time

import pytest
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from accounts import revocation, services, standing, tokens
from accounts.claims import Claims, TokenRefused
from accounts.executor import in_thread
from accounts.models import Revocation, User
from accounts.redis import ask
from tests import cast
from tests.asgi import counted_queries


@pytest.fixture
def queries(db):
    with counted_queries() as found:
        yield found


@pytest.fixture
def crowd(db):
    return [cast.member(f"one-of-many-{number}") for number in range(30)]


def claims_of(user):
    return tokens.verify(tokens.issue(user)[0])


def host_claims(user, *, issued_at, **changes):
    fields = {"user_id": user.pk, "role": "member", "is_staff": False, "issued_at": issued_at, "expires_at": issued_at + 60, "version": None, "jti": ""}
    return Claims(**{**fields, **changes})


async def refused(claims):
    try:
        await revocation.acheck(claims)
    except TokenRefused:
        return True
    return False


async def test_the_copy_in_redis_spares_the_query(mia, queries):
    claims = claims_of(mia)
    await revocation.acheck(claims)
    queries.clear()
    assert (await revocation.acheck(claims)).version == mia.token_version
    assert queries == []


async def test_after_redis_was_emptied_one_query_answers_and_leaves_a_copy(mia, queries, flush):
    claims = claims_of(mia)
    await revocation.acheck(claims)
    await in_thread(flush)
    queries.clear()
    await revocation.acheck(claims)
    await revocation.acheck(claims)
    assert len(queries) == 1


async def test_a_token_revoked_before_redis_was_emptied_stays_refused(mia, flush):
    claims = claims_of(mia)
    await in_thread(Revocation.objects.revoke, [mia.pk])
    assert await refused(claims)
    await in_thread(flush)
    assert await refused(claims)
    assert await refused(claims)


async def test_without_redis_each_token_costs_a_query_and_the_answer_is_the_same(mia, without_redis, queries):
    claims = claims_of(mia)
    await revocation.acheck(claims)
    queries.clear()
    await revocation.acheck(claims)
    assert len(queries) == 1
    await in_thread(Revocation.objects.revoke, [mia.pk])
    assert await refused(claims)


async def test_a_copy_older_than_the_token_is_replaced(mia, queries):
    await revocation.acheck(claims_of(mia))
    # As if the revocation had not reached Redis.
    await in_thread(lambda: User.objects.filter(pk=mia.pk).update(token_version=F("token_version") + 1))
    await in_thread(mia.refresh_from_db)
    claims = claims_of(mia)
    await revocation.acheck(claims)
    queries.clear()
    await revocation.acheck(claims)
    assert queries == []


async def test_a_slow_reader_cannot_put_back_an_old_copy(mia):
    old = mia.standing
    await in_thread(Revocation.objects.revoke, [mia.pk])
    await standing.aput({mia.pk: old})
    assert (await standing.aget(mia.pk)).version == old.version + 1


async def test_a_crowd_is_looked_up_together_and_each_is_judged_for_itself(crowd, queries, flush, monkeypatch):
    # Ours alone: the keepers of workers that are up beside this test repair the same copy.
    left, put = [], standing._put
    monkeypatch.setattr(standing, "_put", lambda standings, redis: (left.append(len(standings)), put(standings, redis))[1])
    claims = [claims_of(user) for user in crowd]
    # Not `revoke`: what was revoked a moment ago those keepers put back, and his copy is found or not as they come.
    await in_thread(lambda: User.objects.filter(pk=crowd[0].pk).update(token_version=F("token_version") + 1))
    await in_thread(flush)
    await in_thread(lambda: ask(lambda redis: redis.config_resetstat()))
    queries.clear()
    left.clear()
    expected = [True] + [False] * (len(crowd) - 1)
    assert await asyncio.gather(*(refused(each) for each in claims)) == expected
    assert len(queries) == 1
    assert await asyncio.gather(*(refused(each) for each in claims)) == expected
    assert len(queries) == 1
    asked = await in_thread(lambda: ask(lambda redis: redis.info("commandstats")))
    assert asked["cmdstat_mget"]["calls"] == 2
    assert left == [len(crowd)]


async def test_without_redis_a_crowd_costs_one_query(crowd, without_redis, queries):
    claims = [claims_of(user) for user in crowd]
    await refused(claims[0])
    queries.clear()
    assert not any(await asyncio.gather(*(refused(each) for each in claims)))
    assert len(queries) == 1


async def test_a_copy_that_cannot_be_read_hurts_only_its_user(mia, bob):
    await in_thread(lambda: ask(lambda redis: redis.set(f"switchboard:standing:{bob.pk}", "nonsense")))
    answers = await asyncio.gather(refused(claims_of(mia)), refused(claims_of(bob)), return_exceptions=True)
    assert answers[0] is False
    assert isinstance(answers[1], ValueError)


def deactivate(user):
    user.is_active = False
    user.save()


def change_role(user):
    user.role = "agent"
    user.save()


def change_password(user):
    services.change_password(user=user, new="another-Long-password-77")


def take_the_password(user):
    user.set_unusable_password()
    user.save(update_fields=["password"])


def set_the_hash(user):
    user.password = make_password("another-Long-password-77")
    user.save(update_fields=["password"])


def make_staff(user):
    User.objects.filter(pk=user.pk).update(is_staff=True)


def delete(user):
    user.delete()


def delete_by_query(user):
    User.objects.filter(pk=user.pk).delete()


def deactivate_in_bulk(user):
    user.is_active = False
    User.objects.bulk_update([user], ["is_active"])


ENDINGS = [deactivate, change_role, change_password, take_the_password, set_the_hash, make_staff, delete, delete_by_query, deactivate_in_bulk]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
async def test_what_changes_a_persons_rights_makes_earlier_tokens_worthless(mia, end):
    claims, pk = claims_of(mia), mia.pk
    await revocation.acheck(claims)
    await in_thread(end, mia)
    assert await refused(claims)
    assert await in_thread(Revocation.objects.filter(user_id=pk).exists)


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_rest_refuses_them_too(mia, api, end):
    client = api(mia)
    assert client.post("/api/v1/ws/ticket").status_code == 201
    end(mia)
    answer = client.post("/api/v1/ws/ticket")
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")


def test_a_change_that_touches_no_right_revokes_nothing(mia, api):
    client = api(mia)
    mia.display_name = "Mia M."
    mia.save()
    User.objects.filter(pk=mia.pk).update(language="en")
    assert client.post("/api/v1/ws/ticket").status_code == 201


def test_a_right_that_is_taken_away_counts_when_it_is_saved_not_when_something_else_is(mia, api):
    client = api(mia)
    mia.is_active = False
    mia.save(update_fields=["display_name"])
    assert client.post("/api/v1/ws/ticket").status_code == 201
    assert not Revocation.objects.filter(user_id=mia.pk).exists()
    mia.save()
    assert Revocation.objects.filter(user_id=mia.pk).count() == 1
    mia.save()
    assert Revocation.objects.filter(user_id=mia.pk).count() == 1


def test_a_field_that_was_read_late_or_again_revokes_nothing_until_it_is_changed(mia):
    late = User.objects.only("username").get(pk=mia.pk)
    assert late.role == "member"
    late.save()
    User.objects.filter(pk=mia.pk).update(role="agent")
    late.refresh_from_db()
    late.save()
    assert Revocation.objects.filter(user_id=mia.pk).count() == 1
    unread = User.objects.only("username").get(pk=mia.pk)
    unread.is_active = False
    unread.save()
    assert Revocation.objects.filter(user_id=mia.pk).count() == 2


def test_a_revocation_that_is_rolled_back_has_not_happened(mia, api):
    client = api(mia)
    with transaction.atomic():
        Revocation.objects.revoke([mia.pk])
        transaction.set_rollback(True)
    assert client.post("/api/v1/ws/ticket").status_code == 201


async def test_a_token_that_is_newer_than_a_restored_backup_is_refused(mia, flush):
    await in_thread(Revocation.objects.revoke, [mia.pk])
    await in_thread(mia.refresh_from_db)
    ahead = claims_of(mia)
    await in_thread(lambda: User.objects.filter(pk=mia.pk).update(token_version=0))
    await in_thread(flush)
    assert await refused(ahead)


async def test_a_user_that_does_not_exist_yet_is_not_remembered_as_gone(db):
    unborn = 2**40 + int(time.time() * 1000)
    claims = Claims(user_id=unborn, role="member", is_staff=False, issued_at=time.time(), expires_at=time.time() + 60, version=None, jti="")
    assert await refused(claims)
    made, _new = await in_thread(services.make_member, id=unborn, username=f"born-{unborn}", display_name="")
    assert made.pk == unborn
    assert not await refused(claims)


async def test_a_token_of_the_hosts_login_is_revoked_by_its_time(mia):
    now = time.time()
    assert not await refused(host_claims(mia, issued_at=now))
    await in_thread(Revocation.objects.revoke, [mia.pk])
    assert await refused(host_claims(mia, issued_at=now))
    assert not await refused(host_claims(mia, issued_at=time.time() + 1))


async def test_a_token_of_the_hosts_login_opens_neither_staff_accounts_nor_those_of_another_role(admin, bob, ann):
    now = time.time()
    assert await refused(host_claims(admin, issued_at=now))
    assert await refused(host_claims(bob, issued_at=now))
    assert await refused(host_claims(ann, issued_at=now))
    assert not await refused(host_claims(bob, issued_at=now, role="agent"))
