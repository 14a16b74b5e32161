"""A small shop to try things out in. It is there with DEBUG only: what it offers to anybody, a real site offers to its own people."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import person
from accounts.models import Role, User
from accounts.permissions import IsMemberOrAgent
from realtime.demo import PASSWORD
from realtime.pages import page
from realtime.shop import work

PEOPLE: Final = ("mia", "john")
MOST: Final = 100

PRODUCTS: Final = (
    ("tin", gettext_lazy("Sencha"), gettext_lazy("Green tea from Uji, 100 g"), "14.50"),
    ("pouch", gettext_lazy("Oolong"), gettext_lazy("Roasted twice, 80 g"), "16.00"),
    ("teapot", gettext_lazy("Teapot"), gettext_lazy("Stoneware, 450 ml"), "38.00"),
    ("cups", gettext_lazy("Pair of cups"), gettext_lazy("Glazed inside, 160 ml each"), "22.00"),
    ("whisk", gettext_lazy("Whisk"), gettext_lazy("Bamboo, for matcha"), "12.00"),
    ("timer", gettext_lazy("Sand timer"), gettext_lazy("Three minutes, exactly"), "9.00"),
)


def in_debug_only(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @wraps(view)
    def looked_at(request: HttpRequest) -> HttpResponse:
        if not settings.DEBUG:
            raise Http404
        return view(request)

    return looked_at


@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The shop; where it is not there, what else is."""
    if not settings.DEBUG:
        return page(request, "realtime/front.html")
    products = [{"picture": f"realtime/shop/pictures/{key}.svg", "name": name, "about": about, "price": price} for key, name, about, price in PRODUCTS]
    return page(request, "realtime/shop/shop.html", {"products": products, "logins": _logins(), "password": PASSWORD})


@never_cache
@in_debug_only
def member(request: HttpRequest) -> HttpResponse:
    """The page of somebody who is logged in to the shop."""
    return page(request, "realtime/shop/member.html", {"logins": _logins(), "password": PASSWORD})


class DemoView(APIView):
    permission_classes = (IsMemberOrAgent,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.DEBUG:
            raise Http404
        super().initial(request, *args, **kwargs)


class Numbers(serializers.Serializer[Any]):
    ids = serializers.RegexField(r"^\d{1,18}(,\d{1,18})*$", max_length=19 * MOST, required=False)


@extend_schema(exclude=True)
class PeopleView(DemoView):
    def get(self, request: Request) -> Response:
        """The names of members and agents by number: those who are asked for, and the demo's own."""
        asked = Numbers(data=request.query_params)
        asked.is_valid(raise_exception=True)
        ids = [int(number) for number in asked.validated_data.get("ids", "").split(",")[:MOST] if number]
        known = User.objects.exclude(role=Role.CUSTOMER).filter(is_active=True)
        found = known.filter(pk__in=ids) | known.filter(username__in=PEOPLE)
        return Response({"results": [{"id": user.pk, "name": user.display_name or user.username, "agent": user.role == Role.AGENT} for user in found]})


@extend_schema(exclude=True)
class TasksView(DemoView):
    def post(self, request: Request) -> Response:
        """Begin something that takes a while."""
        return Response({"id": work.begin(person(request))}, status=status.HTTP_201_CREATED)


def _logins() -> list[dict[str, str]]:
    return [{"username": name, "label": _("Log in as %(name)s") % {"name": name.title()}} for name in PEOPLE]
