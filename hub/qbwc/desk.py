"""What people see of the outbox and its sessions, and how the connection is doing, in a sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from hub.books.models import Connection
from hub.db import HubSession
from hub.errors import NotFound, Refused
from hub.exporters.contract import Errand
from hub.qbwc.models import Operation, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qwc import RUN_EVERY_MINUTES

PAGE = 50
LATE = dt.timedelta(minutes=2 * RUN_EVERY_MINUTES)
SILENT = dt.timedelta(hours=24)
AT_WORK = dt.timedelta(minutes=5)


class Desk:
    """One connection's operations and sessions, for reading and for trying again."""

    def __init__(self, db: HubSession, connection: Connection):
        self._db = db
        self._connection = connection

    def counts(self) -> dict[State, int]:
        """Return how many operations stand in each state."""
        query = (
            select(Operation.state, func.count().label("many"))
            .where(Operation.connection_id == self._connection.id)
            .group_by(Operation.state)
        )
        counts = {row.state: row.many for row in self._db.execute(query)}
        return {state: counts.get(state, 0) for state in State}

    def operations(self, state: State | None, before: int = 0) -> tuple[Sequence[Operation], int]:
        """Return a page of operations, newest first, and the position to go on from (0 at the end)."""
        query = select(Operation).where(Operation.connection_id == self._connection.id)
        if state is not None:
            query = query.where(Operation.state == state)
        if before:
            query = query.where(Operation.id < before)
        found = self._db.scalars(query.order_by(Operation.id.desc()).limit(PAGE + 1)).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

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

    def get(self, operation_id: int) -> Operation:
        """Return one operation, locked.

        :raises NotFound: when this connection has none of that number.
        """
        query = select(Operation).filter_by(id=operation_id, connection_id=self._connection.id)
        found = self._db.scalar(query.with_for_update())
        if found is None:
            raise NotFound("There is no such operation.")
        return found

    def again(self, operation: Operation, outbox: Outbox) -> None:
        """Let ``operation`` go again; what still cannot go is held with its sentence at once.

        :raises Refused: when it is not waiting for a person.
        """
        if operation.state is State.QUEUED:
            raise Refused("It is queued already and goes with the Web Connector's next run.")
        if operation.state not in (State.HELD, State.FAILED):
            state = operation.state.label
            raise Refused(f"It is “{state}”, so there is nothing to try again.")
        is_asked = outbox.retry(operation)
        # The row as it now is must be there to be looked at again.
        self._db.flush()
        if not is_asked:
            outbox.put([Errand(operation.subject, operation.rank)])
            self._db.refresh(operation)

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


@dataclass(frozen=True)
class Pulse:
    """How a connection is doing: a word, a sentence, and what to do next."""

    word: str
    tone: str
    """``good``, ``busy``, ``attention`` or ``bad``."""
    sentence: str
    route: str = ""
    """The page of the next step, and what its button says."""
    button: str = ""


def pulse(connection: Connection, last: SyncSession | None, now: dt.datetime) -> Pulse:
    """Say how ``connection`` is doing; ``last`` is its newest session."""
    if connection.staff_id is None:
        return Pulse(
            "Not set up",
            "attention",
            "No Web Connector has been set up yet. Download the QWC file and add it on the computer "
            "that has QuickBooks.",
            "qwc",
            "Download QWC file",
        )
    if connection.last_seen is None:
        return Pulse(
            "Never connected",
            "attention",
            "The QWC file is made, and no Web Connector has called yet. Add the file in the Web "
            "Connector, enter the password, tick the box and press Update Selected.",
            "qwc",
            "Show the six steps",
        )
    if connection.problem:
        return Pulse("Problem", "bad", connection.problem, "help", "What to do")
    if connection.company_name and not connection.confirmed:
        return Pulse(
            "Waits for you",
            "attention",
            f"QuickBooks has “{connection.company_name}” open. Nothing is written into it until "
            "somebody says that these are your books.",
            "settings",
            "Look and confirm",
        )
    return _running(connection, connection.last_seen, last, now)


def _running(
    connection: Connection, seen: dt.datetime, last: SyncSession | None, now: dt.datetime
) -> Pulse:
    if last is not None and last.closed is None and now - last.last_call < AT_WORK:
        return Pulse("Syncing", "busy", f"The Web Connector is at work: {last.booked} booked so far.")
    if last is not None and last.error:
        return Pulse(
            "Problem", "bad", f"The last run ended early. {last.error}", "history", "See the runs"
        )
    if now - seen > SILENT:
        return Pulse(
            "Silent",
            "bad",
            "The Web Connector has not called for more than a day. Wake the computer, open the Web "
            "Connector and tick Auto-Run.",
            "help",
            "What to check",
        )
    if now - seen > LATE:
        return Pulse(
            "Late",
            "attention",
            f"The Web Connector usually calls every {RUN_EVERY_MINUTES} minutes and has missed some. Is "
            "the computer awake and the Web Connector open?",
            "help",
            "What to check",
        )
    company = connection.company_name or "QuickBooks"
    return Pulse("Connected", "good", f"“{company}” is connected.")
