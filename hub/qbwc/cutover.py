"""Moving the cut-over in Full Synchronization mode: what is dated before it is never sent.

In Summarized Journal Entry mode the cut-over is one of the journal entry settings (``journal``).
"""

from __future__ import annotations

import datetime as dt

from hub.db import HubSession
from hub.ledger import records
from hub.ledger.contract import POSTED
from hub.qbwc import modes
from hub.qbwc.outbox import Outbox
from hub.tenants.models import Policy
from hub.tenants.policies import policy_of
from hub.tenants.service import StaffRoom


def move(db: HubSession, outbox: Outbox, room: StaffRoom, cutover: dt.date | None) -> bool:
    """Set the cut-over, or none; return whether that changed anything. What lies behind it now is put;
    what waits and lies before it now is not sent any more."""
    outbox.keep("pg_advisory_xact_lock")
    policy = db.get_one(Policy, policy_of(db).id, with_for_update=True)
    before = policy.cutover
    if before == cutover:
        return False
    policy.cutover = cutover
    room.audit("cut-over changed", before=str(before or "none"), now=str(cutover or "none"))
    db.flush()
    if before is not None and (cutover is None or cutover < before):
        for kind in POSTED:
            model = records.MODELS[kind]
            which = [model.date < before, *([model.date >= cutover] if cutover else [])]
            for page in modes.pages(db, model, *which):
                outbox.put(outbox.exporter.recorded(kind, page))
    outbox.review()
    return True
