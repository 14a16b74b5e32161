"""What an older system held, for tests: lines whose references and names nobody else has."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import call_command

MOMENT = "2024-05-01T09:30:00Z"


class Old:
    """One older system. `lines` is what its file will hold."""

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(5)
        self.file = folder / f"{self.name}.jsonl"
        self.lines: list[Any] = []

    def user(self, ref: str, **more: Any) -> None:
        self.lines.append({"kind": "user", "ref": self.ref(ref), "username": self.ref(ref), **more})

    def customer(self, ref: str, **more: Any) -> None:
        self.lines.append({"kind": "customer", "ref": self.ref(ref), "name": ref, "channel": "WEB", **more})

    def notification(self, ref: str, user: str, **more: Any) -> None:
        said = {"type": "system", "title": ref, "message": ref, "created_at": MOMENT}
        self.lines.append({"kind": "notification", "ref": self.ref(ref), "user": self.ref(user), **said, **more})

    def session(self, ref: str, customer: str, **more: Any) -> None:
        said = {"channel": "WEB", "opened_at": MOMENT, **({} if "status" in more else {"closed_at": MOMENT})}
        self.lines.append({"kind": "session", "ref": self.ref(ref), "customer": self.ref(customer), **said, **more})

    def ref(self, ref: str) -> str:
        return f"{self.name}-{ref}"

    def write(self, lines: Iterable[Any] | None = None) -> Path:
        texts = (each if isinstance(each, str) else json.dumps(each) for each in (self.lines if lines is None else lines))
        self.file.write_text("".join(f"{text}\n" for text in texts))
        return self.file

    def bring_in(self, *words: str) -> str:
        """Write the file and import it; what the command says."""
        out = io.StringIO()
        call_command("import_jsonl", str(self.write()), *words, stdout=out, stderr=out)
        return out.getvalue()
