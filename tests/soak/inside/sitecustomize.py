"""Every Python that has this folder on its path writes down, twice a second, how many coroutines it runs: nobody can count them from outside.

The number stands in the file that is named by its process in the folder TASKS_FOLDER.
"""

import asyncio.tasks
import contextlib
import os
import threading
import time
from pathlib import Path


def _count() -> None:
    file = Path(os.environ["TASKS_FOLDER"]) / str(os.getpid())
    while True:
        with contextlib.suppress(RuntimeError, OSError):  # one has ended while they were counted, or the folder is gone
            file.write_text(str(sum(not task.done() for task in list(asyncio.tasks._all_tasks))))  # type: ignore[attr-defined]
        time.sleep(0.5)


if "TASKS_FOLDER" in os.environ:
    threading.Thread(target=_count, name="tasks", daemon=True).start()
