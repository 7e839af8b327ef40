"""JournalEntryMod: an entry is amended in place, with all its lines."""

import pytest

from hub.qbwc.qbxml import Request, message
from tests.sandbox.conftest import snapshot
from tests.sandbox.test_journal import AGENCY, AR, CLEARING, SALES, TAX, entry, line

KERN = "Kern Lighting Warehouse"


@pytest.fixture
def booked(desk):
    return desk.add(
        "JournalEntry",
        entry(
            [line(CLEARING, "110.00", Memo="Summary")],
            [line(SALES, "105.00", ClassRef={"FullName": "East"}), line(TAX, "5.00", AGENCY)],
            TxnDate="2026-01-31",
            RefNumber="B1",
            IsAdjustment="true",
            ExternalGUID="{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b0131}",
        ),
    )


def mod(booked, lines=None, **head):
    stamps = {"TxnID": booked.get("TxnID"), "EditSequence": booked.get("EditSequence")}
    return {"JournalEntryMod": stamps | head | ({"JournalLineMod": lines} if lines else {})}


def ids(booked):
    return [one.get("TxnLineID") for one in booked if one.name.startswith("Journal")]


def test_an_entry_is_amended_under_its_own_id(desk, booked):
    debit, sale, tax = ids(booked)
    lines = [
        {"TxnLineID": debit, "Amount": "120.00", "Memo": "Amended"},
        {"TxnLineID": sale, "Amount": "100.00"},
        {"TxnLineID": "-1", "JournalLineType": "Credit", **line("Sales:Usage", "15.00")},
        {"TxnLineID": tax},
    ]
    after = desk.do("JournalEntryMod", mod(booked, lines, TxnDate="2026-02-01", RefNumber="B2"))
    assert after.get("TxnID") == booked.get("TxnID")
    assert after.get("EditSequence") != booked.get("EditSequence")
    assert after.get("ExternalGUID") == booked.get("ExternalGUID")
    assert (after.get("TxnDate"), after.get("RefNumber")) == ("2026-02-01", "B2")
    assert after.get("IsAdjustment") == "true"
    assert after.get("JournalDebitLine/Memo") == "Amended"
    assert after.get("JournalCreditLine/ClassRef/FullName") == "East"
    kept = ids(after)
    assert [kept[0], kept[1], kept[3]] == [debit, sale, tax]
    assert (desk.balance(CLEARING), desk.balance(SALES), desk.balance("Sales:Usage")) == (
        *("120.00", "100.00"),
        "15.00",
    )
    assert desk.look("JournalEntry", booked.get("TxnID")).xml() == after.xml()


def test_lines_left_out_are_deleted(desk, booked):
    debit, sale, _ = ids(booked)
    lines = [{"TxnLineID": debit, "Amount": "105.00"}, {"TxnLineID": sale}]
    after = desk.do("JournalEntryMod", mod(booked, lines))
    assert ids(after) == [debit, sale]
    assert desk.balance(TAX) == "0.00"


def test_without_lines_all_of_them_stay(desk, booked):
    after = desk.do("JournalEntryMod", mod(booked, RefNumber="B9"))
    assert ids(after) == ids(booked)
    assert desk.balance(CLEARING) == "110.00"


def test_a_line_changes_sides(desk, booked):
    debit, sale, _ = ids(booked)
    lines = [
        {"TxnLineID": debit, "JournalLineType": "Credit", "Amount": "1.00"},
        {"TxnLineID": sale, "JournalLineType": "Debit", "Amount": "1.00"},
    ]
    desk.do("JournalEntryMod", mod(booked, lines))
    assert (desk.balance(CLEARING), desk.balance(SALES)) == ("-1.00", "-1.00")


def test_amendments_that_are_refused(desk, booked):
    debit, sale, tax = ids(booked)
    old = {"TxnLineID": debit}
    for lines, code, words in (
        ([old, {"TxnLineID": sale}], 3180, "not in balance"),
        ([old, {"TxnLineID": "1-1"}], 3120, "1-1"),
        ([old, old], 3120, debit),
        ([old, {"TxnLineID": "-1", **line(SALES, "110.00")}], 3150, "JournalLineType"),
        ([old, {"TxnLineID": "-1", "JournalLineType": "Credit", "Amount": "1.00"}], 3150, "AccountRef"),
        ([old, {"TxnLineID": sale, "Amount": "-110.00"}], 3210, "positive"),
        ([{"TxnLineID": debit, **line(AR, "5.00", KERN)}, {"TxnLineID": tax}], 3180, "more than one"),
        ([{"TxnLineID": debit, **line(AR, "105.00")}, {"TxnLineID": sale}], 3180, "customer"),
        ([{"TxnLineID": debit, **line("No", "105.00")}, {"TxnLineID": sale}], 3140, '"No"'),
    ):
        desk.refuse("JournalEntryMod", mod(booked, lines), code, words)


def test_an_old_edit_sequence_is_refused(desk, booked):
    desk.do("JournalEntryMod", mod(booked, RefNumber="B2"))
    desk.refuse("JournalEntryMod", mod(booked, RefNumber="B3"), 3200)


def test_what_is_not_there_is_not_amended(desk, booked):
    desk.do("TxnDel", {"TxnDelType": "JournalEntry", "TxnID": booked.get("TxnID")})
    desk.refuse("JournalEntryMod", mod(booked, RefNumber="B2"), 3120)


def test_closed_books_stay_as_they_are(desk, booked):
    desk.company.prefer(ClosingDate="2026-01-15")
    desk.refuse("JournalEntryMod", mod(booked, TxnDate="2026-01-15"), 3181)
    desk.company.prefer(ClosingDate="2026-01-31")
    desk.refuse("JournalEntryMod", mod(booked, TxnDate="2026-02-01"), 3171)


def test_currencies_are_off_for_an_amendment_too(desk, booked):
    desk.refuse("JournalEntryMod", mod(booked, ExchangeRate="1.0"), 3250, "currencies")


def test_what_a_customer_owes_moves_with_the_entry(desk):
    booked = desk.add("JournalEntry", entry([line(AR, "40.00", KERN)], [line(SALES, "40.00")]))
    given = {"AppliedToTxnAdd": [{"TxnID": booked.get("TxnID"), "PaymentAmount": "40.00"}]}
    payment = desk.payment("40.00", KERN, **given)
    fresh = desk.look("JournalEntry", booked.get("TxnID"))
    debit, sale = ids(booked)
    lines = [{"TxnLineID": debit, "Amount": "25.00"}, {"TxnLineID": sale, "Amount": "25.00"}]
    after = desk.do("JournalEntryMod", mod(fresh, lines))
    assert desk.do("CustomerQuery", {"FullName": KERN}).get("Balance") == "-15.00"
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "15.00"
    lines = [{"TxnLineID": debit, **line(CLEARING, "25.00")}, {"TxnLineID": sale}]
    desk.do("JournalEntryMod", mod(after, lines))
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "40.00"


def test_sent_twice_it_is_done_once(desk, booked):
    text = message([Request("JournalEntryMod", "1", mod(booked, RefNumber="B2"))], set_id="t1-1")
    first = desk.quickbooks.process(text)
    before = snapshot(desk.company)
    assert desk.quickbooks.process(text) == first
    assert snapshot(desk.company) == before
