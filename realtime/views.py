"""The answer to plain HTTP at a socket's address, and what a handshake would be answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tickets
from accounts.addresses import client_address
from accounts.models import Role
from accounts.permissions import CUSTOMER_TOKEN, USER_TOKEN
from accounts.redis import RedisAway
from realtime.handshake import Admission, admit
from realtime.presence import services
from realtime.refusals import Refusal, http_problem
from realtime.serializers import SocketRefused, SocketStatus, StreamEvent

CREDENTIALS: Final[Any] = [{USER_TOKEN: []}, {CUSTOMER_TOKEN: []}, {}]  # the last one: it may stand in the address, too
REFUSED: Final = {(status, "application/problem+json"): SocketRefused for status in (400, 401, 403, 429, 503)}


@csrf_exempt
def upgrade_required(request: HttpRequest, **_parameters: str) -> HttpResponse:
    """A plain request to a socket's address."""
    return http_problem(Refusal("INVALID_REQUEST"))


class SocketStatusView(APIView):
    """Looks at a credential as a handshake does, in all the ways in which one may come, and opens nothing."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        auth=CREDENTIALS,
        parameters=[OpenApiParameter("ticket", description="It is not used up by this."), OpenApiParameter("token")],
        responses={200: SocketStatus, **REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        """Whether this credential would open a socket now, and whose it would be."""
        try:
            admission = async_to_sync(admit)(_handshake(request), redeem=tickets.apeek)
        except Refusal as refusal:
            return http_problem(refusal)
        return Response(SocketStatus(_status(admission)).data, headers={"Cache-Control": "no-store"})


class NotificationStreamView(APIView):
    """What is asked at a stream's address by another method than GET. A GET never comes here: see `sse.py`."""

    authentication_classes = []
    permission_classes = [AllowAny]
    http_method_names = ["get", "options"]

    @extend_schema(
        auth=CREDENTIALS,
        parameters=[
            OpenApiParameter("Last-Event-ID", location=OpenApiParameter.HEADER, description="The `id` of the last event that came. It goes before `since`."),
            OpenApiParameter("since", description="Where to go on, for the first time: a number, or epoch:number."),
            OpenApiParameter("ticket", description="It serves one connection, so not an `EventSource`, which comes back."),
            OpenApiParameter("token"),
        ],
        responses={(200, "text/event-stream"): StreamEvent, **REFUSED},
    )
    def get(self, request: Request) -> HttpResponse:
        """The bell's frames as server-sent events, until one of the two sides ends it."""
        return http_problem(Refusal("INVALID_REQUEST"))


def _handshake(request: Request) -> dict[str, Any]:
    """What a request has of a handshake's scope."""
    return {
        "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in request.headers.items()],
        "query_string": request.META.get("QUERY_STRING", "").encode(),
        "client": (client_address(request), 0),
        "subprotocols": [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")],
    }


def _status(admission: Admission) -> dict[str, Any]:
    claims = admission.claims
    said = {
        "authenticated": True,
        "user_id": claims.user_id,
        "role": claims.role,
        "expires_at": datetime.fromtimestamp(claims.expires_at, UTC),
        "heartbeat_interval": settings.SWITCHBOARD.ws_heartbeat_interval,
        "broadcast_presence": False,
    }
    if claims.role == Role.CUSTOMER:  # who is told nothing of others
        return said
    try:
        answer = services.ask("stand")
    except RedisAway:  # a socket is opened all the same
        return said
    return {**said, "online_count": answer.online, "broadcast_presence": answer.mode == "broadcast"}
