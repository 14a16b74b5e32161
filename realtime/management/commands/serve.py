"""`manage.py serve`: the production process."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from realtime import stats
from realtime.places import raise_open_files, shortage
from realtime.private_redis import private_redis
from realtime.shares import share_out
from realtime.supervisor import PortUnavailable, Supervisor, listen, worker_config

DEMO = """
  Shop     {url}/            mia and john / password123
  Console  {url}/console/    agent001 and agent002 / password123
  Admin    {url}/admin/      admin / password123
  API      {url}/api/docs

  Ctrl-C ends it; what you do is kept until the next time.
"""


class Command(BaseCommand):
    """Serves with several worker processes until SIGTERM or SIGINT, and drains them. Migrates nothing."""

    help = "Serves HTTP and sockets with several workers; SIGTERM drains, SIGHUP replaces the workers one by one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default: %(default)s)")
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="worker processes (default: one per processor)")
        parser.add_argument("--demo", action="store_true", help="say where to look and how to log in, for the data of `createdemo`")

    def handle(self, *, host: str, port: int, workers: int, demo: bool, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers must be at least 1.")
        self._look_at_database(workers)
        raise_open_files()
        if said := shortage(settings.SWITCHBOARD.ws_max_sockets):
            self.stderr.write(said)
        try:
            sock = listen(host, port)
        except (PortUnavailable, OverflowError) as error:
            raise CommandError(str(error)) from error
        url = f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"

        def tell() -> None:
            self.stdout.write(f"Switchboard answers at {url} with {workers} workers.")
            if demo:
                self.stdout.write(DEMO.format(url=url))
            self.stdout.flush()

        knobs = settings.SWITCHBOARD
        config = worker_config(application=settings.ASGI_APPLICATION, workers=workers, heartbeat=knobs.ws_heartbeat_interval, drain_spread=knobs.drain_spread)
        # It takes the signals from here on, so a Redis that is being started is also put away.
        with stats.kept(Path(knobs.var_dir)) as figures:
            supervisor = Supervisor(config=config, sock=sock, when_ready=tell, meanwhile=figures.fold)
            with sock, private_redis():
                supervisor.run()
        if supervisor.failed:
            raise CommandError("The workers could not start; the lines above say why.")

    def _look_at_database(self, workers: int) -> None:
        """Tell what is missing there, and make the workers fit into what it allows."""
        connection = connections["default"]
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            changes, said = share_out(settings.SWITCHBOARD, os.environ, workers=workers)
        except DatabaseError as error:
            self.stderr.write(f"The database does not answer: {str(error).strip()}")
        else:
            if missing:
                first, _ = missing[0]
                self.stderr.write(f"{len(missing)} migrations are missing, from {first} on: run `python manage.py migrate`.")
            if said:
                self.stderr.write(said)
            os.environ.update(changes)  # which the workers inherit
        finally:
            connection.close()
            getattr(connection, "close_pool", lambda: None)()  # PostgreSQL's only
