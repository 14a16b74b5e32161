"""What can be done with tasks. Every way in (Python, REST, admin, the keeper) comes through here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django import db
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.groups import publish, user_group
from accounts.models import Role, User
from notifications import inbox
from notifications.content import Content, storage_problem
from notifications.dispatch import dispatch
from notifications.inbox import Delivery
from notifications.recipients import chosen
from notifications.transactions import retried
from notifications.wire import encode
from realtime.declined import Declined, check_text
from realtime.tasks.events import Progress, present, why
from realtime.tasks.models import LONGEST_ID, Task, valid_id
from realtime.tasks.reports import Report

logger = logging.getLogger(__name__)

LONGEST_TIMEOUT: Final = 86400.0
NOTIFICATION: Final = "task"
"""The type of a notification of a task's end."""

Status = Task.Status


@dataclass(frozen=True, slots=True)
class Begun:
    """A task; `new` is False if it had been begun before under that id."""

    task: Task
    new: bool


def begin(
    *,
    owner: User | int,
    title: str,
    source: Task.Source,
    total_steps: int = 0,
    public_id: str = "",
    notify: bool = False,
    link: str = "",
    timeout: float | None = None,
) -> Begun:
    """Begin a task and show it to its owner. The same id again is the same task. Raises Declined.

    `link` is where a notification of its end leads, relative or http(s); `timeout` is in seconds.
    """
    title = title.strip()
    check_text(title, "title", 200, needed=True)
    Report(total_steps=total_steps)
    _check_id(public_id)
    timeout = settings.SWITCHBOARD.task_timeout if timeout is None else timeout
    if not 0.5 <= timeout <= LONGEST_TIMEOUT:
        raise Declined("INVALID", _("Must be between 0.5 and %(most)d seconds.") % {"most": LONGEST_TIMEOUT}, "timeout")
    _content(title, title, link)
    user = _owner(owner)
    now = timezone.now()
    task = Task(owner=user, source=source, title=title, total_steps=total_steps, notify=notify, link=link, timeout=timeout)
    task.created_at = task.updated_at = now
    task.alive_until = now + timedelta(seconds=timeout)
    if public_id:
        task.public_id = public_id
    _check_running(task)
    try:
        _begin(task)
    except IntegrityError:
        return Begun(_begun_before(task), new=False)
    return Begun(task, new=True)


def _check_running(task: Task) -> None:
    """Somebody who begins tasks without end would keep the keepers from those of others that fall silent."""
    most = settings.SWITCHBOARD.task_max_own
    if task.source != Task.Source.OWNER or not most or running_of([task.owner_id]).filter(source=task.source).count() < most:
        return
    if not Task.objects.filter(public_id=task.public_id).exists():
        raise Declined("CONFLICT", _("%(n)d of your tasks are running. End one before you begin another.") % {"n": most})


@retried
def _begin(task: Task) -> None:
    with transaction.atomic():  # PostgreSQL's transaction cannot go on after an id that is taken
        task.save(force_insert=True)
    _tell(task)


def _begun_before(wanted: Task) -> Task:
    """The task that has this id, if it is the one that was to be begun."""
    found = Task.objects.filter(public_id=wanted.public_id, owner=wanted.owner_id, source=wanted.source).select_related("owner").first()
    if found is None or found.title != wanted.title:
        raise Declined("CONFLICT", _("Another task has this id. Give each task an id of its own, or leave it out."), "id")
    return found


def report(*, tasks: QuerySet[Task], report: Report) -> Task:
    """Take a report of the one task that is found in `tasks`: store it, and show it. Raises Declined.

    CONFLICT: a later report was there before, or the task has ended. The same report again is no
    conflict, so that who got no answer may repeat it.
    """
    return _report(tasks, report)


@retried
def _report(tasks: QuerySet[Task], report: Report) -> Task:
    task = tasks.select_related("owner").select_for_update(of=("self",), no_key=True).first()
    if task is None:
        raise Declined("NOT_FOUND", _("There is no such task."))
    if report.version is not None and report.version <= task.version:
        if report.version < task.version or not _says_nothing_new(task, report):
            text = _("This is not later than version %(known)d, which is known already.") % {"known": task.version}
            raise Declined("CONFLICT", text, "version")
        report = Report()  # who repeats it has got no answer, and is there
    if task.has_ended and not task.silent:
        if _says_nothing_new(task, report):
            return task
        raise Declined("CONFLICT", _("This task has ended: %(status)s.") % {"status": task.get_status_display()}, "status")
    again = task.silent
    _change(task, report)
    if task.has_ended:
        _end(task)
    else:
        task.save()
        if again or report.said or report.version is not None:
            _tell(task, again=again)
    return task


def _says_nothing_new(task: Task, report: Report) -> bool:
    return all(getattr(task, name) == value for name, value in report.said.items())


def _change(task: Task, report: Report) -> None:
    """Put what a report says into the row."""
    now = timezone.now()
    if task.silent:  # so it is still there
        task.silent, task.status, task.ended_at, task.end_seq, task.updated_at = False, Status.RUNNING, None, None, now
    for name, value in report.said.items():
        setattr(task, name, value)
    if task.status == Status.COMPLETED:
        task.progress, task.step = 100.0, max(task.step, task.total_steps)
    elif report.progress is None and task.total_steps and (report.step is not None or report.total_steps is not None):
        task.progress = min(100.0, 100.0 * task.step / task.total_steps)
    if report.said or report.version is not None:
        task.version = task.version + 1 if report.version is None else report.version
        task.updated_at = now
    task.alive_until = now + timedelta(seconds=task.timeout)
    task.ended_at = now if task.has_ended else None


def fail_silent(*, limit: int = 100) -> int:
    """Fail the tasks that have not been heard from in their time, at most `limit`; returns how many. Asks the database in any case."""
    count = 0
    for pk in _overdue(limit):
        try:
            count += _fail_silent(pk)
        except db.Error:
            raise
        except Exception:  # the others must not stay at 80 % for ever because of it
            logger.exception("Task %d fell silent and cannot be failed", pk)
    return count


def _overdue(limit: int) -> list[int]:
    overdue = Task.objects.filter(status=Status.RUNNING, alive_until__lt=timezone.now())
    found = overdue.order_by("alive_until").values_list("pk", flat=True)[: max(limit, 1)]  # of none Django asks nothing
    return list(found)[:limit]


@retried
def _fail_silent(pk: int) -> int:
    now = timezone.now()
    # Looked at anew under its lock: a report may have come. Whoever has the lock, a report or another worker, sees to it.
    overdue = Task.objects.filter(pk=pk, status=Status.RUNNING, alive_until__lt=now).select_related("owner")
    task = overdue.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if task is None:
        return 0
    # The version is its producer's, which may be about to report under the next one.
    task.status, task.silent, task.updated_at, task.ended_at = Status.FAILED, True, now, now
    _end(task)
    return 1


def request_cancel(*, tasks: QuerySet[Task]) -> int:
    """Ask running tasks to stop; returns how many. It is up to the work to ask for that and to end."""
    return tasks.filter(status=Status.RUNNING, cancel_requested_at=None).update(cancel_requested_at=timezone.now())


def _tell(task: Task, *, again: bool = False) -> None:
    """Show how far a task is, after the commit. `again`: it was told to have failed, and a sign of life has no version of its own."""
    event = present(task)
    assert isinstance(event, Progress)  # noqa: S101
    message = {"type": "step", "task": task.public_id, "version": task.version, "again": again, "frame": encode(event)}
    transaction.on_commit(partial(_publish, task.owner_id, message), robust=True)


def _publish(owner_id: int, message: Mapping[str, Any]) -> None:
    publish([(user_group(owner_id), message)])


def _end(task: Task) -> None:
    """Store and tell a task's end, and the notification of it. Must be the last thing in its transaction."""
    owner = task.owner
    with translation.override(owner.language or settings.LANGUAGE_CODE):
        event = present(task)
        message = why(task) if task.status != Status.COMPLETED else task.message or _("Finished.")
    assert not isinstance(event, Progress)  # noqa: S101

    def numbered(numbers: Sequence[Mapping[int, int]]) -> None:
        task.end_seq = numbers[0][owner.pk]
        task.save()

    told = Delivery(recipients=[owner.pk], event=event)
    if task.notify and owner.is_active:
        content = _content(task.title, message, task.link, {"task_id": task.public_id, "status": task.status})
        dispatch(content=content, recipients=chosen([owner.pk], type=NOTIFICATION), before=[told], numbered=numbered)
    else:
        inbox.send([told], numbered=numbered)


def _content(title: str, message: str, link: str, data: Mapping[str, Any] | None = None) -> Content:
    """The notification of a task's end. Raises Declined for what of it was given."""
    try:
        return Content.checked(type=NOTIFICATION, title=title, message=message, link=link, data=data, source="tasks")
    except ValidationError as error:
        [(field, texts), *_rest] = error.message_dict.items()
        raise Declined("INVALID", texts[0], field) from error


def _owner(owner: User | int) -> User:
    found: User | None = User.objects.filter(pk=owner.pk if isinstance(owner, User) else owner, is_active=True).exclude(role=Role.CUSTOMER).first()
    if found is None:
        raise Declined("INVALID", _("There is no active member or agent with this number."), "user_id")
    return found


def _check_id(public_id: str) -> None:
    check_text(public_id, "id", LONGEST_ID)
    if public_id:
        try:
            valid_id(public_id)
        except ValidationError as error:
            raise Declined("INVALID", error.messages[0], "id") from error


def visible_to(user: User) -> QuerySet[Task]:
    """One's own tasks; all for staff."""
    return Task.objects.all() if user.is_staff else Task.objects.filter(owner=user)


def named(tasks: QuerySet[Task], public_id: str) -> QuerySet[Task]:
    """The one of these that has this id, which may come from an address, and be none that a database could hold."""
    return tasks.none() if storage_problem(public_id) else tasks.filter(public_id=public_id)


def running_of(user_ids: Iterable[int]) -> QuerySet[Task]:
    """What runs for these users, oldest first."""
    return Task.objects.filter(owner__in=list(user_ids), status=Status.RUNNING).order_by("pk")


def in_transaction() -> bool:
    """Whether this thread is in a transaction, where nobody would see a task before it ends."""
    return connection.in_atomic_block
