"""Items in full mode: what each charge is sold as in QuickBooks."""

from __future__ import annotations

from hub.books.chart import Chart, Objection
from hub.books.models import ListEntry
from hub.ledger.models import Charge


def item_of(chart: Chart, charge: Charge) -> ListEntry:
    """Return the item a charge is sold as.

    :raises Objection: when the charge names none, or one that QuickBooks does not have.
    """
    if not charge.item:
        raise Objection(f"The charge “{charge.name}” has no item. Choose one on the Charges page.")
    found = chart.item(charge.item, f"The charge “{charge.name}”", "the Charges page")
    if not found.account:
        raise Objection(
            f"The charge “{charge.name}” names the item “{found.full_name}”, which has no account "
            "of its own. Choose a service item on the Charges page."
        )
    return found
