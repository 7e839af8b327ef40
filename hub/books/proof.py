"""The proof: what was billed, what QuickBooks booked, and the difference, account by account.

Billed is the sum of postings; booked is read from QuickBooks' own answers. Every
cent of difference is either waiting (not sent yet, held, under way) or unexplained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import String, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.models import BookedLine, Connection, Link
from hub.ledger.models import Charge, Posting, Purpose
from hub.money import ZERO, plain

Resolve = Callable[[Purpose, int | None, str], str]
"""Names the account an amount belongs to; raises Objection where there is none."""

MOST_WAITING = 200


@dataclass
class Row:
    """One account: debit is positive, credit negative."""

    account: str
    currency: str
    billed: Decimal = ZERO
    booked: Decimal = ZERO
    waiting: Decimal = ZERO
    """The part of what was billed that QuickBooks does not have yet."""

    @property
    def difference(self) -> Decimal:
        return self.billed - self.booked

    @property
    def unexplained(self) -> Decimal:
        return self.difference - self.waiting

    def as_json(self) -> dict[str, str]:
        """Return the row with amounts as text."""
        names = ("billed", "booked", "difference", "waiting", "unexplained")
        amounts = {name: plain(getattr(self, name)) for name in names}
        return {"account": self.account, "currency": self.currency, **amounts}


@dataclass
class Waiting:
    """What QuickBooks does not have yet, and the amount it stands for."""

    subject: str
    """``invoice:42`` or ``journal_entry:7``; a billing cycle that is still open; ``""`` for none."""
    records: int
    amount: Decimal
    """The sum of its debits, in ``currency``."""
    currency: str


@dataclass
class Proof:
    """One tenant's proof."""

    rows: list[Row] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        """The amount by which books and bills differ: what one side of the accounts is off. (Both
        sides together always cancel out, as debits and credits do.)"""
        return _off(row.difference for row in self.rows)

    @property
    def unexplained(self) -> Decimal:
        """The part of the difference that nothing waiting explains."""
        return _off(row.unexplained for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Return the proof with amounts as text."""
        return {
            "accounts": [row.as_json() for row in self.rows],
            "difference": plain(self.difference),
            "unexplained": plain(self.unexplained),
            "waiting": [
                {
                    "subject": waiting.subject,
                    "records": waiting.records,
                    "amount": plain(waiting.amount),
                    "currency": waiting.currency,
                }
                for waiting in self.waiting
            ],
        }


def _off(differences: Iterable[Decimal]) -> Decimal:
    values = list(differences)
    debits = sum((value for value in values if value > 0), ZERO)
    credits = sum((-value for value in values if value < 0), ZERO)
    return max(debits, credits)


def prove(db: Session, connection: Connection, resolve: Resolve) -> Proof:
    """Return the proof of everything billed so far."""
    rows: dict[tuple[str, str], Row] = {}

    def row(account: str, currency: str) -> Row:
        return rows.setdefault((account, currency), Row(account, currency))

    for posting in db.execute(_billed(connection)):
        account = posting.account or _place(db, resolve, posting)
        found = row(account, posting.currency)
        found.billed += posting.billed
        found.waiting += posting.waiting or ZERO
    for line in db.execute(_booked(connection)):
        row(line.account, line.currency).booked += line.amount
    return Proof([rows[key] for key in sorted(rows)], _waiting(db, connection))


def _place(db: Session, resolve: Resolve, posting: Any) -> str:
    try:
        return resolve(posting.purpose, posting.charge_id, posting.code)
    except Objection:
        charge = db.get(Charge, posting.charge_id) if posting.charge_id else None
        what = {
            Purpose.RECEIVABLE: "what customers owe",
            Purpose.INCOME: f"charge “{charge.name}”" if charge else "",
            Purpose.TAX: f"tax {posting.code}",
            Purpose.DEPOSIT: f"payments by {posting.code}" if posting.code else "payments",
            Purpose.REFUND: f"refunds by {posting.code}" if posting.code else "refunds",
            Purpose.ROUNDING: "rounding",
        }[posting.purpose]
        return f"(no account yet: {what})"


_SUBJECT = case(
    (
        Posting.journal_entry_id.is_not(None),
        literal("journal_entry:") + cast(Posting.journal_entry_id, String),
    ),
    else_=Posting.kind + ":" + cast(Posting.record_id, String),
)


def _is_waiting(connection: Connection) -> Any:
    """QuickBooks has a posting once its entry, or its record in that version, has been booked."""
    return ~exists().where(
        Link.connection_id == connection.id,
        Link.subject == _SUBJECT,
        or_(Posting.journal_entry_id.is_not(None), Link.version >= Posting.version),
    )


def _billed(connection: Connection) -> Any:
    slot = (Posting.account, Posting.purpose, Posting.charge_id, Posting.code, Posting.currency)
    waiting = func.sum(Posting.amount).filter(_is_waiting(connection))
    return select(*slot, func.sum(Posting.amount).label("billed"), waiting.label("waiting")).group_by(
        *slot
    )


def _booked(connection: Connection) -> Any:
    return (
        select(BookedLine.account, BookedLine.currency, func.sum(BookedLine.amount).label("amount"))
        .join(Link, and_(Link.id == BookedLine.link_id, Link.connection_id == connection.id))
        .group_by(BookedLine.account, BookedLine.currency)
    )


def _waiting(db: Session, connection: Connection) -> list[Waiting]:
    """Return what waits, leaving out what cancels out: a record that was void before it was sent."""
    slot = (Posting.account, Posting.purpose, Posting.charge_id, Posting.code)
    sums = (
        select(
            _SUBJECT.label("subject"),
            Posting.currency,
            func.count(Posting.record_id.distinct()).label("records"),
            func.min(Posting.id).label("first"),
            func.sum(Posting.amount).label("amount"),
        )
        .where(_is_waiting(connection))
        .group_by(_SUBJECT, Posting.currency, *slot)
        .having(func.sum(Posting.amount) != 0)
        .subquery()
    )
    query = (
        select(
            sums.c.subject,
            sums.c.currency,
            func.max(sums.c.records).label("records"),
            func.sum(sums.c.amount).filter(sums.c.amount > 0).label("amount"),
        )
        .group_by(sums.c.subject, sums.c.currency)
        .order_by(func.min(sums.c.first))
        .limit(MOST_WAITING)
    )
    return [
        Waiting(row.subject, row.records, row.amount or ZERO, row.currency) for row in db.execute(query)
    ]
