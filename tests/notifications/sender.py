"""A process of many threads that send to the same few users, in random order.

    python -m tests.notifications.sender <seed> <threads> <sends> <user id> …

Prints as JSON how many events each user was sent, and what went wrong.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import django
from django.db import connection, transaction


def main(seed: int, threads: int, sends: int, ids: Sequence[int]) -> None:
    sent: Counter[int] = Counter()
    errors: list[str] = []
    together = threading.Barrier(threads)
    counting = threading.Lock()

    def run(number: int) -> None:
        chance = random.Random(f"{seed}-{number}")
        try:
            together.wait()
            for turn in range(sends):
                to = chance.sample(ids, chance.randint(2, len(ids) - 4))
                send_once(to, through_notify=(number + turn) % 2 == 0)
                with counting:
                    sent.update(to)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    crowd = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    print(json.dumps({"sent": sent, "errors": errors}))


def send_once(to: list[int], *, through_notify: bool) -> None:
    """Once as everybody does it, once through the door itself, where nothing is tried again after a deadlock."""
    from notifications import inbox, services
    from tests.notifications.stream import hello

    if through_notify:
        services.notify(users=to, type="mention", title="Hello", message="From a crowd")
    else:
        with transaction.atomic():
            inbox.send([inbox.Delivery(recipients=to, event=hello(datetime.now(UTC)), items=dict.fromkeys(to, 0))])


if __name__ == "__main__":
    django.setup()
    main(*(int(each) for each in sys.argv[1:4]), [int(each) for each in sys.argv[4:]])
