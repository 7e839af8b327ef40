"""What the hub reads from QuickBooks' answers is what QuickBooks' books show."""

from collections import Counter
from decimal import Decimal

import pytest

from hub.books import booked
from hub.sandbox import books
from tests.sandbox.test_checks import check
from tests.sandbox.test_checks import line as expense
from tests.sandbox.test_journal import AGENCY, AR, CLEARING, SALES, TAX, entry, line

ADA = {"CustomerRef": {"FullName": "Ada Ltd"}}


def balances(desk):
    return {one.account: one.balance for one in books.trial_balance(desk.company)}


def read(desk, ret):
    """Return what the hub reads from an answer, by account; items stand for their accounts."""
    found = Counter()
    for one in booked.lines(ret):
        account = one.account
        if one.item_id:
            item = desk.do("ItemQuery", {"ListID": one.item_id})
            account = item.get("SalesOrPurchase/AccountRef/FullName") or item.get(
                "AccountRef/FullName", booked.UNKNOWN
            )
        found[account] += one.amount
    return {account: amount for account, amount in found.items() if amount}


def moved(desk, act):
    before = balances(desk)
    ret = act()
    return ret, {
        account: balance - before[account]
        for account, balance in balances(desk).items()
        if balance != before[account]
    }


def sale(*lines, kind="Invoice"):
    made = [{"ItemRef": {"FullName": item}, "Amount": amount} for item, amount in lines]
    return {**ADA, f"{kind}LineAdd": made}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (
            "JournalEntry",
            entry([line(CLEARING, "9.00")], [line(SALES, "8.00"), line(TAX, "1.00", AGENCY)]),
        ),
        ("JournalEntry", entry([line(AR, "4.00", "Ada Ltd")], [line(SALES, "4.00")])),
        ("Invoice", sale(("Subscription", "10.00"), ("Discount", "-1.00"), ("Sales Tax", "0.90"))),
        ("Invoice", sale(("Support", "10.00"), ("Promotion", "2.00"))),
        ("Invoice", sale(("Support", "10.00"), ("State Tax", "0.75"))),
        ("CreditMemo", sale(("Support", "10.00"), ("State Tax", "0.75"), kind="CreditMemo")),
        ("CreditMemo", sale(("Usage", "3.00"), kind="CreditMemo")),
        ("ReceivePayment", {**ADA, "TotalAmount": "7.00", "IsAutoApply": "false"}),
        ("Check", check([expense(amount="5.00"), expense("Rent", "-1.00", "")])),
    ],
)
def test_every_answer_is_read_as_the_books_have_it(desk, kind, given):
    desk.customer()
    ret, books_moved = moved(desk, lambda: desk.add(kind, given))
    assert read(desk, ret) == books_moved


def test_a_subtotal_is_not_counted_twice(desk):
    desk.customer()
    given = sale(("Support", "10.00"), ("Usage", "5.00"))
    given["InvoiceLineAdd"].append({"ItemRef": {"FullName": "Subtotal"}})
    ret, books_moved = moved(desk, lambda: desk.add("Invoice", given))
    assert read(desk, ret) == books_moved


@pytest.mark.parametrize("kind", ["Invoice", "CreditMemo"])
def test_the_tax_that_quickbooks_computes_is_read(desk, kind):
    desk.company.prefer(IsUsingSalesTax=True)
    desk.customer()
    given = sale(("Support", "10.00"), ("State Tax", "0.01"), kind=kind)
    ret, books_moved = moved(desk, lambda: desk.add(kind, given))
    assert read(desk, ret) == books_moved
    assert abs(books_moved["Sales Tax Payable"]) == Decimal("0.76")


def test_a_refund_is_read_as_the_books_have_it(desk):
    desk.customer()
    credit = desk.credit_memo("30.00").get("TxnID")
    applied = {"RefundAppliedToTxnAdd": [{"TxnID": credit, "RefundAmount": "30.00"}]}
    ret, books_moved = moved(desk, lambda: desk.add("ARRefundCreditCard", {**ADA, **applied}))
    assert read(desk, ret) == books_moved


def test_an_amended_entry_is_read_as_it_now_is(desk):
    first = desk.add("JournalEntry", entry([line(CLEARING, "9.00")], [line(SALES, "9.00")]))
    debit, credit = (one.get("TxnLineID") for one in first if "Line" in one.name)
    lines = [
        {"TxnLineID": debit, "Amount": "2.00"},
        {"TxnLineID": credit, **line("Sales:Usage", "2.00")},
    ]
    stamps = {"TxnID": first.get("TxnID"), "EditSequence": first.get("EditSequence")}
    after = desk.do("JournalEntryMod", {"JournalEntryMod": {**stamps, "JournalLineMod": lines}})
    assert read(desk, after) == {one: amount for one, amount in balances(desk).items() if amount}
