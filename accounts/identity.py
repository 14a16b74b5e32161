"""A customer whom the host site knows: it proves that with a secret that it shares with us."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings


def proof(external_id: str) -> str:
    """What the host site sends along with its own id of a customer: HMAC-SHA256 of it, in hex."""
    return hmac.new(settings.SWITCHBOARD.identity_secret.encode(), external_id.encode(), hashlib.sha256).hexdigest()


def is_proved(*, external_id: str, hash: str) -> bool:
    """Whether the host site has vouched for this id. Never, while no IDENTITY_SECRET is set."""
    if not settings.SWITCHBOARD.identity_secret:
        return False
    return hmac.compare_digest(proof(external_id).encode(), hash.lower().encode())
