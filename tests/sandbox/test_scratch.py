"""A dry run: requests carried out in a company file of their own, which is gone afterwards."""

import datetime as dt
import tempfile
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.qbwc.qbxml import Request
from hub.sandbox.books import Balance
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.scratch import Account, Named, Result, dry_run

CHART = (
    Account("Clearing", "OtherCurrentAsset", "1150", id="80000011-1700000000"),
    Account("Forderungen", "AccountsReceivable", special="AccountsReceivable"),
    Account("Sales", "Income", "4000", id="80000020-1700000000"),
    Account("Sales:Usage", "Income", "4010", id="80000021-1700000000"),
    Account("Old", "Income", active=False, id="80000022-1700000000"),
    Account("Sales Tax Payable", "OtherCurrentLiability", special="SalesTaxPayable"),
)
OPENING = ("100.00", "50.05", "-20.00", "-30.00", "0", "-7.50")
CLASSES = (Named("East", "80000030-1700000000"),)
CUSTOMERS = (Named("Billing Summary", "80000040-1700000000"),)


def line(account, amount, **rest):
    by = "ListID" if account.startswith("8000") else "FullName"
    return {"AccountRef": {by: account}, "Amount": amount, **rest}


def entry(debits, credits, id="1", **head):
    body = {**head, "JournalDebitLine": debits, "JournalCreditLine": credits}
    return Request("JournalEntryAdd", id, {"JournalEntryAdd": body})


def run(*requests, **more):
    return dry_run(CHART, CLASSES, CUSTOMERS, requests, **more)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The directory that all temporary files are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_dry_run_books_into_the_companys_own_chart(temporary):
    east = {"ClassRef": {"ListID": CLASSES[0].id}}
    memo = {"EntityRef": {"ListID": CUSTOMERS[0].id}}
    scratch = run(
        entry([line(CHART[0].id, "15.00")], [line(CHART[3].id, "15.00", **east)]),
        entry([line("forderungen", "4.00", **memo)], [line("Sales", "4.00")], id="2"),
    )
    assert scratch.results == [
        Result("1", "JournalEntryAdd", 0, "Status OK"),
        Result("2", "JournalEntryAdd", 0, "Status OK"),
    ]
    assert [one.account for one in scratch.before] == [one.full_name for one in CHART]
    assert {one.balance for one in scratch.before} == {0}
    assert [(one.account, one.number, str(one.balance)) for one in scratch.moved] == [
        ("Clearing", "1150", "15.00"),
        ("Forderungen", "", "4.00"),
        ("Sales", "4000", "-4.00"),
        ("Sales:Usage", "4010", "-15.00"),
    ]
    assert list(temporary.iterdir()) == []


def test_what_is_refused_is_told_and_the_rest_goes_on(temporary):
    scratch = run(
        entry([line("Clearing", "1.00")], [line("Sales", "2.00")], id="1"),
        entry([line("Clearing", "1.00")], [line("Old", "1.00")], id="2"),
        entry([line("Clearing", "1.0")], [line("Sales", "1.0")], id="3"),
        Request("Nonsense", "4", {}),
        entry([line("Clearing", "3.00")], [line("Sales", "3.00")], id="5"),
    )
    results = scratch.results
    assert [one.code for one in results] == [3180, 3140, 0x80040400, 0x80040400, 0]
    assert [one.is_refused for one in results] == [True, True, True, True, False]
    assert "not in balance" in results[0].message
    assert "not active" in results[1].message
    assert "parsing" in results[2].message
    assert [str(one.balance) for one in scratch.moved] == ["3.00", "-3.00"]
    assert list(temporary.iterdir()) == []


def test_later_requests_use_what_earlier_ones_made():
    new = {"Name": "Rounding", "AccountType": "Expense"}
    scratch = run(
        Request("AccountAdd", "1", {"AccountAdd": new}),
        Request("CustomerAdd", "2", {"CustomerAdd": {"Name": "Ada"}}),
        entry([line("Rounding", "0.01")], [line("Clearing", "0.01")], id="3"),
        Request("AccountAdd", "4", {"AccountAdd": new}),
    )
    assert [one.code for one in scratch.results] == [0, 0, 0, 3100]
    assert "Rounding" in {one.account for one in scratch.moved}
    assert "Rounding" not in {one.account for one in scratch.before}


def test_the_companys_preferences_hold():
    given = entry([line("Clearing", "1.00")], [line("Sales", "1.00")], TxnDate="2026-01-31")
    assert run(given, preferences={"ClosingDate": "2026-01-31"}).results[0].code == 3181
    classy = entry([line("Clearing", "1.00", ClassRef={"FullName": "East"})], [line("Sales", "1.00")])
    assert run(classy, preferences={"IsUsingClassTracking": False}).results[0].code == 3250
    euro = Account("Euro Bank", "Bank", currency="Euro")
    foreign = entry([line("Euro Bank", "1.00")], [line("Sales", "1.00")])
    on = {"IsMultiCurrencyOn": True}
    assert dry_run([*CHART, euro], (), (), [foreign], preferences=on).results[0].code == 3140


def test_sales_tax_names_its_agency():
    tax = line("Sales Tax Payable", "1.00", EntityRef={"FullName": "Tax Office"})
    given = entry([line("Clearing", "1.00")], [tax])
    assert run(given).results[0].code == 3140
    assert run(given, vendors=[Named("Tax Office")]).results[0].code == 0


def test_what_stands_on_accounts_at_first_is_where_the_trial_balance_begins():
    chart = [one._replace(balance=Decimal(held)) for one, held in zip(CHART, OPENING, strict=True)]
    scratch = dry_run(chart, (), (), [entry([line("Clearing", "1.00")], [line("Sales:Usage", "1.00")])])
    before = {one.account: str(one.balance) for one in scratch.before}
    assert before == {
        "Clearing": "100.00",
        "Forderungen": "50.05",
        "Sales": "-20.00",
        "Sales:Usage": "-30.00",
        "Old": "0.00",
        "Sales Tax Payable": "-7.50",
        "Opening Balance Equity": "-92.55",
    }
    assert scratch.balancing == Balance("Opening Balance Equity", "", "Equity", Decimal("-92.55"))
    assert [(one.account, str(one.balance)) for one in scratch.moved] == [
        ("Clearing", "1.00"),
        ("Sales:Usage", "-1.00"),
    ]


def test_what_is_short_of_zero_joins_what_is_on_opening_balance_equity():
    own = Account("Anfangsbestand", "Equity", "3000", "OpeningBalanceEquity", balance=Decimal("-9.00"))
    scratch = dry_run([CHART[0]._replace(balance=Decimal("10.00")), own], (), (), [])
    assert [str(one.balance) for one in scratch.before] == ["10.00", "-10.00"]
    assert scratch.balancing == Balance("Anfangsbestand", "3000", "Equity", Decimal("-1.00"))
    even = dry_run([CHART[0]._replace(balance=Decimal("9.00")), own], (), (), [])
    assert [str(one.balance) for one in even.before] == ["9.00", "-9.00"]
    assert even.balancing is None


def test_a_name_or_an_id_that_comes_twice_counts_once():
    twice = (*CHART, Account("clearing", "Bank"), Account("Other", "Bank", id=CHART[0].id))
    scratch = dry_run(twice, (), (), [])
    assert [one.account for one in scratch.after] == [one.full_name for one in CHART]


def test_a_chart_without_special_accounts_gets_them_when_they_are_needed():
    customer = {"CustomerRef": {"FullName": "Ada"}}
    pay = {"ReceivePaymentAdd": customer | {"TotalAmount": "5.00", "IsAutoApply": "false"}}
    scratch = dry_run((), (), [Named("Ada")], [Request("ReceivePaymentAdd", "1", pay)])
    assert [(one.account, str(one.balance)) for one in scratch.moved] == [
        ("Accounts Receivable", "-5.00"),
        ("Undeposited Funds", "5.00"),
    ]


def test_new_ids_are_none_of_those_given(tmp_path):
    now = dt.datetime(2026, 1, 10, tzinfo=dt.UTC)
    own = f"80000004-{int(now.timestamp())}"

    def fill(lists):
        lists.add_all([Entry("Class", "Class", "East", "East", id=own)])

    with Company(tmp_path / "own.qbw", clock=lambda: now, fill=fill) as company:
        added = [company.lists.add("Class", name).id for name in "ABCDE"]
        assert company.lists.named("Class", "East").id == own
        assert len({own, *added}) == 6


SHARES = st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=5)


@settings(max_examples=20, deadline=None)
@given(st.lists(SHARES, max_size=4), st.booleans())
def test_what_is_taken_is_what_moves(entries, is_off):
    requests = []
    for number, shares in enumerate(entries):
        total = sum(shares) + is_off
        debit = line("Clearing", f"{Decimal(total).scaleb(-2):.2f}")
        credits = [line("Sales:Usage", f"{Decimal(one).scaleb(-2):.2f}") for one in shares]
        requests.append(entry([debit], credits, id=str(number)))
    scratch = run(*requests)
    assert [one.is_refused for one in scratch.results] == [is_off] * len(entries)
    assert sum(one.balance for one in scratch.after) == 0
    moved = {one.account: one.balance for one in scratch.moved}
    taken = 0 if is_off else sum(map(sum, entries))
    assert moved.get("Clearing", 0) == Decimal(taken).scaleb(-2)
