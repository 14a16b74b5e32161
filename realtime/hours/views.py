"""Business hours over REST."""

from __future__ import annotations

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import IsPerson
from realtime.hours import services
from realtime.hours.serializers import HoursQuery, HoursSerializer


class HoursView(APIView):
    permission_classes = [IsPerson]

    @extend_schema(parameters=[HoursQuery], responses=HoursSerializer)
    def get(self, request: Request) -> Response:
        """Whether somebody is here, when again, and when usually."""
        asked = HoursQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        plan = services.plan()
        away = plan.away_text(get_language() or "", asked.validated_data.get("tz"))
        shown = {
            "open": away is None,
            "timeZone": plan.time_zone,
            "nextOpening": None if away is None else plan.next_opening(),
            "awayMessage": away,
            "week": [{"weekday": number, "slots": plan.schedule.weekday(number)} for number in range(7)],
            "exceptions": plan.upcoming(),
        }
        return Response(HoursSerializer(shown).data)
