"""What waits to go to QuickBooks: put here in the transaction of the record that causes it.

What is known to fail is held at once, with the sentence that says why. It is looked at in the next
session, as QuickBooks may know better; and then not before anything has changed that could free it
(what it depends on is done, a charge, an account or a setting, a list, the company; a person presses
Try again), or a day is over (``due``). What leaves, and what comes back, is in ``messages``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from hub.books.connections import main_connection
from hub.books.models import Connection, ListImport
from hub.db import HubSession
from hub.exporters import exporter_for
from hub.exporters.contract import Errand, Held
from hub.ledger.models import BillingCycle
from hub.qbwc.models import Operation, State
from hub.tenants.models import Tenant
from hub.tenants.service import StaffRoom

PATIENCE = dt.timedelta(days=1)
"""When what is held is looked at again although nothing has changed that the hub knows of."""
MOST_ROWS = 10_000
"""How many are put with one statement: it holds 65,535 parameters at most."""
LOOK_AHEAD = 200
"""How many waiting operations are looked at in one go."""


class Outbox:
    """One tenant's operations."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection | None = None):
        self._db = db
        self._tenant = tenant
        self.connection = connection or main_connection(db, tenant)
        self.exporter = exporter_for(db, tenant, self.connection)

    def recorded(self, kind: str, changed: Sequence[Any]) -> None:
        """Put what ``changed`` records make; a changed charge may free what was held for it."""
        self.keep("pg_advisory_xact_lock_shared")
        self.put(self.exporter.recorded(kind, changed))
        if kind == "charge":
            self.review()

    def close(self, cycle: BillingCycle, room: StaffRoom) -> None:
        """Close a billing cycle, put what that makes and write it into ``room``'s audit log; closing
        twice changes nothing."""
        self.keep("pg_advisory_xact_lock")
        self._db.refresh(cycle)
        if cycle.closed is None:
            cycle.closed = dt.datetime.now(dt.UTC)
            room.audit("billing cycle closed", cycle=cycle.name)
        # The exporter asks the database which cycles are closed.
        self._db.flush()
        self.put(self.exporter.closed(cycle))

    def ripen(self) -> None:
        """Put what has become ready by itself: a day, week or month is over."""
        self.keep("pg_advisory_xact_lock")
        self.put(self.exporter.ripe())

    def keep(self, lock: str) -> None:
        """Take records (shared) or close a cycle or change the mode (alone), never both at once: the
        close would miss the records' postings and they the close.
        """
        key = {"tenant": self.connection.tenant_id}
        self._db.execute(text(f"SELECT {lock}(hashtextextended('hub.cycles', :tenant))"), key)
        # Whoever had the lock may have changed the mode.
        self._db.refresh(self._tenant, ["mode"])
        self.exporter = exporter_for(self._db, self._tenant, self.connection)

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
            for errand in {errand.subject: errand for errand in errands}.values()
        ]
        for start in range(0, len(rows), MOST_ROWS):
            self._put(rows[start : start + MOST_ROWS])
        self._hold([errand.subject for errand in errands])

    def _put(self, rows: Sequence[dict[str, Any]]) -> None:
        put = insert(Operation).values(rows)
        again = {
            # What became of it last time is asked first.
            "state": case((Operation.question.is_(None), "queued"), else_="doubt"),
            "rank": put.excluded.rank,
            **{"note": "", "code": None, "attempts": 0, "due": None, "plain": False},
        }
        self._db.execute(
            put.on_conflict_do_update(
                index_elements=["tenant_id", "connection_id", "subject"],
                index_where=text("state IN ('queued', 'held', 'failed', 'excluded')"),
                set_=again,
                # What a person has excluded stays so, however often it changes.
                where=Operation.state != State.EXCLUDED,
            )
        )

    def review(self) -> None:
        """Look again at what was held: the reason may be gone. A list that is needed only now is read
        at the next run."""
        read = select(ListImport.kind).filter_by(connection_id=self.connection.id)
        if set(self.exporter.lists) - set(self._db.scalars(read)):
            self.connection.import_wanted = True
        self.release()
        subjects = self._db.scalars(
            select(Operation.subject)
            .where(self.mine(State.QUEUED))
            .order_by(Operation.rank, Operation.id)
            .limit(LOOK_AHEAD)
        )
        self._hold(subjects.all())

    def release(self, *which: Any) -> None:
        """Let all that is held be looked at again when its turn comes, or that of it to which the
        conditions ``which`` apply."""
        held = update(Operation).where(self.mine(State.HELD), *which)
        self._db.execute(held.values(state=State.QUEUED, note="", due=None))

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

    def mine(self, *states: State) -> Any:
        """Return the condition for this connection's operations in ``states``."""
        return (Operation.connection_id == self.connection.id) & Operation.state.in_(states)

    @staticmethod
    def is_due() -> Any:
        """Return the condition for operations that need not wait for another try, or another look."""
        return or_(Operation.due.is_(None), Operation.due <= func.now())

    def waiting(self) -> int:
        """Return how many operations could go."""
        query = select(func.count()).select_from(Operation)
        return self._db.scalar(query.where(self.mine(State.QUEUED, State.DOUBT), self.is_due())) or 0

    def has_held(self, since: dt.datetime) -> bool:
        """Whether anything was looked at ``since`` then and is held."""
        looked_at = Operation.due >= since + PATIENCE
        return bool(
            self._db.scalar(select(Operation.id).where(self.mine(State.HELD), looked_at).limit(1))
        )

    def count(self, *states: State) -> int:
        """Return how many operations are in ``states``."""
        query = select(func.count()).select_from(Operation).where(self.mine(*states))
        return self._db.scalar(query) or 0


_HOLD = text(
    """
    UPDATE operation SET state = 'held', note = v.note
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(subject text, note text)
    WHERE operation.connection_id = :connection AND operation.subject = v.subject
      AND operation.state = 'queued'
    """
)
