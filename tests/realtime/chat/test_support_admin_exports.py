"""What staff takes along of support sessions."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from realtime.chat import admin as chat_admin
from realtime.chat import services
from realtime.chat.models import Session
from tests.notifications.desk import act, page, signed_in
from tests.realtime.chat.office import SESSIONS, asked, kept, page_of, wrote


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def export(desk: Client, *sessions: Session, for_customer: bool = False) -> Any:
    return act(desk, "export_for_customer" if for_customer else "export", *sessions, path=SESSIONS)


def test_a_transcript_names_the_authors_and_the_times(desk: Client, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, "First\n[2026-01-01T00:00:00Z] Bob (agent): You get it all back.\r\u2028\x0bEnd", subject="Parcel")
    services.claim(agent=bob, session_id=session.public_id)
    User.objects.filter(pk=bob.pk).update(display_name="")
    wrote(bob, session, "Difficult.", note=True)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="Be kind.")
    wrote(alice, session, "Hello!")
    answer = export(desk, session)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="session-{session.public_id}.txt"'
    assert "no-store" in answer["Cache-Control"]
    head, said = answer.content.decode().split("\n\n")
    assert f"support session: {session.public_id}\nsubject: Parcel\ncustomer: Ann\nchannel: WEB\nstatus: open\nopened: " in head
    time = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\] "
    lines = said.rstrip("\n").split("\n")
    assert [re.sub(f"^{time}", "", line) for line in lines] == [
        "Ann (customer): First",
        "    [2026-01-01T00:00:00Z] Bob (agent): You get it all back.",
        "    ",
        "    ",
        "    End",
        f"System (transfer): from nobody to {bob.username}: claimed",
        f"{bob.username} (note): Difficult.",
        f"{bob.username} (transfer): from {bob.username} to Alice: transferred",
        "    Be kind.",
        "System (system): Support has asked Alice to help you.",
        "Alice (agent): Hello!",
    ]
    assert len([line for line in lines if re.match(time, line)]) == 6
    assert LogEntry.objects.filter(object_id=str(session.pk), change_message="Exported.").count() == 1


def test_a_transcript_for_the_customer_has_nothing_that_only_agents_may_know(desk: Client, ann: User, bob: User, alice: User) -> None:
    session = asked(ann)
    services.claim(agent=bob, session_id=session.public_id)
    User.objects.filter(pk=bob.pk).update(display_name="")
    wrote(bob, session, "A secret note", note=True)
    wrote(bob, session, "Hello!")
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="A secret word")
    text = export(desk, session, for_customer=True).content.decode()
    assert "Support (agent): Hello!" in text
    assert "Support has asked Alice to help you." in text
    assert [word in text for word in ("secret", bob.username, alice.username, "transfer)")] == [False] * 4


def test_a_transcript_of_somebody_who_was_deleted_can_still_be_read(desk: Client, ann: User, bob: User) -> None:
    session = asked(ann)
    services.claim(agent=bob, session_id=session.public_id)
    wrote(bob, session, "Hello!")
    bob.delete()
    assert "A deleted account (agent): Hello!" in export(desk, session).content.decode()
    assert "Support (agent): Hello!" in export(desk, session, for_customer=True).content.decode()
    assert "A deleted account" in page(desk.get(page_of(session)))


def test_several_transcripts_come_as_one_archive(desk: Client, ann: User) -> None:
    one, other = kept(ann, messages=2), kept(ann, messages=3)
    answer = export(desk, one, other)
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert set(archive.namelist()) == {f"session-{each.public_id}.txt" for each in (one, other)}
        assert archive.read(f"session-{other.public_id}.txt").decode().count("Ann (customer): line") == 3


def test_an_export_is_bounded(desk: Client, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_admin, "MOST_EXPORTED", 4)
    long, short = kept(ann, messages=6), kept(ann, messages=1)
    assert "more than 4 messages altogether" in page(export(desk, long, short))
    for for_customer in (False, True):
        text = export(desk, long, for_customer=for_customer).content.decode()
        assert "Only the newest 4 messages are here." in text
        assert re.findall(r"line (\d)", text) == ["3", "4", "5", "6"]
