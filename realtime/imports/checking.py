"""Whether the lines of a batch can be stored. Nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from accounts.models import Customer, Revocation, Role, User
from accounts.standing import GONE
from realtime.chat.models import Session
from realtime.chat.sessions import ACTIVE
from realtime.imports.lines import Line, Problem
from realtime.imports.models import Imported
from realtime.imports.serializers import KINDS

Name = tuple[str, str]
"""A kind as the table has it, and a reference."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line that can be stored: `data` is what its members mean."""

    number: int
    kind: str
    data: dict[str, Any]

    @property
    def name(self) -> Name:
        return kept_as(self.kind), self.data["ref"]


@dataclass
class Checked:
    """What came of a batch. `known` are the rows that its lines refer to and that are there already."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    known: dict[Name, int] = field(default_factory=dict)
    there: int = 0


def kept_as(kind: str) -> str:
    """Customers are users: what refers to either says only who."""
    return "user" if kind == "customer" else kind


def check(lines: Iterable[Line | Problem], *, doubtful: set[Name]) -> Checked:
    """Check a batch. `doubtful` are references of earlier lines that had problems: whoever refers to one is not blamed for it."""
    checked = Checked()
    read = list(_understood(lines, checked, doubtful))
    checked.known = _known(read)
    new: dict[Name, Row] = {}
    roles = _roles(checked.known)
    for row in read:
        if row.name in checked.known or row.name in new:
            if _is_another(row, new.get(row.name), roles):
                checked.problems.append(Problem(row.number, "ref", "This refers to a customer and to a user: give one of the two another reference."))
            else:
                checked.there += 1
            continue
        problems = [*_references(row, checked.known, new, doubtful)]
        if problems:
            checked.problems += problems
            doubtful.add(row.name)
        else:
            new[row.name] = row
    taken = dict(_taken(list(new.values()), checked.known))
    for row in new.values():
        if row.number in taken:
            checked.problems.append(taken[row.number])
            doubtful.add(row.name)
        elif not any((kept_as(kind), row.data.get(name)) in doubtful for name, kind in KINDS[row.kind].references.items()):
            checked.rows.append(row)
    checked.problems.sort(key=lambda problem: problem.line)
    return checked


def _understood(lines: Iterable[Line | Problem], checked: Checked, doubtful: set[Name]) -> Iterator[Row]:
    for line in lines:
        if isinstance(line, Problem):
            checked.problems.append(line)
            continue
        kind = line.data.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            checked.problems.append(Problem(line.number, "kind", f"Must be one of {', '.join(KINDS)}."))
            continue
        serializer = KINDS[kind](data=line.data)
        if serializer.is_valid():
            yield Row(line.number, kind, dict(serializer.validated_data))
            continue
        checked.problems += [Problem(line.number, name, _words(texts)) for name, texts in serializer.errors.items()]
        if isinstance(line.data.get("ref"), str):
            doubtful.add((kept_as(kind), line.data["ref"]))


def _words(texts: Any) -> str:
    return " ".join(map(str, texts)) if isinstance(texts, list) else str(texts)


def _known(rows: list[Row]) -> dict[Name, int]:
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        asked[row.name[0]].add(row.data["ref"])
        for name, kind in KINDS[row.kind].references.items():
            if row.data.get(name):
                asked[kind].add(row.data[name])
    found = ((kind, Imported.objects.filter(kind=kind, ref__in=refs).values_list("ref", "row")) for kind, refs in asked.items())
    return {(kind, ref): number for kind, rows in found for ref, number in rows}


def _roles(known: dict[Name, int]) -> dict[str, str]:
    """The role of each person that is there already, by its reference."""
    found = dict(User.objects.filter(pk__in=[number for (kind, _ref), number in known.items() if kind == "user"]).values_list("pk", "role"))
    return {ref: found[number] for (kind, ref), number in known.items() if kind == "user" and number in found}


def _is_another(row: Row, earlier: Row | None, roles: dict[str, str]) -> bool:
    """Whether what is there under a line's reference is not what the line is: a customer in place of a user, or a user in place of a customer."""
    if row.kind not in ("user", "customer"):
        return False
    if earlier is not None:
        return earlier.kind != row.kind
    return row.data["ref"] in roles and (roles[row.data["ref"]] == Role.CUSTOMER) != (row.kind == "customer")


def _references(row: Row, known: dict[Name, int], new: dict[Name, Row], doubtful: set[Name]) -> Iterator[Problem]:
    for name, kind in KINDS[row.kind].references.items():
        ref = row.data.get(name)
        if ref and not {(kind, ref)} & (known.keys() | new.keys() | doubtful):
            yield Problem(row.number, name, f"No line before this one is the {kind} {ref!r}.")


# What others have already

_OTHERS: Final = {
    "username": "Somebody else has this name. Import it under another one.",
    "id": "Somebody else has this number, or had it and was deleted. Leave it out, and another is given.",
    "public_id": "This is somebody else's.",
    "external_id": "Another customer has proved this one.",
    "customer": "This customer has a session that is not closed, and can have only one.",
}


def _taken(rows: list[Row], known: dict[Name, int]) -> Iterator[tuple[int, Problem]]:
    people = [row for row in rows if row.kind in ("user", "customer")]
    customers = [row for row in rows if row.kind == "customer"]
    sessions = [row for row in rows if row.kind == "session"]
    unended = [row for row in sessions if row.data["status"] in ACTIVE]
    ids = _values(people, "id")
    gone = Revocation.objects.filter(user_id__in=ids, version=GONE.version).values_list("user_id", flat=True)
    refs = {row.data["customer"]: known.get(("user", row.data["customer"])) for row in unended}
    busy = set(Session.objects.filter(customer__in=filter(None, refs.values()), status__in=ACTIVE).values_list("customer", flat=True))
    yield from _doubled(people, "username", _there(User, "username", people))
    yield from _doubled(people, "id", _there(User, "id", people) | set(gone))
    yield from _doubled(customers, "public_id", _there(Customer, "public_id", customers))
    yield from _doubled(customers, "external_id", _there(Customer, "external_id", customers))
    yield from _doubled(sessions, "public_id", _there(Session, "public_id", sessions))
    yield from _doubled(unended, "customer", {ref for ref, number in refs.items() if number in busy})
    yield from _wrong_roles(rows, known)


def _doubled(rows: list[Row], name: str, there: set[Any]) -> Iterator[tuple[int, Problem]]:
    for row in rows:
        value = row.data.get(name)
        if value is not None and value in there:
            yield row.number, Problem(row.number, name, _OTHERS[name])
        there.add(value)


def _there(model: Any, name: str, rows: list[Row]) -> set[Any]:
    values = _values(rows, name)
    return set(model.objects.filter(**{f"{name}__in": values}).values_list(name, flat=True)) if values else set()


def _values(rows: list[Row], name: str) -> list[Any]:
    return [row.data[name] for row in rows if row.data.get(name) is not None]


def _wrong_roles(rows: list[Row], known: dict[Name, int]) -> Iterator[tuple[int, Problem]]:
    role_of: dict[str, str] = _roles(known) | {row.data["ref"]: row.data.get("role", Role.CUSTOMER) for row in rows if row.kind in ("user", "customer")}
    for row in rows:
        for name, role in {"session": (("customer", Role.CUSTOMER), ("agent", Role.AGENT)), "message": (("sender", Role.AGENT),)}.get(row.kind, ()):
            ref = row.data.get(name)
            if ref and role_of.get(ref, role) != role:
                yield row.number, Problem(row.number, name, f"{ref!r} is no {role.value}.")
