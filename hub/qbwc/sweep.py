"""Periodic work that no call can do: ending sessions whose Web Connector went away."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import ColumnElement, select, text, update

from hub.qbwc.models import SyncSession
from hub.qbwc.visits import EXPIRY, now
from hub.tasks import celery
from hub.tenants.service import all_tenants

log = logging.getLogger(__name__)


@celery.task(name="hub.qbwc.sweep.abandoned")
def abandoned(request: Any) -> None:
    """Nudge for each tenant that has sessions quiet for half an hour."""
    for tenant in all_tenants(request.db):
        request.db.enter(tenant.id)
        if request.db.scalar(select(SyncSession.id).where(_is_quiet()).limit(1)):
            request.enqueue(close_abandoned, tenant.id)


@celery.task(name="hub.qbwc.sweep.close_abandoned")
def close_abandoned(request: Any, tenant_id: int) -> None:
    """Close one tenant's sessions that have been quiet for half an hour."""
    request.db.enter(tenant_id)
    quiet = update(SyncSession).where(_is_quiet())
    closed = request.db.execute(
        quiet.values(closed=text("now()"), error="The Web Connector went away in mid-run.")
    )
    if closed.rowcount:
        log.info("sessions abandoned", extra={"tenant": tenant_id, "count": closed.rowcount})


def _is_quiet() -> ColumnElement[bool]:
    return SyncSession.closed.is_(None) & (SyncSession.last_call < now() - EXPIRY)
