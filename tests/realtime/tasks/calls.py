"""Tasks as producers report them over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from notifications.models import Entry
from realtime.tasks import services
from realtime.tasks.models import Task
from tests.servers.waiting import until

TASKS = "/api/v1/tasks"
MEMBERS = {
    *("id", "user_id", "title", "status", "step", "total_steps", "progress", "message", "result", "error", "notify", "link", "version"),
    *("cancel_requested", "timeout", "created_at", "updated_at", "ended_at"),
}

Api = Callable[..., APIClient]
Key = Callable[..., str]


def at(task: Task | str, *more: str) -> str:
    """The address of a task, or of what can be done with it."""
    return "/".join((TASKS, task if isinstance(task, str) else task.public_id, *more))


def begun(owner: User, source: Task.Source = Task.Source.OWNER, **fields: Any) -> Task:
    """A running task of four steps."""
    return services.begin(**{"owner": owner, "title": "Import", "source": source, "total_steps": 4, "timeout": 600.0, **fields}).task


def ended(owner: User, status: str = "completed", **fields: Any) -> Task:
    """A task that has ended."""
    task = begun(owner, **fields)
    return services.report(tasks=Task.objects.filter(pk=task.pk), report=services.Report(status=status))


def silent(task: Task) -> None:
    """Let it be one that was not heard from in its time."""
    Task.objects.filter(pk=task.pk).update(alive_until=timezone.now() - timedelta(seconds=1))

    def fell_silent() -> bool:
        services.fail_silent()  # unless the keeper of a server is just about it
        task.refresh_from_db()
        return task.silent

    until(fell_silent, what="it has failed")


def ends(user: User) -> int:
    """How many ends stand in this user's stream."""
    return Entry.objects.filter(user=user, topic="task").count()


def a_name() -> str:
    """An id that a service may give, and nobody else."""
    return f"import-{uuid4().hex[:12]}"


def problem(answer: Any) -> tuple[int, str, list[str]]:
    """What a refusal says: its status, its code and the fields that it names."""
    document = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert document["status"] == answer.status_code
    assert document["detail"]
    return answer.status_code, document["code"], list(document.get("errors", {}))
