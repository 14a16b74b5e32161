"""`manage.py migrate`: Django's, without the limit on how long a statement may take."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections


class Command(MigrateCommand):
    """To copy a table or to build an index takes as long as it takes, and broken off it would only have to begin anew."""

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        connection = connections[database]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")  # of this connection, which the command keeps to its end
        super().handle(*args, database=database, **options)
