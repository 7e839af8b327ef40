"""Periodic work that no call can do: ending sessions whose Web Connector went away, and emptying the
texts of messages that were kept long enough."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from sqlalchemy import ColumnElement, select, text, update

from hub.qbwc.models import SyncSession
from hub.qbwc.visits import EXPIRY, now
from hub.tasks import celery
from hub.tenants.service import all_tenants

log = logging.getLogger(__name__)

TEXTS = 500
"""How many messages are emptied in one transaction."""


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


@celery.task(name="hub.qbwc.sweep.outdated")
def outdated(request: Any) -> None:
    """Nudge for each tenant, unless texts are kept for ever."""
    if request.registry.settings["hub.keep_messages_days"]:
        for tenant in all_tenants(request.db):
            request.enqueue(empty_texts, tenant.id)


@celery.task(name="hub.qbwc.sweep.empty_texts")
def empty_texts(request: Any, tenant_id: int) -> None:
    """Empty the texts of one tenant's messages that were answered long enough ago, some at a time. Their
    rows stay, with ids, figures and operations; a message whose fate is open is left alone."""
    days = request.registry.settings["hub.keep_messages_days"]
    if not days:
        return
    request.db.enter(tenant_id)
    values = {"before": now() - dt.timedelta(days=days), "most": TEXTS}
    emptied = request.db.execute(_EMPTY, values).rowcount
    if emptied:
        log.info("texts emptied", extra={"tenant": tenant_id, "count": emptied})
    if emptied == TEXTS:
        request.enqueue(empty_texts, tenant_id)


_EMPTY = text(
    """
    WITH old AS (
        SELECT m.id FROM message m
        WHERE m.answered < :before AND m.text <> '' AND m.stage NOT IN ('prepared', 'outstanding')
          AND NOT EXISTS (
            SELECT FROM operation o
            WHERE o.tenant_id = m.tenant_id AND o.message_id = m.id AND o.state IN ('sent', 'doubt')
          )
        ORDER BY m.answered LIMIT :most FOR UPDATE SKIP LOCKED
    ), unread AS (
        DELETE FROM inbox WHERE arrived < :before
    )
    UPDATE message SET text = '', answer = CASE WHEN answer IS NOT NULL THEN '' END
    FROM old WHERE message.id = old.id
    """
)
"""An answer that still lies in an inbox so late is of a session that nobody goes on with."""


def _is_quiet() -> ColumnElement[bool]:
    return SyncSession.closed.is_(None) & (SyncSession.last_call < now() - EXPIRY)
