"""The tables: printed, and written into the documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.contestants import CONTESTANTS
from bench.pages import shown_pages
from bench.results import AIMS, SATURATED, Results, number, table
from bench.tasks import AT_MOST, shown_tasks

NOTES = Path(__file__).resolve().parent / "notes.md"
Cell = tuple[str, Callable[[str], str]]
RIVALS = {"desk": "ours", "desk-pg": "ours-pg"}
"""Beside which of ours a support chat is shown: the one on the same database."""


class Report:
    """Everything that was measured, as text."""

    def __init__(self, results: Results, *, rows: Sequence[str]) -> None:
        self.results = results
        self.rows = rows

    def aims(self) -> str:
        said = {True: "yes", False: "**no**", None: ""}
        lines = [(aim.what, aim.wanted, number(aim.value(self.results), aim.form), said[aim.met(self.results)]) for aim in AIMS]
        return table(("ours", "aim", "reached", "met"), lines)

    def pushes(self, name: str) -> str:
        get, ours = self.results.get, "ours"
        columns: list[Cell] = [
            ("pushes/s", lambda row: number(get(row, name))),
            ("per server second", lambda row: number(get(row, f"{name} per core"))),
            ("ours is", lambda row: "" if row == ours else number(self.results.ratio(name, row), "{:.2f}×")),
            *self._shares(name),
        ]
        return self._table(columns, f"{name} per core")

    def latency(self) -> str:
        columns: list[Cell] = [(f"{name} (µs)", lambda row, name=name: number(self.results.get(row, name))) for name in ("p50", "p99")]  # type: ignore[misc]
        return self._table(columns, "p99")

    def memory(self) -> str:
        names = [name for name in ("plain 1000", "plain 5000", "browser 1000", "browser 5000") if not math.isnan(self.results.get("ours", name))]
        columns: list[Cell] = [(_spelled(name), lambda row, name=name: number(self.results.get(row, name), "{:.1f}")) for name in names]  # type: ignore[misc]
        return self._table(columns, names[0]) if names else ""

    def handshakes(self) -> str:
        get = self.results.get
        columns: list[Cell] = [
            ("handshakes/s", lambda row: number(get(row, "handshakes"))),
            ("of bare", lambda row: number(get(row, "handshakes") / get("bare", "handshakes"), "{:.2f}")),
            *self._shares("handshakes"),
            ("all at once (s)", lambda row: number(get(row, "at once"), "{:.2f}")),
            ("of bare's time", lambda row: number(get(row, "at once") / get("bare", "at once"), "{:.2f}")),
            ("refused", lambda row: number(get(row, "refused"))),
        ]
        return self._table(columns, "handshakes")

    def whole_way(self) -> str:
        get = self.results.get
        columns: list[Cell] = [
            ("one at a time/s", lambda row: number(get(row, "single"))),
            ("its SQL alone/s", lambda row: number(get(row, "single sql"))),
            ("of that", lambda row: number(get(row, "single") / get(row, "single sql"), "{:.2f}")),
            ("p50 (ms)", lambda row: number(get(row, "way p50"), "{:.2f}")),
            ("p99 (ms)", lambda row: number(get(row, "way p99"), "{:.2f}")),
            ("in bulk/s", lambda row: number(get(row, "bulk"))),
            ("its SQL alone/s ", lambda row: number(get(row, "bulk sql"))),
            ("of that ", lambda row: number(get(row, "bulk") / get(row, "bulk sql"), "{:.2f}")),
        ]
        databases = {"ours": "SQLite", "ours-pg": "PostgreSQL"}
        rows = [(title, *(show(row) for _, show in columns)) for row, title in databases.items() if not math.isnan(get(row, "single"))]
        return table(("", *(head for head, _ in columns)), rows) if rows else ""

    def presence(self) -> str:
        get = self.results.get
        form = "{:,.2f}"
        columns: list[Cell] = [
            ("Redis, 1,000 (µs)", lambda row: number(get(row, "tick redis few"))),
            ("10,000 (µs)", lambda row: number(get(row, "tick redis many"))),
            ("process, 1,000 (µs)", lambda row: number(get(row, "tick process few"))),
            ("10,000 (µs) ", lambda row: number(get(row, "tick process many"))),
            ("count of 100,000, p50 (ms)", lambda row: number(get(row, "count p50"), form)),
            ("p99 (ms)", lambda row: number(get(row, "count p99"), form)),
            ("of it Redis, p50 (ms)", lambda row: number(get(row, "count redis p50"), form)),
            ("p99 (ms) ", lambda row: number(get(row, "count redis p99"), form)),
        ]
        lines = (
            ("the first 100 of 100,000 who are online: p50 (ms)", "first p50", form),
            ("… p99 (ms)", "first p99", form),
            ("… of it Redis: p50 (ms)", "first redis p50", form),
            ("… p99 (ms)", "first redis p99", form),
            ("a worker with 100 idle sockets, in a second (ms of processor time)", "idle few", "{:,.1f}"),
            ("… with 1,000", "idle many", "{:,.1f}"),
            ("publishes of one change that 10 sockets watch", "publishes few", form),
            ("… 400 sockets", "publishes many", form),
            ("until the last of 10 has it (ms)", "told few", form),
            ("… of 400", "told many", form),
            ("sockets opened and closed at random (a second)", "turns", "{:,.0f}"),
            ("… of them open in the end", "here", "{:,.0f}"),
            ("… until Redis knows exactly who that is (s)", "true after", form),
        )
        facts = [(what, number(get("ours", name), how)) for what, name, how in lines if not math.isnan(get("ours", name))]
        return "\n\n".join(each for each in (self._table(columns, "tick redis few"), table(("Switchboard", ""), facts) if facts else "") if each)

    def chat(self) -> str:
        get = self.results.get
        columns: list[Cell] = [
            ("50 conversations: messages/s", lambda row: number(get(row, "chat few"))),
            ("per server second", lambda row: number(get(row, "chat few per core"))),
            ("200: messages/s", lambda row: number(get(row, "chat many"))),
            ("per server second ", lambda row: number(get(row, "chat many per core"))),
            ("ours is", lambda row: "" if row not in RIVALS else number(self.results.ratio("chat many", row, to=RIVALS[row]), "{:.2f}×")),
            *self._shares("chat many"),
            ("database", lambda row: number(get(row, "chat many database") * 100, "{:.0f} %")),
            ("at 100/s: p50 (ms)", lambda row: number(get(row, "chat p50"), "{:.2f}")),
            ("p99 (ms)", lambda row: number(get(row, "chat p99"), "{:.2f}")),
        ]
        return self._table(columns, "chat many")

    def missing(self) -> Iterator[str]:
        for row, why in self.results.failures.items():
            yield f"{CONTESTANTS[row].title}: {why[0]}" + (f" ({len(why)} times)" if len(why) > 1 else "")

    def _shares(self, name: str) -> list[Cell]:
        """Of a core, who used how much."""

        def share(who: str) -> Callable[[str], str]:
            return lambda row: number(self.results.get(row, f"{name} {who}") * 100, "{:.0f} %")

        return [("server", share("server")), ("generator", share("generator")), ("Redis", share("redis")), ("others", share("others"))]

    def _table(self, columns: Sequence[Cell], needed: str) -> str:
        rows = [row for row in self.rows if not math.isnan(self.results.get(row, needed))]
        lines = [(CONTESTANTS[row].title, *(show(row) for _, show in columns)) for row in rows]
        return table(("", *(head for head, _ in columns)), lines) if lines else ""

    def text(self) -> str:
        """All tables, for the terminal."""
        parts = [
            ("Aims", self.aims()),
            ("Pushes, one recipient each", self.pushes("each")),
            ("Pushes to one group of all", self.pushes("group")),
            ("Latency", self.latency()),
            ("Memory per idle socket, KiB", self.memory()),
            ("Handshakes", self.handshakes()),
            ("The whole way", self.whole_way()),
            ("Presence", self.presence()),
            ("Support chat", self.chat()),
            ("Tasks", shown_tasks(self.results)),
            ("Pages", shown_pages(self.results)),
            ("Not measured", "\n".join(self.missing())),
        ]
        return "\n\n".join(f"{heading}\n\n{body}" for heading, body in parts if body)


def _spelled(name: str) -> str:
    headers, _, count = name.partition(" ")
    return f"{'our client' if headers == 'plain' else 'browser'}, {int(count):,}"


def document(report: Report, *, date: str, machine: str, versions: dict[str, str], rounds: int) -> str:
    """The document: what was measured, how, where and with what, and what to make of it."""
    results = report.results
    busiest = results.worst("each others")
    missing = "".join(f"* Not measured: {line}\n" for line in report.missing())
    return f"""# How fast it is

`make bench` writes this page; `make bench QUICK=1` only prints a short form of it. Written on {date} by a machine with
{machine}. Medians of {rounds} rounds, in each of which every row ran once, one after the other.

{report.aims()}

{NOTES.read_text().strip()}

## One recipient each

Frames of the size of a notification, encoded before, published into Redis in the form that each server understands, to
1,000 sockets of 1,000 users in turn. "Ours is" compares what a server does in a second of a core that it has to itself:
pushes a second where it used {SATURATED:.0%} of its core or more, else pushes per second of its processor time, because then the
generator or Redis was the limit. For ours every push goes through the lane, with all that a socket keeps.

{report.pushes("each")}

The last four columns are shares of a core; "others" is what no process of the bench used.

## One group of 1,000

The same frames, each published once and sent to 1,000 sockets. A push here is one frame to one socket.

{report.pushes("group")}

## Latency

From just before the publish to just after the frame was read from the socket, at 2,000 pushes a second at random moments
to random ones of 1,000 sockets, sent when they are due whatever has arrived. Who does not reach that rate is not listed.

{report.latency()}

## Memory

KiB that each idle socket adds to the processes of a server (pages of their own), one after the other up to 1,000 and 5,000, with
the few headers of the bench's client and with those of a browser.

{report.memory()}

## Handshakes

Up to the first frame, which says that the socket is live; 2,000 users, 50 at a time, then the 2,000 once more and all at
once. All three check the same token. Ours also asks Redis whether the user still stands, takes its place
among those who are here, tells the others (as long as fewer than 500 are online), listens to its user's group, and reads from the database where
its stream is.

{report.handshakes()}

## The whole way

`notify` called by a process of its own, up to the moment at which the last socket has read its frame. One at a time: a call for each of
1,000 users in turn, and (p50, p99) the time of one call when nothing else goes on. In bulk: one call for 10,000 users, of whom 1,000 are
connected. "Its SQL alone": the same statements with the same parameters in the same transactions, issued by the bare driver.

{report.whole_way()}

## Presence

Who is here, over two workers and a third that holds seats in place of sockets (one person of five has a socket). A tick is what a worker asks of Redis every
second, in processor time of Redis and of the worker's loop; by hand it is one round in which every connection's key is renewed, for which
there are 30 seconds. A count is the step below `/api/v1/online/count`, from just before the question to just after the answer, and the part of it
that was Redis's. That by hand runs in a database of its own, with pipelines.

{report.presence()}

The 5,000 sockets come and go for a minute: up to 1,000 at once come and up to 500 go, in turn, of 2,500 people, with a grace of 1 s, and some run away
before they are in. A single person too many or too few in the end, or one with another number of connections, and the row fails.

## Support chat

A customer writes, the message is stored and committed, the agent's socket has it, and the customer's has the answer: then the customer writes the next.
200 conversations do that at once, each between two sockets. p50 and p99 are from just before a message is sent to just after the agent's frame was read, at 100
messages a second at random moments, sent when they are due whatever has arrived. The FastAPI service checks the same token, validates a message,
stores it as one row of the same database, publishes it to the other's channel in Redis and answers. Ours also finds the customer's session, counts a message
that comes twice as one, and gives it the next number in its session and in both people's streams, from which a socket that was away has it sent again.
At the end as many messages must be stored as were said, and each must have arrived once on either side, or the row fails.

{report.chat()}

## Tasks

A loop of 20,000 steps, in one process and in turn: bare, with tqdm (its bar thrown away), and with `track`; of three turns the quickest counts.
First of steps that do nothing: the time from the first to the last, and what comes on top once, which for `track` is to store its begin and its end.
Then of steps of some 100 µs each: the same, and the processor time of the thread that reports, its part of the ends too. What the task's owner is told is
counted at Redis. More than {AT_MOST} frames in a second, or a last one that is not the end at 100 %, and the row fails.

{shown_tasks(results)}

## Pages

What a browser loads that was never here before, compressed and with all headers, as each file comes over the wire; and the time from the first click on the
button until the chat's field has the focus. Throttled is a line of 150 ms to and fro and 1.6 Mbit/s down. One server process, no proxy, so no HTTP/2.
The sizes in brackets are what others say of their scripts alone; they were not measured here.

{shown_pages(results)}

## How it was measured

* Each server is a process of its own, started for its row, on core 0 alone with its children. The load generator, Redis and PostgreSQL
  share the other core; `notify` runs on the server's.
* The generator is one Python process without a WebSocket library: 1,000 sockets in one `epoll`, raw frames of one length, so it counts
  bytes. At the end of every run each socket must have got exactly the bytes that it was sent, and every fiftieth socket's
  frames are compared one by one; a row that is off by a byte is not counted.
* That it is not the bottleneck: its share of its core stands in each row, and the row "{CONTESTANTS["generator"].title}" is a server that
  writes eight frames at once and nothing else, which shows what generator and Redis do at most. The row "{CONTESTANTS["raw"].title}" writes each frame
  by itself, without a protocol or an event loop: more than that nobody gets out of one core who writes each push by itself.
* Servers on Uvicorn run with uvloop, httptools, `websockets-sansio` and without compression, as ours does. Signs of life (pings, heartbeats) are
  set so far apart that none falls into a measurement. Ours lets a user have as many sockets as it likes, and tells that somebody has gone
  ten minutes later, except where presence is measured.
* PostgreSQL runs with `fsync` off, so that its disk is not what is measured.
* Nothing else should run meanwhile: the busiest run of one recipient each had {busiest:.0%} of a core used by others.
{missing}
With {", ".join(f"{name} {version}" for name, version in versions.items())}.
"""
