"""Choosing a mode, for as long as nothing has been booked in another.

What was booked as sums would be booked again record by record, and the other way
round, so a change is refused once QuickBooks has anything, or may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import delete, or_, select, update

from hub.books.connections import main_connection
from hub.books.models import Connection, JournalEntry, Link
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.ledger import records
from hub.ledger.contract import KINDS
from hub.ledger.models import BillingCycle, Posting
from hub.qbwc import imports
from hub.qbwc.models import Operation, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.tenants.models import Mode, Tenant
from hub.tenants.service import StaffRoom

PAGE = 1000
"""How many records are put anew in one go."""


def objection(db: HubSession, connection: Connection) -> str:
    """Say why the mode cannot be changed, or nothing."""
    # A link without a fingerprint was adopted: QuickBooks had that customer before us.
    booked = select(Link.id).where(Link.connection_id == connection.id, Link.fingerprint != "").limit(1)
    if db.scalar(booked):
        return (
            "Something has been booked in QuickBooks already. In the other mode it would be booked "
            "a second time, so the mode stays."
        )
    mine = Operation.connection_id == connection.id
    unanswered = (
        select(Operation.id).where(mine, Operation.state.in_([State.SENT, State.DOUBT])).limit(1)
    )
    if db.scalar(unanswered):
        return "A message is on its way to QuickBooks. Try again when its answer is here."
    # QuickBooks gives real refusals a code below 9000; beyond, or without one, nobody knows.
    doubtful = (Operation.message_id.is_not(None)) & or_(
        Operation.code.is_(None), Operation.code >= 9000, Operation.code.in_((510, 600, 1000))
    )
    unknown = select(Operation.id).where(mine, Operation.state == State.FAILED, doubtful).limit(1)
    if db.scalar(unknown):
        return (
            "QuickBooks may have booked something without saying so. Settle what “Needs you” lists "
            "on the page Review items queued first."
        )
    return ""


def change(db: HubSession, tenant: Tenant, mode: Mode, actor: str) -> bool:
    """Set the tenant's mode and plan everything anew; return whether that changed anything.

    :raises Refused: when something was booked, may have been, or is about to be.
    """
    connection = main_connection(db, tenant, lock=True)
    outbox = Outbox(db, tenant, connection)
    outbox.keep("pg_advisory_xact_lock")
    if tenant.mode is mode:
        return False
    # A session opens under the connection's lock and sends under its own.
    live = select(SyncSession).filter_by(connection_id=connection.id, closed=None)
    if db.scalar(live.with_for_update()):
        refusal = "The Web Connector is at work just now. Try again when its run has ended."
    else:
        refusal = objection(db, connection)
    if refusal:
        raise Refused(refusal, [Fault("/mode", refusal)])
    before = tenant.mode
    tenant.mode = mode
    _replan(db, Outbox(db, tenant, connection))
    imports.want(db, connection)
    StaffRoom(db, tenant, actor).audit("mode changed", before=before.label, now=mode.label)
    return True


def _replan(db: HubSession, outbox: Outbox) -> None:
    """Forget what waits and put every record anew: the mode has changed.

    Only for a tenant of whom QuickBooks has booked nothing. Postings leave the journal entries
    that gathered them, sent or not, except where QuickBooks has the entry.
    """
    db.execute(delete(Operation).where(outbox.mine(State.QUEUED, State.HELD, State.FAILED)))
    booked = set(db.scalars(select(Link.subject).filter_by(connection_id=outbox.connection.id)))
    entries = [
        entry_id
        for entry_id in db.scalars(select(JournalEntry.id))
        if f"journal_entry:{entry_id}" not in booked
    ]
    stamped = update(Posting).where(Posting.journal_entry_id.in_(entries))
    db.execute(stamped.values(journal_entry_id=None))
    db.execute(delete(JournalEntry).where(JournalEntry.id.in_(entries)))
    for kind in KINDS:
        for page in _pages(db, records.MODELS[kind]):
            outbox.put(outbox.exporter.recorded(kind, page))
    for cycle in db.scalars(select(BillingCycle).where(BillingCycle.closed.is_not(None))):
        outbox.put(outbox.exporter.closed(cycle))


def _pages(db: HubSession, model: Any) -> Iterator[Sequence[Any]]:
    """Yield the ids of all records of ``model``, page by page, oldest first."""
    after = 0
    while page := db.execute(
        select(model.id).where(model.id > after).order_by(model.id).limit(PAGE)
    ).all():
        yield page
        after = page[-1].id
