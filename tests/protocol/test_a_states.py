"""protocol.md A.2 and A.4: calls in every order, and two Web Connectors with one login."""

import pytest

from hub.qbwc.models import Stage
from tests.protocol.conftest import change, customers, messages, passes, sessions, states

ELSEWHERE = "10.9.8.7"


@pytest.fixture
def ready(full):
    """A tenant whose lists are read, with a customer that waits."""
    full.sync()
    customers(full, "Ada")
    return full


def stages(tenant):
    return [one.stage for one in messages(tenant)]


def test_a_message_is_stored_as_it_is_before_it_leaves(ready, caller):
    """A.4: persist request text and message-set id before returning it."""
    message = caller(ready).open().until("CustomerAdd")
    (stored,) = messages(ready)
    assert stored.text == message
    assert f'newMessageSetID="{stored.set_id}"' in message
    assert len(stored.set_id) <= 24
    assert stored.stage is Stage.OUTSTANDING


def test_an_answer_is_stored_as_it_is_before_the_percentage(ready, caller):
    """A.4: persist the response before returning the per cent."""
    one = caller(ready).open()
    answer = one.quickbooks.process(one.until("CustomerAdd"))
    assert one.calls.receive_response_xml(answer) == 100
    (stored,) = messages(ready)
    assert stored.answer == answer
    assert stored.stage is Stage.ANSWERED


def test_authenticate_while_a_message_is_out_asks_what_became_of_it_first(ready, caller):
    """A.4: authenticate while SENT means that the answer got lost."""
    one = caller(ready).open()
    one.quickbooks.process(one.until("CustomerAdd"))
    passes(ready, "1 minute")
    one.open()
    first = one.ask()
    (stored,) = messages(ready)
    assert f'oldMessageSetID="{stored.set_id}"' in first
    assert "CustomerAddRq" not in first
    assert one.finish(first) == ([100], "1 booked. All is well.")


def test_authenticate_after_the_end_only_drops_the_old_ticket(ready, caller):
    """A.4: authenticate while CLOSING, as closeConnection got lost (D.6)."""
    one = caller(ready).open()
    while one.answer(one.ask()) != 100:
        pass
    passes(ready, "1 minute")
    customers(ready, "Ben")
    percents, sentence = one.open().finish()
    assert percents[-1] == 100
    assert sentence == "1 booked. All is well."
    assert stages(ready) == [Stage.ANSWERED, Stage.ANSWERED]


def test_asking_for_an_import_twice_is_answered_alike(full, caller):
    """A.4: sendRequestXML twice in a row: a query may be sent again (D.3)."""
    one = caller(full).open()
    assert one.until("AccountQuery") == one.ask()
    assert one.finish()[0][-1] == 100


def test_the_same_answer_twice_is_settled_once(ready, caller):
    """A.4: what was answered already changes nothing."""
    one = caller(ready).open()
    answer = one.quickbooks.process(one.until("CustomerAdd"))
    assert [one.calls.receive_response_xml(answer) for _ in range(3)] == [100, 100, 100]
    assert sessions(ready)[-1].booked == 1
    assert one.calls.close_connection() == "1 booked. All is well."


def test_an_answer_that_nobody_asked_for_changes_nothing(ready, caller):
    """A.4: receiveResponseXML while READY."""
    one = caller(ready).open()
    message = one.until("CustomerAdd")
    answer = one.quickbooks.process(message)
    stranger = answer.replace(messages(ready)[0].set_id, "another")
    assert one.calls.receive_response_xml(stranger) < 100
    assert states(ready) == ["sent"]
    assert one.calls.receive_response_xml(answer) == 100
    assert states(ready) == ["done"]


def test_the_answer_of_an_old_ticket_is_kept_and_answered_minus_one(ready, caller):
    """A.4: unknown or expired ticket: -1; keep the payload, it carries the ids."""
    one = caller(ready).open()
    answer = one.quickbooks.process(one.until("CustomerAdd"))
    one.calls.close_connection()
    assert one.calls.receive_response_xml(answer) == -1
    assert states(ready) == ["done"]
    assert caller(ready).knock() == ["none"]


# two Web Connectors with one login


def test_a_second_one_is_busy_until_the_first_went_quiet(ready, caller):
    """A.4: busy for a fresh session, take over after a quiet time."""
    one, two = caller(ready), caller(ready)
    one.open()
    assert two.knock() == ["busy"]
    passes(ready, "29 seconds")
    assert two.knock() == ["busy"]
    passes(ready, "2 seconds")
    two.open()
    assert one.ask() == ""
    assert one.calls.get_last_error() == "The Web Connector went away in mid-run."
    assert one.calls.close_connection().startswith("The Web Connector went away")
    assert two.finish()[1] == "1 booked. All is well."


@pytest.mark.parametrize(
    ("address", "quiet", "verdict"),
    [
        ("127.0.0.1", "1 minute", "taken over"),
        (ELSEWHERE, "1 minute", "busy"),
        (ELSEWHERE, "9 minutes", "busy"),
        (ELSEWHERE, "11 minutes", "taken over"),
    ],
)
def test_from_elsewhere_a_message_that_is_out_is_waited_for(ready, caller, address, quiet, verdict):
    """A.2, A.7: one computer runs one session at a time; on another QuickBooks may still be at work."""
    one = caller(ready).open()
    one.until("CustomerAdd")
    passes(ready, quiet)
    two = caller(ready, company=one.company, address=address)
    if verdict == "busy":
        assert two.knock() == ["busy"]
    else:
        two.open()


def test_from_elsewhere_a_session_with_nothing_out_is_taken_over(ready, caller):
    """A.4: only a message that is out may still come back."""
    caller(ready).open()
    passes(ready, "1 minute")
    assert caller(ready, address=ELSEWHERE).open().finish()[1] == "1 booked. All is well."


@pytest.mark.parametrize("when", ["before it asked", "after it asked", "after it was told"])
@pytest.mark.parametrize("memory", ["kept", "forgotten"])
def test_the_late_answer_of_the_first_is_settled_whenever_it_comes(ready, caller, when, memory):
    """A.4: a late answer carries ids; whatever the second has asked by then, it is booked once."""
    one = caller(ready).open()
    late = one.quickbooks.process(one.until("CustomerAdd"))
    passes(ready, "11 minutes")
    two = caller(ready, company=one.company, address=ELSEWHERE).open()
    if memory == "forgotten":
        one.company.message_sets.forget_all()
    question = "" if when == "before it asked" else two.ask()
    if when == "after it was told":
        two.answer(question)
        question = ""

    assert one.calls.receive_response_xml(late) == -1

    if (when, memory) != ("after it was told", "forgotten"):
        assert states(ready) == ["done"]
    percents, _ = two.finish(question)
    assert percents == [] or percents[-1] == 100
    assert set(states(ready)) == {"done"}
    assert ready.counts()["Customer"] == 3


def test_the_late_refusal_of_the_first_counts_as_well(ready, caller):
    """A.4, A.5: the first one's QuickBooks could not read the message, so nothing of it was run."""
    one = caller(ready).open()
    one.until("CustomerAdd")
    passes(ready, "11 minutes")
    two = caller(ready, company=one.company, address=ELSEWHERE).open()
    question = two.ask()
    assert one.calls.receive_response_xml("", "0x80040400", "cannot parse") == -1
    assert two.finish(question)[1].startswith("0 booked, 1 need you")
    assert ready.counts()["Customer"] == 2


def test_no_connector_is_shut_out_by_one_that_never_came_back(ready, caller):
    """A.4: after half an hour nobody waits for anybody."""
    one = caller(ready).open()
    one.until("CustomerAdd")
    change(ready, "UPDATE sync_session SET last_call = now() - interval '31 minutes'")
    assert caller(ready, company=one.company, address=ELSEWHERE).open().finish()[0][-1] == 100
    assert ready.counts()["Customer"] == 3
