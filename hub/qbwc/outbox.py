"""What waits to go to QuickBooks, and what became of it.

Errands are put here in the transaction of the record that causes them. Nothing
leaves without being stored first, at most one message is outstanding for a
connection, and settling an answer twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from hub.books.connections import main_connection
from hub.books.links import Booking, Links
from hub.books.models import Connection, JournalEntry, Link
from hub.db import HubSession
from hub.exporters import exporter_for
from hub.exporters.contract import Errand, Held, Nothing, Outcome, Prepared
from hub.ledger import records
from hub.ledger.contract import KINDS
from hub.ledger.models import BillingCycle, Posting
from hub.qbwc import qbxml, statuses
from hub.qbwc.models import Message, Operation, Stage, State, SyncSession
from hub.qbwc.qbxml import Answer, Answers, Request
from hub.qbwc.statuses import Action
from hub.tenants.models import Tenant

LARGEST = 200
"""The most requests a message holds."""
LARGEST_BYTES = 1_000_000
TRIES = 5
LOOK_AHEAD = 200
"""How many waiting operations are looked at in one go."""
REPLAN_PAGE = 1000


class Outbox:
    """One tenant's operations."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection | None = None):
        self._db = db
        self.connection = connection or main_connection(db, tenant)
        self.exporter = exporter_for(db, tenant, self.connection)

    # The ledger speaks.

    def recorded(self, kind: str, changed: Sequence[Any]) -> None:
        """Put what ``changed`` records make; a changed charge may free what was held for it."""
        self._keep_cycles("pg_advisory_xact_lock_shared")
        self.put(self.exporter.recorded(kind, changed))
        if kind == "charge":
            self.review()

    def close(self, cycle: BillingCycle) -> None:
        """Close a billing cycle and put what that makes; closing twice changes nothing."""
        self._keep_cycles("pg_advisory_xact_lock")
        self._db.refresh(cycle)
        cycle.closed = cycle.closed or dt.datetime.now(dt.UTC)
        # The exporter asks the database which cycles are closed.
        self._db.flush()
        self.put(self.exporter.closed(cycle))

    def _keep_cycles(self, lock: str) -> None:
        """Let no cycle close while records are being taken, or the close would miss their postings
        and they the close."""
        key = {"tenant": self.connection.tenant_id}
        self._db.execute(text(f"SELECT {lock}(hashtextextended('hub.cycles', :tenant))"), key)

    def put(self, errands: Sequence[Errand]) -> None:
        """Let the subjects wait, each once, and hold at once what is known to fail."""
        if not errands:
            return
        rows = [
            {
                "connection_id": self.connection.id,
                "subject": errand.subject,
                "rank": errand.rank,
                "state": State.QUEUED,
            }
            for errand in errands
        ]
        again = {"state": State.QUEUED.value, "note": "", "code": None, "attempts": 0}
        self._db.execute(
            insert(Operation)
            .values(rows)
            .on_conflict_do_update(
                index_elements=["tenant_id", "connection_id", "subject"],
                index_where=text("state IN ('queued', 'held', 'failed')"),
                set_=again,
            )
        )
        self._hold([errand.subject for errand in errands])

    def review(self) -> None:
        """Look again at what was held: the reason may be gone."""
        self.release()
        subjects = self._db.scalars(
            select(Operation.subject)
            .where(self._mine(State.QUEUED))
            .order_by(Operation.rank, Operation.id)
            .limit(LOOK_AHEAD)
        )
        self._hold(subjects.all())

    def release(self) -> None:
        """Let everything that is held be looked at again when its turn comes."""
        held = update(Operation).where(self._mine(State.HELD))
        self._db.execute(held.values(state=State.QUEUED, note=""))

    def replan(self) -> None:
        """Forget what waits and put every record anew: the mode has changed.

        Only for a tenant of whom QuickBooks has booked nothing. Postings leave the journal entries
        that gathered them, sent or not, except where QuickBooks has the entry.
        """
        self._db.execute(delete(Operation).where(self._mine(State.QUEUED, State.HELD, State.FAILED)))
        booked = set(self._db.scalars(select(Link.subject).filter_by(connection_id=self.connection.id)))
        entries = [
            entry_id
            for entry_id in self._db.scalars(select(JournalEntry.id))
            if f"journal_entry:{entry_id}" not in booked
        ]
        stamped = update(Posting).where(Posting.journal_entry_id.in_(entries))
        self._db.execute(stamped.values(journal_entry_id=None))
        self._db.execute(delete(JournalEntry).where(JournalEntry.id.in_(entries)))
        for kind in KINDS:
            for page in self._pages(records.MODELS[kind]):
                self.put(self.exporter.recorded(kind, page))
        for cycle in self._db.scalars(select(BillingCycle).where(BillingCycle.closed.is_not(None))):
            self.put(self.exporter.closed(cycle))

    def _pages(self, model: Any) -> Iterator[Sequence[Any]]:
        """Yield the ids of all records of ``model``, page by page, oldest first."""
        after = 0
        while page := self._db.execute(
            select(model.id).where(model.id > after).order_by(model.id).limit(REPLAN_PAGE)
        ).all():
            yield page
            after = page[-1].id

    def retry(self, operation: Operation) -> None:
        """Let an operation that needed a person go again."""
        operation.state = State.QUEUED
        operation.note = ""
        operation.attempts = 0

    def _hold(self, subjects: Sequence[str]) -> None:
        """Mark as held what cannot go, with its sentence."""
        outcomes = self.exporter.prepare(subjects, send=False)
        held = [
            {"subject": subject, "note": outcome.sentence}
            for subject, outcome in outcomes.items()
            if isinstance(outcome, Held)
        ]
        if held:
            self._db.execute(_HOLD, {"rows": json.dumps(held), "connection": self.connection.id})

    def _mine(self, *states: State) -> Any:
        return (Operation.connection_id == self.connection.id) & Operation.state.in_(states)

    # The conversation speaks.

    def waiting(self) -> int:
        """Return how many operations could go."""
        return self.count(State.QUEUED)

    def count(self, state: State) -> int:
        """Return how many operations are in ``state``."""
        query = select(func.count()).select_from(Operation).where(self._mine(state))
        return self._db.scalar(query) or 0

    def outstanding(self) -> Message | None:
        """Return the message that has not been answered yet, if there is one."""
        query = select(Message).filter_by(connection_id=self.connection.id, stage=Stage.OUTSTANDING)
        return self._db.scalar(query)

    def next_message(self) -> Message | None:
        """Return the message to send next: the one that is outstanding, or a new one, stored before
        it leaves; None when nothing can go."""
        if message := self.outstanding():
            return message
        while batch := self._take():
            outcomes = self.exporter.prepare([operation.subject for operation in batch], send=True)
            going = self._sort(batch, outcomes)
            if going:
                return self._store(going)
        return None

    def _take(self) -> list[Operation]:
        """Return the next operations of one rank, so that none goes with one it depends on."""
        query = (
            select(Operation)
            .where(self._mine(State.QUEUED))
            .order_by(Operation.rank, Operation.id)
            .limit(self.connection.batch)
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
        version = self.connection.company.get("qbxml", qbxml.VERSION)
        body = qbxml.message([request for _, _, request in going], set_id, version=version)
        message = Message(
            connection_id=self.connection.id, set_id=set_id, text=body, stage=Stage.OUTSTANDING
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
        self.connection.batch = min(LARGEST, self.connection.batch * 2)
        self._link(operations, bookings)
        self.put(
            [
                Errand(operation.subject, operation.rank)
                for operation in operations
                if operation.kind == "TxnDel" and operation.state is State.DONE
            ]
        )

    def _link(self, operations: Sequence[Operation], bookings: Sequence[Booking]) -> None:
        links = Links(self._db, self.connection)
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
        waiting = self._mine(State.QUEUED, State.HELD, State.FAILED)
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
        self.connection.batch = max(1, len(operations) // 2)


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


_HOLD = text(
    """
    UPDATE operation SET state = 'held', note = v.note
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(subject text, note text)
    WHERE operation.connection_id = :connection AND operation.subject = v.subject
      AND operation.state = 'queued'
    """
)
