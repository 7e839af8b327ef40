"""What a person decides about one record: left out, or whose version counts."""

import pytest

from hub.qbwc.models import State
from tests.full.bench import Bench
from tests.full.person import Person
from tests.full.test_changes import all_is_proved, drained
from tests.journal import invoice as entry_of
from tests.journal import start
from tests.views.test_walls import check


def operation(browser, bench, kind):
    page = browser.get(f"/t/{bench.tenant.slug}/queue/{bench.operation(kind)}")
    check(page)
    return page


def words(page):
    return page.html.main.get_text(" ", strip=True)


def test_what_depends_on_a_record_is_shown_before_it_is_excluded(bench, browser):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.credit_memo("7", "10.00", [("1042", "10.00")])
    page = operation(browser, bench, "invoice")
    assert "2 records that wait depend on it" in words(page)
    assert "Payment p" in words(page)
    assert "Credits used on invoice 1042" in words(page)

    page.forms["exclude"].submit(status=303)
    bench.tenant.sync()
    assert bench.documents() == []
    assert bench.documents("ReceivePayment") == []
    by = f"{bench.tenant.admin} has excluded it from QuickBooks."
    held = bench.notes("held")
    assert held
    assert all(f"Waits for the invoice “1042”. {by}" in note for note in held)
    assert all("Include that one again in the queue, or exclude this one too." in note for note in held)
    assert len(bench.notes("excluded")) == 1


def test_what_waits_says_at_once_that_somebody_has_excluded_what_it_waits_for(bench, browser):
    bench.tenant.sync()
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    assert any("which is not in QuickBooks yet" in note for note in bench.notes("held"))
    operation(browser, bench, "invoice").forms["exclude"].submit(status=303)
    assert any("has excluded it" in note for note in bench.notes("held"))
    operation(browser, bench, "invoice").forms["include"].submit(status=303)
    assert not any("has excluded it" in note for note in bench.notes("held"))
    bench.tenant.sync()
    assert bench.documents() == [("1042", "100.00", "40.00")]


def test_an_excluded_record_stays_out_however_often_it_changes(bench, browser):
    bench.invoice("1042", "100.00")
    bench.invoice("1043", "50.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    page = operation(browser, bench, "invoice")
    operation(browser, bench, "payment").forms["exclude"].submit(status=303)
    assert "1043" in words(page)
    page.forms["exclude"].submit(status=303)
    bench.invoice("1043", "55.00")
    bench.tenant.sync()
    assert [number for number, *_ in bench.documents()] == ["1042"]

    operation(browser, bench, "invoice").forms["include"].submit(status=303)
    operation(browser, bench, "payment").forms["include"].submit(status=303)
    bench.tenant.sync()
    assert bench.documents() == [("1042", "100.00", "40.00"), ("1043", "55.00", "55.00")]
    all_is_proved(bench)
    drained(bench)


def test_dependants_can_be_excluded_along(bench, browser):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    form = operation(browser, bench, "invoice").forms["exclude"]
    form["dependants"] = "1"
    form.submit(status=303)
    assert len(bench.notes("excluded")) == 2
    bench.tenant.sync()
    assert bench.notes("held") == []


def test_the_edited_document_is_shown_beside_what_was_booked(bench, browser):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1042", "90.00")
    bench.read_back()
    page = operation(browser, bench, "invoice")
    assert "Total 100.00 90.00" in words(page)
    record = browser.get(f"/t/{bench.tenant.slug}/records/invoices")
    record = record.click("1042")
    check(record)
    assert "Edited in QuickBooks" in words(record)
    assert "Total 100.00 90.00" in words(record)


def test_quickbooks_version_can_be_kept(bench, browser):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1042", "90.00")
    bench.read_back()
    operation(browser, bench, "invoice").forms["keep"].submit(status=303)
    assert bench.tenant.sync().nothing_to_do
    assert bench.documents() == [("1042", "90.00", "90.00")]
    assert bench.tenant.proof().difference == 10
    assert bench.read_back().message == "0 booked. All is well."


def test_the_billings_version_can_be_sent_again(bench, browser):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1042", "90.00")
    bench.read_back()
    number = bench.operation("invoice")
    operation(browser, bench, "invoice").forms[f"retry-{number}"].submit(status=303)
    bench.tenant.sync()
    assert bench.documents() == [("1042", "100.00", "100.00")]
    all_is_proved(bench)
    drained(bench)


def test_a_change_that_is_held_can_be_taken_as_made_there(bench, browser):
    bench.choose(edited="hold")
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1042", "80.00")
    bench.read_back()
    operation(browser, bench, "invoice").forms["keep"].submit(status=303)
    all_is_proved(bench)
    drained(bench)


def test_what_was_decided_already_is_not_decided_twice(bench, browser):
    bench.invoice("1042", "100.00")
    page = operation(browser, bench, "invoice")
    page.forms["exclude"].submit(status=303)
    assert "is excluded already" in words(page.forms["exclude"].submit(status=303).follow())
    bench.tenant.sync()
    include = operation(browser, bench, "invoice").forms["include"]
    include.submit(status=303)
    again = include.submit(status=303).follow()
    assert "there is nothing to include again" in words(again)


@pytest.fixture
def edited_entry(summary):
    """A journal entry of 10.00 that somebody has made one of 12.00."""
    made = Bench.__new__(Bench)
    made.tenant = summary
    start(summary)
    entry_of(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    ((number, _, _),) = made.documents("JournalEntry")
    made.do("change_amounts", "JournalEntry", number, "12.00", "12.00")
    made.read_back()
    return made


@pytest.fixture
def reader(edited_entry, enter):
    return enter(edited_entry.tenant)


def test_an_edited_journal_entry_is_shown_and_ours_can_be_sent_again(edited_entry, reader):
    tenant = edited_entry.tenant
    assert tenant.balances()["Sales:Subscriptions"] == -12
    assert tenant.proof().unexplained == 0
    page = operation(reader, edited_entry, "journal_entry")
    assert "12.00" in words(page)
    number = edited_entry.operation("journal_entry")
    page.forms[f"retry-{number}"].submit(status=303)
    tenant.sync()
    tenant.sync()
    assert tenant.balances()["Sales:Subscriptions"] == -10
    assert tenant.proof().difference == 0
    assert tenant.counts()["JournalEntry"] == 1


def test_quickbooks_version_of_a_journal_entry_can_be_kept(edited_entry, reader):
    tenant = edited_entry.tenant
    operation(reader, edited_entry, "journal_entry").forms["keep"].submit(status=303)
    tenant.sync()
    assert tenant.balances()["Sales:Subscriptions"] == -12
    proof = tenant.proof()
    assert (proof.difference, proof.unexplained) == (2, 0)
    assert [share.cause.value for share in proof.shares] == ["edited"]


def test_what_is_included_again_stays_so_though_quickbooks_tells_again_that_it_was_deleted(bench):
    bench.choose(conflict="quickbooks")
    bench.invoice("1", "100.00")
    bench.tenant.sync()
    bench.do("delete_transaction", "Invoice", "1")
    bench.read_back()
    person = Person(bench.tenant)
    (one,) = person.waiting(State.EXCLUDED)
    person.press(one, "include")
    bench.read_back()
    (one,) = person.waiting()
    assert one.state is State.FAILED
    person.press(one, "retry")
    bench.read_back()
    assert person.waiting() == []
    assert bench.documents() == [("1", "100.00", "100.00")]
