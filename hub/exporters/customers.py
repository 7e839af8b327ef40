"""Customers in full mode: found among QuickBooks' own, added, or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from hub.books.links import Links
from hub.books.lists import customers_named
from hub.books.models import Connection, Link, ListEntry
from hub.exporters import customer_form, forms
from hub.exporters.contract import Held, Nothing, Outcome
from hub.ledger.models import Customer
from hub.qbwc.letters import storable


class Customers:
    """What each of some customers takes right now."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links
        self._existing: dict[str, ListEntry] = {}
        self._taken: set[str] = set()

    def load(self, customers: Sequence[Customer], linked: Mapping[str, Link]) -> None:
        """Fetch the namesakes of those that are not linked yet."""
        new = [one.name for one in customers if f"customer:{one.id}" not in linked]
        self._existing = customers_named(self._db, self._connection, new)
        self._taken = self._links.taken(entry.list_id for entry in self._existing.values())

    def outcome(self, customer: Customer, link: Link | None) -> Outcome:
        """Return what ``customer`` takes; one that QuickBooks has already is linked."""
        if link is None and (existing := self._existing.get(customer.name.lower())):
            return self._adopt(customer, existing)
        if ":" in storable(customer.name):
            return Held(
                f"The name “{customer.name}” holds a colon, which QuickBooks reads as parent and "
                "child. Take the colon out."
            )
        if link is None:
            return customer_form.add(self._connection, customer)
        if not link.fingerprint:
            return Nothing("QuickBooks had this customer already and keeps its own details.")
        changed = customer_form.mod(customer, link)
        if changed.fingerprint != link.fingerprint:
            return changed if link.edit_sequence else forms.query(link, customer.version)
        link.version = customer.version
        return Nothing("QuickBooks has it as it is.")

    def _adopt(self, customer: Customer, existing: ListEntry) -> Outcome:
        if existing.list_id in self._taken:
            return Held(
                f"QuickBooks' customer “{existing.full_name}” belongs to another customer of yours "
                "already. Give one of the two another name."
            )
        self._taken.add(existing.list_id)
        self._links.adopt(
            f"customer:{customer.id}",
            "Customer",
            existing.list_id,
            existing.edit_sequence,
            customer.version,
        )
        return Nothing(f"Linked to the customer “{existing.full_name}” that QuickBooks had already.")
