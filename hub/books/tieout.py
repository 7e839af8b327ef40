"""The tie-out of a journal entry: what its billing cycle, or its span of days, comes to by the records
themselves, less what the entries hold, is 0.00.

The records' own totals are one side and the postings in entries the other, so that a
posting that went astray would show.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from hub.books.models import Family, JournalEntry
from hub.ledger.contract import POSTED
from hub.ledger.models import (
    BillingCycle,
    CreditMemo,
    Invoice,
    Payment,
    Posting,
    Purpose,
    Refund,
    Status,
)
from hub.money import ZERO

_KINDS = {
    Family.BILLING: ("invoice",),
    Family.PAYMENTS: ("payment",),
    Family.CREDITS: ("credit_memo", "refund"),
    Family.TOGETHER: POSTED,
}
_OWED: dict[str, tuple[Any, Any, int]] = {
    "invoice": (Invoice, Invoice.total, 1),
    "payment": (Payment, Payment.amount, -1),
    "credit_memo": (CreditMemo, CreditMemo.total, -1),
    "refund": (Refund, Refund.amount, 1),
}
"""Each kind's table, its amount, and whether it adds to what customers owe or takes away."""


class Part(NamedTuple):
    """A part of what was billed, and where it is."""

    title: str
    amount: Decimal
    """What it adds to what customers owe."""
    records: int = 0
    entry_id: int | None = None


@dataclass
class TieOut:
    """Billed, where it is, and the difference."""

    name: str
    """The billing cycle, or the span of days."""
    billed: Decimal
    parts: list[Part] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        return self.billed - sum((part.amount for part in self.parts), ZERO)


def tie_out(db: Session, entry: JournalEntry, cutover: dt.date | None) -> TieOut:
    """Tie ``entry`` and its siblings to the records of their billing cycle or span."""
    kinds = _KINDS[entry.family]
    cycle = db.get(BillingCycle, entry.billing_cycle_id) if entry.billing_cycle_id else None
    starts, ends = (cycle.starts, cycle.ends) if cycle else (entry.starts, entry.date)

    def belongs(row: Any) -> Any:
        dated = row.date.between(starts, ends)
        own = getattr(row, "billing_cycle_id", None)
        if cycle is None or own is None:
            return dated
        return or_(own == cycle.id, and_(own.is_(None), dated))

    billed = ZERO
    for kind in kinds:
        model, amount, sign = _OWED[kind]
        total = select(func.sum(amount)).where(
            belongs(model), model.status == Status.OPEN, model.currency == entry.currency
        )
        billed += sign * (db.scalar(total) or ZERO)
    name = cycle.name if cycle else f"{starts} to {ends}"
    return TieOut(name, billed, _parts(db, entry, kinds, belongs(Posting), cutover))


def _parts(
    db: Session, entry: JournalEntry, kinds: tuple[str, ...], belongs: Any, cutover: dt.date | None
) -> list[Part]:
    span = [
        JournalEntry.billing_cycle_id.is_not_distinct_from(entry.billing_cycle_id),
        JournalEntry.currency == entry.currency,
    ]
    if entry.billing_cycle_id is None:
        span.append(JournalEntry.starts == entry.starts)
    siblings = {one.id: one for one in db.scalars(select(JournalEntry).where(*span))}
    own = Posting.journal_entry_id.in_(siblings)
    early = Posting.date < cutover if cutover else Posting.id.is_(None)
    group = (Posting.journal_entry_id, belongs.label("belongs"), early.label("early"))
    query = (
        select(*group, func.sum(Posting.amount), func.count(func.distinct(Posting.record_id)))
        .where(
            Posting.purpose == Purpose.RECEIVABLE,
            Posting.kind.in_(kinds),
            Posting.currency == entry.currency,
            or_(own, belongs),
        )
        .group_by(*group)
    )
    held: dict[int, list[Any]] = defaultdict(lambda: [ZERO, 0])
    loose: dict[str, list[Any]] = defaultdict(lambda: [ZERO, 0])
    for entry_id, is_own, is_early, amount, records in db.execute(query):
        if entry_id in siblings:
            _add(held[entry_id], amount, records)
            if not is_own:
                _add(loose["of other days, taken along"], -amount, records)
        elif entry_id is not None:
            _add(loose["in the entries of another span"], amount, records)
        elif is_early:
            _add(loose["dated before the cut-over"], amount, records)
        else:
            _add(loose["in no entry yet"], amount, records)
    found = [
        Part(siblings[id_].number, amount, records, id_)
        for id_, (amount, records) in sorted(held.items())
    ]
    return found + [Part(title, *values) for title, values in sorted(loose.items())]


def _add(to: list[Any], amount: Decimal, records: int) -> None:
    to[0] += amount
    to[1] += records
