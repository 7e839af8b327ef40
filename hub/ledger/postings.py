"""The debits and credits that records make.

    invoice      receivable D   income C per line   tax C
    credit memo  receivable C   income D per line   tax D
    payment      deposit D      receivable C
    refund       receivable D   deposit C

A void record makes none. What a new version changes is posted as a difference:
rows that no longer hold are turned round on the account they were booked to, and
what holds now is posted anew; nothing is ever edited.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from hub.ledger.models import PlacedPosting, Posting, Purpose, Status
from hub.money import ZERO


class Slot(NamedTuple):
    """What an amount is and to which day, customer, cycle and currency it belongs."""

    customer_id: int
    billing_cycle_id: int | None
    date: dt.date
    currency: str
    purpose: Purpose
    charge_id: int | None
    code: str
    class_name: str


Amounts = dict[Slot, Decimal]


def amounts(kind: str, record: Any, classes: Mapping[int, str | None]) -> Amounts:
    """Return what ``record`` puts on each slot (debit positive); the sum is zero.

    ``classes`` holds the class of each charge, for lines that name none.
    """
    found: Amounts = defaultdict(lambda: ZERO)
    if record.status == Status.VOID:
        return found

    def post(
        purpose: Purpose, amount: Decimal, charge: int | None = None, code: str = "", cls: str = ""
    ) -> None:
        cycle = getattr(record, "billing_cycle_id", None)
        slot = Slot(record.customer_id, cycle, record.date, record.currency, purpose, charge, code, cls)
        found[slot] += amount

    if kind in ("invoice", "credit_memo"):
        side = 1 if kind == "invoice" else -1
        post(Purpose.RECEIVABLE, side * record.total)
        for line in record.lines:
            cls = line.class_name or classes.get(line.charge_id) or ""
            post(Purpose.INCOME, -side * line.amount, charge=line.charge_id, cls=cls)
        for tax in record.taxes:
            post(Purpose.TAX, -side * tax.amount, code=tax.code)
        post(Purpose.ROUNDING, -side * rounding(record))
    else:
        side, purpose = (1, Purpose.DEPOSIT) if kind == "payment" else (-1, Purpose.REFUND)
        post(purpose, side * record.amount, code=record.method or "")
        post(Purpose.RECEIVABLE, -side * record.amount)
    return {slot: amount for slot, amount in found.items() if amount}


def rounding(record: Any) -> Decimal:
    """Return what a document's stated total is more than its lines and taxes."""
    rows = [*record.lines, *record.taxes]
    total: Decimal = record.total
    return total - sum((row.amount for row in rows), ZERO)


def post(db: Session, kind: str, records: Sequence[Any], classes: Mapping[int, str | None]) -> None:
    """Add the postings that bring each of ``records`` from what is posted to what it now says."""
    posted = _posted(db, kind, [record.id for record in records if record.version > 1])
    rows = []
    for record in records:
        target = amounts(kind, record, classes)
        for slot, account, amount in _difference(target, posted.get(record.id, {})):
            rows.append(
                slot._asdict()
                | {"kind": kind, "record_id": record.id, "version": record.version}
                | {"amount": amount, "account": account}
            )
    if rows:
        # Else rows with and without a charge would go one by one.
        db.execute(insert(Posting), rows, execution_options={"render_nulls": True})


Posted = dict[Slot, dict[str | None, Decimal]]


def _posted(db: Session, kind: str, record_ids: Sequence[int]) -> dict[int, Posted]:
    """Return what is posted for each record: by slot, then by the account it was booked to."""
    if not record_ids:
        return {}
    columns = [getattr(PlacedPosting, name) for name in Slot._fields]
    query = (
        select(PlacedPosting.record_id, PlacedPosting.account, func.sum(PlacedPosting.amount), *columns)
        .where(PlacedPosting.kind == kind, PlacedPosting.record_id.in_(record_ids))
        .group_by(PlacedPosting.record_id, PlacedPosting.account, *columns)
        .having(func.sum(PlacedPosting.amount) != 0)
    )
    found: dict[int, Posted] = defaultdict(lambda: defaultdict(dict))
    for record_id, account, amount, *slot in db.execute(query):
        found[record_id][Slot(*slot)][account] = amount
    return found


def _difference(target: Amounts, posted: Posted) -> Iterable[tuple[Slot, str | None, Decimal]]:
    for slot, by_account in posted.items():
        if target.get(slot, ZERO) != sum(by_account.values(), ZERO):
            yield from ((slot, account, -amount) for account, amount in by_account.items())
    for slot, amount in target.items():
        if amount != sum(posted.get(slot, {}).values(), ZERO):
            yield slot, None, amount
