"""What QuickBooks' own answer says it booked: which accounts, which amounts.

The proof compares these with the postings, so they come from the answer and never
from what was sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from hub.books.chart import SALES_TAX_PAYABLE
from hub.qbwc.qbxml import Element

UNKNOWN = "(account not named in QuickBooks' answer)"


class Line(NamedTuple):
    """One amount: on an account, or on the account of an item, or on the special account that the company
    file has in any language, where ``account`` is its name in English. Debit positive, credit negative."""

    account: str
    amount: Decimal
    item_id: str = ""
    item: str = ""
    special: str = ""


def lines(ret: Element) -> list[Line]:
    """Return what the transaction ``ret`` puts on each account; a list entry puts nothing.

    :raises ArithmeticError: when an amount cannot be read.
    """
    read = _READ.get(ret.name)
    return [line for line in read(ret) if line.amount] if read else []


def day(ret: Element) -> dt.date:
    """Return the date of the transaction ``ret``.

    :raises ValueError: when it cannot be read.
    """
    return dt.date.fromisoformat(ret.get("TxnDate"))


def _amount(element: Element, path: str) -> Decimal:
    return Decimal(element.get(path, "0")).quantize(Decimal("0.01"))


def _journal_entry(ret: Element) -> Iterable[Line]:
    for line in ret.all("JournalDebitLine"):
        yield Line(line.get("AccountRef/FullName"), _amount(line, "Amount"))
    for line in ret.all("JournalCreditLine"):
        yield Line(line.get("AccountRef/FullName"), -_amount(line, "Amount"))


def _invoice(ret: Element) -> Iterable[Line]:
    total = _amount(ret, "Subtotal") + _amount(ret, "SalesTaxTotal")
    yield Line(ret.get("ARAccountRef/FullName"), total)
    yield from _sales_lines(ret, "InvoiceLineRet", total, side=-1)


def _credit_memo(ret: Element) -> Iterable[Line]:
    total = _amount(ret, "TotalAmount")
    yield Line(ret.get("ARAccountRef/FullName"), -total)
    yield from _sales_lines(ret, "CreditMemoLineRet", total, side=1)


def _sales_lines(ret: Element, name: str, total: Decimal, side: int) -> Iterable[Line]:
    """Yield what a sale puts on the accounts of its items, and its tax.

    A subtotal and a tax item say an amount that is counted elsewhere, and a group of items says its
    amount in another element: what the lines say too much or too little has no account of its own.
    """
    rest = total
    for line in ret.all(name):
        amount = _amount(line, "Amount")
        rest -= amount
        yield Line("", side * amount, line.get("ItemRef/ListID"), line.get("ItemRef/FullName"))
    tax = _amount(ret, "SalesTaxTotal")
    yield Line("Sales Tax Payable", side * tax, special=SALES_TAX_PAYABLE)
    yield Line(UNKNOWN, side * (rest - tax))


def _payment(ret: Element) -> Iterable[Line]:
    yield Line(ret.get("DepositToAccountRef/FullName"), _amount(ret, "TotalAmount"))
    yield Line(ret.get("ARAccountRef/FullName"), -_amount(ret, "TotalAmount"))


def _refund(ret: Element) -> Iterable[Line]:
    yield Line(ret.get("ARAccountRef/FullName"), _amount(ret, "TotalAmount"))
    yield Line(ret.get("RefundFromAccountRef/FullName"), -_amount(ret, "TotalAmount"))


def _check(ret: Element) -> Iterable[Line]:
    yield Line(ret.get("AccountRef/FullName"), -_amount(ret, "Amount"))
    for line in ret.all("ExpenseLineRet"):
        yield Line(line.get("AccountRef/FullName"), _amount(line, "Amount"))


_READ = {
    "JournalEntryRet": _journal_entry,
    "InvoiceRet": _invoice,
    "CreditMemoRet": _credit_memo,
    "ReceivePaymentRet": _payment,
    "ARRefundCreditCardRet": _refund,
    "CheckRet": _check,
}
