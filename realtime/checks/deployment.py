"""`manage.py check --deploy`: whether this installation is fit for the public."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage

from realtime.checks.configuration import check_configuration
from realtime.checks.database import check_database
from realtime.checks.redis_server import check_redis
from realtime.checks.serving import check_mail, check_workers


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Everything that is wrong. Asks Redis, PostgreSQL and the mail server, and waits for each of them for some seconds at most."""
    return [each for check in (check_configuration, check_redis, check_database, check_workers, check_mail) for each in check()]
