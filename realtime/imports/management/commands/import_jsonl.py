"""`manage.py import_jsonl`: what older systems held, from the lines of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.utils import translation

from realtime.imports.checking import Checked, Name
from realtime.imports.lines import BATCH, Problem, batches
from realtime.imports.services import bring_in
from realtime.private_redis import private_redis

_MOST: Final = 20
"""Problems that are shown."""
_SAY_EVERY: Final = 20 * BATCH


class Command(BaseCommand):
    help = (
        "Imports users, customers, notifications, support sessions and messages from a file of JSON Lines. Nobody is told of it. What was imported "
        "before is passed over, so a run that broke off is run again. It stops at the first lines that it does not understand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="store nothing, and show what is wrong with the whole file")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            with translation.override("en"), private_redis():
                new, there = self._rehearse(file) if dry_run else self._run(file)
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error}") from error
        except IntegrityError as error:  # everything that is there was looked for, so somebody was faster
            raise CommandError(f"Somebody made the same a moment ago. Run this again, and it will be named. {error}") from error
        counted = ", ".join(f"{count} {kind}s" for kind, count in sorted(new.items())) or "nothing"
        self.stdout.write(f"{'Would be new' if dry_run else 'New'}: {counted}. There already: {there}.")

    def _run(self, file: Path) -> tuple[Counter[str], int]:
        new: Counter[str] = Counter()
        there = 0
        for batch in batches(file):
            checked = bring_in(batch, doubtful=set())
            if checked.problems:
                self._complain(checked.problems, f"Nothing of lines {_lines(checked, batch)} was stored; what came before was. Mend them and run this again.")
            new.update(row.kind for row in checked.rows)
            there += checked.there
            if (done := new.total() + there) % _SAY_EVERY < BATCH and done >= _SAY_EVERY:
                self.stdout.write(f"{done} lines …")
        return new, there

    def _rehearse(self, file: Path) -> tuple[Counter[str], int]:
        new: Counter[str] = Counter()
        there, problems = 0, list[Problem]()
        doubtful: set[Name] = set()
        with transaction.atomic():
            for batch in batches(file):
                checked = bring_in(batch, doubtful=doubtful, whole=False)
                problems += checked.problems
                new.update(row.kind for row in checked.rows)
                there += checked.there
                if len(problems) >= _MOST:
                    break
            transaction.set_rollback(True)
        if problems:
            self._complain(problems, "Nothing was stored.")
        return new, there

    def _complain(self, problems: list[Problem], outcome: str) -> None:
        for problem in problems[:_MOST]:
            self.stderr.write(str(problem))
        if len(problems) > _MOST:
            self.stderr.write("… and more.")
        raise CommandError(outcome)


def _lines(checked: Checked, batch: Iterable[Any]) -> str:
    numbers = [each.line if isinstance(each, Problem) else each.number for each in batch]
    return f"{numbers[0]} to {numbers[-1]}"
