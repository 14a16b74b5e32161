"""The public keys that the host site's login publishes: fetched seldom, kept while its server is away."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

import jwt

from accounts.claims import KeysUnavailable

logger = logging.getLogger(__name__)

FRESH: Final = 300.0
"""Seconds after which the keys are fetched anew when one is asked for: how long a withdrawn key still opens."""
KEPT: Final = 3600.0
"""Seconds for which old keys serve when the host's server does not answer."""
COOLDOWN: Final = 10.0
"""Seconds between two fetches, so that tokens with made-up key names cannot make us hammer the host."""


class KeySet:
    """The keys at one address. Safe to use from several threads."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=timeout)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = -KEPT
        self._failed = False
        self._lock = threading.Lock()

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of this name, if it is known and need not be fetched anew. Never waits."""
        age = time.monotonic() - self._fetched_at
        if age < FRESH or (age < KEPT and not self.may_fetch()):
            return self._keys.get(kid)
        return None

    def settle(self, kid: str) -> jwt.PyJWK | None:
        """The same once no fetch is due; None: the host has no such key. Raises KeysUnavailable where only the host knows. Never waits."""
        key = self._keys.get(kid) if time.monotonic() - self._fetched_at < KEPT else None
        if key is None and self._failed:
            raise KeysUnavailable("the host's keys cannot be had")
        return key

    def may_fetch(self) -> bool:
        """Whether the last fetch, good or not, is long enough ago."""
        return time.monotonic() - self._tried_at >= COOLDOWN

    def fetch(self, kid: str) -> jwt.PyJWK | None:
        """The key of this name, asking the host's server if that is allowed. Raises KeysUnavailable."""
        with self._lock:  # who comes second finds what the first has fetched
            if self.may_fetch():
                try:
                    self._keys = {key.key_id: key for key in self._client.get_signing_keys() if key.key_id}
                    self._fetched_at, self._failed = time.monotonic(), False
                except (jwt.PyJWTError, ValueError, OSError) as error:
                    self._failed = True
                    logger.warning("The host's keys cannot be fetched: %s", error)
                finally:
                    self._tried_at = time.monotonic()
            return self.settle(kid)
