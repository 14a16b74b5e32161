"""What nobody has confirmed: messages that none of a user's sockets has said to have."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from django import db
from django.db import connection

from accounts.batches import Batch
from accounts.executor import in_thread
from notifications.columns import columns
from notifications.models import Body, Entry, Inbox
from notifications.wire import splice
from realtime.chat.events import SUPPORT
from realtime.chat.models import Confirmation, Message, Participant, Session

logger = logging.getLogger(__name__)

PAGE: Final = 500
_ENTRY, _BODY, _INBOX, _MESSAGE, _PARTICIPANT, _SESSION, _CONFIRMATION = (
    model._meta.db_table for model in (Entry, Body, Inbox, Message, Participant, Session, Confirmation)
)
# A message may stand in a stream twice, when its session went away from an agent and came back: it is sent once.
_UNCONFIRMED: Final = f"""
    SELECT e.seq, e.item, b.text
    FROM {_ENTRY} e
    JOIN {_MESSAGE} m ON m.id = e.item
    JOIN {_SESSION} s ON s.id = m.session_id
    JOIN {_BODY} b ON b.id = e.body_id
    LEFT JOIN {_PARTICIPANT} p ON p.session_id = m.session_id AND p.user_id = e.user_id
    WHERE e.user_id = %s AND e.topic = '{SUPPORT}' AND e.item IS NOT NULL AND e.seq > %s AND e.seq <= %s
        AND (%s OR e.seq > COALESCE((SELECT c.seq FROM {_CONFIRMATION} c WHERE c.user_id = e.user_id), 0))
        AND (p.read_up_to IS NULL OR p.read_up_to < m."order")
        AND (s.customer_id = e.user_id OR s.agent_id = e.user_id)
    ORDER BY e.seq LIMIT {PAGE}
"""
_CONFIRM: Final = {
    "postgresql": f"""
        INSERT INTO {_CONFIRMATION} AS c (user_id, seq)
        SELECT t.user_id, LEAST(t.seq, i.head) FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, seq) JOIN {_INBOX} i ON i.user_id = t.user_id
        ORDER BY t.user_id ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq WHERE c.seq < excluded.seq
    """,
    "sqlite": f"""
        INSERT INTO {_CONFIRMATION} AS c (user_id, seq)
        SELECT t.value ->> 0, min(t.value ->> 1, i.head) FROM json_each(%s) AS t JOIN {_INBOX} i ON i.user_id = t.value ->> 0 WHERE true
        ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq WHERE c.seq < excluded.seq
    """,
}


def unconfirmed(user_id: int, *, after: int, upto: int) -> list[tuple[int, int, str]]:
    """A page of messages after one number of the stream and up to another, oldest first: number, message, and the finished `offline_message`.

    Everything up to the head that a socket has read is in the stream already, so pages up to there are of one moment.
    """
    with connection.cursor() as cursor:
        # Another socket may confirm everything between two pages: the first one decides from where all of it is sent.
        cursor.execute(_UNCONFIRMED, [user_id, after, upto, after > 0])
        return [(seq, item, splice(body.replace('"message"', '"offline_message"', 1), seq=seq)) for seq, item, body in cursor.fetchall()]


def confirm_all(confirmations: Sequence[tuple[int, int]]) -> None:
    """Keep that messages have arrived, up to a number of each of these users' streams."""
    highest: dict[int, int] = {}
    for user_id, seq in confirmations:
        highest[user_id] = max(seq, highest.get(user_id, 0))
    with connection.cursor() as cursor:
        cursor.execute(_CONFIRM[connection.vendor], columns(sorted(highest.items())))


async def aconfirm(user_id: int, seq: int) -> None:
    """Keep that all has arrived up to a number. Where the database does not answer it is not kept, and the messages come again."""
    try:
        await _confirmations.ask((user_id, seq))
    except db.Error as error:
        logger.warning("A confirmation is not kept: %s", error)


async def _keep(confirmations: Sequence[tuple[int, int]]) -> Sequence[None]:
    await in_thread(confirm_all, confirmations)
    return [None] * len(confirmations)


_confirmations: Final = Batch(_keep, limit=500)
