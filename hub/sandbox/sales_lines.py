"""The lines of a sale: what each amounts to and which account it goes to.

Rules (protocol.md C.4): an amount wins over quantity × rate; none of the three is one
at the item's price; discounts always lower the sale and take no quantity; a subtotal
counts what stands above it and posts nothing; a line of text alone is no sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, refusals
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.references import References

Line = dict[str, Any]
"""``id item desc quantity rate class code`` as texts, ``amount`` in cents, and the ``account``
it is posted to; a subtotal has none."""

NEW = "-1"


class SalesLines:
    """Reads the lines of one invoice or credit memo."""

    def __init__(self, company: Company, references: References):
        self._company = company
        self._references = references

    def read(self, elements: Sequence[Element], kept: Sequence[Line] = ()) -> list[Line]:
        """Return the lines of a sale; those of a Mod start from the line they name."""
        before = {line["id"]: line for line in kept}
        lines: list[Line] = []
        for element in elements:
            id = element.get("TxnLineID", NEW)
            if id != NEW and id not in before:
                raise refusals.not_found(id)
            old = before.pop(id, {})
            lines.append(self._line(element, old, lines))
        return lines

    def _line(self, element: Element, old: Line, above: Sequence[Line]) -> Line:
        references = self._references
        item = references.find(element, "ItemRef", "Item")
        if item is None and old.get("item"):
            item = self._company.lists.get("Item", old["item"])
        code = references.find(element, "SalesTaxCodeRef", "SalesTaxCode", "SalesTaxCode")
        line = {
            "id": old.get("id") or self._company.new_line_id(),
            "item": item.id if item else "",
            "desc": self._text(element, old, "Desc", "desc", item),
            "class": references.klass(element) or old.get("class", ""),
            "code": code.id
            if code
            else old.get("code") or (item.fields.get("code", "") if item else ""),
            "quantity": element.get("Quantity", old.get("quantity", "")),
            "rate": element.get("Rate", old.get("rate", "")),
            "account": "",
        }
        priced = any(
            element.find(name) is not None for name in ("Quantity", "Rate", "Amount", "ItemRef")
        )
        if old and not priced:
            return line | {"amount": old["amount"], "account": old["account"], "entity": old["entity"]}
        return line | self._sum(item, element, line, above)

    def _text(self, element: Element, old: Line, name: str, key: str, item: Entry | None) -> str:
        if element.find(name) is not None or old:
            return element.get(name) if element.find(name) is not None else str(old[key])
        return str(item.fields.get("Desc") or item.fields.get("ItemDesc") or "") if item else ""

    def _sum(self, item: Entry | None, element: Element, line: Line, above: Sequence[Line]) -> Line:
        if item is None:
            return self._words_only(element)
        match item.kind:
            case "ItemSubtotal":
                self._refuse(element, "Quantity", "Rate", "Amount", on=item)
                return {"amount": _since_subtotal(above), "entity": ""}
            case "ItemDiscount":
                self._refuse(element, "Quantity", on=item)
                return {
                    "amount": -abs(self._reduction(item, element, above)),
                    "account": item.fields["account"],
                    "entity": "",
                }
            case "ItemSalesTax":
                tax = self._company.lists.special("SalesTaxPayable").id
                return {
                    "amount": _tax(item, element, above),
                    "account": tax,
                    "entity": item.fields["vendor"],
                }
            case "ItemGroup":
                raise refusals.invalid_reference(
                    *("Item", item.full_name, self._references.label),
                    "An item group cannot be used on a line of its own.",
                )
        return {"account": item.fields["account"], "entity": "", **_priced(item, element, line)}

    def _words_only(self, element: Element) -> Line:
        for name in ("Quantity", "Rate", "Amount"):
            if element.find(name) is not None:
                raise refusals.not_saved(
                    self._references.label, "You must specify an item for a line that has an amount."
                )
        return {"amount": 0, "entity": ""}

    def _reduction(self, item: Entry, element: Element, above: Sequence[Line]) -> int:
        for name in ("Amount", "Rate"):
            if text := element.get(name):
                return cents.product(Decimal(1), Decimal(text))
        percent = item.fields.get("DiscountRatePercent")
        return cents.share(_last(above), Decimal(percent)) if percent else 0

    def _refuse(self, element: Element, *names: str, on: Entry) -> None:
        for name in names:
            if text := element.get(name):
                raise refusals.invalid_value(
                    name, text, f"It cannot be given on a line of the item {on.full_name}."
                )


def _priced(item: Entry, element: Element, line: Line) -> Line:
    """Return amount, quantity and rate of an ordinary item."""
    quantity = Decimal(line["quantity"] or 1)
    if amount := element.get("Amount"):
        value = cents.read(amount)
        rate = Decimal(value).scaleb(-2) / quantity if line["quantity"] and quantity else None
        return {"amount": value, "rate": cents.number(rate) if rate is not None else ""}
    rate = Decimal(line["rate"] or item.fields.get("Price") or 0)
    return {"amount": cents.product(quantity, rate), "rate": cents.number(rate)}


def _tax(item: Entry, element: Element, above: Sequence[Line]) -> int:
    if amount := element.get("Amount"):
        return cents.read(amount)
    return cents.share(_last(above), Decimal(item.fields["TaxRate"]))


def _last(above: Sequence[Line]) -> int:
    return int(above[-1]["amount"]) if above else 0


def _since_subtotal(above: Sequence[Line]) -> int:
    total = 0
    for line in reversed(above):
        if line["item"] and not line["account"]:
            break
        total += line["amount"]
    return total
