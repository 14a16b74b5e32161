"""What is told of a task."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from django.utils.translation import gettext as _
from msgspec import Meta

from notifications.wire import Durable, Event, Shape
from realtime.tasks.models import Task

TOPIC = "task"


class TaskData(Shape, kw_only=True):
    """`progress` is in percent, `total_steps` 0 where it is not known. Of two the one with the higher `version` is the later."""

    task_id: str
    title: str
    status: Literal["running", "completed", "failed", "cancelled"]
    message: str
    step: Annotated[int, Meta(ge=0)]
    total_steps: Annotated[int, Meta(ge=0)]
    progress: Annotated[float, Meta(ge=0, le=100)]
    version: Annotated[int, Meta(ge=0)]
    timestamp: datetime


class Progress(Event, kw_only=True, tag="progress"):
    """How far a task is. Not numbered: the newest wins, and it is dropped first."""

    data: TaskData


class CompletedData(TaskData, kw_only=True):
    result: Any


class Completed(Durable, kw_only=True, tag="completed"):
    """A task has done its work."""

    topic: ClassVar[str] = TOPIC
    data: CompletedData


class TaskFailed(Durable, kw_only=True, tag="error"):
    """A task has failed, or was cancelled, which `data.status` says."""

    topic: ClassVar[str] = TOPIC
    error_code: Literal["TASK_FAILED"] = "TASK_FAILED"
    message: str
    data: TaskData
    timestamp: datetime


def present(task: Task) -> Progress | Completed | TaskFailed:
    """What is to be told of a task as it is."""
    members: dict[str, Any] = {
        "task_id": task.public_id,
        "title": task.title,
        "status": task.status,
        "message": task.message,
        "step": task.step,
        "total_steps": task.total_steps,
        "progress": round(task.progress, 1),
        "version": task.version,
        "timestamp": task.updated_at,
    }
    if task.status == Task.Status.RUNNING:
        return Progress(data=TaskData(**members))
    if task.status == Task.Status.COMPLETED:
        return Completed(data=CompletedData(**members, result=task.result))
    return TaskFailed(message=why(task), data=TaskData(**members), timestamp=task.updated_at)


def why(task: Task) -> str:
    """Why a task has ended without having done its work, in the active language where it is ours to say."""
    if task.error:
        return task.error
    if task.silent:
        return _("The program that did this was not heard from any more.")
    return _("It was cancelled.") if task.status == Task.Status.CANCELLED else _("This could not be finished.")
