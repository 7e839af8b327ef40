"""What leaves for QuickBooks: messages made ahead of their turn, stored before they go.

Making messages takes some twenty statements, however many operations they carry; so several
are made at once, and the call that sends one only marks it. Operations of one message, and of
messages made together, never depend on one another: they are of one rank, and what depends on
them is planned when their answers are here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import insert, select, text

from hub.books import stamps
from hub.books.stamps import Carried
from hub.db import HubSession
from hub.exporters.contract import Held, Nothing, Outcome, Prepared, fits
from hub.qbwc import doubts, letters, pace, qbxml
from hub.qbwc.models import Message, Operation, Stage, State, SyncSession
from hub.qbwc.outbox import PATIENCE, Outbox
from hub.qbwc.qbxml import Request
from hub.qbwc.visits import now

AHEAD = 40
"""How many messages are made at once, at most."""
PLANNED = 2000
"""How many requests they hold together, at most: made in well under a second."""
ROUNDS = 20
"""How often operations are taken that turn out to be held or to carry nothing, before the
connector is asked to wait: a call must not take long."""


class _Taken(NamedTuple):
    """An operation whose turn it is."""

    id: int
    subject: str
    rank: int
    plain: bool
    question: dict[str, Any] | None
    attempts: int


class _Going(NamedTuple):
    """An operation as it goes out."""

    operation: _Taken
    prepared: Prepared | None
    """None where it is only asked about."""
    text: str


@dataclass(frozen=True)
class Plan:
    """What came of planning."""

    first: int | None
    """The message to send next, if there is one."""
    is_complete: bool
    """Everything that waits has been looked at, or enough of it for a message."""
    left: int
    """How many operations are still to be answered or looked at."""


class Messages:
    """The messages of one connection, made of what waits in its outbox."""

    def __init__(self, db: HubSession, outbox: Outbox):
        self._db = db
        self.outbox = outbox

    def plan(self) -> Plan:
        """Make the next messages of what waits; what is in doubt is asked about first."""
        going: list[_Going] = []
        is_complete = True
        if doubtful := self._take(State.DOUBT):
            going = [_Going(one, None, self._question(one)) for one in doubtful]
        else:
            for _ in range(ROUNDS):
                if not (batch := self._take(State.QUEUED)):
                    break
                if going := self._prepare(batch):
                    break
            else:
                is_complete = False
        first = self._store(going) if going else None
        return Plan(first, is_complete, len(going) + self.outbox.waiting())

    def _take(self, state: State) -> list[_Taken]:
        """Return the next operations of one rank, so that none goes with one it depends on."""
        most = min(PLANNED, self.outbox.connection.batch * AHEAD)
        query = (
            select(
                Operation.id,
                Operation.subject,
                Operation.rank,
                Operation.plain,
                Operation.question,
                Operation.attempts,
            )
            .where(self.outbox.mine(state), self.outbox.is_due())
            .order_by(Operation.rank, Operation.id)
            .limit(most)
            .with_for_update(key_share=True)
        )
        batch = [_Taken(*row) for row in self._db.execute(query)]
        return [operation for operation in batch if operation.rank == batch[0].rank]

    @staticmethod
    def _question(operation: _Taken) -> str:
        return qbxml.written(doubts.query(operation.question or {}, operation.id))

    def _prepare(self, batch: Sequence[_Taken]) -> list[_Going]:
        """Mark what is held or has nothing to carry; return what goes."""
        outcomes = self.outbox.exporter.prepare([one.subject for one in batch], send=True)
        going: list[_Going] = []
        rest: list[dict[str, Any]] = []
        stamped: list[Carried] = []
        for operation in batch:
            outcome = outcomes.get(operation.subject, Nothing("Its record is gone."))
            outcome = _fitting(operation, outcome)
            if isinstance(outcome, Held):
                rest.append(_marked(operation, State.HELD, note=outcome.sentence))
                continue
            stamped.append(Carried(operation.subject, outcome.version, outcome.accounts))
            if isinstance(outcome, Nothing):
                rest.append(_marked(operation, State.DONE, note=outcome.reason))
            else:
                going.append(_Going(operation, outcome, _written(operation, outcome)))
        # What the exporter linked or froze must be there for what follows.
        self._db.flush()
        self._mark(rest)
        stamps.stamp(self._db, stamped)
        self.outbox.put([errand for outcome in outcomes.values() for errand in outcome.more])
        if any(row["state"] == State.DONE for row in rest):
            # What depends on these is told otherwise now.
            self.outbox.release(Operation.rank > batch[0].rank)
        return going

    def _store(self, going: Sequence[_Going]) -> int:
        """Store the messages and return the id of the first."""
        chunks = _chunks(going, self.outbox.connection.batch)
        version = self.outbox.connection.company.get("qbxml", qbxml.VERSION)
        rows = []
        for chunk in chunks:
            set_id = secrets.token_hex(12)
            rows.append(
                {
                    "connection_id": self.outbox.connection.id,
                    "set_id": set_id,
                    "text": qbxml.enclose([one.text for one in chunk], set_id, version=version),
                    "stage": Stage.PREPARED,
                    "size": len(chunk),
                }
            )
        # Their ids must grow in the order in which they are to go.
        statement = insert(Message).returning(Message.id, sort_by_parameter_order=True)
        made = self._db.scalars(statement, rows).all()
        marked = []
        for message_id, chunk in zip(made, chunks, strict=True):
            marked += [
                _marked(one.operation, State.SENT, message_id, prepared=one.prepared) for one in chunk
            ]
        self._mark(marked)
        return made[0]

    def _mark(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            ids = [row["id"] for row in rows]
            values = {"rows": json.dumps(rows), "ids": ids, "patience": PATIENCE}
            self._db.execute(_MARK, values)

    def send(self, message_id: int, session: SyncSession) -> str:
        """Return the text of a message that was made ahead; from here on it may be with QuickBooks."""
        values = {"message": message_id, "session": session.id}
        return str(self._db.execute(_SEND, values).scalar_one())

    def ask(self, message: Message, session: SyncSession) -> str:
        """Return what tells the fate of a message whose answer never came.

        Asked for by its id alone, QuickBooks runs nothing. A text that it has just said to have run
        is sent once more, as only that brings its outcome (protocol.md D.4).
        """
        session.messages += 1
        if message.known and session.asked == message.id:
            session.asked = None
            message.sent_in, message.sent = session.id, now()
            return message.text
        session.asked = message.id
        version = self.outbox.connection.company.get("qbxml", qbxml.VERSION)
        return qbxml.status_query(message.set_id, version)

    def discard_prepared(self) -> None:
        """Take apart what was made ahead and never left: it is looked at again, with what is now
        known of the company."""
        mine = Message.connection_id == self.outbox.connection.id
        ids = self._db.scalars(select(Message.id).where(mine, Message.stage == Stage.PREPARED)).all()
        if not ids:
            return
        freed = self._db.execute(_FREE, {"messages": list(ids)}).all()
        stamps.clear(
            self._db,
            [Carried(one.subject, one.version, one.accounts) for one in freed if not one.question],
            self.outbox.connection.id,
        )
        self._db.execute(text("DELETE FROM message WHERE id = ANY(:ids)"), {"ids": list(ids)})


def _fitting(operation: _Taken, outcome: Outcome) -> Outcome:
    """Return ``outcome``, held where its plain letters are more than QuickBooks keeps (``€`` is three)."""
    if not (operation.plain and isinstance(outcome, Prepared)):
        return outcome
    fitted = fits(replace(outcome, fields=letters.plain(outcome.fields)))
    return fitted if isinstance(fitted, Held) else outcome


def _written(operation: _Taken, prepared: Prepared) -> str:
    fields = letters.plain(prepared.fields) if operation.plain else prepared.fields
    return qbxml.written(Request(prepared.kind, str(operation.id), fields))


def _chunks(going: Sequence[_Going], most: int) -> list[list[_Going]]:
    """Return the operations message by message: at most ``most`` in one, and as many as fit. What was
    lost time and again goes alone, as QuickBooks may break at it."""
    chunks: list[list[_Going]] = []
    size = 0
    was_alone = False
    for one in going:
        size += len(one.text)
        alone = one.operation.attempts > 1
        is_full = not chunks or len(chunks[-1]) >= most or size > pace.LARGEST_BYTES
        if is_full or alone or was_alone:
            chunks.append([])
            size = len(one.text)
        chunks[-1].append(one)
        was_alone = alone
    return chunks


def _marked(
    operation: _Taken,
    state: State,
    message_id: int | None = None,
    note: str = "",
    prepared: Prepared | None = None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"id": operation.id, "state": state, "note": note, "message": message_id}
    if prepared is None:
        return row
    return row | {
        "kind": prepared.kind,
        "version": prepared.version,
        "fingerprint": prepared.fingerprint,
        "accounts": prepared.accounts,
        "note": prepared.note,
        "tried": 1,
    }


_MARK = text(
    """
    UPDATE operation SET
        state = v.state, note = v.note, message_id = coalesce(v.message, message_id),
        kind = coalesce(v.kind, operation.kind), version = coalesce(v.version, operation.version),
        fingerprint = coalesce(v.fingerprint, operation.fingerprint),
        accounts = coalesce(v.accounts, operation.accounts),
        attempts = attempts + coalesce(v.tried, 0),
        due = CASE WHEN v.state = 'held' THEN now() + cast(:patience AS interval) END,
        settled = CASE WHEN v.state = 'done' THEN now() ELSE settled END
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
        id bigint, state text, note text, message bigint, kind text, version bigint, fingerprint text,
        accounts jsonb, tried bigint)
    WHERE operation.id = v.id AND operation.id = ANY(cast(:ids AS bigint[]))
    """
)

_SEND = text(
    """
    WITH visited AS (
        UPDATE sync_session
        SET last_call = now(), messages = messages + 1, asked = NULL, preparing = false
        WHERE id = :session
    )
    UPDATE message SET stage = 'outstanding', sent = clock_timestamp(), sent_in = :session
    WHERE id = :message RETURNING text
    """
)

_FREE = text(
    """
    UPDATE operation SET
        message_id = NULL,
        attempts = attempts - (question IS NULL)::int,
        state = CASE
            WHEN question IS NOT NULL THEN 'doubt'
            WHEN EXISTS (
                SELECT FROM operation waiting
                WHERE waiting.connection_id = operation.connection_id
                  AND waiting.subject = operation.subject AND waiting.state IN ('queued', 'held', 'failed', 'excluded')
            ) THEN 'done'
            ELSE 'queued'
        END
    WHERE state = 'sent' AND message_id = ANY(:messages)
    RETURNING subject, version, accounts, question
    """
)
"""A record that changed while it was made ready waits again already, in its newer version."""
