"""What QuickBooks' word on what it has means for the operation that it was asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import select

from hub.books.changes import is_forerunner
from hub.books.links import STALE, Booking, Links
from hub.books.models import Connection
from hub.db import HubSession
from hub.exporters.contract import guid
from hub.qbwc import doubts, statuses
from hub.qbwc.doubts import Reason
from hub.qbwc.fates import TRIES, Fates, Sent, pause
from hub.qbwc.models import Operation, State
from hub.qbwc.qbxml import Answer, Element
from hub.qbwc.statuses import Action

ANOTHER = (
    "QuickBooks has another entry numbered {number}, which is not the hub's. If it is the same, delete "
    "it there; press Try again to book this one beside it."
)


class Replies:
    """The replies to the questions of one message."""

    def __init__(self, db: HubSession, connection: Connection, fates: Fates):
        self._db = db
        self._connection = connection
        self._fates = fates
        self.stopped = ""
        """Why nothing more of this session would go through, if that is so."""

    def settle(self, operation: Sent, question: Mapping[str, Any], answer: Answer | None) -> None:
        """Take QuickBooks' word on what it has."""
        if question["reason"] == Reason.REMOVAL:
            self._removed(operation, question, answer)
            return
        found = answer and doubts.found(self._connection, operation.subject, self._versions, answer)
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
            self._fates.book(operation, found.ret)
        elif found:
            self._take_back(operation, found)
        elif question["reason"] == Reason.NAME or (others and operation.is_listed):
            self._name_is_taken(operation, others)
        else:
            if question["reason"] == Reason.MISSING and not is_forerunner(operation.subject):
                self._fates.forgotten.append(operation.subject)
            if others:
                self._fates.hold(operation, ANOTHER.format(number=others[0].get("RefNumber")))
            elif question.get("said"):
                self._fates.hold(operation, question["said"])
            else:
                self._fates.again(operation)

    def _removed(self, operation: Sent, question: Mapping[str, Any], answer: Answer | None) -> None:
        """What was to be deleted and is no more is done; what is still there is looked at again."""
        if answer is None or answer.code not in statuses.ABSENT:
            self._unresolved(operation, question, answer)
            return
        operation.question, operation.kind, operation.note = None, question["add"], ""
        if not answer.returned:
            self._fates.book(operation, None)
        elif question.get("said"):
            self._fates.hold(operation, question["said"])
        else:
            self._fates.read[operation.subject] = None
            self._fates.again(operation)

    def _unresolved(self, operation: Sent, question: Mapping[str, Any], answer: Answer | None) -> None:
        """QuickBooks did not say whether it has it: asked again later, a few times, then by a person."""
        status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
        asked = question.get("asked", 0) + 1
        operation.question = {**question, "asked": asked}
        operation.code = answer.code if answer else None
        operation.lost = False
        if asked >= TRIES:
            self._fates.hold(operation, status.sentence(answer.text if answer else ""))
        else:
            operation.state, operation.note = State.DOUBT, doubts.NOTE
            operation.due = pause(asked)
        if status.action is Action.STOP:
            self.stopped = status.sentence(answer.text if answer else "")

    @cached_property
    def _versions(self) -> dict[str, set[int]]:
        """The versions in which each subject that is asked about has gone out."""
        asked = [one.subject for one in self._fates.operations if one.was_asked]
        query = select(Operation.subject, Operation.version).where(
            Operation.connection_id == self._connection.id, Operation.subject.in_(asked)
        )
        found: dict[str, set[int]] = defaultdict(set)
        for subject, version in self._db.execute(query.distinct()):
            found[subject].add(version)
        return found

    def _ours(self, answer: Answer) -> set[str]:
        """Return by what the hub knows its own objects among those found: GUIDs and ids."""
        connection = self._connection
        guids = {guid(connection, one.subject).lower() for one in self._fates.operations}
        guids |= {guid(connection, one.subject, one.version).lower() for one in self._fates.operations}
        ids = [ret.get("TxnID") or ret.get("ListID") for ret in answer.returned]
        return guids | Links(self._db, connection).taken(ids)

    def _take_back(self, operation: Sent, found: doubts.Found) -> None:
        """QuickBooks has it in another version: linked as it is there, then brought up to date."""
        self._fates.bookings.append(
            Booking(
                operation.subject,
                operation.kind,
                found.version or operation.version,
                STALE,
                found.ret,
            )
        )
        self._fates.again(operation)

    def _name_is_taken(self, operation: Sent, others: Sequence[Element]) -> None:
        """The name belongs to somebody else, or did a moment ago: whoever it is gets known, and the
        exporter decides anew."""
        self._fates.shown += others
        if operation.attempts < TRIES:
            self._fates.again(operation)
        else:
            self._fates.hold(operation, statuses.status(statuses.NAME_TAKEN).sentence())
