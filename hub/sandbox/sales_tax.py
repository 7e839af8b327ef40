"""Sales tax as QuickBooks computes it: a sale's tax item or group, on the lines that are taxable.

Nobody sends an amount (protocol.md C.4). Which item it is: the sale's own, else the customer's, else the
company's usual one. Each item of a group is rounded by itself, half up, and is owed to its agency.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, refusals
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.references import References
from hub.sandbox.transactions import Posting, Transaction

ITEMS = ("ItemSalesTax", "ItemSalesTaxGroup")


def usual(company: Company) -> Entry | None:
    """Return the tax item of the company's preferences, or the first that it has where they name none."""
    chosen = company.lists.get("Item", company.preferences["DefaultItemSalesTax"])
    return chosen or next((one for one in company.lists.all("Item") if one.kind in ITEMS), None)


def choose(references: References, company: Company, sale: Transaction, body: Element) -> None:
    """Take over which tax a sale's head names.

    :raises Refusal: 3140 for an item that is no sales tax, 3250 where sales tax is switched off.
    """
    for name in ("ItemSalesTaxRef", "CustomerSalesTaxCodeRef"):
        if body.find(name) is not None and not company.preferences["IsUsingSalesTax"]:
            raise refusals.feature_off("sales tax")
    item = references.find(body, "ItemSalesTaxRef", "Item")
    if item is not None and item.kind not in ITEMS:
        raise refusals.invalid_reference(
            *("Item", item.full_name, references.label), "The item must be a sales tax item or group."
        )
    code = references.find(body, "CustomerSalesTaxCodeRef", "SalesTaxCode")
    customer = company.lists.get("Customer", sale.customer)
    own = customer.fields if customer else {}
    chosen = (item.id if item else "") or sale.fields.get("tax_item") or own.get("tax_item")
    if not chosen:
        found = usual(company)
        chosen = found.id if found else ""
    sale.fields["tax_item"] = chosen
    sale.fields["tax_code"] = (
        (code.id if code else "") or sale.fields.get("tax_code") or own.get("tax_code", "")
    )


def compute(company: Company, sale: Transaction) -> int:
    """Keep the taxes of a sale with it, as ``item``, ``vendor`` and ``cents``; return their sum."""
    taxable = _taxable(company, sale)
    sale.fields["taxes"] = [
        {"item": item.id, "vendor": item.fields["vendor"], "cents": amount}
        for item in _items(company, sale)
        if (amount := cents.share(taxable, Decimal(item.fields["TaxRate"])))
    ]
    return total(sale)


def total(sale: Transaction) -> int:
    """Return the tax that QuickBooks computed on a sale, in cents."""
    taxes: list[dict[str, Any]] = sale.fields.get("taxes", [])
    return sum(int(tax["cents"]) for tax in taxes)


def percentage(company: Company, sale: Transaction) -> str:
    """Return the rate of a sale's tax item, or of all that are in its group."""
    return cents.number(
        sum((Decimal(one.fields["TaxRate"]) for one in _items(company, sale)), Decimal())
    )


def postings(company: Company, sale: Transaction, sign: int) -> list[Posting]:
    """Return what the taxes put on Sales Tax Payable, in the names of their agencies."""
    taxes = sale.fields.get("taxes", [])
    if not taxes:
        return []
    payable = company.lists.special("SalesTaxPayable").id
    return [Posting(payable, -sign * tax["cents"], tax["vendor"]) for tax in taxes]


def _items(company: Company, sale: Transaction) -> list[Entry]:
    item = company.lists.get("Item", sale.fields.get("tax_item", ""))
    if item is None or not company.preferences["IsUsingSalesTax"]:
        return []
    ids = item.fields["items"] if item.kind == "ItemSalesTaxGroup" else [item.id]
    return [one for id in ids if (one := company.lists.get("Item", id))]


def _taxable(company: Company, sale: Transaction) -> int:
    """Return what of a sale is taxed: discounts that are taxable lower it."""
    used = {line["code"] for line in sale.lines} | {sale.fields.get("tax_code", "")}
    codes = {id: code for id in used - {""} if (code := company.lists.get("SalesTaxCode", id))}
    taxed = {id for id, code in codes.items() if code.fields["IsTaxable"]}
    if sale.fields.get("tax_code") and sale.fields["tax_code"] not in taxed:
        return 0
    return sum(line["amount"] for line in sale.lines if line["account"] and line["code"] in taxed)
