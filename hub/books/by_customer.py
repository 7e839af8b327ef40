"""The proof customer by customer: what each was billed and paid, and what QuickBooks has of it.

The same carriers, judged by the same rules as the proof by account, divided by whose each amount
is; so the customers, with what is of no one customer, add up to the rows of the control account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
from hub.money import plain

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

    def page(
        self, words: str = "", skip: int = 0, limit: int | None = None
    ) -> tuple[list[CustomerRow], list[CustomerRow]]:
        """Return customers whose name holds ``words``, the biggest difference first; and what all of
        them come to in each currency, whichever are skipped."""
        like = f"%{words.translate({ord(c): f'{chr(92)}{c}' for c in '%_' + chr(92)})}%"
        more = {"words": words, "like": like, "skip": skip, "limit": limit}
        rows, totals = _parted(self._db.execute(_PAGE, self._values | more))
        return [_row(row, row.name or OF_NO_ONE) for row in rows], [_row(row, "") for row in totals]

    def documents(self, customer_id: int, skip: int, limit: int) -> tuple[list[Any], list[Any]]:
        """Return the documents of a customer, newest first: ``kind``, ``record_id``, ``carrier``,
        ``date``, ``currency``, ``billed`` (what it adds to what is owed), ``difference``, and the
        ``causes`` of that by their names; and what all of them come to in each currency."""
        more = {"customer": customer_id, "skip": skip, "limit": limit}
        return _parted(self._db.execute(_DOCUMENTS, self._values | more))


def _parted(found: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return the rows that have a place, and the totals, which have none."""
    rows = list(found)
    return [row for row in rows if row.place], [row for row in rows if not row.place]


def _row(row: Any, name: str) -> CustomerRow:
    amounts = row.billed, row.paid, row.difference
    return CustomerRow(row.id, name, row.currency, *amounts, _causes(row.causes))


def _causes(found: dict[str, str] | None) -> dict[Cause, Decimal]:
    amounts = found or {}
    return {cause: Decimal(amounts[cause]) for cause in Cause if cause in amounts}


_ON_CONTROL = "(account = ANY(cast(:places AS text[])) OR account IS NULL AND purpose = 'receivable')"

_DATED = """
    coalesce(date >= cast(:starts AS date), true) AND coalesce(date <= cast(:ends AS date), true)
"""
_ON_PAGE = "place > :skip AND coalesce(place <= :skip + cast(:limit AS bigint), true)"

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
        WHERE purpose = 'receivable' AND {_DATED}
        GROUP BY customer_id, currency
    )
    , every AS (
        SELECT id, currency, coalesce(b.billed, 0) AS billed, coalesce(b.paid, 0) AS paid,
            coalesce(d.amount, 0) AS difference, d.causes
        FROM billed b FULL JOIN differing d USING (id, currency)
    )
    , found AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY abs(e.difference) DESC, c.name, e.id, e.currency) AS place,
            nullif(e.id, 0) AS id, c.name, e.currency, e.billed, e.paid, e.difference, e.causes
        FROM every e LEFT JOIN customer c ON c.id = e.id
        WHERE cast(:words AS text) = '' OR c.name ILIKE :like
    )
    SELECT * FROM found WHERE {_ON_PAGE}
    UNION ALL
    SELECT NULL, NULL, NULL, currency, sum(billed), sum(paid), sum(difference), NULL
    FROM found GROUP BY currency
    ORDER BY place, currency
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
        FROM judged WHERE customer_id = :customer AND within AND {_ON_CONTROL}
        GROUP BY carrier, currency, cause
    ), differing AS (
        SELECT carrier, currency, max(day) AS day, sum(amount) AS amount, array_agg(cause) AS causes
        FROM off_by GROUP BY carrier, currency
    ), document AS (
        SELECT kind, record_id, journal_entry_id, currency, max(date) AS day, sum(amount) AS billed,
            coalesce('journal_entry:' || journal_entry_id, kind || ':' || record_id) AS carrier
        FROM posting WHERE customer_id = :customer AND purpose = 'receivable' AND {_DATED}
        GROUP BY kind, record_id, journal_entry_id, currency
    ), every AS (
        SELECT coalesce(kind, split_part(carrier, ':', 1)) AS kind,
            coalesce(record_id, split_part(carrier, ':', 2)::bigint) AS record_id,
            carrier, coalesce(d.day, f.day) AS date, currency, coalesce(d.billed, 0) AS billed, f.causes,
            CASE WHEN f.carrier IS NULL THEN 0 WHEN d.journal_entry_id IS NULL THEN f.amount ELSE d.billed
            END AS difference
        FROM document d FULL JOIN differing f USING (carrier, currency)
    ), found AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY date DESC, carrier, kind, record_id) AS place, * FROM every
    )
    SELECT * FROM found WHERE {_ON_PAGE}
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, currency, sum(billed), NULL, sum(difference)
    FROM found GROUP BY currency
    ORDER BY place, currency
    """
)
"""What a journal entry that is not booked carries is off document by document."""
