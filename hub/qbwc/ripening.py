"""Periodic work: letting go what the passing of time has made ready, such as a day's summary."""

from __future__ import annotations

from typing import Any

from hub.qbwc.outbox import Outbox
from hub.tasks import celery
from hub.tenants.models import Tenant
from hub.tenants.service import all_tenants


@celery.task(name="hub.qbwc.ripening.ripen_all")
def ripen_all(request: Any) -> None:
    """Nudge for each tenant."""
    for tenant in all_tenants(request.db):
        request.enqueue(ripen, tenant.id)


@celery.task(name="hub.qbwc.ripening.ripen")
def ripen(request: Any, tenant_id: int) -> None:
    """Put what has become ready for one tenant."""
    request.db.enter(tenant_id)
    Outbox(request.db, request.db.get_one(Tenant, tenant_id)).ripen()
