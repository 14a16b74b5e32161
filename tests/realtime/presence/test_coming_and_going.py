"""Who comes and goes, as others see it: each change once, at once, and nothing that did not happen."""

import pytest

from tests import cast
from tests.realtime.test_credential_life import on_both_workers
from tests.sockets import connect, ending

SITE = "/api/v1/ws"
BELL = "/api/ws/notifications"


def about(user, *kinds):
    """A frame about one user."""
    return lambda frame: frame["type"] in (kinds or ("user_status", "presence")) and frame["data"]["user_id"] == user.pk


def told_of(socket, user):
    """What a socket has been told of one user, in order."""
    return [(each["type"], each["data"]["status"]) for each in socket.frames if about(user)(each)]


@pytest.fixture
def mia(db):
    return cast.member("mia")


@pytest.fixture
def john(db):
    return cast.member("john")


def test_somebody_who_comes_is_told_to_everybody_else_once_and_to_itself_never(server, token, mia, john):
    with connect(server.ws_url + SITE, token=token(mia)) as watching:
        watching.until("connected")
        with connect(server.ws_url + SITE, token=token(john)) as first, connect(server.ws_url + BELL, token=token(john)) as second:
            assert watching.until(about(john))["data"]["status"] == "online"
            for socket in (first, second):
                socket.until("connected")
        assert watching.until(about(john))["data"]["status"] == "offline"
        watching.sync()
        assert told_of(watching, john) == [("user_status", "online"), ("user_status", "offline")]
        assert told_of(watching, mia) == []
        assert told_of(first, john) == []


def test_the_count_of_a_greeting_goes_on_by_one_with_each_change(server, token, mia, john):
    with connect(server.ws_url + SITE, token=token(mia)) as watching:
        greeting = watching.until("connected")
        count = greeting["data"]["online_count"]
        with connect(server.ws_url + SITE, token=token(john)):
            watching.until(about(john))
            beat = watching.until("heartbeat")
            changes = [
                each["data"]["status"]
                for each in watching.frames[watching.frames.index(greeting) : watching.frames.index(beat)]
                if each["type"] == "user_status"
            ]
            assert beat["data"]["online_count"] == count + changes.count("online") - changes.count("offline")


def test_a_page_that_is_loaded_again_is_no_coming_and_going(server, token, mia, john):
    with connect(server.ws_url + SITE, token=token(mia)) as watching:
        watching.until("connected")  # or its count begins with him
        with connect(server.ws_url + SITE, token=token(john)):
            watching.until(about(john))
        with connect(server.ws_url + SITE, token=token(john)) as again:
            again.until("connected")
            watching.until("heartbeat")
        assert watching.until(about(john))["data"]["status"] == "offline"
        assert told_of(watching, john) == [("user_status", "online"), ("user_status", "offline")]


def test_a_chosen_status_is_the_users_and_reaches_everybody(server, token, mia, john):
    with connect(server.ws_url + SITE, token=token(mia)) as watching:
        watching.until("connected")
        sockets = on_both_workers(server, token(john))
        watching.until(about(john))
        with connect(server.ws_url + SITE, token=token(john)) as page:
            page.send({"type": "presence", "status": "away", "data": {"device": "desktop"}})
            assert watching.until(about(john)) == {"type": "presence", "data": {"user_id": john.pk, "status": "away", "data": {"device": "desktop"}}}
            page.send({"type": "presence", "status": "offline"})
            assert watching.until(about(john))["type"] == "user_status"
            page.send({"type": "presence", "status": "busy"})
            assert watching.until(about(john))["data"]["status"] == "online"
            assert watching.until(about(john)) == {"type": "presence", "data": {"user_id": john.pk, "status": "busy", "data": {}}}
        for socket in sockets:
            socket.close()


def test_when_redis_forgets_everything_nobody_is_told_to_have_gone(server, token, mia, john, flush):
    with connect(server.ws_url + SITE, token=token(mia)) as watching:
        watching.until("connected")
        with connect(server.ws_url + SITE, token=token(john)) as page:
            watching.until(about(john))
            page.until("connected")
            flush()
            for _ in range(2):
                watching.until("heartbeat")
            assert told_of(watching, john) == [("user_status", "online")]
        watching.until(about(john))
        assert told_of(watching, john) == [("user_status", "online"), ("user_status", "offline")]


def test_a_fourth_bell_of_an_old_client_is_refused_and_of_a_new_one_takes_the_oldests_place(server, token, mia):
    bells = [connect(server.ws_url + BELL, token=token(mia)) for _ in range(3)]
    for bell in bells:
        bell.until("connected")
    refused = ending(server.ws_url + BELL, token=token(mia))
    assert (refused.status, refused.headers["X-WebSocket-Error-Code"]) == (429, "CONNECTION_LIMIT")
    with connect(server.ws_url + BELL, token=token(mia), new=True) as newest:
        newest.until("connected")
        assert bells[0].until("error")["error_code"] == "REPLACED"
        assert bells[0].ended() == 1000
    for bell in bells[1:]:
        assert bell.sync() == []
        bell.close()
