"""What becomes of a document whose place another has taken, or of the memo that takes it back, where
somebody changes or deletes it in QuickBooks."""

import pytest

from tests.full.person import Person


@pytest.fixture
def rebilled(bench):
    """An invoice of 100.00 that was paid in part and is 80.00 now."""
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()
    return bench


EDITS = [
    ("change_amounts", "Invoice", "1042", "90.00"),
    ("change_memo", "Invoice", "1042", 0, "as agreed"),
    ("void_transaction", "Invoice", "1042"),
    ("delete_transaction", "Invoice", "1042"),
    ("change_amounts", "CreditMemo", "1042-C", "90.00"),
    ("delete_transaction", "CreditMemo", "1042-C"),
]


@pytest.mark.parametrize("conflict", ["billing", "ask", "quickbooks"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit[0]}-{edit[2]}")
def test_nothing_breaks_and_the_proof_says_what_it_is(rebilled, conflict, edit):
    rebilled.choose(conflict=conflict)
    rebilled.do(*edit)
    for _ in range(2):
        rebilled.read_back()
    person = Person(rebilled.tenant)
    assert rebilled.tenant.proof().unexplained == 0
    for button in ("retry", "keep"):
        for one in person.waiting():
            person.press(one, button)
        rebilled.read_back()
        proof = rebilled.tenant.proof()
        assert proof.unexplained == 0
        booked = {row.account: row.booked for row in proof.rows if row.booked}
        assert rebilled.tenant.balances() == booked
    # What was changed is settled; where one of the two is gone, somebody removes the other.
    is_changed = edit[0].startswith("change")
    assert not is_changed or person.waiting() == []
    assert all(one.note for one in person.waiting())


def test_a_payment_of_what_somebody_has_emptied_is_not_sent_there_again(rebilled):
    rebilled.choose(conflict="billing")
    rebilled.do("void_transaction", "Invoice", "1042")
    rebilled.read_back()
    rebilled.read_back()
    former = rebilled.link("superseded:").object_id
    paid = [text for text in rebilled.tenant.messages() if "<ReceivePaymentAdd>" in text]
    assert former in paid[0]
    assert len(paid) > 1
    assert former not in paid[-1]


def test_what_is_looked_for_again_is_not_said_to_be_deleted_meanwhile(bench):
    bench.payment("p", "60.00")
    bench.tenant.sync()
    bench.do("delete_transaction", "ReceivePayment", "p")
    bench.read_back()
    person = Person(bench.tenant)
    (one,) = person.waiting()
    assert person.press(one, "retry")
    bench.read_back()
    assert person.waiting() == []
    assert len(bench.documents("ReceivePayment")) == 1


def test_an_edit_that_somebody_takes_back_waits_no_more(rebilled):
    rebilled.do("change_amounts", "Invoice", "1042", "90.00")
    rebilled.read_back()
    (note,) = rebilled.notes("failed")
    assert "Change it back there, or keep QuickBooks' version." in note
    rebilled.do("change_amounts", "Invoice", "1042", "100.00")
    rebilled.read_back()
    person = Person(rebilled.tenant)
    (one,) = person.waiting()
    person.press(one, "retry")
    rebilled.read_back()
    assert person.waiting() == []
    assert rebilled.tenant.proof().difference == 0
