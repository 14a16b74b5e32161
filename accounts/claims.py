"""What a bearer token says of its holder, once its signature is found good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MAX_ID: Final = 2**53 - 1
"""The highest number of a user: the highest that every JSON reader keeps exact."""

MAX_CHOSEN_ID: Final = 2**52
"""The highest number that the host may choose for a user: those that we give go on after it, and need as many again."""

LONGEST: Final = 8192
"""Characters of a token; a longer one is not looked at. HTTP servers take no longer header either."""


class TokenRefused(Exception):
    """A credential that opens nothing (any more). The text is for logs and holds nothing of the credential."""


class KeysUnavailable(Exception):
    """Whether a credential is good cannot be told now, because the keys it may be signed under cannot be had.

    No kind of TokenRefused: the holder should come again with the same credential, not fetch another.
    """


@dataclass(frozen=True, slots=True)
class Claims:
    """`version` is None for a token of the host's own login, which is revoked by `issued_at`. Times are Unix seconds."""

    user_id: int
    role: str
    is_staff: bool
    issued_at: float
    expires_at: float
    version: int | None
    jti: str


def user_number(value: Any) -> int:
    """A user's number from a claim: a whole number or a text of digits. Raises TokenRefused."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if type(value) is not int or not 0 < value <= MAX_ID:
        raise TokenRefused("the token names no user")
    return value
