"""The records that others refer to, and where they stand in QuickBooks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import literal, select, text
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.links import Links
from hub.books.models import Link
from hub.ledger.models import CreditMemo, Customer, Invoice, Status


class _Parent(NamedTuple):
    id: int
    name: str
    customer_id: int
    is_void: bool


_QUERIES = {
    "customer": select(Customer.id, Customer.name, Customer.id, literal(False)),
    "invoice": select(Invoice.id, Invoice.number, Invoice.customer_id, Invoice.status == Status.VOID),
    "credit_memo": select(
        CreditMemo.id, CreditMemo.number, CreditMemo.customer_id, CreditMemo.status == Status.VOID
    ),
}


class Parents:
    """The parents of some records, and all their links, fetched in a few statements."""

    def __init__(self, db: Session, links: Links, records: Mapping[str, Any]):
        wanted = _wanted(records.values())
        self._known = {
            f"{kind}:{row[0]}": _Parent(*row)
            for kind, ids in wanted.items()
            for row in db.execute(_QUERIES[kind].where(_QUERIES[kind].selected_columns[0].in_(ids)))
        }
        self.linked: Mapping[str, Link] = links.of([*records, *self._known])
        """The links of the records and their parents, by subject."""
        self.excluded = excluded(db, [one for one in self._known if one not in self.linked])
        """By whom parents that are not in QuickBooks have been kept from it, by subject."""
        self.former = links.former(s for s in (*records, *self._known) if not s.startswith("customer:"))
        """The documents whose place others have taken, by the subject they stood for."""

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
        """Return the link of a record that must be in QuickBooks before ``child``.

        :raises Objection: when it is not there, or can never be.
        """
        subject = f"{kind}:{parent_id}"
        parent, link = self._known[subject], self.linked.get(subject)
        called = f"{kind.replace('_', ' ')} “{parent.name}”"
        if parent.customer_id != child.customer_id:
            raise Objection(
                f"It names the {called}, which is another customer's. Correct the customer or the reference."
            )
        if parent.is_void:
            raise Objection(f"It names the {called}, which is void. Void it too, or apply it elsewhere.")
        if link is None or link.voided:
            raise Objection(waits_for(f"the {called}", self.excluded.get(subject)))
        if link.missing:
            raise Objection(f"Waits for the {called}, which QuickBooks does not have any more.")
        return link


def excluded(db: Session, subjects: Sequence[str]) -> Mapping[str, str]:
    """Return what is said of those of ``subjects`` that somebody has kept from QuickBooks."""
    if not subjects:
        return {}
    return {row.subject: row.note for row in db.execute(_EXCLUDED, {"subjects": list(subjects)})}


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
"""What a person decided about a record is told here as a row, as exporters stand below the outbox."""


def _wanted(records: Iterable[Any]) -> dict[str, set[int]]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for record in records:
        for kind in ("customer", "credit_memo"):
            if parent_id := getattr(record, f"{kind}_id", None):
                wanted[kind].add(parent_id)
        for row in getattr(record, "applied", ()):
            wanted["invoice"].add(row.invoice_id)
    return wanted
