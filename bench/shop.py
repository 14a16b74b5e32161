"""Switchboard's side: makes people, says how it encodes a push, tells people things, repeats the SQL of that, keeps seats.

    python -m bench.shop

runs on the server's core in the surroundings of a server, reads one JSON request a line, and answers
each with one line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from accounts import standing, tokens  # noqa: E402
from accounts.groups import user_group  # noqa: E402
from accounts.models import User  # noqa: E402
from bench.desk import attending, backends, clear_desk, desk, stored  # noqa: E402
from bench.load import FIRST, frame  # noqa: E402
from bench.seats import ask, hear, seat, ticks, truth  # noqa: E402
from bench.steps import steps, weigh  # noqa: E402
from notifications.models import Body, Entry, Inbox, Notification  # noqa: E402
from notifications.services import notify  # noqa: E402
from realtime.presence.store import PREFIX  # noqa: E402

TEXT = {"type": "new_comment", "title": "New comment", "message": "John wrote below your post.", "link": "/posts/7", "source": "blog"}


def people(count: int) -> dict[str, Any]:
    """A database with so many members, whose streams stand at FIRST; their tokens by number."""
    call_command("migrate", verbosity=0)
    User.objects.bulk_create((User(username=f"member{n}", display_name=f"Member {n}", password="!") for n in range(count)), batch_size=500)  # noqa: S106
    users = list(User.objects.order_by("pk"))
    Inbox.objects.bulk_create((Inbox(user=user, head=FIRST, floor=FIRST) for user in users), batch_size=1000)
    # As for everybody who was here today: a handshake then costs no look at the user's row.
    standing.put({user.pk: user.standing for user in users})
    return {"tokens": {user.pk: tokens.issue(user)[0] for user in users}}


def form() -> dict[str, Any]:
    """What `accounts.groups.publish` would write for the push of number FIRST, and how the keys of presence begin."""
    layer: Any = get_channel_layer()
    prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
    push = {"type": "push", "seq": FIRST, "topic": "notification", "frame": frame(FIRST)}
    channel = f"{prefix}__group__{user_group(424242)}".replace("424242", "%d")
    return {"channel": channel, "body": layer.serialize(push).hex(), "presence": PREFIX}


def tell_each(users: Sequence[int], count: int) -> dict[str, Any]:
    """One notification after the other, to each in turn; when it began and ended."""
    begun = time.perf_counter()
    for n in range(count):
        _tell(users[n % len(users)])
    return {"begun": begun, "ended": time.perf_counter()}


def tell_all(users: Sequence[int], count: int) -> dict[str, Any]:
    """So many calls for all of them."""
    begun = time.perf_counter()
    for _ in range(count):
        _tell(users)
    return {"begun": begun, "ended": time.perf_counter()}


def _tell(users: Any) -> None:
    notify(users=users, data={"post": 7}, **TEXT)


def repeat_each(users: Sequence[int], count: int) -> dict[str, Any]:
    """The statements of `tell_each`, issued again by the bare driver; seconds."""
    return _repeat([partial(_tell, users[n % len(users)]) for n in range(count)])


def repeat_all(users: Sequence[int], count: int) -> dict[str, Any]:
    """The statements of `tell_all`, issued again by the bare driver; seconds."""
    return _repeat([partial(_tell, users)] * count)


def fresh() -> dict[str, Any]:
    """Forget all that people were told."""
    for model in (Entry, Body, Notification):
        model._base_manager.all()._raw_delete("default")
    Inbox.objects.update(head=FIRST, floor=FIRST)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    return {}


# The statements of one call: the SQL, its parameters, and whether it stood in the call's transaction.
Spoken = list[tuple[str, Any, bool]]


def _repeat(calls: Sequence[Callable[[], None]]) -> dict[str, Any]:
    """From the same state, so that the same users get the same numbers again and the parameters fit."""
    fresh()
    spoken = [_overheard(call) for call in calls]
    fresh()
    say = _to_postgres if connection.vendor == "postgresql" else _to_sqlite
    spoken = [[(_sqlite(sql) if say is _to_sqlite else sql, parameters, inside) for sql, parameters, inside in each] for each in spoken]
    begun = time.perf_counter()
    for each in spoken:
        say(connection.connection, each)
    return {"seconds": time.perf_counter() - begun, "statements": sum(map(len, spoken))}


def _overheard(call: Callable[[], None]) -> Spoken:
    """What a call says to the database."""
    spoken: Spoken = []

    def listen(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if many:
            raise NotImplementedError("executemany")
        spoken.append((sql, parameters or (), connection.in_atomic_block))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(listen):
        call()
    return spoken


def _to_postgres(driver: Any, spoken: Spoken) -> None:
    cursor = driver.cursor()
    for sql, parameters, inside in spoken:
        if driver.autocommit == inside:  # the transaction begins with the next statement
            driver.autocommit = not inside
        cursor.execute(sql, parameters)
        if cursor.description:
            cursor.fetchall()
    driver.commit()
    driver.autocommit = True


def _to_sqlite(driver: Any, spoken: Spoken) -> None:
    cursor = driver.cursor()
    for sql, parameters, _ in spoken:  # BEGIN is one of them
        cursor.execute(sql, parameters)
        cursor.fetchall()
    driver.commit()


def _sqlite(sql: str) -> str:
    return sql.replace("%s", "?").replace("%%", "%")


def main() -> None:
    """Answer requests until there are none."""
    known = (
        people,
        form,
        tell_each,
        tell_all,
        repeat_each,
        repeat_all,
        fresh,
        seat,
        ticks,
        ask,
        hear,
        truth,
        desk,
        clear_desk,
        attending,
        stored,
        backends,
        weigh,
        steps,
    )
    answers: dict[str, Callable[..., dict[str, Any]]] = {each.__name__: each for each in known}
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answers[request.pop("do")](**request)), flush=True)


if __name__ == "__main__":
    main()
