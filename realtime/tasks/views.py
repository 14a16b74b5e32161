"""Tasks over REST: their owners read them, and producers in any language report them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import person
from accounts.limits import PerUser
from accounts.models import User
from accounts.permissions import IsMemberOrAgent, MayReportTasks
from accounts.problems import Problem
from accounts.schema import PROBLEM
from notifications import backlog
from realtime.declined import Declined, as_problem
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import Report
from realtime.tasks.serializers import BeginSerializer, ReportSerializer, TaskPage, TaskQuery, TaskSerializer
from realtime.tasks.services import named

PRODUCERS: Final = IsMemberOrAgent | MayReportTasks


class Reporters(PerUser):
    option = "rate_tasks"


class LimitedView(APIView):
    """Calls that change something are limited, together."""

    def get_throttles(self) -> list[BaseThrottle]:
        return [Reporters()] if self.request.method in ("POST", "PATCH") else []


class TasksView(LimitedView):
    """The list, and the way to begin."""

    def get_permissions(self) -> Sequence[Any]:
        return [PRODUCERS() if self.request.method == "POST" else IsMemberOrAgent()]

    @extend_schema(operation_id="tasks_list", parameters=[TaskQuery], responses=TaskPage)
    def get(self, request: Request) -> Response:
        """One's own tasks, newest first."""
        query, me = _checked(TaskQuery(data=request.query_params)), person(request).pk
        # Before the page: who then follows the stream from `as_of` misses no end.
        as_of = backlog.heads([me]).get(me, 0)
        wanted = Task.objects.filter(owner=me).order_by("-pk")
        if "status" in query:
            wanted = wanted.filter(status=query["status"])
        if "cursor" in query:
            wanted = wanted.filter(pk__lt=query["cursor"])
        rows = list(wanted[: query["limit"] + 1])
        shown = rows[: query["limit"]]
        more = request.build_absolute_uri("?" + urlencode({**query, "cursor": shown[-1].pk})) if len(rows) > len(shown) else None
        return Response({"results": TaskSerializer(shown, many=True).data, "next": more, "as_of": as_of})

    @extend_schema(request=BeginSerializer, responses={200: TaskSerializer, 201: TaskSerializer, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Begin a task: people their own, service keys with the scope `tasks` anybody's. 201 for a new one, 200 for one that was begun before."""
        said = _checked(BeginSerializer(data=request.data, context={"user": request.user}))
        owner, source = said.pop("user_id", None), Task.Source.SERVICE
        if isinstance(request.user, User):
            if owner not in (None, request.user.pk):
                text = _("You can begin tasks of your own only. Leave this out.")
                raise Problem("FORBIDDEN", detail=text, errors={"user_id": [text]})
            owner, source = request.user.pk, Task.Source.OWNER
        with as_problem():
            begun = services.begin(owner=owner, source=source, public_id=said.pop("id"), **said)
        return Response(TaskSerializer(begun.task).data, status=status.HTTP_201_CREATED if begun.new else status.HTTP_200_OK)


class TaskView(LimitedView):
    """One task."""

    permission_classes = (PRODUCERS,)

    @extend_schema(responses=TaskSerializer)
    def get(self, request: Request, task_id: str) -> Response:
        """One's own task; any for staff and for service keys with the scope `tasks`."""
        return Response(TaskSerializer(_found(request, task_id)).data)

    @extend_schema(request=ReportSerializer, responses={200: TaskSerializer, 409: PROBLEM})
    def patch(self, request: Request, task_id: str) -> Response:
        """Say how far it is. An older `version` than is known, and anything after the end, is a 409 and changes nothing."""
        said = _checked(ReportSerializer(data=request.data))
        with as_problem():
            return Response(TaskSerializer(_report(request, task_id, Report(**said))).data)


class CancelView(LimitedView):
    permission_classes = (IsMemberOrAgent,)

    @extend_schema(request=None, responses={200: TaskSerializer, 409: PROBLEM})
    def post(self, request: Request, task_id: str) -> Response:
        """Ask a task to stop: its owner, or staff. It is up to the work to do so; asking twice is asking once."""
        services.request_cancel(tasks=named(services.visible_to(person(request)), task_id))
        task = _found(request, task_id)
        if task.has_ended:
            raise Problem("CONFLICT", detail=_("This task has ended: %(status)s.") % {"status": task.get_status_display()})
        return Response(TaskSerializer(task).data)


def _found(request: Request, task_id: str) -> Task:
    """A task that the caller may see."""
    visible = services.visible_to(request.user) if isinstance(request.user, User) else Task.objects.all()
    task = named(visible, task_id).first()
    if task is None:
        raise Problem("NOT_FOUND", detail=_("There is no such task."))
    return task


def _report(request: Request, task_id: str, report: Report) -> Task:
    """Raises Declined."""
    if not isinstance(request.user, User):
        return services.report(tasks=named(Task.objects.all(), task_id), report=report)
    own = named(Task.objects.filter(owner=request.user, source=Task.Source.OWNER), task_id)
    try:
        return services.report(tasks=own, report=report)
    except Declined as declined:
        if declined.code == "NOT_FOUND" and named(services.visible_to(request.user), task_id).exists():
            raise Declined("FORBIDDEN", _("Only the program that began this task can say how far it is.")) from declined
        raise


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
