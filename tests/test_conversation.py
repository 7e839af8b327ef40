"""The conversation with the Web Connector: each branch, and what a break in the middle does."""

import re

import pytest
from sqlalchemy import event, text

from hub.books.connections import confirm, main_connection
from hub.sandbox import faults
from hub.sandbox.faults import Mishap
from hub.tenants.service import StaffRoom, open_tenant
from tests.world import PASSWORD

UNREADABLE = Mishap(False, "0x80040400", "QuickBooks found an error when parsing the provided XML text.")


def some_customers(tenant, *names):
    tenant.batch(("customer", name, {"name": name}) for name in names)


def test_nothing_is_written_before_a_person_confirms_the_company(world):
    tenant = world.tenant("full", confirm_company=False)
    some_customers(tenant, "Ada")

    first = tenant.sync()

    assert first.ok
    assert "confirm" in first.message
    assert tenant.counts()["Customer"] == 2
    assert tenant.sync().nothing_to_do
    with tenant.db() as db:
        confirm(main_connection(db, open_tenant(db, tenant.slug)))
    assert tenant.sync().message == "1 booked. All is well."
    assert tenant.counts()["Customer"] == 3


def test_another_company_file_is_left_alone(full):
    full.sync()
    some_customers(full, "Ada")
    with full.company() as company:
        (owner,) = company_owner(full)
        company.stamp(owner, "FileID", "{00000000-0000-0000-0000-000000000001}")
        connector = full.connector(company)
        connector.add = lambda: None
        outcome = connector.run()

    assert not outcome.ok
    assert "is not the company file" in outcome.last_error
    assert "is not the company file" in full.connection().problem
    assert full.counts()["Customer"] == 2


def company_owner(tenant):
    with tenant.db() as db:
        yield f"{{{open_tenant(db, tenant.slug).owner_id}}}"


def test_a_company_file_without_our_mark_is_left_alone(full):
    service, ticket = full.service(), open_session(full)
    answer = service.text(
        "sendRequestXML",
        ticket=ticket,
        strHCPResponse='<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CompanyQueryRs statusCode="0">'
        "<CompanyRet><CompanyName>Stray</CompanyName></CompanyRet></CompanyQueryRs></QBXMLMsgsRs></QBXML>",
    )
    assert answer == ""
    assert "does not carry this connection's mark" in service.text("getLastError", ticket=ticket)


def open_session(tenant):
    ticket, status = tenant.service().strings(
        "authenticate", strUserName=tenant.username, strPassword=PASSWORD
    )
    assert status not in ("nvu", "none", "busy")
    return ticket


@pytest.mark.parametrize(
    "mishap",
    [faults.LOSE_REQUEST, faults.LOSE_ANSWER, faults.UNEXPECTED, faults.UNEXPECTED_AFTER, faults.CRASH],
    ids=["request lost", "answer lost", "unexpected", "unexpected after", "crash"],
)
def test_a_break_in_mid_write_books_once(full, mishap):
    full.sync()
    some_customers(full, "Ada", "Ben")

    broken = full.sync(plan=faults.script(mishap))
    assert not broken.ok
    full.an_hour_passes()
    outcome = full.sync()

    assert outcome.message == "2 booked. All is well."
    assert full.counts()["Customer"] == 4
    assert full.sync().nothing_to_do


def test_a_break_during_an_import_starts_it_over(full):
    some_customers(full, "Ada")
    assert not full.sync(plan=faults.script(None, faults.LOSE_ANSWER)).ok
    full.an_hour_passes()
    assert full.sync().message == "1 booked. All is well."


def test_the_second_web_connector_is_busy_until_the_first_went_quiet(full):
    some_customers(full, "Ada")
    open_session(full)

    second = full.service().strings("authenticate", strUserName=full.username, strPassword=PASSWORD)
    assert second == ["", "busy"]
    full.an_hour_passes()
    assert full.sync().ok


def test_asking_twice_asks_quickbooks_what_became_of_the_first_message(full):
    """protocol.md A.4: two sendRequestXML in a row mean that the first answer got lost."""
    full.sync()
    some_customers(full, "Ada")
    service, ticket = full.service(), open_session(full)
    with full.company() as company:
        greeting = full.greeting(company)
        first = service.text("sendRequestXML", ticket=ticket, strHCPResponse=greeting)
        second = service.text("sendRequestXML", ticket=ticket)
        third = service.text("sendRequestXML", ticket=ticket)
        answer = full.connector(company)._quickbooks.process(third)
    assert "CustomerAddRq" in first
    assert "CustomerAddRq" not in second
    assert f'oldMessageSetID="{set_id(first)}"' in second
    assert second == third
    values = {"ticket": ticket, "response": answer, "hresult": "", "message": ""}
    assert 0 < int(service.text("receiveResponseXML", **values)) < 100
    assert "CustomerQueryRq" in service.text("sendRequestXML", ticket=ticket)


def set_id(message):
    return re.search('newMessageSetID="([^"]+)"', message)[1]


def test_an_answer_that_comes_twice_is_settled_once(full):
    full.sync()
    some_customers(full, "Ada")
    service, ticket = full.service(), open_session(full)
    with full.company() as company:
        message = service.text("sendRequestXML", ticket=ticket, strHCPResponse=full.greeting(company))
        answer = full.connector(company)._quickbooks.process(message)
    values = {"ticket": ticket, "response": answer, "hresult": "", "message": ""}
    assert service.text("receiveResponseXML", **values) == "100"
    assert service.text("receiveResponseXML", **values) == "100"
    assert full.operations() == [("customer", "done", "")]


def test_the_late_answer_of_a_session_that_was_taken_over_still_counts(full):
    full.sync()
    some_customers(full, "Ada")
    service, ticket = full.service(), open_session(full)
    with full.company() as company:
        message = service.text("sendRequestXML", ticket=ticket, strHCPResponse=full.greeting(company))
        answer = full.connector(company)._quickbooks.process(message)
    full.an_hour_passes()
    open_session(full)

    late = {"ticket": ticket, "response": answer, "hresult": "", "message": ""}
    assert service.text("receiveResponseXML", **late) == "-1"
    assert full.operations() == [("customer", "done", "")]


def test_an_unreadable_request_is_found_and_the_rest_is_booked(full):
    full.sync()
    some_customers(full, "Ada", "Ben", "Culprit", "Dora", "Eve")

    outcome = full.sync(plan=faults.whenever("<Name>Culprit</Name>", UNREADABLE, times=100))

    assert outcome.message.startswith("4 booked, 1 need you")
    failed = [note for _, state, note in full.operations() if state == "failed"]
    assert len(failed) == 1
    assert "could not read" in failed[0]
    assert full.counts()["Customer"] == 6


def test_garbage_for_an_answer_ends_the_session_and_loses_nothing(full):
    full.sync()
    some_customers(full, "Ada")
    service, ticket = full.service(), open_session(full)
    with full.company() as company:
        service.text("sendRequestXML", ticket=ticket, strHCPResponse=full.greeting(company))
    values = {"ticket": ticket, "response": "<html>oops", "hresult": "", "message": ""}
    assert service.text("receiveResponseXML", **values) == "-1"
    assert "could not be read" in service.text("getLastError", ticket=ticket)
    service.text("closeConnection", ticket=ticket)
    assert full.sync().message == "1 booked. All is well."


@pytest.mark.parametrize("ticket", ["", "nonsense", "0" * 32, "x" * 10000])
def test_an_unknown_ticket_is_answered_politely(full, ticket):
    service = full.service()
    assert service.text("sendRequestXML", ticket=ticket) == ""
    assert service.text("receiveResponseXML", ticket=ticket, response="", hresult="", message="") == "-1"
    assert "ended" in service.text("getLastError", ticket=ticket)
    assert service.text("connectionError", ticket=ticket, hresult="0x80040408", message="x") == "done"
    assert service.text("closeConnection", ticket=ticket) == "OK"


def test_quickbooks_that_does_not_open_is_told_to_the_tenant(full):
    some_customers(full, "Ada")
    outcome = full.sync(unopenable="0x80040408")
    assert not outcome.ok
    assert "could not be started" in full.connection().problem
    assert full.sync().ok
    assert full.connection().problem is None


def test_wrong_password_and_switched_off_access_are_refused(full):
    with full.company() as company:
        assert not full.connector(company, password="wrong-password").run().ok
        with full.db() as db:
            room = StaffRoom(db, open_tenant(db, full.slug), "test")
            (login,) = [staff for staff in room.all() if staff.login == full.username]
            room.switch(login, active=False)
        assert not full.connector(company).run().ok


def test_a_name_that_a_vendor_has_needs_a_person_and_stops_nobody_else(full):
    some_customers(full, "State Board of Equalization", "Ada")
    full.put("charges", "g", name="Gold", item="Subscription")
    lines = [{"charge": "g", "amount": "5.00"}]
    for index, customer in enumerate(("State Board of Equalization", "Ada")):
        full.put(
            "invoices", f"i{index}", number=str(index), customer=customer, date="2026-05-01", lines=lines
        )

    outcome = full.sync()

    assert outcome.message.startswith("2 booked, 2 held")
    states = {subject: [] for subject, _, _ in full.operations()}
    for subject, state, note in full.operations():
        states[subject].append((state, note))
    assert sorted(state for state, _ in states["customer"]) == ["done", "held"]
    assert any("already used in QuickBooks" in note for _, note in states["customer"])
    assert sorted(state for state, _ in states["invoice"]) == ["done", "held"]
    waits = "Waits for the customer “State Board of Equalization”"
    assert any(waits in note for _, note in states["invoice"])

    full.put("customers", "State Board of Equalization", version=2, name="State Board (customer)")
    assert full.sync().message == "2 booked. All is well."
    assert full.proof().difference == 0


def test_a_customer_that_quickbooks_has_already_is_linked_not_doubled(full):
    full.put("customers", "k", name="kern lighting WAREHOUSE")
    full.sync()
    assert full.counts()["Customer"] == 2
    assert "had already" in full.operations()[0][2]


def test_a_message_takes_a_number_of_statements_that_does_not_grow(full, app):
    full.sync()
    some_customers(full, "warm-up")
    full.sync()
    counts = []
    for size in (5, 45):
        some_customers(full, *(f"{size}-{index}" for index in range(size)))
        statements = []
        engine = app.registry["session_factory"].kw["bind"]

        def note(connection, cursor, statement, *_rest, statements=statements):
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        assert full.sync().message.startswith(f"{size} booked")
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_the_ticket_and_the_password_are_nowhere_in_the_database(full):
    ticket = open_session(full)
    with full.db() as db:
        open_tenant(db, full.slug)
        for table in ("sync_session", "staff", "connection", "audit_entry", "api_token"):
            stored = " ".join(db.scalars(text(f"SELECT t::text FROM {table} t")))
            assert ticket not in stored
            assert PASSWORD not in stored
            assert full.token not in stored
