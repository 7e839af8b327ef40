"""Choosing a mode while QuickBooks has nothing of ours: all is planned anew.

Once something has been booked, a mode is changed by a plan with a cut-over (``switching``).
Either way it waits until nothing is on its way of which nobody knows the outcome.
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
NEEDS_PLAN = (
    "Something has been booked in QuickBooks already, so the mode is switched by a plan with a cut-over "
    "date: Integration Settings shows it."
)


def has_booked(db: HubSession, connection: Connection) -> bool:
    """Whether QuickBooks has anything of ours."""
    # A link without a fingerprint was adopted: QuickBooks had that customer before us.
    booked = select(Link.id).where(Link.connection_id == connection.id, Link.fingerprint != "").limit(1)
    return db.scalar(booked) is not None


def objection(db: HubSession, connection: Connection) -> str:
    """Say why the mode cannot be changed just now, or nothing."""
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


def locked(db: HubSession, tenant: Tenant) -> Outbox:
    """Return the outbox, kept from everybody else until the end of the transaction."""
    outbox = Outbox(db, tenant, main_connection(db, tenant, lock=True))
    outbox.keep("pg_advisory_xact_lock")
    return outbox


def check(db: HubSession, connection: Connection) -> None:
    """See that the mode can be changed just now.

    :raises Refused: when something may be on its way.
    """
    # A session opens under the connection's lock and sends under its own.
    live = select(SyncSession).filter_by(connection_id=connection.id, closed=None)
    if db.scalar(live.with_for_update()):
        refusal = "The Web Connector is at work just now. Try again when its run has ended."
    else:
        refusal = objection(db, connection)
    if refusal:
        raise Refused(refusal, [Fault("/mode", refusal)])


def change(db: HubSession, tenant: Tenant, mode: Mode, actor: str) -> bool:
    """Set the tenant's mode and plan everything anew; return whether that changed anything.

    :raises Refused: when something was booked, may have been, or is about to be.
    """
    outbox = locked(db, tenant)
    if tenant.mode is mode:
        return False
    check(db, outbox.connection)
    if has_booked(db, outbox.connection):
        raise Refused(NEEDS_PLAN, [Fault("/mode", NEEDS_PLAN)])
    before = tenant.mode
    tenant.mode = mode
    # The exporters ask the database for the mode.
    db.flush()
    _replan(db, Outbox(db, tenant, outbox.connection))
    imports.want(db, outbox.connection)
    StaffRoom(db, tenant, actor).audit("mode changed", before=before.label, now=mode.label)
    return True


def _replan(db: HubSession, outbox: Outbox) -> None:
    """Forget what waits and put every record anew: QuickBooks has booked nothing, and postings leave the
    journal entries that gathered them, sent or not."""
    db.execute(delete(Operation).where(outbox.mine(State.QUEUED, State.HELD, State.FAILED)))
    db.execute(update(Posting).values(journal_entry_id=None))
    db.execute(delete(JournalEntry))
    for kind in KINDS:
        for page in pages(db, records.MODELS[kind]):
            outbox.put(outbox.exporter.recorded(kind, page))
    for cycle in db.scalars(select(BillingCycle).where(BillingCycle.closed.is_not(None))):
        outbox.put(outbox.exporter.closed(cycle))


def pages(db: HubSession, model: Any, *which: Any) -> Iterator[Sequence[Any]]:
    """Yield the ids of all records of ``model``, or of those to which ``which`` applies, page by page,
    oldest first."""
    after = 0
    while page := db.execute(
        select(model.id).where(model.id > after, *which).order_by(model.id).limit(PAGE)
    ).all():
        yield page
        after = page[-1].id
