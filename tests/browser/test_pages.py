"""The pages in a real browser, as people use them: by keyboard, on a small screen, without JavaScript."""

import re
from decimal import Decimal

import pytest

from hub.books.connections import main_connection
from hub.books.models import Trouble
from hub.qbwc import readback
from hub.sandbox import faults, people, qwc
from hub.tenants.service import open_tenant
from tests.views.conftest import fill


def test_signing_in_by_keyboard_lands_on_the_proof(full, person):
    person.sign_in(full)
    assert person.heading() == "Proof"
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")
    assert person.page.evaluate("location.hash") == "#main"
    assert not person.complaints


def test_the_way_to_the_qwc_file(full, person):
    person.sign_in(full)
    for title in ("Billing cycles", "Accounting/ERP Integration", "Integration Settings"):
        person.click(title)
        assert person.heading() == title
    person.click("Download QWC file")
    with person.page.expect_download() as download:
        person.click("Download the same file again")
    assert download.value.suggested_filename == f"{full.slug}.qwc"
    assert qwc.parse(download.value.path().read_text()).username == full.username
    assert not person.complaints


def test_two_clicks_make_one_charge(full, person):
    person.sign_in(full)
    person.click("Charges")
    form = person.page.locator("form", has_text="Create the charge")
    form.get_by_label("Name").fill("Gold plan")
    form.get_by_label("Price").fill("49.5")
    form.get_by_role("button").dblclick()
    person.page.get_by_text("The charge “Gold plan” is saved.").wait_for()
    person.click("Charges")
    assert person.page.get_by_role("row", name="Gold plan").count() == 1
    assert not person.complaints


def some_work(tenant):
    """Something on every page: what is booked, what waits, and what is held."""
    fill(tenant)
    tenant.put("charges", "silver", name="Silver plan")
    lines = [{"charge": "silver", "amount": "3.00"}]
    tenant.put("invoices", "i-2", number="2", customer="c-1", date="2026-10-05", lines=lines)
    tenant.sync()
    # What QuickBooks refuses, and what it never answered to.
    tenant.batch([("customer", f"r-{number}", {"name": f"Refused {number}"}) for number in (1, 2)])
    tenant.sync(plan=faults.refusing("Refused", 3040, "There was an error.", times=2))
    tenant.put("customers", "lost", name="Lost")
    tenant.sync(plan=faults.whenever("Lost", faults.LOSE_ANSWER))


OPEN = ("/sign-in", "/api/docs", "/help", "/qbwc")


@pytest.mark.parametrize("javascript", [True], indirect=True)
def test_every_page_is_accessible(full, person):
    some_work(full)
    for path in person.walk(*OPEN):
        person.look()
        person.assert_accessible(path)
    person.sign_in(full)
    for path in person.walk(f"/t/{full.slug}"):
        person.look()
        # Around it all pages are the same, and the records of all kinds are alike.
        if "/records/" not in path or "/records/invoices" in path:
            person.assert_accessible(path, "main")


@pytest.mark.parametrize("javascript", [False], indirect=True)
def test_every_page_stands_without_javascript(summary, person):
    some_work(summary)
    person.sign_in(summary)
    seen = list(map(person.look, person.walk(f"/t/{summary.slug}", *OPEN)))
    assert len(seen) > 30


STATES = {
    "Company file moved or copied": {
        "trouble": Trouble.MOVED,
        "found": {"name": "A copy", "path": "D:"},
    },
    "Wrong company file": {"trouble": Trouble.WRONG_FILE, "found": {"name": "Other", "path": "D:"}},
    "Blocked by QuickBooks": {
        "trouble": Trouble.QUICKBOOKS,
        "problem": "Closed. (0x80040416: No file.)",
    },
    "Waits for you": {"confirmed": None},
    "Not set up": {"staff_id": None},
}


@pytest.mark.parametrize("javascript", [True], indirect=True)
def test_the_states_of_a_connection_and_its_queue_are_accessible(full, person):
    some_work(full)
    person.sign_in(full)
    for word, columns in STATES.items():
        with full.db() as db:
            connection = main_connection(db, open_tenant(db, full.slug))
            for name, value in columns.items():
                setattr(connection, name, value)
        person.go(f"/t/{full.slug}/connection")
        assert word in person.page.locator("main").inner_text()
        person.look()
        person.assert_accessible(word, "main")
        with full.db() as db:
            main_connection(db, open_tenant(db, full.slug)).trouble = None
    for state in ("failed", "held", "doubt", "done"):
        person.go(f"/t/{full.slug}/queue?state={state}")
        person.look()
        person.assert_accessible(state, "main")


@pytest.mark.parametrize("javascript", [True], indirect=True)
@pytest.mark.parametrize("mode, kind", [("full", "Invoice"), ("summary", "JournalEntry")])
def test_what_differs_from_what_was_sent_is_shown_accessibly(world, person, mode, kind):
    tenant = world.tenant(mode)
    tenant.sync()
    fill(tenant, closed=True)
    for _ in range(2):
        tenant.sync()
    with tenant.company() as company:
        one = company.transactions.all(kind)[0]
        twice = [f"{Decimal(2 * line['amount']).scaleb(-2)}" for line in one.lines]
        people.change_amounts(company, one.id, *twice)
    with tenant.db() as db:
        readback.want(db, main_connection(db, open_tenant(db, tenant.slug)))
    tenant.sync()
    person.sign_in(tenant)
    seen = []
    start = f"/t/{tenant.slug}/proof/customers?from=2026-10&to=2026-10"
    for path in [start, *person.walk(f"/t/{tenant.slug}/proof/delivery", f"/t/{tenant.slug}")]:
        if "/proof" in path:
            person.go(path)
            person.look()
            person.assert_accessible(path, "main")
            seen.append(re.sub(r"\d+", "1", path.split("/proof/")[-1]))
    sheet = f"delivery/{'invoice' if mode == 'full' else 'journal-entry'}/1"
    assert {"delivery", sheet, "customers", "customers/1"} <= set(seen), seen


def test_a_pause_is_set_and_what_cannot_be_is_said_at_the_field(full, person):
    full.sync()
    person.sign_in(full)
    person.go(f"/t/{full.slug}/connection")
    person.page.get_by_label("Pause until").fill("2001-01-01T10:00")
    person.click("Pause", "button")
    assert "is past" in person.page.locator("#e-until").inner_text()
    assert person.page.get_by_label("Pause until").input_value() == "2001-01-01T10:00"
    # The browser itself tells that the page was not taken.
    assert [one for one in person.complaints if "422" not in one] == []
    person.page.get_by_label("Minimum minutes").fill("45")
    person.click("Save", "button")
    person.page.get_by_text("At least 45 minutes lie between two runs.").wait_for()


def test_ticked_records_are_tried_again(full, person):
    some_work(full)
    person.sign_in(full)
    person.go(f"/t/{full.slug}/queue?state=failed")
    for box in person.page.get_by_role("checkbox").all():
        box.check()
    person.click("Try the ticked ones again", "button")
    person.page.get_by_text("2 queued again.").wait_for()
    assert not person.complaints
