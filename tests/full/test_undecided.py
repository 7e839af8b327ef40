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
