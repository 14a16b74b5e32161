"""Who opens this socket, from where, and where it wants to begin. Costs no query while Redis is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django import db
from django.conf import settings
from django.http.request import validate_host
from django.utils.translation import gettext_lazy as _

from accounts import languages, limits, revocation, tickets, tokens
from accounts.addresses import neighbourhood
from accounts.claims import Claims, KeysUnavailable, TokenRefused
from notifications.wire import MAX_SEQ
from realtime.refusals import PROTOCOL, TEMPORARY, Refusal
from realtime.worker import draining

_BEARER: Final = "bearer."
_LOCALHOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a client goes on: a number, and the history it belongs to if the client said so."""

    since: int
    epoch: str | None


@dataclass(frozen=True, slots=True)
class Admission:
    """A handshake that is good: whose it is, where it begins, and how its client is spoken to."""

    claims: Claims
    cursor: Cursor | None
    new_client: bool
    language: str


Redeem = Callable[[str], Awaitable[Claims]]


async def admit(scope: Mapping[str, Any], *, redeem: Redeem = tickets.aredeem) -> Admission:
    """Check a handshake. Raises Refusal. `redeem` says what a ticket was given for, or raises TokenRefused."""
    if draining.is_set() or scope.get("overloaded"):
        raise Refusal("OVERLOADED")
    headers = _headers(scope)
    async with counted(scope):
        query = _query(scope)
        _check_origin(headers.get("origin"), headers.get("host", ""))
        claims = await _claims(scope, headers, query, redeem)
        cursor = _cursor(scope.get("last_event_id", ""), query)
    return Admission(claims=claims, cursor=cursor, new_client=PROTOCOL in scope["subprotocols"], language=language(scope))


@asynccontextmanager
async def counted(scope: Mapping[str, Any]) -> AsyncIterator[None]:
    """Count a handshake that is refused in here. Raises another Refusal if its address has had too many."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code in TEMPORARY:  # which is not the client's fault
            raise
        wait = await limits.ahit("handshake", neighbourhood(address(scope)), settings.SWITCHBOARD.rate_handshake)
        if wait is None:
            raise
        raise Refusal("RATE_LIMITED", retry_after=wait) from refusal


async def verify(token: str) -> Claims:
    """The claims of a token that still opens something. Raises Refusal."""
    return await _standing(tokens.averify(token))


async def _standing(reading: Awaitable[Claims]) -> Claims:
    try:
        claims = await reading
        await revocation.acheck(claims)
    except TokenRefused as error:
        raise Refusal("TOKEN_EXPIRED") from error
    except (db.Error, KeysUnavailable) as error:
        raise Refusal("DEPENDENCY_DOWN") from error
    return claims


def address(scope: Mapping[str, Any]) -> str:
    """Where the socket comes from (what a trusted proxy says has been put in place before)."""
    client = scope.get("client")
    return client[0] if client else ""


def language(scope: Mapping[str, Any]) -> str:
    """The language that the client asks for, or an empty text. A page that speaks another one than its browser says so in the address."""
    try:
        named = _query(scope).get("lang", "")
    except Refusal:  # of which the client is told elsewhere
        named = ""
    return languages.wanted(named) or languages.wanted(_headers(scope).get("accept-language", ""))


def is_welcome(origin: str, host: str) -> bool:
    """Whether pages of that origin may open connections to us, who were called as `host`."""
    if origin.lower() in settings.SWITCHBOARD.ws_allowed_origins:
        return True
    try:
        parts = urlsplit(origin)
        hostname = parts.hostname
    except ValueError:  # such as http://[::1
        return False
    ours = parts.netloc.lower() == host.lower() and validate_host(hostname or "", settings.ALLOWED_HOSTS)
    return parts.scheme in ("http", "https") and (ours or (settings.DEBUG and hostname in _LOCALHOSTS))


def parse_cursor(text: str) -> Cursor | None:
    """Read `since`: a number, or `epoch:number`; nothing is no cursor. Raises ValueError."""
    if text == "":
        return None
    epoch, _colon, number = text.rpartition(":")
    if not (number.isascii() and number.isdigit()) or len(number) > 16 or int(number) > MAX_SEQ:
        raise ValueError(text)
    return Cursor(since=int(number), epoch=epoch or None)


def _cursor(last_event_id: str, query: Mapping[str, str]) -> Cursor | None:
    """Where the client goes on. A stream's page goes on by itself from an event, with the address that it began with."""
    try:
        if last_event_id:
            return parse_cursor(last_event_id)
    except ValueError as error:
        raise Refusal("INVALID_REQUEST", detail=_("The header 'Last-Event-ID' must be the id of an event: epoch:number.")) from error
    try:
        return parse_cursor(query.get("since", ""))
    except ValueError as error:
        raise Refusal("INVALID_REQUEST", detail=_("The parameter 'since' must be a number, or epoch:number.")) from error


async def _claims(scope: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, str], redeem: Redeem) -> Claims:
    scheme, _space, bearer = headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else ""
    token = token or _offered(scope["subprotocols"])
    if not token and query.get("ticket"):
        return await _standing(redeem(query["ticket"]))
    token = token or query.get("token", "")
    if not token:
        raise Refusal("MISSING_TOKEN")
    return await verify(token)


def _offered(subprotocols: Iterable[str]) -> str:
    """The token among the offered subprotocols, which is how a browser can send one without a URL."""
    return next((offer[len(_BEARER) :] for offer in subprotocols if offer.startswith(_BEARER)), "")


def _check_origin(origin: str | None, host: str) -> None:
    """Refuse a page of a site that is not on the list. Programs send no Origin; our own pages have our own."""
    if origin is not None and not is_welcome(origin, host):
        raise Refusal("FORBIDDEN")


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _query(scope: Mapping[str, Any]) -> dict[str, str]:
    """The query's parameters; of a repeated one the first counts."""
    try:
        found = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=20)
    except ValueError:
        raise Refusal("INVALID_REQUEST") from None
    return {name: values[0] for name, values in found.items()}
