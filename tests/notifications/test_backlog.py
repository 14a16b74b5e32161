"""Reading streams, and forgetting them."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.executor import in_thread
from accounts.models import Revocation, SpentRefresh, User
from accounts.standing import GONE
from notifications import backlog, inbox, retention
from notifications.inbox import Delivery
from notifications.models import Body, Entry, Epoch, Inbox
from tests import cast
from tests.asgi import counted_queries
from tests.notifications.stream import frames, head, hello, told

TOPICS = ["notification"]


def opening(user: User, since: int | None = None, limit: int = 1000, topics: list[str] = TOPICS) -> backlog.Opening:
    found = backlog.opening(user.pk, topics, since=since, limit=limit)
    assert found is not None
    return found


def age(user: User, *, days: float, up_to: int) -> None:
    """Make the user's entries up to that number as old as that."""
    bodies = Entry.objects.filter(user=user, seq__lte=up_to).values_list("body", flat=True)
    Body.objects.filter(pk__in=list(bodies)).update(created_at=timezone.now() - timedelta(days=days))


def of_another_topic(user: User, count: int) -> None:
    """As many entries that a bell does not carry."""

    class Other(type(hello(timezone.now()))):  # type: ignore[misc]
        topic = "task"

    event = hello(timezone.now())
    other = Other(notification_type=event.notification_type, timestamp=event.timestamp, data=event.data)
    with transaction.atomic():
        inbox.send([Delivery(recipients=[user.pk], event=other, items={user.pk: 1})] * count)


# Opening


def test_an_opening_tells_where_the_stream_stands_in_one_statement(mia: User) -> None:
    told(mia), told(mia)
    with CaptureQueriesContext(connection) as captured:
        found = opening(mia, since=1)
    assert len(captured) == 1
    assert (found.head, found.floor, found.behind, found.shown_name, found.standing) == (2, 0, 1, "Mia", mia.standing)
    assert found.epoch == Epoch.objects.get().value


def test_somebody_who_was_never_told_anything_begins_at_nothing(mia: User) -> None:
    found = opening(mia, since=0)
    assert (found.head, found.floor, found.behind) == (0, 0, 0)
    assert found.outcome(0, None, 1000) == "resumed"


def test_a_user_who_is_gone_has_no_opening(db: None) -> None:
    assert backlog.opening(2**60, TOPICS, since=None, limit=1000) is None


@pytest.mark.parametrize(("since", "outcome"), [(-1, "too_far"), (0, "resumed"), (2, "resumed"), (3, "resumed"), (4, "ahead")])
def test_a_stream_reaches_from_its_floor_to_its_head(mia: User, since: int, outcome: str) -> None:
    for _ in range(3):
        told(mia)
    assert opening(mia, since=since).outcome(since, None, 1000) == outcome


def test_a_cursor_of_another_epoch_is_not_reached(mia: User) -> None:
    told(mia)
    found = opening(mia, since=1)
    assert found.outcome(1, found.epoch, 1000) == "resumed"
    assert found.outcome(1, "another", 1000) == "other_epoch"


def test_too_far_behind_is_not_reached_but_other_topics_do_not_count(mia: User) -> None:
    of_another_topic(mia, 7)
    for _ in range(3):
        told(mia)
    assert opening(mia, since=0, limit=3).outcome(0, None, 3) == "resumed"
    assert opening(mia, since=0, limit=2).behind == 3
    assert opening(mia, since=0, limit=2).outcome(0, None, 2) == "too_far"
    assert opening(mia, since=0, limit=5, topics=["notification", "task"]).behind == 6


def test_many_openings_are_read_in_one_statement_each_with_its_own_cursor_topics_and_limit(mia: User, eve: User) -> None:
    of_another_topic(mia, 3)
    told(mia), told(mia)
    told(eve)
    Revocation.objects.revoke([eve.pk])
    eve.refresh_from_db()
    both = ("notification", "task")
    questions = [
        (mia.pk, ("notification",), 0, 1000, mia.pk),
        (eve.pk, both, None, 1000, eve.pk),
        (mia.pk, both, 1, 1000, mia.pk),
        (2**60, both, 0, 1000, 2**60),
        (mia.pk, both, 0, 2, mia.pk),
        (mia.pk, ("note", "cation"), 0, 1000, mia.pk),
        (eve.pk, ("notification",), 0, 0, eve.pk),
        (eve.pk, both, 1, 1000, mia.pk),
    ]
    with CaptureQueriesContext(connection) as captured:
        found = backlog.openings(questions)
    assert len(captured) == 1
    assert [each and (each.head, each.behind) for each in found] == [(5, 2), (1, 0), (5, 4), None, (5, 3), (5, 0), (1, 1), (5, 4)]
    assert [each and each.standing for each in found] == [user and user.standing for user in (mia, eve, mia, None, mia, mia, eve, eve)]
    assert found == [backlog.opening(user_id, topics, since=since, limit=limit, stream=stream) for user_id, topics, since, limit, stream in questions]
    assert backlog.openings([]) == []


async def test_sockets_that_open_just_now_share_a_statement(mia: User, eve: User) -> None:
    await in_thread(told, mia)
    with counted_queries() as queries:
        found = await asyncio.gather(*(backlog.aopening(user.pk, TOPICS, since=since, limit=1000) for user in (mia, eve) for since in (None, 0)))
    assert [each and each.behind for each in found] == [0, 1, 0, 0]
    assert len([sql for sql in queries if "SELECT" in sql]) == 1


# Pages


def test_a_page_holds_in_order_what_came_after_and_nothing_of_other_topics(mia: User) -> None:
    told(mia)
    of_another_topic(mia, 2)
    told(mia)
    page = backlog.page(mia.pk, TOPICS, after=0)
    assert [seq for seq, _ in page.frames] == [1, 4]
    assert (page.upto, page.head, page.floor) == (4, 4, 0)
    assert [seq for seq, _ in backlog.page(mia.pk, TOPICS, after=1).frames] == [4]


def test_an_empty_page_still_tells_how_far_it_looked(mia: User, eve: User) -> None:
    of_another_topic(mia, 2)
    assert backlog.page(mia.pk, TOPICS, after=0) == backlog.Page([], 2, 2, 0)
    assert backlog.page(eve.pk, TOPICS, after=0) == backlog.Page([], 0, 0, 0)


def test_a_page_ends_after_so_many_numbers_and_the_next_goes_on_there(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PAGE", 2)
    told(mia)
    of_another_topic(mia, 2)
    told(mia), told(mia)
    found = [backlog.page(mia.pk, TOPICS, after=after) for after in (0, 2, 4)]
    assert [([seq for seq, _ in page.frames], page.upto, page.head) for page in found] == [([1], 2, 5), ([4], 4, 5), ([5], 5, 5)]


def test_pages_of_many_streams_are_read_in_one_statement_each_from_its_own_place(mia: User, eve: User) -> None:
    told(mia)
    of_another_topic(mia, 1)
    told(mia)
    told(eve)
    both = ("notification", "task")
    places = [(mia.pk, ("notification",), 0), (eve.pk, both, 0), (mia.pk, both, 1), (2**60, both, 0), (eve.pk, both, 1)]
    with CaptureQueriesContext(connection) as captured:
        found = backlog.pages(places)
    assert len(captured) == 1
    assert [[seq for seq, _ in page.frames] for page in found] == [[1, 3], [1], [2, 3], [], []]
    assert found == [backlog.page(user_id, topics, after=after) for user_id, topics, after in places]
    assert backlog.pages([]) == []


async def test_sockets_that_read_just_now_share_a_statement(mia: User, eve: User) -> None:
    await in_thread(told, mia)
    with counted_queries() as queries:
        found = await asyncio.gather(*(backlog.apage(user.pk, TOPICS, after=after) for user in (mia, eve) for after in (0, 1)))
    assert [len(page.frames) for page in found] == [1, 0, 0, 0]
    assert len([sql for sql in queries if "SELECT" in sql]) == 1


def test_a_page_holds_nobody_elses_frames(mia: User, eve: User) -> None:
    told(mia)
    told(eve), told(eve)
    assert len(backlog.page(mia.pk, TOPICS, after=0).frames) == 1
    assert backlog.heads([mia.pk, eve.pk, 2**60]) == {mia.pk: 1, eve.pk: 2}


# Forgetting


def prune(**old: Any) -> int:
    return retention.prune(before=timezone.now() - timedelta(**old))


def test_what_is_old_goes_and_the_floor_rises_with_it(mia: User) -> None:
    for _ in range(3):
        told(mia)
    age(mia, days=40, up_to=2)
    assert prune(days=30) >= 2
    assert [frame["seq"] for frame in frames(mia)] == [3]
    inbox_row = Inbox.objects.get(user=mia)
    assert (inbox_row.head, inbox_row.floor) == (3, 2)
    assert opening(mia, since=1).outcome(1, None, 1000) == "too_far"
    assert opening(mia, since=2).outcome(2, None, 1000) == "resumed"


def test_when_all_is_old_the_numbers_still_go_on(mia: User) -> None:
    told(mia), told(mia)
    age(mia, days=40, up_to=2)
    prune(days=30)
    assert frames(mia) == []
    told(mia)
    assert [frame["seq"] for frame in frames(mia)] == [3]
    assert opening(mia, since=2).outcome(2, None, 1000) == "resumed"


def test_pruning_goes_through_all_batches_and_leaves_no_body_behind(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    for _ in range(7):
        told(mia)
    bodies = list(Entry.objects.filter(user=mia).values_list("body", flat=True))
    age(mia, days=40, up_to=5)
    assert prune(days=30) >= 5
    assert set(Body.objects.filter(pk__in=bodies).values_list("pk", flat=True)) == set(bodies[5:])
    assert prune(days=30) == 0, "and when nothing is old, nothing goes"


def test_one_body_for_many_goes_in_batches_and_each_floor_rises_with_its_entry(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 5)
    prune(days=30)  # what other tests have left
    people = [cast.member(f"m{number}") for number in range(12)]
    with transaction.atomic():
        inbox.send([Delivery(recipients=[person.pk for person in people], event=hello(timezone.now()), items={person.pk: 1 for person in people})])
    [body] = set(Entry.objects.filter(user__in=people).values_list("body", flat=True))
    age(people[0], days=40, up_to=1)

    entries = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            entries.append(retention._prune_batch(timezone.now() - timedelta(days=30))[1])
        assert len(captured) < 10, "for five entries as for five thousand"
        left = set(Entry.objects.filter(user__in=people).values_list("user", flat=True))
        assert dict(Inbox.objects.filter(user__in=people).values_list("user", "floor")) == {person.pk: int(person.pk not in left) for person in people}
        assert Body.objects.filter(pk=body).exists() == bool(left)
    assert entries == [5, 5, 2]


def test_an_old_body_that_nobody_has_any_more_goes_too(mia: User) -> None:
    told(mia)
    [body] = Entry.objects.filter(user=mia).values_list("body", flat=True)
    age(mia, days=40, up_to=1)
    Entry.objects.filter(user=mia).delete()
    prune(days=30)
    assert not Body.objects.filter(pk=body).exists()


def test_the_command_forgets_what_decides_nothing_any_more_and_says_so(mia: User) -> None:
    eve = cast.member("eve")
    told(mia), told(mia)
    age(mia, days=31, up_to=1)
    long_ago, now = timezone.now() - timedelta(days=60), timezone.now()
    deleted = cast.member("deleted").pk
    Revocation.objects.create(user_id=deleted, version=GONE.version, created_at=long_ago)
    for user, at in ((mia, long_ago), (eve, now)):
        Revocation.objects.create(user_id=user.pk, version=1, created_at=at)
        SpentRefresh.objects.create(jti=f"{user.pk}-spent", expires_at=at + timedelta(hours=1))
        attempt = AccessAttempt.objects.create(username=user.username, ip_address="10.9.9.9", user_agent="test", failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=at)
    output = StringIO()
    call_command("prune", stdout=output)
    assert head(mia) == 2
    assert [frame["seq"] for frame in frames(mia)] == [2]
    names = [mia.username, eve.username]
    kept = Revocation.objects.filter(user_id__in=[mia.pk, eve.pk, deleted]).order_by("user_id").values_list("user_id", flat=True)
    assert list(kept) == [eve.pk, deleted], "a deleted user's number is never given again"
    assert list(SpentRefresh.objects.filter(jti__in=[f"{mia.pk}-spent", f"{eve.pk}-spent"]).values_list("jti", flat=True)) == [f"{eve.pk}-spent"]
    assert list(AccessAttempt.objects.filter(username__in=names).values_list("username", flat=True)) == [eve.username]
    assert re.fullmatch(
        r"Gone: [1-9]\d* stream entries, [1-9]\d* revocations, [1-9]\d* spent refresh tokens, [1-9]\d* failed logins, \d+ sessions of the admin, \d+ tasks\.\n",
        output.getvalue(),
    )
