"""A support session from the first question to the rating, over two workers, with lines that drop and a worker that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat.models import Message, Session, Transfer
from realtime.chat.words import TAKEN_OVER
from tests.realtime.chat.conftest import CHAT, texts
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import Socket, connect

Token = Callable[[User], str]


SAID = ["Is anybody there?", "I am Bob.", "One", "Two", "Three", "Bob?", TAKEN_OVER, "I have read it all."]


def worker_of(socket: Socket) -> int:
    return int(socket.frames[0]["data"]["connection_id"].split("-")[0])


def on_another_worker(site: Site, token: str, pid: int) -> Socket:
    """A new client's socket on any worker but this one."""
    while True:
        socket = connect(site.ws_url + CHAT, token=token, new=True)
        socket.until("connected")
        if worker_of(socket) != pid:
            return socket
        socket.close()


def test_from_the_first_question_to_the_rating(servers: Servers, token: Token, api: Callable[..., APIClient], ann: User, bob: User, alice: User) -> None:
    with servers.serve(workers=2) as site:
        line = connect(site.ws_url + CHAT, token=token(ann), new=True)
        line.until("connected")
        line.send({"type": "message", "sessionId": "", "text": "Is anybody there?", "clientMessageId": "a1"})
        mine = line.until("message")
        assert mine["message"]["isMine"] is True
        session_id = mine["message"]["sessionId"]
        assert line.until("session")["session"]["status"] == "waiting"
        queue = line.until("queue")["data"]
        assert queue == {"sessionId": session_id, "position": 1, "waiting": 1, "estimate_s": None}

        desk = connect(site.ws_url + CHAT, token=token(bob))  # the old console
        offline = desk.until("offline_message")
        assert (offline["message"]["text"], offline["message"]["isMine"], offline["message"]["senderType"]) == ("Is anybody there?", False, "CUSTOMER")
        assert desk.until("offline_messages_complete")["count"] == 1
        assert line.until("session")["session"]["agent"] == {"userId": bob.pk, "name": "Bob"}
        assert line.until("presence")["data"] == {"user_id": bob.pk, "status": "online", "data": {}}

        desk.send({"type": "message", "sessionId": session_id, "text": "I am Bob."})
        answer = line.until("message")
        assert (answer["message"]["agentName"], answer["message"]["text"], answer["message"]["isMine"]) == ("Bob", "I am Bob.", False)
        line.send({"type": "ack", "seq": answer["seq"]})
        line.sync()
        line.hang_up()
        for text in ("One", "Two", "Three"):
            desk.send({"type": "message", "sessionId": session_id, "text": text})
        assert desk.sync() == []  # an old console is told nothing of its own

        fresh = api().post("/api/v1/customers/token", {"customerId": str(ann.customer.public_id), "channel": "WEB"}, format="json").json()["token"]
        line = on_another_worker(site, fresh, worker_of(desk))
        line.until("offline_messages_complete")
        assert texts(line.frames) == ["One", "Two", "Three"]
        line.send({"type": "ack", "seq": line.frames[0]["data"]["seq"]})
        assert texts(line.sync()) == []

        os.kill(worker_of(desk), signal.SIGKILL)
        line.send({"type": "message", "sessionId": session_id, "text": "Bob?"})
        line.until("message")
        with connect(site.ws_url + CHAT, token=token(alice), new=True) as other:
            other.until("connected")
            given = other.until("session", seconds=30)["session"]
            assert (given["id"], given["status"], given["reason"]) == (session_id, "open", "transferred")
            assert other.until("message")["message"]["text"] == "Bob?"
            assert line.until(lambda frame: frame["type"] == "message" and frame["message"]["senderType"] == "SYSTEM")["message"]["text"] == (
                "Bob had to leave. Alice is here now."
            )
            other.send({"type": "message", "sessionId": session_id, "text": "I have read it all.", "clientMessageId": "c1"})
            assert other.until(lambda frame: frame["type"] == "message" and frame["message"]["isMine"])["message"]["clientMessageId"] == "c1"
            assert line.until("message")["message"]["agentName"] == "Alice"

            told = api(alice).get(f"/api/v1/sessions/{session_id}/messages", {"order": "oldest"}).json()["results"]
            assert [each["text"] for each in told] == [*SAID[:6], "Bob had to leave. Alice is here now.", SAID[7]]
            assert api(alice).post(f"/api/v1/sessions/{session_id}/close").status_code == 200
            assert line.until("session")["session"]["status"] == "closed"
            rated = api(fresh).post(f"/api/v1/sessions/{session_id}/rate", {"rating": 5, "comment": "Thank you both."}, format="json")
            assert rated.status_code == 200
            assert line.until("session")["session"]["rating"] == 5
            closed, heard = other.take(2, "session")
            assert (closed["session"]["reason"], heard["session"]["reason"], heard["session"]["comment"]) == ("closed", "rated", "Thank you both.")
        line.close()
    session = Session.objects.get(public_id=session_id)
    assert [each.reason for each in Transfer.objects.filter(session=session).order_by("pk")] == ["routed", "gone"]
    said = Message.objects.filter(session=session).order_by("order")
    assert [each.order for each in said] == list(range(1, 9))
    assert [each.text or each.said["code"] for each in said] == SAID
