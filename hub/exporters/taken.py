"""Which records the books hold already in another way than as documents of their own.

Either a journal entry has taken them, or they are dated before the cut-over and were booked by
other means. No document is to come of them, and what names them must not wait for one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db import among
from hub.ledger.models import CreditMemo, Invoice, Posting

_NAMED: dict[str, type[Any]] = {"invoice": Invoice, "credit_memo": CreditMemo}
"""The kinds of records that others name."""


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


def elsewhere(
    db: Session, records: Iterable[tuple[str, int]], cutover: dt.date | None
) -> set[tuple[str, int]]:
    """Return those of the records, of which QuickBooks has no document, that never become one."""
    wanted = set(records)
    found = in_entries(db, wanted)
    for kind, model in _NAMED.items():
        ids = {id_ for one, id_ in wanted if one == kind}
        if ids and cutover:
            early = select(model.id).where(among(model.id, ids), model.date < cutover)
            found |= {(kind, id_) for id_ in db.scalars(early)}
    return found
