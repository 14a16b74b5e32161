"""`manage.py probe`: whether a running server does what it is there for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from realtime.probe import Probe, ProbeFailed, Step
from realtime.probe_guest import Guest, guest


class Command(BaseCommand):
    help = (
        "Tries a running server as a browser does: health, login, ticket, socket, a notification that arrives, resume and stream, each with its time. "
        "Fails with 1 if one fails. Credentials come from the environment: TOKEN, or PASSWORD with --username, and SERVICE_KEY; "
        "without TOKEN and --username it takes a user and a key of its own from the database that DATABASE_URL names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="where the server is, such as https://shop.example")
        parser.add_argument("--username", help="who logs in, with the password in the variable PASSWORD")
        parser.add_argument("--timeout", type=float, default=30.0, help="seconds for all of it (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, url: str, username: str | None, timeout: float, **options: Any) -> None:
        steps: list[Step] = []
        as_json = options["json"]
        with ExitStack() as stack:
            own = self._guest(stack) if not username and not os.environ.get("TOKEN") else None
            try:
                probe = Probe(
                    url,
                    log_in=lambda probe: own.token if own else _log_in(probe, username, _password),
                    service_key=own.service_key if own else os.environ.get("SERVICE_KEY", "").strip(),
                    patience=timeout,
                )
            except ProbeFailed as failed:
                raise CommandError(str(failed)) from failed
            for step in probe.run():
                steps.append(step)
                if not as_json:
                    state = {True: "ok", False: "FAILED", None: "-"}[step.ok]
                    self.stdout.write(f"{state:6} {step.name:18} {1000 * step.seconds:8.1f} ms  {step.said}")
                    self.stdout.flush()
        if as_json:
            shown = [{"name": step.name, "ok": step.ok, "ms": round(1000 * step.seconds, 1), "said": step.said} for step in steps]
            self.stdout.write(json.dumps({"url": probe.url, "ok": probe.ok, "steps": shown}))
        if not probe.ok:
            failed_step = next(step for step in steps if step.ok is False)
            raise CommandError(f"{failed_step.name}: {failed_step.said}")

    def _guest(self, stack: ExitStack) -> Guest:
        try:
            return stack.enter_context(guest())
        except DatabaseError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(f"No user to try it with: the database does not help ({reason}). Set TOKEN, or give --username and PASSWORD.") from error


def _log_in(probe: Probe, username: str | None, password: Callable[[], str]) -> str:
    if username is None:
        return os.environ["TOKEN"].strip()
    return str(probe.call("POST", "/api/v1/public/login", {"username": username, "password": password()})["token"])


def _password() -> str:
    given = os.environ.get("PASSWORD", "")
    if not given and not sys.stdin.isatty():
        raise ProbeFailed("Set the variable PASSWORD to the user's password.")
    return given or getpass("Password: ")
