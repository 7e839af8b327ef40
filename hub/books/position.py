"""The position: what customers owe by the ledger, and what stands for it in QuickBooks, in each currency.

The control account (clearing, or Accounts Receivable) as booked by us, with the opening
position of what was billed before the cut-over, is the ledger's open receivables but for what
has a cause. QuickBooks' own balance of that account holds what others booked there as well; it
tells something of a currency only where nothing of another stands on the account by us.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.differences import Cause
from hub.books.models import Connection
from hub.ledger.models import Purpose
from hub.money import ZERO, plain

CREDIT_SIDE = {
    "AccountsPayable",
    "CreditCard",
    "OtherCurrentLiability",
    "LongTermLiability",
    "Equity",
    "Income",
    "OtherIncome",
}
"""The types of accounts whose balance QuickBooks counts as a credit."""


@dataclass
class Position:
    """Open receivables and the control account in one currency, all that was ever billed; debit
    positive."""

    account: str
    """The control account."""
    currency: str
    owed: Decimal = ZERO
    """What customers owe by the ledger."""
    opening: Decimal = ZERO
    """The part of it that is dated before the cut-over, and was booked by other means."""
    booked: Decimal = ZERO
    """What we booked on the control account."""
    causes: dict[Cause, Decimal] = field(default_factory=dict)
    """What of the difference each cause makes."""
    balance: Decimal | None = None
    """QuickBooks' own balance of the account; none where it was not imported."""
    imported: dt.datetime | None = None
    """When the balance was read."""
    is_mixed: bool = False
    """Whether QuickBooks keeps the account in another currency, or amounts in others stand on it by us:
    its balance says nothing of this one then."""
    booked_then: Decimal = ZERO
    """What of it we had booked by then."""

    @property
    def expected(self) -> Decimal:
        """What is to stand on the control account by us."""
        return self.owed - self.opening

    @property
    def difference(self) -> Decimal:
        """What the control account, with the opening position, is off what customers owe."""
        return self.expected - self.booked

    @property
    def not_ours(self) -> Decimal | None:
        """What others booked on the account, or None where nobody knows."""
        return None if self.balance is None else self.balance - self.booked_then

    def as_json(self) -> dict[str, Any]:
        """Return the position with amounts as text."""
        known = self.balance is not None and self.not_ours is not None
        return {
            "account": self.account,
            "currency": self.currency,
            "open_receivables": plain(self.owed),
            "opening": plain(self.opening),
            "booked": plain(self.booked),
            "difference": plain(self.difference),
            "causes": {cause.value: plain(amount) for cause, amount in self.causes.items()},
            "quickbooks_balance": plain(self.balance) if self.balance is not None else None,
            "booked_then": plain(self.booked_then) if known else None,
            "not_ours": plain(self.not_ours or ZERO) if known else None,
            "imported": self.imported.isoformat(timespec="seconds") if self.imported else None,
        }


def positions(
    db: Session,
    connection: Connection,
    control: Callable[[str], str],
    billed: Iterable[Any],
    booked: Iterable[Any],
    sums: Iterable[Any],
) -> list[Position]:
    """Return the position in each currency that was billed, the home currency first, of the sums that
    the proof is made of. ``control`` names the control account of a currency.

    Each spans every account that what customers owe in its currency was ever booked to: a tenant may
    have chosen another since.
    """
    home = str(connection.company.get("currency", "USD"))
    owed: dict[str, list[Any]] = defaultdict(list)
    for row in billed:
        if row["purpose"] == Purpose.RECEIVABLE:
            owed[row["currency"]].append(row)
    currencies = sorted(owed, key=lambda currency: (currency != home, currency)) or [home]
    used = {(line.account, line.currency) for line in booked}
    return [
        _position(
            db,
            connection,
            _empty(control(currency), currency, used),
            owed[currency],
            [line for line in booked if line.currency == currency],
            [row for row in sums if row["currency"] == currency],
        )
        for currency in currencies
    ]


def _empty(account: str, currency: str, used: Iterable[tuple[str, str]]) -> Position:
    is_mixed = any(place == account and code != currency for place, code in used)
    return Position(account, currency, is_mixed=is_mixed)


def _position(
    db: Session,
    connection: Connection,
    found: Position,
    owed: Sequence[Any],
    booked: Iterable[Any],
    sums: Iterable[Any],
) -> Position:
    places = {row["account"] for row in owed} | {found.account}
    found.owed = sum((row["ever"] for row in owed), ZERO)
    found.booked = sum((line.ever for line in booked if line.account in places), ZERO)
    for row in sums:
        if row["account"] in places:
            cause = Cause(row["cause"])
            if cause is Cause.BEFORE_CUTOVER:
                found.opening += row["ever"]
            elif row["ever"]:
                found.causes[cause] = found.causes.get(cause, ZERO) + row["ever"]
    left = found.difference - sum(found.causes.values(), ZERO)
    if left:
        found.causes[Cause.UNEXPLAINED] = found.causes.get(Cause.UNEXPLAINED, ZERO) + left
    found.causes = {cause: found.causes[cause] for cause in Cause if found.causes.get(cause)}
    values = {"connection": connection.id, "account": found.account}
    held = db.execute(_HELD, values | {"home": connection.company.get("currency", "USD")}).one_or_none()
    found.is_mixed = found.is_mixed or (held is not None and held.kept_in != found.currency)
    if held is not None and held.balance is not None and not found.is_mixed:
        found.balance = -held.balance if held.type in CREDIT_SIDE else held.balance
        found.imported, found.booked_then = held.read, held.booked
    return found


_HELD = text(
    """
    SELECT e.type, e.balance, read.moment AS read, coalesce((
        SELECT c.number FROM list_entry c
        WHERE c.connection_id = :connection AND c.kind = 'currency' AND c.full_name = e.currency LIMIT 1
    ), :home) AS kept_in, (
        SELECT coalesce(sum(b.amount), 0) FROM booked_line b JOIN link l ON l.id = b.link_id
        WHERE l.connection_id = :connection AND b.account = e.full_name AND l.booked <= read.moment
    ) AS booked
    FROM list_entry e JOIN sync_session s ON s.id = e.seen
    LEFT JOIN list_import i ON i.connection_id = :connection AND i.kind = 'account'
        AND i.read BETWEEN s.started AND coalesce(s.closed, i.read)
    CROSS JOIN LATERAL (SELECT coalesce(i.read, s.started) AS moment) read
    WHERE e.connection_id = :connection AND e.kind = 'account' AND e.full_name = :account AND NOT e.gone
    LIMIT 1
    """
)
"""Accounts are read before anything is booked in a session, or again after it: where that is not known to
the moment, the balance is of the session's start."""
