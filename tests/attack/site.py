"""One tenant under attack: its platform, its company file, the computers that sync it, its people."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from itertools import count

from sqlalchemy import select, text

from hub.books.connections import main_connection
from hub.errors import HubError
from hub.qbwc import imports
from hub.qbwc.desk import Desk
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox
from hub.sandbox import people
from hub.sandbox.company import Company
from hub.sandbox.lists import LISTS
from hub.sandbox.transactions import KINDS
from hub.tenants.service import open_tenant
from tests.attack.computer import Computer
from tests.attack.platform import Platform

ROUNDS = 25
"""How many undisturbed sessions may pass, with a person at hand, until all is booked."""
START = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
HIDDEN = (("Item", "Usage"), ("Account", "Sales:Usage"))


class Site:
    """``tenant`` with ``computers`` Web Connectors that have one login."""

    def __init__(self, tenant, computers):
        self.tenant = tenant
        seconds = count()
        # A clock of its own, so that nothing depends on how fast a test runs.
        self.company = Company(
            tenant.company_path, tenant.name, lambda: START + dt.timedelta(seconds=next(seconds))
        )
        self.platform = Platform(tenant)
        self.computers = [
            Computer(tenant, self.company, f"10.0.0.{number}") for number in range(1, computers + 1)
        ]
        self._backup = tenant.company_path.with_suffix(".qbb")
        self.company.back_up(self._backup)
        self.first_session()

    def first_session(self):
        """Have the lists imported and the company's name confirmed, which the first session does."""
        assert self.computers[0].connector.run().ok
        self.company.back_up(self._backup)

    def close(self):
        for computer in self.computers:
            computer.calls.service.close()
        self.company.close()

    # what happens here

    def an_hour_passes(self):
        """Sessions expire; a message that QuickBooks was not given until now it never is."""
        for computer in self.computers:
            if computer.holds_message:
                computer.give_up()
        self.tenant.an_hour_passes()

    def back_up(self):
        self.company.back_up(self._backup)

    def restore(self):
        """Put the backup back. Nobody can be in the file meanwhile, so all sessions break off, and what was
        on its way arrives before that or never."""
        for computer in self.computers:
            computer.give_up()
            computer.delivered.clear()
            computer.quickbooks.end_session()
        self.company.restore(self._backup)

    def rename_customer(self, which):
        """Rename a customer, unless the hub does not know yet whether it is there: it would look for it
        by its name, as QuickBooks finds nothing by our mark, and make it anew (protocol.md D.5)."""
        is_known = not self._states() & {"sent", "doubt"}
        if is_known and (customers := self._customers()):
            one = customers[which % len(customers)]
            people.rename(self.company, "Customer", one.full_name, f"{one.name}'")

    def edit_customer(self, which):
        if customers := self._customers():
            full_name = customers[which % len(customers)].full_name
            people.edit(self.company, "Customer", full_name, Notes=f"note {which}")

    def delete_customer(self, which):
        """Delete a customer, if nothing is booked for it."""
        if customers := self._customers():
            try:
                people.delete(self.company, "Customer", customers[which % len(customers)].full_name)
            except HubError:
                return

    def edit_transaction(self, which):
        kind = KINDS[which % len(KINDS)]
        if found := self.company.transactions.all(kind):
            people.edit_transaction(self.company, found[which % len(found)].id, Other=f"note {which}")

    def hide(self, which):
        people.hide(self.company, *HIDDEN[which % len(HIDDEN)])

    def _customers(self):
        name = self.tenant.slug
        return [one for one in self.company.lists.all("Customer") if one.name.startswith(name)]

    def import_again(self):
        """Ask for the lists on Integration Settings."""
        with self.tenant.db() as db:
            imports.want(db, main_connection(db, open_tenant(db, self.tenant.slug)))

    def try_again(self):
        """Press Try again on all that waits for a person."""
        with self.tenant.db() as db:
            tenant = open_tenant(db, self.tenant.slug)
            connection = main_connection(db, tenant)
            waiting = select(Operation.id).where(Operation.state.in_((State.HELD, State.FAILED)))
            for operation_id in db.scalars(waiting.order_by(Operation.id)).all():
                desk = Desk(db, connection)
                operation = desk.get(operation_id)
                if operation.state in (State.HELD, State.FAILED):
                    desk.again(operation, Outbox(db, tenant, connection))
                    db.flush()

    def _run(self, statement):
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            db.execute(text(statement))

    # calm

    def calm_down(self):
        """Let undisturbed sessions run, and a person do what the queue page says, until all is done."""
        for list, full_name in HIDDEN:
            people.show(self.company, list, full_name)
        for cycle in range(2):
            self.platform.close(cycle, 0)
        for customer in range(3):
            # Tells the hub of those that were deleted in QuickBooks.
            self.platform.rename(customer, 0)
        self.import_again()
        for _ in range(ROUNDS):
            self.an_hour_passes()
            self._run("UPDATE operation SET due = NULL")
            self.try_again()
            outcome = self.computers[0].connector.run()
            if outcome.nothing_to_do and self._states() <= {"done"}:
                return
        raise AssertionError(f"{outcome}\n" + "\n".join(map(str, self.tenant.operations())))

    def _states(self):
        return {state for _, state, _ in self.tenant.operations()}

    # what must be true then

    def check(self):
        """The books equal the bills, nothing is there twice, nothing of another tenant, nothing stuck."""
        # A look back that finds nothing is how the hub knows as well.
        self.import_again()
        self.an_hour_passes()
        assert self.computers[0].connector.run().ok
        self.an_hour_passes()
        assert self.computers[0].connector.run().nothing_to_do
        assert self._states() <= {"done"}, self.tenant.operations()
        with self.tenant.db() as db:
            open_tenant(db, self.tenant.slug)
            stages = set(db.scalars(text("SELECT stage FROM message")))
            assert not stages & {"outstanding", "prepared"}, stages
        proof = self.tenant.proof()
        assert proof.difference == 0, proof.as_json()
        assert self.tenant.balances() == self.tenant.billed()
        self._check_company_file()

    def _check_company_file(self):
        transactions = [one for kind in KINDS for one in self.company.transactions.all(kind)]
        numbers = Counter((one.kind, one.ref_number) for one in transactions)
        assert not [number for number, many in numbers.items() if many > 1], numbers
        entries = [one for list in LISTS for one in self.company.lists.all(list)]
        given = [one.fields.get("ExternalGUID") for one in [*transactions, *entries]]
        assert not [guid for guid, many in Counter(filter(None, given)).items() if many > 1]
        added = [one for one in self.company.lists.all("Customer") if one.fields.get("ExternalGUID")]
        assert all(one.name.startswith(f"{self.tenant.slug} ") for one in added), added
        written = json.dumps([[one.fields, one.lines] for one in transactions])
        assert self.others & set(written.replace('"', " ").split()) == set()

    others: frozenset[str] = frozenset()
    """The slugs of the other tenants."""
