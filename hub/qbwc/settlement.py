"""What QuickBooks' answers mean for the operations of one message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from hub.books import stamps
from hub.books.links import Booking, Links
from hub.books.stamps import Carried
from hub.db import HubSession
from hub.exporters.contract import Errand
from hub.qbwc import doubts, statuses
from hub.qbwc.models import Message, Operation, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answer, Answers, Element
from hub.qbwc.statuses import Action, Outcome

TRIES = 5
GONE = {500, 3120}
"""QuickBooks does not have the object: what was to be voided or deleted is no more."""


class Settlement:
    """Settles one message, operation by operation."""

    def __init__(self, db: HubSession, outbox: Outbox, message: Message, session: SyncSession):
        self._db = db
        self._outbox = outbox
        self._message = message
        self._session = session
        self._operations = operations_of(db, message)
        self._superseded = superseded(db, outbox, self._operations)
        self._bookings: list[Booking] = []
        self._read: dict[str, Element | None] = {}

    def settle(self, answers: Answers) -> None:
        """Record every answer, and what follows from them."""
        given = {answer.request_id: answer for answer in answers.answers}
        for operation in self._operations:
            operation.settled = dt.datetime.now(dt.UTC)
            self._settle_one(operation, given.get(str(operation.id)))
            self._count(operation)
        links = Links(self._db, self._outbox.connection)
        links.book(self._bookings)
        links.refresh(self._read)
        self._stamp()
        self._outbox.put(
            [
                Errand(booking.subject, operation.rank)
                for booking in self._bookings
                for operation in self._operations
                if booking.kind == "TxnDel" and booking.subject == operation.subject
            ]
        )

    def refuse(self, sentence: str) -> None:
        """QuickBooks could not read the message and ran nothing of it: the only operation needs a
        person, several go again in smaller messages."""
        alone = len(self._operations) == 1
        for operation in self._operations:
            if operation.question:
                operation.state = State.DOUBT
            elif alone:
                self._needs_person(operation, sentence)
            else:
                self._again(operation)
                operation.attempts -= 1
            self._count(operation)
        self._stamp()

    def _settle_one(self, operation: Operation, answer: Answer | None) -> None:
        if operation.question:
            self._answer_doubt(operation, answer)
            return
        status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
        operation.code = answer.code if answer else None
        operation.note = "" if operation.code == 0 else status.sentence(answer.text if answer else "")
        if operation.code == statuses.STALE:
            self._read[operation.subject] = None
        removed = operation.kind in ("TxnVoid", "TxnDel") and operation.code in GONE
        if answer and (removed or (status.action is Action.SETTLE and self._is_told(operation, answer))):
            self._done(operation, operation.kind, answer)
        elif status.action is Action.SETTLE or status.outcome is Outcome.UNKNOWN:
            self._doubt(operation)
        elif operation.attempts < TRIES and (
            status.action is Action.RETRY or operation.code == statuses.STALE
        ):
            self._again(operation)
        else:
            self._needs_person(operation, operation.note)

    @staticmethod
    def _is_told(operation: Operation, answer: Answer) -> bool:
        """Whether the answer holds the object itself, and not just word of it (ErrorRecovery)."""
        if not operation.kind.endswith(("Add", "Mod")):
            return True
        return any(ret.name == f"{operation.kind[:-3]}Ret" for ret in answer.returned)

    def _done(self, operation: Operation, kind: str, answer: Answer, ret: Element | None = None) -> None:
        if ret is None:
            ret = next(iter(answer.returned), None)
        if kind.endswith("Query"):
            self._read_again(operation, ret)
            return
        operation.state = State.DONE
        booking = Booking(operation.subject, kind, operation.version, operation.fingerprint, ret)
        self._bookings.append(booking)

    def _read_again(self, operation: Operation, ret: Element | None) -> None:
        """What had to be read again was read: now the change itself can go."""
        if ret is None:
            sentence = (
                "QuickBooks does not have this any more; somebody deleted it there. Void it here, "
                "or bill it anew under another id."
            )
            self._needs_person(operation, sentence)
        else:
            self._read[operation.subject] = ret
            self._again(operation)

    def _answer_doubt(self, operation: Operation, answer: Answer | None) -> None:
        """Take QuickBooks' word on an addition of unknown fate."""
        asked = operation.question or {}
        if answer is None or statuses.status(answer.code).action is not Action.SETTLE:
            operation.state, operation.note = State.DOUBT, doubts.NOTE
            return
        operation.question = None
        operation.kind, operation.note = asked["add"], ""
        ret = doubts.found(self._outbox.connection, operation, answer)
        if ret is None:
            self._again(operation)
        else:
            self._done(operation, operation.kind, answer, ret)

    def _doubt(self, operation: Operation) -> None:
        doubts.raise_doubt(operation, self._message.text)
        if operation.state is State.QUEUED:
            self._read[operation.subject] = None
            self._again(operation)

    def _again(self, operation: Operation) -> None:
        """Let it go again, unless its subject waits again already in a newer version."""
        replaced = operation.subject in self._superseded
        operation.state = State.DONE if replaced else State.QUEUED

    def _needs_person(self, operation: Operation, sentence: str) -> None:
        replaced = operation.subject in self._superseded
        operation.state = State.DONE if replaced else State.FAILED
        operation.note = f"Replaced by a newer version. {sentence}" if replaced else sentence

    def _count(self, operation: Operation) -> None:
        self._session.booked += any(one.subject == operation.subject for one in self._bookings[-1:])
        self._session.refused += operation.state is State.FAILED

    def _stamp(self) -> None:
        """Leave the accounts in the postings of what was booked, and only there."""
        booked = {booking.subject: booking.kind for booking in self._bookings}
        mine = [(one, Carried(one.subject, one.version, one.accounts)) for one in self._operations]
        doubtful = {one.subject for one, _ in mine if one.state is State.DOUBT}
        # Links are read by what follows.
        self._db.flush()
        stamps.move(
            self._db, [all_ for one, all_ in mine if booked.get(one.subject, "").endswith("Mod")]
        )
        stamps.follow(
            self._db, [subject for subject in booked if not subject.startswith("journal_entry:")]
        )
        lost = [all_ for one, all_ in mine if one.subject not in booked and one.subject not in doubtful]
        stamps.clear(self._db, lost, self._outbox.connection.id)


def operations_of(db: HubSession, message: Message) -> Sequence[Operation]:
    """Return the operations that are under way in ``message``."""
    query = select(Operation).where(Operation.message_id == message.id, Operation.state == State.SENT)
    return db.scalars(query.order_by(Operation.id)).all()


def superseded(db: HubSession, outbox: Outbox, operations: Sequence[Operation]) -> set[str]:
    """Return the subjects that changed while they were under way, and so wait again already."""
    waiting = outbox.mine(State.QUEUED, State.HELD, State.FAILED)
    subjects = [operation.subject for operation in operations]
    return set(db.scalars(select(Operation.subject).where(waiting, Operation.subject.in_(subjects))))
