"""The Master Customers, in whose names summaries stand on Accounts Receivable.

QuickBooks wants a customer on each line there (protocol.md G). The tenant names one; as QuickBooks keeps
each customer in one currency, there is another for each foreign one. They are created when missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from hub.books.chart import Chart, Objection
from hub.books.links import Links
from hub.books.lists import customers_named
from hub.books.models import Connection, ListEntry, ListKind
from hub.exporters import forms
from hub.exporters.contract import Held, Nothing, Outcome, Prepared, fits
from hub.exporters.names import variants_in_currency
from hub.tenants.models import Policy


def master_customer(policy: Policy, chart: Chart, currency: str) -> str:
    """Return what the Master Customer of a currency is called."""
    if chart.is_home(currency):
        return policy.master_customer
    return variants_in_currency(policy.master_customer, currency, 1)[0]


class MasterCustomers:
    """The Master Customers of one connection, by currency; an empty one is the home currency."""

    def __init__(self, db: Session, connection: Connection, policy: Policy, chart: Chart):
        self._db = db
        self._connection = connection
        self._policy = policy
        self._chart = chart
        self._references: dict[str, Mapping[str, Any]] = {}

    def called(self, currency: str) -> str:
        """Return the name of one."""
        return master_customer(self._policy, self._chart, currency)

    def subject(self, currency: str) -> str:
        """Return the subject of one: its number is 1, or in a foreign currency the currency's code."""
        number = 1 if self._chart.is_home(currency) else int(currency, 36)
        return f"master_customer:{number}"

    def reference(self, currency: str) -> Mapping[str, Any]:
        """Return how requests name one; nothing while QuickBooks has none."""
        if currency not in self._references:
            list_id = self._list_id(currency)
            self._references[currency] = {"ListID": list_id} if list_id else {}
        return self._references[currency]

    def _list_id(self, currency: str) -> str:
        name = self.called(currency)
        if found := self._found(name):
            return found.list_id if self._is_of(found, currency) else ""
        subject = self.subject(currency)
        link = Links(self._db, self._connection).of([subject]).get(subject)
        return link.object_id if link and not link.missing and link.number == name else ""

    def _found(self, name: str) -> ListEntry | None:
        return customers_named(self._db, self._connection, [name]).get(name.lower())

    def _is_of(self, customer: ListEntry, currency: str) -> bool:
        own = self._chart.known(ListKind.CURRENCY, self._chart.kept_in(customer))
        if own is None or self._chart.is_home(currency):
            return own is None or self._chart.is_home(own.number)
        return own.number == currency

    def clash(self, currency: str) -> str:
        """Say that QuickBooks has a customer called like one in another currency, or nothing."""
        name = self.called(currency)
        found = self._found(name)
        if found is None or self._is_of(found, currency):
            return ""
        return (
            f"QuickBooks keeps its customer “{name}” in {self._chart.kept_in(found)}, so nothing in "
            f"{currency} can stand in its name. Choose another Master Customer under Journal entry settings."
        )

    def missing(self, currency: str) -> str:
        """Say why nothing can stand in the name of one that QuickBooks does not have."""
        return self.clash(currency) or (
            f"Waits for the Master Customer “{self.called(currency)}”, which QuickBooks does not have yet. "
            "The next run creates it."
        )

    def outcome(self, subject: str) -> Outcome:
        """Return the request that adds one."""
        currency = self._currency(subject)
        if currency is None:
            return Nothing("QuickBooks does not keep its currency any more.")
        if self.reference(currency):
            return Nothing("QuickBooks has the Master Customer.", 1)
        if sentence := self.clash(currency):
            return Held(sentence)
        try:
            fields = {"Name": self.called(currency), **forms.currency(self._chart, currency)}
        except Objection as error:
            return Held(str(error))
        return fits(Prepared("CustomerAdd", {"CustomerAdd": fields}, 1))

    def _currency(self, subject: str) -> str | None:
        """Return the currency of one, or None where QuickBooks does not keep it any more."""
        known = {one.number for one in self._chart.all(ListKind.CURRENCY)}
        codes = ["", *(code for code in known if re.fullmatch("[A-Z]{3}", code))]
        return next((code for code in codes if self.subject(code) == subject), None)
