"""The desk over REST. Customers and messages are found through the person who asks; what it may not see is not there."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import languages
from accounts.authentication import person
from accounts.claims import MAX_ID
from accounts.models import Agent, Customer, Role, User
from accounts.permissions import CUSTOMER_TOKEN, IsAgent, IsPerson, IsStaff
from accounts.problems import Problem
from accounts.schema import PROBLEM
from realtime.chat import services as chat
from realtime.chat.load import loads
from realtime.chat.models import Session
from realtime.chat.sessions import visible_to
from realtime.chat.views import Supporters
from realtime.chat.words import agent_name
from realtime.declined import as_problem
from realtime.desk import figures, services
from realtime.desk import serializers as shapes
from realtime.desk.front import front
from realtime.desk.models import CannedReply
from realtime.desk.search import search

AT_THE_DESK = (IsAgent | IsStaff,)


class IsCustomer(IsPerson):
    """Customers."""

    credentials = (CUSTOMER_TOKEN,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.role == Role.CUSTOMER


class RepliesView(APIView):
    permission_classes = AT_THE_DESK

    @extend_schema(parameters=[shapes.RepliesQuery], responses={200: shapes.ReplyPage, 404: PROBLEM})
    def get(self, request: Request) -> Response:
        """The canned replies, by shortcut; with `session` as they would be sent in it."""
        query = _checked(shapes.RepliesQuery(data=request.query_params))
        names = _names(request, query["session"]) if "session" in query else {}
        wanted = CannedReply.objects.order_by("shortcut")
        if words := query.get("q"):
            wanted = wanted.filter(Q(shortcut__icontains=words) | Q(text__icontains=words))
        if "cursor" in query:
            wanted = wanted.filter(shortcut__gt=query["cursor"])
        rows = list(wanted[: query["limit"] + 1])
        shown = rows[: query["limit"]]
        cursor = shown[-1].shortcut if len(rows) > len(shown) else None
        return _page(request, query, shapes.ReplySerializer([{"shortcut": each.shortcut, "text": each.filled(names)} for each in shown], many=True), cursor)


class SettingsView(APIView):
    """What a shop's page shows before there is a customer."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=shapes.FrontSerializer)
    def get(self, request: Request) -> Response:
        """Who answers and how soon, whether somebody is there, and what the widget asks for. The same for everybody."""
        knobs, found = settings.SWITCHBOARD, asdict(front.get())
        found |= {"shopName": knobs.shop_name, "askName": knobs.widget_ask_name, "identityRequired": knobs.identity_required}
        found |= {"waitWarn": knobs.support_wait_warn, "waitBad": knobs.support_wait_bad, "emailPossible": bool(knobs.email_url)}
        return Response(shapes.FrontSerializer(found).data, headers={"Cache-Control": "public, max-age=60"})


class AgentsView(APIView):
    permission_classes = AT_THE_DESK

    @extend_schema(parameters=[shapes.AgentsQuery], responses=shapes.AgentPage)
    def get(self, request: Request) -> Response:
        """The agents, how they are and how busy, to choose one to transfer a session to."""
        query = _checked(shapes.AgentsQuery(data=request.query_params))
        wanted = User.objects.filter(role=Role.AGENT, is_active=True, pk__gt=query.get("cursor", 0)).select_related("agent").order_by("pk")
        rows = list(wanted[: query["limit"] + 1])
        shown = rows[: query["limit"]]
        busy = loads(each.agent if hasattr(each, "agent") else Agent(user=each) for each in shown)
        cursor = shown[-1].pk if len(rows) > len(shown) else None
        return _page(request, query, shapes.AgentSerializer([{"user": each, "load": busy[each.pk]} for each in shown], many=True), cursor)


class MeView(APIView):
    """A customer who says later who she is."""

    permission_classes = (IsCustomer,)
    throttle_classes = (Supporters,)

    @extend_schema(request=shapes.MeChange, responses=shapes.MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change one's name, or what the shop's page says of one; the agent sees it at once."""
        asked = _checked(shapes.MeChange(data=request.data))
        languages.note(person(request), request.headers.get("Accept-Language", ""))
        customer = services.describe(customer_id=person(request).pk, name=asked.get("name"), metadata=asked.get("metadata"))
        return Response(shapes.MeSerializer(customer).data)


class CardView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(responses=shapes.CardSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        """Who a customer is, and what it asked before."""
        customer = _customer(request, user_id)
        sessions = Session.objects.filter(customer=customer.pk).select_related("agent").order_by("-pk")
        customer.sessions = list(sessions[:20])  # type: ignore[attr-defined]  # for the serializer
        return Response(shapes.CardSerializer(customer).data)


class BlockView(APIView):
    permission_classes = (IsPerson,)
    throttle_classes = (Supporters,)

    @extend_schema(request=shapes.BlockSerializer, responses={204: None})
    def post(self, request: Request, user_id: int) -> Response:
        """Let a customer write no more; what it has open is closed. Blocking twice is blocking once."""
        customer = _customer(request, user_id)
        asked = _checked(shapes.BlockSerializer(data=request.data))
        with as_problem():
            chat.block(by=person(request), customer_id=customer.pk, reason=asked["reason"])
        return Response(status=204)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, user_id: int) -> Response:
        """Let it write again."""
        customer = _customer(request, user_id)
        with as_problem():
            chat.unblock(by=person(request), customer_id=customer.pk)
        return Response(status=204)


class SearchView(APIView):
    permission_classes = AT_THE_DESK

    @extend_schema(parameters=[shapes.SearchQuery], responses=shapes.SearchPage)
    def get(self, request: Request) -> Response:
        """Messages with these words in them, of the sessions that the caller may see."""
        query = _checked(shapes.SearchQuery(data=request.query_params))
        found = search(user=person(request), words=query["q"], limit=query["limit"], cursor=query.get("cursor"))
        return _page(request, query, shapes.FoundMessage(found.messages, many=True), found.cursor)


class EmailView(APIView):
    """Where a customer's answers are mailed while it is away."""

    permission_classes = (IsCustomer,)
    throttle_classes = (Supporters,)

    @extend_schema(request=shapes.EmailSerializer, responses=shapes.EmailSerializer)
    def put(self, request: Request) -> Response:
        """Leave an address, or another one."""
        asked = _checked(shapes.EmailSerializer(data=request.data))
        services.leave_email(customer=person(request), email=asked["email"])
        return Response(asked)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Have it forgotten."""
        services.forget_email(customer=person(request))
        return Response(status=204)


class FiguresView(APIView):
    permission_classes = AT_THE_DESK

    @extend_schema(parameters=[shapes.FiguresQuery], responses={200: shapes.FiguresAnswer, 404: PROBLEM})
    def get(self, request: Request) -> Response:
        """Sessions by day and agent: how many, how fast, how long and how well. Staff sees all agents', an agent its own."""
        query = _checked(shapes.FiguresQuery(data=request.query_params))
        me = person(request)
        wanted = query.get("agent", None if me.is_staff else me.pk)
        if wanted is not None:
            get_object_or_404(User.objects.exclude(role=Role.CUSTOMER) if me.is_staff else User.objects.filter(pk=me.pk), pk=wanted)
        try:
            rows, total = figures.figures(first=query["from"], last=query["to"], zone=query["zone"], agent_id=wanted)
        except figures.TooMany as error:
            raise serializers.ValidationError({"to": _("These are too many figures. Ask for fewer days, or for one agent.")}) from error
        agents = User.objects.in_bulk({row.agent_id for row in rows if row.agent_id is not None})
        days = [{"day": row.day, "agent": agents.get(row.agent_id), **_members(row.figures)} for row in rows]
        return Response(shapes.FiguresAnswer({"days": days, "totals": _members(total)}).data)


def _customer(request: Request, user_id: int) -> Customer:
    if not 0 < user_id <= MAX_ID:
        raise Problem("NOT_FOUND")
    return get_object_or_404(services.customers_for(person(request)), pk=user_id)


def _names(request: Request, session_id: Any) -> dict[str, str]:
    """What takes the placeholders' places."""
    session = get_object_or_404(visible_to(person(request)).select_related("customer"), public_id=session_id)
    return {"customer": session.customer.shown_name, "agent": agent_name(person(request))}


def _members(found: figures.Figures) -> dict[str, Any]:
    """Rounded: what a database makes of milliseconds is not to be read."""
    values = ((each.name, getattr(found, each.name)) for each in fields(found))
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in values}


def _page(request: Request, query: dict[str, Any], results: Any, cursor: object) -> Response:
    following = request.build_absolute_uri("?" + urlencode({**query, "cursor": cursor})) if cursor is not None else None
    return Response({"results": results.data, "next": following})


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
