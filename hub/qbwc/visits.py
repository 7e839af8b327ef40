"""One call of a Web Connector that has a ticket: whose it is and what is under way, locked.

Two statements, whatever is under way: the connection and the session are locked, in this
order, for as long as the call is answered; then all that a call needs to know is read at once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Float, cast, exists, func, select, text
from sqlalchemy.orm import aliased, defer

from hub.books.models import Connection
from hub.db import HubSession
from hub.qbwc.models import Inbox, Message, Stage, SyncSession
from hub.security import digest
from hub.tenants.models import Tenant

EXPIRY = dt.timedelta(minutes=30)
"""A ticket ends after this much quiet: QuickBooks may think for minutes about one message
(protocol.md A.7), and nobody thinks longer."""


@dataclass
class Visit:
    """What a call finds."""

    session: SyncSession
    connection: Connection
    tenant: Tenant
    outstanding: Message | None
    """The message that may have reached QuickBooks and whose answer is not here."""
    seconds: float | None
    """How long ago that message went out, by the database's clock."""
    prepared: int | None
    """The next of the messages that were made ahead."""
    has_inbox: bool
    """A large answer is still to be taken in."""

    @property
    def is_over(self) -> bool:
        """Whether the session has ended: nothing more is sent in it."""
        return self.session.closed is not None or self.session.last_call < now() - EXPIRY


def now() -> dt.datetime:
    """Return this instant in UTC."""
    return dt.datetime.now(dt.UTC)


_Outstanding = aliased(Message)
_PREPARED = (
    select(func.min(Message.id))
    .where(Message.connection_id == Connection.id, Message.stage == Stage.PREPARED)
    .correlate(Connection)
    .scalar_subquery()
)
_SECONDS = cast(func.extract("epoch", func.clock_timestamp() - _Outstanding.sent), Float)
_INBOX = exists().where(Inbox.sync_session_id == SyncSession.id)
_FOUND = (
    select(SyncSession, Connection, Tenant, _Outstanding, _SECONDS, _PREPARED, _INBOX)
    .join(Connection, Connection.id == SyncSession.connection_id)
    .join(Tenant, Tenant.id == SyncSession.tenant_id)
    .outerjoin(
        _Outstanding,
        (_Outstanding.connection_id == Connection.id) & (_Outstanding.stage == Stage.OUTSTANDING),
    )
    # They can be long, and most calls need neither.
    .options(defer(_Outstanding.text), defer(_Outstanding.answer))
)


def visit(db: HubSession, ticket: str) -> Visit | None:
    """Return what the call with ``ticket`` finds, and enter its tenant; nothing for a strange ticket."""
    opened = db.execute(
        text("SELECT tenant_id, session_id FROM hub_visit(:digest)"), {"digest": digest(ticket)}
    ).one_or_none()
    if opened is None:
        return None
    db.entered(opened.tenant_id)
    return Visit(*db.execute(_FOUND.where(SyncSession.id == opened.session_id)).one())
