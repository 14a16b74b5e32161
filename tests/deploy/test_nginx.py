"""What clients have through a real nginx with the very files of `deploy/nginx`, and what it must not tell or believe."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx
import pytest
from axes.models import AccessAttempt

from accounts.models import User
from notifications.services import notify
from tests import cast
from tests.servers.fleet import complaints
from tests.servers.nginx import Nginx
from tests.servers.redis_hosts import free_port
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site
from tests.sockets import connect, ending
from tests.streams import PATH, listen

Token = Callable[[User], str]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nok"


class Scripted:
    """In the place of workers: answers a request's first line, and how many came before, with some bytes, and hangs up. `seen` are the lines."""

    def __init__(self, script: Callable[[str, int], bytes]) -> None:
        self.seen: list[str] = []
        self._script = script
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                line = connection.recv(65536).decode().partition("\r\n")[0]
                self.seen.append(line)
                connection.sendall(self._script(line, len(self.seen) - 1))

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def tell(user: User, title: str) -> None:
    notify(users=[user], type="system", title=title, message="Through the proxy.")


def curl(nginx: Nginx) -> list[str]:
    return ["curl", "--silent", "--show-error", "--include", "--max-time", "60", "--cacert", str(nginx.certificate)]


@pytest.mark.parametrize("path", ["/api/ws/notifications", "/api/ws/notifications/", "/api/v1/ws", "/api/v1/ws/tasks/{}", "/api/v1/ws/tasks/{}/"])
def test_sockets_open_at_the_old_clients_addresses(nginx: Nginx, mia: User, token: Token, path: str) -> None:
    with connect(nginx.ws_url + path.format(mia.pk), token=token(mia)) as page:
        assert page.until("connected")


def test_a_customer_and_an_agent_meet_through_it(nginx: Nginx, ann: User, bob: User, token: Token) -> None:
    with connect(nginx.ws_url + "/ws/chat", token=token(ann)) as anns, connect(nginx.ws_url + "/ws/chat/", token=token(bob)) as bobs:
        assert [each.until("connected")["type"] for each in (anns, bobs)] == ["connected"] * 2


def test_a_refused_handshake_says_why(nginx: Nginx, eve: User, expired: Token) -> None:
    refusal = ending(nginx.ws_url + "/api/ws/notifications", token=expired(eve))
    assert (refusal.status, refusal.headers["X-WebSocket-Error-Code"]) == (401, "TOKEN_EXPIRED")


def test_a_page_of_the_same_host_may_open_a_socket_and_one_of_another_may_not(nginx: Nginx, mia: User, token: Token) -> None:
    with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True, origin=nginx.url) as page:
        page.until("connected")
    assert ending(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True, origin="https://elsewhere.example").code == 4403


def test_events_are_handed_on_one_by_one(nginx: Nginx, mia: User, token: Token) -> None:
    with listen(nginx, token=token(mia)) as stream:
        stream.until("connected")
        for title in ("one", "two"):
            tell(mia, title)
            assert stream.until("notification").json["title"] == title


def test_browsers_have_all_their_streams_over_one_connection(nginx: Nginx, mia: User, token: Token) -> None:
    """HTTP/1.1 would stop at six; and an event comes at once over HTTP/2, too."""
    with subprocess.Popen([*curl(nginx), "--no-buffer", f"{nginx.url}{PATH}?token={token(mia)}"], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        lines = iter(reader.stdout)
        assert next(lines).startswith("HTTP/2 200")
        assert any(line == "event: connected\n" for line in lines)
        tell(mia, "over HTTP/2")
        assert any("over HTTP/2" in line for line in lines)
        reader.kill()


def test_who_is_told_nothing_but_heartbeats_outlives_the_proxys_patience(site: Site, in_front: Callable[..., Nginx], mia: User, token: Token) -> None:
    shorter = {"proxy_read_timeout 75s;": "proxy_read_timeout 5s;"}
    with (
        in_front(site.port, shorter) as nginx,
        nginx.trusted(),
        connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True) as page,
        listen(nginx, token=token(mia)) as stream,
    ):
        page.take(6, "heartbeat")
        stream.take(6, "heartbeat")
        tell(mia, "still here")
        assert page.until("notification")["data"]["title"] == stream.until("notification").json["title"] == "still here"


def test_its_patience_is_longer_than_heartbeats_are_apart() -> None:
    said = (CHECKOUT / "deploy/nginx/conf.d/switchboard.conf").read_text()
    default = re.search(r"`WS_HEARTBEAT_INTERVAL` \| `(\d+)`", (CHECKOUT / "docs/options.md").read_text())
    patience = re.search(r"proxy_read_timeout (\d+)s;", said)
    assert default
    assert patience
    assert int(patience[1]) >= 2 * int(default[1])


# Who asks, and how


def test_nobody_is_believed_where_they_come_from(nginx: Nginx, db: None) -> None:
    name = cast.member("mia").username
    liar = httpx.Client(
        transport=httpx.HTTPTransport(local_address="127.0.0.9"), headers={"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}, timeout=30
    )
    answer = liar.post(f"{nginx.url}/api/v1/token", json={"username": name, "password": "wrong"})
    assert answer.status_code == 401, answer.text
    assert AccessAttempt.objects.get(username=name).ip_address == "127.0.0.9"


def test_forms_know_that_they_were_sent_over_tls(nginx: Nginx) -> None:
    """The admin's would be refused with 403 if the scheme or the host did not arrive."""
    with httpx.Client(base_url=nginx.url, timeout=30) as page:
        form = page.get("/admin/login/")
        field = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert field
        wrong = {"csrfmiddlewaretoken": field[1], "username": "nobody-at-all", "password": "wrong"}
        assert page.post("/admin/login/", data=wrong, headers={"Origin": nginx.url, "Referer": f"{nginx.url}/admin/login/"}).status_code == 200


def test_plain_http_leads_to_tls_and_another_name_to_nothing(nginx: Nginx) -> None:
    answer = httpx.post(f"http://localhost:{nginx.plain_port}/api/v1/token?next=1", timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://localhost/api/v1/token?next=1")
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection("127.0.0.1", nginx.port, context=context, timeout=20).connect()


def test_a_body_that_is_too_large_is_answered_as_the_server_would(nginx: Nginx, site: Site) -> None:
    large = {"content": b" " * (1024 * 1024 + 1), "headers": {"Content-Type": "application/json"}}
    answers = [httpx.post(f"{url}/api/v1/token", **large, timeout=30) for url in (nginx.url, site.url.replace("127.0.0.1", "localhost"))]  # type: ignore[arg-type]
    assert [answer.headers["Content-Type"] for answer in answers] == ["application/problem+json"] * 2
    theirs, ours = (answer.json() for answer in answers)
    assert theirs.pop("request_id") != ours.pop("request_id")
    assert theirs == ours


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6Detrics", "/api/../metrics"])
def test_figures_are_not_for_the_public(nginx: Nginx, path: str) -> None:
    said = subprocess.run([*curl(nginx), "--path-as-is", nginx.url + path], capture_output=True, text=True, check=True).stdout
    assert said.startswith("HTTP/2 404")
    assert "nginx" in said, "it was not asked of a worker"


# What fails behind it


def test_what_a_dead_worker_did_not_answer_is_asked_of_another_only_if_that_is_safe(in_front: Callable[..., Nginx]) -> None:
    # The first connection is answered by nobody, and so is every POST.
    with Scripted(lambda line, before: OK if before and line.startswith("GET") else b"") as workers, in_front(workers.port) as nginx, nginx.trusted():
        assert httpx.get(f"{nginx.url}/api/v1/notifications", timeout=30).text == "ok"
        answer = httpx.post(f"{nginx.url}/api/v1/notifications", json={}, timeout=30)
    assert [line.partition(" ")[0] for line in workers.seen] == ["GET", "GET", "POST"]
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (502, "application/problem+json", "DEPENDENCY_DOWN")


def test_what_workers_call_immutable_is_asked_of_them_once(in_front: Callable[..., Nginx]) -> None:
    kept = {"/static/1a2b/realtime/client.js": b"max-age=315360000, public, immutable", "/static/realtime/client.js": b"no-cache"}
    with Scripted(lambda line, before: OK.replace(b"no-store", kept[line.split(" ")[1]])) as workers, in_front(workers.port) as nginx, nginx.trusted():
        assert [httpx.get(nginx.url + path, timeout=30).text for path in kept for _ in range(2)] == ["ok"] * 4
    assert [line.split(" ")[1] for line in workers.seen] == ["/static/1a2b/realtime/client.js", "/static/realtime/client.js", "/static/realtime/client.js"]


def test_without_a_server_clients_are_asked_to_come_back_and_the_logs_hold_no_query(in_front: Callable[..., Nginx], mia: User, token: Token) -> None:
    with in_front(free_port()) as nginx, nginx.trusted():
        with listen(nginx, token=token(mia)) as stream:
            stream.rest()
        assert (stream.status, stream.comments, len(stream.retries)) == (200, ["DEPENDENCY_DOWN"], 1)
        assert ending(nginx.ws_url + "/api/ws/notifications", token=token(mia)).status == 502
        httpx.get(f"http://localhost:{nginx.plain_port}/api/v1/ws?token={token(mia)}", timeout=30)
        answer = httpx.get(f"{nginx.url}/api/v1/notifications?token={token(mia)}", timeout=30)
        assert (answer.status_code, answer.json()["status"], answer.headers["Retry-After"]) == (502, 502, "1")
        until(lambda: answer.json()["request_id"] in nginx.logs, what="it is written down")
        assert "?" not in nginx.logs


def test_a_worker_that_is_killed_costs_its_sockets_a_reconnect_and_nobody_else_anything(nginx: Nginx, site: Site, mia: User, token: Token) -> None:
    with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True) as page:
        data = page.until("connected")["data"]
        tell(mia, "before")
        place = page.until("notification")["seq"]
        os.kill(int(data["connection_id"].partition("-")[0]), signal.SIGKILL)
        assert page.ended() == 1006
    tell(mia, "while away")
    with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True, query={"since": f"{data['epoch']}:{place}"}) as page:
        assert page.until("notification")["data"]["title"] == "while away"
    until(lambda: len(site.workers()) == 2, what="there are two workers again")


def test_when_all_workers_are_replaced_every_call_is_answered(nginx: Nginx, site: Site, mia: User, token: Token, service_key: Callable[..., str]) -> None:
    answers: list[int] = []
    over = threading.Event()
    body = {"user_id": mia.pk, "type": "system", "title": "Again", "message": "While workers come and go."}

    def call() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            while not over.is_set():
                answers.append(client.post(f"{nginx.url}/api/v1/notifications", json=body).status_code)

    key = service_key("notifications")
    before = site.workers()
    with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True) as page:
        page.until("connected")
        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        try:
            os.kill(site.pid, signal.SIGHUP)
            until(lambda: len(site.workers()) == 2 and not set(before) & set(site.workers()), what="both are replaced", seconds=60)
        finally:
            over.set()
            for caller in callers:
                caller.join()
        assert page.ended() == 1012
    assert set(answers) == {201}


def test_a_reload_keeps_sockets(nginx: Nginx, mia: User, token: Token) -> None:
    with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True) as old:
        old.until("connected")
        nginx.reload()
        with connect(nginx.ws_url + "/api/v1/ws", token=token(mia), new=True) as new:
            new.until("connected")
            tell(mia, "to both")
            assert [each.until("notification")["data"]["title"] for each in (old, new)] == ["to both"] * 2


def test_its_logs_hold_no_query_and_no_credential(nginx: Nginx, mia: User, token: Token) -> None:
    with connect(nginx.ws_url + "/api/ws/notifications", token=token(mia)) as page:
        page.until("connected")
    answer = httpx.get(f"{nginx.url}/api/v1/notifications/{mia.pk}?token={token(mia)}", headers={"Referer": f"{nginx.url}/?token={token(mia)}"}, timeout=30)
    assert answer.status_code == 401
    until(lambda: f"/api/v1/notifications/{mia.pk}" in nginx.logs, what="it is written down")
    assert complaints(nginx.logs) == []
    assert "?" not in nginx.logs
