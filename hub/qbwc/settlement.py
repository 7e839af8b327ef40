"""What QuickBooks' answers mean for the operations of one message.

Each operation meets one fate, decided from its answer alone; then all fates are written at
once, with a number of statements that does not grow with the message. Settling twice changes
nothing, as only operations that are still under way are looked at.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import MISSING as MISSING_DEFAULT
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm.attributes import set_committed_value

from hub.books import lists, stamps
from hub.books.changes import Changes, is_forerunner
from hub.books.links import STALE, Booking, Links
from hub.books.stamps import Carried
from hub.books.totals import off_total
from hub.db import HubSession
from hub.exporters.contract import MISSING, Errand, guid
from hub.qbwc import doubts, pace, statuses
from hub.qbwc.doubts import Reason
from hub.qbwc.models import Message, Operation, Stage, State
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answer, Answers, Element
from hub.qbwc.statuses import Action, Outcome, Status
from hub.qbwc.visits import Visit, now

TRIES = 5
PAUSES = (0, 5, 15, 60)
"""Minutes to wait before the second try, the third and so on: whoever has a record open in
QuickBooks is given time to close it."""


@dataclass
class Sent:
    """An operation that is under way, and what becomes of it."""

    id: int
    subject: str
    rank: int
    state: str
    kind: str
    version: int
    fingerprint: str
    accounts: list[list[Any]]
    question: dict[str, Any] | None
    attempts: int
    plain: bool
    was_asked: bool
    superseded: bool
    """Its record changed while it was under way, and waits again already."""
    note: str = ""
    code: int | None = None
    due: dt.datetime | None = None
    lost: bool = True
    """QuickBooks has not booked what it carried, so its postings are free again."""

    @property
    def looks_again(self) -> bool:
        """Whether its record has to be looked at once more when it is done."""
        is_partial = self.kind == "TxnDel" or self.was_asked or self.is_use
        return self.state == State.DONE and is_partial

    @property
    def is_use(self) -> bool:
        """Whether it uses credits on an invoice, which is the invoice's change and not its own."""
        return self.subject.startswith("credits:")


class Settlement:
    """Settles one message, operation by operation."""

    def __init__(self, db: HubSession, outbox: Outbox, visit: Visit, message: Message):
        self._db = db
        self._outbox = outbox
        self._visit = visit
        self._message = message
        rows = visit.operations if message is visit.outstanding else _under_way(db, message)
        self._operations = [_sent(row) for row in rows]
        self._bookings: list[Booking] = []
        self._read: dict[str, Element | None] = {}
        self._asked: list[Element] = []
        """Transactions that were asked for with all that they are linked with."""
        self._used: list[Element] = []
        """Invoices on which credits were used."""
        self._unsure: list[str] = []
        self._gone: list[str] = []
        self._forgotten: list[str] = []
        self._shown: list[Element] = []
        self.resized = False
        """QuickBooks is so much slower or faster that what was made ahead has the wrong size."""
        self.stopped = ""
        """Why nothing more of this session would go through, if that is so."""

    def settle(self, answers: Answers, raw: str) -> None:
        """Record every answer, and what follows from them."""
        given = {answer.request_id: answer for answer in answers.answers}
        for operation in self._operations:
            self._settle_one(operation, given.get(str(operation.id)))
        connection = self._outbox.connection
        batch = connection.batch
        if self._visit.seconds is not None and self._operations and self._is_prompt():
            batch = pace.paced(batch, len(self._operations), self._visit.seconds)
            self.resized = not connection.batch <= batch < 2 * connection.batch
        self._write(Stage.ANSWERED, raw, batch)

    def _is_prompt(self) -> bool:
        """Whether the answer comes straight from QuickBooks, so that its time says how fast that is."""
        message, session = self._message, self._visit.session
        asked = session.asked == message.id
        return message is self._visit.outstanding and message.sent_in == session.id and not asked

    def lost(self) -> None:
        """QuickBooks remembers nothing of the message: each operation is looked for by itself, and goes
        with fewer others if it has to go again, as one of them may be what QuickBooks breaks at."""
        for operation in self._operations:
            self._settle_one(operation, None)
        self._write(Stage.LOST, None, max(1, len(self._operations) // 2))

    def unreadable(self, sentence: str) -> None:
        """QuickBooks could not read the message and ran nothing of it: go on with half as many,
        until the one that cannot be read stands alone. It is tried once more in plain letters, and
        then left for a person; so is at once a question, as a plain one would ask for something else."""
        alone = len(self._operations) == 1
        for operation in self._operations:
            if operation.question:
                operation.lost = False
                if alone:
                    self._hold(operation, sentence)
                else:
                    operation.state = State.DOUBT
            elif alone and (operation.plain or "&#" not in self._message.text):
                self._hold(operation, sentence)
            else:
                operation.plain = alone
                self._again(operation)
                operation.attempts -= 1
        batch = max(1, len(self._operations) // 2)
        self._write(Stage.UNREADABLE, None, batch)

    # one operation

    def _settle_one(self, operation: Sent, answer: Answer | None) -> None:
        if operation.question:
            self._answer_question(operation, operation.question, answer)
            return
        status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
        operation.code = answer.code if answer else None
        operation.note = "" if operation.code == 0 else status.sentence(answer.text if answer else "")
        if answer and self._is_done(operation, answer, status):
            self._done(operation, answer)
        elif answer and operation.code in statuses.GONE and operation.kind.endswith("Mod"):
            self._missing(operation)
        elif status.action is Action.SETTLE or status.outcome is Outcome.UNKNOWN:
            self._doubt(operation, status)
        elif self._is_outdated(operation, status):
            self._read[operation.subject] = None
            self._again(operation)
        elif operation.code == statuses.NAME_TAKEN and _is_listed(operation.kind):
            self._ask(operation, Reason.NAME, doubts.TAKEN)
        elif status.action is Action.STOP:
            self._stop(operation)
        elif operation.code in statuses.NOT_PROCESSED and operation.attempts < TRIES:
            self._again(operation)
        elif status.action is Action.RETRY and operation.attempts < TRIES:
            self._again(operation)
            operation.due = _later(operation.attempts)
        else:
            self._hold(operation, operation.note)

    @staticmethod
    def _is_outdated(operation: Sent, status: Status) -> bool:
        """Whether the object has to be read again before the change can go once more."""
        is_change = operation.kind.endswith("Mod")
        return is_change and status.action is Action.LOOK_UP and operation.attempts < TRIES

    def _stop(self, operation: Sent) -> None:
        """QuickBooks would look at none: that was no try, and the session ends."""
        operation.attempts -= 1
        self._again(operation)
        self.stopped = operation.note

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
            self._book(operation, ret)
        elif ret is None:
            self._missing(operation)
        else:
            # What had to be read again was read: now the change itself can go.
            if ret.get("TxnID"):
                self._asked.append(ret)
            else:
                self._read[operation.subject] = ret
            self._again(operation)

    def _book(self, operation: Sent, ret: Element | None) -> None:
        operation.state, operation.lost = State.DONE, False
        if operation.is_use:
            self._used += [ret] if ret is not None else []
            return
        self._shown += [ret] if ret is not None else []
        self._bookings.append(
            Booking(operation.subject, operation.kind, operation.version, operation.fingerprint, ret)
        )

    def _missing(self, operation: Sent) -> None:
        """What was booked once is gone from QuickBooks: never made anew unasked."""
        self._gone.append(operation.subject)
        self._hold(operation, MISSING)

    def _doubt(self, operation: Sent, status: Status) -> None:
        """Nobody knows what became of it."""
        said = ""
        if (operation.code is not None and status.action is Action.HOLD) or operation.attempts >= TRIES:
            # QuickBooks says so time and again: if it was not booked after all, a person has to look.
            said = operation.note or statuses.UNANSWERED.sentence()
        if operation.kind.endswith("Add"):
            self._ask(operation, Reason.FATE, doubts.NOTE, said)
        elif operation.kind == "TxnDel":
            self._ask(operation, Reason.REMOVAL, doubts.NOTE, said)
        elif said:
            self._hold(operation, said)
        else:
            # Done twice it changes nothing; but what it was based on may be out of date.
            self._read[operation.subject] = None
            self._unsure.append(operation.subject)
            self._again(operation)

    def _ask(self, operation: Sent, reason: Reason, note: str, said: str = "") -> None:
        operation.question = doubts.about(operation.kind, self._message.text, operation.id, reason)
        if said:
            operation.question["said"] = said
        operation.state, operation.note = State.DOUBT, note
        operation.lost = reason is not Reason.FATE

    def _again(self, operation: Sent) -> None:
        """Let it go again, unless its subject waits again already in a newer version."""
        waits = State.DOUBT if operation.question else State.QUEUED
        operation.state = State.DONE if operation.superseded else waits

    def _hold(self, operation: Sent, sentence: str) -> None:
        if operation.superseded:
            operation.state = State.DONE
            operation.note = f"Replaced by a newer version. {sentence}"
        else:
            operation.state, operation.note = State.FAILED, sentence

    # one question

    def _answer_question(
        self, operation: Sent, question: Mapping[str, Any], answer: Answer | None
    ) -> None:
        """Take QuickBooks' word on what it has."""
        if question["reason"] == Reason.REMOVAL:
            self._answer_removal(operation, question, answer)
            return
        found = answer and doubts.found(
            self._outbox.connection, operation.subject, self._versions, answer
        )
        if answer is None or not (found or answer.code in statuses.ABSENT):
            self._unresolved(operation, question, answer)
            return
        if not found and question.get("then"):
            # It is not there under its id; it may have come back under its number.
            operation.question = {**question, "fields": question["then"], "then": None}
            operation.state, operation.lost = State.DOUBT, False
            return
        operation.question = None
        operation.kind, operation.note = question["add"], ""
        others = [] if found else doubts.strangers(answer, self._ours(answer))
        if found and found.version in (0, operation.version) and question["reason"] != Reason.MISSING:
            self._book(operation, found.ret)
        elif found:
            self._take_back(operation, found)
        elif question["reason"] == Reason.NAME or (others and _is_listed(operation.kind)):
            self._name_is_taken(operation, others)
        else:
            if question["reason"] == Reason.MISSING and not is_forerunner(operation.subject):
                self._forgotten.append(operation.subject)
            if others:
                self._hold(operation, ANOTHER.format(number=others[0].get("RefNumber")))
            elif question.get("said"):
                self._hold(operation, question["said"])
            else:
                self._again(operation)

    def _answer_removal(
        self, operation: Sent, question: Mapping[str, Any], answer: Answer | None
    ) -> None:
        """What was to be deleted and is no more is done; what is still there is looked at again."""
        if answer is None or answer.code not in statuses.ABSENT:
            self._unresolved(operation, question, answer)
            return
        operation.question, operation.kind, operation.note = None, question["add"], ""
        if not answer.returned:
            self._book(operation, None)
        elif question.get("said"):
            self._hold(operation, question["said"])
        else:
            self._read[operation.subject] = None
            self._again(operation)

    def _unresolved(self, operation: Sent, question: Mapping[str, Any], answer: Answer | None) -> None:
        """QuickBooks did not say whether it has it: asked again later, a few times, then by a person."""
        status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
        asked = question.get("asked", 0) + 1
        operation.question = {**question, "asked": asked}
        operation.code = answer.code if answer else None
        operation.lost = False
        if asked >= TRIES:
            self._hold(operation, status.sentence(answer.text if answer else ""))
        else:
            operation.state, operation.note = State.DOUBT, doubts.NOTE
            operation.due = _later(asked)
        if status.action is Action.STOP:
            self.stopped = status.sentence(answer.text if answer else "")

    @cached_property
    def _versions(self) -> dict[str, set[int]]:
        """The versions in which each subject that is asked about has gone out."""
        asked = [one.subject for one in self._operations if one.was_asked]
        query = select(Operation.subject, Operation.version).where(
            Operation.connection_id == self._outbox.connection.id, Operation.subject.in_(asked)
        )
        found: dict[str, set[int]] = defaultdict(set)
        for subject, version in self._db.execute(query.distinct()):
            found[subject].add(version)
        return found

    def _ours(self, answer: Answer) -> set[str]:
        """Return by what the hub knows its own objects among those found: GUIDs and ids."""
        connection = self._outbox.connection
        guids = {guid(connection, one.subject).lower() for one in self._operations}
        guids |= {guid(connection, one.subject, one.version).lower() for one in self._operations}
        ids = [ret.get("TxnID") or ret.get("ListID") for ret in answer.returned]
        return guids | Links(self._db, connection).taken(ids)

    def _take_back(self, operation: Sent, found: doubts.Found) -> None:
        """QuickBooks has it in another version: linked as it is there, then brought up to date."""
        self._bookings.append(
            Booking(
                operation.subject,
                operation.kind,
                found.version or operation.version,
                STALE,
                found.ret,
            )
        )
        self._again(operation)

    def _name_is_taken(self, operation: Sent, others: Sequence[Element]) -> None:
        """The name belongs to somebody else, or did a moment ago: whoever it is gets known, and the
        exporter decides anew."""
        self._shown += others
        if operation.attempts < TRIES:
            self._again(operation)
        else:
            self._hold(operation, statuses.status(statuses.NAME_TAKEN).sentence())

    # all of them

    def _write(self, stage: Stage, raw: str | None, batch: int) -> None:
        links = Links(self._db, self._outbox.connection)
        links.book(self._bookings)
        links.refresh(self._read)
        links.outdate(_invoice(subject) for subject, ret in self._read.items() if ret is None)
        links.doubt(subject for subject in self._unsure if _invoice(subject) == subject)
        changes = Changes(self._db, self._outbox.connection)
        changes.see(self._asked, with_links=True)
        changes.see(self._used)
        links.lose(self._gone)
        links.forget(self._forgotten)
        lists.learn(self._db, self._outbox.connection, self._shown, self._visit.session.id)
        booked = {booking.subject: booking.kind for booking in self._bookings}
        booked |= {one.subject: one.kind for one in self._operations if self._has_used(one)}
        done = sum(one.state == State.DONE and one.subject in booked for one in self._operations)
        refused = sum(one.state == State.FAILED for one in self._operations)
        values = {
            "message": self._message.id,
            "session": self._visit.session.id,
            "connection": self._outbox.connection.id,
            "stage": stage,
            "answer": raw,
            "batch": batch,
            "booked": done,
            "refused": refused,
            "rank": min((one.rank for one in self._operations if one.state == State.DONE), default=None),
            "rows": json.dumps([_row(operation) for operation in self._operations]),
            "ids": [operation.id for operation in self._operations],
        }
        # The links that were only changed must not be written after their operations.
        self._db.flush()
        self._db.execute(_SETTLE, values)
        # The statement has added them; a second UPDATE would add them again.
        session = self._visit.session
        set_committed_value(session, "booked", session.booked + done)
        set_committed_value(session, "refused", session.refused + refused)
        # The next messages are made in this call, and of this size.
        set_committed_value(self._outbox.connection, "batch", batch)
        self._stamp(booked)
        # A changed payment is added anew; what was found may be an older version by now.
        more = [one for one in self._operations if one.subject in booked and one.looks_again]
        off = off_total(self._db, self._bookings)
        more += [one for one in self._operations if one.subject in off and not one.looks_again]
        self._outbox.put([Errand(one.subject, one.rank) for one in more])

    @staticmethod
    def _has_used(operation: Sent) -> bool:
        return operation.is_use and operation.kind == "InvoiceMod" and operation.state == State.DONE

    def _stamp(self, booked: Mapping[str, str]) -> None:
        """Leave the accounts in the postings of what was booked, and only there."""
        carried = {one.id: Carried(one.subject, one.version, one.accounts) for one in self._operations}
        changed = [one for one in self._operations if booked.get(one.subject, "").endswith("Mod")]
        stamps.move(self._db, [carried[one.id] for one in changed])
        stamps.follow(self._db, [one.subject for one in changed])
        lost = [carried[one.id] for one in self._operations if one.lost]
        stamps.clear(self._db, lost, self._outbox.connection.id)


ANOTHER = (
    "QuickBooks has another entry numbered {number}, which is not the hub's. If it is the same, delete "
    "it there; press Try again to book this one beside it."
)


def _invoice(subject: str) -> str:
    """Return whose document is out of date: that of the invoice on which credits are used."""
    kind, _, id_ = subject.partition(":")
    return f"invoice:{id_}" if kind == "credits" else subject


def _is_listed(kind: str) -> bool:
    """Whether a request adds an entry of a list, which is known by its name."""
    return kind.removesuffix("Add") in doubts.LISTED and kind.endswith("Add")


def _later(tries: int) -> dt.datetime | None:
    """Return when to try again after so many tries; nothing for at once."""
    minutes = PAUSES[min(tries, len(PAUSES)) - 1]
    return now() + dt.timedelta(minutes=minutes) if minutes else None


def _row(operation: Sent) -> dict[str, Any]:
    return {
        "id": operation.id,
        "state": operation.state,
        "note": operation.note,
        "code": operation.code,
        "kind": operation.kind,
        "question": operation.question,
        "attempts": operation.attempts,
        "due": operation.due and operation.due.isoformat(),
        "plain": operation.plain,
    }


def _sent(row: Mapping[str, Any]) -> Sent:
    return Sent(**{name: row[name] for name in _FIELDS})


def _under_way(db: HubSession, message: Message) -> Sequence[Mapping[str, Any]]:
    """Return what ``message`` carries whose fate is still open, when its answer comes late."""
    query = text(
        "SELECT * FROM hub_under_way WHERE message_id = :message AND state = 'doubt' ORDER BY id"
    )
    return [dict(row) for row in db.execute(query, {"message": message.id}).mappings()]


_FIELDS = [field.name for field in fields(Sent) if field.default is MISSING_DEFAULT]

_SETTLE = text(
    """
    WITH settled AS (
        UPDATE operation SET
            state = v.state, code = v.code, kind = v.kind,
            -- What a person should know of a request stays with it, unless QuickBooks was asked meanwhile.
            note = CASE
                WHEN v.state = 'done' AND v.note = '' AND operation.question IS NULL THEN operation.note
                ELSE v.note
            END,
            question = nullif(v.question, 'null'::jsonb), attempts = v.attempts, due = v.due,
            plain = v.plain, settled = now()
        FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
            id bigint, state text, note text, code bigint, kind text, question jsonb, attempts bigint,
            due timestamptz, plain boolean)
        WHERE operation.id = v.id AND operation.id = ANY(cast(:ids AS bigint[]))
    ), freed AS (
        -- What was held for want of these can be looked at again, in this very session.
        UPDATE operation SET state = 'queued', note = '', due = NULL
        WHERE connection_id = :connection AND state = 'held' AND rank > cast(:rank AS bigint)
    ), visited AS (
        UPDATE sync_session SET
            booked = booked + :booked, refused = refused + :refused, last_call = now(), asked = NULL
        WHERE id = :session
    ), sized AS (
        UPDATE connection SET batch = :batch WHERE id = :connection AND batch <> :batch
    )
    UPDATE message SET stage = :stage, answer = :answer, answered = now() WHERE id = :message
    """
)
