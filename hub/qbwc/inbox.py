"""Answers too large to be taken in within their call.

Every call is answered in under two seconds (product.md 5.3). Forty megabytes of a list take
longer to sort in than to receive; so such an answer is stored as it came, and taken in by a
task right after. Until that is done the Web Connector is told NoOp, pauses five seconds and
asks again. Where no task comes, the call that asks takes it in itself.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from sqlalchemy import select

from hub.books.models import Connection
from hub.db import HubSession
from hub.errors import QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.imports import Imports
from hub.qbwc.models import Inbox, SyncSession
from hub.qbwc.outbox import Outbox
from hub.tasks import celery
from hub.tenants.models import Tenant

log = logging.getLogger(__name__)

LARGE = 4_000_000
"""Characters of an answer from which on it is stored first."""
PATIENCE = dt.timedelta(seconds=4)
"""How long a task is given to come: a little less than the pause of a Web Connector."""


def put(db: HubSession, session: SyncSession, answer: str) -> None:
    """Store a large answer of ``session``."""
    db.add(Inbox(sync_session_id=session.id, text=answer))


def take_in(db: HubSession, session_id: int, older: dt.timedelta = dt.timedelta()) -> None:
    """Take in what lies in a session's inbox, unless it is younger than ``older`` or somebody is at it."""
    query = select(Inbox).where(
        Inbox.sync_session_id == session_id, Inbox.arrived <= dt.datetime.now(dt.UTC) - older
    )
    stored = db.scalar(query.with_for_update(skip_locked=True))
    if stored is None:
        return
    session = db.get_one(SyncSession, session_id)
    if session.closed:
        # A newer session reads the lists anew, and what this one saw must not count beside that.
        db.delete(stored)
        return
    connection = db.get_one(Connection, session.connection_id)
    try:
        if Imports(db, connection, session).settle(qbxml.parse_answers(stored.text)):
            # What was held for want of an account or an item may find it now.
            Outbox(db, db.get_one(Tenant, session.tenant_id), connection).release()
    except QBXMLError as error:
        session.error = f"QuickBooks' answer could not be read. {error}"
        session.agenda = []
    db.delete(stored)


@celery.task(name="hub.qbwc.inbox.digest")
def digest(request: Any, tenant_id: int, session_id: int) -> None:
    """Take in what lies in the inbox of a session."""
    request.db.enter(tenant_id)
    take_in(request.db, session_id)
    log.info("large answer taken in", extra={"session": session_id})
