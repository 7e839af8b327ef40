"""protocol.md A.5, A.7, D.2 and G.1: how much goes in one message, and in one session."""

import re

import pytest

from hub.books import lists
from hub.qbwc import pace
from hub.sandbox import bulk, faults
from tests.protocol.conftest import (
    bill,
    change,
    customers,
    fill,
    imported,
    messages,
    operations,
    passes,
    states,
    takes,
)


@pytest.fixture
def ready(full):
    full.sync()
    return full


def sizes(tenant):
    """How many additions of customers each message held."""
    found = [one.text.count("<CustomerAddRq") for one in messages(tenant)]
    return [size for size in found if size]


def many(tenant, count, start=0):
    customers(tenant, *(f"Customer {number:04}" for number in range(start, start + count)))


def test_independent_records_share_a_message_that_goes_on_after_an_error(ready):
    """D.2: continueOnError for independent objects."""
    many(ready, 30)
    ready.sync()
    assert sizes(ready) == [30]
    assert 'onError="continueOnError"' in messages(ready)[0].text


def test_what_depends_on_others_waits_for_their_answers(ready):
    """D.2, G.1: customers, invoices, credit memos, payments: each needs the ids of the last."""
    fill(ready)
    ready.sync()
    kinds = [set(re.findall(r"<(\w+)Rq requestID", one.text)) for one in messages(ready)]
    assert kinds[:4] == [{"CustomerAdd"}, {"InvoiceAdd"}, {"CreditMemoAdd"}, {"ReceivePaymentAdd"}]
    assert kinds[4:] == [{"ARRefundCreditCardAdd", "JournalEntryAdd"}]


def test_a_message_grows_while_quickbooks_is_fast_up_to_200_requests(ready):
    """A.7: sized by how long QuickBooks took for the last; bounded."""
    change(ready, "UPDATE connection SET batch = 1")
    many(ready, 900)
    ready.sync()
    found = sizes(ready)
    assert max(found) == pace.LARGEST == 200
    assert found[0] == 1
    assert len(found) < 12
    assert sum(found) == 900
    assert ready.connection().batch == 200


def test_a_message_shrinks_to_what_takes_five_seconds(ready):
    """A.7: QuickBooks is slow and strictly sequential, and everything else waits for it."""
    many(ready, 50)
    ready.sync(**takes(ready, 0.9))
    assert sizes(ready)[0] == 50
    assert ready.connection().batch == 5
    many(ready, 12, 50)
    ready.sync(**takes(ready, 0.9))
    assert sizes(ready)[1:] == [5, 5, 2]


def test_what_was_made_ahead_is_made_anew_when_quickbooks_is_slower(ready):
    """A.7: no message more of the old size once it is known to be too large."""
    many(ready, 230)
    ready.sync(**takes(ready, 0.9))
    assert sizes(ready)[:3] == [50, 5, 5]
    assert sum(sizes(ready)) == 230


def test_one_request_that_takes_very_long_goes_alone(ready):
    """A.7: never less than one request."""
    many(ready, 3)
    ready.sync(**takes(ready, 60.0))
    assert ready.connection().batch == 1
    many(ready, 2, 3)
    ready.sync(**takes(ready, 60.0))
    assert sizes(ready) == [3, 1, 1]


def test_a_message_holds_a_bounded_number_of_bytes(ready):
    """A.7: real limits are memory and patience."""
    change(ready, "UPDATE connection SET batch = 200")
    ready.put("charges", "gold", name="Gold", item="Subscription")
    customers(ready, "Ada")
    lines = [{"charge": "gold", "amount": "0.01", "description": "x" * 4000}] * 10
    body = {"customer": "Ada", "date": "2026-05-03", "lines": lines}
    ready.batch([("invoice", f"i{number}", {"number": str(number)} | body) for number in range(60)])
    ready.sync()
    lengths = [len(one.text) for one in messages(ready) if "InvoiceAdd" in one.text]
    assert len(lengths) == 3
    assert max(lengths) < pace.LARGEST_BYTES * 1.01
    assert ready.counts()["Invoice"] == 60


# what QuickBooks cannot read


CANNOT = faults.UNREADABLE


@pytest.mark.parametrize("count", [1, 2, 7, 40])
@pytest.mark.parametrize("culprits", [1, 2])
def test_whoever_cannot_be_read_stands_alone_and_the_rest_is_booked(ready, count, culprits):
    """A.5 0x80040400: park the job, split the batch to find the culprit, never resend unchanged."""
    culprits = min(culprits, count)
    many(ready, count)
    bad = [f"<Name>Customer {number:04}</Name>" for number in (0, count - 1)[:culprits]]
    plan = faults.either(*(faults.whenever(name, CANNOT, times=1000) for name in bad))
    outcome = ready.sync(plan=plan)
    assert outcome.ok
    assert sorted(states(ready)) == ["done"] * (count - culprits) + ["failed"] * culprits
    notes = {one.note for one in operations(ready) if one.state.value == "failed"}
    assert all("QuickBooks could not read one of our requests." in note for note in notes)
    texts = [re.sub('newMessageSetID="[^"]*"', "", one.text) for one in messages(ready)]
    assert len(texts) == len(set(texts))
    assert ready.counts()["Customer"] == 2 + count - culprits


def test_letters_that_cannot_be_read_go_again_in_plain_ones(ready):
    """E.3, A.5: a text with references is retried once in ASCII-only form."""
    customers(ready, "Zoë Ñandú", "Ada", "Müller – “Söhne” £5")
    outcome = ready.sync(ascii_only=True)
    assert outcome.message == "3 booked. All is well."
    with ready.company() as company:
        names = {one.name for one in company.lists.all("Customer")}
    assert {"Zoe Nandu", "Ada", 'Muller - "Sohne" GBP5'} <= names


def test_plain_letters_that_are_too_many_wait_for_a_person(ready):
    """E.3, E.4: twenty € are sixty letters in plain ones, and are not cut."""
    customers(ready, "€" * 20, "Ada")
    outcome = ready.sync(ascii_only=True)
    assert outcome.message.startswith("1 booked, 1 held")
    assert (
        "Name has 60 characters and QuickBooks keeps 41"
        in {one.state.value: one for one in operations(ready)}["held"].note
    )


def test_what_cannot_be_read_in_plain_letters_either_is_parked(ready):
    """E.3: once in ASCII-only form, not for ever."""
    customers(ready, "Zoë", "Ada")
    plan = faults.either(
        faults.whenever("Zo&#235;", CANNOT, times=1000),
        faults.whenever("<Name>Zoe</Name>", CANNOT, times=1000),
    )
    outcome = ready.sync(plan=plan)
    assert outcome.message.startswith("1 booked, 1 need you")
    assert sum("<Name>Zoe</Name>" in text for text in ready.messages()) == 1


def test_what_was_not_processed_goes_again_at_once(ready):
    """D.2 3231: not executed, as an earlier request failed: RETRY in the next set."""
    many(ready, 5)
    outcome = ready.sync(plan=faults.refusing("<CustomerAddRq", 3231, "Not processed."))
    assert outcome.message == "5 booked. All is well."
    assert sizes(ready) == [5, 5]
    assert {one.attempts for one in operations(ready)} == {2}


# the share of a session


@pytest.fixture
def share(app, monkeypatch):
    def set_(name, value):
        monkeypatch.setitem(app.registry.settings, f"qbwc.session_{name}", value)

    return set_


def test_a_session_has_a_share_of_messages_and_the_next_goes_on(ready, share):
    """G.1: fairness: the Web Connector blocks all other applications of that user."""
    share("messages", 3)
    change(ready, "UPDATE connection SET batch = 1")
    many(ready, 8)
    plan = takes(ready, 60.0)
    first = ready.sync(**plan)
    assert (first.ok, first.percent, first.messages) == (True, 100, 3)
    assert first.message.startswith("3 booked, 5 left for the next run")
    runs = 1
    while not ready.sync(**plan).nothing_to_do:
        runs += 1
    assert 3 <= runs <= 6
    assert set(states(ready)) == {"done"}


def test_a_session_has_a_share_of_minutes(ready, share, caller):
    """G.1: stop after some minutes and let the next run go on."""
    share("minutes", 15)
    change(ready, "UPDATE connection SET batch = 1")
    many(ready, 3)
    one = caller(ready, **takes(ready, 60.0)).open()
    assert one.answer(one.ask()) in range(1, 100)
    change(ready, "UPDATE sync_session SET started = started - interval '16 minutes'")
    assert one.answer(one.ask()) == 100
    assert one.calls.close_connection().startswith("2 booked, 1 left for the next run")
    assert ready.sync().message == "1 booked. All is well."


@pytest.mark.parametrize("messages", [9, 2])
def test_a_list_is_read_to_its_end_whatever_the_share(full, share, monkeypatch, messages):
    """G.1, F: an iterator lives as long as its session, so the next one would start over for ever."""
    share("messages", messages)
    monkeypatch.setattr(lists, "PAGE", 3)
    with full.company() as company:
        bulk.customers(company, 20)
    customers(full, "Ada")
    for _ in range(8):
        if full.sync().nothing_to_do:
            break
    assert states(full) == ["done"]
    assert len(imported(full)) == 23


def test_a_break_in_the_middle_of_many_messages_loses_none(ready):
    """D.6: messages made ahead and never sent are made anew."""
    change(ready, "UPDATE connection SET batch = 3")
    many(ready, 20)
    ready.sync(plan=faults.whenever("Customer 0010", faults.LOSE_ANSWER), **takes(ready, 2.0))
    passes(ready, "1 hour")
    ready.sync()
    assert ready.counts()["Customer"] == 22
    assert set(states(ready)) == {"done"}


def test_a_record_that_changes_while_it_is_made_ready_goes_in_its_newest_version(ready, caller):
    """G.1: what was made ahead for the company as it was is looked at again."""
    change(ready, "UPDATE connection SET batch = 1")
    ready.put("charges", "gold", name="Gold", item="Subscription")
    customers(ready, "Ada")
    bill(ready, "1", "Ada", "10.00")
    bill(ready, "2", "Ada", "20.00")
    one = caller(ready, **takes(ready, 60.0)).open()
    first = one.until("InvoiceAdd")
    bill(ready, "2", "Ada", "25.00", version=2)
    one.finish(first)
    while not ready.sync().nothing_to_do:
        pass
    assert ready.counts()["Invoice"] == 2
    assert ready.proof().difference == 0
