"""What QuickBooks held and holds no more, or not as it was: it waits for a person (protocol.md D.6)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import select, text

from hub.books.changes import is_forerunner
from hub.books.links import Links
from hub.books.models import Connection, Link
from hub.db import HubSession
from hub.exporters.contract import MISSING
from hub.qbwc.models import State

GONE = (
    "QuickBooks does not have this any more, and the credit memo that takes it back is still there. Press Try "
    "again to delete that memo as well, or exclude this."
)
"""Why a document waits that is gone and is never made anew, as another has taken its place."""


def hold(
    db: HubSession,
    connection: Connection,
    notes: Mapping[str, str],
    state: State = State.FAILED,
) -> None:
    """Let each subject wait for a person, with the sentence that says why; or leave it excluded."""
    rows = [
        {"subject": subject, "note": GONE if note == MISSING and is_forerunner(subject) else note}
        for subject, note in notes.items()
    ]
    db.execute(_HOLD, {"connection": connection.id, "rows": json.dumps(rows), "state": state})


def missed(db: HubSession, connection: Connection, ids: Collection[str]) -> None:
    """Take note that these entries of lists or transactions are gone: what was linked to one is missing."""
    query = select(Link.subject).where(
        Link.connection_id == connection.id, Link.object_id.in_(ids), ~Link.missing
    )
    subjects = db.scalars(query).all() if ids else []
    if subjects:
        Links(db, connection).lose(subjects)
        hold(db, connection, dict.fromkeys(subjects, MISSING))


_HOLD = text(
    """
    INSERT INTO operation (connection_id, subject, rank, state, note)
    SELECT :connection, v.subject, coalesce(latest.rank, 50), :state, v.note
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(subject text, note text)
    LEFT JOIN LATERAL (
        SELECT o.rank FROM operation o
        WHERE o.connection_id = :connection AND o.subject = v.subject ORDER BY o.id DESC LIMIT 1
    ) latest ON true
    WHERE NOT EXISTS (
        SELECT FROM operation asked
        WHERE asked.connection_id = :connection AND asked.subject = v.subject
          AND asked.state = 'doubt' AND asked.question->>'reason' = 'missing')
    ON CONFLICT (tenant_id, connection_id, subject)
        WHERE state IN ('queued', 'held', 'failed', 'excluded')
    DO UPDATE SET note = excluded.note, state = excluded.state WHERE operation.state = 'failed'
    """
)
"""What waits already, as its record has changed, is looked at by the exporter; what somebody lets be
looked for before it is made anew has been decided."""
