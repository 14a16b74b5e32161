"""How much was done, and how fast and how well: support sessions by day and agent, in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

import msgspec
from django.db import connection

from realtime.chat.models import Session

MOST_DAYS: Final = 100
MOST_ROWS: Final = 10_000
"""Days times agents of one answer."""

_TABLE: Final = Session._meta.db_table
_DAYS: Final = {
    "postgresql": "SELECT t.day, t.begins, t.ends FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS t (day, begins, ends)",
    "sqlite": "SELECT value ->> 0 AS day, value ->> 1 AS begins, value ->> 2 AS ends FROM json_each(%s)",
}
_SECONDS: Final = {"postgresql": "extract(epoch FROM {} - {})::float8", "sqlite": "(julianday({}) - julianday({})) * 86400.0"}
# Half of the answered sessions were answered faster than the one or two in the middle.
_FIGURES: Final = """
    count(*), avg(answer), avg(CASE WHEN place{0} BETWEEN answered{0} / 2.0 AND answered{0} / 2.0 + 1 THEN answer END),
    avg(length), count(rating), avg(rating * 1.0)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of some sessions. Times are seconds, from the opening to the first answer and to the end; None: there was none yet.

    What is not answered, closed or rated yet does not count where that is asked.
    """

    sessions: int
    answer_mean: float | None
    answer_median: float | None
    length_mean: float | None
    ratings: int
    rating_mean: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one day's sessions that are, or were when they were closed, this agent's. None: nobody's."""

    day: date
    agent_id: int | None
    figures: Figures


class TooMany(Exception):
    """More than MOST_ROWS rows."""


def figures(*, first: date, last: date, zone: tzinfo, agent_id: int | None = None) -> tuple[list[Row], Figures]:
    """Row by row, and of all sessions that were opened from the day `first` to the day `last` of that time zone.

    With `agent_id` only that agent's. Raises ValueError for no day or more than MOST_DAYS, and TooMany.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if not 1 <= len(days) <= MOST_DAYS:
        raise ValueError(f"from 1 to {MOST_DAYS} days, not {len(days)}")
    begins = [day_begins(day, zone) for day in [*days, last + timedelta(days=1)]]
    with connection.cursor() as cursor:
        cursor.execute(_statement(agent_id), [*_parameters(begins), *([] if agent_id is None else [agent_id])])
        found = cursor.fetchmany(MOST_ROWS + 2)
    if len(found) > MOST_ROWS + 1:
        raise TooMany
    rows = [Row(days[day], agent, Figures(**_named(values))) for day, agent, *values in found if day is not None]
    [total] = [Figures(**_named(values)) for day, _agent, *values in found if day is None]
    return sorted(rows, key=lambda row: (row.day, row.agent_id is None, row.agent_id)), total


def day_begins(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day there, in UTC. Where clocks are put forward over midnight, that is when they are."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _statement(agent_id: int | None) -> str:
    seconds = _SECONDS[connection.vendor]
    return f"""
        WITH days AS ({_DAYS[connection.vendor]}),
        served AS (
            SELECT days.day, s.agent_id, s.rating,
                {seconds.format("s.answered_at", "s.opened_at")} AS answer, {seconds.format("s.closed_at", "s.opened_at")} AS length
            FROM {_TABLE} AS s JOIN days ON s.opened_at >= days.begins AND s.opened_at < days.ends
            WHERE s.opened_at >= %s AND s.opened_at < %s {"" if agent_id is None else "AND s.agent_id = %s"}
        ),
        ranked AS (
            SELECT served.*,
                row_number() OVER (PARTITION BY day, agent_id ORDER BY answer IS NULL, answer) AS place,
                count(answer) OVER (PARTITION BY day, agent_id) AS answered,
                row_number() OVER (ORDER BY answer IS NULL, answer) AS place_of_all, count(answer) OVER () AS answered_of_all
            FROM served
        )
        SELECT NULL, NULL, {_FIGURES.format("_of_all")} FROM ranked
        UNION ALL SELECT * FROM (SELECT day, agent_id, {_FIGURES.format("")} FROM ranked GROUP BY day, agent_id LIMIT {MOST_ROWS + 1}) AS daily
    """


def _parameters(begins: Sequence[datetime]) -> list[Any]:
    """The days, each by its number with its first moment and that of the next; then the first moment of all and that after all."""
    moments = [connection.ops.adapt_datetimefield_value(each) for each in begins]  # SQLite compares them as texts
    days = [(number, moments[number], moments[number + 1]) for number in range(len(moments) - 1)]
    columns = [msgspec.json.encode(days).decode()] if connection.vendor == "sqlite" else [list(column) for column in zip(*days, strict=True)]
    return [*columns, moments[0], moments[-1]]


def _named(values: Iterable[Any]) -> dict[str, Any]:
    sessions, mean, median, length, ratings, rating = values
    return {
        "sessions": sessions,
        "answer_mean": mean,
        "answer_median": median,
        "length_mean": length,
        "ratings": ratings,
        "rating_mean": None if rating is None else float(rating),
    }
