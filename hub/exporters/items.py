"""Items in full mode: what each charge is sold as in QuickBooks, and new ones made of charges."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from sqlalchemy.orm import Session

from hub.books.chart import Chart, Objection
from hub.books.models import Connection, ListEntry, ListKind
from hub.exporters.contract import Errand, Held, Nothing, Outcome, Prepared, guid
from hub.exporters.forms import present
from hub.exporters.parents import CHARGE_RANK, Waits, all_excluded, all_put, waits_for
from hub.ledger.models import Charge, ChargeKind
from hub.money import plain
from hub.qbwc.letters import storable
from hub.tenants.full_policy import FullPolicy, Missing, full_policy

WHERE = "the Charges page"
LIMIT = 31
UNSOLD = {
    "ItemGroup": "is a group of items. Name one of its items",
    "ItemSubtotal": "is a subtotal and sells nothing. Choose a service item",
    "ItemPayment": "is a payment item and sells nothing. Choose a service item",
    "ItemSalesTax": "is a sales tax. Choose a service item",
    "ItemSalesTaxGroup": "is a group of sales taxes. Choose a service item",
    "ItemFixedAsset": "is a fixed asset. Choose a service item",
}
"""Why an item of each kind that invoices do not sell cannot be a charge's."""


class Items:
    """The items of one company's charges."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._stood_in: dict[str, None] = {}
        self._own: dict[int, ListEntry] = {}

    @cached_property
    def policy(self) -> FullPolicy:
        return full_policy(self._db)

    @cached_property
    def _excluded(self) -> Mapping[str, str]:
        return all_excluded(self._db, "charge")

    @cached_property
    def _put(self) -> set[str]:
        return all_put(self._db, "charge")

    @property
    def are_created(self) -> bool:
        """Whether an item is created for a charge that has none."""
        return self.policy.item_missing is Missing.CREATE

    def of(self, chart: Chart, charge: Charge) -> ListEntry:
        """Return the item a charge is sold as: its own, or the one that stands in for it (``note``).

        :raises Objection: when it has none.
        """
        # As many lines as there are name few charges.
        if found := self._own.get(charge.id) or self._find(chart, charge):
            self._own[charge.id] = found
            return found
        name = self._name(charge)
        if self.are_created:
            self._account(chart, charge)
            if exclusion := self._excluded.get(f"charge:{charge.id}"):
                raise Objection(waits_for(f"the item “{name}”", exclusion))
            subject = f"charge:{charge.id}"
            more = [] if subject in self._put else [Errand(subject, CHARGE_RANK)]
            raise Waits(f"Waits for the item “{name}”, which QuickBooks does not have yet.", more)
        if self.policy.item_fallback:
            item = chart.item(self.policy.item_fallback, "The fallback item", "Full mode settings")
            sentence = f"“{charge.name}” is sold as the fallback item “{item.full_name}”."
            self._stood_in[sentence] = None
            return _sold(item, "The fallback item")
        if not charge.item:
            raise Objection(f"The charge “{charge.name}” has no item. Choose one on {WHERE}.")
        # Not in the list, or inactive, or nothing was imported yet: each has its own sentence.
        return chart.item(charge.item, f"The charge “{charge.name}”", WHERE)

    def are_lacking(self, chart: Chart, charge: Charge) -> bool:
        """Whether QuickBooks has no item for a charge, so that one could be created."""
        try:
            return self._find(chart, charge) is None
        except Objection:
            return False

    def note(self) -> str:
        """Return which items have stood in since this was last asked, in sentences."""
        sentences = " ".join(self._stood_in)
        self._stood_in.clear()
        return sentences

    def outcome(self, chart: Chart, charge: Charge) -> Outcome:
        """Return the request that makes an item of a charge, where QuickBooks has none.

        :raises Objection: when there is no income account for it.
        """
        if found := self._find(chart, charge):
            return Nothing(f"Sold as the item “{found.full_name}”.", charge.version)
        name = self._name(charge)
        if self._connection.imported is None:
            return Held("The Items List has not been imported yet; it comes with the first run.")
        if self.policy.item_missing is Missing.HOLD:
            return Held(f"QuickBooks has no item “{name}”, and new ones are entered there by hand.")
        if re.search(r"[:\t\r\n]", storable(name)) or len(storable(name)) > LIMIT:
            return Held(
                f"An item cannot be called “{name}”: QuickBooks keeps {LIMIT} letters and no colon. "
                f"Name another on {WHERE}, or create it in QuickBooks."
            )
        sale = present(
            Desc=charge.description or charge.name,
            Price=plain(charge.price) if charge.price is not None else "",
            AccountRef={"ListID": self._account(chart, charge).list_id},
        )
        stamp = guid(self._connection, f"charge:{charge.id}")
        fields = {"Name": name, "SalesOrPurchase": sale, "ExternalGUID": stamp}
        return Prepared("ItemServiceAdd", {"ItemServiceAdd": fields}, charge.version)

    def _find(self, chart: Chart, charge: Charge) -> ListEntry | None:
        if charge.item or self.policy.item_by_name:
            what = f"The charge “{charge.name}”"
            known = chart.known(ListKind.ITEM, self._name(charge))
            if known and not known.active and not known.gone and charge.item:
                return chart.item(charge.item, what, WHERE)
            if known and known.active:
                return _sold(known, what)
        return None

    def _account(self, chart: Chart, charge: Charge) -> ListEntry:
        if charge.kind is ChargeKind.WRITE_OFF:
            if not self.policy.write_off_account:
                raise Objection(
                    "New items that write off need an account. Choose it on the page Full mode settings."
                )
            what = "The account of new items that write off"
            return chart.account(self.policy.write_off_account, what, "Full mode settings")
        if not self.policy.item_account:
            raise Objection(
                "New items need an income account. Choose it on the page Full mode settings."
            )
        what = "The income account of new items"
        return chart.account(self.policy.item_account, what, "Full mode settings")

    @staticmethod
    def _name(charge: Charge) -> str:
        return charge.item or charge.name


def _sold(item: ListEntry, what: str) -> ListEntry:
    """Return ``item``, if invoices can sell it."""
    if item.type in UNSOLD:
        raise Objection(
            f"{what} names the item “{item.full_name}”, which {UNSOLD[item.type]} on {WHERE}."
        )
    if not item.account:
        raise Objection(
            f"{what} names the item “{item.full_name}”, which has no account of its own. "
            f"Choose a service item on {WHERE}."
        )
    return item
