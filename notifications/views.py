"""A user's notifications over REST. Each is found through its user, so somebody else's is simply not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.limits import PerUser
from accounts.models import User
from accounts.permissions import IsPerson, IsStaff, MaySendNotifications
from notifications import preferences, services
from notifications.announcements import announce
from notifications.models import Notification
from notifications.recipients import Audience
from notifications.serializers import (
    AnnouncementSerializer,
    ListQuery,
    NotificationPage,
    NotificationSerializer,
    PreferencesSerializer,
    ReadAllAnswer,
    ReadAllSerializer,
    SendSerializer,
    SentSerializer,
    StatusSerializer,
)
from notifications.unread import unread


class Senders(PerUser):
    option = "rate_notify"


class NotificationsView(APIView):
    """The list, and the way to send."""

    def get_permissions(self) -> Sequence[Any]:
        return [(IsStaff | MaySendNotifications)() if self.request.method == "POST" else IsPerson()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [Senders()] if self.request.method == "POST" else []

    @extend_schema(operation_id="notifications_list", parameters=[ListQuery], responses=NotificationPage)
    def get(self, request: Request) -> Response:
        """One's own notifications, newest first."""
        query = _checked(ListQuery(data=request.query_params))
        # Before the page: who then follows the stream from `as_of` misses nothing.
        state = asdict(unread(_me(request)))
        wanted = _own(request).order_by("-pk")
        for name, lookup in (("status", "status"), ("type", "type"), ("cursor", "pk__lt")):
            if name in query:
                wanted = wanted.filter(**{lookup: query[name]})
        limit = query["limit"]
        rows = list(wanted[: limit + 1]) if limit else []
        more = len(rows) > limit
        rows = rows[:limit]
        return Response(
            {
                "results": NotificationSerializer(rows, many=True).data,
                "next": request.build_absolute_uri("?" + urlencode({**query, "cursor": rows[-1].pk})) if more else None,
                "unread_count": state["count"],
                "as_of": state["as_of"],
            }
        )

    @extend_schema(request=SendSerializer, responses={201: SentSerializer})
    def post(self, request: Request) -> Response:
        """Tell one user, several, or an audience."""
        sent = _checked(SendSerializer(data=request.data))
        recipients = {name: sent.pop(name) for name in ("user_id", "user_ids", "audience") if name in sent}
        [(named, value)] = recipients.items()
        with _named(users=named):
            if named == "audience":
                sender = request.user if isinstance(request.user, User) else None
                announcement = announce(to=Audience(value), sender=sender, **sent)
                answer: dict[str, Any] = {"announcement": AnnouncementSerializer(announcement).data}
            else:
                answer = {"ids": services.notify(users=value, **sent).ids}
        return Response(answer, status=status.HTTP_201_CREATED)


class NotificationView(APIView):
    """One of one's own notifications."""

    permission_classes = (IsPerson,)

    @extend_schema(responses=NotificationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(NotificationSerializer(get_object_or_404(_own(request), pk=pk)).data)

    @extend_schema(request=StatusSerializer, responses=NotificationSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """Mark it as read or unread; all of one's sockets are told."""
        found = _own(request).filter(pk=pk)
        get_object_or_404(found)
        services.set_status(notifications=found, status=_checked(StatusSerializer(data=request.data))["status"])
        return Response(NotificationSerializer(get_object_or_404(found)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete it; all of one's sockets are told."""
        found = _own(request).filter(pk=pk)
        get_object_or_404(found)
        services.delete(notifications=found)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReadAllView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(request=ReadAllSerializer, responses=ReadAllAnswer)
    def post(self, request: Request) -> Response:
        """Mark all of one's notifications as read, or those up to an id."""
        asked = _checked(ReadAllSerializer(data=request.data))
        changed = services.read_all(user_id=_me(request), up_to=asked.get("up_to"))
        state = unread(_me(request))
        return Response({"changed": changed, "unread_count": state.count, "as_of": state.as_of})


class PreferencesView(APIView):
    """How one wants to be told of each type."""

    permission_classes = (IsPerson,)

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        return Response({"preferences": preferences.of(_me(request))})

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        """Replace them all."""
        asked = _checked(PreferencesSerializer(data=request.data))
        with _named():
            stored = preferences.replace(user_id=_me(request), preferences=asked["preferences"])
        return Response({"preferences": stored})


def _me(request: Request) -> int:
    number: int = request.user.pk  # type: ignore[assignment]  # IsPerson lets in nobody without one
    return number


def _own(request: Request) -> QuerySet[Notification]:
    return Notification.objects.filter(user=_me(request))


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


@contextmanager
def _named(**names: str) -> Iterator[None]:
    """A service's complaint as an answer, under the `names` that the request has for the service's arguments."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError({names.get(field, field): texts for field, texts in error.message_dict.items()}) from error
