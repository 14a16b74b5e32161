"""Errors as clients of the API see them: RFC 9457 problem documents with a stable `code`.

Raise `Problem` anywhere below a view. Everything else that a view may raise is turned into one here,
and so are Django's own error pages at the addresses of programs.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.request import Request

from accounts.claims import KeysUnavailable
from accounts.redis import RedisAway

Answered = TypeVar("Answered", bound=HttpResponse)


@dataclass(frozen=True, slots=True)
class Kind:
    """What all problems of one code share. `detail` says what the caller can do about it."""

    status: int
    title: Any
    detail: Any


KINDS: Final[Mapping[str, Kind]] = {
    "INVALID_REQUEST": Kind(400, gettext_lazy("The request is not valid"), gettext_lazy("Correct the request and send it again.")),
    "INVALID_JSON": Kind(400, gettext_lazy("The body is not JSON"), gettext_lazy("Send one JSON object in UTF-8.")),
    "MISSING_TOKEN": Kind(401, gettext_lazy("Not signed in"), gettext_lazy("Send a token in the header “Authorization: Bearer …”.")),
    "TOKEN_EXPIRED": Kind(401, gettext_lazy("The token is not valid any more"), gettext_lazy("Sign in again to get a new one.")),
    "INVALID_CREDENTIALS": Kind(401, gettext_lazy("Not signed in"), gettext_lazy("Name or password is wrong. Check both and try again.")),
    "FORBIDDEN": Kind(403, gettext_lazy("Not allowed"), gettext_lazy("Your account may not do this. Ask an administrator if it should.")),
    "NOT_FOUND": Kind(404, gettext_lazy("Not found"), gettext_lazy("There is nothing at this address. Check it.")),
    "METHOD_NOT_ALLOWED": Kind(405, gettext_lazy("The method is not allowed"), gettext_lazy("Use a method that the header “Allow” names.")),
    "NOT_ACCEPTABLE": Kind(406, gettext_lazy("Not acceptable"), gettext_lazy("Accept application/json.")),
    "TIMEOUT": Kind(408, gettext_lazy("The request did not come whole in time"), gettext_lazy("Send it again, in one go.")),
    "CONFLICT": Kind(409, gettext_lazy("Conflict"), gettext_lazy("Something else is there already. Read it, then decide.")),
    "TOO_LARGE": Kind(413, gettext_lazy("The body is too large"), gettext_lazy("Send at most 1 MiB.")),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, gettext_lazy("Unsupported media type"), gettext_lazy("Send the body as application/json.")),
    "RATE_LIMITED": Kind(429, gettext_lazy("Too many requests"), gettext_lazy("Wait as long as the header “Retry-After” says, then try again.")),
    "LOGIN_LOCKED": Kind(
        429,
        gettext_lazy("Locked after too many failures"),
        gettext_lazy("This name cannot sign in from here for now. Wait as long as the header “Retry-After” says."),
    ),
    "CONNECTION_LIMIT": Kind(429, gettext_lazy("Too many requests"), gettext_lazy("You have too many connections open. Close one.")),
    "HEAD_TOO_LARGE": Kind(431, gettext_lazy("The head of the request is too large"), gettext_lazy("Send at most 64 KiB before the body.")),
    "INTERNAL_ERROR": Kind(500, gettext_lazy("Something went wrong here"), gettext_lazy("Try again later; if it happens again, tell us the request_id.")),
    "DEPENDENCY_DOWN": Kind(503, gettext_lazy("Something we depend on does not answer"), gettext_lazy("Try again in a moment.")),
    "OVERLOADED": Kind(503, gettext_lazy("The server is busy. Try again in a moment."), gettext_lazy("Try again in a moment.")),
}

_BY_STATUS: Final = {
    status.HTTP_400_BAD_REQUEST: "INVALID_REQUEST",
    status.HTTP_401_UNAUTHORIZED: "TOKEN_EXPIRED",
    status.HTTP_403_FORBIDDEN: "FORBIDDEN",
    status.HTTP_404_NOT_FOUND: "NOT_FOUND",
    status.HTTP_405_METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    status.HTTP_406_NOT_ACCEPTABLE: "NOT_ACCEPTABLE",
    status.HTTP_413_REQUEST_ENTITY_TOO_LARGE: "TOO_LARGE",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
    status.HTTP_429_TOO_MANY_REQUESTS: "RATE_LIMITED",
    status.HTTP_500_INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    status.HTTP_503_SERVICE_UNAVAILABLE: "DEPENDENCY_DOWN",
}


class Problem(exceptions.APIException):
    """An answer that is an error.

    `code` is one of KINDS. `detail` replaces its text, `errors` says what is wrong with which field,
    `wait` is after how many seconds the same request may succeed.
    """

    def __init__(self, code: str, *, detail: Any = None, errors: Mapping[str, Sequence[Any]] | None = None, wait: float | None = None) -> None:
        kind = KINDS[code]
        super().__init__(detail or kind.detail, code)
        self.code, self.status_code, self.title = code, kind.status, kind.title
        self.errors, self.wait = errors, wait


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer what a view has raised (the framework's EXCEPTION_HANDLER)."""
    problem = _problem(error)
    request: Request = context["request"]
    # Keys that cannot be had were logged where they were asked for, once for all who wait for them; and that Redis is away
    # every worker says itself.
    if problem.status_code >= 500 and not isinstance(error, KeysUnavailable | RedisAway):
        # As Django does for its own 500; the request log writes it down with the traceback.
        got_request_exception.send(sender=type(context["view"]), request=request._request)
    return answer(problem)


def answer(problem: Problem, **members: str) -> HttpResponse:
    """The problem document, in the active language, with those members more."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": str(problem.title),
        "status": problem.status_code,
        "detail": str(problem.detail),
        "code": problem.code,
        "request_id": _request_id(),
    }
    document |= members
    if problem.errors:
        document["errors"] = {field: [str(text) for text in texts] for field, texts in problem.errors.items()}
    response = JsonResponse(document, status=problem.status_code, content_type="application/problem+json", json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "no-store"
    if problem.status_code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer error="invalid_token"' if problem.code == "TOKEN_EXPIRED" else "Bearer"
    if problem.wait is not None:
        response["Retry-After"] = str(max(1, math.ceil(problem.wait)))
    return response


def example(code: str) -> dict[str, Any]:
    """A problem document of that code, for the API's description."""
    kind = KINDS[code]
    shown = {
        "type": "about:blank",
        "title": str(kind.title),
        "status": kind.status,
        "detail": str(kind.detail),
        "code": code,
        "request_id": "4bb3a5a1-1f0c-4a53-a5a6-0f3a0f5c0d9e",
    }
    if code == "INVALID_REQUEST":
        shown |= {"detail": "Correct these fields: limit.", "errors": {"limit": ["Ensure this value is less than or equal to 1000."]}}
    return shown


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id") or uuid.uuid4())[:100]


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return _invalid(error.detail)
        case exceptions.ParseError():
            return Problem("INVALID_JSON")
        case exceptions.Throttled():
            return Problem("RATE_LIMITED", wait=getattr(error, "wait", None))
        case exceptions.NotAuthenticated():
            return Problem("MISSING_TOKEN")
        case Http404():
            return Problem("NOT_FOUND")
        case PermissionDenied():
            return Problem("FORBIDDEN")
        case RequestDataTooBig():
            return Problem("TOO_LARGE")
        case DisallowedHost():
            return Problem(
                "INVALID_REQUEST", detail=_("This server does not go by that name. Check the address; its operator lists the names in ALLOWED_HOSTS.")
            )
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return Problem("INVALID_REQUEST")
        case OperationalError() | InterfaceError() | RedisAway() | KeysUnavailable():
            return Problem("DEPENDENCY_DOWN", wait=1)
        case exceptions.APIException():
            return Problem(_BY_STATUS.get(error.status_code, "INTERNAL_ERROR"))
        case _:
            return Problem("INTERNAL_ERROR")


def _invalid(detail: Any) -> Problem:
    errors = dict(_flat(detail, ""))
    whole = errors.pop("", None)
    if errors:
        return Problem("INVALID_REQUEST", detail=_("Correct these fields: %(fields)s.") % {"fields": ", ".join(errors)}, errors=errors)
    return Problem("INVALID_REQUEST", detail=" ".join(str(text) for text in whole or ()) or None)


def _flat(detail: Any, name: str) -> list[tuple[str, list[Any]]]:
    """The texts by field; one of an inner object is named `outer.inner`, what concerns all of it has the empty name."""
    if isinstance(detail, Mapping):
        found = []
        for key, inner in detail.items():
            own = name if key == "non_field_errors" else f"{name}.{key}" if name else str(key)
            found += _flat(inner, own)
        return found
    if isinstance(detail, list) and any(isinstance(each, Mapping | list) for each in detail):
        return [pair for position, each in enumerate(detail) for pair in _flat(each, f"{name}.{position}" if name else str(position))]
    return [(name, detail if isinstance(detail, list) else [detail])]


def instead_of(response: HttpResponse) -> HttpResponse | None:
    """The problem document for an error that another has answered, with its headers; None if it is one, or has no body on purpose."""
    kind, code = response.get("Content-Type", ""), _BY_STATUS.get(response.status_code)
    if code is None or not kind or "json" in kind:
        return None
    made = answer(Problem(code))
    for name, value in response.items():
        if name.lower() not in ("content-type", "content-length", "etag", "cache-control"):
            made.setdefault(name, value)
    return made


def is_for_programs(path: str) -> bool:
    """Whether every error at that path is a problem document."""
    return path.removeprefix("/").partition("/")[0] in ("api", "health", "metrics")


def without_words(response: Answered, *, path: str, accept: str) -> Answered:
    """A failure, with an empty body where the widget in use asks for a token: that stops asking only when what it gets is not JSON."""
    if path.strip("/") == "api/v1/customers/token" and not _names_json(accept):
        response.content = b""
        del response["Content-Type"]
    return response


def _names_json(accept: str) -> bool:
    kinds = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return any(kind.endswith(("/json", "+json")) for kind in kinds)


# Django's own error pages.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return without_words(answer(_problem(exception)), path=request.path, accept=request.headers.get("Accept", ""))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(Problem("FORBIDDEN")) if _of_api(request) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(Problem("NOT_FOUND")) if _of_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    return answer(Problem("INTERNAL_ERROR")) if _of_api(request) else defaults.server_error(request)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """What a form is answered that does not come from a page of ours, or after its cookie has gone (CSRF_FAILURE_VIEW)."""
    if _of_api(request):
        return answer(Problem("FORBIDDEN"))
    text = _("This form was not sent from a page of ours, or its page was open for too long. Go back, load the page again and send it once more.")
    return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")


@csrf_exempt
def nothing_here(request: HttpRequest, **_parts: str) -> HttpResponse:
    """The view of every other address under /api, for in DEBUG Django would answer with a page of its own."""
    return answer(Problem("NOT_FOUND"))


def _of_api(request: HttpRequest) -> bool:
    return is_for_programs(request.path_info)
