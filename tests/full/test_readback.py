"""What people change or delete in QuickBooks is found, shown, and never written over silently."""

import time

import pytest
from sqlalchemy import text

from hub.tenants.service import open_tenant
from tests.full.test_changes import all_is_proved, drained
from tests.views.test_walls import check


@pytest.fixture
def booked(bench):
    bench.invoice("1042", "100.00", "20.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    return bench


def test_what_the_hub_did_itself_is_nobodys_edit(booked):
    booked.invoice("1042", "90.00")
    booked.tenant.sync()
    booked.read_back()
    assert booked.link("invoice:").edited is None
    assert booked.notes("failed", "held") == []


def test_an_edited_invoice_waits_for_a_person_with_both_versions_shown(booked):
    booked.do("change_amounts", "Invoice", "1042", "100.00", "15.00")
    booked.read_back()

    (note,) = booked.notes("failed")
    assert (
        "Total 120.00 → 115.00; Line 2 Subscription · Gold · 20.00 → Subscription · Gold · 15.00" in note
    )
    link = booked.link("invoice:")
    assert (link.content["Total"], link.found["Total"]) == ("120.00", "115.00")
    # The books are told as they are.
    assert booked.tenant.proof().difference == 5
    assert booked.tenant.balances()["Sales:Subscriptions"] == -115
    assert booked.read_back().message == "0 booked, 1 need you: see http://localhost:6543"


def test_a_new_version_does_not_write_over_an_edit(booked):
    booked.do("change_amounts", "Invoice", "1042", "100.00", "15.00")
    booked.invoice("1042", "130.00")
    booked.tenant.sync()
    booked.tenant.sync()

    assert booked.documents() == [("1042", "115.00", "55.00")]
    (note,) = booked.notes("held")
    assert "Somebody changed this in QuickBooks: Total 120.00 → 115.00" in note


def test_an_edit_that_is_taken_back_counts_no_more(booked):
    for amounts in (("100.00", "15.00"), ("100.00", "20.00")):
        booked.do("change_amounts", "Invoice", "1042", *amounts)
        booked.read_back()
    assert booked.link("invoice:").edited is None
    all_is_proved(booked)


def test_where_the_billing_counts_its_version_is_booked_again(booked):
    booked.choose(conflict="billing")
    booked.payment("p", "60.00", [("1042", "60.00")], status="void")
    booked.tenant.sync()
    booked.do("change_amounts", "Invoice", "1042", "100.00", "15.00")
    booked.read_back()
    booked.tenant.sync()

    assert booked.documents() == [("1042", "120.00", "120.00")]
    assert booked.link("invoice:").edited is None
    all_is_proved(booked)
    drained(booked)


def test_where_quickbooks_counts_its_version_stays(booked):
    booked.choose(conflict="quickbooks")
    booked.do("change_amounts", "Invoice", "1042", "100.00", "15.00")
    booked.read_back()

    assert booked.notes("failed", "held") == []
    link = booked.link("invoice:")
    assert link.edited is not None
    assert link.found is None
    assert booked.tenant.proof().difference == 5
    booked.invoice("1042", "130.00")
    booked.tenant.sync()
    assert any("own version was kept" in note for note in booked.notes("held"))


def test_a_deleted_payment_waits_for_a_person(booked):
    booked.do("delete_transaction", "ReceivePayment", "p")
    booked.read_back()
    (note,) = booked.notes("failed")
    assert "QuickBooks does not have this any more" in note
    assert booked.tenant.proof().difference == 60


def test_where_the_billing_counts_what_was_deleted_is_made_anew(booked):
    booked.choose(conflict="billing")
    booked.do("delete_transaction", "ReceivePayment", "p")
    booked.read_back()
    booked.tenant.sync()
    assert booked.documents("ReceivePayment") == [("p", "60.00", "0.00")]
    all_is_proved(booked)
    drained(booked)


def test_where_quickbooks_counts_what_was_deleted_is_excluded(booked):
    booked.choose(conflict="quickbooks")
    booked.do("delete_transaction", "ReceivePayment", "p")
    booked.read_back()
    (note,) = booked.notes("excluded")
    assert "deleted in QuickBooks" in note
    booked.payment("p", "60.00", [("1042", "60.00")])
    booked.tenant.sync()
    assert booked.documents("ReceivePayment") == []


def test_the_paid_status_is_read_back(booked):
    assert booked.link("invoice:").balance == 120
    booked.read_back()
    assert booked.link("invoice:").balance == 60


def test_it_is_read_back_every_few_hours_and_never_where_that_is_off(booked):
    booked.read_back()
    assert booked.tenant.sync().nothing_to_do
    with booked.tenant.db() as db:
        open_tenant(db, booked.tenant.slug)
        db.execute(text("UPDATE readback SET read = read - interval '7 hours'"))
    booked.choose(readback_hours=0)
    assert booked.tenant.sync().nothing_to_do
    booked.choose(readback_hours=6)
    booked.tenant.sync()
    assert "TxnDeletedQuery" in booked.tenant.messages()[-1]
    assert booked.tenant.sync().nothing_to_do


def test_an_edited_journal_entry_is_found_too(summary):
    from tests.full.bench import Bench

    summary.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    lines = [{"charge": "gold", "amount": "10.00"}]
    head = {"customer": "ada", "date": "2026-05-03", "billing_cycle": "may"}
    summary.put("invoices", "i1", number="1", lines=lines, **head)
    summary.sync()
    summary.close("may")
    summary.sync()
    bench = Bench.__new__(Bench)
    bench.tenant = summary
    ((number, _, _),) = bench.documents("JournalEntry")
    bench.do("change_memo", "JournalEntry", number, 0, "as agreed")
    bench.read_back()
    (note,) = bench.notes("failed")
    assert "Somebody changed this in QuickBooks: Line 1" in note


def standing(page):
    """Return what the page of a document says is open of it, and as of when."""
    said = page.html.find("dt", string="Still to be paid").find_next("dd")
    return said.text.split(" as of ")[0], said.time["datetime"]


@pytest.mark.parametrize("hours", [24, 0], ids=["now and then", "never"])
def test_what_is_open_is_said_with_its_moment_and_read_again_on_demand(booked, browser, hours):
    booked.choose(readback_hours=hours)
    page = browser.get(f"/t/{booked.tenant.slug}/records/invoices").click("^1042$")
    check(page)
    amount, first = standing(page)
    assert amount == "120.00 USD"
    # Moments are told to the second.
    time.sleep(1)
    answer = page.forms["read-again"].submit(status=303).follow()
    assert "What has changed in QuickBooks is read with" in answer
    booked.tenant.sync()
    page = browser.get(page.request.path)
    amount, second = standing(page)
    assert (amount, second > first) == ("60.00 USD", True)
    booked.tenant.sync()
    assert standing(browser.get(page.request.path)) == (amount, second)
    # What nobody has changed since is known anew all the same.
    time.sleep(1)
    page.forms["read-again"].submit(status=303)
    booked.tenant.sync()
    amount, third = standing(browser.get(page.request.path))
    assert (amount, third > second) == ("60.00 USD", True)
    assert "To be read back" in browser.get(f"/t/{booked.tenant.slug}/audit")
