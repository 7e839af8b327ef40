"""Charges, records, billing cycles, the queue and the lists."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from hub.ledger.intake import Intake
from hub.ledger.models import BillingCycle, Charge, Customer
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox
from hub.tenants.service import open_tenant


def form_of(page, ending):
    return next(form for form in page.forms.values() if form.action.endswith(ending))


def charges_of(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        found = db.scalars(select(Charge)).all()
        db.expunge_all()
        return found


# charges


def test_a_charge_is_created_once(tenant, enter):
    browser = enter(tenant)
    page = browser.get(f"/t/{tenant.slug}/charges")
    assert "No charges yet" in page
    form = form_of(page, "/charges")
    form["name"], form["price"] = "Gold plan", "$1,049.5"
    assert "is saved" in form.submit(status=303).follow()
    form.submit(status=303)
    (charge,) = charges_of(tenant)
    assert (charge.name, str(charge.price), charge.version) == ("Gold plan", "1049.50", 1)
    page = browser.get(f"/t/{tenant.slug}/charges")
    assert "Not mapped" in page
    assert browser.get(f"/t/{tenant.slug}/audit").text.count("Charge created") == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Give the charge a name"),
        ({"name": "   "}, "Give the charge a name"),
        ({"name": "x", "price": "a lot"}, "Write an amount such as"),
        ({"name": "x", "price": "12,50"}, "Write an amount such as"),
        ({"name": "x", "price": "1" * 19}, "Write an amount such as"),
        ({"name": "x", "external_id": ""}, "needs a value"),
        ({"name": "x" * 201}, "201 characters"),
        ({"name": "a\x00b"}, "plain text"),
        ({"name": "\x1b[31m"}, "plain text"),
    ],
)
def test_a_charge_that_is_wrong_is_kept_on_the_page(summary, enter, fields, sentence):
    browser = enter(summary)
    form = form_of(browser.get(f"/t/{summary.slug}/charges"), "/charges")
    for name, value in fields.items():
        form[name].force_value(value)
    form["description"] = "What I typed"
    page = form.submit(status=422)
    assert sentence in page
    assert form_of(page, "/charges")["description"].value == "What I typed"
    assert charges_of(summary) == []


def test_an_id_is_taken_once(summary, enter):
    browser = enter(summary)
    form = form_of(browser.get(f"/t/{summary.slug}/charges"), "/charges")
    form["name"], form["external_id"] = "Gold", "gold"
    form.submit(status=303)
    form["name"] = "Silver"
    assert "a charge with this id already" in form.submit(status=422)


def test_mapping_a_charge_frees_what_was_held(summary, enter):
    summary.put("charges", "gold", name="Gold plan")
    summary.put("customers", "c", name="Ada")
    summary.put("billing-cycles", "m", name="October", starts="2026-10-01", ends="2026-10-31")
    line = {"charge": "gold", "amount": "10.00"}
    summary.put("invoices", "i", number="1", customer="c", date="2026-10-05", lines=[line])
    summary.close("m")
    summary.sync()
    browser = enter(summary)
    queue = browser.get(f"/t/{summary.slug}/queue?state=held")
    assert "has no accounting code" in queue
    page = browser.get(f"/t/{summary.slug}/charges").click("Gold plan")
    form = form_of(page, page.request.path)
    assert "4010 · Sales:Subscriptions" in page
    form["accounting_code"] = "Sales:Subscriptions"
    form.submit(status=303)
    form.submit(status=303)
    (charge,) = charges_of(summary)
    assert (charge.accounting_code, charge.version) == ("Sales:Subscriptions", 2)
    assert [state for _, state, _ in summary.operations()] == ["queued"]
    summary.sync()
    assert summary.proof().difference == 0


def test_two_people_do_not_overwrite_each_other(summary, enter):
    summary.put("charges", "gold", name="Gold plan", item="Kept")
    one, other = (enter(summary) for _ in range(2))
    pages = [browser.get(f"/t/{summary.slug}/charges").click("Gold plan") for browser in (one, other)]
    forms = [form_of(page, page.request.path) for page in pages]
    forms[0]["name"], forms[1]["name"] = "Gold", "Golden"
    forms[0].submit(status=303)
    page = forms[1].submit(status=422)
    assert "Somebody has changed this charge" in page
    (charge,) = charges_of(summary)
    assert (charge.name, charge.item) == ("Gold", "Kept")


# records


@pytest.mark.parametrize(
    ("kind", "word", "text"),
    [
        ("customers", "lovelace", "Ada Lovelace"),
        ("invoices", "1042", "1042"),
        ("invoices", "Ada", "1042"),
        ("payments", "chk-77", "chk-77"),
        ("credit-memos", "CM-1", "CM-1"),
        ("refunds", "r-1", "r-1"),
    ],
)
def test_records_are_found_and_shown(tenant, enter, filled, kind, word, text):
    filled(tenant, closed=True)
    tenant.sync()
    browser = enter(tenant)
    assert "Nothing found" in browser.get(f"/t/{tenant.slug}/records/{kind}", {"q": "100%_\\"})
    page = browser.get(f"/t/{tenant.slug}/records/{kind}", {"q": word}).click(f"^{text}$")
    assert text in page.html.h1.text
    state = page.html.find(id="there").parent.get_text(" ", strip=True)
    if tenant.counts().get("Invoice"):
        assert "TxnID" in state or "ListID" in state
    elif kind == "customers":
        assert "stay out of QuickBooks" in state
    else:
        assert "Journal entry" in state
        assert "TxnID" in state


def test_an_invoice_shows_its_lines_and_what_settles_it(full, enter, filled):
    filled(full)
    full.sync()
    page = enter(full).get(f"/t/{full.slug}/records/invoices").click("1042")
    text = page.html.find("main").get_text(" ", strip=True)
    for part in (
        "49.95",
        "8.25%",
        "4.12",
        "54.07",
        "Payment chk-77",
        "Settled of 54.07",
        "Sales:Hosting",
    ):
        assert part in text


def test_a_long_list_has_pages(full, enter):
    full.batch([("customer", f"c-{n:03}", {"name": f"Customer {n:03}"}) for n in range(60)])
    page = enter(full).get(f"/t/{full.slug}/records/customers?q=Customer")
    assert "Customer 059" in page
    assert "Customer 009" not in page
    older = page.click("Older")
    assert "Customer 009" in older
    assert "Customer 010" not in older
    assert "Older" not in older.html.find("main").text
    assert "Customer 059" in older.click("Newest")


def test_a_void_invoice_says_so(full, enter):
    full.put("customers", "c", name="Ada")
    full.put("charges", "g", name="G", item="Hosting:Pro")
    body = {"number": "9", "customer": "c", "date": "2026-10-01", "status": "void"}
    full.put("invoices", "i", lines=[{"charge": "g", "amount": "1.00"}], **body)
    browser = enter(full)
    assert "Void" in browser.get(f"/t/{full.slug}/records/invoices").click("9")


# billing cycles


def test_a_billing_cycle_is_created_and_closed_once(tenant, enter, filled):
    browser = enter(tenant)
    form = form_of(browser.get(f"/t/{tenant.slug}/billing-cycles"), "/billing-cycles")
    form["name"], form["starts"], form["ends"] = "October", "2026-10-01", "2026-10-31"
    form["external_id"] = "m"
    form.submit(status=303)
    form.submit(status=303)
    filled(tenant)
    page = browser.get(f"/t/{tenant.slug}/billing-cycles")
    assert "54.07" in page
    ask = page.click("Close it")
    assert "1 invoice of 54.07" in ask
    close = form_of(ask, "/close")
    assert "is closed" in close.submit(status=303).follow()
    close.submit(status=303)
    assert "closed already" in browser.get(ask.request.path, status=303).follow()
    assert browser.get(f"/t/{tenant.slug}/audit").text.count("Billing cycle closed") == 1
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        assert len(db.scalars(select(BillingCycle)).all()) == 1
    tenant.sync()
    assert tenant.proof().difference == 0
    page = browser.get(f"/t/{tenant.slug}/billing-cycles")
    if tenant.counts().get("JournalEntry") == 2 and not tenant.counts().get("Invoice"):
        assert "B261031-1" in page
        assert "Booked" in page


def test_a_cycle_that_closes_waits_for_the_records_being_taken(summary, enter, filled):
    filled(summary)
    browser = enter(summary)
    page = browser.get(f"/t/{summary.slug}/billing-cycles")
    close = form_of(page.click("Close it"), "/close")
    with ThreadPoolExecutor(1) as pool:
        with summary.db() as db:
            opened = open_tenant(db, summary.slug)
            intake = Intake(db, opened, Outbox(db, opened))
            intake.take_one("customer", "c-2", {"version": 1, "name": "Ben"})
            closing = pool.submit(close.submit, status=303)
            time.sleep(0.5)
            lines = [{"charge": "gold", "amount": "3.00"}]
            head = {"number": "2", "customer": "c-2", "date": "2026-10-05", "billing_cycle": "m"}
            intake.take_one("invoice", "i-2", head | {"version": 1, "lines": lines})
        closing.result()
    assert summary.sync().ok
    assert summary.proof().waiting == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ends": "2026-09-01"}, "before the cycle starts"),
        ({"ends": "31.10.2026"}, "YYYY-MM-DD"),
        ({"name": ""}, "Give the billing cycle a name"),
    ],
)
def test_a_billing_cycle_that_is_wrong_is_kept(summary, enter, fields, sentence):
    form = form_of(enter(summary).get(f"/t/{summary.slug}/billing-cycles"), "/billing-cycles")
    given = {"name": "October", "starts": "2026-10-01", "ends": "2026-10-31"} | fields
    for name, value in given.items():
        form[name].force_value(value)
    page = form.submit(status=422)
    assert sentence in page
    assert form_of(page, "/billing-cycles")["starts"].value == "2026-10-01"


# the queue


def fail(tenant, note="3140: no such item"):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        operation = db.scalars(select(Operation).order_by(Operation.id)).first()
        operation.state, operation.note = State.FAILED, note
        return operation.id


def test_a_failed_operation_is_tried_again(full, enter):
    full.put("customers", "c", name="Ada Lovelace")
    operation = fail(full)
    browser = enter(full)
    assert "1 record needs you" in browser.get(f"/t/{full.slug}").html.get_text(" ", strip=True)
    page = browser.get(f"/t/{full.slug}/queue?state=failed")
    assert "3140: no such item" in page
    form = page.forms[f"retry-{operation}"]
    assert "Customer Ada Lovelace is queued again" in form.submit(status=303).follow()
    assert "queued already" in form.submit(status=303).follow()
    assert [state for _, state, _ in full.operations()] == ["queued"]
    assert "Nothing needs you" in browser.get(f"/t/{full.slug}/queue?state=failed")
    assert browser.get(f"/t/{full.slug}/audit").text.count("Tried again") == 1


def test_what_is_still_held_says_so(full, enter):
    full.put("customers", "c", name="Ada: Lovelace")
    browser = enter(full)
    page = browser.get(f"/t/{full.slug}/records/customers").click("Ada: Lovelace")
    form = next(form for form in page.forms.values() if "/queue/" in form.action)
    assert "still held" in form.submit(status=303).follow()


def test_what_is_booked_is_not_tried_again(full, enter):
    full.put("customers", "c", name="Ada")
    full.sync()
    browser = enter(full)
    with full.db() as db:
        open_tenant(db, full.slug)
        (operation,) = db.scalars(select(Operation.id))
    page = browser.get(f"/t/{full.slug}/queue")
    assert f"retry-{operation}" not in page.forms
    fields = {"csrf_token": page.forms[0]["csrf_token"].value}
    answer = browser.post(f"/t/{full.slug}/queue/{operation}", fields, status=303).follow()
    assert "nothing to try again" in answer
    browser.post(f"/t/{full.slug}/queue/999999999", fields, status=404)
    browser.get(f"/t/{full.slug}/queue/999999999", status=404)


def test_lists_are_shown_and_imported_again(full, enter):
    browser = enter(full)
    assert "Nothing imported" in browser.get(f"/t/{full.slug}/lists/accounts")
    full.sync()
    page = browser.get(f"/t/{full.slug}/lists/items")
    assert "Hosting:Pro" in page
    form = form_of(page, "/lists/items")
    form.submit(status=303)
    assert "imported again" in form.submit(status=303).follow()
    assert full.connection().import_wanted
    audit = browser.get(f"/t/{full.slug}/audit")
    assert audit.text.count("Lists to be imported again") == 1


def test_summary_mode_has_no_items(summary, enter):
    summary.sync()
    page = enter(summary).get(f"/t/{summary.slug}/lists/items")
    assert "does not use it" in page


def test_text_of_strangers_is_shown_as_text(full, enter):
    name = "<script>alert(1)</script>"
    full.put("customers", "c", name=name)
    browser = enter(full)
    for path in ("/records/customers", "/queue", f"/records/customers?q={name}"):
        page = browser.get(f"/t/{full.slug}{path}")
        assert name not in page.text
        assert re.escape(name) or "&lt;script&gt;" in page
    with full.db() as db:
        open_tenant(db, full.slug)
        assert db.scalar(select(Customer.name)) == name
