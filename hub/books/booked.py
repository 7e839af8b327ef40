"""What QuickBooks' own answer says it booked: which accounts, which amounts.

The proof compares these with the postings, so they come from the answer and never
from what was sent.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from hub.books.chart import Chart
from hub.books.models import ListKind
from hub.money import ZERO
from hub.qbwc.qbxml import Element

Lines = dict[str, Decimal]
"""Debit (positive) or credit (negative) by full name of the account."""

UNKNOWN = "(account not named in QuickBooks' answer)"


def lines(ret: Element, chart: Chart) -> Lines:
    """Return what the transaction ``ret`` puts on each account; a list entry puts nothing."""
    found: Lines = defaultdict(lambda: ZERO)
    read = _READ.get(ret.name)
    for account, amount in read(ret, chart) if read else ():
        found[account or UNKNOWN] += amount
    return {account: amount for account, amount in found.items() if amount}


def day(ret: Element) -> dt.date:
    """Return the date of the transaction ``ret``."""
    return dt.date.fromisoformat(ret.get("TxnDate"))


def _amount(element: Element, path: str) -> Decimal:
    return Decimal(element.get(path, "0")).quantize(Decimal("0.01"))


Pairs = Iterable[tuple[str, Decimal]]


def _journal_entry(ret: Element, chart: Chart) -> Pairs:
    for line in ret.all("JournalDebitLine"):
        yield line.get("AccountRef/FullName"), _amount(line, "Amount")
    for line in ret.all("JournalCreditLine"):
        yield line.get("AccountRef/FullName"), -_amount(line, "Amount")


def _invoice(ret: Element, chart: Chart) -> Pairs:
    yield ret.get("ARAccountRef/FullName"), _amount(ret, "Subtotal") + _amount(ret, "SalesTaxTotal")
    yield from _sales_lines(ret, "InvoiceLineRet", chart, side=-1)


def _credit_memo(ret: Element, chart: Chart) -> Pairs:
    yield ret.get("ARAccountRef/FullName"), -_amount(ret, "TotalAmount")
    yield from _sales_lines(ret, "CreditMemoLineRet", chart, side=1)


def _sales_lines(ret: Element, name: str, chart: Chart, side: int) -> Pairs:
    for line in ret.all(name):
        item = chart.named_by(ListKind.ITEM, line.get("ItemRef/ListID"), line.get("ItemRef/FullName"))
        yield item.account if item else "", side * _amount(line, "Amount")
    if tax := _amount(ret, "SalesTaxTotal"):
        yield "Sales Tax Payable", side * tax


def _payment(ret: Element, chart: Chart) -> Pairs:
    yield ret.get("DepositToAccountRef/FullName"), _amount(ret, "TotalAmount")
    yield ret.get("ARAccountRef/FullName"), -_amount(ret, "TotalAmount")


def _refund(ret: Element, chart: Chart) -> Pairs:
    yield ret.get("ARAccountRef/FullName"), _amount(ret, "TotalAmount")
    yield ret.get("RefundFromAccountRef/FullName"), -_amount(ret, "TotalAmount")


_READ = {
    "JournalEntryRet": _journal_entry,
    "InvoiceRet": _invoice,
    "CreditMemoRet": _credit_memo,
    "ReceivePaymentRet": _payment,
    "ARRefundCreditCardRet": _refund,
}
