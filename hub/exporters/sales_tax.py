"""The taxes of one document: lines with the billing's amounts, or left to QuickBooks to compute.

Which it is follows from the item that is chosen for a tax. With a sales tax item or group QuickBooks
computes the tax itself, on the lines whose sales tax code is a taxable one, and takes no amount
(protocol.md C.4); what comes of it is compared with the billing's total afterwards (``Revisions``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hub.books.chart import COMPUTED_TAXES, Chart, Objection
from hub.qbwc.shapes import Fields

TAXABLE, NON_TAXABLE = "Tax", "Non"
"""What QuickBooks calls its usual sales tax codes, until somebody renames them."""


def untaxed(chart: Chart) -> Fields:
    """Return the reference to the code of what is not taxed; nothing where QuickBooks has none."""
    code = chart.sales_tax_code("untaxed_code", NON_TAXABLE)
    return {"ListID": code.list_id} if code else {}


class SalesTax:
    """How the taxes of one document go to QuickBooks."""

    def __init__(self, chart: Chart, record: Any, taxable: Collection[int]):
        """Choose the tax item of ``record``; the charges of its lines that are marked as ``taxable`` are
        taxed, and all of them where none is marked.

        :raises Objection: when one document would take several tax items, or taxable lines have no code.
        """
        self._taxable = taxable
        self._untaxed = untaxed(chart)
        items = [chart.tax_item(tax.code) for tax in record.taxes]
        computed = {item.list_id: item for item in items if item.type in COMPUTED_TAXES}
        if len(computed) > 1:
            names = " and ".join(f"“{item.full_name}”" for item in computed.values())
            raise Objection(
                f"QuickBooks computes one sales tax item or group on a document, and its taxes are {names}. "
                "Choose one group of both for each of them on the page Accounts by purpose."
            )
        self.item: Fields = {"ListID": next(iter(computed))} if computed else {}
        self.code: Fields = self._taxable_code(chart) if computed else {}

    @staticmethod
    def _taxable_code(chart: Chart) -> Fields:
        if code := chart.sales_tax_code("taxable_code", TAXABLE):
            return {"ListID": code.list_id}
        raise Objection(
            f"QuickBooks has no sales tax code “{TAXABLE}”, which its taxed lines need. Add it there (Lists » "
            "Sales Tax Code List), then press Try again."
        )

    def line_code(self, charge_id: int) -> Fields:
        """Return the reference to the sales tax code of a charge's line."""
        is_taxed = self.item and (charge_id in self._taxable or not self._taxable)
        return self.code if is_taxed else self._untaxed
