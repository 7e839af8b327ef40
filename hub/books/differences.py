"""Where QuickBooks has something else than was billed, document by document, and why.

A *carrier* is what carries postings to QuickBooks: a journal entry, or a record by itself. A
reversal counts with the entry that it turns round; a document that was replaced, and the credit
memo that takes it back, count with the one that took its place. What a carrier's postings and
its booked lines differ by has one cause, so the causes add up to the difference; what waits and
what was carried already are judged apart.

The statements read ``operation`` as rows: what waits there is told here, as books stand below
the conversation.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.models import Connection


class Cause(enum.StrEnum):
    """Why a cent that was billed is not in QuickBooks, or one is there that was not billed."""

    NOT_SENT = "not_sent"
    UNDER_WAY = "under_way"
    HELD = "held"
    CLOSED_PERIOD = "closed_period"
    FAILED = "failed"
    EXCLUDED = "excluded"
    BEFORE_CUTOVER = "before_cutover"
    EDITED = "edited"
    DELETED = "deleted"
    ROUNDING = "rounding"
    OTHER_MONTH = "other_month"
    UNEXPLAINED = "unexplained"

    @property
    def label(self) -> str:
        return _LABELS[self][0]

    @property
    def sentence(self) -> str:
        """What it means, and what to do."""
        return _LABELS[self][1]

    @property
    def waits(self) -> bool:
        """Whether QuickBooks is still to get what it is about."""
        return self in _WAITING


_LABELS = {
    Cause.NOT_SENT: (
        "Not sent",
        "It goes with the Web Connector's next run; journal entries gather, and are approved, before.",
    ),
    Cause.UNDER_WAY: (
        "Under way",
        "Sent, and QuickBooks has not answered yet. The next run finds out; you need do nothing.",
    ),
    Cause.HELD: ("Held", "Not sent, as QuickBooks would refuse. Each says what to do."),
    Cause.CLOSED_PERIOD: (
        "Closed period",
        "Held, as its date is closed. Open the period, or let such entries go to the first open day.",
    ),
    Cause.FAILED: ("Failed", "QuickBooks refused it. Each says why, and can be tried again."),
    Cause.EXCLUDED: ("Excluded", "A person said that it is not to go to QuickBooks."),
    Cause.BEFORE_CUTOVER: (
        "Before cut-over",
        "Dated before the cut-over day and booked by other means, so it is never sent.",
    ),
    Cause.EDITED: (
        "Edited in QuickBooks",
        "Somebody changed it there after it was booked. Compare both, and say which one stands.",
    ),
    Cause.DELETED: (
        "Deleted in QuickBooks",
        "Somebody deleted it there, or restored a backup. Book it anew, or leave it out.",
    ),
    Cause.ROUNDING: (
        "Rounding",
        "QuickBooks came to another cent; each is off by no more than your rounding limit.",
    ),
    Cause.OTHER_MONTH: (
        "Booked in another month",
        "Billed in one month and booked in another; over both it is the same.",
    ),
    Cause.UNEXPLAINED: ("Unexplained", "Nothing that the hub knows explains it."),
}
_WAITING = {
    Cause.NOT_SENT,
    Cause.UNDER_WAY,
    Cause.HELD,
    Cause.CLOSED_PERIOD,
    Cause.FAILED,
    Cause.EXCLUDED,
    Cause.BEFORE_CUTOVER,
    Cause.DELETED,
}


@dataclass(frozen=True)
class Rules:
    """What of a tenant's choices decides on a cause."""

    gathers: bool
    """Whether journal entries carry the postings, so that what is in none yet still waits."""
    closed: dt.date | None = None
    """The last day of the closed period."""
    cutover: dt.date | None = None
    rounding: Any = 0
    """The largest amount that counts as rounding, of one document."""


@dataclass(frozen=True)
class Span:
    """Days from one to another, both included; none is open."""

    starts: dt.date | None = None
    ends: dt.date | None = None

    @property
    def is_all(self) -> bool:
        return self.starts is None and self.ends is None


EVERYTHING = Span()
"""All that was ever billed."""


class Differences:
    """The differing carriers of one connection.

    ``thorough``: every carrier is looked at. Otherwise only those of which something is known that
    can make them differ; what these leave over, ``prove`` sees and calls for the thorough look.
    """

    def __init__(self, db: Session, connection: Connection, rules: Rules, span: Span, thorough: bool):
        self._db = db
        self._judged = judged(f"{CANDIDATES} {EVERY_CARRIER}" if thorough else CANDIDATES, _UNDIVIDED)
        self._values = values(connection, rules, span)

    def sums(self) -> Sequence[Any]:
        """Return the amounts (debit positive) by ``cause``, currency, and account, or where it has none
        yet ``purpose``, ``charge_id`` and ``code``; within the span as ``amount``, and ever as ``ever``.
        A row without a currency counts the ``carriers`` of its cause within the span, and its ``documents``
        ever."""
        return self._db.execute(text(f"{self._judged} {_SUMS}"), self._values).all()

    def carriers(self, cause: Cause, skip: int, limit: int) -> Sequence[Any]:
        """Return the carriers of a cause within the span, newest first: ``subject``, ``currency``,
        ``date``, and what is too little in QuickBooks as ``debits`` and ``credits``."""
        more = {"cause": cause, "skip": skip, "limit": limit}
        return self._db.execute(text(f"{self._judged} {_CARRIERS}"), self._values | more).all()

    def undelivered(self, causes: Sequence[Cause], skip: int, limit: int) -> Sequence[Any]:
        """Return the documents, newest first, that differ for one of ``causes``: ``subject``, ``date``,
        ``currency``, ``cause``, and the ``amount`` that one side of them is off."""
        more = {"causes": list(causes), "skip": skip, "limit": limit}
        return self._db.execute(text(f"{self._judged} {_UNDELIVERED}"), self._values | more).all()


def values(connection: Connection, rules: Rules, span: Span) -> dict[str, Any]:
    """Return what the statements of this module ask for."""
    return {
        "connection": connection.id,
        "gathers": rules.gathers,
        "closed": rules.closed,
        "cutover": rules.cutover,
        "rounding": rules.rounding,
        "starts": span.starts,
        "ends": span.ends,
    }


def judged(wanted: str, division: Mapping[str, str]) -> str:
    """Return the beginning of a statement, which has what each of the ``wanted`` carriers is off in the
    table ``judged``, divided as ``division`` says."""
    return _JUDGED.format(wanted=wanted, **division)


CANDIDATES = """
    SELECT carrier FROM waiting
    UNION
    SELECT carrier FROM entry WHERE waits
    UNION
    SELECT coalesce('journal_entry:' || r.follows_id, nullif(l.formerly, ''), l.subject)
    FROM link l
    LEFT JOIN journal_entry r ON r.correction = 'reversal' AND l.subject = 'journal_entry:' || r.id
    WHERE l.connection_id = :connection AND (l.missing OR l.edited IS NOT NULL)
    UNION
    SELECT p.kind || ':' || p.record_id FROM posting p
    WHERE p.journal_entry_id IS NULL AND (:gathers OR p.date < :cutover)
"""
"""What is known to be able to differ."""

EVERY_CARRIER = """
    UNION
    SELECT coalesce(nullif(l.formerly, ''), l.subject) FROM link l WHERE l.connection_id = :connection
    UNION
    SELECT p.kind || ':' || p.record_id FROM posting p WHERE p.journal_entry_id IS NULL
    UNION
    SELECT carrier FROM entry
"""

_UNDIVIDED = {
    "of_record": "NULL::bigint",
    "of_entry": "NULL::bigint",
    "of_line": "NULL::bigint",
    "owners": "",
}
BY_CUSTOMER = {
    "of_record": "p.customer_id",
    "of_entry": "CASE WHEN e.waits AND coalesce(k.version, 0) = 0 THEN p.customer_id END",
    "of_line": "o.customer_id",
    "owners": "LEFT JOIN owner o ON o.link_id = p.id",
}
"""Whose each amount is. What an entry is off once it is booked is of no one customer."""

_JUDGED = """
WITH waiting AS MATERIALIZED (
    SELECT DISTINCT ON (carrier, follows)
        coalesce('journal_entry:' || r.follows_id, f.formerly, o.subject) AS carrier,
        f.id IS NOT NULL AS follows, o.state
    FROM operation o
    LEFT JOIN journal_entry r ON r.correction = 'reversal' AND o.subject = 'journal_entry:' || r.id
    LEFT JOIN link f ON f.connection_id = :connection AND f.formerly <> '' AND f.id = CASE
        WHEN o.subject ~ '^(reversal|superseded):[0-9]+$' THEN split_part(o.subject, ':', 2)::bigint
    END
    LEFT JOIN link l ON l.connection_id = f.connection_id AND l.subject = o.subject
    WHERE o.connection_id = :connection
      AND o.state IN ('queued', 'held', 'sent', 'doubt', 'failed', 'excluded')
      -- Where somebody has edited what no record is about any more, that is the cause.
      AND (l.found IS NULL OR o.state NOT IN ('held', 'failed'))
    ORDER BY carrier, follows, o.state IN ('sent', 'doubt') DESC
), entry AS MATERIALIZED (
    SELECT 'journal_entry:' || e.id AS carrier, 'journal_entry:' || coalesce(r.id, e.id) AS last,
        e.approved, e.date, e.undone IS NOT NULL AS is_undone,
        CASE
            WHEN e.undone = 'void' THEN NOT coalesce(l.voided, false)
            WHEN r.id IS NOT NULL THEN l.id IS NULL OR l.missing
            ELSE coalesce(l.version, 0) < e.version
        END AS waits
    FROM journal_entry e
    LEFT JOIN journal_entry r ON r.follows_id = e.id AND r.correction = 'reversal'
    LEFT JOIN link l ON l.connection_id = :connection
        AND l.subject = 'journal_entry:' || coalesce(r.id, e.id)
    WHERE e.correction IS DISTINCT FROM 'reversal'
), wanted AS MATERIALIZED (
    SELECT carrier, split_part(carrier, ':', 1) AS kind, split_part(carrier, ':', 2)::bigint AS id
    FROM ({wanted}) every
    WHERE split_part(carrier, ':', 1) IN (
        'invoice', 'credit_memo', 'payment', 'refund', 'journal_entry')
), placed AS MATERIALIZED (
    SELECT w.carrier, l.id, l.version, l.missing, l.edited
    FROM wanted w JOIN link l ON l.connection_id = :connection AND l.subject = w.carrier
    UNION ALL
    SELECT w.carrier, l.id, NULL, l.missing AND NOT coalesce(m.missing OR m.voided, true), l.edited
    FROM wanted w JOIN link l ON l.connection_id = :connection AND l.formerly <> ''
        AND l.formerly = w.carrier
    LEFT JOIN link m ON m.connection_id = :connection AND m.subject = 'reversal:' || l.id
    UNION ALL
    SELECT w.carrier, l.id, NULL, l.missing AND NOT (f.missing OR f.voided), l.edited
    FROM wanted w
    JOIN link f ON f.connection_id = :connection AND f.formerly <> '' AND f.formerly = w.carrier
    JOIN link l ON l.connection_id = :connection AND l.subject = 'reversal:' || f.id
    UNION ALL
    SELECT w.carrier, l.id, NULL, l.missing, l.edited
    FROM wanted w JOIN entry e ON e.carrier = w.carrier AND e.last <> e.carrier
    JOIN link l ON l.connection_id = :connection AND l.subject = e.last
), known AS (
    SELECT carrier, max(version) AS version, bool_or(missing) AS missing,
        bool_or(edited IS NOT NULL) AS edited
    FROM placed GROUP BY carrier
), owner AS (
    SELECT DISTINCT ON (p.id) p.id AS link_id,
        coalesce(split_part(c.subject, ':', 2)::bigint, q.customer_id) AS customer_id
    FROM placed p
    JOIN link l ON l.id = p.id
    JOIN wanted w ON w.carrier = p.carrier AND w.kind <> 'journal_entry'
    JOIN posting q ON q.kind = w.kind AND q.record_id = w.id AND q.journal_entry_id IS NULL
        AND (q.version <= l.version OR l.version = 0)
    LEFT JOIN link c ON c.connection_id = :connection AND l.edited IS NOT NULL
        AND c.object_id = coalesce(l.found, l.content)->'Customer'->>0
        AND split_part(c.subject, ':', 1) = 'customer'
    ORDER BY p.id, q.version DESC, q.id DESC
), posted AS (
    SELECT w.carrier, p.version > coalesce(k.version, 0) AS waits, p.date, p.currency, p.account,
        p.purpose, p.charge_id, p.code, p.amount, {of_record} AS customer_id
    FROM wanted w
    JOIN posting p ON p.journal_entry_id IS NULL AND p.kind = w.kind AND p.record_id = w.id
    LEFT JOIN known k ON k.carrier = w.carrier
    WHERE w.kind <> 'journal_entry'
    UNION ALL
    SELECT w.carrier, e.waits, p.date, p.currency, p.account, p.purpose, p.charge_id, p.code, p.amount,
        {of_entry}
    FROM wanted w
    JOIN entry e ON e.carrier = w.carrier
    LEFT JOIN known k ON k.carrier = w.carrier
    JOIN hub_placed_posting p ON p.journal_entry_id = w.id
    WHERE w.kind = 'journal_entry'
    UNION ALL
    SELECT p.carrier, coalesce(e.waits, false), b.date, b.currency, b.account, NULL, NULL, NULL,
        -b.amount, {of_line}
    FROM placed p {owners}
    JOIN booked_line b ON b.link_id = p.id
    LEFT JOIN entry e ON e.carrier = p.carrier
), off AS (
    SELECT carrier, waits, date_trunc('month', date)::date AS month, max(date) AS date, currency,
        account,
        CASE WHEN account IS NULL THEN purpose END AS purpose,
        CASE WHEN account IS NULL THEN charge_id END AS charge_id,
        CASE WHEN account IS NULL THEN code END AS code,
        sum(amount) AS amount, customer_id
    FROM posted
    GROUP BY carrier, waits, month, currency, account, 7, 8, 9, customer_id
    HAVING sum(amount) <> 0
), netted AS (
    SELECT *, sum(amount) OVER (
        PARTITION BY carrier, waits, currency, account, purpose, charge_id, code, customer_id
    ) AS net
    FROM off
), weighed AS (
    SELECT *, max(abs(net)) OVER (PARTITION BY carrier, waits) AS most FROM netted
), judged AS (
    SELECT w.*, CASE
        WHEN n.state IN ('sent', 'doubt') THEN 'under_way'
        WHEN n.state = 'excluded' THEN 'excluded'
        WHEN k.missing THEN 'deleted'
        WHEN n.state = 'failed' THEN 'failed'
        WHEN n.state = 'held' AND coalesce(e.date, w.date) <= :closed THEN 'closed_period'
        WHEN n.state = 'held' THEN 'held'
        WHEN n.state = 'queued' THEN 'not_sent'
        WHEN w.waits AND e.carrier IS NOT NULL AND (e.approved IS NULL OR e.is_undone) THEN 'not_sent'
        WHEN w.waits AND e.carrier IS NULL AND k.carrier IS NULL AND w.date < :cutover
            THEN 'before_cutover'
        WHEN w.waits AND e.carrier IS NULL AND k.carrier IS NULL AND (:gathers OR EXISTS (
            SELECT FROM posting t WHERE t.kind = split_part(w.carrier, ':', 1)
              AND t.record_id = split_part(w.carrier, ':', 2)::bigint AND t.journal_entry_id IS NOT NULL
        )) THEN 'not_sent'
        WHEN w.waits THEN 'unexplained'
        WHEN k.edited THEN 'edited'
        WHEN w.net = 0 THEN 'other_month'
        WHEN w.most <= :rounding THEN 'rounding'
        ELSE 'unexplained'
    END AS cause,
    coalesce(w.month >= date_trunc('month', cast(:starts AS date)), true)
        AND coalesce(w.month <= cast(:ends AS date), true) AS within,
    coalesce(e.date, w.date) AS day
    FROM weighed w
    LEFT JOIN known k ON k.carrier = w.carrier
    LEFT JOIN entry e ON e.carrier = w.carrier
    LEFT JOIN waiting n ON n.carrier = w.carrier AND n.follows <> w.waits
)
"""

_SUMS = """
SELECT cause, currency, account, purpose, charge_id, code,
    coalesce(sum(amount) FILTER (WHERE within), 0) AS amount, sum(amount) AS ever,
    count(DISTINCT carrier) FILTER (WHERE within) AS carriers,
    count(DISTINCT carrier) FILTER (WHERE carrier NOT LIKE 'journal_entry:%') AS documents
FROM judged
GROUP BY GROUPING SETS ((cause, currency, account, purpose, charge_id, code), (cause))
"""

_CARRIERS = """
SELECT carrier AS subject, currency, max(day) AS date,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debits,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credits
FROM judged WHERE cause = :cause AND within
GROUP BY carrier, currency
ORDER BY date DESC, carrier, currency
OFFSET :skip LIMIT :limit
"""

_UNDELIVERED = """
SELECT carrier AS subject, currency, min(cause) AS cause, max(day) AS date, greatest(
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)) AS amount
FROM judged WHERE cause = ANY(cast(:causes AS text[])) AND carrier NOT LIKE 'journal_entry:%'
GROUP BY carrier, currency
ORDER BY date DESC, carrier, currency
OFFSET :skip LIMIT :limit
"""
