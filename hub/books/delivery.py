"""The delivery: what was sent, beside what QuickBooks holds of it.

A journal entry was sent as its lines say, account by account and class by class; a document as
the postings say that it carries, account by account: the classes of its lines are no part of that,
and who changes one in QuickBooks has edited the document (``changes``). What waits to be sent again, or anew, has not
been sent yet and is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.models import Connection
from hub.money import ZERO


class Line(NamedTuple):
    """What was sent for one account and class, and what QuickBooks has there; debit positive."""

    account: str
    class_name: str
    sent: Decimal
    found: Decimal

    @property
    def difference(self) -> Decimal:
        return self.sent - self.found


@dataclass(frozen=True)
class Sheet:
    """One entry or document, as it was sent and as it was found."""

    lines: list[Line]
    is_there: bool
    """Whether QuickBooks still has it."""

    @property
    def is_same(self) -> bool:
        return not any(line.difference for line in self.lines)


class Delivery:
    """What one connection was sent."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._values: dict[str, Any] = {"connection": connection.id}

    def entries_off(self) -> int:
        """Return how many journal entries are in QuickBooks otherwise than they were sent."""
        return int(self._db.execute(_COUNT, self._values).scalar_one())

    def page_of_entries(self, skip: int, limit: int) -> Sequence[Any]:
        """Return those entries, newest first: ``subject``, ``date``, ``currency``, its ``cause``,
        and the ``amount`` that one side of them is off."""
        values = self._values | {"skip": skip, "limit": limit}
        return self._db.execute(_PAGE, values).all()

    def sheet(self, subject: str, name: Callable[[Any], str]) -> Sheet | None:
        """Return one entry or document as it was sent and as it was found; None where it was never
        sent. ``name`` names the account of an amount that has none yet."""
        kind, _, id_ = subject.partition(":")
        values = self._values | {"subject": subject, "kind": kind, "id": int(id_)}
        link = self._db.execute(_LINK, values).one_or_none()
        if link is None:
            return None
        rows = self._db.execute(
            _OF_ENTRY if kind == "journal_entry" else _OF_DOCUMENT, values
        ).mappings()
        amounts: dict[tuple[str, str], list[Decimal]] = {}
        for row in rows:
            key = row["account"] or name(row), row["class_name"] or ""
            both = amounts.setdefault(key, [ZERO, ZERO])
            both[row["is_found"]] += row["amount"]
        lines = [Line(*key, *both) for key, both in sorted(amounts.items()) if any(both)]
        return Sheet(lines, not link.missing)


_SENT = """
WITH entry AS (
    SELECT e.id, l.id AS link_id, l.subject, e.date, e.currency, l.missing, l.edited,
        coalesce(l.found, l.content)->'Lines' AS said
    FROM journal_entry e
    JOIN link l ON l.connection_id = :connection AND l.subject = 'journal_entry:' || e.id
    WHERE NOT l.voided AND (l.version >= e.version OR l.missing)
), said AS (
    SELECT e.id, coalesce(a.full_name, v->'Account'->>1) AS account, coalesce(v->'Class'->>1, '') AS class_name,
        CASE v->>'Side' WHEN 'Debit' THEN 1 ELSE -1 END * (v->>'Amount')::numeric AS amount
    FROM entry e CROSS JOIN LATERAL jsonb_array_elements(e.said) v
    LEFT JOIN list_entry a ON a.connection_id = :connection AND a.kind = 'account'
        AND a.list_id = v->'Account'->>0
    WHERE NOT e.missing
), booked AS (
    SELECT e.id, b.account, b.amount FROM entry e JOIN booked_line b ON b.link_id = e.link_id
), vague AS (
    SELECT DISTINCT id FROM (
        SELECT id, account, amount FROM booked UNION ALL SELECT id, account, -amount FROM said
    ) every
    GROUP BY id, account HAVING sum(amount) <> 0
), line AS (
    SELECT e.id, 0 AS is_found, s.account, s.amount,
        CASE WHEN v.id IS NULL THEN s.class_name END AS class_name
    FROM entry e JOIN journal_entry_line s ON s.journal_entry_id = e.id LEFT JOIN vague v ON v.id = e.id
    UNION ALL
    SELECT id, 1, account, amount, class_name FROM said WHERE id NOT IN (SELECT id FROM vague)
    UNION ALL
    SELECT id, 1, account, amount, NULL FROM booked WHERE id IN (SELECT id FROM vague)
)
"""
"""What was sent as a journal entry, and what was found. One that is voided holds nothing on either side;
one whose amendment waits is not sent yet as its lines say. The classes are
those of QuickBooks' answer, where it says just what is booked."""

_OFF = f"""
{_SENT}, off AS (
    SELECT id, sum(CASE is_found WHEN 0 THEN amount ELSE -amount END) AS amount
    FROM line
    GROUP BY id, account, CASE WHEN class_name <> '' THEN class_name END
    HAVING sum(CASE is_found WHEN 0 THEN amount ELSE -amount END) <> 0
)
"""
_COUNT = text(f"{_OFF} SELECT count(DISTINCT id) FROM off")
_PAGE = text(
    f"""
    {_OFF}
    SELECT e.subject, e.date, e.currency,
        CASE WHEN e.missing THEN 'deleted' WHEN e.edited IS NOT NULL THEN 'edited'
            ELSE 'unexplained' END AS cause,
        greatest(
        coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)) AS amount
    FROM off JOIN entry e USING (id)
    GROUP BY e.id, e.subject, e.date, e.currency, e.missing, e.edited
    ORDER BY e.date DESC, e.id DESC
    OFFSET :skip LIMIT :limit
    """
)
_OF_ENTRY = text(
    f"""
    {_SENT}
    SELECT is_found, account, class_name, sum(amount) AS amount FROM line
    WHERE id = :id
    GROUP BY is_found, account, class_name
    """
)
_OF_DOCUMENT = text(
    """
    SELECT 0 AS is_found, p.account, NULL AS class_name, p.purpose, p.charge_id, p.code,
        p.currency, sum(p.amount) AS amount
    FROM link l
    JOIN hub_placed_posting p ON p.kind = :kind AND p.record_id = :id AND p.journal_entry_id IS NULL
        AND (p.version <= l.version OR l.missing)
    WHERE l.connection_id = :connection AND l.subject = :subject
    GROUP BY p.account, p.purpose, p.charge_id, p.code, p.currency
    UNION ALL
    SELECT 1, b.account, NULL, NULL, NULL, NULL, NULL, sum(b.amount)
    FROM link l JOIN booked_line b ON b.link_id = l.id
    WHERE l.connection_id = :connection AND (l.subject = :subject OR l.formerly = :subject
        OR l.subject IN (
            SELECT 'reversal:' || f.id FROM link f
            WHERE f.connection_id = :connection AND f.formerly = :subject AND f.formerly <> ''))
    GROUP BY b.account
    """
)
"""A document with its forerunners, and with what took these back."""
_LINK = text(
    """
    SELECT l.missing FROM link l WHERE l.connection_id = :connection AND l.subject = :subject
    """
)
