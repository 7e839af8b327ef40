"""Customers in full mode: found among QuickBooks' own, added, or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from sqlalchemy.orm import Session

from hub.books.chart import Chart
from hub.books.customer_choice import choices, choose
from hub.books.links import Adopted, Links
from hub.books.matching import Candidate
from hub.books.models import Connection, Link
from hub.exporters import customer_form, forms, names
from hub.exporters.contract import Held, Nothing, Outcome, Prepared
from hub.exporters.parents import Parents
from hub.exporters.standing import Stand, Standing, Standings
from hub.ledger.models import Customer
from hub.qbwc.letters import storable
from hub.tenants.full_policy import FullPolicy, Hierarchy, Unfit, Update, full_policy


class Customers:
    """What each of some customers takes right now."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links
        self._standings: Mapping[int, Standing] = {}
        self._chosen: Mapping[int, str] = {}

    @cached_property
    def _policy(self) -> FullPolicy:
        return full_policy(self._db)

    @property
    def have_jobs(self) -> bool:
        """Whether a customer with a parent is a job of that."""
        return self._policy.hierarchy is Hierarchy.JOBS

    def load(self, customers: Sequence[Customer], parents: Parents) -> None:
        """Find those that are not linked yet, and link whoever QuickBooks has already."""
        linked = parents.linked
        self._standings, self._chosen = {}, {}
        if not customers:
            return
        new = [one for one in customers if f"customer:{one.id}" not in linked]
        known = [one.id for one in customers if f"customer:{one.id}" in linked]
        self._standings = Standings(self._db, self._connection, self._policy, parents).of(new)
        self._chosen = choices(self._db, self._connection, known) if known else {}
        self._links.adopt(
            [
                _adopted(one, standing.match.only)
                for one in new
                if (standing := self._standings[one.id]).stand is Stand.LINK and standing.match.only
            ]
        )
        # The name that was made up stays, whatever else comes to be called so.
        choose(self._db, self._connection, {one.id: name for one in new if (name := self._made_up(one))})

    def _made_up(self, customer: Customer) -> str:
        standing = self._standings[customer.id]
        rule = names.by_rule(customer, self._policy.name_rule)
        is_new = standing.stand is Stand.ADD and not (standing.chosen or standing.obstacle)
        return standing.name if is_new and standing.name != storable(rule) else ""

    def outcome(self, customer: Customer, link: Link | None) -> Outcome:
        """Return what ``customer`` takes, after ``load``."""
        return self._changed(customer, link) if link else self._new(customer)

    def _new(self, customer: Customer) -> Outcome:
        standing = self._standings[customer.id]
        if standing.sentence:
            return Held(standing.sentence)
        if standing.stand is Stand.LINK and (found := standing.match.only):
            return self._linked(customer, found, standing)
        if standing.obstacle:
            raise standing.obstacle
        rule = names.by_rule(customer, self._policy.name_rule)
        notes = _notes(rule, standing.name)
        currency = self._currency(customer)
        return customer_form.add(
            self._connection, customer, standing.name, notes, currency=currency, above=standing.above
        )

    def _currency(self, customer: Customer) -> str:
        """Return the ListID of a new customer's currency; nothing for the home currency."""
        company = self._connection.company
        if not company.get("multi_currency") or customer.currency == company.get("currency", "USD"):
            return ""
        return Chart(self._db, self._connection).currency(customer.currency).list_id

    def _linked(self, customer: Customer, found: Candidate, standing: Standing) -> Outcome:
        link = Link(**_adopted(customer, found)._asdict(), adopted=True, fingerprint="")
        outcome = self._changed(customer, link)
        if isinstance(outcome, Prepared):
            return outcome
        mark = standing.match.mark
        return Nothing(
            f"Linked to the customer “{found.full_name}” that QuickBooks had already, by its "
            f"{mark.label if mark else 'name'}."
        )

    def _changed(self, customer: Customer, link: Link) -> Outcome:
        wish = self._policy.customer_update if link.adopted else Update.ALL
        if wish is Update.NEVER:
            return Nothing("QuickBooks had this customer already and keeps its own details.")
        if wish is Update.CONTACT:
            return self._unless_same(customer_form.mod_contact(customer, link), link, customer)
        rule = names.by_rule(customer, self._policy.name_rule)
        name = self._chosen.get(customer.id) or rule
        if objection := names.objection(name):
            if link.adopted:
                # It may be a job, whose name is its own among its customer's jobs alone.
                name = ""
            elif self._policy.name_unfit is Unfit.ASK:
                return Held(f"{objection} Shorten it.")
            else:
                name = names.shortened(name, customer.id)
        notes = "" if link.adopted else _notes(rule, name)
        return self._unless_same(customer_form.mod(customer, link, name, notes), link, customer)

    @staticmethod
    def _unless_same(changed: Prepared, link: Link, customer: Customer) -> Outcome:
        if changed.fingerprint != link.fingerprint:
            return changed if link.edit_sequence else forms.query(link, customer.version)
        link.version = customer.version
        return Nothing("QuickBooks has it as it is.")


def _adopted(customer: Customer, found: Candidate) -> Adopted:
    return Adopted(
        f"customer:{customer.id}", "Customer", found.list_id, found.edit_sequence, customer.version
    )


def _notes(rule: str, name: str) -> str:
    """Return what keeps a name that was shortened."""
    return f"Full name: {rule}" if names.objection(rule) and name != rule else ""
