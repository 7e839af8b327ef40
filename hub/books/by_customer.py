"""The proof customer by customer: what each was billed and paid, and what QuickBooks has of it.

The same carriers, judged by the same rules as the proof by account, divided by whose each amount
is; so the customers, with what is of no one customer, add up to the rows of the control account.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.differences import (
    BY_CUSTOMER,
    CANDIDATES,
    EVERY_CARRIER,
    Cause,
    Rules,
    Span,
    judged,
    values,
)
from hub.books.models import Connection
from hub.money import ZERO, plain

OF_NO_ONE = "(of no one customer)"


@dataclass
class CustomerRow:
    """One customer in one currency; what is owed is positive."""

    id: int | None
    """None is what journal entries are off that are booked already: nobody knows whose it is."""
    name: str
    currency: str
    billed: Decimal
    """Invoices less credit memos."""
    paid: Decimal
    """Payments less refunds."""
    difference: Decimal
    causes: dict[Cause, Decimal] = field(default_factory=dict)

    @property
    def owed(self) -> Decimal:
        return self.billed - self.paid

    @property
    def booked(self) -> Decimal:
        """What QuickBooks has of it on the control account."""
        return self.owed - self.difference

    def as_json(self) -> dict[str, Any]:
        """Return the row with amounts as text."""
        names = ("billed", "paid", "owed", "booked", "difference")
        return {
            "customer": self.name,
            "currency": self.currency,
            **{name: plain(getattr(self, name)) for name in names},
            "causes": {cause.value: plain(amount) for cause, amount in self.causes.items()},
        }


class ByCustomer:
    """The customers of one connection, within a span. ``places`` are the accounts that what customers owe
    was ever booked to."""

    def __init__(
        self, db: Session, connection: Connection, rules: Rules, span: Span, places: Collection[str]
    ):
        self._db = db
        self._values = values(connection, rules, span) | {"places": list(places)}

    def page(self, words: str = "", skip: int = 0, limit: int | None = None) -> list[CustomerRow]:
        """Return customers whose name holds ``words``, the biggest difference first."""
        like = f"%{words.translate({ord(c): f'{chr(92)}{c}' for c in '%_' + chr(92)})}%"
        more = {"words": words, "like": like, "skip": skip, "limit": limit}
        return [
            CustomerRow(
                row.id,
                row.name or OF_NO_ONE,
                row.currency,
                row.billed,
                row.paid,
                row.difference,
                _causes(row.causes),
            )
            for row in self._db.execute(_PAGE, self._values | more)
        ]

    def totals(self, rows: Sequence[CustomerRow]) -> dict[str, CustomerRow]:
        """Return what all of ``rows`` come to, by currency."""
        found: dict[str, CustomerRow] = {}
        for row in rows:
            total = found.setdefault(row.currency, CustomerRow(None, "", row.currency, ZERO, ZERO, ZERO))
            total.billed, total.paid = total.billed + row.billed, total.paid + row.paid
            total.difference += row.difference
        return found

    def documents(self, customer_id: int, skip: int, limit: int) -> Sequence[Any]:
        """Return the documents of a customer, whenever they are dated, newest first: ``kind``,
        ``record_id``, ``carrier``, ``date``, ``currency``, ``billed`` (what it adds to what is owed),
        ``difference``, and the ``causes`` of that by their names."""
        more = {"customer": customer_id, "skip": skip, "limit": limit}
        return self._db.execute(_DOCUMENTS, self._values | more).all()


def _causes(found: dict[str, str] | None) -> dict[Cause, Decimal]:
    amounts = found or {}
    return {cause: Decimal(amounts[cause]) for cause in Cause if cause in amounts}


_ON_CONTROL = "(account = ANY(cast(:places AS text[])) OR account IS NULL AND purpose = 'receivable')"

_PAGE = text(
    f"""
    {judged(f"{CANDIDATES} {EVERY_CARRIER}", BY_CUSTOMER)}
    , off_by AS (
        SELECT coalesce(customer_id, 0) AS id, currency, cause, sum(amount) AS amount
        FROM judged WHERE within AND {_ON_CONTROL}
        GROUP BY 1, currency, cause HAVING sum(amount) <> 0
    ), differing AS (
        SELECT id, currency, sum(amount) AS amount, jsonb_object_agg(cause, amount::text) AS causes
        FROM off_by GROUP BY id, currency
    ), billed AS (
        SELECT customer_id AS id, currency,
            coalesce(sum(amount) FILTER (WHERE kind IN ('invoice', 'credit_memo')), 0) AS billed,
            coalesce(-sum(amount) FILTER (WHERE kind IN ('payment', 'refund')), 0) AS paid
        FROM posting
        WHERE purpose = 'receivable' AND coalesce(date >= cast(:starts AS date), true)
          AND coalesce(date <= cast(:ends AS date), true)
        GROUP BY customer_id, currency
    )
    , every AS (
        SELECT id, currency, coalesce(b.billed, 0) AS billed, coalesce(b.paid, 0) AS paid,
            coalesce(d.amount, 0) AS difference, d.causes
        FROM billed b FULL JOIN differing d USING (id, currency)
    )
    SELECT nullif(e.id, 0) AS id, c.name, e.currency, e.billed, e.paid, e.difference, e.causes
    FROM every e LEFT JOIN customer c ON c.id = e.id
    WHERE cast(:words AS text) = '' OR c.name ILIKE :like
    ORDER BY abs(e.difference) DESC, c.name, e.id, e.currency
    OFFSET :skip LIMIT cast(:limit AS bigint)
    """
)

_OWN = """
    UNION
    SELECT p.kind || ':' || p.record_id FROM posting p
    WHERE p.customer_id = :customer AND p.journal_entry_id IS NULL
    UNION
    SELECT 'journal_entry:' || p.journal_entry_id FROM posting p
    WHERE p.customer_id = :customer AND p.journal_entry_id IS NOT NULL
"""
_DOCUMENTS = text(
    f"""
    {judged(f"{CANDIDATES} {_OWN}", BY_CUSTOMER)}
    , off_by AS (
        SELECT carrier, currency, cause, max(day) AS day, sum(amount) AS amount
        FROM judged WHERE customer_id = :customer AND {_ON_CONTROL}
        GROUP BY carrier, currency, cause
    ), differing AS (
        SELECT carrier, currency, max(day) AS day, sum(amount) AS amount, array_agg(cause) AS causes
        FROM off_by GROUP BY carrier, currency
    ), document AS (
        SELECT kind, record_id, journal_entry_id, currency, max(date) AS day, sum(amount) AS billed,
            coalesce('journal_entry:' || journal_entry_id, kind || ':' || record_id) AS carrier
        FROM posting WHERE customer_id = :customer AND purpose = 'receivable'
        GROUP BY kind, record_id, journal_entry_id, currency
    )
    SELECT coalesce(kind, split_part(carrier, ':', 1)) AS kind,
        coalesce(record_id, split_part(carrier, ':', 2)::bigint) AS record_id,
        carrier, coalesce(d.day, f.day) AS date, currency, coalesce(d.billed, 0) AS billed, f.causes,
        CASE WHEN f.carrier IS NULL THEN 0 WHEN d.journal_entry_id IS NULL THEN f.amount ELSE d.billed
        END AS difference
    FROM document d FULL JOIN differing f USING (carrier, currency)
    ORDER BY date DESC, carrier, kind, record_id
    OFFSET :skip LIMIT cast(:limit AS bigint)
    """
)
"""What a journal entry that is not booked carries is off document by document."""
