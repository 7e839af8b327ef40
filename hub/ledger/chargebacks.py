"""Payments that the customer's bank has taken back, and what is left of what they paid.

What of a payment was used on nothing is gone first; then the last of the invoices it paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db import among
from hub.ledger.models import Payment, PaymentApplied, Refund, RefundKind, Status
from hub.money import ZERO


def of(db: Session, payment_ids: Iterable[int]) -> dict[int, list[Refund]]:
    """Return the chargebacks of these payments, by payment, oldest first; void ones left out."""
    wanted = list(payment_ids)
    if not wanted:
        return {}
    query = select(Refund).where(
        among(Refund.payment_id, wanted),
        Refund.kind == RefundKind.CHARGEBACK,
        Refund.status == Status.OPEN,
    )
    found: dict[int, list[Refund]] = defaultdict(list)
    for refund in db.scalars(query.order_by(Refund.id)):
        found[refund.payment_id or 0].append(refund)
    return dict(found)


def kept(payment: Payment, taken: Sequence[Refund]) -> list[tuple[PaymentApplied, Decimal]]:
    """Return what still pays each invoice of ``payment``, of which ``taken`` was charged back."""
    left = payment.amount - sum((one.amount for one in taken), ZERO)
    found = []
    for row in payment.applied:
        amount = max(min(row.amount, left), ZERO)
        left -= amount
        if amount:
            found.append((row, amount))
    return found
