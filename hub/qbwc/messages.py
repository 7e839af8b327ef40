"""What leaves for QuickBooks and what comes back.

A message is stored before it leaves, at most one is outstanding for a connection,
and settling an answer twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from hub.books import stamps
from hub.books.stamps import Carried
from hub.db import HubSession
from hub.exporters.contract import Held, Nothing, Outcome, Prepared
from hub.qbwc import doubts, qbxml
from hub.qbwc.models import Message, Operation, Stage, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answers, Request
from hub.qbwc.settlement import Settlement, operations_of, superseded

LARGEST = 200
"""The most requests a message holds."""
LARGEST_BYTES = 1_000_000


class Messages:
    """The messages of one connection, made of what waits in its outbox."""

    def __init__(self, db: HubSession, outbox: Outbox):
        self._db = db
        self.outbox = outbox

    def outstanding(self) -> Message | None:
        """Return the message that has not been answered yet, if there is one."""
        query = select(Message).filter_by(
            connection_id=self.outbox.connection.id, stage=Stage.OUTSTANDING
        )
        return self._db.scalar(query)

    def next(self) -> Message | None:
        """Return the message to send next: the one that is outstanding, or a new one, stored before
        it leaves; None when nothing can go. What is in doubt is asked about first."""
        if message := self.outstanding():
            return message
        if doubtful := self._take(State.DOUBT):
            return self._ask(doubtful)
        while batch := self._take(State.QUEUED):
            outcomes = self.outbox.exporter.prepare(
                [operation.subject for operation in batch], send=True
            )
            going = self._sort(batch, outcomes)
            if going:
                return self._store(going)
        return None

    def _ask(self, doubtful: Sequence[Operation]) -> Message:
        message = self._message([doubts.question(operation) for operation in doubtful])
        for operation in doubtful:
            operation.state = State.SENT
            operation.message_id = message.id
        return message

    def _take(self, state: State) -> list[Operation]:
        """Return the next operations of one rank, so that none goes with one it depends on."""
        query = (
            select(Operation)
            .where(self.outbox.mine(state))
            .order_by(Operation.rank, Operation.id)
            .limit(self.outbox.connection.batch)
            .with_for_update()
        )
        batch = self._db.scalars(query).all()
        return [operation for operation in batch if operation.rank == batch[0].rank]

    def _sort(
        self, batch: Sequence[Operation], outcomes: Mapping[str, Outcome]
    ) -> list[tuple[Operation, Prepared, Request]]:
        """Mark what is held or has nothing to carry; return what goes, as much as fits."""
        going: list[tuple[Operation, Prepared, Request]] = []
        size = 0
        for operation in batch:
            outcome = outcomes.get(operation.subject, Nothing("Its record is gone."))
            if isinstance(outcome, Held):
                operation.state, operation.note = State.HELD, outcome.sentence
            elif isinstance(outcome, Nothing):
                operation.state, operation.note = State.DONE, outcome.reason
                operation.settled = dt.datetime.now(dt.UTC)
                self._stamp([(operation, outcome, None)])
            else:
                request = Request(outcome.kind, str(operation.id), outcome.fields)
                size += len(qbxml.message([request]))
                if going and size > LARGEST_BYTES:
                    break
                going.append((operation, outcome, request))
        # What was held or is done must not be taken again.
        self._db.flush()
        return going

    def _store(self, going: Sequence[tuple[Operation, Prepared, Request]]) -> Message:
        message = self._message([request for _, _, request in going])
        for operation, prepared, _ in going:
            operation.state = State.SENT
            operation.kind = prepared.kind
            operation.version = prepared.version
            operation.fingerprint = prepared.fingerprint
            operation.accounts = [list(account) for account in prepared.accounts]
            operation.message_id = message.id
            operation.attempts += 1
        self._stamp(going)
        return message

    def _stamp(self, going: Sequence[tuple[Operation, Prepared | Nothing, Any]]) -> None:
        carried = [Carried(one.subject, what.version, what.accounts) for one, what, _ in going]
        stamps.stamp(self._db, carried)

    def _message(self, requests: Sequence[Request]) -> Message:
        set_id = secrets.token_hex(12)
        version = self.outbox.connection.company.get("qbxml", qbxml.VERSION)
        message = Message(
            connection_id=self.outbox.connection.id,
            set_id=set_id,
            text=qbxml.message(requests, set_id, version=version),
            stage=Stage.OUTSTANDING,
        )
        self._db.add(message)
        # Its operations point at it.
        self._db.flush()
        return message

    def discard_unsent(self) -> None:
        """Take apart a message that was prepared and never left: what it holds is looked at again,
        with what is now known of the company."""
        message = self.outstanding()
        if message is None or message.sent_in is not None:
            return
        operations = operations_of(self._db, message)
        replaced = superseded(self._db, self.outbox, operations)
        for operation in operations:
            operation.message_id = None
            if operation.question:
                operation.state = State.DOUBT
            else:
                operation.attempts -= 1
                operation.state = State.DONE if operation.subject in replaced else State.QUEUED
        carried = [
            Carried(one.subject, one.version, one.accounts) for one in operations if not one.question
        ]
        # The message cannot go while its operations point at it.
        self._db.flush()
        stamps.clear(self._db, carried, self.outbox.connection.id)
        self._db.delete(message)

    def settle(self, message: Message, answers: Answers, raw: str, session: SyncSession) -> None:
        """Record what QuickBooks answered to ``message``."""
        if message.stage is not Stage.OUTSTANDING:
            return
        Settlement(self._db, self.outbox, message, session).settle(answers)
        message.stage, message.answer = Stage.ANSWERED, raw
        message.answered = dt.datetime.now(dt.UTC)
        self.outbox.connection.batch = min(LARGEST, self.outbox.connection.batch * 2)

    def unreadable(self, message: Message, sentence: str, session: SyncSession) -> None:
        """QuickBooks could not read ``message`` and ran nothing of it: go on with half as many,
        until the one that cannot be read stands alone and is left for a person."""
        size = len(operations_of(self._db, message))
        Settlement(self._db, self.outbox, message, session).refuse(sentence)
        message.stage = Stage.UNREADABLE
        message.answered = dt.datetime.now(dt.UTC)
        self.outbox.connection.batch = max(1, size // 2)
