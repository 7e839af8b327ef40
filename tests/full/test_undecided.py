"""What settles an invoice of which nobody has decided yet whose version counts."""

import pytest

from hub.qbwc.models import State
from tests.full.person import Person
from tests.full.test_changes import all_is_proved, drained


@pytest.fixture
def edited(bench):
    """An invoice of 100.00 that somebody made out to 40.00 in QuickBooks."""
    bench.invoice("1", "100.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1", "40.00")
    bench.read_back()
    return bench


@pytest.fixture
def person(edited):
    return Person(edited.tenant)


def settle(bench, by, amount):
    if by == "payment":
        bench.payment("p", amount, [("1", amount)])
    else:
        bench.credit_memo("7", amount, [("1", amount)])
    for _ in range(2):
        bench.read_back()


@pytest.mark.parametrize(("by", "kind"), [("payment", "ReceivePayment"), ("memo", "CreditMemo")])
@pytest.mark.parametrize(("ruling", "left"), [("keep", "20.00"), ("retry", "0.00")])
def test_what_it_does_not_take_waits_for_the_decision_and_goes_after_it(
    edited, person, by, kind, ruling, left
):
    settle(edited, by, "60.00")
    (held,) = person.waiting(State.HELD)
    assert "somebody has changed it in QuickBooks, so that it takes 40.00 of these 60.00" in held.note
    (invoice,) = person.waiting(State.FAILED)
    assert invoice.subject.startswith("invoice")
    assert person.press(invoice, ruling)
    for _ in range(3):
        edited.read_back()
    assert person.waiting() == []
    assert [open_ for _, _, open_ in edited.documents(kind)] == [left]
    drained(edited)
    if ruling == "retry":
        assert edited.documents() == [("1", "100.00", "40.00")]
        all_is_proved(edited)


@pytest.mark.parametrize(("by", "kind"), [("payment", "ReceivePayment"), ("memo", "CreditMemo")])
def test_what_it_takes_does_not_wait(edited, person, by, kind):
    settle(edited, by, "30.00")
    assert person.waiting(State.HELD) == []
    assert edited.documents() == [("1", "40.00", "10.00")]
    assert [open_ for _, _, open_ in edited.documents(kind)] == ["0.00"]


def test_it_goes_once_somebody_has_undone_the_change_in_quickbooks(edited, person):
    settle(edited, "payment", "60.00")
    edited.do("change_amounts", "Invoice", "1", "100.00")
    for _ in range(3):
        edited.read_back()
    assert person.waiting() == []
    assert edited.documents() == [("1", "100.00", "40.00")]
    all_is_proved(edited)
    drained(edited)


def test_once_the_change_is_undone_there_is_nothing_to_decide(edited, person):
    edited.do("change_amounts", "Invoice", "1", "100.00")
    for _ in range(2):
        edited.read_back()
    assert person.waiting() == []
    assert edited.notes("done")[-1] == "QuickBooks has it as it is."
    assert edited.link("invoice:").edited is None
    all_is_proved(edited)
    drained(edited)


def test_a_payment_that_is_there_already_does_not_wait_for_what_it_pays(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "60.00", [("1", "60.00")])
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1", "80.00")
    bench.read_back()
    bench.payment("p", "60.00", [("1", "60.00")])
    for _ in range(2):
        bench.read_back()
    assert bench.notes("held") == []
    assert bench.documents("ReceivePayment") == [("p", "60.00", "0.00")]


def test_a_changed_payment_of_an_invoice_whose_memo_was_edited_is_made_anew_at_once(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "60.00", [("1", "60.00")])
    bench.tenant.sync()
    bench.do("edit_transaction", "Invoice", "1", Memo="Seen")
    bench.read_back()
    bench.payment("p", "60.00", [("1", "60.00")], method="Check")
    bench.tenant.sync()
    assert bench.documents("ReceivePayment") == [("p", "60.00", "0.00")]
    assert bench.notes("held") == []


def test_what_fits_after_another_payment_was_voided_does_not_wait(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "60.00", [("1", "60.00")])
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1", "90.00")
    bench.read_back()
    bench.payment("p", "60.00", [("1", "60.00")], status="void")
    bench.payment("q", "50.00", [("1", "50.00")])
    for _ in range(2):
        bench.tenant.sync()
    assert bench.documents("ReceivePayment") == [("q", "50.00", "0.00")]
    assert bench.notes("held") == []


@pytest.fixture
def unseen(bench):
    """An invoice of 100.00 that somebody made out to 40.00, which nobody has read back yet."""
    bench.invoice("1", "100.00")
    bench.tenant.sync()
    bench.do("change_amounts", "Invoice", "1", "40.00")
    return bench


def test_an_edit_that_is_noticed_for_a_credit_is_somebodys_to_decide(unseen):
    settle(unseen, "memo", "60.00")
    person = Person(unseen.tenant)
    (invoice,) = person.waiting(State.FAILED)
    assert invoice.is_edited
    assert person.press(invoice, "retry")
    for _ in range(3):
        unseen.read_back()
    assert person.waiting() == []
    assert unseen.documents() == [("1", "100.00", "40.00")]
    all_is_proved(unseen)
    drained(unseen)


@pytest.mark.parametrize(
    ("winner", "invoice", "left"), [("billing", "100.00", "0.00"), ("quickbooks", "40.00", "20.00")]
)
def test_one_that_is_noticed_for_a_credit_goes_by_the_tenants_choice(unseen, winner, invoice, left):
    unseen.choose(conflict=winner)
    settle(unseen, "memo", "60.00")
    for _ in range(2):
        unseen.read_back()
    assert Person(unseen.tenant).waiting() == []
    assert [total for _, total, _ in unseen.documents()] == [invoice]
    assert [open_ for _, _, open_ in unseen.documents("CreditMemo")] == [left]
    drained(unseen)


def test_an_undone_edit_that_is_noticed_for_a_credit_leaves_nothing_to_decide(edited, person):
    edited.do("change_amounts", "Invoice", "1", "100.00")
    edited.credit_memo("7", "10.00", [("1", "10.00")])
    for _ in range(2):
        edited.tenant.sync()
    assert person.waiting() == []
    assert edited.documents() == [("1", "100.00", "90.00")]
    all_is_proved(edited)
    drained(edited)


def test_who_has_excluded_the_invoice_is_told_to_include_it_for_the_decision(edited, person):
    (invoice,) = person.waiting(State.FAILED)
    person.press(invoice, "exclude")
    settle(edited, "payment", "60.00")
    (held,) = person.waiting(State.HELD)
    assert "if it is excluded, include it again for that" in held.note
    assert person.press(invoice, "include")
    (invoice,) = (one for one in person.waiting() if one.subject.startswith("invoice"))
    assert person.press(invoice, "keep")
    for _ in range(2):
        edited.read_back()
    assert person.waiting() == []
    assert edited.documents("ReceivePayment") == [("p", "60.00", "20.00")]
