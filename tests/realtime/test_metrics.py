"""`/metrics` of real workers: what happens shows, over all of them, whoever of them dies; and nobody else reads it."""

import os
import secrets
import signal
import threading

import httpx
import psutil
import pytest
from django.urls import get_resolver

from accounts import service_keys
from notifications.services import notify
from realtime.chat.models import Session
from realtime.management.commands.routes import addresses
from realtime.requests import class_of
from tests.figures import Figures, figures
from tests.realtime.chat.desk import served
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.sockets import connect, ending

MEMBER, BELL, CHAT = "/api/v1/ws", "/api/ws/notifications", "/ws/chat"
SECRET = secrets.token_urlsafe(40)


class Watched:
    """How much each figure of a server has grown since this was made."""

    def __init__(self, site):
        self.site = site
        self.before = figures(site)

    def grows(self, name, by=1, **labels):
        until(lambda: figures(self.site)(name, **labels) - self.before(name, **labels) >= by, seconds=60, what=f"{name} {labels} grows by {by}")


def test_what_sockets_do_is_counted_over_all_workers(server, mia, ann, token):
    watched = Watched(server)
    with connect(server.ws_url + MEMBER, token=token(mia)) as one, connect(server.ws_url + CHAT, token=token(ann)) as other:
        one.until("connected")
        other.until("connected")
        watched.grows("switchboard_sockets", path="api/v1/ws", role="member")
        watched.grows("switchboard_sockets", path="ws/chat", role="customer")
        watched.grows("switchboard_resumes_total", outcome="fresh", by=2)
        for number in range(3):
            notify(users=[mia], type="mention", title=f"Hello {number}", message="…")
        one.take(3, "notification")
        watched.grows("switchboard_frames_sent_total", type="notification", by=3)
        watched.grows("switchboard_push_seconds_count", by=3)
        for since, outcome in ((1, "resumed"), (99, "ahead"), ("another:1", "other_epoch")):
            one.send({"type": "resume", "since": since})
            one.until("connected")
            watched.grows("switchboard_resumes_total", outcome=outcome)
        watched.grows("switchboard_repaired_frames_total", by=2)
        one.send({"type": "nonsense"})
        one.send("{")
        watched.grows("switchboard_commands_refused_total", code="UNKNOWN_MESSAGE_TYPE")
        watched.grows("switchboard_commands_refused_total", code="INVALID_JSON")
        watched.grows("switchboard_commands_total", type="resume", by=3)
        for number in range(70):  # more than may come at once
            one.send({"type": "ping", "timestamp": number})
        watched.grows("switchboard_frames_slowed_total")
    assert ending(server.ws_url + MEMBER, token="nonsense").code == 1000
    assert ending(server.ws_url + "/nowhere").status == 404
    watched.grows("switchboard_handshakes_total", outcome="accepted", by=2)
    watched.grows("switchboard_handshakes_total", outcome="TOKEN_EXPIRED")
    watched.grows("switchboard_handshakes_total", outcome="NOT_FOUND")
    until(lambda: figures(server)("switchboard_sockets", path="ws/chat") <= watched.before("switchboard_sockets", path="ws/chat"), what="it is closed")


def test_requests_are_counted_by_the_route_and_never_by_what_was_asked_for(server, mia, token):
    watched = Watched(server)
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token(mia)}"}, timeout=30) as client:
        assert client.get("/api/v1/notifications/123456789/nowhere").status_code == 404
        assert client.get("/api/v1/notifications").status_code == 200
        assert client.get(f"/{secrets.token_hex(8)}").status_code == 404
        assert client.get("/admin/login/").status_code == 200
        assert client.post("/api/v1/notifications", content=b"x" * (1024 * 1024 + 1)).status_code == 413
    watched.grows("switchboard_http_requests_total", route="api/v1/notifications", status="200")
    watched.grows("switchboard_http_requests_total", route="admin", status="200")
    watched.grows("switchboard_http_requests_total", route="none", status="404")
    watched.grows("switchboard_http_requests_total", route="none", status="413")
    watched.grows("switchboard_http_request_seconds_count", route="api/v1/notifications")
    routes = {sample.labels["route"] for sample in figures(server).samples if sample.name == "switchboard_http_requests_total"}
    declared = {class_of(address) for address, _name in addresses(get_resolver().url_patterns)}
    assert routes <= {*declared, "static", "none"}
    assert not any(character.isdigit() for route in routes for character in route.replace("api/v1", ""))


def test_the_desk_and_the_workers_show_how_they_are(server, ann):
    session = served(ann, None)
    until(lambda: figures(server)("switchboard_support_waiting") >= 1, what="somebody waits")
    now = figures(server)
    assert now("switchboard_support_longest_wait_seconds") > 0
    Session.objects.filter(pk=session.pk).update(status="closed")
    assert now("switchboard_database_up") == 1
    assert now("switchboard_workers") == now("switchboard_build_info") == 2
    workers = {str(pid) for pid in server.workers()}
    for name in ("switchboard_worker_memory_bytes", "switchboard_worker_cpu_seconds_total", "switchboard_worker_open_files", "switchboard_redis_up"):
        assert {sample.labels["worker"] for sample in now.samples if sample.name == name} == workers, name
    assert now("switchboard_event_loop_lag_seconds_count") > 0


@pytest.mark.timeout(300)
def test_no_counter_falls_while_workers_are_killed_and_sent_away_and_redis_is_away(servers, tmp_path):
    with PrivateRedis(str(tmp_path)) as redis, servers.serve(workers=2, env={"REDIS_URL": redis.url, "DRAIN_SPREAD": "0"}) as site:
        for _ in range(20):
            httpx.get(f"{site.url}/api/v1/nowhere", timeout=60)
        asked = {"route": "api", "status": "404"}
        until(lambda: figures(site)("switchboard_http_requests_total", **asked) == 20, what="all are counted")
        until(lambda: figures(site)("switchboard_workers") == 2, what="both are there")
        seen, fallen, done = figures(site).growing(), [], threading.Event()

        def look():
            nonlocal seen
            now = figures(site).growing()
            fallen.extend((key, value, now.get(key)) for key, value in seen.items() if now.get(key, 0) < value)
            seen = now

        def watch():
            while not done.wait(0.1):
                try:
                    look()
                except httpx.TransportError:  # whom we asked was just killed
                    pass

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            before = site.workers()
            os.kill(before[0], signal.SIGKILL)
            until(lambda: figures_or_none(site, "switchboard_workers_ended_total") == 1, what="it is counted as ended", seconds=60)
            until(lambda: figures_or_none(site, "switchboard_workers") == 2, what="another one is there", seconds=60)
            os.kill(site.pid, signal.SIGTTOU)  # one less, which drains
            until(lambda: figures_or_none(site, "switchboard_workers_ended_total") == 2, what="that one is counted, too", seconds=60)
            redis.freeze()
            until(lambda: figures_or_none(site, "switchboard_redis_up") == 0, what="the worker knows that Redis is away", seconds=60)
        finally:
            redis.thaw()
            done.set()
            watching.join()
        assert not fallen, fallen[:5]
        assert figures(site)("switchboard_http_requests_total", **asked) == 20
        assert len(site.workers()) == 1
        assert not any("stats" in each.path for pid in site.workers() for each in psutil.Process(pid).open_files()), "files are left open"


def figures_or_none(site, name, **labels):
    try:
        return figures(site)(name, **labels)
    except httpx.TransportError:
        return None


# Who may ask


def test_who_has_the_token_reads_it_from_anywhere(api, options):
    options(metrics_token=SECRET)
    answer = api().get("/metrics", headers={"Authorization": f"Bearer {SECRET}", "Host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    assert Figures(answer.content.decode())("switchboard_workers") == 1


@pytest.mark.parametrize(
    "bearer",
    ["", "Bearer", "Bearer ", "Basic " + SECRET, "Bearer " + SECRET[:-1], "Bearer é", "Bearer " + SECRET + SECRET],
    ids=["empty", "only-the-scheme", "nothing-behind-it", "another-scheme", "too-short", "no-ascii", "twice"],  # the same in each process of a parallel run
)
def test_without_the_token_nobody_reads_it_also_on_this_machine(api, options, bearer):
    options(metrics_token=SECRET)
    refused = api().get("/metrics", headers={"Authorization": bearer}, REMOTE_ADDR="127.0.0.1")
    assert refused.status_code == 401
    assert refused["Content-Type"] == "application/problem+json"
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert SECRET[:-1] not in refused.content.decode()


def test_no_other_credential_opens_it(api, options, token, admin, mia, ann, expired, service_key):
    options(metrics_token=SECRET)
    every_scope = service_key(*service_keys.Scope.values)
    for bearer in (token(admin), token(mia), token(ann), expired(mia), every_scope):
        assert api(bearer).get("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("allowed", "more"),
    [
        (True, {"REMOTE_ADDR": "127.0.0.1"}),
        (True, {"REMOTE_ADDR": "::1"}),
        (True, {"REMOTE_ADDR": "::ffff:127.0.0.1"}),
        (False, {"REMOTE_ADDR": "10.1.2.3"}),
        (False, {"REMOTE_ADDR": ""}),
        (False, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}),
        (False, {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.7"}),
        (False, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "203.0.113.7"}),
    ],
)
def test_where_there_is_no_token_only_this_machine_reads_it_and_not_through_a_proxy(api, allowed, more):
    answer = api().get("/metrics", **more)
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert answer.json()["code"] == "FORBIDDEN"
        assert "METRICS_TOKEN" in answer.json()["detail"]
