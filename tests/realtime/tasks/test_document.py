"""The programs of docs/tasks.md do what it says: taken out of it as they stand, and run."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from celery import Celery

from accounts.models import User
from notifications.models import Notification
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.tracking import Failed
from tests.markdown import Document
from tests.realtime.tasks.watching import Watcher, only_task
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import BOUND, CHECKOUT, surroundings

BLOCKS: Final = [block.text for block in Document(CHECKOUT, "docs/tasks.md").blocks if block.kind == "python"]
FILES: Final[Mapping[str, str]] = {named[1]: text for text in BLOCKS if (named := re.match(r"# (shop/\S+\.py)\n", text))}
SNIPPETS: Final = [text for text in BLOCKS if text not in FILES.values()]
LINKS: Final = 10


def snippet(word: str, **names: Any) -> dict[str, Any]:
    """Run the one snippet that has this word in it; returns the names that it knows then."""
    [text] = [text for text in SNIPPETS if word in text]
    exec(compile(text, "docs/tasks.md", "exec"), names)  # noqa: S102 - it is our own document
    return names


def test_all_programs_are_run_here() -> None:
    assert len(SNIPPETS) == 3
    assert sorted(FILES) == ["shop/celery.py", "shop/links.py", "shop/management/commands/check_links.py", "shop/tasks.py"]


def test_the_loop(mia: User) -> None:
    saved: list[int] = []
    snippet("save(row)", user=mia, rows=range(7), save=saved.append)
    assert saved == list(range(7))
    assert (only_task(mia).title, only_task(mia).status, only_task(mia).total_steps) == ("Import", "completed", 7)


def test_the_block(mia: User) -> None:
    snippet("find_orders", user=mia, find_orders=lambda: [1], draw=lambda orders: 3)
    assert (only_task(mia).status, only_task(mia).message, only_task(mia).result) == ("completed", "Drawing", {"pages": 3})
    assert Notification.objects.get(user=mia).link == "/reports/7"


def test_the_block_where_there_is_nothing(mia: User) -> None:
    with pytest.raises(Failed):
        snippet("find_orders", user=mia, find_orders=list)
    assert (only_task(mia).status, only_task(mia).error) == ("failed", "There were no orders in March.")


def test_the_coroutine(mia: User) -> None:
    fetched = []

    async def fetch(address: str) -> None:
        fetched.append(address)

    async def merge() -> int:
        return len(fetched)

    names = snippet("fetch_all", user=mia, fetch=fetch, merge=merge)
    asyncio.run(names["fetch_all"](["a", "b"]))
    assert fetched == ["a", "b"]
    assert list(Task.objects.filter(owner=mia).order_by("pk").values_list("title", "status", "result")) == [
        ("Fetch", "completed", None),
        ("Merge", "completed", 2),
    ]


class Pages:
    """Pages behind links. The one in the middle does not answer before it may; the last is not there."""

    def __init__(self, port: int) -> None:
        self.addresses = [f"http://127.0.0.1:{port}/{number}" for number in range(LINKS)]
        self.go_on = threading.Event()


@pytest.fixture
def pages() -> Iterator[Pages]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.strip("/"))
            if number == LINKS // 2:
                served.go_on.wait(60)
            self.send_response(200 if number < LINKS - 1 else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served = Pages(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        served.go_on.set()
        server.shutdown()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the document's files, and what makes packages of them."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for folder in ("shop", "shop/management", "shop/management/commands"):
        (tmp_path / folder / "__init__.py").touch()
    # The document's settings are the reader's, which name the shop among the apps.
    (tmp_path / "shop_settings.py").write_text("from config.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'shop']\n")
    return tmp_path


@contextmanager
def running(shop: Path, *command: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the shop's, and no child of it is left."""
    path = os.pathsep.join([str(shop), str(CHECKOUT)])
    own = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": path, "no_proxy": "*", **env}
    with (shop / "log").open("ab") as log:
        process = subprocess.Popen([*BOUND, sys.executable, *command], cwd=shop, env={**os.environ, **surroundings(), **own}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9`, the children first: they would go on."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


@pytest.fixture
def celery(redis: PrivateRedis, shop: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """`celery(mia, addresses)`: a real worker that has been given that to do, with a timeout of two seconds."""
    broker = f"redis+socket://{redis.url.removeprefix('unix://').partition('?')[0]}?virtual_host=9"
    with running(
        shop, "-m", "celery", "-A", "shop.celery", "worker", "--concurrency=1", "--loglevel=INFO", CELERY_BROKER_URL=broker, TASK_TIMEOUT="2"
    ) as worker:

        def start(user: User, addresses: list[str]) -> subprocess.Popen[bytes]:
            with Celery("test", broker=broker, set_as_current=False) as app:
                app.send_task("shop.tasks.check_links_of", [user.pk, addresses])
            return worker

        yield start
        assert "Traceback" not in (shop / "log").read_text()


def half_way(user: User, watched: Watcher) -> None:
    """Wait until the user sees that the task is at 50 %."""
    until(lambda: any(frame.data["progress"] == 50 and frame.data["status"] == "running" for frame in watched.frames), what="it is half-way", seconds=60)
    assert only_task(user).progress == 50


def completed(watched: Watcher, pages: Pages) -> None:
    last = watched.until("completed").data
    assert (last["progress"], last["step"], last["result"]) == (100, LINKS, {"broken": [pages.addresses[-1]]})
    assert watched.busiest_second() <= 5


def test_the_management_command(mia: User, watched: Watcher, shop: Path, pages: Pages) -> None:
    with running(shop, "-m", "django", "check_links", mia.username, *pages.addresses) as command:
        half_way(mia, watched)
        pages.go_on.set()
        completed(watched, pages)
        assert command.wait(30) == 0, (shop / "log").read_text()


def test_the_management_command_that_is_asked_to_stop(mia: User, watched: Watcher, shop: Path, pages: Pages) -> None:
    with running(shop, "-m", "django", "check_links", mia.username, *pages.addresses) as command:
        half_way(mia, watched)
        services.request_cancel(tasks=Task.objects.filter(owner=mia))
        before = watched.frames[-1]
        until(lambda: Task.objects.get(owner=mia).cancel_requested, what="it is asked")
        threading.Timer(1.2, pages.go_on.set).start()  # by then it has to know
        assert watched.until("error").data["status"] == "cancelled"
        assert command.wait(30) == 1
    assert before.data["status"] == "running"
    assert only_task(mia).step == LINKS // 2 + 1


def test_the_celery_task(mia: User, watched: Watcher, celery: Callable[..., Any], pages: Pages) -> None:
    celery(mia, pages.addresses)
    half_way(mia, watched)
    pages.go_on.set()
    completed(watched, pages)


def test_a_celery_worker_that_is_killed_leaves_its_task_failed_in_its_time(mia: User, watched: Watcher, celery: Callable[..., Any], pages: Pages) -> None:
    worker = celery(mia, pages.addresses)
    half_way(mia, watched)
    assert only_task(mia).timeout == 2
    kill(worker)
    until(lambda: (services.fail_silent(), only_task(mia).has_ended)[1], what="the task has failed", seconds=10)
    task = only_task(mia)  # and not a push: the keeper of a server with another Redis may have been faster
    assert (task.status, task.silent, task.step) == ("failed", True, LINKS // 2)
    assert worker.returncode == -signal.SIGKILL
