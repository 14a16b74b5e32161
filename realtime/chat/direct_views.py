"""Direct messages over REST. A conversation is found through one of its two people, so others do not find it."""

from __future__ import annotations

from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import person
from accounts.claims import MAX_ID
from accounts.limits import PerUser
from accounts.permissions import IsMemberOrAgent
from accounts.problems import Problem
from accounts.schema import PROBLEM
from notifications import backlog
from realtime.chat.direct import send_direct, writers
from realtime.chat.direct_serializers import DirectMessagePage, DirectMessageSerializer, DirectQuery, SendDirectSerializer
from realtime.chat.models import DirectMessage
from realtime.declined import as_problem


class Writers(PerUser):
    option = "rate_direct"


class DirectMessagesView(APIView):
    """What the caller and one other person have written to each other, and the way to write."""

    permission_classes = (IsMemberOrAgent,)

    def get_throttles(self) -> list[BaseThrottle]:
        return [Writers()] if self.request.method == "POST" else []

    @extend_schema(parameters=[DirectQuery], responses=DirectMessagePage)
    def get(self, request: Request, user_id: int) -> Response:
        """The conversation with this person, newest first."""
        asked = DirectQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        query, me = asked.validated_data, person(request).pk
        if not 0 < user_id <= MAX_ID or user_id == me:
            raise Problem("NOT_FOUND")
        # Before the page: who then follows the stream from `as_of` misses nothing.
        as_of = backlog.heads([me]).get(me, 0)
        conversation = DirectMessage.objects.between(me, user_id)
        wanted = conversation.filter(pk__lt=query["cursor"]) if "cursor" in query else conversation
        rows = list(wanted.select_related("sender")[: query["limit"] + 1])
        # What was said with somebody who has left stays; with whom nothing was said, nobody learns of.
        if not rows and not conversation.exists() and not writers().filter(pk=user_id).exists():
            raise Problem("NOT_FOUND")
        more = len(rows) > query["limit"]
        rows = rows[: query["limit"]]
        return Response(
            {
                "results": DirectMessageSerializer(rows, many=True).data,
                "next": request.build_absolute_uri("?" + urlencode({**query, "cursor": rows[-1].pk})) if more else None,
                "as_of": as_of,
            }
        )

    @extend_schema(request=SendDirectSerializer, responses={200: DirectMessageSerializer, 201: DirectMessageSerializer, 409: PROBLEM})
    def post(self, request: Request, user_id: int) -> Response:
        """Write to this person. 201 for a new message, 200 for one that was sent before."""
        asked = SendDirectSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if not 0 < user_id <= MAX_ID:
            raise Problem("NOT_FOUND")
        said = asked.validated_data
        with as_problem(to_user_id="user_id"):
            sent = send_direct(sender=person(request), to_user_id=user_id, text=said["message"], client_message_id=said["client_message_id"])
        return Response(DirectMessageSerializer(sent.message).data, status=status.HTTP_201_CREATED if sent.new else status.HTTP_200_OK)
