"""What people change in QuickBooks shows in the delivery, in the proof, and customer by customer."""

import pytest

from hub.books.connections import main_connection
from hub.books.differences import Cause
from hub.qbwc import readback
from hub.sandbox import people
from hub.tenants.service import open_tenant
from tests.views.test_proof import (
    MONTH,
    assert_customers_add_up,
    bill,
    by_customer,
    causes,
    policy,
)
from tests.views.test_walls import check

KINDS = {"summary": "JournalEntry", "full": "Invoice"}


@pytest.fixture(params=["summary", "full"])
def booked(request, world):
    """A tenant with an invoice of 100.00 in May and one of 30.00 in June, both booked."""
    tenant = world.tenant(request.param)
    tenant.kind = KINDS[request.param]
    tenant.sync()
    tenant.put("billing-cycles", "may", **MONTH)
    tenant.put("billing-cycles", "june", name="June", starts="2026-06-01", ends="2026-06-30")
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    bill(tenant, "1", "100.00")
    bill(tenant, "2", "30.00", date="2026-06-02")
    tenant.close("may")
    tenant.close("june")
    tenant.sync()
    return tenant


def change(tenant, position, what, *amounts):
    """Let a person do something with a booked transaction in QuickBooks, and a run read it back."""
    with tenant.company() as company:
        found = company.transactions.all(tenant.kind)[position]
        getattr(people, what)(company, found.id, *amounts)
    with tenant.db() as db:
        readback.want(db, main_connection(db, open_tenant(db, tenant.slug)))
    tenant.sync()


def edit(tenant):
    amounts = ("90.00", "90.00") if tenant.kind == "JournalEntry" else ("90.00",)
    change(tenant, 0, "change_amounts", *amounts)


def test_an_amount_changed_in_quickbooks_is_beside_what_was_sent(booked, enter):
    edit(booked)
    assert causes(booked) == {Cause.EDITED: 10}
    delivery = booked.proof().delivery
    assert (delivery.sent, delivery.differing) == (2, 1)
    page = enter(booked).get(f"/t/{booked.slug}")
    assert "1 of 2 transactions in QuickBooks differs from what was sent." in page
    listed = page.click("See what differs")
    assert "10.00 USD" in listed
    sheet = listed.click("Compare")
    amounts = [cell.text for cell in sheet.html.find_all("td", class_="num")]
    assert amounts[:3] == ["100.00", "90.00", "10.00"]
    assert "Keep QuickBooks' version" in sheet.click("Decide")
    assert_customers_add_up(booked)


def test_what_is_deleted_in_quickbooks_is_missing_from_the_delivery(booked, enter):
    change(booked, -1, "delete_transaction")
    assert causes(booked) == {Cause.DELETED: 30}
    browser = enter(booked)
    listed = browser.get(f"/t/{booked.slug}/proof/delivery")
    assert "Deleted in QuickBooks" in listed
    sheet = listed.click("Compare")
    assert "QuickBooks no longer has it" in sheet
    amounts = [cell.text for cell in sheet.html.find_all("td", class_="num")]
    assert amounts[:3] == ["30.00", "0.00", "30.00"]
    assert_customers_add_up(booked)


def test_an_edit_that_is_taken_back_differs_no_more(booked, enter):
    edit(booked)
    amounts = ("100.00", "100.00") if booked.kind == "JournalEntry" else ("100.00",)
    change(booked, 0, "change_amounts", *amounts)
    assert causes(booked) == {}
    assert "No amount differs" in enter(booked).get(f"/t/{booked.slug}/proof/delivery")
    page = enter(booked).get(f"/t/{booked.slug}")
    assert "All 2 transactions that were sent are in QuickBooks as they were sent." in page


def test_the_months_hold_on_every_page_of_the_proof(booked, enter):
    change(booked, -1, "delete_transaction")
    bill(booked, "3", "7.00", date="2026-05-12")
    browser, months = enter(booked), "from=2026-06&to=2026-06"
    page = browser.get(f"/t/{booked.slug}?{months}")
    customers = page.click("Proof by customer")
    total = customers.html.tfoot.find_all(class_="num")
    assert [cell.text for cell in total] == ["30.00", "0.00", "30.00", "0.00", "30.00"]
    documents = customers.click("Ada")
    assert "June 2026 alone" in documents
    assert "Invoice 2" in documents
    assert "Invoice 1" not in documents
    assert "Invoice 3" not in documents
    assert documents.html.tfoot.find_all(class_="num")[-1].text == "30.00"
    for clicked in (documents.click("Compare"), page.click("See what differs").click("Compare")):
        assert (
            clicked.click("Back to the delivery").click("Back to the proof").request.query_string
            == months
        )
    everything = documents.click("Show all months")
    assert "Invoice 3" in everything


def test_a_month_that_is_none_is_said_among_the_customers(booked, enter):
    browser = enter(booked)
    page = browser.get(f"/t/{booked.slug}/proof/customers?from=2026-06&to=2026-05", status=422)
    assert page.html.find(class_="field-error")
    assert "Invoice 1" in page.click("Ada")
    browser.get(f"/t/{booked.slug}/proof/customers/999999", status=404)


def test_what_each_document_waits_for_opens_what_is_to_be_done(full, enter):
    full.sync()
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    full.put("charges", "lost", name="Lost")
    policy(full, cutover="2026-05-01")
    bill(full, "0", "70.00", date="2026-04-30")
    lines = [{"charge": "lost", "amount": "5.00"}]
    full.put("invoices", "1", number="1", customer="ada", date="2026-05-02", lines=lines)
    full.sync()
    bill(full, "2", "9.00", date="2026-05-03")
    documents = enter(full).get(f"/t/{full.slug}/proof/customers").click("Ada")
    rows = {row.th.text.strip(): row for row in documents.html.tbody.find_all("tr")}
    assert "Before cut-over" in rows["Invoice 0"].text
    assert "Held" in rows["Invoice 1"].text
    assert "Not sent" in rows["Invoice 2"].text
    held = rows["Invoice 1"].find("a", string="Details")["href"]
    assert "has no item" in documents.goto(held)
    assert documents.html.tfoot.find_all(class_="num")[-1].text == "84.00"


def test_the_totals_are_of_all_customers_whichever_page_is_shown(full, enter):
    full.batch(
        [("charge", "gold", {"name": "Gold", "item": "Subscription"})]
        + [("customer", f"c{number}", {"name": f"Customer {number:02}"}) for number in range(53)]
        + [
            (
                "invoice",
                f"i{number}",
                {
                    "number": str(number),
                    "customer": f"c{number}",
                    "date": "2026-05-03",
                    "currency": "EUR" if number == 52 else "USD",
                    "lines": [{"charge": "gold", "amount": "1.00" if number == 52 else "2.00"}],
                },
            )
            for number in range(53)
        ]
    )
    first = enter(full).get(f"/t/{full.slug}/proof/customers")
    second = first.click("Next")
    for page in (first, second):
        found = {row.th.text.split()[-1]: row for row in page.html.tfoot.find_all("tr")}
        assert found["USD"].find_all(class_="num")[0].text == "104.00"
        assert found["EUR"].find_all(class_="num")[0].text == "1.00"
    assert len(first.html.tbody.find_all("tr")) == 50
    assert len(second.html.tbody.find_all("tr")) == 3
    assert len(by_customer(full, "Customer 01")[0]) == 1


@pytest.mark.parametrize("tracked", [True, False])
def test_classes_of_documents_are_said_to_be_compared_elsewhere(world, enter, tracked):
    tenant = world.tenant("full")
    tenant.kind = "Invoice"
    with tenant.company() as company:
        company.prefer(IsUsingClassTracking=tracked)
        classes = [one.full_name for one in company.lists.all("Class")]
    tenant.sync()
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    lines = [{"charge": "gold", "amount": "100.00", "class": classes[0]}]
    tenant.put("invoices", "1", customer="ada", number="1", date="2026-05-03", lines=lines)
    tenant.sync()
    browser = enter(tenant)
    delivery = browser.get(f"/t/{tenant.slug}/proof/delivery")
    check(delivery)
    assert ("a class that somebody changes on a document is an edit" in delivery) is tracked
    if not tracked:
        return
    change(tenant, 0, "change_class", 0, classes[1])
    assert tenant.proof().difference == 0
    queue = browser.get(f"/t/{tenant.slug}/proof/delivery").click("Review items queued", index=1)
    assert f"{classes[0]} → " in queue.html.main.text
    invoice = (
        browser.get(f"/t/{tenant.slug}/records/invoices").click("^1$").request.path.rpartition("/")[2]
    )
    sheet = browser.get(f"/t/{tenant.slug}/proof/delivery/invoice/{invoice}")
    check(sheet)
    assert "Classes are not compared here" in sheet
    assert "Changed in QuickBooks" in sheet
    assert classes[1] in sheet.html.main.text
