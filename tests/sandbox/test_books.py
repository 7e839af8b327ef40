import json
from decimal import Decimal

from hub.sandbox import books


def test_the_trial_balance_holds_every_account(desk):
    desk.invoice("100.00")
    desk.payment("60.00", IsAutoApply="true")
    balances = {one.account: one for one in books.trial_balance(desk.company)}
    assert len(balances) == books.counts(desk.company)["Account"]
    assert balances["Sales:Subscriptions"] == (
        *("Sales:Subscriptions", "4010", "Income"),
        Decimal("-100.00"),
    )
    assert balances["Accounts Receivable"].balance == Decimal("40.00")
    assert balances["Rent"].balance == 0


def test_the_report_is_json_and_adds_up(desk):
    desk.invoice("100.00")
    report = json.loads(json.dumps(books.report(desk.company)))
    assert report["company"] == "Acme"
    assert report["debit"] == report["credit"] == "100.00"
    assert report["counts"]["Invoice"] == 1
    assert report["counts"]["Customer"] == 3
    sales = next(one for one in report["accounts"] if one["account"] == "Sales:Subscriptions")
    assert sales == {
        "account": "Sales:Subscriptions",
        "number": "4010",
        "type": "Income",
        "debit": "0.00",
        "credit": "100.00",
        "balance": "-100.00",
    }


def test_customers_owe_what_is_on_receivables(desk):
    desk.invoice("100.00")
    assert books.customer_balances(desk.company)["Ada Ltd"] == Decimal("100.00")
    assert books.customer_balances(desk.company)["Kern Lighting Warehouse"] == 0
