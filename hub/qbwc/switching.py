"""Switching modes after something was booked: a plan to look at first, and the switch itself.

The cut-over is the first day of the new mode. What either mode has taken stays with it for ever
(``hub.exporters.succession``), so nothing can be booked twice; what is dated before the cut-over
and in neither is listed, as it is never sent. A plan that is confirmed carries what was seen of
it, and where anything is another by now, the new plan is shown instead.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select, text

from hub.books.chart import Objection
from hub.books.models import Connection
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.exporters.full import FullExporter
from hub.exporters.summary import SummaryExporter
from hub.ledger import records
from hub.ledger.contract import KINDS, POSTED
from hub.ledger.models import BillingCycle, Purpose
from hub.money import ZERO, plain
from hub.qbwc import imports, modes
from hub.qbwc.outbox import Outbox
from hub.tenants.models import Mode, Policy, Tenant
from hub.tenants.policies import policy_of
from hub.tenants.service import StaffRoom

STALE = (
    "Something has changed since you looked. This is the plan as it is now: look at it, and switch then."
)


DAY = dt.timedelta(days=1)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class Part(NamedTuple):
    """Some of the records: what becomes of them, their kind, how many, and what they add to what
    customers owe."""

    place: str
    kind: str
    currency: str
    records: int
    amount: Decimal


class Owed(NamedTuple):
    """What one customer owes as of the cut-over."""

    customer: str
    currency: str
    amount: Decimal


class Accounts(NamedTuple):
    """The accounts in QuickBooks of what customers owe in one currency."""

    stands_on: str
    """Where the old mode's books have it."""
    belongs_on: str
    """Where the new mode looks for it."""


@dataclass
class Plan:
    """What a switch does, before it is done."""

    now: Mode
    then: Mode
    cutover: dt.date | None
    earliest: dt.date | None
    """The first day that can be the cut-over: the one after all that is booked."""
    parts: list[Part] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    """What of the opening position stands in the old mode's books."""
    late: list[Part] = field(default_factory=list)
    """What is dated on the cut-over or later and booked already, so that the cut-over cannot be."""
    accounts: dict[str, Accounts] = field(default_factory=dict)
    """By currency, of all in which something is owed."""

    def of(self, place: str) -> list[Part]:
        """Return the parts that something becomes of: ``booked``, ``finishing``, ``anew``, ``behind``
        or ``excluded``."""
        return [part for part in self.parts if part.place == place]

    @property
    def is_early(self) -> bool:
        """Whether even the earliest day that can be the cut-over is still to come."""
        return self.earliest is not None and self.earliest > _today() + DAY

    @property
    def opening(self) -> dict[str, Decimal]:
        """What all customers owe as of the cut-over, by currency."""
        return in_each(self.owed)

    def sides(self, one: Owed) -> tuple[str, str]:
        """Return the accounts to debit and to credit for what a customer owes, to have it stand where
        it belongs."""
        stands_on, belongs_on = self.accounts[one.currency]
        return (belongs_on, stands_on) if one.amount > 0 else (stands_on, belongs_on)

    @property
    def seen(self) -> str:
        """A digest of all that the plan says."""
        said = [
            self.now,
            self.then,
            str(self.cutover),
            [[*part[:-1], plain(part.amount)] for part in self.parts],
            [[*one[:-1], plain(one.amount)] for one in self.owed],
            self.accounts,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def in_each(owed: Iterable[Owed]) -> dict[str, Decimal]:
    """Return the sums of what is owed, by currency."""
    found: dict[str, Decimal] = {}
    for one in owed:
        found[one.currency] = found.get(one.currency, ZERO) + one.amount
    return dict(sorted(found.items()))


class Switching:
    """The switch of one tenant to the other mode, for a person (``actor``) who plans it."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection, actor: str):
        self._db = db
        self._tenant = tenant
        self._connection = connection
        self._actor = actor

    def plan(self, cutover: dt.date | None) -> Plan:
        """Return the plan for a cut-over; where none is named for the earliest that can be."""
        now = self._tenant.mode
        then = Mode.FULL if now is Mode.SUMMARY else Mode.SUMMARY
        values: dict[str, Any] = {"connection": self._connection.id, "is_summary": now is Mode.SUMMARY}
        last = self._db.scalar(text(_LAST), values)
        # No day comes after the last one there is; it is refused as still to come.
        earliest = min(last, dt.date.max - DAY) + DAY if last else None
        cutover = cutover or min(earliest or _today(), _today() + DAY)
        plan = Plan(now, then, cutover, earliest)
        values["cutover"] = cutover
        plan.parts = [Part(*row) for row in self._db.execute(text(_PARTS), values)]
        plan.late = [Part("late", *row) for row in self._db.execute(text(_LATE), values)]
        plan.owed = [Owed(*row) for row in self._db.execute(text(_OWED), values)]
        stands_on, belongs_on = self._accounts(now, plan.opening), self._accounts(then, plan.opening)
        plan.accounts = {one: Accounts(stands_on[one], belongs_on[one]) for one in plan.opening}
        return plan

    def _accounts(self, mode: Mode, currencies: Iterable[str]) -> dict[str, str]:
        """Return the accounts on which a mode has what customers owe, or what they are called."""
        exporter: SummaryExporter | FullExporter
        if mode is Mode.SUMMARY:
            exporter, called = SummaryExporter(self._db, self._connection), "the clearing account"
        else:
            exporter, called = FullExporter(self._db, self._connection), "Accounts Receivable"
        found = {}
        for currency in currencies:
            try:
                found[currency] = exporter.account(Purpose.RECEIVABLE, None, "", currency)
            except Objection:
                found[currency] = f"{called} for {currency}, not there yet"
        return found

    def check(self, plan: Plan) -> None:
        """See that the plan's cut-over can be.

        :raises Refused: with the day that works, and what to do for another.
        """
        if plan.earliest and plan.cutover and plan.cutover < plan.earliest:
            undo = (
                "undo their journal entries first, or take back the approval of those that are not sent yet"
                if plan.now is Mode.SUMMARY
                else "void them in your billing first, or give them their right date"
            )
            when = ", which is still to come" if plan.is_early else ""
            raise _refused(
                f"Records dated up to {plan.earliest - DAY} are booked in {plan.now.label} Mode already. "
                f"The earliest cut-over is {plan.earliest}{when}; for an earlier one {undo}."
            )
        if plan.cutover and plan.cutover > _today() + DAY:
            raise _refused(
                f"{plan.cutover} is still to come, and what is dated till then would go in neither mode. "
                f"Switch on that day; what is booked by then decides whether it works."
            )

    def switch(self, cutover: dt.date, seen: str) -> Plan:
        """Switch as the plan says that was ``seen``; return it.

        :raises Refused: when it says something else by now, or the switch cannot be.
        """
        outbox = modes.locked(self._db, self._tenant)
        modes.check(self._db, outbox.connection)
        plan = self.plan(cutover)
        self.check(plan)
        if plan.seen != seen:
            raise Refused(STALE)
        policy = self._db.get_one(Policy, policy_of(self._db).id, with_for_update=True)
        before, policy.cutover = policy.cutover, cutover
        self._tenant.mode = plan.then
        # The exporters ask the database for the mode.
        self._db.flush()
        self._leave(plan)
        self._take(cutover)
        imports.want(self._db, outbox.connection)
        StaffRoom(self._db, self._tenant, self._actor).audit(
            "mode switched",
            before=plan.now.label,
            now=plan.then.label,
            cutover=str(cutover),
            cutover_before=str(before or "none"),
            **{place: _counted(plan.of(place)) for place in ("booked", "finishing", "anew", "behind")},
        )
        return plan

    def _leave(self, plan: Plan) -> None:
        """Let go of what the old mode has not taken for good."""
        values = {"connection": self._connection.id, "cutover": plan.cutover}
        if plan.now is Mode.SUMMARY:
            for statement in _LOOSEN_LATER:
                self._db.execute(text(statement), values)
        else:
            self._db.execute(text(_DROP_UNBOOKED), values)
        self._db.expire_all()

    def _take(self, cutover: dt.date) -> None:
        """Let the new mode take all that is its own."""
        outbox = Outbox(self._db, self._tenant, self._connection)
        for kind in KINDS:
            model = records.MODELS[kind]
            which = [model.date >= cutover] if kind in POSTED else []
            for page in modes.pages(self._db, model, *which):
                outbox.put(outbox.exporter.recorded(kind, page))
        for cycle in self._db.scalars(select(BillingCycle).where(BillingCycle.closed.is_not(None))):
            outbox.put(outbox.exporter.closed(cycle))


def _refused(sentence: str) -> Refused:
    return Refused(sentence, [Fault("/cutover", sentence)])


def _counted(parts: Iterable[Part]) -> str:
    return ", ".join(
        f"{part.records} {part.kind} {plain(part.amount)} {part.currency}" for part in parts
    )


_RECORD = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, id, date, customer_id, currency, status = 'void' AS is_void FROM {kind}"
    for kind in POSTED
)
_PLACED = f"""
WITH record AS ({_RECORD}), entry AS MATERIALIZED (
    SELECT e.id, e.frozen IS NOT NULL AS frozen,
        coalesce(l.version, 0) >= e.version OR e.approved IS NOT NULL AND NOT EXISTS (
            SELECT FROM operation o
            WHERE o.connection_id = :connection AND o.subject = 'journal_entry:' || e.id
              AND o.state <> 'done') AS carried
    FROM journal_entry e
    LEFT JOIN link l ON l.connection_id = :connection AND l.subject = 'journal_entry:' || e.id
), taken AS (
    SELECT p.kind, p.record_id AS id, coalesce(bool_or(e.frozen), false) AS frozen,
        coalesce(bool_or(p.journal_entry_id IS NOT NULL), false) AS stamped,
        bool_or(NOT coalesce(e.frozen AND e.carried, false)) AS waits,
        coalesce(sum(p.amount) FILTER (WHERE p.purpose = 'receivable'), 0) AS amount
    FROM posting p
    LEFT JOIN entry e ON e.id = p.journal_entry_id
    GROUP BY p.kind, p.record_id
), placed AS (
    SELECT r.*, coalesce(t.amount, 0) AS amount, coalesce(t.frozen, false) AS frozen,
        coalesce(t.stamped, false) AS stamped, coalesce(t.waits, false) AS waits,
        EXISTS (SELECT FROM link l WHERE l.connection_id = :connection
            AND (l.subject = r.kind || ':' || r.id)) OR
        EXISTS (SELECT FROM link l WHERE l.connection_id = :connection AND l.formerly <> ''
            AND l.formerly = r.kind || ':' || r.id) AS linked,
        EXISTS (SELECT FROM operation o WHERE o.connection_id = :connection AND o.state = 'excluded'
            AND o.subject = r.kind || ':' || r.id) AS excluded
    FROM record r LEFT JOIN taken t ON t.kind = r.kind AND t.id = r.id
)
"""
_LAST = f"""{_PLACED}
SELECT max(date) FROM placed WHERE NOT is_void AND CASE WHEN :is_summary THEN frozen ELSE linked END
"""
"""The day of the last record that the mode in force has booked, or is about to."""
_LATE = f"""{_PLACED}
SELECT kind, currency, count(*), sum(amount) FROM placed
WHERE NOT is_void AND date >= :cutover AND CASE WHEN :is_summary THEN frozen ELSE linked END
GROUP BY kind, currency ORDER BY kind, currency
"""
_JUDGED = f"""{_PLACED}, judged AS (
    SELECT *, CASE
        WHEN linked OR frozen AND NOT waits THEN 'booked'
        WHEN excluded THEN 'excluded'
        WHEN frozen OR stamped AND date < :cutover THEN 'finishing'
        WHEN is_void THEN 'void'
        WHEN date < :cutover THEN 'behind'
        ELSE 'anew'
    END AS place
    FROM placed
)
"""
_PARTS = f"""{_JUDGED}
SELECT place, kind, currency, count(*), sum(amount) FROM judged WHERE place <> 'void'
GROUP BY place, kind, currency ORDER BY place, kind, currency
"""
_OWED = f"""{_JUDGED}
SELECT c.name, j.currency, sum(j.amount) FROM judged j JOIN customer c ON c.id = j.customer_id
WHERE j.place IN ('booked', 'finishing') AND j.date < :cutover
GROUP BY c.id, c.name, j.currency HAVING sum(j.amount) <> 0 ORDER BY c.name, c.id, j.currency
"""
_LOOSEN_LATER = (
    f"""
    WITH record AS ({_RECORD})
    UPDATE posting p SET journal_entry_id = NULL
    FROM journal_entry e, record r
    WHERE e.id = p.journal_entry_id AND e.frozen IS NULL
      AND r.kind = p.kind AND r.id = p.record_id AND r.date >= :cutover
      AND NOT EXISTS (
          SELECT FROM posting s JOIN journal_entry f ON f.id = s.journal_entry_id
          WHERE s.kind = p.kind AND s.record_id = p.record_id AND f.frozen IS NOT NULL)
    """,
    """
    DELETE FROM journal_entry e
    WHERE e.frozen IS NULL AND NOT EXISTS (SELECT FROM posting p WHERE p.journal_entry_id = e.id)
    """,
    """
    DELETE FROM operation o
    WHERE o.connection_id = :connection AND o.state IN ('queued', 'held', 'failed')
      AND o.subject LIKE 'journal_entry:%'
      AND NOT EXISTS (
          SELECT FROM journal_entry e WHERE e.id = split_part(o.subject, ':', 2)::bigint)
    """,
)
"""What gathers for days from the cut-over on leaves its entry; an entry that holds nothing then goes."""
_DROP_UNBOOKED = """
    DELETE FROM operation o
    WHERE o.connection_id = :connection AND o.state IN ('queued', 'held', 'failed')
      AND split_part(o.subject, ':', 1) IN (
          'customer', 'customer_currency', 'charge', 'invoice', 'credit_memo', 'payment', 'refund')
      AND NOT EXISTS (SELECT FROM link l WHERE l.connection_id = :connection AND l.subject = o.subject)
      AND NOT EXISTS (SELECT FROM link l WHERE l.connection_id = :connection AND l.formerly = o.subject)
"""
"""What QuickBooks has no document of waits for none any more. A customer or charge that a change of one
still needs is put again by what waits for it."""
