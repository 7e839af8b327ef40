"""protocol.md D.3 to D.6 against answers that nobody should give, and calls that come too late."""

import re

import pytest
from sqlalchemy import text

from hub.qbwc.fates import TRIES
from hub.qbwc.models import Operation, SyncSession
from hub.tenants.service import open_tenant
from tests.protocol.conftest import customers, rows


def set_id(message):
    return re.search('newMessageSetID="([^"]+)"', message)[1]


def answer(code, message, inner=""):
    """An answer to ``message`` with a messageSetStatusCode of its own."""
    return (
        f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs newMessageSetID="{set_id(message)}" '
        f'messageSetStatusCode="{code}">{inner}</QBXMLMsgsRs></QBXML>'
    )


def query_answer(message, code):
    """An answer to the InvoiceQuery in ``message`` that shows nothing."""
    (request,) = re.findall('InvoiceQueryRq requestID="([^"]+)"', message)
    inner = (
        f'<InvoiceQueryRs requestID="{request}" statusCode="{code}" statusSeverity="Warn" '
        'statusMessage="Something."/>'
    )
    return answer(0, message, inner)


def invoices(tenant):
    return [one for one in rows(tenant, Operation) if one.subject.startswith("invoice:")]


@pytest.fixture
def ready(full):
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    assert full.sync().ok
    return full


def write(tenant, number, external_id="i", version=1, amount="10.00"):
    lines = [{"charge": "gold", "amount": amount}]
    head = {"customer": "Ada", "date": "2026-05-03", "number": number, "version": version}
    tenant.put("invoices", external_id, lines=lines, **head)


def lose(tenant, caller, kind="InvoiceAddRq"):
    """Send what waits and lose the answer; return the message, its caller, and a second one that was
    given the question about it."""
    first = caller(tenant).open()
    message = first.until(kind)
    tenant.an_hour_passes()
    second = caller(tenant, company=first.company).open()
    return message, first, second, second.until("oldMessageSetID")


def test_a_question_that_cannot_be_read_waits_for_a_person_and_books_nothing(ready, caller):
    """D.5: an addition of unknown fate is not sent because its look-up fails."""
    write(ready, "\u00c91")
    message, first, second, question = lose(ready, caller)
    second.calls.receive_response_xml(answer(600, question))
    first.quickbooks.process(message)
    second.until("InvoiceQueryRq")
    second.calls.receive_response_xml("", "0x80040400", "parse")
    second.finish()
    (one,) = invoices(ready)
    assert one.state.value == "failed"
    assert one.question
    assert ready.counts()["Invoice"] == 1


@pytest.mark.parametrize("code", [501, 502, 530, 77])
def test_an_answer_in_part_does_not_mean_that_nothing_is_there(ready, caller, code):
    """D.1, D.5: only 0, 1 and 500 say that QuickBooks has found nothing."""
    write(ready, "1")
    message, first, second, question = lose(ready, caller)
    first.quickbooks.process(message)
    second.calls.receive_response_xml(answer(600, question))
    second.calls.receive_response_xml(query_answer(second.until("InvoiceQueryRq"), code))
    (one,) = invoices(ready)
    assert one.question["reason"] == "fate"
    second.finish()
    assert ready.counts()["Invoice"] == 1
    assert invoices(ready)[0].state.value == "done"


def test_what_quickbooks_knew_in_another_session_is_asked_for_again(ready, caller):
    """D.4 9001: the very same text goes only right after QuickBooks said that it has run it."""
    write(ready, "1")
    message, _, second, question = lose(ready, caller)
    second.calls.receive_response_xml(answer(9001, question))
    ready.an_hour_passes()
    third = caller(ready, company=second.company).open()
    asked = third.ask()
    assert "oldMessageSetID" in asked
    third.calls.receive_response_xml(answer(9001, asked))
    assert third.ask() == message


def test_a_late_answer_does_not_settle_what_was_changed_meanwhile(ready, caller):
    """A.4, D.6: the newer version still goes."""
    write(ready, "1")
    assert ready.sync().ok
    write(ready, "1", version=2, amount="20.00")
    message, first, second, question = lose(ready, caller, "InvoiceModRq")
    late = first.quickbooks.process(message)
    second.calls.receive_response_xml(answer(600, question))
    write(ready, "1", version=3, amount="30.00")
    first.calls.receive_response_xml(late)
    second.finish()
    ready.an_hour_passes()
    ready.sync()
    assert ready.proof().difference == 0
    assert ready.proof().waiting == []


def test_a_question_that_is_refused_time_and_again_waits_and_lets_others_go(ready, caller):
    """D.2: retries are bounded and spaced, those of look-ups too."""
    write(ready, "1")
    _, _, second, question = lose(ready, caller)
    second.calls.receive_response_xml(answer(600, question))
    write(ready, "2", external_id="other")
    seen = 0
    for _ in range(3 * TRIES):
        message = second.ask()
        if "InvoiceQueryRq" in message:
            seen += 1
            second.calls.receive_response_xml(query_answer(message, 1010))
        elif second.answer(message) not in range(100):
            break
    assert seen <= TRIES
    first, other = invoices(ready)
    assert first.question
    assert other.state.value == "done"


def test_a_message_that_quickbooks_breaks_at_is_taken_apart_and_its_culprit_held(ready, caller):
    """A.5 0x80040402, D.6: one of them may be what QuickBooks breaks at."""
    write(ready, "1", external_id="bad")
    write(ready, "2", external_id="good")
    company = None
    for _ in range(4 * TRIES):
        one = caller(ready, company=company) if company else caller(ready)
        company = one.company
        if one.knock() == ["none"]:
            break
        one = one.open() if not one.calls.ticket else one
        message = one.ask()
        while message:
            if "<RefNumber>1</RefNumber>" in message and "InvoiceAddRq" in message:
                one.calls.receive_response_xml("", "0x80040402", "Unexpected error.")
                break
            if one.answer(message) not in range(100):
                break
            message = one.ask()
        ready.an_hour_passes()
    bad, good = invoices(ready)
    assert good.state.value == "done"
    assert bad.state.value == "failed"
    assert ready.counts()["Invoice"] == 1


def test_a_large_answer_to_the_look_back_is_taken_in_at_once(ready, caller):
    """A.7: only lists are so long that they wait."""
    write(ready, "1")
    one = caller(ready).open()
    look_back = one.ask()
    long = one.quickbooks.process(look_back) + " " * 4_100_000
    assert one.calls.receive_response_xml(long) in range(100)
    assert "InvoiceAddRq" in one.ask()


def test_a_version_of_any_height_is_looked_up(ready, caller):
    """D.5: the versions that went out are looked for, not all there could be."""
    write(ready, "1", version=1_795_534_555_000)
    message, first, second, question = lose(ready, caller)
    first.quickbooks.process(message)
    second.calls.receive_response_xml(answer(600, question))
    second.finish()
    assert ready.counts()["Invoice"] == 1
    assert invoices(ready)[0].state.value == "done"


def test_a_company_that_is_not_confirmed_any_more_ends_the_session(ready, caller):
    """A.6: nothing is asked or written, and nothing goes round."""
    write(ready, "1")
    first = caller(ready).open()
    first.until("InvoiceAddRq")
    ready.an_hour_passes()
    with ready.db() as db:
        open_tenant(db, ready.slug)
        db.execute(
            text("UPDATE connection SET confirmed = NULL, company_name = NULL, company_path = NULL")
        )
        db.execute(text("UPDATE connection SET import_wanted = true"))
        db.execute(text("UPDATE list_import SET whole = NULL"))
        db.execute(text("UPDATE tenant SET confirm_company = false"))
    second = caller(ready, company=first.company).open()
    for _ in range(20):
        percent = second.answer(second.ask())
        if percent not in range(100):
            break
    assert percent == 100
    assert rows(ready, SyncSession)[-1].messages < 10
