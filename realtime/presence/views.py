"""Who is here, over REST. What cannot be told because Redis is away is a 503."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import OptionalBearer, person
from accounts.permissions import IsMemberOrAgent, IsPerson, IsStaff
from realtime.presence import services
from realtime.presence.serializers import ConnectionsSerializer, CountSerializer, OnlineQuery, OnlineSerializer, PersonSerializer


class OnlineView(APIView):
    permission_classes = [IsMemberOrAgent]

    @extend_schema(parameters=[OnlineQuery], responses=OnlineSerializer)
    def get(self, request: Request) -> Response:
        """How many members and agents are online, and who came last."""
        query = OnlineQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        count, users = services.newest(query.validated_data["limit"])
        return Response(OnlineSerializer({"online_count": count, "users": users}).data)


class CountView(APIView):
    permission_classes = [IsMemberOrAgent]

    @extend_schema(responses=CountSerializer)
    def get(self, request: Request) -> Response:
        """How many members and agents are online."""
        return Response({"online_count": services.ask("stand").online})


class StatusView(APIView):
    permission_classes = [IsPerson]

    @extend_schema(responses=PersonSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        """How somebody is. Customers are there for agents only, and for customers only the agent that serves them."""
        found = get_object_or_404(services.visible_to(person(request)), pk=user_id)
        return Response(PersonSerializer(services.look(found)).data)


class ConnectionsView(APIView):
    """Anybody may ask for the totals; names are for staff."""

    authentication_classes = [OptionalBearer]
    permission_classes = [AllowAny]

    @extend_schema(responses=ConnectionsSerializer)
    def get(self, request: Request) -> Response:
        """How many users have how many connections."""
        named = IsStaff().has_permission(request, self)
        return Response(ConnectionsSerializer(services.connections(named=named)).data)
