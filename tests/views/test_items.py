"""Items in full mode: what charges are sold as, what is created, and what stands in."""

import re

import pytest

from hub.books.models import ListEntry, ListKind
from hub.sandbox import faults, people
from hub.tenants.service import open_tenant
from tests.protocol.conftest import operations
from tests.test_customers import wish
from tests.views.test_settings import form_of


def bill(tenant, *charges, number="1"):
    tenant.put("customers", "c", name="Ada")
    lines = [{"charge": charge, "amount": "5.00"} for charge in charges]
    tenant.put("invoices", f"i{number}", number=number, customer="c", date="2026-10-05", lines=lines)


def invoice(tenant):
    return operations(tenant, "invoice")[-1]


def item(tenant, full_name):
    with tenant.company() as company:
        return company.lists.named("Item", full_name)


@pytest.mark.parametrize(
    ("charge", "words"),
    [
        ({"item": "Welcome Bundle"}, "is a group of items"),
        ({"item": "Subtotal"}, "is a subtotal"),
        ({"item": "State Tax"}, "is a sales tax"),
        ({"item": "Old Plan"}, "which is inactive in the Items List"),
        ({"item": "Nowhere"}, "which is not in the Items List"),
        ({}, "has no item. Choose one on the Charges page"),
    ],
)
def test_a_charge_that_cannot_be_sold_says_why(full, charge, words):
    full.put("charges", "gold", name="Gold", **charge)
    bill(full, "gold")
    full.sync()
    assert invoice(full).state.value == "held"
    assert words in invoice(full).note


def test_a_charge_without_an_item_is_sold_as_the_item_of_its_name(full):
    full.put("charges", "gold", name="SUBSCRIPTION")
    bill(full, "gold")
    assert full.sync().message == "2 booked. All is well."
    assert invoice(full).note == ""


def test_a_name_counts_only_where_the_tenant_wants_that(full):
    wish(full, item_by_name=False)
    full.put("charges", "gold", name="Subscription")
    bill(full, "gold")
    full.sync()
    assert "has no item" in invoice(full).note


def test_missing_items_are_created_before_their_invoices(full):
    wish(full, item_missing="create", item_account="Sales:Subscriptions")
    full.put("charges", "gold", name="Gold plan", price="49.95")
    full.put("charges", "silver", name="Silver", item="Silver plan", description="The smaller one")
    full.put("charges", "known", name="Known", item="Subscription")
    bill(full, "gold", "silver", "known")
    assert full.sync().message == "4 booked. All is well."
    made = item(full, "Gold plan")
    assert made.kind == "ItemService"
    assert made.fields["Price"] == "49.95"
    assert item(full, "Silver plan").fields["Desc"] == "The smaller one"
    assert full.proof().difference == 0
    assert full.sync().nothing_to_do


def test_no_item_is_created_without_an_income_account(full):
    wish(full, item_missing="create")
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    full.sync()
    assert "New items need an income account" in invoice(full).note
    assert item(full, "Gold plan") is None


def test_a_name_that_no_item_can_have_waits(full):
    wish(full, item_missing="create", item_account="Sales:Subscriptions")
    full.put("charges", "gold", name="G" * 32)
    full.sync()
    (one,) = operations(full, "charge")
    assert "QuickBooks keeps 31 letters and no colon" in one.note


def test_an_item_is_created_when_a_person_says_so(full, enter):
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    full.sync()
    browser = enter(full)
    page = browser.get(f"/t/{full.slug}/charges").click("Gold plan")
    answer = page.forms["create-item"].submit(status=303).follow()
    assert "New items need an income account" in answer
    form = form_of(browser.get(f"/t/{full.slug}/settings/full"), "/settings/full")
    form["item_account"] = "Sales:Subscriptions"
    form.submit(status=303)
    answer = page.forms["create-item"].submit(status=303).follow()
    assert "is created at the Web Connector" in answer
    full.sync()
    assert item(full, "Gold plan") is not None
    assert invoice(full).state.value == "done"
    assert "Item to be created" in browser.get(f"/t/{full.slug}/audit")
    assert "There is an item" in page.forms["create-item"].submit(status=303).follow()
    assert full.sync().nothing_to_do


def test_charges_of_before_get_items_once_the_tenant_wants_that(full, enter):
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    full.sync()
    form = form_of(enter(full).get(f"/t/{full.slug}/settings/full"), "/settings/full")
    form["item_account"], form["item_missing"] = "Sales:Subscriptions", "create"
    form.submit(status=303)
    assert full.sync().message == "2 booked. All is well."
    assert full.proof().difference == 0


def test_an_item_of_unknown_fate_is_found_again(full):
    wish(full, item_missing="create", item_account="Sales:Subscriptions")
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    plan = faults.refusing("<ItemServiceAddRq", 1000, runs=True)
    full.sync(plan=plan)
    for _ in range(4):
        full.sync()
    with full.company() as company:
        assert sum(one.name == "Gold plan" for one in company.lists.all("Item")) == 1
    assert invoice(full).state.value == "done"
    assert full.sync().nothing_to_do


def test_an_item_that_somebody_made_meanwhile_is_taken(full):
    full.sync()
    wish(full, item_missing="create", item_account="Sales:Subscriptions")
    with full.company() as company, company.atomic():
        account = company.lists.named("Account", "Sales:Subscriptions").id
        company.lists.add("Item", "Gold plan", "ItemService", account=account, Price="0.00", code="")
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    full.sync()
    assert operations(full, "charge")[-1].note == "Sold as the item “Gold plan”."
    assert invoice(full).state.value == "done"


def test_the_fallback_item_stands_in_and_says_so(full, enter):
    wish(full, item_fallback="Subscription")
    full.put("charges", "gold", name="Gold plan")
    bill(full, "gold")
    full.sync()
    assert invoice(full).state.value == "done"
    assert invoice(full).note == "“Gold plan” is sold as the fallback item “Subscription”."
    assert "Subscription (fallback)" in enter(full).get(f"/t/{full.slug}/settings")
    assert full.proof().difference == 0


def test_what_stood_in_on_a_held_invoice_is_not_said_of_the_next(full):
    with full.company() as company:
        people.hide(company, "Item", "Usage")
    wish(full, item_fallback="Subscription")
    full.put("charges", "gold", name="Gold plan")
    full.put("charges", "used", name="Used", item="Usage")
    full.put("charges", "plain", name="Plain", item="Hosting:Pro")
    bill(full, "gold", "used", number="1")
    bill(full, "plain", number="2")
    full.sync()
    held, booked = operations(full, "invoice")
    assert "Usage" in held.note
    assert (booked.state.value, booked.note) == ("done", "")


KINDS = (
    *("ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemInventory", "ItemInventoryAssembly"),
    *("ItemFixedAsset", "ItemSubtotal", "ItemDiscount", "ItemPayment", "ItemSalesTax"),
    *("ItemSalesTaxGroup", "ItemGroup"),
)


ACCOUNTS = {
    **dict.fromkeys(("ItemService", "ItemNonInventory", "ItemOtherCharge"), "SalesOrPurchase"),
    **dict.fromkeys(("ItemInventory", "ItemInventoryAssembly"), "IncomeAccountRef"),
    "ItemDiscount": "AccountRef",
}


def ret(number, kind):
    reference = "<FullName>Sales</FullName>"
    match ACCOUNTS.get(kind):
        case "SalesOrPurchase":
            account = f"<SalesOrPurchase><AccountRef>{reference}</AccountRef></SalesOrPurchase>"
        case None:
            account = ""
        case name:
            account = f"<{name}>{reference}</{name}>"
    return (
        f"<{kind}Ret><ListID>80-{number}</ListID><TimeModified>2026-10-01T10:00:00-05:00</TimeModified>"
        f"<EditSequence>1</EditSequence><Name>{kind}</Name><IsActive>true</IsActive>{account}</{kind}Ret>"
    )


def test_all_twelve_kinds_of_item_are_imported(full, caller):
    """C.5: an ItemQuery answers with any mix of them."""
    one = caller(full).open()
    while "<ItemQueryRq" not in (message := one.ask()):
        one.answer(message)
    request = re.search('<ItemQueryRq requestID="([^"]*)"', message)[1]
    items = "".join(ret(number, kind) for number, kind in enumerate(KINDS))
    answer = (
        f'<?xml version="1.0"?><QBXML><QBXMLMsgsRs><ItemQueryRs requestID="{request}" statusCode="0" '
        f'statusSeverity="Info" statusMessage="OK" iteratorRemainingCount="0" iteratorID="x">{items}'
        "</ItemQueryRs></QBXMLMsgsRs></QBXML>"
    )
    one.calls.receive_response_xml(answer)
    with full.db() as db:
        open_tenant(db, full.slug)
        found = {one.type: one.account for one in db.query(ListEntry).filter_by(kind=ListKind.ITEM)}
    assert set(found) == set(KINDS)
    assert {kind for kind, account in found.items() if account} == set(ACCOUNTS)
