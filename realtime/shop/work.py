"""Something that takes a while, for the demo: it does nothing but say how far it is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Final

from django.db import close_old_connections
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.problems import Problem
from realtime.tasks.models import Task
from realtime.tasks.tracking import tracking

STEPS: Final = 12
PACE: Final = 1.0
"""Seconds of one step."""
MOST: Final = 3
"""Of one person at once; and of all, four times as many in each worker."""

_places = threading.BoundedSemaphore(4 * MOST)


def begin(user: User) -> str:
    """Begin it in a thread of its own, and return the task's id. Raises Problem if enough is going on."""
    running = Task.objects.filter(owner=user, source=Task.Source.CODE, status=Task.Status.RUNNING).count()
    if running >= MOST or not _places.acquire(blocking=False):
        raise Problem("RATE_LIMITED", detail=_("Enough is going on at once. Wait until something has ended."), wait=STEPS * PACE)
    begun: Future[str] = Future()
    # It ends with the process, which does not wait for it; the task has failed then.
    threading.Thread(target=_work, args=(user, _("Export of your orders"), begun), daemon=True).start()
    return begun.result()


def _work(user: User, title: str, begun: Future[str]) -> None:
    try:
        with tracking(user=user, title=title, total_steps=STEPS, notify=True, link="/member/") as task:
            begun.set_result(task.id)
            for step in range(1, STEPS + 1):
                task.update(message=gettext_lazy("Writing the file") if step == STEPS else gettext_lazy("Reading orders"))
                time.sleep(PACE)
                task.check()
                task.advance()
            task.update(message=gettext_lazy("The file is ready."))
    except BaseException as error:
        if not begun.done():
            begun.set_exception(error)
    finally:
        _places.release()
        close_old_connections()
