"""What stands behind a figure of the proof: the postings of an account, and its months."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.differences import Span
from hub.books.models import Connection
from hub.books.proof import Places
from hub.money import ZERO

PAGE = 50
LARGEST_ID = 2**63 - 1


@dataclass
class Month:
    """What was billed and booked on one account in one month."""

    month: Any
    """Its first day."""
    billed: Decimal = ZERO
    booked: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.billed - self.booked


class Evidence:
    """The postings and booked lines of one account, in one currency."""

    def __init__(self, db: Session, connection: Connection, places: Places, account: str, currency: str):
        self._db = db
        self._values: dict[str, Any] = {
            "connection": connection.id,
            "account": account,
            "currency": currency,
        }
        slots = db.execute(_SLOTS, self._values).mappings()
        own = [dict(slot) for slot in slots if places.name(slot) == account]
        self._values["slots"] = json.dumps(own)

    def postings(self, span: Span, before: int = 0) -> tuple[Sequence[Any], int]:
        """Return a page of the account's postings, newest first: ``date``, ``kind``, ``record_id``,
        ``customer_id``, ``customer``, ``amount``, ``journal_entry_id``; and the position to go on from
        (0 at the end)."""
        values = self._values | {"starts": span.starts, "ends": span.ends, "limit": PAGE + 1}
        values["before"] = min(before or LARGEST_ID, LARGEST_ID)
        found = self._db.execute(_POSTINGS, values).all()
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else 0

    def months(self) -> list[Month]:
        """Return what was billed and booked in each month, newest first."""
        return [Month(*row) for row in self._db.execute(_MONTHS, self._values)]


_SLOTS = text(
    """
    SELECT DISTINCT purpose, charge_id, code, currency FROM hub_placed_posting
    WHERE account IS NULL AND currency = :currency
    """
)
_WITH = """
    WITH slots AS (
        SELECT * FROM jsonb_to_recordset(cast(:slots AS jsonb)) AS v(
            purpose text, charge_id bigint, code text)
    ), mine AS (
        SELECT p.* FROM hub_placed_posting p
        WHERE p.currency = :currency AND (p.account = :account OR p.account IS NULL AND EXISTS (
            SELECT FROM slots s WHERE s.purpose = p.purpose AND s.code = p.code
              AND s.charge_id IS NOT DISTINCT FROM p.charge_id))
    )
"""
_POSTINGS = text(
    f"""
    {_WITH}
    SELECT mine.id, mine.date, mine.kind, mine.record_id, mine.customer_id, c.name AS customer,
        mine.amount, mine.journal_entry_id
    FROM mine JOIN customer c ON c.id = mine.customer_id
    WHERE mine.id < :before
      AND coalesce(mine.date >= cast(:starts AS date), true)
      AND coalesce(mine.date <= cast(:ends AS date), true)
    ORDER BY mine.id DESC LIMIT :limit
    """
)
_MONTHS = text(
    f"""
    {_WITH}
    SELECT month, sum(billed), sum(booked) FROM (
        SELECT date_trunc('month', date)::date AS month, amount AS billed, 0 AS booked FROM mine
        UNION ALL
        SELECT date_trunc('month', b.date)::date, 0, b.amount
        FROM booked_line b JOIN link l ON l.id = b.link_id
        WHERE l.connection_id = :connection AND b.account = :account AND b.currency = :currency
    ) every
    GROUP BY month ORDER BY month DESC
    """
)
