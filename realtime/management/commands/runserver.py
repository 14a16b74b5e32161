"""`manage.py runserver`: Daphne with autoreload, for development."""

from __future__ import annotations

import os
from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from realtime.daphne import DaphneServer
from realtime.private_redis import private_redis


class Command(DaphneCommand):  # type: ignore[misc]
    """Daphne's command, whose parent process keeps the private Redis over all reloads."""

    server_cls = DaphneServer

    def run(self, **options: Any) -> None:
        """Serve until Ctrl-C."""
        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            super().run(**options)
            return
        with private_redis():
            super().run(**options)
