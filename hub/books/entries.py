"""Journal entries by billing cycle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.books.models import JournalEntry
from hub.ledger.models import Posting
from hub.money import ZERO


@dataclass(frozen=True)
class Summed:
    """A journal entry and the sum of its debits."""

    id: int
    number: str
    family: str
    currency: str
    amount: Decimal


def entries_of(db: Session, cycle_ids: Sequence[int]) -> dict[int, list[Summed]]:
    """Return the journal entries of these billing cycles, oldest first."""
    found: dict[int, list[Summed]] = defaultdict(list)
    if not cycle_ids:
        return found
    place = (Posting.account, Posting.purpose, Posting.charge_id, Posting.code)
    nets = (
        select(Posting.journal_entry_id.label("entry_id"), func.sum(Posting.amount).label("net"))
        .join(JournalEntry, JournalEntry.id == Posting.journal_entry_id)
        .where(JournalEntry.billing_cycle_id.in_(cycle_ids))
        .group_by(Posting.journal_entry_id, *place)
        .subquery()
    )
    query = (
        select(JournalEntry, func.sum(nets.c.net).filter(nets.c.net > 0).label("debits"))
        .outerjoin(nets, nets.c.entry_id == JournalEntry.id)
        .where(JournalEntry.billing_cycle_id.in_(cycle_ids))
        .group_by(JournalEntry.id)
        .order_by(JournalEntry.id)
    )
    for entry, amount in db.execute(query):
        summed = Summed(entry.id, entry.number, entry.family.value, entry.currency, amount or ZERO)
        found[entry.billing_cycle_id].append(summed)
    return found
