"""What the API's description says of every call: who may make it, with which credential, and the errors it may answer.

The first two come from the view's permissions; of the errors only those that not every such call has are named at the view:
`responses={…, 409: PROBLEM}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import AllowAny

from accounts import serializers
from accounts.authentication import OptionalBearer
from accounts.fields import METADATA_LIMIT, Metadata, Text
from accounts.permissions import CUSTOMER_TOKEN, SERVICE_KEY, USER_TOKEN
from accounts.problems import KINDS, example

PROBLEM: Final = OpenApiResponse(serializers.Problem, "A problem document (RFC 9457).")
CREDENTIALS: Final = {
    USER_TOKEN: "The token of a member, an agent or staff: from /api/v1/public/login or /api/v1/token, or of the host site's own login.",
    CUSTOMER_TOKEN: "The token of a customer: from /api/v1/customers or /api/v1/customers/token.",
    SERVICE_KEY: "A program's key, sk_…, made in the admin, with the scope that the call needs.",
}
_WAITS: Final = (429, 503)


class Described(AutoSchema):
    """One call (the framework's DEFAULT_SCHEMA_CLASS)."""

    def get_operation(self, *place: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*place)
        if operation is not None:
            for status in self._errors(operation):
                operation["responses"].setdefault(str(status), self._problem(status))
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True  # then it counts as left out
        return operation

    def get_description(self) -> str:  # type: ignore[override]
        said: str = super().get_description() or ""
        allowed = self._credentials()
        if not allowed or self._is_optional():
            return said
        return "\n\n".join(filter(None, (said, f"For: {' or '.join(_words(each) for each in self._permissions())}.")))

    def get_auth(self) -> list[dict[str, list[str]]]:
        for name, scheme in _schemes():
            self._component(name, ResolvedComponent.SECURITY_SCHEMA, scheme)
        if not self.view.get_authenticators():
            return [{}]
        if self._is_optional():
            return [{}, {USER_TOKEN: []}, {CUSTOMER_TOKEN: []}]
        return [{name: []} for name in CREDENTIALS if name in self._credentials()]

    def _get_response_for_code(self, serializer: Any, status_code: str, *rest: Any, **more: Any) -> Any:
        if serializer is PROBLEM:
            return self._problem(int(status_code))
        return super()._get_response_for_code(serializer, status_code, *rest, **more)  # type: ignore[no-untyped-call]

    def _errors(self, operation: Mapping[str, Any]) -> Iterator[int]:
        yield 400
        if self.view.get_authenticators() and not self._is_optional():
            yield from (401, 403)
        if "{" in self.path:
            yield 404
        if "requestBody" in operation:
            yield from (413, 415)
        if self.view.get_throttles():
            yield 429
        yield from (500, 503)

    def _problem(self, status: int) -> dict[str, str]:
        """The answer with that status, described once for all calls."""
        problem = self.resolve_serializer(serializers.Problem, "response")
        codes = [code for code, kind in KINDS.items() if kind.status == status]
        described = {
            "description": " / ".join(str(KINDS[code].title) for code in codes),
            "headers": {name: {"schema": {"type": "string"}, "description": about} for name, about in _headers(status)},
            "content": {"application/problem+json": {"schema": problem.ref, "examples": {code: {"value": example(code)} for code in codes}}},
        }
        return self._component(f"Problem{status}", ResolvedComponent.RESPONSE, described)

    def _component(self, name: str, kind: str, described: Mapping[str, Any]) -> dict[str, str]:
        component = ResolvedComponent(name, kind, described, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return component.ref

    def _permissions(self) -> list[Any]:
        """Each of them alone lets a call pass."""
        found: list[Any] = []
        waiting: list[Any] = list(self.view.get_permissions())
        while waiting:
            each = waiting.pop(0)
            waiting[:0] = [each.op1, each.op2] if hasattr(each, "op1") else []
            found += [] if hasattr(each, "op1") else [each]
        return found

    def _credentials(self) -> set[str]:
        return {name for each in self._permissions() for name in getattr(each, "credentials", ())}

    def _is_optional(self) -> bool:
        return any(isinstance(each, OptionalBearer) for each in self.view.get_authenticators()) and any(
            isinstance(each, AllowAny) for each in self._permissions()
        )


class TextInSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """No NUL, and where something must be said, not only blanks."""

    target_class = Text
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        field: Text = self.target
        schema: dict[str, Any] = auto_schema._map_serializer_field(field, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        if not field.allow_blank:
            schema.setdefault("minLength", 1)
        if not any(isinstance(each, RegexValidator) for each in field.validators):
            said = "[^\\u0000]*"
            schema["pattern"] = f"^{said}$" if field.allow_blank or not field.trim_whitespace else f"^{said}[^\\s\\u0000]{said}$"
        return schema


class MetadataInSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An object, whatever is in it."""

    target_class = Metadata

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {}, "description": f"At most {METADATA_LIMIT} bytes as JSON."}


def _schemes() -> Iterator[tuple[str, dict[str, str]]]:
    for name, about in CREDENTIALS.items():
        form = {} if name == SERVICE_KEY else {"bearerFormat": "JWT"}
        yield name, {"type": "http", "scheme": "bearer", **form, "description": about}


def _headers(status: int) -> Iterator[tuple[str, str]]:
    if status == 401:
        yield "WWW-Authenticate", "Bearer, and whether a credential was there but not good."
    if status in _WAITS:
        yield "Retry-After", "Seconds after which the same request may succeed."


def _words(permission: Any) -> str:
    first: str = (type(permission).__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]
