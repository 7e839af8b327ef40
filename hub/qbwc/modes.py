"""Choosing a mode, for as long as nothing has been booked in another.

What was booked as sums would be booked again record by record, and the other way
round, so a change is refused once QuickBooks has anything, or may have.
"""

from __future__ import annotations

from sqlalchemy import or_, select

from hub.books.connections import main_connection
from hub.books.models import Connection, Link
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.qbwc.models import Operation, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.tenants.models import Mode, Tenant
from hub.tenants.service import StaffRoom


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
    unanswered = select(Operation.id).where(mine, Operation.state == State.SENT).limit(1)
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
    Outbox(db, tenant, connection).replan()
    connection.import_wanted = True
    StaffRoom(db, tenant, actor).audit("mode changed", before=before.title, now=mode.title)
    return True
