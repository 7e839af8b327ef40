"""Journal entries at the pages: looked at, approved, taken back, undone, and kept as files."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import pytest
from sqlalchemy import text

from hub.books.connections import main_connection
from hub.qbwc import imports
from hub.tenants.models import Approval, Control, LateChange
from hub.tenants.service import open_tenant
from tests.journal import Bookkeeper, cycle


@pytest.fixture
def books(summary, filled):
    """A bookkeeper whose October is closed and waits for approval."""
    keeper = Bookkeeper(summary)
    keeper.choose(approval=Approval.AFTER_FIRST)
    summary.sync()
    filled(summary, closed=True)
    return keeper


@pytest.fixture
def browser(summary, enter):
    return enter(summary)


def listed(browser, tenant, stand=""):
    return browser.get(f"/t/{tenant.slug}/journal-entries?stand={stand}")


def opened(browser, books, number):
    return browser.get(f"/t/{books.tenant.slug}/journal-entries/{books.entry(number).id}")


def import_whole(tenant):
    """Read all lists again from their beginning."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        connection = main_connection(db, opened)
        imports.want(db, connection)
    tenant.sync()


def press(page, act):
    return next(form for name, form in page.forms.items() if str(name).startswith(act)).submit().follow()


def test_full_mode_says_that_it_has_none(full, enter):
    page = listed(enter(full), full)
    assert "There are none in Full Synchronization Mode" in page
    assert "Review items queued" in page


def test_an_empty_list_says_what_makes_the_first(summary, browser):
    assert "begins with the first invoice or payment" in listed(browser, summary)


def test_what_gathers_waits_is_booked_and_is_undone_is_listed(summary, browser, books):
    assert "None is “Booked”" in listed(browser, summary, "booked")
    waiting = listed(browser, summary, "waiting")
    numbers = {row.text for row in waiting.html.select("tbody th code")}
    assert numbers == {"C261031-1", "P261031-1", "B261031-1"}
    press(waiting, "approve")
    books.approve_all()
    assert "queued" in listed(browser, summary, "under_way").text.lower()
    summary.sync()
    assert len(listed(browser, summary, "booked").html.select("tbody tr")) == 3


def test_ticked_entries_are_approved_once(summary, browser, books):
    page = listed(browser, summary, "waiting")
    form = page.forms["ticked"]
    boxes = [box["value"] for box in page.html.select("input[name=entry]")]
    token = form["csrf_token"].value
    given = [("csrf_token", token), ("stand", "waiting"), *(("entry", box) for box in boxes)]
    address = f"/t/{summary.slug}/journal-entries"
    answer = browser.post(address, given).follow()
    assert "are approved and go with" in answer
    again = browser.post(address, given).follow()
    assert "None of these waits for approval any more" in again
    summary.sync()
    assert summary.proof().difference == 0
    audit = browser.get(f"/t/{summary.slug}/audit")
    assert audit.text.lower().count("approved") == 1
    assert "Tick the entries" in browser.post(address, {"csrf_token": token}).follow()


def test_an_entry_stands_as_it_will_in_quickbooks_and_ties_out(summary, browser, books):
    page = opened(browser, books, "B261031-1")
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.select("th, td")]
        for row in page.html.select("table")[0].select("tbody tr")
    ]
    assert ["Billing Clearing", "October · B261031-1", "54.07", ""] in rows
    assert ["Sales:Subscriptions", "October · B261031-1", "", "49.95"] in rows
    tie = page.html.select("table")[1]
    assert tie.tfoot.get_text(" ", strip=True) == "Difference 0.00"
    assert "− this entry" in tie.text


def test_every_family_ties_out_after_late_changes(summary, browser, books):
    books.approve_all()
    summary.sync()
    summary.put(
        "invoices",
        "i-1",
        version=2,
        number="1042",
        customer="c-1",
        date="2026-10-06",
        billing_cycle="m",
        lines=[{"charge": "gold", "amount": "60.00"}],
    )
    summary.put("payments", "p-2", customer="c-1", date="2026-10-20", amount="5.93")
    summary.put(
        "invoices",
        "i-3",
        number="3",
        customer="c-1",
        date="2026-09-06",
        lines=[{"charge": "gold", "amount": "7.00"}],
    )
    summary.put(
        "invoices",
        "i-4",
        number="4",
        customer="c-1",
        date="2026-10-07",
        lines=[{"charge": "gold", "amount": "8.00"}],
    )
    for entry in books.entries():
        page = opened(browser, books, entry.number)
        tie = page.html.select("table")[1]
        assert tie.tfoot.get_text(" ", strip=True) == "Difference 0.00", tie.text


def test_a_line_opens_its_records(summary, browser, books):
    page = opened(browser, books, "B261031-1").click("Billing Clearing")
    assert "1 posting of 54.07" in page
    record = page.click("Invoice 1042")
    assert "Ada Lovelace" in record


def test_lines_stay_open_to_their_records_once_booked(summary, browser, books):
    books.approve_all()
    summary.sync()
    page = opened(browser, books, "B261031-1")
    assert "QuickBooks has it" in page
    assert "TxnID" in page
    for line in page.html.select("table")[0].select("tbody th a"):
        lead = browser.get(line["href"]).html.select_one(".lead-text").text
        amounts = {cell.text for cell in line.find_parent("tr").select(".num") if cell.text}
        assert re.search(r"-?([\d.,]+) USD", lead)[1] in amounts


def test_what_stands_in_the_way_has_its_button(summary, browser, books):
    summary.put("charges", "gold", version=2, name="Gold plan")
    page = opened(browser, books, "B261031-1")
    assert "has no accounting code" in page
    charge = page.click("Map the charge")
    assert "Gold plan" in charge.html.h1.text
    nothing = page.click("\\(no account yet")
    assert "1 posting of -49.95" in nothing
    listing = listed(browser, summary, "waiting")
    assert "What to do about B261031-1" in listing.html.select_one("tbody tr:last-child .act").text


def test_an_approval_is_taken_back_while_nothing_is_sent(summary, browser, books):
    page = press(opened(browser, books, "B261031-1"), "approve")
    assert "B261031-1 is approved" in page
    page = press(page, "withdraw")
    assert "is taken back" in page
    summary.sync()
    assert summary.counts().get("JournalEntry", 0) == 0
    press(opened(browser, books, "B261031-1"), "approve")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 1
    form = {"csrf_token": page.forms[0]["csrf_token"].value, "act": "withdraw"}
    address = f"/t/{summary.slug}/journal-entries/{books.entry('B261031-1').id}"
    assert "Reverse it instead" in browser.post(address, form).follow()


def test_what_is_not_as_approved_any_more_is_approved_anew(summary, browser, books):
    press(opened(browser, books, "B261031-1"), "approve")
    summary.put("charges", "gold", version=2, name="Gold plan", accounting_code="4020")
    page = opened(browser, books, "B261031-1")
    assert "not what was approved any more" in page
    press(page, "approve")
    summary.sync()
    assert summary.balances()["Sales:Usage"] == Decimal("-49.95")


@pytest.fixture
def amended(summary, books):
    """A bookkeeper whose booked October has an amendment that waits."""
    books.approve_all()
    summary.sync()
    books.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    body = {"customer": "c-1", "number": "9", "date": "2026-10-07", "billing_cycle": "m"}
    summary.put("charges", "plus", name="Plus", accounting_code="4010")
    summary.put("invoices", "i-9", **body, lines=[{"charge": "plus", "amount": "8.00"}])
    return books


def test_an_amendment_that_is_not_as_approved_any_more_is_approved_anew(summary, browser, amended):
    press(opened(browser, amended, "B261031-1"), "approve")
    summary.put("charges", "plus", version=2, name="Plus", accounting_code="4020")
    page = opened(browser, amended, "B261031-1")
    assert "not what was approved any more" in page
    press(page, "approve")
    summary.sync()
    assert summary.balances()["Sales:Usage"] == Decimal("-8.00")
    assert summary.proof().difference == 0


def test_an_entry_whose_amendment_waits_is_undone_as_quickbooks_has_it(summary, browser, amended):
    page = opened(browser, amended, "B261031-1").click("Reverse or void")
    assert "Billing Clearing 54.07" in page.html.select_one("table").get_text(" ", strip=True)
    form = next(form for form in page.forms.values() if form.action.endswith("/undo"))
    assert "waits for your approval" in form.submit().follow()
    assert "is undone already" in form.submit().follow()
    assert "B261031-1" not in listed(browser, summary, "waiting").html.select_one("tbody").text
    summary.sync()
    amended.approve_all()
    summary.sync()
    assert summary.balances() == summary.billed()
    assert summary.proof().difference == 0


@pytest.mark.parametrize(("how", "left"), [("reversal", 4), ("void", 3)])
def test_undoing_shows_its_effect_first_and_happens_once(summary, browser, books, how, left):
    books.approve_all()
    summary.sync()
    page = opened(browser, books, "B261031-1").click("Reverse or void")
    effect = page.html.select_one("table").get_text(" ", strip=True)
    assert "Billing Clearing 54.07" in effect
    form = next(form for form in page.forms.values() if form.action.endswith("/undo"))
    form["how"] = how
    answer = form.submit().follow()
    assert "waits for your approval" in answer
    again = form.submit().follow()
    assert "is undone already" in again
    summary.sync()
    assert summary.counts()["JournalEntry"] == left
    books.approve_all()
    summary.sync()
    assert summary.proof().difference == 0
    assert summary.balances() == summary.billed()
    word = {"reversal": "reversed", "void": "voided"}[how]
    assert f"Journal entry {word}" in browser.get(f"/t/{summary.slug}/audit")


@pytest.mark.parametrize("how", ["reversal", "void"])
def test_a_whole_batch_is_undone_at_once(summary, browser, books, how):
    books.approve_all()
    summary.sync()
    before = summary.balances()
    page = opened(browser, books, "B261031-1").click("Reverse or void").click("Undo the whole batch")
    form = next(form for form in page.forms.values() if form.action.endswith("/undo"))
    form["how"] = how
    assert "wait for your approval" in form.submit().follow()
    assert "is undone already" in form.submit().follow()
    summary.sync()
    assert summary.balances() == {}
    books.approve_all()
    summary.sync()
    assert summary.proof().difference == 0
    assert summary.balances() == before


def test_a_batch_of_which_one_entry_cannot_be_undone_stays_whole(summary, browser, books):
    books.approve_all()
    summary.sync()
    page = opened(browser, books, "B261031-1").click("Reverse or void").click("Undo the whole batch")
    books.choose(approval=Approval.MANUAL)
    summary.put("payments", "late", customer="c-1", date="2026-10-20", amount="1.00")
    books.approve_all()
    form = next(form for form in page.forms.values() if form.action.endswith("/undo"))
    assert "cannot be reversed" in form.submit(status=422)
    assert not any(entry.undone for entry in books.entries())


def test_a_closed_period_cannot_be_voided(summary, browser, books):
    books.approve_all()
    summary.sync()
    books.choose(lock_date=dt.date(2026, 10, 31))
    page = opened(browser, books, "B261031-1").click("Reverse or void")
    assert page.html.select_one("#how-void").has_attr("disabled")
    form = next(form for form in page.forms.values() if form.action.endswith("/undo"))
    refused = browser.post(
        form.action, {"csrf_token": form["csrf_token"].value, "how": "void"}, status=422
    )
    assert "in a closed period" in refused


def test_files_for_the_accountant(summary, browser, books):
    page = opened(browser, books, "B261031-1")
    text = page.click("^CSV$").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["debit"] or 0) for row in rows) == Decimal("54.07")
    assert sum(Decimal(row["credit"] or 0) for row in rows) == Decimal("54.07")
    pdf = page.click("^PDF$")
    assert pdf.content_type == "application/pdf"
    assert pdf.body.startswith(b"%PDF-")


def test_support_looks_and_does_not_approve(summary, support, books):
    page = opened(support, books, "B261031-1")
    assert "Approve" not in [button.text for button in page.html.select("main button")]
    address = f"/t/{summary.slug}/journal-entries/{books.entry('B261031-1').id}"
    token = page.forms[0]["csrf_token"].value
    support.post(address, {"csrf_token": token, "act": "approve"}, status=403)


def test_another_tenants_entries_are_not_there(summary, full, world, enter, books):
    other = enter(world.tenant("summary"))
    other.get(f"/t/{summary.slug}/journal-entries", status="4*")


def test_a_dry_run_books_what_waits_in_a_scratch_company(summary, browser, books):
    page = listed(browser, summary).click("Dry run of what waits")
    assert "All would be booked" in page
    balance = page.html.select("table")[1].get_text(" ", strip=True)
    assert "Sales:Subscriptions 0.00 -44.95 -44.95" in balance
    assert page.html.select("table")[1].tfoot.get_text(" ", strip=True) == "All accounts 0.00 0.00 0.00"
    assert summary.counts().get("JournalEntry", 0) == 0
    assert len(books.do("waiting")) == 3
    books.approve_all()
    summary.sync()
    shown = {
        row.th.text: row.select("td")[-1].text for row in page.html.select("table")[1].select("tbody tr")
    }
    assert {name: Decimal(value) for name, value in shown.items() if value != "0.00"} == {
        name: value for name, value in summary.balances().items() if value
    }


def test_a_dry_run_begins_with_what_stands_on_the_accounts(summary, browser, books):
    books.approve_all()
    summary.sync()
    books.choose(approval=Approval.MANUAL)
    summary.put("customers", "c-2", name="Grace")
    lines = [{"charge": "gold", "amount": "7.00"}]
    invoice = {"number": "9", "customer": "c-2", "date": "2026-10-20", "billing_cycle": "m"}
    summary.put("invoices", "i-9", **invoice, lines=lines)
    books.ripen()
    page = listed(browser, summary, "waiting").click("Dry run of what waits")
    rows = {
        row.th.text: [cell.text for cell in row.select("td")]
        for row in page.html.select("table")[1].select("tbody tr")
    }
    assert rows == {
        "Billing Clearing": ["0.00", "7.00", "7.00"],
        "Sales:Subscriptions": ["-44.95", "-7.00", "-51.95"],
    }


def test_a_dry_run_adds_nothing_twice_of_what_was_imported_since(summary, browser, books):
    books.approve_all()
    summary.sync()
    books.choose(approval=Approval.MANUAL)
    import_whole(summary)
    summary.put(
        "invoices",
        "i-9",
        number="9",
        customer="c-1",
        date="2026-10-20",
        billing_cycle="m",
        lines=[{"charge": "gold", "amount": "7.00"}],
    )
    page = listed(browser, summary, "waiting").click("Dry run of what waits")
    balance = page.html.select("table")[1].get_text(" ", strip=True)
    assert "Sales:Subscriptions -44.95 -7.00 -51.95" in balance
    assert "do not come to zero" not in page


def test_a_dry_run_says_what_the_balances_are_short_of(summary, browser, books):
    with summary.db() as db:
        open_tenant(db, summary.slug)
        db.execute(text("UPDATE list_entry SET balance = 70 WHERE full_name = 'Checking'"))
        db.execute(text("UPDATE list_entry SET balance = 20 WHERE full_name = 'Sales Tax Collected'"))
        db.execute(text("UPDATE list_entry SET balance = NULL WHERE type = 'Income'"))
    page = listed(browser, summary).click("Dry run of what waits")
    assert "has -50.00 on Opening Balance Equity besides" in page
    balance = page.html.select("table")[1].get_text(" ", strip=True)
    assert "Sales Tax Collected -20.00 -4.12 -24.12" in balance
    assert "All accounts 0.00" in balance


def test_a_dry_run_of_an_amendment_shows_what_it_changes(summary, browser, books):
    books.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    books.approve_all()
    summary.sync()
    lines = [{"charge": "gold", "amount": "7.00"}]
    invoice = {"number": "9", "customer": "c-1", "date": "2026-10-20", "billing_cycle": "m"}
    summary.put("invoices", "i-9", **invoice, lines=lines)
    page = listed(browser, summary, "waiting").click("Dry run of what waits")
    balance = page.html.select("table")[1].get_text(" ", strip=True)
    assert "Billing Clearing 0.00 7.00 7.00" in balance
    assert "Sales:Subscriptions -44.95 -7.00 -51.95" in balance


def test_a_dry_run_creates_the_accounts_that_are_on_their_way(summary, browser, books):
    books.do("create_account", "New Sales", "Income", "4999")
    summary.put("charges", "gold", version=2, name="Gold plan", accounting_code="New Sales")
    entry = opened(browser, books, "B261031-1")
    assert "waits for the account “New Sales”, which QuickBooks is asked to create" in entry
    (cure,) = entry.html.select(".causes a")
    assert cure.text == "Review items queued"
    page = entry.click("Dry run")
    assert "All would be booked" in page
    assert "the account “New Sales”" in page
    balance = page.html.select("table")[1].get_text(" ", strip=True)
    assert "New Sales 0.00 -49.95 -49.95" in balance
    summary.sync()
    summary.sync()
    assert "All would be booked" in opened(browser, books, "B261031-1").click("Dry run")
    assert "First came" not in opened(browser, books, "B261031-1").click("Dry run")


def test_a_dry_run_says_what_could_not_be_created(summary, browser, books):
    books.do("create_account", "New Sales", "Income", "4010")
    page = listed(browser, summary).click("Dry run of what waits")
    assert "The account number is already in use" in page
    assert "The entries would be booked, but not all" in page
    assert "Sales:Subscriptions 0.00 -44.95 -44.95" in page.html.select("table")[1].get_text(
        " ", strip=True
    )


def test_a_dry_run_says_what_would_be_refused(summary, browser, books):
    summary.put("charges", "gold", version=2, name="Gold plan")
    page = opened(browser, books, "B261031-1").click("Dry run")
    assert "1 of 1 would not be booked" in page
    assert "has no accounting code" in page
    assert "No account moves" in page


def test_nothing_to_try_is_said(summary, full, browser, enter):
    answer = browser.get(f"/t/{summary.slug}/journal-entries/dry-run").follow()
    assert "nothing to try" in answer
    answer = enter(full).get(f"/t/{full.slug}/journal-entries/dry-run").follow()
    assert "no journal entries in this mode" in answer


def test_closing_a_cycle_leads_to_what_waits(summary, browser, filled):
    Bookkeeper(summary).choose(approval=Approval.MANUAL)
    summary.sync()
    filled(summary)
    page = browser.get(f"/t/{summary.slug}/billing-cycles").click("Close it")
    assert "wait for your approval then" in page
    assert "B261031-1" in page
    form = next(form for form in page.forms.values() if form.action.endswith("/close"))
    answer = form.submit().follow()
    assert "“October” is closed. 3 journal entries wait for your approval." in answer
    assert answer.request.GET["stand"] == "waiting"
    cycles = browser.get(f"/t/{summary.slug}/billing-cycles")
    assert "Waits for approval" in cycles
    assert "3 wait for your approval" in browser.get(f"/t/{summary.slug}/integration")


def test_accounts_receivable_stands_first_in_the_master_customers_name(summary, browser):
    keeper = Bookkeeper(summary)
    keeper.choose(approval=Approval.MANUAL, control=Control.RECEIVABLE)
    summary.sync()
    summary.put("customers", "c-1", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    cycle(summary)
    lines = [{"charge": "gold", "amount": "10.00"}]
    summary.put("invoices", "i", number="1", customer="c-1", date="2026-05-02", lines=lines)
    summary.close("c")
    tried = listed(browser, summary, "waiting").click("Dry run of what waits")
    assert "All would be booked" in tried
    assert "First came what the next run creates: the customer “Billing customers”." in " ".join(
        tried.html.text.split()
    )
    assert summary.counts()["Customer"] == 2
    keeper.approve_all()
    summary.sync()
    summary.sync()
    page = opened(browser, keeper, "B260531-1")
    first = page.html.select("table")[0].select_one("tbody tr").get_text(" ", strip=True)
    assert first.startswith("Accounts Receivable Billing customers")
    summary.put("invoices", "j", number="2", customer="c-1", date="2026-05-03", lines=lines)
    tried = listed(browser, summary, "waiting").click("Dry run of what waits")
    assert "All would be booked" in tried
