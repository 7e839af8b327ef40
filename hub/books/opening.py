"""What stands on QuickBooks' accounts right now, as far as the hub knows: the start of a dry run.

The imported lists hold each account's own balance, without its subaccounts', as of the session that
read it. QuickBooks counts it as a credit where the account's type is one of ``CREDIT_SIDE``. What the
hub has booked since comes on top of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.models import Connection
from hub.books.position import CREDIT_SIDE


@dataclass(frozen=True)
class Opening:
    """What stands on the accounts of one company file, in its home currency."""

    balances: Mapping[str, Decimal]
    """By the account's ListID, debits positive."""
    read: dt.datetime | None
    """When the session began that read the oldest of them; none where no balance was imported."""
    foreign: Sequence[str]
    """Full names of the accounts left out, since they are kept in another currency."""


def opening(db: Session, connection: Connection) -> Opening:
    """Return what stands on each account, in one statement."""
    home = str(connection.company.get("currency", "USD"))
    rows = db.execute(_KNOWN, {"connection": connection.id, "home": home}).all()
    kept = [row for row in rows if not row.is_foreign]
    return Opening(
        {row.list_id: _debit(row.type, row.balance) + row.since for row in kept},
        min((row.started for row in kept), default=None),
        [row.full_name for row in rows if row.is_foreign and row.balance],
    )


def _debit(type_: str, balance: Decimal) -> Decimal:
    return -balance if type_ in CREDIT_SIDE else balance


_KNOWN = text(
    """
    WITH known AS (
        SELECT e.list_id, e.full_name, e.type, e.balance, s.started,
            e.currency <> '' AND NOT EXISTS (
                SELECT FROM list_entry c WHERE c.connection_id = :connection AND c.kind = 'currency'
                  AND c.full_name = e.currency AND c.number = :home
            ) AS is_foreign
        FROM list_entry e JOIN sync_session s ON s.id = e.seen
        WHERE e.connection_id = :connection AND e.kind = 'account' AND NOT e.gone
          AND e.balance IS NOT NULL AND e.type <> 'NonPosting'
    ), since AS (
        SELECT k.list_id, sum(b.amount) AS amount
        FROM known k
        JOIN booked_line b ON b.account = k.full_name AND b.currency = :home
        JOIN link l ON l.id = b.link_id AND l.connection_id = :connection AND l.booked > k.started
        GROUP BY k.list_id
    )
    SELECT k.*, coalesce(since.amount, 0) AS since
    FROM known k LEFT JOIN since USING (list_id) ORDER BY k.full_name
    """
)
"""Lists are read before anything is booked in a session: a balance is of the session's start."""
