"""What settles a document of which somebody keeps QuickBooks' own version, which takes or has less."""

import pytest

from hub.books.differences import Cause
from hub.qbwc.models import State
from tests.full.person import Person
from tests.full.test_changes import all_is_proved, drained


def keep(bench, kind, amount):
    """Let somebody make a document out to another amount in QuickBooks, and want that kept."""
    bench.do("change_amounts", kind, "1", amount)
    bench.read_back()
    person = Person(bench.tenant)
    for one in person.waiting(State.FAILED):
        person.press(one, "keep")
    return person


def settle(bench, by):
    if by == "payment":
        bench.payment("p", "60.00", [("1", "60.00")])
    else:
        bench.credit_memo("7", "60.00", [("1", "60.00")])
    for _ in range(2):
        bench.read_back()


@pytest.fixture
def billed(bench):
    """An invoice of 100.00 in QuickBooks."""
    bench.invoice("1", "100.00")
    bench.tenant.sync()
    return bench


@pytest.mark.parametrize(("by", "kind"), [("payment", "ReceivePayment"), ("memo", "CreditMemo")])
def test_what_a_kept_invoice_does_not_take_stays_open_until_it_is_as_billed(billed, by, kind):
    person = keep(billed, "Invoice", "40.00")
    settle(billed, by)
    assert person.waiting() == []
    assert billed.documents() == [("1", "40.00", "0.00")]
    assert [left for _, _, left in billed.documents(kind)] == ["20.00"]
    assert billed.owed() == "-20.00"
    assert [share.cause for share in billed.tenant.proof().shares] == [Cause.EDITED]
    drained(billed)

    billed.invoice("1", "90.00")
    (waiting,) = person.waiting()
    assert person.press(waiting, "retry")
    for _ in range(3):
        billed.read_back()
    assert person.waiting() == []
    # Another document has taken its place, as it is paid in part.
    assert billed.documents() == [("1", "40.00", "0.00"), ("1-2", "90.00", "30.00")]
    assert {left for _, _, left in billed.documents(kind)} == {"0.00"}
    assert billed.owed() == "30.00"
    all_is_proved(billed)
    drained(billed)


def test_a_payment_says_what_of_it_a_kept_invoice_does_not_take(billed):
    keep(billed, "Invoice", "40.00")
    settle(billed, "payment")
    assert any("20.00 of it stays unapplied" in note for note in billed.notes("done"))


def test_a_payment_that_is_made_anew_leaves_what_a_kept_invoice_does_not_take(billed):
    settle(billed, "payment")
    person = Person(billed.tenant)
    billed.do("change_amounts", "Invoice", "1", "40.00")
    billed.read_back()
    for one in person.waiting(State.FAILED):
        person.press(one, "keep" if one.subject.startswith("invoice") else "retry")
    for _ in range(2):
        billed.read_back()
    assert person.waiting() == []
    assert billed.documents() == [("1", "40.00", "0.00")]
    assert billed.documents("ReceivePayment") == [("p", "60.00", "20.00")]
    drained(billed)


def test_of_a_kept_credit_memo_no_more_is_used_than_it_has(bench):
    bench.invoice("9", "100.00")
    person = Person(bench.tenant)
    (invoice,) = (one for one in person.waiting() if one.subject.startswith("invoice"))
    person.press(invoice, "exclude")
    bench.credit_memo("1", "60.00", [("9", "60.00")])
    bench.tenant.sync()
    keep(bench, "CreditMemo", "50.00")
    person.press(invoice, "include")
    for _ in range(2):
        bench.read_back()
    assert person.waiting() == []
    assert bench.documents() == [("9", "100.00", "50.00")]
    assert bench.documents("CreditMemo") == [("1", "50.00", "0.00")]
    drained(bench)


def test_a_payment_made_anew_is_not_used_on_a_chargeback_that_is_kept_void(billed):
    billed.payment("p", "100.00", [("1", "100.00")])
    billed.refund("r", "100.00", refund_kind="chargeback", payment="pp")
    for _ in range(2):
        billed.tenant.sync()
    billed.do("void_transaction", "JournalEntry", "r")
    billed.read_back()
    person = Person(billed.tenant)
    for one in person.waiting(State.FAILED):
        person.press(one, "keep" if one.subject.startswith("refund") else "retry")
    for _ in range(2):
        billed.read_back()
    assert person.waiting() == []
    assert billed.documents("ReceivePayment") == [("p", "100.00", "100.00")]
    assert [share.cause for share in billed.tenant.proof().shares] == [Cause.EDITED]
    drained(billed)
