"""Customers who are billed in a currency besides their own: each is a second customer in QuickBooks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.chart import Chart, Objection
from hub.books.customer_currency import CustomerCurrency
from hub.books.links import Adopted, Links
from hub.books.matching import Mark, Match, Wanted, find, held_names
from hub.books.models import Connection, Link, ListKind
from hub.db import among
from hub.exporters import customer_form, forms, names
from hub.exporters.contract import MISSING, Held, Nothing, Outcome, Prepared, fits
from hub.ledger.models import Customer
from hub.qbwc.letters import storable
from hub.tenants.full_policy import Clash, FullPolicy, Missing, Unfit, Update, full_policy


class Doubles:
    """The second customers of one company file."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links

    def prepare(self, ids: Sequence[int], chart: Chart) -> dict[str, Outcome]:
        """Return what each of them takes right now, by subject; who is found is linked."""
        if not ids:
            return {}
        query = select(CustomerCurrency, Customer).join(
            Customer, Customer.id == CustomerCurrency.customer_id
        )
        pairs = [
            (row[0], row[1]) for row in self._db.execute(query.where(among(CustomerCurrency.id, ids)))
        ]
        policy = full_policy(self._db)
        linked = self._links.of(f"customer_currency:{one.id}" for one, _ in pairs)
        new = [pair for pair in pairs if f"customer_currency:{pair[0].id}" not in linked]
        wanted = {
            one.id: Wanted(one.id, self._name(one, customer, policy), currency=currency.full_name)
            for one, customer in new
            if (currency := chart.find(ListKind.CURRENCY, one.currency))
        }
        marks = [Mark.NAME] if policy.by_name else []
        found = find(self._db, self._connection, wanted.values(), marks)
        held = self._held(new, policy) if new else set()
        outcomes: dict[str, Outcome] = {}
        for one, customer in pairs:
            subject = f"customer_currency:{one.id}"
            if link := linked.get(subject):
                outcomes[subject] = self._changed(one, customer, link, policy)
                continue
            try:
                outcomes[subject] = self._new(
                    one, customer, found.get(one.id, Match()), held, policy, chart
                )
            except Objection as error:
                outcomes[subject] = Held(str(error))
        return outcomes

    def _name(self, one: CustomerCurrency, customer: Customer, policy: FullPolicy) -> str:
        return storable(names.in_currency(names.by_rule(customer, policy.name_rule), one.currency))

    def _held(self, new: Sequence[tuple[CustomerCurrency, Customer]], policy: FullPolicy) -> set[str]:
        made_up = [name for one, customer in new for name in self._made_up(one, customer, policy)]
        return held_names(self._db, self._connection, made_up)

    @staticmethod
    def _made_up(one: CustomerCurrency, customer: Customer, policy: FullPolicy) -> list[str]:
        """Return the names it may get, the best first."""
        rule = names.by_rule(customer, policy.name_rule)
        return names.variants_in_currency(rule, one.currency, customer.id)

    def _new(
        self,
        one: CustomerCurrency,
        customer: Customer,
        match: Match,
        held: set[str],
        policy: FullPolicy,
        chart: Chart,
    ) -> Outcome:
        currency = chart.currency(one.currency)
        name = self._name(one, customer, policy)
        if only := match.only:
            subject = f"customer_currency:{one.id}"
            self._links.adopt(
                [Adopted(subject, "Customer", only.list_id, only.edit_sequence, customer.version)]
            )
            return Nothing(f"Linked to the customer “{only.full_name}” that QuickBooks had already.")
        if self._connection.imported is None:
            return Held(
                "QuickBooks' customers have not been imported yet; they come with the first run."
            )
        if policy.customer_missing is not Missing.CREATE:
            return Held(
                f"QuickBooks has no customer “{name}” in {one.currency}. Enter it there, then press Try "
                "again."
            )
        if objection := names.objection(name):
            if policy.name_unfit is Unfit.ASK:
                return Held(f"{objection} Shorten the customer's name.")
        elif name.lower() in held and policy.name_clash is Clash.ASK:
            return Held(
                f"The name “{name}” is already used in QuickBooks. Rename its holder there, or let "
                "Full mode settings tell the two apart."
            )
        free = next((it for it in self._made_up(one, customer, policy) if it.lower() not in held), None)
        if free is None:
            return Held(f"Every name like “{name}” is used in QuickBooks. Rename its holder there.")
        return fits(
            customer_form.add(
                self._connection,
                customer,
                free,
                "" if free == name else f"Full name: {name}",
                subject=f"customer_currency:{one.id}",
                currency=currency.list_id,
            )
        )

    def _changed(
        self, one: CustomerCurrency, customer: Customer, link: Link, policy: FullPolicy
    ) -> Outcome:
        if link.missing:
            return Held(MISSING)
        wish = policy.customer_update if link.adopted else Update.ALL
        if wish is Update.NEVER:
            return Nothing("QuickBooks had this customer already and keeps its own details.")
        # The name stays: documents and people know it by that.
        make = customer_form.mod_contact if wish is Update.CONTACT else customer_form.mod_details
        changed: Prepared = make(customer, link)
        if link.version >= customer.version or changed.fingerprint == link.fingerprint:
            link.version = customer.version
            return Nothing("QuickBooks has it as it is.")
        return changed if link.edit_sequence else forms.query(link, customer.version)
