"""The mode in force after a switch, and the other one for what it has taken.

A record stays in the books of the mode that took it first: what is in a journal entry is corrected
by true-ups for ever, what QuickBooks has as a document is changed or voided itself. So nothing
is booked in both, whenever the tenant switched and whatever changes later. What neither has taken
goes by the mode in force, from the cut-over on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.links import Links
from hub.books.models import Connection, JournalEntry, Link, ListKind
from hub.exporters.contract import Errand, Nothing, Outcome
from hub.exporters.full import FullExporter
from hub.exporters.summary import SummaryExporter
from hub.exporters.taken import before, in_entries
from hub.ledger.contract import POSTED
from hub.ledger.models import BillingCycle, Purpose
from hub.tenants.models import Mode
from hub.tenants.policies import policy_of

_DOCUMENTS = ("Invoice", "CreditMemo", "ReceivePayment", "ARRefundCreditCard", "Check")
_OF_ENTRIES = ("journal_entry", "wanted_account", "master_customer")
IN_ENTRIES = "It stands in a journal entry, so it makes no document of its own."
IN_SUMMARY = (
    "It makes no document of its own: the mode that is in force now sums it up in a journal entry."
)


_LEFT = {
    Mode.SUMMARY: select(JournalEntry.id).limit(1),
    Mode.FULL: select(Link.id).where(Link.object.in_(_DOCUMENTS)).limit(1),
}
"""What tells that a mode has left something, by mode."""


def in_use(db: Session, mode: Mode) -> set[Mode]:
    """Return ``mode``, which is in force, and the other one where something of it stands that late
    changes still correct."""
    return {mode, *(other for other, left in _LEFT.items() if other is not mode and db.scalar(left))}


class _Succession:
    """What both orders share: who carries which subject."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._links = Links(db, connection)

    @cached_property
    def _summary(self) -> SummaryExporter:
        return SummaryExporter(self._db, self._connection)

    @cached_property
    def _full(self) -> FullExporter:
        return FullExporter(self._db, self._connection)

    def closed(self, cycle: BillingCycle) -> list[Errand]:
        """A billing cycle's close lets the entries go that it has."""
        return self._summary.closed(cycle)

    def ripe(self) -> list[Errand]:
        """Let the entries go whose span is over."""
        return self._summary.ripe()

    def _documents(self, subjects: Iterable[str]) -> set[str]:
        """Return those of the subjects that are, or were, documents in QuickBooks."""
        wanted = list(subjects)
        return {*self._links.of(wanted), *self._links.former(wanted)}

    def _parted(self, subjects: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the subjects of journal entries, and those of documents."""
        entries = [one for one in subjects if one.partition(":")[0] in _OF_ENTRIES]
        return entries, [one for one in subjects if one.partition(":")[0] not in _OF_ENTRIES]


class SummaryInForce(_Succession):
    """Summarized Journal Entry mode, with whatever documents Full Synchronization has left."""

    @property
    def lists(self) -> Sequence[ListKind]:
        """With those that documents are corrected by, where there are any."""
        more = self._full.lists if Mode.FULL in in_use(self._db, Mode.SUMMARY) else ()
        return list(dict.fromkeys((*self._summary.lists, *more)))

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """What QuickBooks has as a document is changed itself; all else joins an entry."""
        errands = self._summary.recorded(kind, changed)
        later = _later(kind, changed)
        if not later:
            return errands
        linked = self._documents(f"{kind}:{record.id}" for record in later)
        own = [record for record in later if f"{kind}:{record.id}" in linked]
        return [*errands, *self._full.recorded(kind, own)]

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        entries, others = self._parted(subjects)
        made = dict(self._summary.prepare(entries, send))
        if not others:
            return made
        linked = self._documents(others)
        own = {one: record for one in others if one not in linked and (record := _record(one))}
        early = before(self._db, own.values(), policy_of(self._db).cutover)
        taken = in_entries(self._db, own.values())
        made |= {
            one: Nothing(IN_ENTRIES if record in taken else IN_SUMMARY)
            for one, record in own.items()
            if record in taken or record not in early
        }
        return made | dict(self._full.prepare([one for one in others if one not in made], send))

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str = "") -> str:
        return self._summary.account(purpose, charge_id, code, currency)


class FullInForce(_Succession):
    """Full Synchronization mode, with whatever journal entries summaries have left."""

    @property
    def lists(self) -> Sequence[ListKind]:
        return self._full.lists

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """What is in a journal entry is corrected there; all else goes by itself."""
        later = _later(kind, changed)
        taken = in_entries(self._db, [(kind, record.id) for record in later])
        own = [record for record in changed if (kind, record.id) not in taken]
        summed = [record for record in later if (kind, record.id) in taken]
        if kind == "billing_cycle":
            summed = list(changed)
        true_ups = self._summary.recorded(kind, summed) if summed else []
        return [*true_ups, *self._full.recorded(kind, own)]

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        entries, others = self._parted(subjects)
        made = dict(self._summary.prepare(entries, send))
        if not others:
            return made
        own = {one: record for one in others if (record := _record(one))}
        taken = in_entries(self._db, own.values())
        made |= {one: Nothing(IN_ENTRIES) for one, record in own.items() if record in taken}
        return made | dict(self._full.prepare([one for one in others if one not in made], send))

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str = "") -> str:
        return self._full.account(purpose, charge_id, code, currency)


def _later(kind: str, changed: Sequence[Any]) -> list[Any]:
    """Return what may have been taken already: a first version never was."""
    return [one for one in changed if kind in POSTED and getattr(one, "version", 2) > 1]


def _record(subject: str) -> tuple[str, int] | None:
    """Return the record that a subject is about, if it makes postings."""
    kind, _, id_ = subject.partition(":")
    return (kind, int(id_)) if kind in POSTED else None
