"""What becomes of a document whose place another has taken, or of the memo that takes it back, where
somebody changes or deletes it in QuickBooks."""

import pytest

from hub.books.differences import Cause
from hub.qbwc.models import State
from tests.full.person import Person
from tests.full.test_changes import all_is_proved, drained

STUCK = State.HELD, State.FAILED


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
    # Where one of the two was gone, the other has gone too or was made anew.
    assert person.waiting(*STUCK) == []


GONE = [
    ("delete_transaction", "ReceivePayment", "p"),
    ("void_transaction", "Invoice", "1042"),
    ("delete_transaction", "Invoice", "1042"),
    ("void_transaction", "CreditMemo", "1042-C"),
    ("delete_transaction", "CreditMemo", "1042-C"),
]


@pytest.mark.parametrize("conflict", ["billing", "ask"])
@pytest.mark.parametrize("removal", GONE, ids=lambda removal: f"{removal[0]}-{removal[2]}")
def test_what_somebody_removed_of_a_rebilled_invoice_is_put_right(rebilled, conflict, removal):
    rebilled.choose(conflict=conflict)
    rebilled.do(*removal)
    person = Person(rebilled.tenant)
    for _ in range(3):
        rebilled.read_back()
        rebilled.make_due()
    if conflict == "ask":
        assert "Try again" in person.waiting()[0].note
        for one in person.waiting():
            person.press(one, "retry")
        for _ in range(3):
            rebilled.read_back()
    assert person.waiting() == []
    there = {number: (total, left) for number, total, left in rebilled.documents()}
    assert there.pop("1042-2") == ("80.00", "20.00")
    assert {left for _, left in there.values()} <= {"0.00"}
    assert {left for _, _, left in rebilled.documents("CreditMemo")} <= {"0.00"}
    assert rebilled.documents("ReceivePayment") == [("p", "60.00", "0.00")]
    assert rebilled.owed() == "20.00"
    all_is_proved(rebilled)
    drained(rebilled)


def test_a_payment_waits_for_the_memo_of_what_is_gone_and_the_proof_names_the_cause(rebilled):
    rebilled.do("delete_transaction", "Invoice", "1042")
    rebilled.read_back()
    person = Person(rebilled.tenant)
    assert [share.cause for share in rebilled.tenant.proof().shares] == [Cause.DELETED]
    payment = next(one for one in person.waiting() if one.subject.startswith("payment"))
    person.press(payment, "retry")
    rebilled.read_back()
    (note,) = rebilled.notes("held")
    assert "the credit memo “1042-C” that takes it back is still there." in note
    # Somebody deletes that memo, as the sentence says.
    rebilled.do("delete_transaction", "CreditMemo", "1042-C")
    for _ in range(3):
        rebilled.read_back()
        rebilled.make_due()
    assert rebilled.documents() == [("1042-2", "80.00", "20.00")]
    assert rebilled.owed() == "20.00"
    for one in person.waiting():
        person.press(one, "retry")
    rebilled.read_back()
    assert person.waiting() == []
    all_is_proved(rebilled)
    drained(rebilled)


def test_a_payment_made_anew_pays_what_is_open_and_not_what_a_memo_has_settled_since(rebilled):
    rebilled.do("delete_transaction", "ReceivePayment", "p")
    rebilled.read_back()
    # Nothing takes its place for a while, so the second memo is used on the first invoice.
    rebilled.invoice("1042", "80.00", status="void")
    rebilled.tenant.sync()
    rebilled.invoice("1042", "80.00")
    rebilled.tenant.sync()
    person = Person(rebilled.tenant)
    for one in person.waiting():
        person.press(one, "retry")
    for _ in range(3):
        rebilled.read_back()
    assert person.waiting() == []
    assert sum(float(left) for _, _, left in rebilled.documents()) == 20
    assert rebilled.owed() == "20.00"
    all_is_proved(rebilled)
    drained(rebilled)


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
    for _ in range(2):
        rebilled.read_back()
    assert Person(rebilled.tenant).waiting() == []
    assert rebilled.tenant.proof().difference == 0


def test_what_is_found_gone_while_a_payment_looks_for_its_place_is_missing_itself(rebilled):
    rebilled.payment("q", "15.00", [("1042", "15.00")])
    rebilled.tenant.sync()
    rebilled.do("delete_transaction", "Invoice", "1042")
    rebilled.payment("r", "5.00", [("1042", "5.00")])
    rebilled.tenant.sync()
    assert rebilled.documents() == [("1042-2", "80.00", "0.00")]
    assert rebilled.documents("ReceivePayment")[2:] == [("r", "5.00", "0.00")]
    (waiting,) = Person(rebilled.tenant).waiting(*STUCK)
    assert waiting.subject.startswith("superseded:")
    assert "Try again to delete that memo as well" in waiting.note


@pytest.fixture
def credited(bench):
    """An invoice of 100.00 that was credited in full and billed anew with 80.00; nothing is paid."""
    bench.choose(edited="rebill")
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()
    return bench


BOTH = ("Invoice", "1042"), ("CreditMemo", "1042-C")


@pytest.mark.parametrize(
    ("conflict", "at_once"),
    [("billing", True), ("ask", True), ("ask", False), ("quickbooks", False)],
)
@pytest.mark.parametrize("removals", [["delete"] * 2, ["void"] * 2, ["void", "delete"]], ids="-".join)
def test_nobody_is_asked_where_a_forerunner_and_its_memo_are_both_gone(
    credited, conflict, removals, at_once
):
    credited.choose(conflict=conflict)
    for removal, document in zip(removals, BOTH, strict=True):
        credited.do(f"{removal}_transaction", *document)
        if not at_once:
            credited.read_back()
    for _ in range(2):
        credited.read_back()
    assert Person(credited.tenant).waiting(*STUCK) == []
    assert ("1042-2", "80.00", "80.00") in credited.documents()
    assert credited.owed() == "80.00"
    assert credited.tenant.proof().difference == 0
    drained(credited)


@pytest.mark.parametrize("edit", [EDITS[0], EDITS[2], EDITS[4]], ids=lambda edit: f"{edit[0]}-{edit[2]}")
def test_the_proof_says_that_somebody_has_edited_a_forerunner_or_its_memo(rebilled, edit):
    rebilled.do(*edit)
    rebilled.read_back()
    person = Person(rebilled.tenant)
    assert any(one.subject.startswith(("superseded:", "reversal:")) for one in person.waiting(*STUCK))
    assert [share.cause for share in rebilled.tenant.proof().shares] == [Cause.EDITED]


@pytest.mark.parametrize(("kind", "number", "amount"), [(*BOTH[0], "120.00"), (*BOTH[1], "90.00")])
def test_of_a_memo_no_more_is_used_than_it_has_whatever_somebody_keeps(rebilled, kind, number, amount):
    rebilled.do("change_amounts", kind, number, amount)
    rebilled.read_back()
    person = Person(rebilled.tenant)
    for one in person.waiting():
        person.press(one, "keep")
    rebilled.payment("p", "60.00", [("1042", "60.00")], status="void")
    for _ in range(3):
        rebilled.read_back()
    assert person.waiting() == []
    (open_,) = {left for _, _, left in rebilled.documents("CreditMemo")}
    assert open_ == "0.00"
    assert [share.cause for share in rebilled.tenant.proof().shares] == [Cause.EDITED]
    drained(rebilled)
