"""Summarized Journal Entry Mode in several currencies: one entry for each, proved for each."""

import pytest

from hub.tenants.models import Approval, Control
from tests.journal import Bookkeeper, invoice, pay, start
from tests.test_summary import choose_accounts


@pytest.fixture
def keeper(summary):
    start(summary)
    return Bookkeeper(summary)


def several(tenant, *accounts):
    """Let the company file keep several currencies, and have accounts: name, type and currency."""
    with tenant.company() as company:
        company.prefer(IsMultiCurrencyOn=True)
        for name, type_, currency in accounts:
            company.lists.add("Account", name, AccountType=type_, CurrencyRef=currency)


EURO_RECEIVABLE = ("Accounts Receivable - EUR", "AccountsReceivable", "Euro")
EURO_BANK = ("Euro Bank", "Bank", "Euro")


def two_currencies(tenant):
    """A cycle with invoices and payments in dollars and in euros, closed."""
    invoice(tenant, "1", "100.00")
    invoice(tenant, "2", "80.00", currency="EUR")
    pay(tenant, "p", "60.00")
    pay(tenant, "q", "50.00", currency="EUR", method="card")
    tenant.close("c")


def notes(tenant, state="held"):
    return [note for _, stands, note in tenant.operations() if stands == state]


def settle(tenant):
    """Run until nothing is left to do, and see that books and bills are one in each currency."""
    for _ in range(3):
        assert tenant.sync().ok
    assert tenant.sync().nothing_to_do
    proof = tenant.proof()
    assert (proof.difference, proof.unexplained) == (0, 0)
    assert all(row.billed == row.booked for row in proof.rows)
    return {(row.account, row.currency): row.booked for row in proof.rows}


def test_each_currency_has_entries_of_its_own(summary, keeper):
    several(summary, EURO_BANK)
    summary.sync()
    choose_accounts(summary, **{"deposit.": "Checking"})
    two_currencies(summary)
    choose_accounts(summary, **{"money_in.EUR": "Euro Bank"})
    booked = settle(summary)
    assert notes(summary) == notes(summary, "failed") == []
    assert [(entry.currency, entry.family.value) for entry in keeper.entries()] == [
        ("USD", "billing"),
        ("EUR", "billing"),
        ("USD", "payments"),
        ("EUR", "payments"),
    ]
    assert booked["Billing Clearing", "USD"] == 40
    assert booked["Billing Clearing", "EUR"] == 30
    assert booked["Euro Bank", "EUR"] == 50
    assert booked["Checking", "USD"] == 60
    for lines in keeper.all_lines().values():
        assert sum(lines) == 0
    sent = "".join(summary.messages())
    assert sent.count("<CurrencyRef>") == 2
    before = summary.counts()
    summary.sync()
    assert summary.counts() == before


def test_accounts_receivable_has_a_master_customer_in_each_currency(summary, keeper):
    several(summary, EURO_RECEIVABLE)
    keeper.choose(control=Control.RECEIVABLE)
    summary.sync()
    two_currencies(summary)
    booked = settle(summary)
    assert booked["Accounts Receivable", "USD"] == 40
    assert booked["Accounts Receivable - EUR", "EUR"] == 30
    with summary.company() as company:
        masters = {
            one.full_name: one.fields.get("CurrencyRef", "")
            for one in company.lists.all("Customer")
            if one.full_name.startswith("Billing customers")
        }
    assert masters == {"Billing customers": "", "Billing customers (EUR)": "Euro"}


def test_a_master_customer_of_another_currency_is_named(summary, keeper):
    several(summary, EURO_RECEIVABLE)
    with summary.company() as company:
        company.lists.add("Customer", "Billing customers (EUR)", CurrencyRef="Swiss Franc")
    keeper.choose(control=Control.RECEIVABLE)
    summary.sync()
    two_currencies(summary)
    for _ in range(2):
        assert summary.sync().ok
    assert any("“Billing customers (EUR)” in Swiss Franc" in note for note in notes(summary))
    assert summary.counts()["JournalEntry"] == 2
    keeper.choose(master_customer="All of them")
    settle(summary)


def test_without_a_receivables_account_in_it_a_currency_waits_alone(summary, keeper):
    several(summary)
    keeper.choose(control=Control.RECEIVABLE)
    summary.sync()
    two_currencies(summary)
    for _ in range(2):
        assert summary.sync().ok
    assert any("no Accounts Receivable account in EUR" in note for note in notes(summary))
    assert summary.counts()["JournalEntry"] == 2
    several(summary, EURO_RECEIVABLE)
    summary.a_day_passes()
    settle(summary)


def test_an_account_of_another_currency_holds_what_needs_it_and_the_rest_goes_on(summary, keeper):
    several(summary, EURO_BANK)
    summary.sync()
    choose_accounts(summary, **{"deposit.": "Checking"})
    two_currencies(summary)
    for _ in range(2):
        assert summary.sync().ok
    (note,) = notes(summary)
    assert "“Checking” is kept in US Dollar in QuickBooks and takes nothing in EUR" in note
    assert "Accounts by purpose" in note
    assert summary.counts()["JournalEntry"] == 3
    assert summary.proof().unexplained == 0
    choose_accounts(summary, **{"money_in.EUR": "Euro Bank"})
    assert settle(summary)["Euro Bank", "EUR"] == 50


def test_a_charge_on_an_account_of_another_currency_waits_for_another(summary, keeper):
    several(summary, ("Sales in Euro", "Income", "Euro"))
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="Sales in Euro")
    summary.sync()
    two_currencies(summary)
    for _ in range(2):
        assert summary.sync().ok
    (note,) = notes(summary)
    assert "“Sales in Euro” is kept in Euro in QuickBooks and takes nothing in USD" in note
    assert "the Charges page" in note
    summary.put("charges", "gold", version=3, name="Gold", accounting_code="4010")
    booked = settle(summary)
    assert booked["Sales in Euro", "EUR"] == -80
    assert booked["Sales:Subscriptions", "USD"] == -100


def test_one_currency_alone_holds_the_others(summary, keeper):
    two_currencies(summary)
    for _ in range(2):
        assert summary.sync().ok
    assert len(notes(summary)) == 2
    assert all("the company file keeps its books in USD" in note for note in notes(summary))
    assert summary.counts()["JournalEntry"] == 2
    several(summary)
    summary.a_day_passes()
    settle(summary)


def test_what_quickbooks_has_in_another_currency_is_reversed_in_it(summary, keeper):
    several(summary)
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    two_currencies(summary)
    assert keeper.approve_all().left == []
    settle(summary)
    euros = next(entry for entry in keeper.entries() if entry.currency == "EUR")
    keeper.do("undo", euros.id, "reversal")
    summary.sync()
    assert summary.proof().unexplained == 0
    assert keeper.approve_all().left == []
    settle(summary)
    assert "".join(summary.messages()).count("<CurrencyRef>") == 4


def test_a_late_change_amends_an_entry_in_its_currency(summary, keeper):
    several(summary)
    keeper.choose(late_change="amend")
    summary.sync()
    two_currencies(summary)
    settle(summary)
    invoice(summary, "2", "85.00", currency="EUR", version=2)
    booked = settle(summary)
    assert booked["Billing Clearing", "EUR"] == 35
    assert len(keeper.entries()) == 4


def test_a_currency_that_quickbooks_does_not_use_is_named(summary, keeper):
    several(summary)
    summary.sync()
    invoice(summary, "1", "100.00")
    invoice(summary, "2", "80.00", currency="SEK")
    summary.close("c")
    for _ in range(2):
        assert summary.sync().ok
    (note,) = notes(summary)
    assert "QuickBooks does not use the currency SEK" in note


def test_a_long_master_customer_keeps_its_currency(summary, keeper):
    several(summary, EURO_RECEIVABLE)
    keeper.choose(
        control=Control.RECEIVABLE, master_customer="All the customers of the billing platform"
    )
    summary.sync()
    two_currencies(summary)
    settle(summary)
    with summary.company() as company:
        names = [one.full_name for one in company.lists.all("Customer")]
    assert any(name.startswith("All the customers") and name.endswith("(EUR)") for name in names)


def position(tenant):
    """What is owed and what is booked of that, by currency."""
    return {one.currency: (one.owed, one.booked, one.causes) for one in tenant.proof().positions}


def test_what_is_owed_is_not_added_up_across_currencies(summary, keeper):
    several(summary, EURO_RECEIVABLE)
    keeper.choose(control=Control.RECEIVABLE, approval=Approval.MANUAL)
    summary.sync()
    two_currencies(summary)
    controls = {one.currency: one.account for one in summary.proof().positions}
    assert controls == {"USD": "Accounts Receivable", "EUR": "Accounts Receivable - EUR"}
    assert {one: row[:2] for one, row in position(summary).items()} == {"USD": (40, 0), "EUR": (30, 0)}
    waiting = {
        (row.account, row.currency): sum(row.causes.values())
        for row in summary.proof().rows
        if row.account.startswith("Accounts Receivable")
    }
    assert waiting == {("Accounts Receivable", "USD"): 40, ("Accounts Receivable - EUR", "EUR"): 30}
    keeper.approve_all()
    summary.sync()
    assert keeper.approve_all().left == []
    settle(summary)
    assert position(summary) == {"USD": (40, 40, {}), "EUR": (30, 30, {})}
    summary.a_day_passes()
    summary.sync()
    balances = {one.currency: (one.balance, one.not_ours) for one in summary.proof().positions}
    assert balances == {"USD": (40, 0), "EUR": (30, 0)}


def test_a_balance_of_several_currencies_says_nothing_of_one(summary, keeper):
    several(summary)
    summary.sync()
    two_currencies(summary)
    settle(summary)
    summary.a_day_passes()
    summary.sync()
    assert position(summary) == {"USD": (40, 40, {}), "EUR": (30, 30, {})}
    assert all(one.is_mixed and one.balance is None for one in summary.proof().positions)


@pytest.fixture
def browser(summary, enter):
    return enter(summary)


def test_the_page_leads_from_what_is_held_to_the_choice_that_frees_it(summary, keeper, browser):
    several(summary, EURO_BANK)
    summary.sync()
    choose_accounts(summary, **{"deposit.": "Checking"})
    two_currencies(summary)
    for _ in range(2):
        summary.sync()
    held = next(
        one for one in keeper.entries() if one.currency == "EUR" and one.family.value == "payments"
    )
    page = browser.get(f"/t/{summary.slug}/journal-entries/{held.id}")
    assert "is kept in US Dollar in QuickBooks and takes nothing in EUR" in page
    (button,) = [one for one in page.html.select("a.btn") if one.get_text().startswith("Choose the")]
    assert button["href"].endswith("#f-money_in.EUR")
    accounts = browser.get(button["href"])
    options = [one["value"] for one in accounts.html.find(id="f-money_in.EUR").select("option")]
    assert "Euro Bank" in options
    assert "Checking" not in options
    form = next(one for one in accounts.forms.values() if "money_in.EUR" in one.fields)
    form["money_in.EUR"] = "Euro Bank"
    form.submit(status=303)
    settle(summary)


def test_the_chart_says_what_each_account_is_kept_in(summary, browser):
    summary.sync()
    assert "Currency" not in browser.get(f"/t/{summary.slug}/lists/accounts").html.find("thead").text
    several(summary, EURO_BANK)
    summary.a_day_passes()
    summary.sync()
    summary.sync()
    page = browser.get(f"/t/{summary.slug}/lists/accounts").html
    rows = {row.th.text: row.select("td")[2].text for row in page.select("tbody tr")}
    assert (rows["Euro Bank"], rows["Checking"]) == ("Euro", "US Dollar")


def test_a_dry_run_books_every_currency(summary, keeper, browser):
    several(summary, EURO_RECEIVABLE)
    keeper.choose(control=Control.RECEIVABLE, approval=Approval.MANUAL)
    summary.sync()
    two_currencies(summary)
    for _ in range(2):
        page = browser.get(f"/t/{summary.slug}/journal-entries/dry-run")
        assert "All would be booked" in page
        assert "What is in EUR counts one for one" in page
        moved = page.html.select("table")[-1].get_text(" ", strip=True)
        assert "Accounts Receivable - EUR" in moved
        keeper.approve_all()
        summary.sync()
