"""Whether QuickBooks makes the same total of a document as the billing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books import contents
from hub.books.links import Booking
from hub.ledger.models import CreditMemo, Invoice

_MODELS: dict[str, type[Any]] = {"invoice": Invoice, "credit_memo": CreditMemo}


def off_total(db: Session, bookings: Iterable[Booking]) -> set[str]:
    """Return the subjects of the documents that QuickBooks has just booked with another total than the
    billing says in the same version."""
    booked = {one.subject: one for one in bookings if one.ret is not None and one.ret.get("TxnID")}
    off = set()
    for kind, model in _MODELS.items():
        ids = [int(one.partition(":")[2]) for one in booked if one.startswith(f"{kind}:")]
        if not ids:
            continue
        query = select(model.id, model.version, model.total).where(model.id.in_(ids))
        for row in db.execute(query):
            one = booked[f"{kind}:{row.id}"]
            assert one.ret is not None
            if row.version == one.version and contents.total(one.ret) != row.total:
                off.add(one.subject)
    return off
