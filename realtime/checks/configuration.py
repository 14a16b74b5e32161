"""What `manage.py check --deploy` finds in the options alone. Asks nobody."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

KEYS: Final = ("secret_key", "jwt_signing_key", "identity_secret")
_EXAMPLE: Final = re.compile(r"change.?me|django-insecure|example|password|secret|switchboard|your.?key|0123456|1234567|abcdefg", re.IGNORECASE)
_VARIED: Final = 12
"""Different characters that a key of 32 random ones has at least; of hexadecimal digits, 32 have fewer once in a thousand."""
_NEAR: Final = re.compile(r"^http://(localhost|127\.0\.0\.1|\[::1\]|[\w.-]+\.localhost)(:\d+)?$")


class Knobs(Protocol):
    """Those of our options that are looked at."""

    @property
    def debug(self) -> bool: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def jwt_signing_key(self) -> str: ...
    @property
    def jwt_jwk_url(self) -> str: ...
    @property
    def identity_secret(self) -> str: ...
    @property
    def allowed_hosts(self) -> tuple[str, ...]: ...
    @property
    def ws_allowed_origins(self) -> tuple[str, ...]: ...
    @property
    def trusted_proxies(self) -> tuple[str, ...]: ...
    @property
    def https(self) -> bool: ...


def check_configuration(**_: Any) -> list[CheckMessage]:
    """Everything that is wrong there."""
    knobs: Knobs = settings.SWITCHBOARD
    return [*_debug(knobs), *_keys(knobs), *_hosts(knobs), *_origins(knobs), *_https(knobs)]


def _debug(knobs: Knobs) -> Iterator[CheckMessage]:
    if knobs.debug or settings.DEBUG:
        yield Error("DEBUG is on: errors show what the server knows, and pages of any localhost are let in.", hint="Unset DEBUG.", id="switchboard.E001")


def _keys(knobs: Knobs) -> Iterator[CheckMessage]:
    if not knobs.secret_key:
        yield Error(
            "SECRET_KEY is missing, so each VAR_DIR has one of its own: no worker elsewhere and no shop believes our tokens.",
            hint='Set it to what `python -c "import secrets; print(secrets.token_urlsafe(48))"` prints, the same for all processes.',
            id="switchboard.E002",
        )
    for name in KEYS:
        value = getattr(knobs, name)
        if value and (len(set(value)) < _VARIED or _EXAMPLE.search(value)):
            yield Error(
                f"{name.upper()} looks like an example: whoever guesses it signs tokens, or vouches for customers, as you.",
                hint='Draw one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
                id="switchboard.E003",
            )
    if knobs.jwt_jwk_url.startswith("http://") and not _NEAR.match("/".join(knobs.jwt_jwk_url.split("/")[:3])):
        yield Error(
            "JWT_JWK_URL is fetched by plain http: whoever is on the way can put in keys of his own, and be anybody.",
            hint="Serve the keys by https.",
            id="switchboard.E011",
        )
    given = [getattr(knobs, name) for name in KEYS if getattr(knobs, name)]
    if len(set(given)) < len(given):
        yield Error(
            "One key has two purposes: what is signed for one of SECRET_KEY, JWT_SIGNING_KEY and IDENTITY_SECRET would be good for another.",
            hint="Draw a key for each.",
            id="switchboard.E004",
        )


def _hosts(knobs: Knobs) -> Iterator[CheckMessage]:
    if not knobs.allowed_hosts or "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS lets everybody say what this site is called, and so what links in answers lead to.",
            hint="Set it to the names that you serve, such as shop.example.",
            id="switchboard.E005",
        )


def _origins(knobs: Knobs) -> Iterator[CheckMessage]:
    if getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False):
        yield Error("CORS_ALLOW_ALL_ORIGINS lets pages of every site call REST.", hint="Name the sites in WS_ALLOWED_ORIGINS.", id="switchboard.E006")
    if plain := [origin for origin in knobs.ws_allowed_origins if origin.startswith("http://")]:
        near = all(_NEAR.match(origin) for origin in plain)
        yield Error(
            f"WS_ALLOWED_ORIGINS lets in {', '.join(plain)}: {'pages of a developer' if near else 'pages that anybody on the way can change'}.",
            hint="Take it out." if near else "Serve these pages by https, and name them so.",
            id="switchboard.E007",
        )


def _https(knobs: Knobs) -> Iterator[CheckMessage]:
    if not knobs.https:
        yield Warning(
            "HTTPS is off: tokens, tickets and the admin's cookie can be read on their way.",
            hint="Have a proxy end TLS, list it in TRUSTED_PROXIES, and unset HTTPS.",
            id="switchboard.W008",
        )
    elif not knobs.trusted_proxies:
        yield Error(
            "TRUSTED_PROXIES is missing, though HTTPS needs a proxy: everybody shares its address in all limits, and forms in the admin fail.",
            hint="Set it to the address from which the proxy comes, such as 127.0.0.1.",
            id="switchboard.E009",
        )
    everybody = [each for each in knobs.trusted_proxies if ipaddress.ip_network(each).prefixlen == 0]
    if everybody or getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        yield Error(
            f"{'TRUSTED_PROXIES' if everybody else 'SECURE_PROXY_SSL_HEADER'} believes everybody: a client may say from where and how it comes.",
            hint="List the proxy's own addresses in TRUSTED_PROXIES, and set nothing else.",
            id="switchboard.E010",
        )
