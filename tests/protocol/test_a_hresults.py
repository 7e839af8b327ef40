"""protocol.md A.3 and A.5: what is answered to every hresult, and what the tenant reads."""

import pytest

from hub.books.models import Trouble
from hub.qbwc import statuses
from hub.qbwc.statuses import Action
from hub.sandbox import hresults
from tests.protocol.conftest import customers, messages, passes, sessions, states

KNOWN = [code for code in statuses.HRESULTS if isinstance(code, int)]
STOPPING = [code for code in KNOWN if statuses.HRESULTS[code].action is Action.STOP]
ELSEWHERE = {0x80040403, 0x80040408}
"""The file may have been moved, so the one that is open is tried once."""
known = pytest.mark.parametrize("code", KNOWN, ids="{:#X}".format)
stopping = pytest.mark.parametrize("code", STOPPING, ids="{:#X}".format)


def said(code):
    return hresults.SENTENCES.get(f"0x{code:08X}", "It says something else.")


@pytest.fixture
def late(shared):
    """The shared tenant, none of whose sessions is under way."""
    yield shared
    passes(shared, "1 hour")


@known
def test_connection_error_is_answered_and_told_to_the_tenant(late, caller, code):
    """A.3, A.5: done stops; "" is tried once where the file was not found; the tenant reads why."""
    customers(late, f"Error {code:X}")
    one = caller(late)
    one.knock()
    text = f"0x{code:08X}"

    answer = one.calls.connection_error(text, said(code))

    if code in ELSEWHERE:
        assert answer == ""
        answer = one.calls.connection_error(text, said(code))
    assert answer == "done"
    sentence = f"{statuses.HRESULTS[code].sentence()} ({text}: {said(code)})"
    connection = late.connection()
    assert (connection.trouble, connection.problem) == (Trouble.QUICKBOOKS, sentence)
    assert one.calls.get_last_error() == sentence
    assert one.ask() == ""
    assert one.calls.close_connection().startswith(sentence)
    assert sessions(late)[-1].error == sentence


@pytest.mark.parametrize(
    "text", ["0x8004040A", "0X8004040a", "-2147220470", "2147746826", " 0x8004040a "]
)
def test_an_hresult_is_known_in_any_form(late, caller, text):
    """A.5: match without case, and accept decimal forms."""
    customers(late, f"Form {text}")
    one = caller(late)
    one.knock()
    assert one.calls.connection_error(text, "") == "done"
    assert one.calls.get_last_error().startswith("Another company file is open in QuickBooks.")


@pytest.mark.parametrize("hresult", ["0x80049999", "no number", ""])
def test_an_unknown_hresult_stops_with_its_text(late, caller, hresult):
    """A.5: unknown code = stop and show the text."""
    customers(late, f"Unknown {hresult}")
    one = caller(late)
    one.knock()
    assert one.calls.connection_error(hresult, "Wholly new.") == "done"
    sentence = one.calls.get_last_error()
    assert sentence.startswith("QuickBooks could not go on.")
    assert "Wholly new." in sentence


def test_the_next_good_session_takes_the_problem_away(late, caller):
    """A.5: what was in the way is gone."""
    customers(late, "Zoe")
    assert not late.sync(unopenable="0x80040414").ok
    assert late.connection().problem
    passes(late, "1 hour")
    assert late.sync().ok
    assert (late.connection().trouble, late.connection().problem) == (None, None)


@pytest.mark.parametrize("opens", [True, False])
def test_where_the_file_is_not_found_the_open_one_is_tried_once(world, caller, opens):
    """A.3 connectionError: any other text is the file to try, "" the open one; not more than a
    couple of times. A.5 0x8004040A: never another one blindly."""
    tenant = world.tenant("full")
    tenant.sync()
    customers(tenant, "Ada")
    plan = {} if opens else {"unopenable": "0x80040408"}
    one = caller(tenant, **plan)
    moved = tenant.company_path.with_name("elsewhere.qbw")
    assert one.knock() == [str(tenant.company_path)]
    assert one.calls.connection_error("0x80040403", "not found") == ""
    if opens:
        assert one.finish()[1] == "1 booked. All is well."
    else:
        assert one.calls.connection_error("0x80040408", "not started") == "done"
        assert "could not be started" in tenant.connection().problem
    assert not moved.exists()


@stopping
def test_an_hresult_in_mid_run_stops_the_session_and_loses_nothing(late, caller, code):
    """A.5 receiveResponseXML: stop, and ask QuickBooks (D.4) before any write goes again."""
    name = f"Run {code:X}"
    customers(late, name)
    one = caller(late).open()
    one.until("CustomerAdd")
    text = f"0x{code:08X}"

    assert one.calls.receive_response_xml("", text, said(code)) == -1

    sentence = f"{statuses.HRESULTS[code].sentence()} ({text}: {said(code)})"
    assert one.calls.get_last_error() == sentence
    assert one.ask() == ""
    assert one.calls.close_connection().startswith(sentence)
    assert states(late)[-1] == "sent"
    first = one.open().ask()
    assert f'oldMessageSetID="{messages(late)[-1].set_id}"' in first
    assert "Add" not in first
    assert one.finish(first)[0][-1] == 100
    assert states(late)[-1] == "done"
    assert one.company.lists.named("Customer", name)


def test_an_hresult_on_an_import_stops_the_session_and_the_next_one_reads_on(world, caller):
    """A.5: nothing is in doubt, as queries change nothing (D.3)."""
    tenant = world.tenant("full")
    one = caller(tenant).open()
    one.until("AccountQuery")
    assert one.calls.receive_response_xml("", "0x80040414", "modal") == -1
    assert one.calls.close_connection().startswith("A window in QuickBooks waits")
    assert one.open().finish()[0][-1] == 100
    assert tenant.connection().imported


def test_an_import_that_cannot_be_read_is_told(world, caller):
    """A.5 0x80040400: nothing of it was run; there is nothing to take apart."""
    tenant = world.tenant("full")
    one = caller(tenant).open()
    one.until("AccountQuery")
    assert one.calls.receive_response_xml("", "0x80040400", "cannot parse") == -1
    assert one.calls.get_last_error().startswith("QuickBooks could not read one of our requests.")
