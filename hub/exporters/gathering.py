"""Which journal entry each posting goes into: decided in the transaction that makes the posting.

A posting belongs to a span: its billing cycle, or its day, week or month, parted at
the end of a month. The first one of a span makes its entry, which gathers from then
on; so planning an entry of a million postings is one sum over them. What comes after
the entry was sent makes the next one, as the tenant's policy for late changes says.

An entry is locked while postings join it, and again while it is frozen, so that none
slips into one whose sum was taken already.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from hub.books import stamps
from hub.books.models import Correction, Family, JournalEntry
from hub.exporters.corrections import Corrections
from hub.exporters.numbering import Numbering
from hub.ledger.models import BillingCycle
from hub.tenants.models import LateChange, Policy

WITHDRAWN = "withdrawn"
"""Stands for the fingerprint of an entry that waits for a person whatever the tenant's rule, as an approval
of what it holds was taken back, or the entry that held it was undone."""
UNDATED = "p.billing_cycle_id IS NULL AND p.date <= :ends"


class _Span(NamedTuple):
    """What makes postings belong together."""

    cycle: int | None
    starts: dt.date
    family: Family
    currency: str


class Gathering:
    """The journal entries of one tenant that take postings."""

    def __init__(self, db: Session, policy: Policy, corrections: Corrections):
        self._db = db
        self._policy = policy
        self._corrections = corrections

    def of_records(self, kind: str, record_ids: Sequence[int]) -> set[int]:
        """Gather the postings of these records; return the entries that took some."""
        which = "p.kind = :kind AND p.record_id = ANY(:ids)"
        return self._gather(which, kind=kind, ids=list(record_ids))

    def of_cycle(self, cycle: BillingCycle) -> set[int]:
        """Gather what belongs to ``cycle`` now that it is known, or closed: then also what was dated
        before its end and lies in no cycle."""
        last = cycle.id if cycle.closed else None
        which = f"(p.billing_cycle_id = :cycle OR {UNDATED})"
        return self._gather(which, cycle=cycle.id, ends=cycle.ends, last=last)

    def again(self, cutover: dt.date | None) -> set[int]:
        """Gather anew all that has not been sent or approved: the policy, or a cycle's span, is another
        now. What waited for a person waits for one in whatever entry takes it. What ends before the
        ``cutover`` that was in force till now was left by a switch of modes to be finished, and stays.

        Locked first, none of them can be sent meanwhile, and what is being sent just now is left out.
        """
        rows = self._db.execute(_GATHERING, {"cutover": cutover}).all()
        asked = [row.id for row in rows if row.is_asked]
        touched = self._regather([row.id for row in rows if not row.is_asked])
        if asked:
            waiting = self._regather(asked)
            self._db.execute(_ASK, {"ids": list(waiting), "withdrawn": WITHDRAWN})
            touched |= waiting
        self._db.expire_all()
        return touched

    def _regather(self, entry_ids: Sequence[int]) -> set[int]:
        self._db.execute(_LOOSEN, {"ids": list(entry_ids)})
        self._db.execute(_DROP, {"ids": list(entry_ids)})
        self._db.expire_all()
        return self._gather("true")

    def _gather(self, which: str, last: int | None = None, **values: Any) -> set[int]:
        values |= {
            "last": last,
            "cutover": self._policy.cutover,
            "together": self._policy.together,
            "period": self._policy.period.value,
        }
        open_ = _OPEN.format(which=which)
        groups = self._db.execute(
            text(f"{open_} SELECT DISTINCT cycle, starts, ends, family, currency FROM open"), values
        ).all()
        spans = {
            _Span(row.cycle, row.starts, Family(row.family), row.currency): row.ends
            for row in groups
            if row.starts is not None
        }
        if not spans:
            return set()
        entries = self._entries(spans)
        rows = [
            {**span._asdict(), "starts": span.starts.isoformat(), "entry": entry.id}
            for span, entry in entries.items()
        ]
        self._db.execute(text(open_ + _STAMP), values | {"rows": json.dumps(rows)})
        reposts = [one.id for one in entries.values() if one.correction is Correction.REPOST]
        if reposts:
            stamps.loosen(self._db, reposts)
        return {entry.id for entry in entries.values()}

    def _entries(self, spans: dict[_Span, dt.date]) -> dict[_Span, JournalEntry]:
        """Return the entry that takes the postings of each span, made where there is none."""
        found = self._gathering(spans)
        if len(found) == len(spans):
            return found
        # Two who make the same entry come one after the other; the second finds the first one's.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('hub.entries', current_setting('hub.tenant')::bigint))"
        self._db.execute(text(lock))
        found = self._gathering(spans)
        missing = [span for span in spans if span not in found]
        latest = self._latest(missing)
        for span in missing:
            before = latest.get(span)
            if before and not before.undone and (entry := self._corrected(before)):
                found[span] = entry
        made = {
            span: self._made(span, spans[span], latest.get(span))
            for span in missing
            if span not in found
        }
        Numbering(self._db, self._policy).number(made.values())
        self._db.add_all(made.values())
        # Their postings are stamped with their ids next.
        self._db.flush()
        return found | made

    def _query(self, spans: Iterable[_Span]) -> Any:
        return select(JournalEntry).where(
            or_(
                JournalEntry.billing_cycle_id.in_({span.cycle for span in spans if span.cycle}),
                JournalEntry.billing_cycle_id.is_(None),
            ),
            JournalEntry.starts.in_({span.starts for span in spans}),
        )

    def _gathering(self, spans: Iterable[_Span]) -> dict[_Span, JournalEntry]:
        query = self._query(spans).where(JournalEntry.frozen.is_(None))
        locked = (
            query.order_by(JournalEntry.id)
            .with_for_update(read=True, key_share=True)
            .execution_options(populate_existing=True)
        )
        entries = {_span(entry): entry for entry in self._db.scalars(locked)}
        return {span: entries[span] for span in spans if span in entries}

    def _latest(self, spans: Sequence[_Span]) -> dict[_Span, JournalEntry]:
        """Return the last entry of each span that was sent, if there is one."""
        query = self._query(spans).where(
            JournalEntry.frozen.is_not(None),
            func.coalesce(JournalEntry.correction, "") != Correction.REVERSAL,
        )
        return {_span(entry): entry for entry in self._db.scalars(query.order_by(JournalEntry.id))}

    def _corrected(self, before: JournalEntry) -> JournalEntry | None:
        """Return the entry that takes a late change by policy, if that is no true-up."""
        if self._policy.late_change is LateChange.AMEND:
            return self._corrections.amend(before)
        if self._policy.late_change is LateChange.REVERSE:
            return self._corrections.repost(before)
        return None

    @staticmethod
    def _made(span: _Span, ends: dt.date, before: JournalEntry | None) -> JournalEntry:
        return JournalEntry(
            billing_cycle_id=span.cycle,
            starts=span.starts,
            family=span.family,
            currency=span.currency,
            date=ends,
            correction=before and (Correction.REPOST if before.undone else Correction.TRUE_UP),
            follows_id=before and before.id,
        )


def _span(entry: JournalEntry) -> _Span:
    return _Span(entry.billing_cycle_id, entry.starts, entry.family, entry.currency)


_OPEN = """
WITH dated AS (
    SELECT p.id, p.currency, c.id AS cycle, c.starts AS first, c.ends AS last,
        CASE
            WHEN :together THEN 'together'
            WHEN p.kind = 'invoice' THEN 'billing'
            WHEN p.kind = 'payment' THEN 'payments'
            ELSE 'credits'
        END AS family,
        CASE WHEN c.id IS NULL THEN p.date ELSE least(greatest(p.date, c.starts), c.ends) END AS day
    FROM posting p
    LEFT JOIN LATERAL (
        SELECT b.id, b.starts, b.ends FROM billing_cycle b
        WHERE :period = 'cycle' AND CASE
            WHEN p.billing_cycle_id IS NOT NULL THEN b.id = p.billing_cycle_id
            ELSE p.date BETWEEN b.starts AND b.ends OR b.id = :last
        END
        ORDER BY b.id = :last, b.ends, b.id
        LIMIT 1
    ) c ON true
    CROSS JOIN (SELECT mode = 'summary' AS is_in_force FROM tenant) summary
    WHERE p.journal_entry_id IS NULL AND {which}
      AND (
          summary.is_in_force AND (cast(:cutover AS date) IS NULL OR p.date >= :cutover)
          OR EXISTS (
              SELECT FROM posting s
              WHERE s.kind = p.kind AND s.record_id = p.record_id AND s.journal_entry_id IS NOT NULL
                AND (NOT summary.is_in_force OR s.date < :cutover))
      )
      AND NOT EXISTS (SELECT FROM link l WHERE l.subject = p.kind || ':' || p.record_id)
      AND NOT EXISTS (SELECT FROM link l WHERE l.formerly = p.kind || ':' || p.record_id)
      AND NOT EXISTS (
          SELECT FROM operation o WHERE o.state = 'excluded' AND o.subject = p.kind || ':' || p.record_id)
), spanned AS (
    SELECT *,
        CASE :period
            WHEN 'cycle' THEN first WHEN 'day' THEN day WHEN 'week' THEN date_trunc('week', day)::date
            ELSE date_trunc('month', day)::date
        END AS span_starts,
        CASE :period
            WHEN 'cycle' THEN last WHEN 'day' THEN day
            WHEN 'week' THEN date_trunc('week', day)::date + 6
            ELSE (date_trunc('month', day) + interval '1 month')::date - 1
        END AS span_ends
    FROM dated
), open AS (
    SELECT id, cycle, family, currency,
        greatest(span_starts, date_trunc('month', day)::date) AS starts,
        least(span_ends, (date_trunc('month', day) + interval '1 month')::date - 1) AS ends
    FROM spanned
    WHERE span_starts IS NOT NULL
)
"""
"""Postings in no entry yet, and the span of each. What lies in no billing cycle has none.

Dated from the cut-over on, while summaries are in force; and whatever corrects a record that entries
took before. What QuickBooks has as a document, or a person has excluded, is in none."""

_STAMP = """
UPDATE posting SET journal_entry_id = v.entry
FROM open JOIN jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
    cycle bigint, starts date, family text, currency text, entry bigint)
  ON v.cycle IS NOT DISTINCT FROM open.cycle AND v.starts = open.starts AND v.family = open.family
 AND v.currency = open.currency
WHERE posting.id = open.id AND posting.journal_entry_id IS NULL
"""

_GATHERING = text(
    """
    SELECT id, approved IS NULL AND (
        approved_as <> '' OR correction IS NOT DISTINCT FROM 'repost' AND released IS NULL) AS is_asked
    FROM journal_entry
    WHERE frozen IS NULL AND coalesce(date >= cast(:cutover AS date), true) ORDER BY id FOR UPDATE
    """
)

_LOOSEN = text("UPDATE posting SET journal_entry_id = NULL WHERE journal_entry_id = ANY(:ids)")

_DROP = text("DELETE FROM journal_entry WHERE id = ANY(:ids)")

_ASK = text(
    "UPDATE journal_entry SET approved_as = :withdrawn WHERE id = ANY(:ids) AND approved IS NULL"
)
