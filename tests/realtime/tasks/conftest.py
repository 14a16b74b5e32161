"""Tasks of this test's people, and who reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import Report
from tests.realtime.tasks.watching import Producer, Watcher
from tests.servers.redis import PrivateRedis


@pytest.fixture
def begun(mia: User) -> Callable[..., Task]:
    """`begun(...)`: a task of mia's, with four steps unless said otherwise."""

    def begin(**fields: Any) -> Task:
        return services.begin(**{"owner": mia, "title": "Import", "source": Task.Source.CODE, "total_steps": 4, **fields}).task

    return begin


@pytest.fixture
def said() -> Callable[..., Task]:
    """`said(task, step=2)`: its producer says that; the task as it is then."""
    return lambda task, **fields: services.report(tasks=Task.objects.filter(pk=task.pk), report=Report(**fields))


@pytest.fixture
def watched(mia: User, redis: PrivateRedis) -> Iterator[Watcher]:
    """Keeps what mia is told of her tasks."""
    with Watcher(redis, mia) as watcher:
        yield watcher


@pytest.fixture
def producing(mia: User, redis: PrivateRedis, tmp_path: Path) -> Iterator[Callable[..., Producer]]:
    """`producing(script)`: a process that works for mia, killed at the end."""
    with ExitStack() as stack:

        def start(script: str, **more: Any) -> Producer:
            return stack.enter_context(Producer(script, mia, folder=tmp_path, **more))

        yield start
