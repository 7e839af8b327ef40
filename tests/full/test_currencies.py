"""Several currencies: one QuickBooks customer, and one receivables account, for each."""

import pytest

from hub.books.connections import main_connection
from hub.books.differences import Cause
from hub.books.proof import Places
from hub.exporters import customers_for, exporter_for
from hub.report import proof_table
from hub.sandbox import people
from hub.tenants.service import open_tenant
from tests.full.test_changes import drained
from tests.test_summary import choose_accounts
from tests.views.test_proof import assert_customers_add_up


def with_euros(bench, receivable=True):
    """Let the company file keep several currencies, and have an account for what is owed in euros."""
    with bench.tenant.company() as company:
        company.prefer(IsMultiCurrencyOn=True)
    if receivable:
        add_receivable(bench)


def add_receivable(bench):
    with bench.tenant.company() as company:
        company.lists.add(
            "Account",
            "Accounts Receivable - EUR",
            AccountType="AccountsReceivable",
            CurrencyRef="Euro",
        )


def customers(bench):
    """Return currency and what is owed of the customers in QuickBooks that are ours, by name."""
    with bench.tenant.company() as company:
        return {
            one.full_name: (
                one.fields.get("CurrencyRef", ""),
                company.transactions.owed_by(one.id),
            )
            for one in company.lists.all("Customer")
            if one.full_name.startswith("Ada")
        }


def rows(bench):
    return {(row.account, row.currency): row.booked for row in bench.tenant.proof().rows if row.booked}


def is_proved(bench):
    """See that billed and booked are the same in each currency, account by account."""
    proof = bench.tenant.proof()
    assert (proof.difference, proof.unexplained) == (0, 0)
    assert all(row.billed == row.booked for row in proof.rows)


def test_a_second_currency_is_a_second_customer(bench):
    with_euros(bench)
    bench.invoice("1", "100.00")
    bench.invoice("2", "80.00", currency="EUR")
    bench.credit_memo("7", "30.00", [("2", "20.00")], currency="EUR")
    bench.payment("p", "50.00", [("2", "50.00")], currency="EUR")
    bench.refund("r", "10.00", credit_memo="c7", currency="EUR")
    for _ in range(3):
        bench.tenant.sync()
    assert bench.notes("held", "failed") == []
    assert customers(bench) == {"Ada": ("", 10000), "Ada (EUR)": ("Euro", 1000)}
    booked = rows(bench)
    assert booked["Accounts Receivable", "USD"] == 100
    assert booked["Accounts Receivable - EUR", "EUR"] == 10
    assert booked["Sales:Subscriptions", "EUR"] == -50
    is_proved(bench)
    drained(bench)


def test_a_customer_of_a_foreign_currency_is_added_in_it(bench):
    with_euros(bench)
    bench.tenant.sync()
    bench.tenant.put("customers", "ada2", name="Ada Two", currency="EUR")
    bench.invoice("3", "80.00", currency="EUR", customer="ada2")
    for _ in range(2):
        bench.tenant.sync()
    assert customers(bench)["Ada Two"] == ("Euro", 8000)
    is_proved(bench)


def test_a_second_customer_that_quickbooks_has_is_linked(bench):
    with_euros(bench)
    with bench.tenant.company() as company:
        company.lists.add("Customer", "Ada (EUR)", CurrencyRef="Euro")
    bench.invoice("2", "80.00", currency="EUR")
    for _ in range(2):
        bench.tenant.sync()
    assert customers(bench)["Ada (EUR)"] == ("Euro", 8000)
    assert len(customers(bench)) == 2
    drained(bench)


def test_a_namesake_of_another_currency_is_no_match(bench):
    with_euros(bench)
    with bench.tenant.company() as company:
        company.lists.add("Customer", "Ada (EUR)", CurrencyRef="Swiss Franc")
    bench.invoice("2", "80.00", currency="EUR")
    for _ in range(2):
        bench.tenant.sync()
    assert any("“Ada (EUR)” is already used in QuickBooks" in note for note in bench.notes("held"))
    bench.choose(name_clash="suffix")
    bench.tenant.a_day_passes()
    for _ in range(2):
        bench.tenant.sync()
    assert [name for name, (currency, owed) in customers(bench).items() if owed] != ["Ada (EUR)"]
    assert sum(owed for currency, owed in customers(bench).values() if currency == "Euro") == 8000
    is_proved(bench)


def test_a_receivables_account_that_is_missing_is_named_and_found(bench):
    with_euros(bench, receivable=False)
    bench.invoice("2", "80.00", currency="EUR")
    for _ in range(2):
        bench.tenant.sync()
    (note,) = [note for note in bench.notes("held") if "Accounts Receivable account" in note]
    assert "currency Euro" in note
    add_receivable(bench)
    bench.tenant.a_day_passes()
    for _ in range(2):
        bench.tenant.sync()
    assert bench.notes("held") == []
    assert customers(bench)["Ada (EUR)"] == ("Euro", 8000)


def test_one_currency_alone_holds_the_others(bench):
    bench.invoice("2", "80.00", currency="EUR")
    bench.tenant.sync()
    assert any("the company file keeps its books in USD" in note for note in bench.notes("held"))
    with_euros(bench)
    bench.tenant.a_day_passes()
    for _ in range(3):
        bench.tenant.sync()
    assert bench.notes("held") == []
    assert customers(bench)["Ada (EUR)"] == ("Euro", 8000)
    is_proved(bench)


def test_a_payment_in_another_currency_than_its_invoice_is_held(bench):
    with_euros(bench)
    bench.invoice("1", "100.00")
    bench.payment("p", "50.00", [("1", "50.00")], currency="EUR")
    for _ in range(2):
        bench.tenant.sync()
    assert any("which is in USD, and is itself in EUR" in note for note in bench.notes("held"))


@pytest.mark.parametrize("unfit", ["ask", "shorten"])
def test_the_currency_is_never_cut_from_a_long_name(bench, unfit):
    with_euros(bench)
    bench.choose(name_unfit=unfit)
    name = "Ada of the Extraordinarily Long Name Ltd"
    bench.tenant.put("customers", "long", name=name)
    bench.invoice("2", "80.00", currency="EUR", customer="long")
    for _ in range(2):
        bench.tenant.sync()
    euros = [one for one, (currency, _) in customers(bench).items() if currency == "Euro"]
    if unfit == "ask":
        assert euros == []
        assert any("QuickBooks keeps 41" in note for note in bench.notes("held"))
    else:
        (made,) = euros
        assert made.endswith(" (EUR)")
        assert len(made) <= 41
        is_proved(bench)


def test_a_second_customer_follows_its_record(bench):
    with_euros(bench)
    bench.invoice("2", "80.00", currency="EUR")
    for _ in range(2):
        bench.tenant.sync()
    bench.tenant.put("customers", "ada", version=2, name="Ada", phone="555-0100")
    bench.tenant.sync()
    with bench.tenant.company() as company:
        for name in ("Ada", "Ada (EUR)"):
            assert company.lists.named("Customer", name).fields["Phone"] == "555-0100"
        people.edit(company, "Customer", "Ada (EUR)", Phone="555-0199")
    drained(bench)


def test_quickbooks_keeps_a_customer_in_the_currency_it_began_with(bench):
    with_euros(bench)
    bench.invoice("1", "100.00")
    bench.tenant.sync()
    bench.tenant.put("customers", "ada", version=2, name="Ada", currency="EUR")
    bench.invoice("2", "80.00", currency="EUR")
    bench.invoice("3", "20.00", currency="USD")
    for _ in range(2):
        bench.tenant.sync()
    assert customers(bench) == {"Ada": ("", 12000), "Ada (EUR)": ("Euro", 8000)}
    is_proved(bench)
    drained(bench)


def test_the_proof_by_customer_is_of_each_currency_before_and_after_it_is_booked(bench):
    with_euros(bench)
    bench.tenant.sync()
    bench.invoice("1", "100.00")
    bench.invoice("2", "80.00", currency="EUR")
    assert control_accounts(bench) == {"Accounts Receivable", "Accounts Receivable - EUR"}
    waiting = {row.account: row.causes for row in bench.tenant.proof().rows if row.billed > 0}
    assert waiting == {
        "Accounts Receivable": {Cause.NOT_SENT: 100},
        "Accounts Receivable - EUR": {Cause.HELD: 80},
    }
    assert customers_booked(bench) == {"USD": (100, 0, 0), "EUR": (80, 0, 0)}
    assert_customers_add_up(bench.tenant)
    for _ in range(2):
        bench.tenant.sync()
    bench.payment("p", "50.00", [("2", "50.00")], currency="EUR")
    assert customers_booked(bench) == {"USD": (100, 0, 100), "EUR": (80, 50, 80)}
    bench.do("change_amounts", "Invoice", "2", "75.00")
    bench.read_back()
    assert customers_booked(bench)["EUR"] == (80, 50, 25)
    assert_customers_add_up(bench.tenant)


def test_differences_in_two_currencies_are_not_added_up(bench):
    with_euros(bench)
    bench.tenant.sync()
    bench.invoice("1", "100.00")
    bench.invoice("2", "80.00", currency="EUR")
    proof = bench.tenant.proof()
    assert proof.differences == {"EUR": 80, "USD": 100}
    shares = {share.cause: share.amounts for share in proof.shares if share.amounts}
    assert shares == {Cause.NOT_SENT: {"USD": 100}, Cause.HELD: {"EUR": 80}}
    assert "80.00 EUR · 100.00 USD" in proof_table(proof)
    assert proof.as_json()["differences"] == {"EUR": "80.00", "USD": "100.00"}


def control_accounts(bench):
    with bench.tenant.db() as db:
        opened = open_tenant(db, bench.tenant.slug)
        exporter = exporter_for(db, opened, main_connection(db, opened))
        return Places(db, exporter.account).receivables()


def customers_booked(bench):
    """What all customers together are billed, paid, and booked, by currency."""
    with bench.tenant.db() as db:
        _, totals = customers_for(db, open_tenant(db, bench.tenant.slug)).page()
        return {row.currency: (row.billed, row.paid, row.booked) for row in totals}


def test_money_in_a_currency_goes_to_the_account_chosen_for_it(bench):
    with_euros(bench)
    with bench.tenant.company() as company:
        company.lists.add("Account", "Euro Bank", AccountType="Bank", CurrencyRef="Euro")
    bench.tenant.sync()
    choose_accounts(bench.tenant, **{"deposit.": "Checking"})
    bench.invoice("1", "100.00")
    bench.invoice("2", "80.00", currency="EUR")
    bench.payment("p", "60.00", [("1", "60.00")])
    bench.payment("q", "50.00", [("2", "50.00")], currency="EUR")
    for _ in range(3):
        bench.tenant.sync()
    (note,) = bench.notes("held")
    assert "“Checking” is kept in US Dollar in QuickBooks and takes nothing in EUR" in note
    choose_accounts(bench.tenant, **{"money_in.EUR": "Euro Bank"})
    for _ in range(2):
        bench.tenant.sync()
    booked = rows(bench)
    assert (booked["Euro Bank", "EUR"], booked["Checking", "USD"]) == (50, 60)
    is_proved(bench)
    drained(bench)
