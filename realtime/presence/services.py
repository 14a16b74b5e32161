"""Who is here, for REST, the admin and your own code; and when they were seen last."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from django import db
from django.conf import settings
from django.db import connection

from accounts.executor import in_thread
from notifications.columns import columns
from realtime.presence.models import LastSeen
from realtime.presence.store import PAGE, Change

logger = logging.getLogger(__name__)

_TABLE: Final = LastSeen._meta.db_table
_NOTE: Final = {
    "postgresql": f"""
        INSERT INTO {_TABLE} AS seen (user_id, at) SELECT t.user_id, to_timestamp(t.at / 1000.0) FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, at)
        ORDER BY t.user_id ON CONFLICT (user_id) DO UPDATE SET at = excluded.at WHERE seen.at < excluded.at - %s * interval '1 second'
    """,
    "sqlite": f"""
        INSERT INTO {_TABLE} AS seen (user_id, at)
        SELECT value ->> 0, strftime('%%Y-%%m-%%d %%H:%%M:%%f', (value ->> 1) / 1000.0, 'unixepoch') FROM json_each(%s) WHERE true
        ON CONFLICT (user_id) DO UPDATE SET at = excluded.at
        WHERE julianday(seen.at) < julianday(excluded.at) - %s / 86400.0
    """,
}


class Seen:
    """When people came or went last, until it is written."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def take(self, changes: Iterable[Change]) -> None:
        """Keep what is to be written of these."""
        self._at |= {int(each.who[2:]): each.at for each in changes if each.kind in ("online", "offline")}

    async def write(self) -> None:
        """Write some of it; the rest later, and all while the database does not answer."""
        page = dict(islice(self._at.items(), PAGE))
        if not page:
            return
        try:
            await in_thread(note_seen, page)
        except db.Error as error:
            logger.warning("When people were seen last is written later: %s", error)
            return
        self._at = {user: at for user, at in self._at.items() if page.get(user) != at}


def note_seen(seen: Mapping[int, int]) -> None:
    """Keep when these users came or went (Unix time in milliseconds), unless that was noted less than PRESENCE_SEEN_INTERVAL before."""
    if not seen:
        return
    interval = settings.SWITCHBOARD.presence_seen_interval
    with connection.cursor() as cursor:
        cursor.execute(_NOTE[connection.vendor], [*columns(sorted(seen.items())), interval])
