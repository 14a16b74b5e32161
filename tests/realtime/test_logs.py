"""Log lines say whose they are: of a request or of a socket, wherever in the code they come from."""

import json

import httpx
import pytest

from accounts.services import log_out
from tests.servers.waiting import until
from tests.sockets import connect, ending

BELL = "/api/ws/notifications"


@pytest.fixture(scope="module")
def talkative(servers):
    """A worker that writes JSON, and whose Redis is not there."""
    with servers.serve(env={"LOG_FORMAT": "json", "REDIS_URL": "unix:///nowhere/redis.sock", "REDIS_TIMEOUT": "0.1"}) as site:
        yield site


def lines(site):
    """All that is logged; each line is one object."""
    return [json.loads(line) for line in site.log.splitlines() if not line.startswith("Switchboard answers")]


def line(site, event, **fields):
    """The line that begins so and has these fields."""

    def found():
        return [each for each in lines(site) if each["event"].startswith(event) and fields.items() <= each.items()]

    return until(found, what=f"{event} {fields} is logged", seconds=60)[0]


def test_lines_of_code_that_a_request_calls_have_the_id_that_its_line_has(talkative, mia, service_key):
    answer = httpx.post(
        f"{talkative.url}/api/v1/notifications",
        json={"user_ids": [mia.pk], "type": "mention", "title": "Hello", "message": "…"},
        headers={"Authorization": f"Bearer {service_key('notifications')}"},
        timeout=60,
    )
    finished = line(talkative, "request_finished", request="POST /api/v1/notifications")
    assert finished["code"] == answer.status_code
    told = line(talkative, "Not published", request_id=finished["request_id"])
    assert told["logger"] == "accounts.groups"


def test_lines_about_a_socket_have_its_connection_and_its_user_whoever_has_caused_them(talkative, mia, token):
    with connect(talkative.ws_url + BELL, token=token(mia)) as asked, connect(talkative.ws_url + BELL, token=token(mia)) as revoked:
        one, other = (socket.until("connected")["data"]["connection_id"] for socket in (asked, revoked))
        asked.send("x" * 70_000)
        assert asked.ended() == 4413
        log_out(user_ids=[mia.pk])  # which the keeper finds
        assert revoked.ended() == 4410
    line(talkative, "A socket is ended: MESSAGE_TOO_BIG", connection_id=one, user_id=mia.pk)
    line(talkative, "A socket is ended: SESSION_REVOKED", connection_id=other, user_id=mia.pk)


def test_a_refused_handshake_has_a_connection_and_what_belongs_to_nobody_has_none(talkative):
    assert ending(talkative.ws_url + BELL, token="nonsense").status == 401
    assert "connection_id" in line(talkative, f"A socket is refused at {BELL}")
    away = line(talkative, "Redis is away")
    assert not {"connection_id", "request_id", "user_id"} & away.keys()


def test_a_failure_is_one_line_with_its_traceback_and_no_values_of_variables(talkative, mia, token):
    answer = httpx.get(f"{talkative.url}/api/v1/notifications", headers={"Authorization": f"Bearer {token(mia)}"}, timeout=60)
    assert answer.status_code == 200
    assert all({"event", "level", "timestamp"} <= each.keys() for each in lines(talkative))
    assert not any("locals" in str(each) for each in lines(talkative))
