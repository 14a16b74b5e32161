"""Fields of requests that take a value as it is: a number is no text, a text no number, and `true` neither."""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

METADATA_LIMIT: Final = 2048
"""Bytes of a `metadata` object, as UTF-8 JSON."""


class Text(serializers.CharField):
    """A JSON string without NUL and half characters, trimmed."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.IntegerField):
    """A JSON number that is whole."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Real(serializers.FloatField):
    """A JSON number, with or without a fraction. Bound it: a client may send one that is beyond all bounds."""

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)
        except OverflowError:  # hundreds of digits
            self.fail("invalid")


class Flag(serializers.BooleanField):
    """`true` or `false`, and nothing that stands for it."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=type(data).__name__)
        return data


class Metadata(serializers.JSONField):
    """A JSON object of at most METADATA_LIMIT bytes that both databases can keep."""

    default_error_messages = {
        "not_object": _("Send an object: names with values, in braces."),
        "too_long": _("Send at most {limit} bytes."),
        "unkeepable": _("Leave out NUL, half characters and numbers without end."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_object")
        try:
            size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
        except ValueError:
            self.fail("unkeepable")
        if size > METADATA_LIMIT:
            self.fail("too_long", limit=METADATA_LIMIT)
        if _holds_nul(data):
            self.fail("unkeepable")
        return data


def _holds_nul(value: Any) -> bool:
    """Whether some text in it holds a NUL, which PostgreSQL cannot keep."""
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(each) for key, each in value.items())
    if isinstance(value, list):
        return any(_holds_nul(each) for each in value)
    return isinstance(value, str) and "\0" in value
