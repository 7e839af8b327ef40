"""What people changed or deleted in QuickBooks of what the hub has booked, read back now and then.

Every few hours a session asks for the transactions that changed since, kind by kind, and for those
that were deleted. An edited document is marked and shown beside what was booked; what follows is the
tenant's choice (``Edits``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from hub.books.changes import Changes, is_forerunner
from hub.books.links import Links
from hub.books.lists import OVERLAP, local
from hub.books.models import Connection, Link, Readback
from hub.db import HubSession
from hub.exporters.contract import MISSING
from hub.qbwc import losses, qbxml, statuses
from hub.qbwc.edits import Edits
from hub.qbwc.models import State, SyncSession
from hub.qbwc.qbxml import Answer, Answers, Request
from hub.qbwc.statuses import Action
from hub.tenants.full_policy import USUAL_HOURS, Conflict
from hub.tenants.models import Tenant

PAGE = 100
OBJECTS = (
    *("Invoice", "CreditMemo", "ReceivePayment", "ARRefundCreditCard", "Check"),
    "JournalEntry",
)
ITERATED = {"Invoice", "CreditMemo", "ReceivePayment", "JournalEntry"}
"""The kinds whose query has an iterator for certain (protocol.md C.2)."""
DELETED = "deleted"
KEPT = "It was deleted in QuickBooks, and by your setting stays so."

Step = dict[str, Any]
_KEY = ["tenant_id", "connection_id", "object"]


def is_due(db: HubSession, connection: Connection) -> bool:
    """Whether it is time to read back, and there is anything that could have changed."""
    if not (connection.confirmed and connection.company):
        return False
    values = {"connection": connection.id, "confirmed": connection.confirmed, "deleted": DELETED}
    # Asked at every poll, so in one statement.
    if not db.scalar(_IS_TIME, values):
        return False
    return bool(_objects(db, connection))


_IS_TIME = text(
    f"""
    SELECT last = to_timestamp(0) OR hours > 0 AND last <= now() - make_interval(hours => hours::int)
    FROM (
        SELECT coalesce((SELECT readback_hours FROM full_policy), {USUAL_HOURS}) AS hours, coalesce(
            (SELECT r.read FROM readback r WHERE r.connection_id = :connection AND r.object = :deleted),
            :confirmed
        ) AS last
    ) choice
    """
)


def as_of(db: HubSession, link: Link) -> dt.datetime:
    """Return the moment for which it is known how a document stands in QuickBooks: when it was booked,
    or since then all of its kind that had changed was read back."""
    kind = Readback.connection_id == link.connection_id, Readback.object == link.object
    read = db.scalar(select(Readback.read).where(*kind))
    return max(link.booked, read) if read else link.booked


def want(db: HubSession, connection: Connection) -> None:
    """Let the next session read back, whenever it was done last, and though the tenant has it done
    never."""
    long_ago = dt.datetime.fromtimestamp(0, dt.UTC)
    row = {"connection_id": connection.id, "object": DELETED, "read": long_ago}
    statement = insert(Readback).values(**row, modified=_start(connection))
    db.execute(statement.on_conflict_do_update(index_elements=_KEY, set_={"read": long_ago}))


def agenda(db: HubSession, connection: Connection) -> list[Step]:
    """Return the steps that read back, where it is time to."""
    if not is_due(db, connection):
        return []
    rows = db.scalars(select(Readback).filter_by(connection_id=connection.id))
    known = {row.object: row.modified for row in rows}
    start = _start(connection)
    objects = _objects(db, connection)
    steps: list[Step] = [
        {"readback": object_, "since": _since(known.get(object_, start))} for object_ in objects
    ]
    reached = known.get(DELETED, start)
    deleted = {"readback": DELETED, "since": _since(reached), "reached": reached, "objects": objects}
    return [*steps, deleted]


def _objects(db: HubSession, connection: Connection) -> list[str]:
    query = select(Link.object).where(Link.connection_id == connection.id, Link.object.in_(OBJECTS))
    there = set(db.scalars(query.distinct()))
    return [object_ for object_ in OBJECTS if object_ in there]


def _start(connection: Connection) -> str:
    """Return the day before the connection was made, as no clock of a PC is farther off."""
    return (connection.created - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")


def _since(modified: str) -> str:
    if not modified:
        return ""
    return (dt.datetime.fromisoformat(modified) - OVERLAP).isoformat(timespec="seconds")


def is_readback(step: Step) -> bool:
    """Whether a step of the agenda reads back."""
    return "readback" in step


class Readbacks:
    """The reading back of one session, step by step."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection, session: SyncSession):
        self._db = db
        self._tenant = tenant
        self._connection = connection
        self._session = session
        self._links = Links(db, connection)
        self._edits = Edits(db, tenant, connection)

    def request(self) -> str:
        """Return the message that asks for the next page of what changed, or for what was deleted."""
        self._session.messages += 1
        step = {**self._session.agenda[0], "asked": True}
        self._session.agenda = [step, *self._session.agenda[1:]]
        return qbxml.message([_request(step)], version=self._connection.company["qbxml"])

    def settle(self, answers: Answers) -> bool:
        """Take note of what comes; never the last of an import."""
        step, *rest = self._session.agenda
        answer = next((one for one in answers.answers if one.request_id == step["readback"]), None)
        if "asked" not in step or answer is None:
            return False
        status = statuses.status(answer.code, answer.text)
        if status.action is not Action.SETTLE:
            # What was booked stays as it is known; the next session asks again.
            rest = [one for one in rest if not is_readback(one)]
        elif step["readback"] == DELETED:
            self._deleted(answer, step.get("reached", ""))
            self._reached(
                step, max((local(one.get("TimeDeleted")) for one in answer.returned), default="")
            )
        else:
            rest = [*self._changed(step, answer), *rest]
        self._session.agenda = rest
        return False

    def _changed(self, step: Step, answer: Answer) -> list[Step]:
        """Take a page of what changed; return the step that goes on, if there is more."""
        rets = answer.returned
        seen = Changes(self._db, self._connection)
        self._edits.decide(seen.see(rets))
        self._edits.put(seen.taken_back)
        times = [local(ret.get("TimeModified")) for ret in rets]
        modified = max([step.get("modified", ""), *times])
        if answer.remaining and answer.iterator_id:
            head = {name: step[name] for name in ("readback", "since")}
            return [{**head, "iterator": answer.iterator_id, "modified": modified}]
        self._reached(step, modified)
        return []

    def _reached(self, step: Step, modified: str) -> None:
        own = {"connection_id": self._connection.id, "object": step["readback"]}
        values: dict[str, Any] = {"read": dt.datetime.now(dt.UTC)}
        if modified:
            values["modified"] = modified
        statement = insert(Readback).values(**own, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))

    def _deleted(self, answer: Answer, reached: str) -> None:
        """Take what was deleted; what was told when ``reached`` and is missing since is somebody's to decide."""
        times = {one.get("TxnID"): local(one.get("TimeDeleted")) for one in answer.returned}
        ids = list(times)
        query = select(Link.subject, Link.missing, Link.object_id).where(
            Link.connection_id == self._connection.id, Link.object_id.in_(ids), ~Link.voided
        )
        # What the look back has missed already is known now to be deleted, and in no older backup.
        rows = self._db.execute(query).all() if ids else []
        if not rows:
            return
        self._links.lose([row.subject for row in rows if not row.missing])
        # Whenever it was told: the other may be gone only now, in the same second even.
        ended = self._edits.ended([row.subject for row in rows])
        self._edits.put(ended)
        news = [row for row in rows if not row.missing or times[row.object_id] > reached]
        gone = [row.subject for row in news if row.subject not in ended]
        if not gone:
            return
        winner = self._edits.winner
        if winner is Conflict.BILLING:
            # It was said to be deleted, so it is made anew without asking whether it has come back.
            # A forerunner never is; what takes it back goes as well.
            self._links.forget([subject for subject in gone if not is_forerunner(subject)])
            self._edits.put(gone)
            return
        is_kept = winner is Conflict.QUICKBOOKS
        note, state = (KEPT, State.EXCLUDED) if is_kept else (MISSING, State.FAILED)
        losses.hold(self._db, self._connection, dict.fromkeys(gone, note), state)


def _request(step: Step) -> Request:
    object_ = step["readback"]
    if object_ == DELETED:
        span = {"DeletedDateRangeFilter": {"FromDeletedDate": step["since"]}} if step["since"] else {}
        return Request("TxnDeletedQuery", DELETED, {"TxnDelType": step["objects"], **span})
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    if object_ in ITERATED:
        fields["MaxReturned"] = str(PAGE)
        attributes = (
            {"iterator": "Continue", "iteratorID": step["iterator"]}
            if "iterator" in step
            else {"iterator": "Start"}
        )
    if step["since"]:
        fields["ModifiedDateRangeFilter"] = {"FromModifiedDate": step["since"]}
    if object_ != "ARRefundCreditCard":
        fields["IncludeLineItems"] = "true"
    return Request(f"{object_}Query", object_, fields, attributes)
