"""protocol.md D.3 to D.6: whatever gets lost, everything is booked exactly once."""

import re

import pytest

from hub.qbwc.models import Stage
from hub.sandbox import bulk, faults
from tests.protocol.conftest import (
    FILLED,
    bill,
    customers,
    fill,
    messages,
    operations,
    passes,
    pay,
    states,
)

WRITES = ["Customer", "Invoice", "CreditMemo", "ReceivePayment", "ARRefundCreditCard", "JournalEntry"]
LOSSES = {
    "request lost": faults.LOSE_REQUEST,
    "answer lost": faults.LOSE_ANSWER,
    "hresult before the run": faults.UNEXPECTED,
    "hresult after the run": faults.UNEXPECTED_AFTER,
    "crash": faults.CRASH,
    "crash after the run": faults.failing("0x800706BA", runs=True),
    "garbage": faults.GARBAGE,
    "empty": faults.EMPTY,
    "truncated": faults.TRUNCATED,
    "some answers": faults.SOME_ANSWERS,
    "unstored": faults.UNSTORED,
}


def until_quiet(tenant, *plans, most=20, **options):
    """Run until nothing is left to do, whatever breaks; return how many runs that took."""
    plan = faults.either(*plans)
    for runs in range(most):
        outcome = tenant.sync(plan=plan, **options)
        passes(tenant, "1 hour")
        if outcome.nothing_to_do:
            return runs
    raise AssertionError(f"Still busy after {most} runs: {outcome}")


def held_once(tenant, expected):
    """See that QuickBooks holds each thing once, and that the books equal the bills."""
    counts = tenant.counts()
    assert {kind: counts[kind] for kind in expected} == expected
    assert tenant.proof().difference == 0
    assert set(states(tenant)) == {"done"}


@pytest.mark.parametrize("memory", ["kept", "short", "forgotten"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_at_each_kind_of_write_books_everything_once(full, loss, memory):
    """D.6, each row; D.4 with and without the memory of message sets; D.5 for what is forgotten."""
    fill(full)
    plans = [faults.whenever(f"<{kind}AddRq", LOSSES[loss]) for kind in WRITES]
    if memory == "forgotten":
        plans.append(forgetting(full))
    until_quiet(full, *plans, short_memory=memory == "short")
    held_once(full, FILLED)


def forgetting(tenant):
    """A plan under which QuickBooks has forgotten whatever it is asked for."""

    def plan(text):
        if "oldMessageSetID" in text:
            with tenant.company() as company:
                company.message_sets.forget_all()
        return None

    return plan


CHANGES = ["CustomerMod", "InvoiceMod", "TxnVoid", "TxnDel"]


@pytest.mark.parametrize("memory", ["kept", "forgotten"])
@pytest.mark.parametrize(
    "loss", ["request lost", "answer lost", "hresult after the run", "some answers"]
)
def test_a_loss_at_each_kind_of_change_changes_it_once(full, loss, memory):
    """D.3: changes, voids and deletions are as unsafe as additions."""
    fill(full)
    assert full.sync().ok
    customers(full, "Ada", version=2, phone="555-0100")
    bill(full, "1", "Ada", "12.00", version=2)
    bill(full, "2", "Ben", "7.50", version=2, status="void")
    pay(full, "1", "Ada", "9.00", version=2)
    plans = [faults.whenever(f"<{kind}Rq", LOSSES[loss]) for kind in CHANGES]
    if memory == "forgotten":
        plans.append(forgetting(full))
    until_quiet(full, *plans)
    # What is paid is credited and billed anew.
    more = {kind: FILLED[kind] + 1 for kind in ("Invoice", "CreditMemo")}
    held_once(full, FILLED | more)
    with full.company() as company:
        assert company.lists.named("Customer", "Ada").fields["Phone"] == "555-0100"


# step by step


@pytest.fixture
def lost(full, caller):
    """A tenant one of whose messages was carried out, and whose answer got lost; and its computer."""
    full.sync()
    customers(full, "Ada")
    one = caller(full).open()
    one.message = one.until("CustomerAdd")
    one.result = one.quickbooks.process(one.message)
    passes(full, "1 hour")
    one.open()
    return one


def set_id(tenant):
    return messages(tenant)[0].set_id


def about(tenant, code):
    """QuickBooks' word on a message set, and nothing else."""
    return (
        f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs newMessageSetID="{set_id(tenant)}" '
        f'messageSetStatusCode="{code}"></QBXMLMsgsRs></QBXML>'
    )


def test_the_status_is_asked_with_both_ids_alike_and_no_request(full, lost):
    """D.4.3: oldMessageSetID and newMessageSetID the same, no requests inside."""
    question = lost.ask()
    attributes = f'newMessageSetID="{set_id(full)}" oldMessageSetID="{set_id(full)}"'
    assert f'<QBXMLMsgsRq onError="continueOnError" {attributes}></QBXMLMsgsRq>' in question


def test_the_stored_answer_settles_all_at_once(full, lost):
    """D.4.2: QuickBooks returns the stored outcome; nothing is sent again."""
    assert lost.finish() == ([100], "1 booked. All is well.")
    assert [one.stage for one in messages(full)] == [Stage.ANSWERED]


@pytest.mark.parametrize("code", [600, 9002, 9003, 9004, 9005, 9006, 4711])
def test_where_the_set_is_forgotten_each_record_is_looked_up(full, lost, code):
    """D.4: any code without an answer leaves the fate open; D.5: query by name or RefNumber."""
    lost.ask()
    assert lost.calls.receive_response_xml(about(full, code)) in range(1, 100)
    assert states(full) == ["sent"]
    look_up = lost.ask()
    assert "<CustomerQueryRq" in look_up
    assert "<FullName>Ada</FullName>" in look_up
    assert "Add" not in look_up
    assert lost.finish(look_up)[1] == "1 booked. All is well."
    assert full.counts()["Customer"] == 3
    assert set(states(full)) == {"done"}


def test_other_content_under_that_id_is_answered_with_the_very_same_text(full, lost):
    """D.4 9001: only the text that was run brings its outcome."""
    lost.ask()
    assert lost.calls.receive_response_xml(about(full, 9001)) in range(1, 100)
    assert lost.ask() == lost.message
    assert lost.finish(lost.message)[1] == "1 booked. All is well."
    assert full.counts()["Customer"] == 3


def test_other_content_twice_is_looked_up(full, lost):
    """D.4 9001: where even the very same text is another one, D.5 decides."""
    for _ in range(2):
        lost.ask()
        assert lost.calls.receive_response_xml(about(full, 9001)) in range(1, 100)
    look_up = lost.ask()
    assert "<CustomerQueryRq" in look_up
    assert lost.finish(look_up)[1] == "1 booked. All is well."
    assert full.counts()["Customer"] == 3


def test_a_question_that_cannot_be_read_is_put_record_by_record(full, lost):
    """D.4, A.5 0x80040400: the status query is ours to get wrong, and books nothing twice."""
    lost.ask()
    assert lost.calls.receive_response_xml("", "0x80040400", "cannot parse") in range(1, 100)
    look_up = lost.ask()
    assert "<CustomerQueryRq" in look_up
    assert lost.finish(look_up)[1] == "1 booked. All is well."
    assert full.counts()["Customer"] == 3


def test_a_short_answer_is_looked_up_for_the_rest(full, lost):
    """D.4, C.5: ErrorRecovery says that it is there, and a query what it looks like."""
    lost.quickbooks.short_memory = True
    assert lost.answer(lost.ask()) in range(1, 100)
    look_up = lost.ask()
    assert "<CustomerQueryRq" in look_up
    lost.finish(look_up)
    assert set(states(full)) == {"done"}
    assert full.counts()["Customer"] == 3


def test_what_is_in_doubt_can_be_seen_and_says_what_happens(full, lost):
    """D.4: in-doubt operations are visible, and never resent unasked."""
    lost.ask()
    lost.calls.receive_response_xml(about(full, 9002))
    (one,) = operations(full)
    assert one.question["kind"] == "CustomerQuery"
    assert one.note in (
        "",
        "The hub does not know whether QuickBooks has booked this, and asks it at the next run.",
    )


def test_a_lost_request_is_looked_up_and_only_then_sent_again(full, caller):
    """D.6: our answer never reached the Web Connector: 600 or 9002, then look up, then resend."""
    full.sync()
    customers(full, "Ada")
    one = caller(full).open()
    first = one.until("CustomerAdd")
    passes(full, "1 hour")
    one.open()
    kinds = []
    while message := one.ask():
        kinds.append(re.findall("<(\\w+)Rq requestID", message))
        if one.answer(message) == 100:
            break
    assert kinds == [[], ["CustomerQuery"], ["CustomerAdd"]]
    again = messages(full)[-1].text
    assert again != first
    assert set_id(full) not in again
    assert full.counts()["Customer"] == 3


def test_a_message_whose_answer_is_here_is_followed_by_the_next(full, caller):
    """D.6: our reply to receiveResponseXML got lost: stored, so go on with the next."""
    full.sync()
    customers(full, "Ada")
    bill_ready(full)
    one = caller(full).open()
    assert one.answer(one.until("CustomerAdd")) in range(1, 100)
    passes(full, "1 hour")
    assert "<InvoiceAddRq" in one.open().until("InvoiceAdd")


def bill_ready(tenant):
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    bill(tenant)


# records that look alike


def test_a_foreign_entry_of_the_same_number_is_held(full, caller):
    """D.5: a hit with a foreign GUID is a conflict: ask the user."""
    full.sync()
    customers(full, "Ada")
    bill_ready(full)
    one = caller(full).open()
    message = one.until("InvoiceAdd")
    foreign = re.sub(r"<ExternalGUID>[^<]*</ExternalGUID>", "", message)
    one.quickbooks.process(re.sub(' newMessageSetID="[^"]*"', "", foreign))
    passes(full, "1 hour")
    assert one.open().finish()[1] == "0 booked, 1 need you: see http://localhost:6543"
    (invoice,) = operations(full, "invoice")
    assert "another entry numbered 1" in invoice.note
    assert full.counts()["Invoice"] == 1


def test_try_again_books_beside_a_foreign_entry(full, caller, again):
    """D.5: the person has decided."""
    test_a_foreign_entry_of_the_same_number_is_held(full, caller)
    again(full)
    assert full.sync().message == "1 booked. All is well."
    assert full.counts()["Invoice"] == 2


def test_one_of_ours_among_foreign_ones_is_adopted(full, caller):
    """D.5: a hit with our ExternalGUID is already there: adopt it."""
    full.sync()
    customers(full, "Ada")
    bill_ready(full)
    one = caller(full).open()
    message = one.until("InvoiceAdd")
    foreign = re.sub(r"<ExternalGUID>[^<]*</ExternalGUID>", "", message)
    one.quickbooks.process(re.sub(' newMessageSetID="[^"]*"', "", foreign))
    one.quickbooks.process(message)
    one.company.message_sets.forget_all()
    passes(full, "1 hour")
    assert one.open().finish()[1] == "1 booked. All is well."
    assert full.counts()["Invoice"] == 2
    assert set(states(full)) == {"done"}


def test_what_was_changed_since_is_adopted_and_brought_up_to_date(full, caller):
    """D.5: it was booked in an earlier version, and the record changed while nobody knew."""
    full.sync()
    customers(full, "Ada")
    bill_ready(full)
    one = caller(full).open()
    one.quickbooks.process(one.until("InvoiceAdd"))
    one.company.message_sets.forget_all()
    bill(full, amount="12.00", version=2)
    passes(full, "1 hour")
    one.open().finish()
    assert full.counts()["Invoice"] == 1
    assert set(states(full)) == {"done"}
    assert full.proof().difference == 0


def test_what_was_voided_since_is_adopted_and_voided(full, caller):
    """D.5: as above, and the record is void by now."""
    full.sync()
    customers(full, "Ada")
    bill_ready(full)
    one = caller(full).open()
    one.quickbooks.process(one.until("InvoiceAdd"))
    one.company.message_sets.forget_all()
    bill(full, version=2, status="void")
    passes(full, "1 hour")
    until_quiet(full)
    assert full.counts()["Invoice"] == 1
    assert set(states(full)) == {"done"}
    assert full.proof().difference == 0
    assert not full.balances()


def test_a_customer_that_somebody_made_meanwhile_is_taken_to_be_the_same(full, caller):
    """D.5: customers are looked up by name first, and adopted when they are the same."""
    full.sync()
    customers(full, "Ada")
    one = caller(full).open()
    one.until("CustomerAdd")
    bulk.customers(one.company, 1, "Ada")
    passes(full, "1 hour")
    one.open().finish()
    (ada,) = operations(full)
    assert ada.state.value == "done"
    assert "that QuickBooks had already" in ada.note
    assert full.counts()["Customer"] == 3
