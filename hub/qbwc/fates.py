"""What becomes of the operations of one message: collected one by one, then written at once.

However many there are, they take the same number of statements.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING as MISSING_DEFAULT
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm.attributes import set_committed_value

from hub.books import lists, stamps
from hub.books.changes import Changes
from hub.books.links import Booking, Links
from hub.books.models import Link
from hub.books.stamps import Carried
from hub.books.totals import off_total
from hub.db import HubSession
from hub.exporters.contract import MISSING, Errand
from hub.qbwc import doubts, losses
from hub.qbwc.doubts import Reason
from hub.qbwc.edits import Edits
from hub.qbwc.models import Message, Stage, State
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Element
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
    def is_listed(self) -> bool:
        """Whether it adds an entry of a list, which is known by its name."""
        return self.kind.endswith("Add") and self.kind.removesuffix("Add") in doubts.LISTED

    @property
    def is_of_others(self) -> bool:
        """Whether it reads documents that are not its own: those that a credit is used on, or a payment."""
        return self.kind == "InvoiceQuery" and self.subject.partition(":")[0] in ("credits", "payment")

    @property
    def is_use(self) -> bool:
        """Whether it uses credits on an invoice, which is the invoice's change and not its own."""
        return self.subject.startswith("credits:")


def pause(tries: int) -> dt.datetime | None:
    """Return when to try again after so many tries; nothing for at once."""
    minutes = PAUSES[min(tries, len(PAUSES)) - 1]
    return now() + dt.timedelta(minutes=minutes) if minutes else None


class Fates:
    """The fates of one message's operations."""

    def __init__(self, db: HubSession, outbox: Outbox, visit: Visit, message: Message):
        self._db = db
        self._outbox = outbox
        self._visit = visit
        self._message = message
        rows = visit.operations if message is visit.outstanding else _under_way(db, message)
        self.operations = [_sent(row) for row in rows]
        self.bookings: list[Booking] = []
        self.read: dict[str, Element | None] = {}
        """What objects said that were read again; None: it is out of date."""
        self.asked: list[Element] = []
        """Transactions that were asked for with all that they are linked with."""
        self.unsure: list[str] = []
        """Subjects of which a change may have been made or not."""
        self.forgotten: list[str] = []
        """Subjects of which QuickBooks was asked, and has nothing."""
        self.shown: list[Element] = []
        """Objects that tell what is in QuickBooks' lists."""
        self._used: list[Element] = []
        """Invoices on which credits were used."""
        self._gone: list[str] = []
        self._unseen: set[str] = set()
        """The ids of transactions that were asked for on behalf of others, and are gone."""

    def book(self, operation: Sent, ret: Element | None) -> None:
        """QuickBooks has booked it; ``ret`` is the object as it stands there now."""
        operation.state, operation.lost = State.DONE, False
        if operation.is_use:
            self._used += [ret] if ret is not None else []
            return
        self.shown += [ret] if ret is not None else []
        self.bookings.append(
            Booking(operation.subject, operation.kind, operation.version, operation.fingerprint, ret)
        )

    def missing(self, operation: Sent) -> None:
        """What was booked once is gone from QuickBooks: never made anew unasked."""
        self._gone.append(operation.subject)
        self.hold(operation, MISSING)

    def saw(self, operation: Sent, rets: Sequence[Element]) -> None:
        """Documents were read on which it is to be used; those that QuickBooks has no more are missing."""
        self.asked += rets
        wanted = doubts.request_of(self._message.text, operation.id).all("TxnID")
        self._unseen |= {id_.text for id_ in wanted} - {ret.get("TxnID") for ret in rets}
        self.again(operation)

    def ask(self, operation: Sent, reason: Reason, note: str, said: str = "") -> None:
        """QuickBooks is asked what it has before anything else is done. ``said``: what a person reads if
        it has nothing."""
        operation.question = doubts.about(operation.kind, self._message.text, operation.id, reason)
        if said:
            operation.question["said"] = said
        operation.state, operation.note = State.DOUBT, note
        operation.lost = reason is not Reason.FATE

    def again(self, operation: Sent) -> None:
        """Let it go again, unless its subject waits again already in a newer version."""
        waits = State.DOUBT if operation.question else State.QUEUED
        operation.state = State.DONE if operation.superseded else waits

    def hold(self, operation: Sent, sentence: str) -> None:
        """Leave it for a person, who reads the sentence, unless a newer version waits already."""
        if operation.superseded:
            operation.state = State.DONE
            operation.note = f"Replaced by a newer version. {sentence}"
        else:
            operation.state, operation.note = State.FAILED, sentence

    def write(self, stage: Stage, raw: str | None, batch: int) -> None:
        """Write all fates: links, postings, operations, the message in its new ``stage`` with the ``raw``
        answer, and how many operations go into the next messages (``batch``)."""
        links = Links(self._db, self._outbox.connection)
        links.book(self.bookings)
        links.refresh(self.read)
        links.outdate(_invoice(subject) for subject, ret in self.read.items() if ret is None)
        links.doubt(subject for subject in self.unsure if _invoice(subject) == subject)
        changes = Changes(self._db, self._outbox.connection)
        edited = [*changes.see(self.asked, with_links=True), *changes.see(self._used)]
        links.lose(self._gone)
        losses.missed(self._db, self._outbox.connection, self._unseen)
        links.forget(self.forgotten)
        lists.learn(self._db, self._outbox.connection, self.shown, self._visit.session.id)
        booked = {booking.subject: booking.kind for booking in self.bookings}
        booked |= {one.subject: one.kind for one in self.operations if self._has_used(one)}
        done = sum(one.state == State.DONE and one.subject in booked for one in self.operations)
        refused = sum(one.state == State.FAILED for one in self.operations)
        values = {
            "message": self._message.id,
            "session": self._visit.session.id,
            "connection": self._outbox.connection.id,
            "stage": stage,
            "answer": raw,
            "batch": batch,
            "booked": done,
            "refused": refused,
            "rank": min((one.rank for one in self.operations if one.state == State.DONE), default=None),
            "rows": json.dumps([_row(operation) for operation in self.operations]),
            "ids": [operation.id for operation in self.operations],
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
        more = [one for one in self.operations if one.subject in booked and one.looks_again]
        off = off_total(self._db, self.bookings)
        more += [one for one in self.operations if one.subject in off and not one.looks_again]
        self._outbox.put([Errand(one.subject, one.rank) for one in more])
        self._decide(edited, changes.taken_back)

    def _decide(self, edited: Sequence[Link], taken_back: Sequence[str]) -> None:
        """Do what the tenant wants done about edits that were noticed; those of the operations' own records
        are looked at when these go again."""
        own = {one.subject for one in self.operations}
        edits = Edits(self._db, self._visit.tenant, self._outbox.connection)
        edits.decide([link for link in edited if link.subject not in own])
        edits.put([subject for subject in taken_back if subject not in own])

    @staticmethod
    def _has_used(operation: Sent) -> bool:
        return operation.is_use and operation.kind == "InvoiceMod" and operation.state == State.DONE

    def _stamp(self, booked: Mapping[str, str]) -> None:
        """Leave the accounts in the postings of what was booked, and only there."""
        carried = {one.id: Carried(one.subject, one.version, one.accounts) for one in self.operations}
        changed = [one for one in self.operations if booked.get(one.subject, "").endswith("Mod")]
        stamps.move(self._db, [carried[one.id] for one in changed])
        stamps.follow(self._db, [one.subject for one in changed])
        lost = [carried[one.id] for one in self.operations if one.lost]
        stamps.clear(self._db, lost, self._outbox.connection.id)


def _invoice(subject: str) -> str:
    """Return whose document is out of date: that of the invoice on which credits are used."""
    kind, _, id_ = subject.partition(":")
    return f"invoice:{id_}" if kind == "credits" else subject


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
