"""The calls about identity."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as rest
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import identity, languages, limits, logins, refresh, serializers, services, tickets, tokens
from accounts.addresses import client_address, neighbourhood
from accounts.authentication import OptionalBearer, claims, person
from accounts.claims import TokenRefused
from accounts.models import Customer, User
from accounts.permissions import IsPerson, MayMakeUsers
from accounts.problems import Problem, without_words
from accounts.schema import PROBLEM


class CustomersView(APIView):
    """A visitor of a shop becomes a customer: an anonymous one, or the one whom the host site vouches for."""

    authentication_classes = [OptionalBearer]
    permission_classes = [AllowAny]
    throttle_classes = [limits.CustomersMade]

    @extend_schema(
        request=serializers.NewCustomer,
        responses={201: serializers.CustomerMade, 403: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        asked = _valid(serializers.NewCustomer(data=request.data))
        fields = {"name": asked["name"], "channel": asked["channel"], "metadata": asked.get("metadata") or {}}
        external_id = proved(asked.get("identity"))
        if external_id is not None:
            customer = services.make_verified_customer(external_id=external_id, anonymous=_customer_of(request), **fields)
        elif settings.SWITCHBOARD.identity_required:
            raise not_proved()
        else:
            customer = services.make_customer(**fields)
        languages.note(customer.user, request.headers.get("Accept-Language", ""))
        token, expires_at = tokens.issue(customer.user)
        made = {
            "id": customer.public_id,
            "name": customer.name,
            "channel": customer.channel,
            "metadata": customer.metadata,
            "token": token,
            "expiresAt": expires_at,
            "userId": customer.pk,
        }
        return Response(serializers.CustomerMade(made).data, status=201)


class CustomerTokenView(APIView):
    """A new token for a customer that knows its id.

    A failure has an empty body unless the client names JSON in `Accept`: the widget in use stops
    asking only when what it gets is not JSON.
    """

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(request=serializers.CustomerTokenAsked, responses={200: serializers.TokenMade, 403: PROBLEM, 404: PROBLEM, 429: PROBLEM})
    def post(self, request: Request) -> Response:
        asked = _valid(serializers.CustomerTokenAsked(data=request.data))
        options = settings.SWITCHBOARD
        customer = services.find_customer(public_id=asked["customerId"], channel=asked["channel"])
        if customer is None:
            _count("rate_customer_token_wrong", neighbourhood(client_address(request)), options.rate_customer_token_wrong)
            raise Problem("NOT_FOUND")
        _count("rate_customer_token", customer.pk, options.rate_customer_token)
        external_id = proved(asked.get("identity"))
        if (customer.external_id or options.identity_required) and external_id != (customer.external_id or ""):
            raise not_proved()
        return Response(_token_made(customer.user))

    def handle_exception(self, exc: Exception) -> Response:
        return without_words(super().handle_exception(exc), path=self.request.path, accept=self.request.headers.get("Accept", ""))


class LoginView(APIView):
    """Members, agents and staff sign in."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [limits.Logins]

    @extend_schema(request=serializers.Credentials, responses={200: serializers.LoggedIn, 401: PROBLEM})
    def post(self, request: Request) -> Response:
        user = _logged_in(request)
        return Response({**_token_made(user), "user": serializers.UserShown(user).data})


class PairView(LoginView):
    """The same for REST consumers, with a refresh token."""

    @extend_schema(request=serializers.Credentials, responses={200: serializers.PairMade, 401: PROBLEM})
    def post(self, request: Request) -> Response:
        return Response(_pair(_logged_in(request)))


class RefreshView(APIView):
    """A new pair for a refresh token, which is spent by that."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(request=serializers.RefreshSent, responses={200: serializers.PairMade, 401: PROBLEM})
    def post(self, request: Request) -> Response:
        asked = _valid(serializers.RefreshSent(data=request.data))
        try:
            user = refresh.rotate(asked["refresh"])
        except TokenRefused as error:
            raise Problem("TOKEN_EXPIRED") from error
        return Response(_pair(user))


class LogoutView(APIView):
    """Out, everywhere."""

    permission_classes = [IsPerson]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        services.log_out(user_ids=[person(request).pk])
        return Response(status=204)


class PasswordView(APIView):
    """A new password; every token from before is worthless then."""

    permission_classes = [IsPerson]

    @extend_schema(request=serializers.PasswordChange, responses={204: None, 429: PROBLEM})
    def post(self, request: Request) -> Response:
        user = person(request)
        if not user.has_usable_password():
            raise Problem("FORBIDDEN", detail=_("Your account has no password here. Change it where you sign in."))
        asked = _valid(serializers.PasswordChange(data=request.data, context={"user": user}))
        try:
            # Not only compared: whoever found a token lying about must not try passwords with it for ever.
            logins.log_in(request=request._request, username=user.username, password=asked["old"])
        except Problem as problem:
            if problem.code != "INVALID_CREDENTIALS":
                raise
            raise rest.ValidationError({"old": [_("This is not your present password.")]}) from problem
        services.change_password(user=user, new=asked["new"])
        return Response(status=204)


class TicketView(APIView):
    """A ticket for one socket, so that no token needs to stand in its address."""

    permission_classes = [IsPerson]
    throttle_classes = [limits.Tickets]

    @extend_schema(request=None, responses={201: serializers.TicketMade})
    def post(self, request: Request) -> Response:
        ticket, expires_in = tickets.issue(claims(request))
        return Response({"ticket": ticket, "expiresIn": expires_in}, status=201)


class UsersView(APIView):
    """The host site makes its users known, each as often as it likes."""

    permission_classes = [MayMakeUsers]

    @extend_schema(request=serializers.NewMember, responses={200: serializers.UserShown, 201: serializers.UserShown, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        asked = _valid(serializers.NewMember(data=request.data))
        user, new = services.make_member(id=asked.get("id"), username=asked["username"], display_name=asked["displayName"])
        return Response(serializers.UserShown(user).data, status=201 if new else 200)


def proved(claimed: dict[str, str] | None) -> str | None:
    """The host's id of a customer, if it is vouched for; None if none is claimed. Raises Problem."""
    if claimed is None:
        return None
    if not identity.is_proved(external_id=claimed["externalId"], hash=claimed["hash"]):
        raise not_proved()
    return claimed["externalId"]


def not_proved() -> Problem:
    text = _("The host site must vouch for this customer: send its externalId and the right hash.")
    return Problem("FORBIDDEN", detail=text, errors={"identity": [text]})


def _customer_of(request: Request) -> Customer | None:
    """The anonymous customer whose bearer came along."""
    if not isinstance(request.user, User):
        return None
    return Customer.objects.filter(pk=request.user.pk, external_id=None, logged_out_at=None).first()


def _logged_in(request: Request) -> User:
    asked = _valid(serializers.Credentials(data=request.data))
    user = logins.log_in(request=request._request, username=asked["username"], password=asked["password"])
    languages.note(user, request.headers.get("Accept-Language", ""))
    return user


def _token_made(user: User) -> dict[str, Any]:
    token, expires_at = tokens.issue(user)
    return dict(serializers.TokenMade({"token": token, "expiresAt": expires_at}).data)


def _pair(user: User) -> dict[str, str]:
    return {"access": tokens.issue(user)[0], "refresh": refresh.issue(user)}


def _count(name: str, key: object, rate: limits.Rate) -> None:
    wait = limits.hit(name, key, rate)
    if wait is not None:
        raise Problem("RATE_LIMITED", wait=wait)


def _valid(serializer: rest.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
