"""What QuickBooks' answers mean for the operations of one message.

Each operation meets one fate, decided from its answer alone; then all fates are written at
once, with a number of statements that does not grow with the message. Settling twice changes
nothing, as only operations that are still under way are looked at.
"""

from __future__ import annotations

from hub.db import HubSession
from hub.qbwc import doubts, pace, statuses
from hub.qbwc.doubts import Reason
from hub.qbwc.fates import TRIES, Fates, Sent, pause
from hub.qbwc.models import Message, Stage, State
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answer, Answers
from hub.qbwc.replies import Replies
from hub.qbwc.statuses import Action, Outcome, Status
from hub.qbwc.visits import Visit


class Settlement:
    """Settles one message, operation by operation."""

    def __init__(self, db: HubSession, outbox: Outbox, visit: Visit, message: Message):
        self._outbox = outbox
        self._visit = visit
        self._message = message
        self._fates = Fates(db, outbox, visit, message)
        self._replies = Replies(db, outbox.connection, self._fates)
        self.resized = False
        """QuickBooks is so much slower or faster that what was made ahead has the wrong size."""
        self._stopped = ""

    @property
    def stopped(self) -> str:
        """Why nothing more of this session would go through, if that is so."""
        return self._stopped or self._replies.stopped

    def settle(self, answers: Answers, raw: str) -> None:
        """Record every answer, and what follows from them."""
        given = {answer.request_id: answer for answer in answers.answers}
        for operation in self._fates.operations:
            self._settle_one(operation, given.get(str(operation.id)))
        connection = self._outbox.connection
        batch = connection.batch
        if self._visit.seconds is not None and self._fates.operations and self._is_prompt():
            batch = pace.paced(batch, len(self._fates.operations), self._visit.seconds)
            self.resized = not connection.batch <= batch < 2 * connection.batch
        self._fates.write(Stage.ANSWERED, raw, batch)

    def _is_prompt(self) -> bool:
        """Whether the answer comes straight from QuickBooks, so that its time says how fast that is."""
        message, session = self._message, self._visit.session
        asked = session.asked == message.id
        return message is self._visit.outstanding and message.sent_in == session.id and not asked

    def lost(self) -> None:
        """QuickBooks remembers nothing of the message: each operation is looked for by itself, and goes
        with fewer others if it has to go again, as one of them may be what QuickBooks breaks at."""
        for operation in self._fates.operations:
            self._settle_one(operation, None)
        self._fates.write(Stage.LOST, None, max(1, len(self._fates.operations) // 2))

    def unreadable(self, sentence: str) -> None:
        """QuickBooks could not read the message and ran nothing of it: go on with half as many,
        until the one that cannot be read stands alone. It is tried once more in plain letters, and
        then left for a person; so is at once a question, as a plain one would ask for something else."""
        alone = len(self._fates.operations) == 1
        for operation in self._fates.operations:
            if operation.question:
                operation.lost = False
                if alone:
                    self._fates.hold(operation, sentence)
                else:
                    operation.state = State.DOUBT
            elif alone and (operation.plain or "&#" not in self._message.text):
                self._fates.hold(operation, sentence)
            else:
                operation.plain = alone
                self._fates.again(operation)
                operation.attempts -= 1
        batch = max(1, len(self._fates.operations) // 2)
        self._fates.write(Stage.UNREADABLE, None, batch)

    def _settle_one(self, operation: Sent, answer: Answer | None) -> None:
        if operation.question:
            self._replies.settle(operation, operation.question, answer)
            return
        status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
        operation.code = answer.code if answer else None
        operation.note = "" if operation.code == 0 else status.sentence(answer.text if answer else "")
        if answer and self._is_done(operation, answer, status):
            self._done(operation, answer)
        elif answer and operation.code in statuses.GONE and operation.kind.endswith("Mod"):
            self._changed_nothing(operation)
        elif status.action is Action.SETTLE or status.outcome is Outcome.UNKNOWN:
            self._doubt(operation, status)
        elif self._is_outdated(operation, status):
            self._fates.read[operation.subject] = None
            self._fates.again(operation)
        elif operation.code == statuses.NAME_TAKEN and operation.is_listed:
            self._fates.ask(operation, Reason.NAME, doubts.TAKEN)
        elif status.action is Action.STOP:
            self._stop(operation)
        elif operation.code in statuses.NOT_PROCESSED and operation.attempts < TRIES:
            self._fates.again(operation)
        elif status.action is Action.RETRY and operation.attempts < TRIES:
            self._fates.again(operation)
            operation.due = pause(operation.attempts)
        else:
            self._fates.hold(operation, operation.note)

    @staticmethod
    def _is_outdated(operation: Sent, status: Status) -> bool:
        """Whether the object has to be read again before the change can go once more."""
        is_change = operation.kind.endswith("Mod")
        return is_change and status.action is Action.LOOK_UP and operation.attempts < TRIES

    def _stop(self, operation: Sent) -> None:
        """QuickBooks would look at none: that was no try, and the session ends."""
        operation.attempts -= 1
        self._fates.again(operation)
        self._stopped = operation.note

    @staticmethod
    def _is_done(operation: Sent, answer: Answer, status: Status) -> bool:
        """Whether the answer shows the object itself, and not just word of it (ErrorRecovery); what
        was to be removed and is no more is done as well."""
        if operation.kind in ("TxnVoid", "TxnDel") and answer.code in statuses.GONE:
            return True
        if status.action is not Action.SETTLE:
            return False
        if operation.kind.endswith("Query"):
            return bool(answer.returned) or answer.code in statuses.ABSENT
        if not operation.kind.endswith(("Add", "Mod")):
            return True
        return any(ret.name == f"{operation.kind[:-3]}Ret" for ret in answer.returned)

    def _done(self, operation: Sent, answer: Answer) -> None:
        ret = next(iter(answer.returned), None)
        if not operation.kind.endswith("Query"):
            self._fates.book(operation, ret)
        elif operation.is_of_others:
            self._fates.saw(operation, answer.returned)
        elif ret is None:
            self._fates.missing(operation)
        else:
            # What had to be read again was read: now the change itself can go.
            if ret.get("TxnID"):
                self._fates.asked.append(ret)
            else:
                self._fates.read[operation.subject] = ret
            self._fates.again(operation)

    def _changed_nothing(self, operation: Sent) -> None:
        """What was to be changed is gone; so may be a credit that was to be used, which reading tells."""
        if not operation.is_use:
            self._fates.missing(operation)
        elif operation.attempts < TRIES:
            self._fates.read[operation.subject] = None
            self._fates.again(operation)
        else:
            self._fates.hold(operation, operation.note)

    def _doubt(self, operation: Sent, status: Status) -> None:
        """Nobody knows what became of it."""
        said = ""
        if (operation.code is not None and status.action is Action.HOLD) or operation.attempts >= TRIES:
            # QuickBooks says so time and again: if it was not booked after all, a person has to look.
            said = operation.note or statuses.UNANSWERED.sentence()
        if operation.kind.endswith("Add"):
            self._fates.ask(operation, Reason.FATE, doubts.NOTE, said)
        elif operation.kind == "TxnDel":
            self._fates.ask(operation, Reason.REMOVAL, doubts.NOTE, said)
        else:
            # Done twice it changes nothing; but what it was based on may be out of date.
            self._fates.read[operation.subject] = None
            self._fates.unsure.append(operation.subject)
            if said:
                self._fates.hold(operation, said)
            else:
                self._fates.again(operation)
