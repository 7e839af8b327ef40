"""What people see of the outbox and its sessions, and how they let operations go again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, case, cast, desc, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from hub.books.changes import Changes, is_past
from hub.books.links import Links
from hub.books.models import Connection
from hub.db import HubSession, among
from hub.errors import NotFound, QBXMLError, Refused
from hub.exporters.contract import Errand
from hub.qbwc import doubts, qbxml, statuses
from hub.qbwc.models import Message, Operation, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answer, Element

PAGE = 50
MOST = 500
"""How many operations go again at a time: each is looked at before the page is answered."""
CAUSES = 20
STUCK = (State.HELD, State.FAILED)
"""What waits for a person."""


@dataclass(frozen=True)
class Cause:
    """Why operations wait for a person, and how many do for this reason."""

    state: State
    key: str
    """QuickBooks' statusCode, or the digest of a sentence."""
    code: int | None
    title: str
    many: int


@dataclass(frozen=True)
class Tally:
    """What became of operations that were to go again."""

    queued: int = 0
    held: int = 0
    asked: int = 0
    """QuickBooks is asked about them first."""
    left: int = 0
    """How many of the same cause still wait, as there were more than ``MOST``."""

    @property
    def many(self) -> int:
        return self.queued + self.held + self.asked


@dataclass(frozen=True)
class Exchange:
    """What one operation sent, and what QuickBooks said to that."""

    message: Message
    request: Element | None
    answer: Answer | None


class Desk:
    """One connection's operations and sessions, for reading and for trying again."""

    def __init__(self, db: HubSession, connection: Connection):
        self._db = db
        self._connection = connection

    # operations

    def counts(self) -> dict[State, int]:
        """Return how many operations stand in each state."""
        query = (
            select(Operation.state, func.count().label("many"))
            .where(Operation.connection_id == self._connection.id)
            .group_by(Operation.state)
        )
        counts = {row.state: row.many for row in self._db.execute(query)}
        return {state: counts.get(state, 0) for state in State}

    def operations(
        self, state: State | None, before: int = 0, cause: str = ""
    ) -> tuple[Sequence[Operation], int]:
        """Return a page of operations, newest first, and the position to go on from (0 at the end)."""
        query = select(Operation).where(Operation.connection_id == self._connection.id)
        if state is not None:
            query = query.where(Operation.state == state)
        if cause:
            query = query.where(_cause == cause)
        if before:
            query = query.where(Operation.id < before)
        found = self._db.scalars(query.order_by(Operation.id.desc()).limit(PAGE + 1)).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

    def carried(self, session: SyncSession, before: int = 0) -> tuple[Sequence[Operation], int]:
        """Return a page of the operations whose last message went out in ``session``, newest first, and
        the position to go on from (0 at the end)."""
        mine = Message.connection_id == self._connection.id, Message.sent_in == session.id
        query = select(Operation).where(Operation.message_id.in_(select(Message.id).where(*mine)))
        if before:
            query = query.where(Operation.id < before)
        found = self._db.scalars(query.order_by(Operation.id.desc()).limit(PAGE + 1)).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

    def causes(self, state: State, chosen: str = "") -> list[Cause]:
        """Return for what reasons operations are in ``state``, the most frequent first; the one that is
        ``chosen`` is among them, however rare."""
        query = (
            select(
                _cause.label("cause"),
                func.min(_code),
                func.min(Operation.note),
                func.count().label("many"),
            )
            .where(Operation.connection_id == self._connection.id, Operation.state == state)
            # By its name: the expression's own parameters would make it another one.
            .group_by("cause")
            .order_by(desc(func.bool_or(_cause == chosen)), desc("many"), "cause")
            .limit(CAUSES)
        )
        found = [
            Cause(state, key, code, note if code is None else statuses.status(code).title, many)
            for key, code, note, many in self._db.execute(query)
        ]
        return sorted(found, key=lambda cause: (-cause.many, cause.key))

    def of(self, subjects: Iterable[str]) -> dict[str, Operation]:
        """Return the newest operation of each subject that has one."""
        wanted = set(subjects)
        if not wanted:
            return {}
        query = (
            select(Operation)
            .ext(distinct_on(Operation.subject))
            .where(Operation.connection_id == self._connection.id, Operation.subject.in_(wanted))
            .order_by(Operation.subject, Operation.id.desc())
        )
        return {operation.subject: operation for operation in self._db.scalars(query)}

    def get(self, operation_id: int, lock: bool = False) -> Operation:
        """Return one operation.

        :raises NotFound: when this connection has none of that number.
        """
        query = select(Operation).filter_by(id=operation_id, connection_id=self._connection.id)
        found = self._db.scalar(query.with_for_update() if lock else query)
        if found is None:
            raise NotFound("There is no such operation.")
        return found

    def exchange(self, operation: Operation) -> Exchange | None:
        """Return what ``operation`` sent last and what QuickBooks answered; nothing before it is sent."""
        if operation.message_id is None:
            return None
        message = self._db.get_one(Message, operation.message_id)
        return Exchange(
            message, _request(message.text, operation.id), _answer(message.answer or "", operation.id)
        )

    # again

    def again(self, operation: Operation, outbox: Outbox) -> None:
        """Let ``operation`` go again; what still cannot go is held with its sentence at once.

        :raises Refused: when it is not waiting for a person.
        """
        if operation.state is State.QUEUED:
            raise Refused("It is queued already and goes with the Web Connector's next run.")
        if operation.state not in STUCK:
            state = operation.state.label
            raise Refused(f"It is “{state}”, so there is nothing to try again.")
        self._send_again([operation], outbox)

    def again_chosen(self, ids: Sequence[int], outbox: Outbox) -> Tally:
        """Let those of ``ids`` that wait for a person go again, at most ``MOST``."""
        return self._again(among(Operation.id, ids), outbox)

    def again_all(self, state: State, cause: str, outbox: Outbox) -> Tally:
        """Let what is in ``state`` for the same ``cause`` go again, the oldest ``MOST`` of it."""
        return self._again((Operation.state == state) & (_cause == cause), outbox)

    def _again(self, which: Any, outbox: Outbox) -> Tally:
        mine = (Operation.connection_id == self._connection.id) & Operation.state.in_(STUCK) & which
        many = self._db.scalar(select(func.count()).select_from(Operation).where(mine)) or 0
        query = select(Operation).where(mine).order_by(Operation.id).limit(MOST).with_for_update()
        found = self._db.scalars(query).all()
        self._send_again(found, outbox)
        states = [operation.state for operation in found]
        asked, held = states.count(State.DOUBT), states.count(State.HELD)
        return Tally(len(found) - asked - held, held, asked, max(0, many - len(found)))

    def _send_again(self, operations: Sequence[Operation], outbox: Outbox) -> None:
        """Queue them anew. What QuickBooks had once is looked for there, as it may have come back."""
        if not operations:
            return
        subjects = [one.subject for one in operations]
        links = Links(self._db, self._connection).of(subjects)
        for link in links.values():
            if link.edited is not None and not (link.missing or is_past(link.subject)):
                Changes.send(link)
        asked = self._asked(subjects)
        gone = [one for one in operations if one.subject in links and links[one.subject].missing]
        gone = [one for one in gone if one.subject not in asked]
        newest = self._newest([one.subject for one in gone])
        for one in gone:
            one.question = doubts.about_missing(links[one.subject])
            # Its mark in QuickBooks may be that of any version up to this.
            one.version = newest[one.subject]
        # The rows as they now are must be there to be queued.
        self._db.flush()
        outbox.put([Errand(one.subject, one.rank) for one in operations])
        ids = [one.id for one in operations]
        self._db.scalars(
            select(Operation).where(among(Operation.id, ids)),
            execution_options={"populate_existing": True},
        ).all()

    def _asked(self, subjects: Sequence[str]) -> set[str]:
        """Return the subjects that QuickBooks is asked about already: its answer is for all that waits."""
        mine = Operation.connection_id == self._connection.id, among(Operation.subject, subjects)
        under_way = Operation.state.in_((State.SENT, State.DOUBT))
        return set(self._db.scalars(select(Operation.subject).where(*mine, under_way)))

    def _newest(self, subjects: Sequence[str]) -> dict[str, int]:
        """Return the highest version in which each subject ever went out."""
        mine = Operation.connection_id == self._connection.id
        query = select(Operation.subject, func.max(Operation.version).label("version"))
        found = query.where(mine, among(Operation.subject, subjects)).group_by(Operation.subject)
        return {row.subject: row.version for row in self._db.execute(found)}

    # sessions

    def sessions(self, before: int = 0) -> tuple[Sequence[SyncSession], int]:
        """Return a page of sessions, newest first, and the position to go on from (0 at the end)."""
        query = select(SyncSession).filter_by(connection_id=self._connection.id)
        if before:
            query = query.where(SyncSession.id < before)
        found = self._db.scalars(query.order_by(SyncSession.id.desc()).limit(PAGE + 1)).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

    def last_session(self) -> SyncSession | None:
        """Return the newest session."""
        query = select(SyncSession).filter_by(connection_id=self._connection.id)
        return self._db.scalar(query.order_by(SyncSession.id.desc()).limit(1))

    def session(self, session_id: int) -> SyncSession:
        """Return one session.

        :raises NotFound: when this connection has none of that number.
        """
        query = select(SyncSession).filter_by(id=session_id, connection_id=self._connection.id)
        found = self._db.scalar(query)
        if found is None:
            raise NotFound("There is no such run.")
        return found

    def messages(self, session: SyncSession, before: int = 0) -> tuple[Sequence[Any], int]:
        """Return a page of the messages that went out last in ``session``, newest first, without their
        texts, and the position to go on from (0 at the end)."""
        query = select(
            Message.id,
            Message.stage,
            Message.size,
            Message.sent,
            Message.answered,
            Message.answer.is_not(None).label("has_answer"),
            (Message.text != "").label("is_kept"),
        ).where(Message.connection_id == self._connection.id, Message.sent_in == session.id)
        if before:
            query = query.where(Message.id < before)
        found = self._db.execute(query.order_by(Message.id.desc()).limit(PAGE + 1)).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

    def message(self, message_id: int) -> Message:
        """Return one message.

        :raises NotFound: when this connection has none of that number.
        """
        query = select(Message).filter_by(id=message_id, connection_id=self._connection.id)
        found = self._db.scalar(query)
        if found is None:
            raise NotFound("There is no such message.")
        return found


_code = case((Operation.state == State.FAILED, Operation.code))
"""What is held was never asked of QuickBooks: a code that it has is of an earlier try."""
_cause = func.coalesce(cast(_code, String), func.md5(Operation.note))


def _request(text: str, operation_id: int) -> Element | None:
    """Return the request of one operation, if ``text`` can be read and holds it."""
    try:
        requests = qbxml.parse_requests(text).requests
    except QBXMLError:
        return None
    wanted = str(operation_id)
    return next((one for one in requests if one.attributes.get("requestID") == wanted), None)


def _answer(text: str, operation_id: int) -> Answer | None:
    """Return the answer to one operation, if ``text`` can be read and holds it."""
    try:
        answers = qbxml.parse_answers(text).answers
    except QBXMLError:
        return None
    return next((one for one in answers if one.request_id == str(operation_id)), None)


def fields(element: Element, depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Yield how deep each field of a request or answer lies, its name in words, and its text."""
    for inner in element:
        yield depth, re.sub("(?<=[a-z])(?=[A-Z])", " ", inner.name), inner.text
        yield from fields(inner, depth + 1)
