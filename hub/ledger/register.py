"""Records as people look for them: newest first, by a word of theirs, with their postings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.errors import NotFound
from hub.ledger import chargebacks, records
from hub.ledger.models import (
    BillingCycle,
    CreditMemo,
    CreditMemoApplied,
    Customer,
    Invoice,
    Payment,
    PaymentApplied,
    PlacedPosting,
    Refund,
    Status,
)
from hub.money import ZERO

PAGE = 50
LARGEST_ID = 2**63 - 1

_SEARCHED = {
    "customer": ("name", "company", "email", "account_number", "external_id"),
    "charge": ("name", "external_id", "accounting_code", "item"),
    "billing_cycle": ("name", "external_id"),
    "invoice": ("number", "external_id"),
    "credit_memo": ("number", "external_id"),
    "payment": ("reference", "method", "external_id"),
    "refund": ("reference", "method", "external_id"),
}


@dataclass(frozen=True)
class Settlement:
    """A part of a payment or credit memo that settles an invoice, seen from the invoice."""

    subject: str
    """``payment:42``: kind and id of the record."""
    amount: Decimal


@dataclass
class CycleTotals:
    """What a billing cycle billed so far."""

    invoices: int = 0
    invoiced: Decimal = ZERO
    credit_memos: int = 0
    credited: Decimal = ZERO


class Register:
    """The records of one kind."""

    def __init__(self, db: Session, kind: str):
        self._db = db
        self._kind = kind
        self._model = records.MODELS[kind]

    def page(self, words: str = "", before: int = 0, limit: int = PAGE) -> tuple[Sequence[Any], int]:
        """Return up to ``limit`` records older than position ``before`` (0 for the newest), and the
        position to go on from; 0 on the last page."""
        query = select(self._model).order_by(self._model.id.desc())
        if before:
            query = query.where(self._model.id < min(before, LARGEST_ID))
        if words:
            query = query.where(self._matches(words))
        found = self._db.scalars(query.limit(limit + 1)).all()
        return found[:limit], found[limit - 1].id if len(found) > limit else 0

    def _matches(self, words: str) -> Any:
        like = f"%{words.translate({ord(c): f'{chr(92)}{c}' for c in '%_' + chr(92)})}%"
        columns = [getattr(self._model, name) for name in _SEARCHED[self._kind]]
        found = [column.ilike(like) for column in columns]
        if hasattr(self._model, "customer_id"):
            named = select(Customer.id).where(Customer.name.ilike(like))
            found.append(self._model.customer_id.in_(named))
        return or_(*found)

    def all(self) -> Sequence[Any]:
        """Return every record, by name: for kinds of which there are few."""
        return self._db.scalars(select(self._model).order_by(self._model.name)).all()

    def get(self, record_id: int) -> Any:
        """Return one record.

        :raises NotFound: when the tenant has none of that number.
        """
        query = select(self._model).filter_by(id=record_id)
        found = record_id <= LARGEST_ID and self._db.scalar(query)
        if not found:
            raise NotFound(f"There is no such {self._kind.replace('_', ' ')}.")
        return found

    def postings(self, record: Any) -> Sequence[PlacedPosting]:
        """Return what ``record`` has posted, oldest first."""
        query = select(PlacedPosting).filter_by(kind=self._kind, record_id=record.id)
        return self._db.scalars(query.order_by(PlacedPosting.id)).all()


class Names:
    """What records are called, by kind and id, with one statement a kind."""

    def __init__(self, db: Session):
        self._db = db

    def of(self, kind: str, ids: Iterable[int | None]) -> dict[int, str]:
        """Return the names or numbers of these records."""
        wanted = {id_ for id_ in ids if id_}
        if not wanted:
            return {}
        model = records.MODELS[kind]
        column = model.number if hasattr(model, "number") else model.name
        rows = self._db.execute(select(model.id, column).where(model.id.in_(wanted)))
        return {row[0]: row[1] for row in rows}


def settlements(db: Session, invoice: Invoice) -> list[Settlement]:
    """Return what has been applied to ``invoice``, void records left out."""
    found = []
    payments = []
    for model, applied, key in (
        (Payment, PaymentApplied, PaymentApplied.payment_id),
        (CreditMemo, CreditMemoApplied, CreditMemoApplied.credit_memo_id),
    ):
        query = (
            select(model.id, applied.amount)
            .join(applied, key == model.id)
            .where(applied.invoice_id == invoice.id, model.status == Status.OPEN)
            .order_by(model.id)
        )
        rows = db.execute(query).all()
        found += [Settlement(f"{model.__tablename__}:{row.id}", row.amount) for row in rows]
        payments += [row.id for row in rows if model is Payment]
    return [*found, *_charged_back(db, invoice, payments)]


def _charged_back(db: Session, invoice: Invoice, payment_ids: Sequence[int]) -> Iterator[Settlement]:
    """Yield what chargebacks have opened again of ``invoice``, below zero."""
    taken = chargebacks.of(db, payment_ids)
    if not taken:
        return
    for payment in db.scalars(select(Payment).where(Payment.id.in_(taken)).order_by(Payment.id)):
        kept = {row.invoice_id: amount for row, amount in chargebacks.kept(payment, taken[payment.id])}
        paid = sum((row.amount for row in payment.applied if row.invoice_id == invoice.id), ZERO)
        last: Refund = taken[payment.id][-1]
        if opened := paid - kept.get(invoice.id, ZERO):
            yield Settlement(f"refund:{last.id}", -opened)


def cycle_totals(db: Session, cycles: Iterable[BillingCycle]) -> dict[int | None, CycleTotals]:
    """Return what each of ``cycles`` billed, in two statements."""
    totals: dict[int | None, CycleTotals] = {cycle.id: CycleTotals() for cycle in cycles}
    if not totals:
        return totals
    for model in (Invoice, CreditMemo):
        query = (
            select(model.billing_cycle_id, func.count(), func.sum(model.total))
            .where(model.billing_cycle_id.in_(totals), model.status == Status.OPEN)
            .group_by(model.billing_cycle_id)
        )
        for cycle_id, count, total in db.execute(query):
            row = totals[cycle_id]
            if model is Invoice:
                row.invoices, row.invoiced = count, total
            else:
                row.credit_memos, row.credited = count, total
    return totals
