"""What the calls about identity take and give."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.claims import LONGEST, MAX_CHOSEN_ID
from accounts.fields import Metadata, Number, Text

CHANNEL: Final = RegexValidator(r"\A[A-Za-z0-9_-]+\Z", _("Use letters, digits, “_” and “-”, such as WEB."))
LONGEST_PASSWORD: Final = 1000
"""Characters; hashing takes longer the longer a password is."""


class Identity(serializers.Serializer[Any]):
    """What the host site vouches for: its own id of the customer, and the HMAC-SHA256 of that in hex."""

    externalId = Text(max_length=200, trim_whitespace=False)
    hash = Text(max_length=128)


class NewCustomer(serializers.Serializer[Any]):
    """Who gives no `name` is “Visitor” and a number to agents."""

    name = Text(max_length=100, allow_blank=True, default="")
    channel = Text(max_length=20, validators=[CHANNEL])
    metadata = Metadata(required=False, allow_null=True)
    identity = Identity(required=False, allow_null=True)


class CustomerMade(serializers.Serializer[Any]):
    """`id` is the customer's secret; others know it by the number `userId`."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    channel = serializers.CharField()
    metadata = serializers.JSONField()
    token = serializers.CharField()
    expiresAt = serializers.DateTimeField()
    userId = serializers.IntegerField()


class CustomerTokenAsked(serializers.Serializer[Any]):
    customerId = Text(max_length=64)
    channel = Text(max_length=20)
    identity = Identity(required=False, allow_null=True)


class TokenMade(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiresAt = serializers.DateTimeField()


class Credentials(serializers.Serializer[Any]):
    username = Text(max_length=150, trim_whitespace=False)
    password = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class UserShown(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    role = serializers.CharField()
    displayName = serializers.CharField(source="shown_name")


class LoggedIn(TokenMade):
    user = UserShown()


class PairMade(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshSent(serializers.Serializer[Any]):
    refresh = Text(max_length=LONGEST)


class PasswordChange(serializers.Serializer[Any]):
    """Validated for the user in the context."""

    old = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    new = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)

    def validate_new(self, new: str) -> str:
        try:
            validate_password(new, self.context["user"])
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return new


class TicketMade(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expiresIn = serializers.FloatField(help_text="Seconds.")


class NewMember(serializers.Serializer[Any]):
    id = Number(required=False, allow_null=True, min_value=1, max_value=MAX_CHOSEN_ID)
    username = Text(max_length=150, validators=[UnicodeUsernameValidator()])
    displayName = Text(max_length=100, allow_blank=True)


class Problem(serializers.Serializer[Any]):
    """An error, as RFC 9457 has it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]
