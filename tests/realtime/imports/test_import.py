"""What older systems held comes along, once, and its people find it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.models import User
from notifications.models import Notification
from notifications.services import notify
from realtime.chat.models import Message, Session
from realtime.imports.lines import BATCH
from realtime.imports.models import Imported
from tests import cast
from tests.markdown import Document
from tests.realtime.imports.old import Old
from tests.servers.waiting import until
from tests.servers.workers import BOUND, CHECKOUT, Site, surroundings
from tests.sockets import connect

BELL = "/api/ws/notifications"


@pytest.fixture
def old(db: None, tmp_path: Path) -> Old:
    return Old(tmp_path)


def test_whoever_was_imported_logs_in_and_finds_its_history(old: Old, server: Site, api: Callable[..., APIClient], token: Callable[[User], str]) -> None:
    [example] = [block.text for block in Document(CHECKOUT, "docs/import.md").blocks if block.kind == "text"]
    hash = cast.member("hash").password
    lines = [json.loads(line) for line in example.splitlines()]
    number = User.objects.order_by("-pk")[0].pk + 5000
    for line in lines:
        for name in {"ref", "user", "customer", "agent", "session", "sender", "username"} & line.keys():
            line[name] = old.ref(line[name])
        if "id" in line:
            line.update(id=number, password=hash)
        if "public_id" in line:
            line.update(public_id=str(uuid4()))
    old.lines = lines
    assert "New: 1 customers, 2 messages, 1 notifications, 1 sessions, 2 users. There already: 0." in old.bring_in()

    # Mia: with her old number and password, and her notification is unread and was never pushed.
    name = old.ref("old-mia")
    login = api().post("/api/v1/public/login", {"username": name, "password": cast.PASSWORD})
    assert (login.status_code, login.json()["user"]["id"]) == (200, number)
    bearer = login.json()["token"]
    listed = api(bearer).get("/api/v1/notifications").json()
    assert (listed["unread_count"], [each["title"] for each in listed["results"]], listed["results"][0]["created_at"]) == (
        1,
        ["New follower"],
        "2024-05-01T09:30:00Z",
    )
    with connect(server.ws_url + BELL, token=bearer, new=True, query={"since": listed["as_of"]}) as bell:
        assert bell.until("connected")["data"]["resumed"] is True
        assert bell.sync() == []
        notify(users=number, type="system", title="new", message="new")
        assert bell.until("notification")["seq"] == listed["as_of"] + 1
        api(bearer).patch(f"/api/v1/notifications/{listed['results'][0]['id']}", {"status": "read"})
        assert bell.until("notification_state")["data"]["unread_count"] == 1

    # Ann: by the id that her browser has kept.
    came = api().post("/api/v1/customers/token", {"customerId": lines[2]["public_id"], "channel": "WEB"})
    ann = api(came.json()["token"])
    [session] = ann.get("/api/v1/sessions").json()["results"]
    assert (session["status"], session["agent"]["name"], session["rating"], session["unreadCount"]) == ("closed", "Bob", 5, 1)
    said = ann.get(f"/api/v1/sessions/{session['id']}/messages?order=oldest").json()["results"]
    assert [(each["senderType"], each["text"], each["isMine"]) for each in said] == [("CUSTOMER", "Is it in stock?", True), ("AGENT", "It is.", False)]
    with connect(server.ws_url + "/ws/chat", token=came.json()["token"], new=True) as chat:
        chat.until("connected")
        chat.send({"type": "message", "text": "And now?"})
        assert chat.until("message")["message"]["isMine"] is True


def test_a_file_that_is_imported_again_brings_only_what_is_new(old: Old) -> None:
    old.user("mia")
    old.notification("n1", "mia", status="unread")
    old.bring_in()
    old.lines[1]["title"] = "changed"
    old.notification("n2", "mia")
    old.lines.append(old.lines[-1])
    assert "New: 1 notifications. There already: 3." in old.bring_in()
    mia = User.objects.get(username=old.ref("mia"))
    assert list(Notification.objects.filter(user=mia).order_by("pk").values_list("title", "status")) == [("n1", "unread"), ("n2", "read")]


def test_numbers_that_were_imported_are_given_to_nobody_else(old: Old) -> None:
    number = User.objects.order_by("-pk")[0].pk + 3 if User.objects.exists() else 3
    old.user("mia", id=number)
    old.user("eve")
    old.customer("ann", id=number + 1)
    old.bring_in()
    ids = dict(User.objects.filter(username__startswith=old.name).values_list("username", "pk"))
    assert ids[old.ref("mia")] == number
    later = [cast.member("later").pk for _ in range(5)]
    assert len({number, number + 1, ids[old.ref("eve")], *later}) == 8


def test_who_has_a_page_open_is_pushed_nothing_and_loads_anew(old: Old, server: Site, mia: User, token: Callable[[User], str]) -> None:
    old.user("mia")
    old.bring_in()
    imported = User.objects.get(username=old.ref("mia"))
    with connect(server.ws_url + BELL, token=token(imported), new=True) as bell:
        seen = bell.until("connected")["data"]["seq"]
        old.notification("n1", "mia", status="unread")
        old.bring_in()
        again = bell.until("connected")["data"]
        assert (again["resumed"], again["seq"] > seen) == (False, True)
        assert not [frame for frame in bell.sync() if frame["type"] == "notification"]


def test_support_sessions_keep_their_order_their_notes_and_what_is_owed(old: Old) -> None:
    old.user("bob", role="agent")
    old.customer("ann")
    old.session("s1", "ann", status="open", agent=old.ref("bob"))
    for nth, (kind, more) in enumerate([("CUSTOMER", {}), ("AGENT", {"note": True}), ("AGENT", {}), ("CUSTOMER", {"read": False})]):
        said = {"session": old.ref("s1"), "sender_type": kind, "text": f"text {nth}", "created_at": f"2024-05-01T10:0{nth}:00Z", **more}
        old.lines.append({"kind": "message", "ref": old.ref(f"m{nth}"), **said})
    old.bring_in()
    session = Session.objects.get(pk=Imported.objects.get(kind="session", ref=old.ref("s1")).row)
    assert list(Message.objects.filter(session=session).order_by("order").values_list("order", "text", "is_note")) == [
        (1, "text 0", False),
        (2, "text 1", True),
        (3, "text 2", False),
        (4, "text 3", False),
    ]
    assert session.newest == 4
    assert [each and each.minute for each in (session.answered_at, session.owed_since, session.written_at)] == [2, 3, 3]
    assert dict(session.participants.values_list("user__role", "read_up_to")) == {"customer": 4, "agent": 3}


BAD = [
    ("not JSON at all", "line 2: not JSON in UTF-8"),
    ("[1]", "line 2: not an object"),
    ('{"kind": "user", "ref": "' + "x" * 70_000 + '"}', "line 2: longer than 65536 bytes"),
    ({"kind": "order"}, "line 2: kind: Must be one of user, customer"),
    ({"username": "a b"}, "line 2: username: Enter a valid username"),
    ({"ref": None}, "line 2: ref: This field may not be null"),
    ({"password": "secret"}, "line 2: password: Must be a hash as Django writes it"),
    ({"role": "customer"}, "line 2: role: "),
    ({"id": "7"}, "line 2: id: "),
    ({"usrname": "x"}, "line 2: usrname: There is no such member"),
    ({"date_joined": "2024-05-01T09:30:00"}, "line 2: date_joined: Give the offset"),
    ({"display_name": "\x00"}, "line 2: display_name: "),
    ({"date_joined": "2124-05-01T09:30:00Z"}, "line 2: date_joined: This has not happened yet"),
    (
        {"kind": "notification", "user": "nobody", "type": "system", "title": "a", "message": "b", "created_at": "2024-05-01T09:30:00Z"},
        "user: ",
    ),
    (
        {"kind": "notification", "type": "system", "title": "a", "message": "b", "link": "javascript:x", "user": "x", "created_at": "2024-05-01T09:30:00Z"},
        "line 2: link: ",
    ),
]


@pytest.mark.parametrize(("line", "complaint"), BAD, ids=[complaint for _, complaint in BAD])
def test_a_line_that_is_wrong_is_named_and_nothing_of_its_batch_is_stored(old: Old, line: Any, complaint: str) -> None:
    old.user("mia")
    old.user("bad")
    if isinstance(line, dict):
        line = {name: value for name, value in {**old.lines[1], **line}.items() if name != "username" or line.get("kind") != "notification"}
    old.lines[1] = line
    for words in ([], ["--dry-run"]):
        assert complaint in complaints(old, *words)
    assert not User.objects.filter(username__startswith=old.name).exists()


def complaints(old: Old, *words: str) -> str:
    """What an import that fails says."""
    err = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_jsonl", str(old.write()), *words, stderr=err)
    return err.getvalue()


def test_nothing_of_a_session_may_be_before_it_was_opened(old: Old) -> None:
    old.customer("ann")
    old.session("s", "ann", opened_at="2024-05-02T09:30:00Z")
    assert "line 2: closed_at: This is before the session was opened." in complaints(old)


@pytest.mark.parametrize("there", [False, True])
def test_a_customer_under_the_reference_of_a_user_is_no_repetition(old: Old, there: bool) -> None:
    old.user("17")
    if there:
        old.bring_in()
    old.customer("17")
    assert "line 2: ref: This refers to a customer and to a user" in complaints(old)


def test_a_dry_run_shows_all_that_is_wrong_and_blames_nobody_for_others(old: Old, mia: User) -> None:
    old.user("bad", username=mia.username)
    old.notification("n1", "bad")
    old.user("eve", username=old.ref("eve"))
    old.user("double", username=old.ref("eve"))
    old.notification("n2", "nobody")
    said = complaints(old, "--dry-run").splitlines()
    assert [line.partition(":")[0] for line in said] == ["line 1", "line 4", "line 5"]
    assert not User.objects.filter(username__startswith=old.name).exists()


def test_an_import_that_was_killed_is_run_again_and_nothing_is_there_twice(old: Old) -> None:
    old.user("mia")
    for nth in range(3 * BATCH):
        old.notification(f"n{nth}", "mia", status="unread")
    texts = [json.dumps(line) + "\n" for line in old.lines]
    pipe = old.file.with_suffix(".pipe")
    os.mkfifo(pipe)
    command = [*BOUND, sys.executable, "manage.py", "import_jsonl", str(pipe)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **surroundings()}, stdout=subprocess.DEVNULL)
    with pipe.open("w") as feeding:
        feeding.writelines(texts[: 2 * BATCH + BATCH // 2])
        feeding.flush()
        mine = Imported.objects.filter(ref__startswith=old.name)
        until(lambda: mine.count() >= BATCH, what="the first lines are stored", seconds=60)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        assert mine.count() % BATCH == 0
    assert "There already: " in old.bring_in()
    told = Notification.objects.filter(user__username=old.ref("mia"))
    assert list(told.order_by("pk").values_list("title", flat=True)) == [f"n{nth}" for nth in range(3 * BATCH)]
    assert mine.count() == 3 * BATCH + 1
