"""Who calls the API: a bearer token (ours or the host's) or a service key, in the Authorization header. No cookies."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import languages, revocation, service_keys, tokens
from accounts.claims import Claims, TokenRefused
from accounts.models import ServiceKey, User
from accounts.problems import Problem
from accounts.service_keys import Service


class BearerAuthentication(BaseAuthentication):
    """`request.user` is a User and `request.auth` its Claims, or a Service and its ServiceKey."""

    def authenticate(self, request: Request) -> tuple[User, Claims] | tuple[Service, ServiceKey] | None:
        text = bearer(request)
        if not text:
            return None
        if text.startswith(service_keys.PREFIX):
            found = service_keys.find(text)
            if found is None:
                raise Problem("TOKEN_EXPIRED")
            return found
        try:
            said = tokens.verify(text)
            user = User.objects.filter(pk=said.user_id).first()
            revocation.check(said, user)
        except TokenRefused as error:
            raise Problem("TOKEN_EXPIRED") from error
        assert user is not None  # noqa: S101 - check() has refused it
        languages.note(user, request.headers.get("Accept-Language", ""))
        return user, said

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class OptionalBearer(BearerAuthentication):
    """For calls that anybody may make: a token that is no longer good counts as none."""

    def authenticate(self, request: Request) -> tuple[User, Claims] | tuple[Service, ServiceKey] | None:
        try:
            return super().authenticate(request)
        except Problem:
            return None


def person(request: Request) -> User:
    """Whose call it is, in a view that only people may call."""
    if not isinstance(request.user, User):
        raise Problem("FORBIDDEN")
    return request.user


def claims(request: Request) -> Claims:
    """What that person's token says."""
    if not isinstance(request.auth, Claims):
        raise Problem("FORBIDDEN")
    return request.auth


def bearer(request: Request) -> str:
    """The credential of the Authorization header, or an empty text."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
