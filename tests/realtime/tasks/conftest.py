"""Tasks of this test's people, and who reports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import Report


@pytest.fixture
def begun(mia: User) -> Callable[..., Task]:
    """`begun(...)`: a task of mia's, with four steps unless said otherwise."""

    def begin(**fields: Any) -> Task:
        return services.begin(**{"owner": mia, "title": "Import", "source": Task.Source.CODE, "total_steps": 4, **fields}).task

    return begin


@pytest.fixture
def said() -> Callable[..., Task]:
    """`said(task, step=2)`: its producer says that; the task as it is then."""
    return lambda task, **fields: services.report(tasks=Task.objects.filter(pk=task.pk), report=Report(**fields))
