"""What leaves for QuickBooks and what comes back.

A message is stored before it leaves, at most one is outstanding for a connection,
and settling an answer twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from hub.books.links import Booking, Links
from hub.db import HubSession
from hub.exporters.contract import Errand, Held, Nothing, Outcome, Prepared
from hub.qbwc import qbxml, statuses
from hub.qbwc.models import Message, Operation, Stage, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answer, Answers, Request
from hub.qbwc.statuses import Action

LARGEST = 200
"""The most requests a message holds."""
LARGEST_BYTES = 1_000_000
TRIES = 5


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
        it leaves; None when nothing can go."""
        if message := self.outstanding():
            return message
        while batch := self._take():
            outcomes = self.outbox.exporter.prepare(
                [operation.subject for operation in batch], send=True
            )
            going = self._sort(batch, outcomes)
            if going:
                return self._store(going)
        return None

    def _take(self) -> list[Operation]:
        """Return the next operations of one rank, so that none goes with one it depends on."""
        query = (
            select(Operation)
            .where(self.outbox.mine(State.QUEUED))
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
        set_id = secrets.token_hex(12)
        version = self.outbox.connection.company.get("qbxml", qbxml.VERSION)
        body = qbxml.message([request for _, _, request in going], set_id, version=version)
        message = Message(
            connection_id=self.outbox.connection.id, set_id=set_id, text=body, stage=Stage.OUTSTANDING
        )
        self._db.add(message)
        # Its operations point at it.
        self._db.flush()
        for operation, prepared, _ in going:
            operation.state = State.SENT
            operation.kind = prepared.kind
            operation.version = prepared.version
            operation.fingerprint = prepared.fingerprint
            operation.accounts = [list(account) for account in prepared.accounts]
            operation.message_id = message.id
            operation.attempts += 1
        return message

    def discard_unsent(self) -> None:
        """Take apart a message that was prepared and never left: what it holds is looked at again,
        with what is now known of the company."""
        message = self.outstanding()
        if message is None or message.sent_in is not None:
            return
        operations = self._operations(message)
        superseded = self._superseded(operations)
        for operation in operations:
            operation.message_id = None
            operation.attempts -= 1
            operation.state = State.DONE if operation.subject in superseded else State.QUEUED
        # The message cannot go while its operations point at it.
        self._db.flush()
        self._db.delete(message)

    def settle(self, message: Message, answers: Answers, raw: str, session: SyncSession) -> None:
        """Record what QuickBooks answered to ``message``."""
        if message.stage is not Stage.OUTSTANDING:
            return
        operations = self._operations(message)
        given = {answer.request_id: answer for answer in answers.answers}
        superseded = self._superseded(operations)
        bookings = []
        for operation in operations:
            answer = given.get(str(operation.id))
            if answer is None:
                self._in_doubt(operation, answers.set_code)
            elif self._settle_one(operation, answer, operation.subject in superseded):
                bookings.append(_booking(operation, answer))
            if operation.state is State.DONE:
                session.booked += 1
            elif operation.state is State.FAILED:
                session.refused += 1
        message.stage, message.answer = Stage.ANSWERED, raw
        message.answered = dt.datetime.now(dt.UTC)
        self.outbox.connection.batch = min(LARGEST, self.outbox.connection.batch * 2)
        self._link(operations, bookings)
        self.outbox.put(
            [
                Errand(operation.subject, operation.rank)
                for operation in operations
                if operation.kind == "TxnDel" and operation.state is State.DONE
            ]
        )

    def _link(self, operations: Sequence[Operation], bookings: Sequence[Booking]) -> None:
        links = Links(self._db, self.outbox.connection)
        read = [booking for booking in bookings if booking.kind.endswith("Query")]
        links.book([booking for booking in bookings if booking not in read])
        stale = {one.subject: None for one in operations if one.code == statuses.STALE}
        links.refresh({booking.subject: booking.ret for booking in read} | stale)

    def _operations(self, message: Message) -> Sequence[Operation]:
        query = select(Operation).where(
            Operation.message_id == message.id, Operation.state == State.SENT
        )
        return self._db.scalars(query.order_by(Operation.id)).all()

    def _superseded(self, operations: Sequence[Operation]) -> set[str]:
        """Return the subjects that changed while they were under way, and so wait again already."""
        waiting = self.outbox.mine(State.QUEUED, State.HELD, State.FAILED)
        subjects = [operation.subject for operation in operations]
        query = select(Operation.subject).where(waiting, Operation.subject.in_(subjects))
        return set(self._db.scalars(query))

    def _settle_one(self, operation: Operation, answer: Answer, superseded: bool) -> bool:
        """Record one answer; return whether QuickBooks booked it."""
        status = statuses.status(answer.code, answer.text)
        operation.code = answer.code
        operation.settled = dt.datetime.now(dt.UTC)
        operation.note = "" if answer.code == 0 else status.sentence(answer.text)
        if status.action is Action.SETTLE:
            operation.state = State.DONE
            if operation.kind.endswith("Query"):
                self._read(operation, answer, superseded)
            return True
        if superseded:
            operation.state = State.DONE
            operation.note = f"Replaced by a newer version. {operation.note}"
        elif status.action is Action.RETRY and operation.attempts < TRIES:
            operation.state = State.QUEUED
        else:
            operation.state = State.FAILED
        return False

    @staticmethod
    def _read(operation: Operation, answer: Answer, superseded: bool) -> None:
        """What had to be read again was read: now the change itself can go."""
        if not answer.returned:
            operation.state = State.FAILED
            operation.note = (
                "QuickBooks does not have this any more; somebody deleted it there. "
                "Restore it in QuickBooks, or void it here."
            )
        elif not superseded:
            operation.state = State.QUEUED

    @staticmethod
    def _in_doubt(operation: Operation, set_code: int) -> None:
        operation.state = State.FAILED
        operation.code = set_code or None
        operation.note = (
            "QuickBooks did not say what became of this. Look it up in QuickBooks by its number; "
            "if it is not there, press Try again."
        )

    def unreadable(self, message: Message, sentence: str, session: SyncSession) -> None:
        """QuickBooks could not read ``message`` and ran nothing of it: go on with half as many,
        until the one that cannot be read stands alone and is left for a person."""
        operations = self._operations(message)
        message.stage = Stage.UNREADABLE
        message.answered = dt.datetime.now(dt.UTC)
        superseded = self._superseded(operations)
        for operation in operations:
            if operation.subject in superseded:
                operation.state = State.DONE
            elif len(operations) == 1:
                operation.state, operation.note = State.FAILED, sentence
                session.refused += 1
            else:
                operation.state = State.QUEUED
                operation.attempts -= 1
        self.outbox.connection.batch = max(1, len(operations) // 2)


def _booking(operation: Operation, answer: Answer) -> Booking:
    returned = answer.returned
    return Booking(
        operation.subject,
        operation.kind,
        operation.version,
        operation.fingerprint,
        operation.accounts,
        returned[0] if returned else None,
    )
