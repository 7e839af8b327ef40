"""Which records the books hold in another way than as documents of their own.

Either a journal entry has taken them, or will, or they are dated before the cut-over and were booked
by other means. No document is to come of them, and what names them must not wait for one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db import among
from hub.ledger.models import Posting
from hub.ledger.records import MODELS
from hub.tenants.models import Mode, Tenant


def in_entries(db: Session, records: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those of the records, kind and id, that are in a journal entry."""
    wanted = set(records)
    if not wanted:
        return set()
    query = select(Posting.kind, Posting.record_id).where(
        Posting.kind.in_({kind for kind, _ in wanted}),
        among(Posting.record_id, {id_ for _, id_ in wanted}),
        Posting.journal_entry_id.is_not(None),
    )
    return wanted & {(kind, id_) for kind, id_ in db.execute(query.distinct())}


def before(
    db: Session, records: Iterable[tuple[str, int]], cutover: dt.date | None
) -> set[tuple[str, int]]:
    """Return those of the records, kind and id, that are dated before the cut-over."""
    wanted = set(records)
    found = set()
    for kind in {kind for kind, _ in wanted} if cutover else ():
        model = MODELS[kind]
        early = select(model.id).where(
            among(model.id, {id_ for one, id_ in wanted if one == kind}), model.date < cutover
        )
        found |= {(kind, id_) for id_ in db.scalars(early)}
    return found


def elsewhere(
    db: Session, records: Iterable[tuple[str, int]], cutover: dt.date | None
) -> set[tuple[str, int]]:
    """Return those of the records, of which QuickBooks has no document, that never become one: all of
    them while summaries are in force."""
    wanted = set(records)
    if wanted and db.scalar(select(Tenant.mode)) is Mode.SUMMARY:
        return wanted
    return in_entries(db, wanted) | before(db, wanted, cutover)
