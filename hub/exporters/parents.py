"""The records that others refer to, and where they stand in QuickBooks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import literal, select, text
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.customer_currency import Billed, kept, kept_in
from hub.books.links import Links
from hub.books.models import Connection, Link
from hub.db import among
from hub.exporters.contract import Errand
from hub.ledger import family
from hub.ledger.models import CreditMemo, Customer, Invoice, Status


class _Parent(NamedTuple):
    id: int
    name: str
    customer_id: int
    is_void: bool
    currency: str


class Waits(Objection):
    """Something waits for what nobody has put into the outbox yet."""

    def __init__(self, sentence: str, more: Sequence[Errand]):
        super().__init__(sentence)
        self.more = more


_QUERIES = {
    "customer": select(Customer.id, Customer.name, Customer.id, literal(False), Customer.currency),
    **{
        kind: select(
            model.id, model.number, model.customer_id, model.status == Status.VOID, model.currency
        )
        for kind, model in (("invoice", Invoice), ("credit_memo", CreditMemo))
    },
}
CUSTOMER_RANK = 10
"""A customer's jobs follow in the ranks up to 14, level by level."""
CHARGE_RANK = 15


class Parents:
    """The parents of some records, and all their links, fetched in a few statements."""

    def __init__(
        self,
        db: Session,
        links: Links,
        records: Mapping[str, Any],
        several: Connection | None = None,
        owners: Mapping[str, int] | None = None,
    ):
        """Fetch them; ``several`` is a connection whose QuickBooks keeps a customer for each currency, and
        ``owners`` are the customers that some subjects stand under instead of the one they name."""
        self._owners = owners or {}
        wanted = self._wanted(records)
        self._known = {
            f"{kind}:{row[0]}": _Parent(*row)
            for kind, ids in wanted.items()
            for row in db.execute(_QUERIES[kind].where(among(_QUERIES[kind].selected_columns[0], ids)))
        }
        self._doubles = self._of_currencies(db, several, records) if several else {}
        documents = [one for one in self._known if not one.startswith("customer:")]
        customers = [one for one in self._known if one.startswith("customer:")] + [
            *self._doubles.values()
        ]
        self.linked: Mapping[str, Link] = links.of([*records, *documents])
        """The links of the records, and of the documents among their parents, by subject."""
        self._listed = links.listed(customers)
        lacking = [one for one in customers if one not in self._listed]
        self._ranks = _ranks(db, lacking)
        lacking += [one for one in documents if one not in self.linked]
        self.excluded = excluded(db, lacking)
        """By whom parents that are not in QuickBooks have been kept from it, by subject."""
        own = [one for one in records if not one.startswith("customer:")]
        self.former = links.former([*own, *documents])
        """The documents whose place others have taken, by the subject they stood for."""

    def _owner(self, subject: str, record: Any) -> int | None:
        """Return the id of the customer that a record stands under."""
        return self._owners.get(subject, getattr(record, "customer_id", None))

    def _wanted(self, records: Mapping[str, Any]) -> dict[str, set[int]]:
        wanted: dict[str, set[int]] = defaultdict(set)
        for subject, record in records.items():
            if owner := self._owner(subject, record):
                wanted["customer"].add(owner)
            if memo_id := getattr(record, "credit_memo_id", None):
                wanted["credit_memo"].add(memo_id)
            for row in getattr(record, "applied", ()):
                wanted["invoice"].add(row.invoice_id)
        return wanted

    def customer(self, child: Any) -> str:
        """Return the ListID of the customer that ``child`` stands under.

        :raises Objection: when it is not in QuickBooks.
        """
        owner = self._owner(_subject(child), child)
        subject = f"customer:{owner}"
        parent = self._known[subject]
        double = self._doubles.get(Billed(parent.id, child.currency)) if self._doubles else None
        listed = self._listed.get(double or subject)
        if listed is not None and not listed.is_voided and not listed.is_missing:
            return listed.list_id
        called = f"the customer “{parent.name}”"
        if double:
            subject, called = double, f"{called} in {child.currency}"
        if listed is not None and not listed.is_voided:
            raise Objection(f"Waits for {called}, which QuickBooks does not have any more.")
        more = [Errand(subject, self._ranks[subject])] if subject in self._ranks else []
        raise Waits(waits_for(called, self.excluded.get(subject)), more)

    def _of_currencies(
        self, db: Session, connection: Connection, records: Mapping[str, Any]
    ) -> Mapping[Billed, str]:
        """Return the subjects of customers who are billed in a currency that is not their own."""
        own = {one.id: one.currency for key, one in self._known.items() if key.startswith("customer:")}
        own |= kept_in(db, connection, own)
        billed = {
            Billed(owner, record.currency)
            for subject, record in records.items()
            if (owner := self._owner(subject, record)) in own
        }
        return kept(db, [one for one in billed if own[one.customer_id] != one.currency])

    def unlinked(self) -> list[tuple[str, int]]:
        """Return the invoices and credit memos, kind and id, that are not in QuickBooks and never were,
        and not void."""
        return [
            (subject.partition(":")[0], parent.id)
            for subject, parent in self._known.items()
            if not subject.startswith("customer:") and not parent.is_void
            if not self._was_linked(subject)
        ]

    def _was_linked(self, subject: str) -> bool:
        return subject in self.linked or subject in self.former

    def link(self, kind: str, parent_id: int, child: Any) -> Link:
        """Return the link of a document that must be in QuickBooks before ``child``.

        :raises Objection: when it is not there, or can never be.
        """
        subject = f"{kind}:{parent_id}"
        parent = self._known[subject]
        link = self.linked.get(subject)
        called = f"{kind.replace('_', ' ')} “{parent.name}”"
        if parent.customer_id != self._owner(_subject(child), child):
            raise Objection(
                f"It names the {called}, which is another customer's. Correct the customer or the reference."
            )
        if parent.currency != child.currency:
            raise Objection(
                f"It names the {called}, which is in {parent.currency}, and is itself in {child.currency}. "
                "Correct the currency or the reference."
            )
        if parent.is_void:
            raise Objection(f"It names the {called}, which is void. Void it too, or apply it elsewhere.")
        if link is None or link.voided:
            raise Objection(waits_for(f"the {called}", self.excluded.get(subject)))
        if link.missing:
            raise Objection(f"Waits for the {called}, which QuickBooks does not have any more.")
        return link


def _subject(record: Any) -> str:
    return f"{record.__tablename__}:{record.id}"


def excluded(db: Session, subjects: Sequence[str]) -> Mapping[str, str]:
    """Return what is said of those of ``subjects`` that somebody has kept from QuickBooks."""
    if not subjects:
        return {}
    return {row.subject: row.note for row in db.execute(_EXCLUDED, {"subjects": list(subjects)})}


def all_excluded(db: Session, kind: str) -> Mapping[str, str]:
    """Return what is said of all records of ``kind`` that somebody has kept from QuickBooks, by subject."""
    return {row.subject: row.note for row in db.execute(_ALL_EXCLUDED, {"kind": f"{kind}:%"})}


def _ranks(db: Session, customers: Sequence[str]) -> Mapping[str, int]:
    """Return the turn of those of ``customers`` that nobody has put into the outbox: after all who stand
    above them."""
    put = set(db.scalars(_PUT, {"subjects": list(customers)})) if customers else set()
    new = {one: one.partition(":") for one in customers if one not in put}
    ids = [int(id_) for kind, _, id_ in new.values() if kind == "customer"]
    parents = family.parents(db, ids) if ids else {}
    return {
        one: CUSTOMER_RANK + (len([*family.above(parents, int(id_))]) if kind == "customer" else 0)
        for one, (kind, _, id_) in new.items()
    }


def all_put(db: Session, kind: str) -> set[str]:
    """Return the subjects of all records of ``kind`` that somebody has put into the outbox."""
    return set(db.scalars(_ALL_PUT, {"kind": f"{kind}:%"}))


def waits_for(called: str, exclusion: str | None) -> str:
    """Return the sentence for what waits for a record that is not in QuickBooks; ``exclusion`` is what
    is said of that where it never goes by itself."""
    if exclusion is None:
        return f"Waits for {called}, which is not in QuickBooks yet."
    return (
        f"Waits for {called}. {exclusion} Include that one again in the queue, or exclude this one too."
    )


_EXCLUDED = text(
    "SELECT subject, note FROM operation WHERE state = 'excluded' AND subject = ANY(:subjects)"
)
_ALL_EXCLUDED = text(
    "SELECT subject, note FROM operation WHERE state = 'excluded' AND subject LIKE :kind"
)
_PUT = text("SELECT DISTINCT subject FROM operation WHERE subject = ANY(:subjects)")
_ALL_PUT = text("SELECT DISTINCT subject FROM operation WHERE subject LIKE :kind")
"""What a person decided about a record is told here as a row, as exporters stand below the outbox."""
