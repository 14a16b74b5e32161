"""The private Redis, for the commands that keep one while they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.module_loading import import_string


@contextmanager
def private_redis() -> Iterator[None]:
    """Have a Redis inside the block, unless REDIS_URL names one. Raises CommandError with what to do."""
    if settings.SWITCHBOARD.redis_url:
        yield
        return
    start = import_string(settings.PRIVATE_REDIS)
    try:
        embedded = start(settings.SWITCHBOARD.var_dir)
    except Exception as error:
        raise CommandError(str(error)) from error
    try:
        yield
    finally:
        if embedded is not None:
            embedded.stop()
