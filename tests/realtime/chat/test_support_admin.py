"""What staff sees of support sessions in the admin, and what it may do with them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.models import User
from realtime.chat import admin as chat_admin
from realtime.chat import services, words
from realtime.chat.models import Message, Session, Transfer
from tests import cast
from tests.notifications.desk import act, page, signed_in
from tests.realtime.chat.office import SESSIONS, answered, asked, kept, page_of, token, told, wrote


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def listed(desk: Client, **query: Any) -> set[int]:
    """The numbers of the sessions that the list shows."""
    return {int(pk) for pk in re.findall(r'name="_selected_action" value="(\d+)"', page(desk.get(SESSIONS, query)))}


def queries(desk: Client, address: str, data: dict[str, Any] | None = None) -> int:
    assert desk.get(address, data).status_code == 200  # what a process asks once, it has asked now
    with CaptureQueriesContext(connection) as captured:
        assert desk.get(address, data).status_code == 200
    return len(captured)


# The list


def test_sessions_are_searched_by_name_subject_and_what_was_said(desk: Client, ann: User, bob: User) -> None:
    name, subject, question, note = token(), token(), token(), token()
    User.objects.filter(pk=ann.pk).update(display_name=name)
    session = asked(ann, question, subject=subject)
    services.claim(agent=bob, session_id=session.public_id)
    wrote(bob, session, note, note=True)
    other = asked(cast.customer("carl"))
    for word in (name, subject, question, note, question[2:9].upper() + question[9:]):
        assert listed(desk, q=word) == {session.pk}
    assert listed(desk, q=f"{name} {question}") == {session.pk}
    assert listed(desk, q=f"{name} {token()}") == set()
    assert other.pk in listed(desk)


def test_sessions_are_narrowed_by_status_agent_channel_and_date(desk: Client, ann: User, bob: User, alice: User) -> None:
    word = token()
    old = kept(ann, subject=word, channel="APP", agent=alice)
    waiting = asked(cast.customer("carl"), subject=word)
    mine = answered(bob, cast.customer("dora"), subject=word)
    assert listed(desk, q=word) == {old.pk, waiting.pk, mine.pk}
    assert listed(desk, q=word, status__exact="waiting") == {waiting.pk}
    assert listed(desk, q=word, status__exact="open") == {mine.pk}
    assert listed(desk, q=word, agent=bob.pk) == {mine.pk}
    assert listed(desk, q=word, agent="none") == {waiting.pk}
    assert listed(desk, q=word, channel="APP") == {old.pk}
    day = old.opened_at
    assert listed(desk, q=word, opened_at__year=day.year, opened_at__month=day.month, opened_at__day=day.day) == {old.pk}
    assert listed(desk, q=word, agent="'; --", status__exact="closed") == {old.pk}


def test_the_list_tells_how_long_people_waited_and_how_they_liked_it(desk: Client, ann: User, bob: User) -> None:
    begun = timezone.now() - timedelta(days=1)
    word = token()
    fields = {"opened_at": begun, "answered_at": begun + timedelta(minutes=2, seconds=5), "agent": bob, "rating": 4}
    session = kept(ann, subject=word, **fields)
    Transfer.objects.create(session=session, reason="claimed", to_agent=bob, created_at=begun + timedelta(seconds=75))
    Transfer.objects.create(session=session, reason="gone", to_agent=bob, created_at=begun + timedelta(hours=9))
    text = page(desk.get(SESSIONS, {"q": word}))
    assert [f">{said}<" in text for said in ("0:01:15", "0:02:05", "Bob", "Ann", "4")] == [True] * 5
    Session.objects.filter(pk=session.pk).update(status="waiting", waiting_since=timezone.now() - timedelta(hours=30, minutes=1))
    assert ">30:01:0" in page(desk.get(SESSIONS, {"q": word}))


def test_the_list_takes_as_many_queries_for_many_sessions_as_for_few(desk: Client, bob: User) -> None:
    few, many = token(), token()
    for word, count in ((few, 2), (many, 12)):
        for _ in range(count):
            session = kept(cast.customer("carl"), subject=word, agent=cast.agent("fay"))
            Transfer.objects.create(session=session, reason="claimed", to_agent=bob)
    assert queries(desk, SESSIONS, {"q": few}) == queries(desk, SESSIONS, {"q": many}) <= 12


# A session's page


def test_the_page_of_a_session_shows_the_whole_story(desk: Client, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, "Is <script>alert(1)</script> & co. here?", subject="<i>Parcel</i>")
    services.claim(agent=bob, session_id=session.public_id)
    wrote(bob, session, "A moment, please.")
    wrote(bob, session, "She is <b>angry</b>.", note=True)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="Knows parcels.")
    wrote(alice, session, "It is on its way.")
    text = page(desk.get(page_of(session)))
    said = re.findall(r'class="said said-(\w+)"><strong><bdi>(.*?)</bdi></strong>.*?<p dir="auto">(.*?)</p>', text, re.DOTALL)
    assert said == [
        ("customer", "Ann", "Is &lt;script&gt;alert(1)&lt;/script&gt; &amp; co. here?"),
        ("transfer", "System", "from nobody to Bob: claimed"),
        ("agent", "Bob", "A moment, please."),
        ("note", "Bob", "She is &lt;b&gt;angry&lt;/b&gt;."),
        ("transfer", "Bob", "from Bob to Alice: transferred\nKnows parcels."),
        ("system", "System", "Bob has asked Alice to help you."),
        ("agent", "Alice", "It is on its way."),
    ]
    assert "<i>Parcel" not in text
    assert "(note)" in text


def test_what_the_system_said_is_read_in_ones_own_language(desk: Client, ann: User, bob: User, alice: User) -> None:
    session = asked(ann)
    services.claim(agent=bob, session_id=session.public_id)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    text = page(desk.get(page_of(session), headers={"accept-language": "zh-hans"}))
    said = Message.objects.get(session=session, sender_type="SYSTEM")
    with translation.override("zh-hans"):
        assert f">{words.text_of(said)}<" in text
    assert [each in text for each in ("对话记录", "由 无人 转给 Bob")] == [True, True]


def test_the_page_has_the_newest_thousand_and_says_so(desk: Client, ann: User) -> None:
    session = kept(ann, messages=1003)
    text = page(desk.get(page_of(session)))
    assert text.count('class="said ') == 1000
    assert ">line 4.<" in text
    assert ">line 3.<" not in text
    assert "Only the newest 1000 messages are here." in text
    assert "Only the newest" not in page(desk.get(page_of(kept(cast.customer("carl"), messages=3))))


def test_the_page_takes_as_many_queries_for_a_long_story_as_for_a_short_one(desk: Client, ann: User, bob: User) -> None:
    short, long = kept(ann, messages=2), kept(ann, messages=60)
    for session, count in ((short, 1), (long, 30)):
        Transfer.objects.bulk_create(Transfer(session=session, reason="claimed", to_agent=bob, by=bob) for _ in range(count))
    assert queries(desk, page_of(short)) == queries(desk, page_of(long)) <= 10


def test_a_session_can_be_read_and_not_changed(desk: Client, ann: User) -> None:
    session = asked(ann, subject="Parcel")
    text = page(desk.get(page_of(session)))
    assert 'name="subject"' not in text
    assert 'name="_save"' not in text
    assert desk.post(page_of(session), {"subject": "Changed"}).status_code == 403
    assert desk.get(f"{SESSIONS}add/").status_code == 403
    assert desk.post(f"{SESSIONS}{session.pk}/delete/", {"post": "yes"}).status_code == 403
    assert 'value="delete_selected"' not in page(desk.get(SESSIONS))
    session.refresh_from_db()
    assert session.subject == "Parcel"


def test_a_session_that_is_not_there_is_not_shown(desk: Client) -> None:
    assert desk.get(f"{SESSIONS}999999999/change/").status_code == 302
    assert desk.get(f"{SESSIONS}nothing/change/").status_code == 302


# Assigning and closing


def test_staff_gives_sessions_to_an_agent(desk: Client, ann: User, bob: User, alice: User) -> None:
    waiting, served = asked(ann), answered(bob, cast.customer("carl"))
    chosen = page(act(desk, "assign", waiting, served, path=SESSIONS))
    assert f"Bob ({bob.username}): 1 of 5, " in chosen
    assert f"Alice ({alice.username}): 0 of 5, " in chosen
    form = {"action": "assign", "_selected_action": [waiting.pk, served.pk], "_assign": "Assign", "to": alice.pk}
    assert "2 sessions were given to Alice." in page(desk.post(SESSIONS, form, follow=True))
    for session in (waiting, served):
        session.refresh_from_db()
        assert (session.status, session.agent) == ("open", alice)
        assert LogEntry.objects.filter(object_id=str(session.pk), change_message=f"Assigned to {alice.username}.").count() == 1
    assert told(ann, "session")[-1]["agent"]["name"] == "Alice"
    assert [each["status"] for each in told(alice, "session")] == ["open", "open"]
    assert "Where is my parcel?" in [each["text"] for each in told(alice, "message")]
    assert told(bob, "session")[-1]["agent"]["name"] == "Alice"


def test_a_session_is_given_away_on_its_own_page(desk: Client, ann: User, bob: User) -> None:
    session = asked(ann)
    shown = page(desk.get(page_of(session)))
    assert [f'value="{each}"' in shown for each in ("assign", "close", "export", "export_for_customer")] == [True] * 4
    chosen = page(desk.post(SESSIONS, {"action": "assign", "_selected_action": session.pk, "_from_page": "1"}))
    assert 'name="_from_page"' in chosen
    form = {"action": "assign", "_selected_action": session.pk, "_from_page": "1", "_assign": "Assign", "to": bob.pk}
    answer = desk.post(SESSIONS, form, follow=True)
    assert answer.redirect_chain == [(page_of(session), 302)]
    assert "1 session was given to Bob." in page(answer)


def test_a_session_is_given_to_agents_only(desk: Client, ann: User, mia: User) -> None:
    session, gone = asked(ann), cast.agent("gus", is_active=False)
    for to in (mia.pk, ann.pk, gone.pk, 0, "x", ""):
        form = {"action": "assign", "_selected_action": session.pk, "_assign": "Assign", "to": to}
        assert "errorlist" in page(desk.post(SESSIONS, form, follow=True))
    session.refresh_from_db()
    assert session.agent is None


def test_what_cannot_be_done_is_said_and_the_rest_is_done(desk: Client, ann: User, bob: User) -> None:
    waiting, closed, closed_too = asked(ann), kept(cast.customer("carl")), kept(cast.customer("dora"))
    form = {"action": "assign", "_selected_action": [waiting.pk, closed.pk, closed_too.pk], "_assign": "Assign", "to": bob.pk}
    text = page(desk.post(SESSIONS, form, follow=True))
    assert "1 session was given to Bob." in text
    assert "Not done for 2 sessions: This session is closed." in text
    waiting.refresh_from_db()
    assert waiting.agent == bob
    again = page(desk.post(SESSIONS, {**form, "_selected_action": [waiting.pk]}, follow=True))
    assert "Not done for 1 session: " in again
    assert "given to Bob" not in again


def test_staff_closes_sessions_and_the_customers_are_told(desk: Client, ann: User) -> None:
    sessions = [asked(ann), asked(cast.customer("carl"))]
    assert "2 sessions are closed." in page(act(desk, "close", *sessions, path=SESSIONS))
    for session in sessions:
        session.refresh_from_db()
        assert session.status == "closed"
        assert told(session.customer, "session")[-1]["status"] == "closed"
        assert LogEntry.objects.filter(object_id=str(session.pk), change_message="Closed.").count() == 1


def test_too_many_at_once_are_refused(desk: Client, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_admin, "MOST", 1)
    sessions = [kept(ann), asked(ann)]
    for action in ("assign", "close", "export", "export_for_customer"):
        assert "Choose at most 1." in page(act(desk, action, *sessions, path=SESSIONS))
    sessions[1].refresh_from_db()
    assert sessions[1].status == "waiting"


# What goes with whom


def test_a_deleted_customer_takes_its_sessions_along_and_a_deleted_agent_none(desk: Client, ann: User, bob: User) -> None:
    session = answered(bob, ann)
    assert desk.post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 302
    session.refresh_from_db()
    assert session.agent is None
    assert desk.post(f"/admin/accounts/user/{ann.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Session.objects.filter(pk=session.pk).exists()
