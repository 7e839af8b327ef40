"""Periodic work that no call can do: ending sessions whose Web Connector went away."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from sqlalchemy import text, update

from hub.qbwc.conversation import now
from hub.qbwc.models import SyncSession
from hub.tasks import celery
from hub.tenants.service import directory

log = logging.getLogger(__name__)
ABANDONED = dt.timedelta(minutes=30)
"""QuickBooks may think for minutes about one message (protocol.md A.7); nobody thinks longer."""


@celery.task(name="hub.qbwc.sweep.abandoned")
def abandoned(request: Any) -> None:
    """Close the sessions that have been quiet for half an hour, tenant by tenant."""
    for tenant in directory(request.db):
        request.db.enter(tenant.id)
        quiet = update(SyncSession).where(
            SyncSession.closed.is_(None), SyncSession.last_call < now() - ABANDONED
        )
        closed = request.db.execute(
            quiet.values(closed=text("now()"), error="The Web Connector went away in mid-session.")
        )
        if closed.rowcount:
            log.info("sessions abandoned", extra={"tenant": tenant.id, "count": closed.rowcount})
