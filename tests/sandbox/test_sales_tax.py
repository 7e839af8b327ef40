"""QuickBooks computes sales tax itself: what it computes, on what, and whom it is owed to."""

import pytest

from hub.sandbox import about, people

ADA = {"FullName": "Ada Ltd"}
STATE, GROUP = {"FullName": "State Tax"}, {"FullName": "State and County"}
AGENCY = "State Board of Equalization"


@pytest.fixture
def taxed(desk):
    """Somebody at a QuickBooks that computes sales tax."""
    desk.company.prefer(IsUsingSalesTax=True)
    desk.customer()
    return desk


def line(name, amount, code="Tax"):
    return {"ItemRef": {"FullName": name}, "Amount": amount, "SalesTaxCodeRef": {"FullName": code}}


def sale(*lines, kind="Invoice", **head):
    return {"CustomerRef": ADA, "ItemSalesTaxRef": STATE, **head, f"{kind}LineAdd": list(lines)}


def sums(ret):
    return ret.get("Subtotal"), ret.get("SalesTaxTotal")


def test_tax_is_computed_on_what_is_taxable(taxed):
    added = taxed.add("Invoice", sale(line("Support", "100.00"), line("Usage", "50.00", "Non")))
    assert sums(added) == ("150.00", "7.50")
    assert added.get("BalanceRemaining") == "157.50"
    assert added.get("ItemSalesTaxRef/FullName") == "State Tax"
    assert added.get("SalesTaxPercentage") == "7.5"
    assert taxed.balance("Accounts Receivable") == "157.50"
    assert taxed.balance("Sales Tax Payable") == "7.50"


@pytest.mark.parametrize(
    ("amount", "tax"), [("0.06", "0.00"), ("0.07", "0.01"), ("33.40", "2.51"), ("1.40", "0.11")]
)
def test_half_a_cent_is_rounded_up(taxed, amount, tax):
    assert sums(taxed.add("Invoice", sale(line("Support", amount)))) == (amount, tax)


def test_each_tax_of_a_group_is_rounded_by_itself(taxed):
    # 8.75 % of 0.60 is 0.0525; 7.5 % is 0.045 and 1.25 % is 0.0075.
    added = taxed.add("Invoice", sale(line("Support", "0.60"), ItemSalesTaxRef=GROUP))
    assert sums(added) == ("0.60", "0.06")
    assert added.get("SalesTaxPercentage") == "8.75"


def usual(desk):
    """Return the tax item of a sale that names none."""
    head = sale(line("Support", "100.00"))
    del head["ItemSalesTaxRef"]
    return desk.add("Invoice", head).get("ItemSalesTaxRef/FullName")


def preferred(company):
    ret = dict(about.preferences(company, None))["PreferencesRet"]
    return dict(dict(dict(ret)["SalesTaxPreferences"])["DefaultItemSalesTaxRef"])["FullName"]


def test_the_usual_tax_is_the_customers_or_the_companys_whatever_it_is_called(taxed):
    company = taxed.company
    assert usual(taxed) == preferred(company) == "State Tax"
    people.rename(company, "Item", "State Tax", "Ohio")
    assert usual(taxed) == preferred(company) == "Ohio"
    group = company.lists.named("Item", "State and County")
    company.prefer(DefaultItemSalesTax=group.id)
    assert usual(taxed) == preferred(company) == "State and County"
    county = company.lists.named("Item", "County Tax")
    people.edit(company, "Customer", "Ada Ltd", tax_item=county.id)
    assert usual(taxed) == "County Tax"
    assert preferred(company) == "State and County"


def test_the_agency_is_owed_the_tax(taxed):
    taxed.add("Invoice", sale(line("Support", "100.00")))
    agency = taxed.company.lists.named("Vendor", AGENCY)
    (invoice,) = taxed.company.transactions.all("Invoice")
    assert [(tax["vendor"], tax["cents"]) for tax in invoice.fields["taxes"]] == [(agency.id, 750)]


def test_a_taxable_discount_lowers_the_tax_and_another_does_not(taxed):
    taxable = sale(line("Support", "100.00"), line("Promotion", "10.00"))
    assert sums(taxed.add("Invoice", taxable)) == ("90.00", "6.75")
    other = sale(line("Support", "100.00"), line("Promotion", "10.00", "Non"))
    assert sums(taxed.add("Invoice", other)) == ("90.00", "7.50")


def test_a_credit_memo_takes_its_tax_back(taxed):
    memo = taxed.add("CreditMemo", sale(line("Support", "100.00"), kind="CreditMemo"))
    assert (memo.get("SalesTaxTotal"), memo.get("TotalAmount")) == ("7.50", "107.50")
    assert taxed.balance("Sales Tax Payable") == "-7.50"


def test_a_changed_invoice_is_taxed_anew_and_a_void_one_is_not(taxed):
    added = taxed.add("Invoice", sale(line("Support", "100.00")))
    id_ = added.get("TxnID")
    head = {"TxnID": id_, "EditSequence": added.get("EditSequence")}
    rows = [{"TxnLineID": "-1", **line("Support", "200.00")}]
    changed = taxed.do("InvoiceMod", {"InvoiceMod": {**head, "InvoiceLineMod": rows}})
    assert sums(changed) == ("200.00", "15.00")

    people.change_amounts(taxed.company, id_, "10.00")
    assert sums(taxed.look("Invoice", id_)) == ("10.00", "0.75")

    taxed.do("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": id_})
    assert sums(taxed.look("Invoice", id_)) == ("0.00", "0.00")
    assert taxed.balance("Sales Tax Payable") == "0.00"


def test_a_customer_who_is_not_taxable_pays_no_tax_unless_the_sale_says_so(taxed):
    non = taxed.company.lists.named("SalesTaxCode", "Non").id
    people.edit(taxed.company, "Customer", "Ada Ltd", tax_code=non)
    assert sums(taxed.add("Invoice", sale(line("Support", "100.00"))))[1] == "0.00"
    forced = sale(line("Support", "100.00"), CustomerSalesTaxCodeRef={"FullName": "Tax"})
    assert sums(taxed.add("Invoice", forced))[1] == "7.50"


def test_without_an_item_of_its_own_a_sale_has_the_usual_one(taxed):
    body = sale(line("Support", "100.00"))
    del body["ItemSalesTaxRef"]
    assert sums(taxed.add("Invoice", body)) == ("100.00", "7.50")


def test_what_is_no_sales_tax_is_refused(taxed):
    body = sale(line("Support", "100.00"), ItemSalesTaxRef={"FullName": "Support"})
    taxed.refuse_add("Invoice", body, 3140, "sales tax item or group")


def test_where_sales_tax_is_off_none_can_be_named(desk):
    desk.customer()
    desk.refuse_add("Invoice", sale(line("Support", "100.00")), 3250, "sales tax")
