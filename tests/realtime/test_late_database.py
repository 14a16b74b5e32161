"""A database that is away while Redis still knows the token, and comes back."""

import sqlite3
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from accounts import standing
from tests.servers.waiting import until
from tests.sockets import connect

BELL = "/api/ws/notifications"


@pytest.fixture
def site(servers, mia, tmp_path):
    """A server whose database is not there until it is put at `site.database`."""
    missing = tmp_path / "later" / "database.sqlite3"
    standing.put({mia.pk: mia.standing})
    # One thread, so that none still holds the file that is thrown away when another has found the new one.
    env = {"DATABASE_URL": f"sqlite:///{missing}", "VAR_DIR": settings.SWITCHBOARD.var_dir, "EXECUTOR_THREADS": "1"}
    with servers.serve(env=env) as running:
        missing.parent.rename(tmp_path / "gone")  # made at the start; at once, because to empty it the server would have to leave it alone
        running.database = missing
        yield running


def test_an_old_bell_waits_on_its_open_socket_because_a_close_would_bring_it_back_every_second(site, mia, token):
    with connect(site.ws_url + BELL, token=token(mia)) as socket:
        assert socket.sync() == []
        come_back(site.database)
        assert socket.until("connected")["data"]["user_id"] == mia.pk
        assert [frame["type"] for frame in socket.frames] == ["pong", "connected"]


@pytest.mark.parametrize(("path", "new"), [(BELL, True), ("/ws/chat", False)])
def test_everybody_else_is_told_to_come_back_later(site, mia, token, path, new):
    with connect(site.ws_url + path, token=token(mia), new=new) as socket:
        assert socket.until("error")["error_code"] == "DEPENDENCY_DOWN"
        assert socket.ended() == 4103


def test_a_message_that_cannot_be_stored_is_refused_by_its_name_and_may_be_sent_again(site, mia, bob, token):
    come_back(site.database)
    until(lambda: opens(site, token(mia)), what="the server has found its database")
    message = {"type": "message", "to_user_id": bob.pk, "message": "Hello!", "client_message_id": "m-1"}
    with connect(site.ws_url + "/api/v1/ws", token=token(mia), new=True) as socket, sqlite3.connect(site.database) as database:
        socket.until("connected")
        database.execute("ALTER TABLE chat_directmessage RENAME TO gone")
        socket.send(message)
        refused = socket.until("error")
        assert (refused["error_code"], refused["data"]) == ("DEPENDENCY_DOWN", {"client_message_id": "m-1"})
        database.execute("ALTER TABLE gone RENAME TO chat_directmessage")
        socket.send(message)
        assert socket.until("chat")["data"]["client_message_id"] == "m-1"


def opens(site, bearer):
    """Whether a socket can be opened."""
    with connect(site.ws_url + "/api/v1/ws", token=bearer, new=True) as socket:
        return socket.until(lambda frame: frame["type"] in ("connected", "error"))["type"] == "connected"


def come_back(database: Path):
    database.parent.mkdir()
    # Never by copying the file: to close it in this process would drop the locks of our connection on it.
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(database)])
