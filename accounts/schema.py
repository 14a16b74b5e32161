"""What the API's documentation says of our tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse

from accounts import serializers
from accounts.authentication import BearerAuthentication

PROBLEM = OpenApiResponse(serializers.Problem, "A problem document (RFC 9457).")


class BearerInSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Both kinds of credential, for the documentation's “Authorize”."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A user's token (a JWT) or a service key (sk_…)."}
