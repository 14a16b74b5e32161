"""Support sessions over REST. Each is found through the caller, so to others it is not there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import person
from accounts.limits import PerUser
from accounts.models import Role, User
from accounts.permissions import IsPerson
from accounts.problems import Problem
from accounts.schema import PROBLEM
from notifications import backlog
from realtime.chat import listing, posting, services, sessions
from realtime.chat.models import Session
from realtime.chat.posting import Post
from realtime.chat.serializers import (
    MessagePage,
    MessageQuery,
    MessageSerializer,
    OpenSerializer,
    ParticipantSerializer,
    RateSerializer,
    ReadSerializer,
    SayingSerializer,
    SessionCursor,
    SessionDetail,
    SessionPage,
    SessionQuery,
    SessionSerializer,
    TransferSerializer,
    TransferToSerializer,
    UnreadSerializer,
)
from realtime.declined import as_problem


class Supporters(PerUser):
    option = "rate_support"


class SupportView(APIView):
    """What all of these calls share: any person may make them, and finds its own sessions only."""

    permission_classes = (IsPerson,)

    def get_throttles(self) -> list[BaseThrottle]:
        return [Supporters()] if self.request.method == "POST" else []


class SessionsView(SupportView):
    """The list, and the way for a customer to begin."""

    @extend_schema(operation_id="sessions_list", parameters=[SessionQuery], responses=SessionPage)
    def get(self, request: Request) -> Response:
        """A customer's own sessions; the queue and its own for an agent; all for staff. Newest first; those that wait, longest waiting first."""
        user, asked = person(request), SessionQuery(data=request.query_params)
        query = _checked(asked)
        # Before the page: who then follows the stream from `asOf` misses nothing.
        as_of = _head(user)
        rows = list(listing.matching(user, query)[: query["limit"] + 1])
        more, rows = len(rows) > query["limit"], rows[: query["limit"]]
        cursor = SessionCursor().to_representation(listing.place(rows[-1], query)) if more else None
        return Response({"results": _shown(user, rows), "next": _next(request, asked, cursor), "asOf": as_of})

    @extend_schema(request=OpenSerializer, responses={200: SessionDetail, 201: SessionDetail, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Open a session, for customers. 201 for a new one, 200 with the one that is open already; the text is written there in either case."""
        user = person(request)
        if user.role != Role.CUSTOMER:
            raise Problem("FORBIDDEN")
        said = _checked(OpenSerializer(data=request.data))
        with as_problem():
            opened = services.open_session(
                customer=user, subject=said["subject"], channel=said["channel"], text=said["text"], client_message_id=said["clientMessageId"]
            )
        return _detail(user, opened.session.public_id, status=status.HTTP_201_CREATED if opened.new else status.HTTP_200_OK)


class SessionView(SupportView):
    """One session."""

    @extend_schema(responses=SessionDetail)
    def get(self, request: Request, session_id: UUID) -> Response:
        """One session; for agents and staff with its people and its history."""
        return _detail(person(request), session_id)


class MessagesView(SupportView):
    """What is said in a session, and the way to write."""

    @extend_schema(parameters=[MessageQuery], responses=MessagePage)
    def get(self, request: Request, session_id: UUID) -> Response:
        """The session's messages. Notes are shown to agents and staff only."""
        user = person(request)
        session = _found(user, session_id)
        asked = MessageQuery(data=request.query_params)
        query = _checked(asked)
        forwards, limit = query["order"] == "oldest", query["limit"]
        as_of = _head(user)  # before the page, as above
        said = sessions.messages_for(user, session)
        if "cursor" in query:
            with as_problem():
                said = listing.after(said, query["cursor"], forwards=forwards)
        rows = list(said.order_by("order" if forwards else "-order")[: limit + 1])
        more, rows = len(rows) > limit, rows[:limit]
        for message in rows:
            message.session = session
        results = MessageSerializer(rows, many=True, context={"user": user}).data
        return Response({"results": results, "next": _next(request, asked, rows[-1].public_id if more else None), "asOf": as_of})

    @extend_schema(request=SayingSerializer, responses={200: MessageSerializer, 201: MessageSerializer, 409: PROBLEM})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Write. 201 for a new message, 200 for one that was written before.

        What a customer writes into a session that was closed opens it again, or another one if that is long ago: see the answer's `sessionId`.
        """
        user = person(request)
        _found(user, session_id)
        said = _checked(SayingSerializer(data=request.data))
        wanted = Post(
            sender_id=user.pk,
            role=user.role,
            is_staff=user.is_staff,
            session_id=session_id,
            text=said["text"],
            client_message_id=said["clientMessageId"],
            is_note=said["note"],
        )
        with as_problem():
            sent = posting.post(wanted)
        shown = MessageSerializer(sent.message, context={"user": user}).data
        return Response(shown, status=status.HTTP_201_CREATED if sent.new else status.HTTP_200_OK)


class ClaimView(SupportView):
    @extend_schema(request=None, responses={200: SessionDetail, 409: PROBLEM})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Take a waiting session, for agents. 409 says who has it if somebody else was faster."""
        user = person(request)
        if user.role != Role.AGENT:
            _found(user, session_id)
            raise Problem("FORBIDDEN")
        # Not found through the agent: to one who was slower it would not be there any more, instead of somebody else's.
        with as_problem():
            services.claim(agent=user, session_id=session_id)
        return _detail(user, session_id)


class TransferView(SupportView):
    @extend_schema(request=TransferToSerializer, responses={200: SessionDetail, 409: PROBLEM})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Hand one's session over to another agent."""
        user = person(request)
        _found(user, session_id)
        said = _checked(TransferToSerializer(data=request.data))
        with as_problem():
            services.transfer(by=user, session_id=session_id, to_user_id=said["toUserId"], note=said["note"])
        return _detail(user, session_id)


class CloseView(SupportView):
    @extend_schema(request=None, responses={200: SessionDetail, 409: PROBLEM})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Close a session: its customer, its agent or staff."""
        user = person(request)
        with as_problem():
            services.close(by=user, session_id=_found(user, session_id).public_id)
        return _detail(user, session_id)


class ReadView(SupportView):
    @extend_schema(request=ReadSerializer, responses=UnreadSerializer)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Mark a session's messages as read; the others in it are told. Answers what is left in all of the caller's sessions."""
        _taking_part(person(request), session_id)
        said = _checked(ReadSerializer(data=request.data))
        return _read(person(request), session_id, said.get("upTo"))


class RateView(SupportView):
    @extend_schema(request=RateSerializer, responses={200: SessionDetail, 409: PROBLEM})
    def post(self, request: Request, session_id: UUID) -> Response:
        """Say how it was, for the session's customer once it is closed."""
        user = person(request)
        if _found(user, session_id).customer_id != user.pk:
            raise Problem("FORBIDDEN")
        said = _checked(RateSerializer(data=request.data))
        with as_problem():
            services.rate(customer=user, session_id=session_id, rating=said["rating"], comment=said["comment"])
        return _detail(user, session_id)


class UnreadView(SupportView):
    @extend_schema(responses=UnreadSerializer)
    def get(self, request: Request) -> Response:
        """How many messages the caller has not read, in all of its sessions."""
        return _unread(person(request))


class MarkReadView(ReadView):
    """The same at the address that the customer-service widget knows."""

    @extend_schema(request=None, responses=UnreadSerializer)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Mark all of a session's messages as read."""
        _taking_part(person(request), session_id)
        return _read(person(request), session_id, None)


def _found(user: User, session_id: UUID) -> Session:
    with as_problem():
        return sessions.find(user, session_id)


def _taking_part(user: User, session_id: UUID) -> None:
    """Raises Problem for who only looks on, as in the queue: what it reads is no receipt."""
    if not _found(user, session_id).participants.filter(user=user).exists():
        raise Problem("FORBIDDEN")


def _read(user: User, session_id: UUID, up_to: UUID | None) -> Response:
    with as_problem():
        services.read(user_id=user.pk, session_id=session_id, up_to=up_to)
    return _unread(user)


def _head(user: User) -> int:
    return backlog.heads([user.pk]).get(user.pk, 0)


def _unread(user: User) -> Response:
    return Response(UnreadSerializer(services.unread(user.pk)).data)


def _detail(user: User, session_id: UUID, *, status: int = status.HTTP_200_OK) -> Response:
    as_of = _head(user)
    session = _found(user, session_id)
    [shown] = _shown(user, [session])
    if user.role != Role.CUSTOMER:
        shown["transfers"] = TransferSerializer(listing.history(session), many=True).data
        shown["participants"] = ParticipantSerializer(listing.people(session), many=True).data
    return Response({**shown, "asOf": as_of}, status=status)


def _shown(user: User, rows: list[Session]) -> list[dict[str, Any]]:
    context: dict[str, Any] = {"user": user, "unread": services.unread_by_session(user.pk, rows), "last": listing.last_messages(user, rows)}
    context["read"] = listing.read_by_others(user, rows)
    shown: list[dict[str, Any]] = SessionSerializer(rows, many=True, context=context).data  # type: ignore[assignment]
    return shown


def _next(request: Request, asked: serializers.Serializer[Any], cursor: object) -> str | None:
    """The address of the next page: what was asked for, with another cursor."""
    if cursor is None:
        return None
    query = {name: value for name, value in request.query_params.items() if name in asked.fields}
    return request.build_absolute_uri("?" + urlencode({**query, "cursor": cursor}))


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
