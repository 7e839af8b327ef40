"""The proof: what was billed, what QuickBooks booked, and every cent between them by its cause.

Three depths (product.md 3.5). *Delivery*: what was sent is there, with the same amounts.
*Movement*: on each account, billed, booked by us, and the difference, which its causes add up
to. *Position*: what customers owe by the ledger stands on the control account (``position``).

Billed is the sum of postings; booked is read from QuickBooks' own answers and from what was
read back since (``links``).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.delivery import Delivery
from hub.books.differences import EVERYTHING, Cause, Differences, Rules, Span
from hub.books.models import Connection
from hub.books.position import Position, positions
from hub.ledger.models import Charge, Purpose
from hub.money import ZERO, plain

Resolve = Callable[[Purpose, int | None, str, str], str]
"""Names the account an amount in a currency belongs to; raises Objection where there is none."""


@dataclass
class Row:
    """One account: debit is positive, credit negative."""

    account: str
    currency: str
    billed: Decimal = ZERO
    booked: Decimal = ZERO
    causes: dict[Cause, Decimal] = field(default_factory=dict)
    """What of the difference each cause makes."""

    @property
    def difference(self) -> Decimal:
        return self.billed - self.booked

    @property
    def waiting(self) -> Decimal:
        """The part of what was billed that QuickBooks does not have yet."""
        return sum((amount for cause, amount in self.causes.items() if cause.waits), ZERO)

    @property
    def unexplained(self) -> Decimal:
        return self.causes.get(Cause.UNEXPLAINED, ZERO)

    @property
    def explained(self) -> Decimal:
        return self.difference - self.unexplained

    def as_json(self) -> dict[str, Any]:
        """Return the row with amounts as text."""
        names = ("billed", "booked", "difference", "waiting", "unexplained")
        amounts = {name: plain(getattr(self, name)) for name in names}
        causes = {cause.value: plain(self.causes[cause]) for cause in Cause if self.causes.get(cause)}
        return {"account": self.account, "currency": self.currency, **amounts, "causes": causes}


@dataclass(frozen=True)
class Share:
    """The part of the difference that one cause makes."""

    cause: Cause
    amounts: Mapping[str, Decimal]
    """What one side of the accounts is off by, in each currency that is off."""
    carriers: int
    """How many entries or records that is."""

    @property
    def amount(self) -> Decimal:
        """Zero where nothing is off; amounts of several currencies count one for one."""
        return sum(self.amounts.values(), ZERO)


@dataclass(frozen=True)
class Delivered:
    """How much of what was ever sent is in QuickBooks as it was sent."""

    sent: int
    differing: int

    @property
    def same(self) -> int:
        return self.sent - self.differing

    @property
    def sentence(self) -> str:
        """How many are as sent."""
        if not self.sent:
            return "Nothing has been sent yet."
        if self.sent == 1:
            held = "no longer" if self.differing else "still"
            return f"The one transaction that was sent is {held} in QuickBooks as it was sent."
        if not self.differing:
            return f"All {self.sent:,} transactions that were sent are in QuickBooks as they were sent."
        differ = "differs" if self.differing == 1 else "differ"
        return f"{self.differing:,} of {self.sent:,} transactions in QuickBooks {differ} from what was sent."


@dataclass
class Month:
    """What was billed and booked on one account in one month."""

    account: str
    currency: str
    month: dt.date
    """Its first day."""
    billed: Decimal = ZERO
    booked: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.billed - self.booked

    def as_json(self) -> dict[str, Any]:
        """Return the month with amounts as text."""
        amounts = {name: plain(getattr(self, name)) for name in ("billed", "booked", "difference")}
        month = f"{self.month:%Y-%m}"
        return {"account": self.account, "currency": self.currency, "month": month, **amounts}


@dataclass
class Proof:
    """One tenant's proof, of the days within ``span``, as of ``moment``."""

    moment: dt.datetime
    span: Span
    rows: list[Row]
    shares: list[Share]
    delivery: Delivered
    months: list[Month]
    positions: list[Position]

    @property
    def differences(self) -> dict[str, Decimal]:
        """The amounts by which books and bills differ, in each currency in which they do: what one side of
        the accounts is off. (Both sides together always cancel out, as debits and credits do.)"""
        return _off_each((row.currency, row.difference) for row in self.rows)

    @property
    def difference(self) -> Decimal:
        """Zero where books and bills are one; amounts of several currencies count one for one."""
        return sum(self.differences.values(), ZERO)

    @property
    def unexplained(self) -> Decimal:
        """The part of the difference that has no cause, counted likewise."""
        return sum(self.unexplained_each.values(), ZERO)

    @property
    def unexplained_each(self) -> dict[str, Decimal]:
        """The part of the differences that has no cause, in each currency in which there is one."""
        return _off_each((row.currency, row.unexplained) for row in self.rows)

    @property
    def waiting(self) -> list[Share]:
        """What QuickBooks is still to get."""
        return [share for share in self.shares if share.cause.waits]

    def as_json(self) -> dict[str, Any]:
        """Return the proof with amounts as text."""
        return {
            "moment": self.moment.isoformat(timespec="seconds"),
            "from": self.span.starts and self.span.starts.isoformat(),
            "to": self.span.ends and self.span.ends.isoformat(),
            "accounts": [row.as_json() for row in self.rows],
            "difference": plain(self.difference),
            "differences": _plain_each(self.differences),
            "unexplained": plain(self.unexplained),
            "causes": [
                {
                    "cause": share.cause.value,
                    "amount": plain(share.amount),
                    "amounts": _plain_each(share.amounts),
                    "count": share.carriers,
                }
                for share in self.shares
            ],
            "months": [month.as_json() for month in self.months],
            "delivery": {"sent": self.delivery.sent, "differing": self.delivery.differing},
            "positions": [position.as_json() for position in self.positions],
        }


def off(differences: Iterable[Decimal]) -> Decimal:
    """Return what one side of accounts is off that differ so."""
    values = list(differences)
    debits = sum((value for value in values if value > 0), ZERO)
    credits = sum((-value for value in values if value < 0), ZERO)
    return max(debits, credits)


def _off_each(differences: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return what one side of accounts is off in each currency that is off at all."""
    by_currency: dict[str, list[Decimal]] = defaultdict(list)
    for currency, amount in differences:
        by_currency[currency].append(amount)
    each = {currency: off(values) for currency, values in sorted(by_currency.items())}
    return {currency: amount for currency, amount in each.items() if amount}


def _plain_each(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: plain(amount) for currency, amount in amounts.items()}


def prove(
    db: Session,
    connection: Connection,
    resolve: Resolve,
    rules: Rules,
    span: Span = EVERYTHING,
    thorough: bool = False,
) -> Proof:
    """Return the proof of what was billed within ``span``.

    What is known to be able to differ is looked at, and all that QuickBooks has only where that
    leaves something over; ``thorough`` looks at it in any case, so that two errors that cancel each
    other out on an account are found as well.
    """
    return _Proving(db, connection, resolve, rules, span).prove(thorough)


class _Proving:
    def __init__(self, db: Session, connection: Connection, resolve: Resolve, rules: Rules, span: Span):
        self._db = db
        self._connection = connection
        self._places = Places(db, resolve)
        self._rules = rules
        self._span = span

    def prove(self, thorough: bool) -> Proof:
        values = {
            "connection": self._connection.id,
            "starts": self._span.starts,
            "ends": self._span.ends,
        }
        within = _within(self._span)
        billed = self._placed(self._db.execute(text(_BILLED.format(within=within)), values))
        booked = self._db.execute(text(_BOOKED.format(within=within)), values).all()
        rows = _rows(billed, booked)
        sums = self._sums(thorough)
        if not thorough and not _are_explained(billed, booked, sums):
            thorough, sums = True, self._sums(thorough=True)
        # Where all that was ever billed is explained, a month is off by another month alone.
        _give_causes(rows, sums, Cause.UNEXPLAINED if thorough else Cause.OTHER_MONTH)
        moment, sent = self._db.execute(_SENT, values).one()
        return Proof(
            moment,
            self._span,
            [rows[key] for key in sorted(rows) if self._span.is_all or _says_something(rows[key])],
            _shares(rows, sums),
            self._delivered(sent, sums),
            self._months(values) if thorough else [],
            positions(self._db, self._connection, self._places.receivable, billed, booked, sums),
        )

    def _sums(self, thorough: bool) -> list[dict[str, Any]]:
        found = Differences(self._db, self._connection, self._rules, self._span, thorough).sums()
        return self._placed(found)

    def _delivered(self, sent: int, sums: Iterable[Any]) -> Delivered:
        """Return how much is there as it was sent: entries by their lines, documents by their postings."""
        off = sum(row["documents"] for row in sums if not row["currency"] and row["cause"] in DIFFERING)
        return Delivered(sent, min(sent, off + Delivery(self._db, self._connection).entries_off()))

    def _months(self, values: dict[str, Any]) -> list[Month]:
        """Return the months of each account, within the span."""
        found: dict[tuple[str, str, dt.date], Month] = {}
        for row in self._placed(self._db.execute(_MONTHS, values)):
            key = row["account"], row["currency"], row["month"]
            month = found.setdefault(key, Month(*key))
            month.billed, month.booked = month.billed + row["billed"], month.booked + row["booked"]
        return [found[key] for key in sorted(found)]

    def _placed(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Return rows with the account that each belongs to."""
        return [
            {**row, "account": row["account"] or (row["currency"] and self._places.name(row))}
            for row in (found._mapping for found in rows)
        ]


class Places:
    """The accounts that amounts belong to, or words for those that have none yet."""

    def __init__(self, db: Session, resolve: Resolve):
        self._db = db
        self._resolve = resolve
        self._known: dict[tuple[Any, ...], str] = {}

    def name(self, slot: Any) -> str:
        """Return the account of ``purpose``, ``charge_id``, ``code`` and ``currency``."""
        key = (slot["purpose"], slot["charge_id"], slot["code"], slot["currency"])
        if key not in self._known:
            self._known[key] = self._found(*key)
        return self._known[key]

    def receivable(self, currency: str = "") -> str:
        """Return the control account, which stands for what customers owe in a currency; none is the
        home currency."""
        slot = {"purpose": Purpose.RECEIVABLE, "charge_id": None, "code": "", "currency": currency}
        return self.name(slot)

    def receivables(self) -> set[str]:
        """Return every account that what customers owe was ever booked to, or will be in its currency, and
        the control account."""
        rows = self._db.execute(_RECEIVABLES).mappings()
        return {self.receivable(), *(row["account"] or self.name(row) for row in rows)}

    def _found(self, purpose: str, charge_id: int | None, code: str, currency: str) -> str:
        try:
            return self._resolve(Purpose(purpose), charge_id, code, currency)
        except Objection:
            charge = self._db.get(Charge, charge_id) if charge_id else None
            what = {
                Purpose.RECEIVABLE: "what customers owe",
                Purpose.INCOME: f"charge “{charge.name}”" if charge else "",
                Purpose.TAX: f"tax {code}",
                Purpose.DEPOSIT: f"payments by {code}" if code else "payments",
                Purpose.REFUND: f"refunds by {code}" if code else "refunds",
                Purpose.ROUNDING: "rounding",
            }[Purpose(purpose)]
            return f"(no account yet: {what})"


_Rows = dict[tuple[str, str], Row]


def _rows(billed: Iterable[Any], booked: Iterable[Any]) -> _Rows:
    rows: _Rows = {}
    for found in billed:
        key = found["account"], found["currency"]
        rows.setdefault(key, Row(*key)).billed += found["amount"]
    for line in booked:
        key = line.account, line.currency
        rows.setdefault(key, Row(*key)).booked += line.amount
    return rows


def _are_explained(billed: Iterable[Any], booked: Iterable[Any], sums: Iterable[Any]) -> bool:
    """Whether the causes that were found add up to the difference of each account, ever."""
    left: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for row in billed:
        left[row["account"], row["currency"]] += row["ever"]
    for line in booked:
        left[line.account, line.currency] -= line.ever
    for row in sums:
        if row["currency"]:
            left[row["account"], row["currency"]] -= row["ever"]
    return not any(left.values())


def _give_causes(rows: _Rows, sums: Iterable[Any], rest: Cause) -> None:
    """Give each account the causes of its difference; what they leave over is the ``rest``."""
    for found in sums:
        if found["currency"]:
            key = found["account"], found["currency"]
            causes = rows.setdefault(key, Row(*key)).causes
            cause = Cause(found["cause"])
            causes[cause] = causes.get(cause, ZERO) + found["amount"]
    for row in rows.values():
        left = row.difference - sum(row.causes.values(), ZERO)
        if left:
            row.causes[rest] = row.causes.get(rest, ZERO) + left


def _shares(rows: _Rows, sums: Iterable[Any]) -> list[Share]:
    """Return the share of each cause. What is on its way with no effect counts as well; what would
    only be an explanation, and explains nothing, does not."""
    counts = {Cause(found["cause"]): found["carriers"] for found in sums if not found["currency"]}
    shares = []
    for cause in Cause:
        amounts = _off_each((row.currency, row.causes.get(cause, ZERO)) for row in rows.values())
        if amounts or (cause.waits and counts.get(cause)):
            shares.append(Share(cause, amounts, counts.get(cause, 0)))
    return shares


def _says_something(row: Row) -> bool:
    return bool(row.billed or row.booked or any(row.causes.values()))


_BILLED = """
    SELECT account, purpose, charge_id, code, currency, sum(amount) AS ever, {within} AS amount
    FROM hub_placed_posting GROUP BY account, purpose, charge_id, code, currency
"""
_BOOKED = """
    SELECT b.account, b.currency, sum(amount) AS ever, {within} AS amount
    FROM booked_line b JOIN link l ON l.id = b.link_id
    WHERE l.connection_id = :connection
    GROUP BY b.account, b.currency
"""
_WITHIN = """
    coalesce(sum(amount) FILTER (WHERE coalesce(date >= cast(:starts AS date), true)
        AND coalesce(date <= cast(:ends AS date), true)), 0)
"""


def _within(span: Span) -> str:
    """What the amounts within a span add up to; of all that was ever billed, PostgreSQL sums once."""
    return "sum(amount)" if span.is_all else _WITHIN


_SENT = text(
    """
    SELECT now() AS moment, count(*) FROM link
    WHERE connection_id = :connection
      AND split_part(subject, ':', 1) IN (
        'invoice', 'credit_memo', 'payment', 'refund', 'journal_entry')
    """
)
"""What was sent as a transaction."""

DIFFERING = (Cause.EDITED, Cause.DELETED, Cause.ROUNDING, Cause.UNEXPLAINED)
"""What is in QuickBooks otherwise than it was sent."""

_RECEIVABLES = text(
    """
    SELECT DISTINCT account, purpose, NULL::bigint AS charge_id, '' AS code, currency
    FROM hub_placed_posting WHERE purpose = 'receivable'
    """
)
_MONTHS = text(
    """
    SELECT account, currency, month, purpose, charge_id, code, sum(billed) AS billed, sum(booked) AS booked
    FROM (
        SELECT account, currency, date_trunc('month', date)::date AS month, purpose, charge_id, code,
            amount AS billed, 0 AS booked
        FROM hub_placed_posting
        UNION ALL
        SELECT b.account, b.currency, date_trunc('month', b.date)::date, NULL, NULL, NULL, 0, b.amount
        FROM booked_line b JOIN link l ON l.id = b.link_id WHERE l.connection_id = :connection
    ) every
    WHERE coalesce(month >= cast(:starts AS date), true) AND coalesce(month <= cast(:ends AS date), true)
    GROUP BY account, currency, month, purpose, charge_id, code
    """
)
