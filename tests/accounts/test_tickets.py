"""Tickets: one connection, once, soon."""

import time

import pytest

from accounts import tickets, tokens
from accounts.claims import Claims, TokenRefused


def claims_of(user):
    return tokens.verify(tokens.issue(user)[0])


def as_in_another_worker(monkeypatch):
    monkeypatch.setattr(tickets, "_redeemed", tickets._Redeemed())


async def test_a_ticket_stands_for_the_token_that_asked_for_it(mia):
    claims = claims_of(mia)
    ticket, expires_in = tickets.issue(claims)
    assert expires_in == 30
    assert await tickets.aredeem(ticket) == claims


async def test_a_ticket_is_good_once_over_all_workers(mia, monkeypatch):
    ticket, _ = tickets.issue(claims_of(mia))
    await tickets.aredeem(ticket)
    with pytest.raises(TokenRefused):
        await tickets.aredeem(ticket)
    as_in_another_worker(monkeypatch)
    with pytest.raises(TokenRefused):
        await tickets.aredeem(ticket)


async def test_without_redis_a_ticket_is_good_once_in_each_worker(mia, without_redis, monkeypatch):
    ticket, _ = tickets.issue(claims_of(mia))
    await tickets.aredeem(ticket)
    with pytest.raises(TokenRefused):
        await tickets.aredeem(ticket)
    as_in_another_worker(monkeypatch)
    await tickets.aredeem(ticket)


async def test_emptying_redis_revives_no_ticket_in_the_worker_that_has_seen_it(mia, flush):
    ticket, _ = tickets.issue(claims_of(mia))
    await tickets.aredeem(ticket)
    flush()
    with pytest.raises(TokenRefused):
        await tickets.aredeem(ticket)


async def test_a_ticket_ends(mia, options):
    options(ticket_lifetime=-1.0)
    ticket, _ = tickets.issue(claims_of(mia))
    with pytest.raises(TokenRefused):
        await tickets.aredeem(ticket)


async def test_a_ticket_outlives_its_token_by_nothing(mia):
    now = time.time()
    ended = Claims(user_id=mia.pk, role="member", is_staff=False, issued_at=now - 60, expires_at=now - 1, version=0, jti="x")
    with pytest.raises(TokenRefused):
        await tickets.aredeem(tickets.issue(ended)[0])


async def test_a_ticket_for_a_token_of_the_hosts_login_is_revoked_as_that_is(mia):
    now = time.time()
    hosts = Claims(user_id=mia.pk, role="member", is_staff=False, issued_at=now, expires_at=now + 60, version=None, jti="")
    assert await tickets.aredeem(tickets.issue(hosts)[0]) == hosts


@pytest.mark.parametrize("garbage", ["", "a.b.c", "\ud800", "x" * 10_000])
async def test_garbage_is_no_ticket(db, garbage):
    with pytest.raises(TokenRefused):
        await tickets.aredeem(garbage)


async def test_a_token_is_no_ticket(mia, token):
    with pytest.raises(TokenRefused):
        await tickets.aredeem(token(mia))


def test_what_a_worker_remembers_of_tickets_is_forgotten_with_them():
    redeemed = tickets._Redeemed()
    assert redeemed.first("a", -1)
    assert redeemed.first("b", 60)
    assert redeemed.first("a", 60)
    assert not redeemed.first("b", 60)


def test_a_ticket_is_given_over_rest(mia, api, bob, service_key):
    answer = api(mia).post("/api/v1/ws/ticket")
    assert answer.status_code == 201
    assert answer.json() == {"ticket": answer.json()["ticket"], "expiresIn": 30}
    assert api().post("/api/v1/ws/ticket").status_code == 401
    assert api(service_key("users")).post("/api/v1/ws/ticket").status_code == 403


def test_tickets_are_limited_per_user(mia, bob, api, options):
    options(rate_ticket=(3, 60.0))
    client = api(mia)
    answers = [client.post("/api/v1/ws/ticket") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 15 < int(answers[3]["Retry-After"]) <= 20
    assert answers[3].json()["code"] == "RATE_LIMITED"
    assert api(bob).post("/api/v1/ws/ticket").status_code == 201
