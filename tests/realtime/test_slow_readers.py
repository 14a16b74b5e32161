"""A peer that reads slowly gets all it can take; one that does not read is ended, and nobody else notices."""

import json
import socket

import pytest

from accounts.groups import publish, user_group
from notifications.events import NotificationSent
from notifications.services import notify
from realtime.examples import EXAMPLES
from tests.servers.raw import RawSocket
from tests.servers.waiting import until
from tests.sockets import connect

BELL = "/api/ws/notifications"
TEXT, CLOSE = 1, 8
NEW = "Sec-WebSocket-Protocol: switchboard.v1\r\n"
BIG = "x" * 60_000
ONE = EXAMPLES[NotificationSent]


def pushes(user, seqs, text=BIG):
    frames = [{**ONE, "seq": seq, "data": {**ONE["data"], "id": seq, "title": text}} for seq in seqs]
    return [(user_group(user.pk), {"type": "push", "seq": frame["seq"], "topic": "notification", "frame": json.dumps(frame)}) for frame in frames]


def until_closed(peer):
    """Read on, fast, for the last frame waits two seconds only; the frames, and the close code."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    frames = []
    while (frame := peer.receive())[0] != CLOSE:
        if frame[0] == TEXT:
            frames.append(json.loads(frame[1]))
    frames = [frame for frame in frames if frame["type"] != "heartbeat"]  # which may be due meanwhile
    return frames, int.from_bytes(frame[1][:2])


@pytest.fixture(params=["server", "daphne"])
def site(request):
    """Each of the two servers: Uvicorn's and Daphne."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def stalled(site, eve, token):
    """A socket of eve's whose peer does not read after its greeting."""
    with RawSocket(site.port, f"{BELL}?token={token(eve)}", headers=NEW, receive_buffer=4096) as peer:
        peer.shake_hands()
        assert json.loads(peer.receive()[1])["type"] == "connected"
        yield peer


def test_a_peer_that_does_not_read_is_told_so_and_ended_with_4203(site, stalled, eve):
    said_before = site.log.count("SLOW_CONSUMER")
    publish(pushes(eve, range(1, 151)))
    until(lambda: site.log.count("SLOW_CONSUMER") > said_before, what="the server gives it up")
    frames, code = until_closed(stalled)
    *told, error = frames
    assert [frame["seq"] for frame in told] == list(range(1, len(told) + 1))
    assert len(told) < 150
    assert (error["error_code"], error["close_code"], error["reconnect"], code) == ("SLOW_CONSUMER", 4203, True, 4203)


def test_its_neighbours_hear_everything_meanwhile(site, stalled, eve, mia, token):
    with connect(site.ws_url + BELL, token=token(eve), new=True) as other_tab, connect(site.ws_url + BELL, token=token(mia), new=True) as neighbour:
        for socket in (other_tab, neighbour):
            socket.until("connected")
        for begin in range(1, 151, 10):  # at once it would be more than a healthy peer takes at once
            ten = range(begin, begin + 10)
            publish([push for pair in zip(pushes(eve, ten), pushes(mia, ten, "for mia"), strict=True) for push in pair])
            assert [frame["seq"] for frame in neighbour.take(10, "notification")] == list(ten)
            assert [frame["seq"] for frame in other_tab.take(10, "notification")] == list(ten)
        assert until_closed(stalled)[1] == 4203


def test_who_reads_slowly_gets_a_long_repair_whole_and_is_not_ended(site, eve, token):
    for _ in range(150):
        notify(users=eve, type="system", title="…", message="y" * 4000)
    with RawSocket(site.port, f"{BELL}?since=0&token={token(eve)}", headers=NEW, receive_buffer=4096) as peer:
        peer.shake_hands()
        seqs = []
        while len(seqs) < 150:
            opcode, payload = peer.receive()
            assert opcode != CLOSE
            frame = json.loads(payload) if opcode == TEXT else {}
            if frame.get("type") == "notification":
                seqs.append(frame["seq"])
        assert seqs == list(range(1, 151))


def test_steps_of_many_tasks_at_once_do_not_end_who_reads_slowly(server, eve, token):
    def say(versions, tasks=range(150)):
        for version in versions:
            data = [{"task_id": str(task), "version": version, "message": BIG} for task in tasks]
            steps = [{"type": "step", "task": each["task_id"], "version": version, "again": False, "frame": step(each)} for each in data]
            publish([(user_group(eve.pk), each) for each in steps])

    def step(data):
        return json.dumps({"type": "progress", "data": data})

    with RawSocket(server.port, f"/api/v1/ws/tasks/{eve.pk}?token={token(eve)}", headers=NEW, receive_buffer=4096) as peer:
        peer.shake_hands()
        assert json.loads(peer.receive()[1])["type"] == "connected"
        say(range(1, 3))
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        known = {}
        while list(known.values()).count(2) < 150:
            opcode, payload = peer.receive()
            assert opcode != CLOSE
            frame = json.loads(payload) if opcode == TEXT else {}
            if frame.get("type") == "progress":
                known[frame["data"]["task_id"]] = frame["data"]["version"]
