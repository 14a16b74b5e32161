"""Refresh tokens: for REST consumers, good once, each use gives the next."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import revocation, tokens
from accounts.claims import TokenRefused
from accounts.models import SpentRefresh, User


def issue(user: User) -> str:
    """A refresh token of this user."""
    return tokens.sign(RefreshToken(), user)


def rotate(text: str) -> User:
    """Spend a refresh token. Returns whose it is, for whom new ones may be issued. Raises TokenRefused."""
    claims = tokens.read(RefreshToken, text)
    with transaction.atomic():
        user: User | None = User.objects.filter(pk=claims.user_id).first()
        revocation.check(claims, user)
        _spent, first = SpentRefresh.objects.get_or_create(jti=claims.jti, defaults={"expires_at": datetime.fromtimestamp(claims.expires_at, UTC)})
        if user is None or not first:
            raise TokenRefused("the refresh token was used before")
        SpentRefresh.objects.filter(expires_at__lt=timezone.now()).delete()
    return user
