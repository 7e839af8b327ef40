"""Taxes that QuickBooks computes itself: what it makes of them is compared with what was billed."""

from decimal import Decimal

import pytest

from hub.books.chart import Chart
from hub.books.connections import main_connection
from hub.exporters.choices import Choices
from hub.qbwc import imports
from hub.sandbox import people
from hub.tenants.service import open_tenant
from tests.full.test_changes import all_is_proved, drained

STATE = "State Tax"
"""7.5 %; the group State and County has 1.25 % more."""


@pytest.fixture
def taxed(bench):
    """The tenant lets QuickBooks compute its tax ``CA`` by the item State Tax."""
    for status in ("open", "void"):
        bench.invoice("1", "1.00", taxes=[{"code": "CA", "amount": "0.08"}], status=status)
    bench.tenant.sync()
    return Taxed(bench)


class Taxed:
    """A bench at which documents have a tax."""

    def __init__(self, bench):
        self.bench = bench
        self.tenant = bench.tenant
        self.choose_item(STATE)

    def choose_item(self, name, code="CA"):
        with self.tenant.db() as db:
            tenant = open_tenant(db, self.tenant.slug)
            Choices(db, tenant, main_connection(db, tenant)).save({f"tax.{code}": name})

    def bill(self, number, amount, tax, **more):
        self.bench.invoice(number, amount, taxes=[{"code": "CA", "amount": tax}], **more)

    def credit(self, number, amount, tax):
        self.bench.credit_memo(number, amount, taxes=[{"code": "CA", "amount": tax}])

    def booked(self, kind="Invoice"):
        return [(number, total) for number, total, _ in self.bench.documents(kind)]

    def payable(self):
        return self.tenant.balances().get("Sales Tax Payable", Decimal("0.00"))


def test_the_same_tax_is_booked_and_proved(taxed):
    taxed.bill("1042", "100.00", "7.50")
    taxed.credit("7", "1.00", "0.08")
    taxed.tenant.sync()

    assert taxed.bench.notes("held", "failed") == []
    assert taxed.booked() == [("1042", "107.50")]
    assert taxed.booked("CreditMemo") == [("7", "1.08")]
    assert taxed.payable() == Decimal("-7.42")
    sent = "".join(taxed.tenant.messages())
    assert "<ItemSalesTaxRef>" in sent
    assert "Tax CA" not in sent
    all_is_proved(taxed.bench)
    drained(taxed.bench)


def test_a_group_computes_its_taxes_one_by_one(taxed):
    taxed.choose_item("State and County")
    taxed.bill("1042", "0.60", "0.06")
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "0.66")]
    all_is_proved(taxed.bench)


def test_only_charges_that_are_marked_are_taxed(taxed):
    taxed.tenant.put("charges", "box", name="Box", item="Starter Kit", taxable=True)
    lines = [{"charge": "box", "amount": "10.00"}, {"charge": "gold", "amount": "90.00"}]
    taxed.bench.invoice("1042", lines=lines, taxes=[{"code": "CA", "amount": "0.75"}])
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "100.75")]
    all_is_proved(taxed.bench)


def test_what_has_no_tax_is_not_taxed(taxed):
    taxed.bench.invoice("1042", "100.00")
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "100.00")]
    all_is_proved(taxed.bench)


@pytest.mark.parametrize(("kind", "number"), [("Invoice", "1042"), ("CreditMemo", "7")])
def test_a_cent_of_difference_is_held_until_the_billing_corrects_it(taxed, kind, number):
    push = taxed.bill if kind == "Invoice" else taxed.credit
    push(number, "100.00", "7.51")
    taxed.tenant.sync()

    assert taxed.booked(kind) == [(number, "107.50")]
    (note,) = taxed.bench.notes("held")
    assert "QuickBooks makes 107.50 of it, and the billing 107.51: a difference of 0.01" in note
    assert abs(taxed.tenant.proof().difference) == Decimal("0.01")

    push(number, "100.00", "7.50")
    taxed.tenant.sync()
    assert taxed.bench.notes("held", "failed") == []
    all_is_proved(taxed.bench)
    drained(taxed.bench)


def test_the_setting_leads_out_of_what_is_held(taxed):
    taxed.bill("1042", "100.00", "7.51")
    taxed.tenant.sync()
    assert taxed.bench.notes("held")
    taxed.bench.choose(tax_difference="adjust")
    taxed.tenant.a_day_passes()
    taxed.tenant.sync()

    assert taxed.bench.notes("held", "failed") == []
    assert taxed.booked() == [("1042", "107.51")]
    all_is_proved(taxed.bench)
    drained(taxed.bench)


@pytest.mark.parametrize("tax", ["7.51", "7.49", "8.00"])
def test_a_line_makes_up_for_it_on_the_same_account(taxed, tax):
    taxed.bench.choose(tax_difference="adjust")
    taxed.bill("1042", "100.00", tax)
    taxed.credit("7", "200.00", "15.01")
    taxed.tenant.sync()

    assert taxed.bench.notes("held", "failed") == []
    assert taxed.booked() == [("1042", str(100 + Decimal(tax)))]
    assert taxed.booked("CreditMemo") == [("7", "215.01")]
    assert taxed.payable() == Decimal("15.01") - Decimal(tax)
    all_is_proved(taxed.bench)
    drained(taxed.bench)


def test_a_changed_invoice_is_compared_anew(taxed):
    taxed.bench.choose(tax_difference="adjust")
    taxed.bill("1042", "100.00", "7.51")
    taxed.tenant.sync()
    taxed.bill("1042", "200.00", "15.01")
    taxed.tenant.sync()
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "215.01")]
    taxed.bill("1042", "40.00", "3.00")
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "43.00")]
    all_is_proved(taxed.bench)
    drained(taxed.bench)


def test_a_credit_memo_takes_the_tax_back_with_the_invoice(taxed):
    taxed.bill("1042", "100.00", "7.50")
    taxed.bench.payment("1", "50.00", [("1042", "50.00")])
    taxed.tenant.sync()
    taxed.bill("1042", "100.00", "7.50", status="void")
    taxed.tenant.sync()
    taxed.tenant.sync()

    assert [total for _, total in taxed.booked("CreditMemo")] == ["107.50"]
    assert taxed.payable() == Decimal("0.00")


def test_one_document_takes_one_tax_item(taxed):
    both = [{"code": "CA", "amount": "7.50"}, {"code": "LA", "amount": "1.25"}]
    taxed.bench.invoice("1042", "100.00", taxes=both)
    taxed.choose_item("County Tax", "LA")
    taxed.tenant.sync()
    (note,) = taxed.bench.notes("held")
    assert "Choose one group of both" in note

    taxed.choose_item("State and County")
    taxed.choose_item("State and County", "LA")
    taxed.tenant.a_day_passes()
    taxed.tenant.sync()
    assert taxed.booked() == [("1042", "108.75")]
    all_is_proved(taxed.bench)


@pytest.mark.parametrize("names", [("Tax", "Exm"), ("Yes", "Non"), ("Yes", "No"), ("Non", "Tax")])
def test_sales_tax_codes_are_known_whatever_people_call_them(taxed, names):
    ids = {}
    with taxed.tenant.company() as company:
        for name, other in (("Tax", "1"), ("Non", "2")):
            ids[name] = people.rename(company, "SalesTaxCode", name, other).id
        for other, name in zip("12", names, strict=True):
            people.rename(company, "SalesTaxCode", other, name)
    import_whole(taxed.tenant)
    lines = [{"charge": "gold", "amount": "90.00"}, {"charge": "box", "amount": "10.00"}]
    taxed.tenant.put("charges", "box", name="Box", item="Starter Kit", taxable=True)
    taxed.bench.invoice("1042", lines=lines, taxes=[{"code": "CA", "amount": "0.75"}])
    taxed.tenant.sync()

    assert taxed.bench.notes("held", "failed") == []
    assert taxed.booked() == [("1042", "100.75")]
    with taxed.tenant.company() as company:
        (sale,) = company.transactions.all("Invoice")
    assert [line["code"] for line in sale.lines] == [ids["Non"], ids["Tax"]]
    all_is_proved(taxed.bench)


def test_where_the_preferences_name_no_codes_they_are_found_by_name(taxed):
    with taxed.tenant.db() as db:
        connection = main_connection(db, open_tenant(db, taxed.tenant.slug))
        kept = {name: fact for name, fact in connection.company.items() if "_code" not in name}
        assert len(connection.company) == len(kept) + 2
        connection.company = kept
        open_tenant(db, taxed.tenant.slug)
        chart = Chart(db, connection)
        assert chart.sales_tax_code("untaxed_code", "Non").full_name == "Non"
        assert chart.sales_tax_code("taxable_code", "Tax").full_name == "Tax"


def test_sales_tax_payable_may_be_called_anything(taxed):
    with taxed.tenant.company() as company:
        people.rename(company, "Account", "Sales Tax Payable", "Umsatzsteuer")
    import_whole(taxed.tenant)
    taxed.bill("1042", "100.00", "7.50")
    taxed.credit("7", "1.00", "0.08")
    taxed.tenant.sync()
    assert taxed.bench.notes("held", "failed") == []
    assert taxed.tenant.balances()["Umsatzsteuer"] == Decimal("-7.42")
    all_is_proved(taxed.bench)
    with taxed.tenant.company() as company:
        people.rename(company, "Account", "Umsatzsteuer", "VAT")
    import_whole(taxed.tenant)
    all_is_proved(taxed.bench)


def import_whole(tenant):
    """Read all lists again from their beginning."""
    with tenant.db() as db:
        imports.want(db, main_connection(db, open_tenant(db, tenant.slug)))
    tenant.sync()
