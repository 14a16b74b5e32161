"""The two sockets of those who watch tasks: one task, or all of a user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from django import db
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.executor import in_thread
from accounts.groups import user_group
from accounts.models import Role, User
from notifications.wire import encode, splice
from realtime.consumer import SocketConsumer
from realtime.handshake import Admission
from realtime.inlet import Receive
from realtime.layer import here
from realtime.refusals import OldClients, Refusal
from realtime.tasks.events import TOPIC, Progress, present
from realtime.tasks.models import Task
from realtime.tasks.services import named, running_of
from realtime.tasks.steps import ENDS, End, Steps

MOST_RUNNING: Final = 500
"""Running tasks that a socket is told of when it opens, the newest."""


class TaskSocket(Steps, SocketConsumer):
    """The stock site's: one task, which its owner names by its id."""

    topics = (TOPIC,)
    old_clients = OldClients.BY_HTTP
    task_id: str
    _outdated = 0  # ends up to this number were taken back by a later report

    async def check(self, parameters: Mapping[str, str]) -> None:
        """A task that is not there and one that is not yours are the same."""
        self.task_id = parameters["task_id"]
        # Its old client reads every `error` here as the end of its task.
        self.tells_errors = self.new_client
        try:
            found = await in_thread(self._find)
        except db.Error as error:
            raise Refusal("DEPENDENCY_DOWN") from error
        if found is None:
            raise Refusal("NOT_FOUND", detail=_("There is no such task."))

    def _find(self) -> Task | None:
        return named(Task.objects.filter(owner=self.claims.user_id), self.task_id).first()

    async def recall(self, head: int, *, start: int, resumes: bool) -> None:
        """First its present state; an end that this socket will be sent from its stream is not sent here, too."""
        task = await in_thread(self._find)
        if task is None:
            self.end(Refusal("NOT_FOUND", detail=_("There is no such task.")))
            return
        with translation.override(self.language):
            event = present(task)
        self._outdated = head if isinstance(event, Progress) else (task.end_seq or 0) - 1
        if isinstance(event, Progress):
            self.show(event)
        elif task.end_seq is not None and task.end_seq > start:
            self.outlet.notice(task.end_seq)
        else:
            self.sending()(splice(encode(event), seq=task.end_seq or 0))
        await super().recall(head, start=start, resumes=resumes)

    def step(self, message: Mapping[str, Any]) -> None:
        if message["task"] == self.task_id:
            super().step(message)

    def sending(self) -> Callable[[str], None]:
        """What writes heartbeats and the frames that have a number: ends, of all the user's tasks."""
        write = super().sending()

        def send(frame: str) -> None:
            if not frame.startswith(ENDS):
                write(frame)
                return
            end = msgspec.json.decode(frame, type=End)
            if end.data.task_id == self.task_id and end.seq > self._outdated:
                write(frame)
                if self.new_client:  # an old one's stays open
                    self.writer.close(1000)

        return send


class TasksSocket(Steps, SocketConsumer):
    """The task dashboard's: all tasks of one user, its own, or anybody's for staff."""

    topics = (TOPIC,)
    old_clients = OldClients.BY_CLOSE

    async def check(self, parameters: Mapping[str, str]) -> None:
        number = parameters["user_id"]
        if not (number.isascii() and number.isdigit() and len(number) <= 16):
            raise Refusal("INVALID_REQUEST", detail=_("This address ends with the number of a user."))
        self.stream = int(number)
        if self.claims.role == Role.CUSTOMER or (self._is_abroad and not self.claims.is_staff):
            raise Refusal("FORBIDDEN")
        try:
            if self._is_abroad and not await in_thread(User.objects.filter(pk=self.stream).exists):
                raise Refusal("NOT_FOUND", detail=_("There is no such user."))
        except db.Error as error:
            raise Refusal("DEPENDENCY_DOWN") from error

    @property
    def _is_abroad(self) -> bool:
        return self.stream != self.claims.user_id

    async def _live(self, receive: Receive, admission: Admission) -> None:
        own = user_group(self.claims.user_id)
        try:
            if self._is_abroad:
                await here().listen(own, self._hear_own)
            await super()._live(receive, admission)
        finally:
            here().leave(own, self._hear_own)

    def hear(self, message: Mapping[str, Any]) -> None:
        # Of another user nothing is heard but of its tasks.
        if message["type"] in ("push", "step") or not self._is_abroad:
            super().hear(message)

    def _hear_own(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "standing.changed":
            super().hear(message)

    async def recall(self, head: int, *, start: int, resumes: bool) -> None:
        """First what runs."""
        for event in await in_thread(_running, self.stream):
            await self.writer.drained()
            self.show(event)
        await super().recall(head, start=start, resumes=resumes)


def _running(user_id: int) -> list[Progress]:
    newest = reversed(running_of([user_id]).reverse()[:MOST_RUNNING])
    return [event for each in newest if isinstance(event := present(each), Progress)]
