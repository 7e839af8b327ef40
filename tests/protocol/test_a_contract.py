"""protocol.md A.1, A.3, A.7 and A.9: every value that a call may be answered with."""

import re

import pytest

from hub.qbwc import inbox
from hub.qbwc.models import Inbox
from hub.sandbox import bulk, faults
from hub.tasks import celery
from tests.protocol.conftest import (
    bill,
    change,
    customers,
    imported,
    passes,
    rows,
    sessions,
    states,
    takes,
)
from tests.world import PASSWORD


def test_server_version_names_the_product_and_its_version(full, caller):
    """A.3 serverVersion: shown to the user."""
    assert re.fullmatch(r"Billing Hub \d+\.\d+", caller(full).calls.server_version())


@pytest.mark.parametrize(
    ("act", "code"), [("accept", ""), ("warn", ""), ("refuse", "QBWC1037"), ("name", "QBWC1037")]
)
def test_client_version_goes_on_or_stops_as_the_settings_say(full, app, monkeypatch, act, code):
    """A.3 clientVersion: "" and W: go on, E: and O: stop."""
    monkeypatch.setitem(app.registry.settings, "qbwc.oldest_client", "9.9")
    monkeypatch.setitem(app.registry.settings, "qbwc.old_client", act)
    customers(full, "Ada")
    outcome = full.sync()
    assert (outcome.ok, outcome.code) == (not code, code)
    assert len(sessions(full)) == (0 if code else 1)


# authenticate


def test_work_is_answered_with_a_ticket_and_no_path_at_first(full, caller):
    """A.3 authenticate: "" is the company file that is open in QuickBooks."""
    customers(full, "Ada")
    ticket, *answer = caller(full).calls.authenticate()
    assert re.fullmatch("[0-9a-f]{32}", ticket)
    assert answer == [""]


def test_work_is_answered_with_the_company_file_that_was_confirmed(full, caller):
    """A.3 authenticate: anything else is the full path of the company file."""
    full.sync()
    customers(full, "Ada")
    assert caller(full).knock() == [str(full.company_path)]


def test_a_company_file_that_is_not_confirmed_is_not_asked_for(world, caller):
    """A.3, A.6: until a person says so, whatever is open is looked at."""
    tenant = world.tenant("full", confirm_company=False)
    tenant.sync()
    change(tenant, "UPDATE connection SET import_wanted = true")
    assert caller(tenant).knock() == [""]


def test_nothing_to_send_or_to_import_is_none(full, caller):
    """A.3 authenticate: none is valid, no work."""
    full.sync()
    assert caller(full).calls.authenticate() == ["", "none"]


@pytest.mark.parametrize("work", ["customer", "import", "pause over"])
def test_anything_to_do_is_a_session(full, caller, work):
    """A.3 authenticate: records that wait, lists that are to be read, a pause that is over."""
    full.sync()
    if work == "import":
        change(full, "UPDATE connection SET import_wanted = true")
    else:
        customers(full, "Ada")
    if work == "pause over":
        change(full, "UPDATE connection SET paused_until = now() - interval '1 second'")
    assert caller(full).open().finish()[0][-1] == 100


def test_lists_are_read_again_after_a_day(full, caller):
    """A.3 authenticate: an import that is due is work."""
    full.sync()
    change(full, "UPDATE connection SET imported = now() - interval '23 hours'")
    assert caller(full).knock() == ["none"]
    change(full, "UPDATE connection SET imported = now() - interval '25 hours'")
    assert caller(full).knock() != ["none"]


def test_what_may_not_be_tried_yet_is_no_work(full, caller):
    """A.3 authenticate: a record whose pause is not over is not to be sent."""
    full.sync()
    customers(full, "Ada")
    change(full, "UPDATE operation SET due = now() + interval '5 minutes'")
    assert caller(full).knock() == ["none"]


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
def test_a_wrong_password_is_nvu_with_no_ticket(full, caller, password):
    """A.3 authenticate: nvu, and "" for a ticket is fine; closeConnection follows with it."""
    calls = caller(full, password=password).calls
    assert calls.authenticate() == ["", "nvu"]
    assert calls.close_connection() == "OK"


def test_a_second_session_at_once_is_busy(full, caller):
    """A.3 authenticate: busy."""
    customers(full, "Ada")
    caller(full).open()
    assert caller(full).calls.authenticate() == ["", "busy"]


@pytest.mark.parametrize("interval", [None, 900])
def test_while_it_is_paused_it_is_told_for_how_long(full, caller, interval):
    """A.3 authenticate: (none, x) postpones; exactly two or four strings."""
    customers(full, "Ada")
    paused = "UPDATE connection SET paused_until = now() + interval '90 seconds', interval = :interval"
    change(full, paused, interval=interval)
    ticket, verdict, postponed, least = caller(full).calls.authenticate()
    assert (ticket, verdict) == ("", "none")
    assert 85 <= int(postponed) <= 90
    assert least == str(interval or "")
    outcome = full.sync()
    assert (outcome.ok, outcome.min_interval) == (True, interval)
    assert 85 <= outcome.postponed <= 90
    assert not sessions(full)


def test_a_least_interval_goes_with_every_verdict(full, caller):
    """A.3 authenticate: ("", "", y), (none, "", y) and (busy, "", y)."""
    change(full, "UPDATE connection SET interval = 900")
    customers(full, "Ada")
    one = caller(full)
    assert one.knock() == ["", "", "900"]
    assert caller(full).knock() == ["busy", "", "900"]
    one.finish()
    assert caller(full).knock() == ["none", "", "900"]


# sendRequestXML and getLastError


def test_a_session_whose_work_is_gone_ends_well(summary, caller):
    """A.3: never get to an empty sendRequestXML with nothing wrong; 100 ends a session."""
    summary.sync()
    summary.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    customers(summary, "Ada")
    bill(summary, billing_cycle="may")
    bill(summary, billing_cycle="may", version=2, status="void")
    summary.close("may")
    one = caller(summary).open()
    assert "<HostQueryRq" in (message := one.ask())
    assert one.finish(message) == ([100], "0 booked. All is well.")
    assert caller(summary).knock() == ["none"]


def test_a_first_look_at_large_lists_ends_too(world, monkeypatch):
    """A.3 NoOp: only while something is prepared, also before the company is confirmed."""
    monkeypatch.setattr(inbox, "LARGE", 500)
    outcome = world.tenant("full", confirm_company=False).sync()
    assert outcome.ok
    assert "Nothing is written yet: confirm" in outcome.message


@pytest.fixture
def no_worker():
    """Tasks are sent, and nobody takes them."""
    celery.conf.update(task_always_eager=False)
    yield
    celery.conf.update(task_always_eager=True)


@pytest.mark.usefixtures("no_worker")
def test_noop_while_a_large_answer_is_taken_in_also_when_no_task_comes(full, caller, monkeypatch):
    """A.3 NoOp: the same word from getLastError makes the Web Connector ask again."""
    monkeypatch.setattr(inbox, "LARGE", 500)
    one = caller(full)
    bulk.customers(one.company, 20)
    one.open()
    waits, percents = 0, []
    while True:
        message = one.ask()
        if message == "NoOp":
            waits += 1
            assert one.calls.get_last_error() == "NoOp"
            # No task comes: once the answer has lain for long enough, the call takes it in.
            change(full, "UPDATE inbox SET arrived = arrived - interval '20 seconds'")
            continue
        percents.append(one.answer(message))
        if percents[-1] == 100:
            break
    assert waits
    assert len(imported(full)) == 22
    assert percents == sorted(percents)


@pytest.mark.parametrize("large", [True, False])
def test_a_large_answer_is_taken_in_by_a_task_at_once(full, monkeypatch, large):
    """A.7: heavy work is done after storing the payload; an answer is taken in once, either way."""
    monkeypatch.setattr(inbox, "LARGE", 500 if large else 10**9)
    with full.company() as company:
        bulk.customers(company, 20)
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    assert full.sync().message == "2 booked. All is well."
    assert len(imported(full)) == 23
    assert not rows(full, Inbox)


@pytest.mark.parametrize("answer", ["", "<html>oops</html>", "<?xml version='1.0'?><QBXML><"])
def test_a_large_answer_that_is_garbage_ends_the_session_in_a_sentence(
    full, caller, monkeypatch, answer
):
    """A.3 getLastError, A.7: what was stored first and cannot be read then is told all the same."""
    monkeypatch.setattr(inbox, "LARGE", -1)
    one = caller(full).open()
    one.until("AccountQuery")
    assert one.calls.receive_response_xml(answer) == 1
    assert one.ask() == ""
    assert "could not be read" in one.calls.get_last_error()
    assert "could not be read" in one.calls.close_connection()
    monkeypatch.undo()
    assert full.sync().ok
    assert len(imported(full)) == 2


# receiveResponseXML


def test_the_percentage_grows_and_is_100_at_the_end_alone(full, caller):
    """A.3 receiveResponseXML: 0 to 99 goes on, 100 is done."""
    customers(full, *(f"Customer {number}" for number in range(60)))
    change(full, "UPDATE connection SET batch = 7")
    percents, sentence = caller(full).open().finish()
    assert len(percents) > 5
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert 100 not in percents[:-1]
    assert sentence == "60 booked. All is well."


def test_the_percentage_follows_the_work(full, caller):
    """A.3 receiveResponseXML: progress per cent is done of all that there is to do."""
    full.sync()
    customers(full, *(f"Customer {number}" for number in range(10)))
    change(full, "UPDATE connection SET batch = 1")
    percents, _ = caller(full, **takes(full, 60.0)).open().finish()
    assert percents == [10 * number for number in range(1, 11)]


def test_a_negative_number_ends_in_a_sentence_from_both_calls(full, caller):
    """A.3: a negative receiveResponseXML, then getLastError, then closeConnection."""
    customers(full, "Ada")
    one = caller(full).open()
    one.until("CustomerAdd")
    assert one.calls.receive_response_xml("", "0x80040414", "A modal dialog box is showing.") == -1
    assert one.calls.get_last_error().startswith("A window in QuickBooks waits for an answer.")
    assert one.calls.close_connection().startswith("A window in QuickBooks waits for an answer.")


def test_a_refused_record_does_not_end_the_session(full, caller):
    """A.3: after a per-request error the session goes on; < 0 is only for all of it."""
    customers(full, "Ada", "Ben")
    outcome = full.sync(plan=faults.refusing("<Name>Ben", 3150, "A required element is missing."))
    assert outcome.percent == 100
    assert outcome.message.startswith("1 booked, 1 need you: see http")


# closeConnection and tickets


def test_close_connection_says_what_came_of_it_as_often_as_it_is_asked(full, caller):
    """A.3 closeConnection: a sentence for people, and a page where there is more to read."""
    customers(full, "Ada")
    one = caller(full).open()
    _, sentence = one.finish()
    assert sentence == one.calls.close_connection() == "1 booked. All is well."


def test_a_run_that_is_broken_off_says_what_is_left(full, caller):
    """A.3 closeConnection: numbers and a link."""
    customers(full, "Ada", "Ben")
    one = caller(full).open()
    one.until("CustomerAdd")
    assert re.fullmatch(
        r"0 booked, 2 left for the next run: see http://\S+", one.calls.close_connection()
    )


@pytest.mark.parametrize("ticket", ["", "0" * 32, "no ticket at all", "' OR 1=1 --"])
def test_a_ticket_that_was_never_given_is_answered_politely(full, caller, ticket):
    """A.3, A.4: closeConnection may come with "" or an unknown ticket; never a fault."""
    calls = caller(full).calls
    calls.ticket = ticket
    assert calls.send_request_xml("greeting") == ""
    assert calls.receive_response_xml("<QBXML/>") == -1
    assert "has ended" in calls.get_last_error()
    assert calls.connection_error("0x80040408", "Could not start QuickBooks.") == "done"
    assert calls.close_connection() == "OK"


def test_every_session_has_a_ticket_of_its_own_of_128_bits(full, caller):
    """A.3 ticket: a random token that nobody can guess."""
    tickets = set()
    for _ in range(5):
        customers(full, f"Customer {len(tickets)}")
        one = caller(full).open()
        tickets.add(one.calls.ticket)
        one.finish()
    assert len(tickets) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", ticket) for ticket in tickets)


def test_a_ticket_ends_with_its_session(full, caller):
    """A.4: what comes after closeConnection is of no session."""
    customers(full, "Ada")
    one = caller(full).open()
    one.calls.close_connection()
    assert one.ask() == ""
    assert "has ended" in one.calls.get_last_error()
    assert one.calls.receive_response_xml("<QBXML/>") == -1
    assert states(full) == ["queued"]


@pytest.mark.parametrize(("quiet", "alive"), [("29 minutes", True), ("31 minutes", False)])
def test_a_ticket_ends_after_half_an_hour_of_quiet(full, caller, quiet, alive):
    """A.7: QuickBooks may think for minutes, so a session lives at least 30 minutes."""
    customers(full, "Ada")
    one = caller(full).open()
    one.until("AccountQuery")
    passes(full, quiet)
    assert bool(one.ask()) is alive
    assert ("has ended" in one.calls.get_last_error()) is not alive


def test_an_answer_after_half_an_hour_is_kept_and_ends_the_session(full, caller):
    """A.4: an expired ticket is answered -1, and the payload is kept: it carries ids."""
    full.sync()
    customers(full, "Ada")
    one = caller(full).open()
    message = one.until("CustomerAdd")
    passes(full, "31 minutes")
    assert one.answer(message) == -1
    assert states(full) == ["done"]


def test_interactive_mode_is_refused_politely(full, caller):
    """A.9: the three methods are there, and offer nothing."""
    service = caller(full).calls.service
    for ticket in ("", "0" * 32):
        assert service.text("getInteractiveURL", wcTicket=ticket, sessionID="1") == ""
        rejected = service.text("interactiveRejected", wcTicket=ticket, reason="no")
        assert rejected == "Interactive sessions are not offered."
        assert service.text("interactiveDone", wcTicket=ticket) == "Done"
