import threading

import pytest

from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox import faults, qwc
from hub.sandbox.company import Company
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.qwc import QBWCError
from hub.sandbox.webconnector import WebConnector
from tests.sandbox.conftest import assert_valid
from tests.sandbox.service import Raw, StubService
from tests.sandbox.test_qwc import GOOD

OWNER, FILE = "{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}", "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}"
ADD = qbxml.message(
    [
        Request("CustomerAdd", "1", {"CustomerAdd": {"Name": "Ada <&> Ltd"}}),
        Request("CustomerAdd", "2", {"CustomerAdd": {"Name": "Dan T. Miller"}}),
    ]
)


@pytest.fixture
def service():
    service = StubService()
    yield service
    service.close()


@pytest.fixture
def quickbooks(company):
    return QuickBooks(company)


@pytest.fixture
def connect(service, quickbooks, tmp_path):
    """Return a Web Connector that has the stub's application in its list."""

    def connect(text=GOOD, **options):
        text = text.replace("https://hub.example.com", service.url)
        options.setdefault("sleep", lambda seconds: None)
        return WebConnector(qwc.parse(text), "secret & long", quickbooks, **options)

    return connect


def sends(service, *messages):
    left = iter(messages)
    service.answers["sendRequestXML"] = lambda call: next(left, "")


def test_one_session_call_by_call(service, connect, company):
    sends(service, ADD)
    heard = []
    outcome = connect().run(lambda percent, sentence: heard.append((percent, sentence)))
    assert service.methods == [
        *("serverVersion", "clientVersion", "authenticate", "sendRequestXML"),
        *("receiveResponseXML", "closeConnection"),
    ]
    assert outcome.ok
    assert (outcome.percent, outcome.server, outcome.message) == (100, "Stub 1.0", "Bye.")
    assert (outcome.messages, outcome.requests, outcome.errors) == (1, 2, 1)
    assert outcome.statuses == {0: 1, 3100: 1}
    assert heard == [(100, "2 requests answered"), (100, "Bye.")]
    assert company.lists.named("Customer", "Ada <&> Ltd")
    assert company.stamps(OWNER) == {"FileID": FILE}


def test_what_each_call_carries(service, connect, company):
    sends(service, ADD)
    connect().run()
    calls = dict(service.calls)
    assert calls["authenticate"] == {"strUserName": "t42-acme", "strPassword": "secret & long"}
    send = calls["sendRequestXML"]
    greeting = qbxml.parse_answers(send["strHCPResponse"])
    stamps = {one.get("DataExtName") for one in greeting.answers[1].returned[0].all("DataExtRet")}
    assert stamps == {"AppLock", "FileID"}
    assert (send["qbXMLCountry"], send["qbXMLMajorVers"], send["qbXMLMinorVers"]) == ("US", "16", "0")
    assert send["strCompanyFileName"] == str(company.path)
    assert calls["receiveResponseXML"]["ticket"] == "ticket-1"
    assert_valid(calls["receiveResponseXML"]["response"])


def test_the_bytes_are_those_of_net(service, connect):
    sends(service, ADD)
    connect().run()
    first, authenticate, receive = service.headers[0], service.bodies[2], service.bodies[4]
    assert first["Content-Type"] == "text/xml; charset=utf-8"
    assert first["SOAPAction"] == '"http://developer.intuit.com/serverVersion"'
    assert first["User-Agent"].startswith("Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client")
    assert first["Expect"] == "100-continue"
    assert "Accept-Encoding" not in first
    assert "Accept" not in first
    assert authenticate.startswith(b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap=')
    assert b"<strPassword>secret &amp; long</strPassword>" in authenticate
    assert b"<hresult /><message />" in receive


def test_the_greeting_comes_only_with_the_first_message(service, connect):
    sends(service, ADD, qbxml.message([Request("HostQuery", "1")]))
    percents = iter([50, 100])
    service.answers["receiveResponseXML"] = lambda call: next(percents)
    assert connect().run().messages == 2
    first, second = (values for method, values in service.calls if method == "sendRequestXML")
    assert first["strHCPResponse"]
    assert not second["strHCPResponse"]


def test_a_message_quickbooks_cannot_read_goes_back_as_an_hresult(service, connect):
    sends(service, "<QBXML/>")
    outcome = connect().run()
    receive = dict(service.calls)["receiveResponseXML"]
    assert (receive["response"], receive["hresult"]) == ("", "0x80040400")
    assert receive["message"]
    assert outcome.hresults == {"0x80040400": 1}


@pytest.mark.parametrize(
    ("answer", "ok", "message", "code"),
    [
        (["", "none"], True, "No data exchange.", ""),
        (["", "nvu"], False, "Invalid password for t42-acme.", "QBWC1040"),
        (["", "busy"], False, "Application busy.", ""),
        (["t", "", "90"], True, "Update postponed by application.", ""),
    ],
)
def test_how_a_login_can_end(service, connect, answer, ok, message, code):
    service.answers["authenticate"] = lambda call: answer
    service.answers["closeConnection"] = lambda call: ""
    outcome = connect().run()
    assert (outcome.ok, outcome.message, outcome.code) == (ok, message, code)
    assert outcome.nothing_to_do is (answer[1] == "none")
    assert outcome.postponed == (90 if len(answer) > 2 else None)
    assert service.methods[-2:] == ["authenticate", "closeConnection"]


@pytest.mark.parametrize(
    ("answer", "code"), [("E:too old", "QBWC1037"), ("O:3.0", "QBWC1037"), ("hello", "QBWC1046")]
)
def test_a_server_may_not_take_this_web_connector(service, connect, answer, code):
    service.answers["clientVersion"] = lambda call: answer
    outcome = connect().run()
    assert (outcome.ok, outcome.code) == (False, code)
    assert "authenticate" not in service.methods


def test_a_warning_is_passed_on_and_the_session_goes_on(service, connect):
    service.answers["clientVersion"] = lambda call: "W:please upgrade"
    service.answers["authenticate"] = lambda call: ["", "none"]
    heard = []
    assert connect().run(lambda percent, sentence: heard.append(sentence)).ok
    assert "please upgrade" in heard


def test_an_empty_message_ends_with_the_last_error(service, connect):
    outcome = connect().run()
    assert (outcome.ok, outcome.last_error) == (False, "Nothing was said.")
    assert service.methods[-2:] == ["getLastError", "closeConnection"]


def test_a_negative_percentage_ends_with_the_last_error(service, connect):
    sends(service, ADD)
    service.answers["receiveResponseXML"] = lambda call: -1
    outcome = connect().run()
    assert (outcome.ok, outcome.percent, outcome.last_error) == (False, 0, "Nothing was said.")


def test_no_op_makes_it_wait(service, connect):
    sends(service, "NoOp", ADD)
    service.answers["getLastError"] = lambda call: "NoOp"
    slept = []
    assert connect(sleep=slept.append).run().ok
    assert slept == [5]


def test_quickbooks_that_does_not_open(service, connect, quickbooks):
    quickbooks.unopenable = "0x80040408"
    outcome = connect().run()
    assert (outcome.ok, outcome.code, outcome.hresults) == (False, "QBWC1013", {"0x80040408": 1})
    assert dict(service.calls)["connectionError"]["hresult"] == "0x80040408"
    assert service.methods[-1] == "closeConnection"


def test_another_company_file_can_be_tried(service, connect):
    service.answers["authenticate"] = lambda call: ["ticket-1", "C:\\other.qbw"]
    service.answers["connectionError"] = lambda call: ""
    sends(service, ADD)
    outcome = connect().run()
    assert outcome.hresults == {"0x8004040A": 1}
    assert outcome.ok
    assert outcome.code == ""


@pytest.mark.parametrize(
    ("mishap", "code"), [(faults.LOSE_REQUEST, "QBWC1041"), (faults.LOSE_ANSWER, "QBWC1042")]
)
def test_a_dead_line_ends_the_session_without_a_word(
    service, connect, quickbooks, company, mishap, code
):
    quickbooks.plan = faults.script(mishap)
    sends(service, ADD)
    outcome = connect().run()
    assert (outcome.ok, outcome.code) == (False, code)
    assert service.methods[-1] == "sendRequestXML"
    assert "AppLock" not in company.stamps(OWNER)


def raw(*arguments, **headers):
    def answer(call):
        raise Raw(*arguments, **headers)

    return answer


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Server</faultcode><faultstring>No such user</faultstring></s:Fault></s:Body></s:Envelope>"
)
EMPTY = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raw(500, "text/xml", FAULT), "No such user"),
        (raw(200, "text/xml", FAULT), "No such user"),
        (raw(500, "text/xml", EMPTY), "500"),
        (raw(200, "text/xml", EMPTY), "Object reference"),
        (raw(200, "text/html", b"<html/>"), "text/html"),
        (raw(302, "text/html", Location="/login"), "302"),
        (raw(200, "text/xml", b"\n<?xml version='1.0'?><x/>"), "not well-formed"),
        (raw(200, "text/xml", b"<x/>"), "not a SOAP 1.1 envelope"),
        (raw(200, "text/xml", b"<!DOCTYPE x><x/>"), "not well-formed"),
        (raw(200, "text/xml", b"x", Content_Encoding="identity"), "compressed"),
        (lambda call: ["only a ticket"], "Index was outside"),
    ],
)
def test_answers_the_web_connector_cannot_use(service, connect, answer, words):
    service.answers["authenticate"] = answer
    outcome = connect().run()
    assert (outcome.ok, outcome.code) == (False, "QBWC1012")
    assert words in outcome.last_error


def test_a_percentage_is_a_number(service, connect):
    sends(service, ADD)
    service.answers["receiveResponseXML"] = lambda call: "all"
    assert connect().run().code == "QBWC1042"


def test_a_failing_server_version_is_only_noted(service, connect):
    service.answers["serverVersion"] = raw(500, "text/html")
    sends(service, ADD)
    assert connect().run().ok


def test_a_server_that_is_not_there(service, connect, company):
    company.stamp(OWNER, "FileID", FILE)
    connector = connect(GOOD.replace("https://hub.example.com", "http://localhost:9"), timeout=2)
    outcome = connector.run()
    assert (outcome.ok, outcome.code) == (False, "QBWC1036")
    assert "cannot be reached" in outcome.last_error


def test_the_support_page_must_answer_when_the_application_is_added(service, connect, company):
    service.support = 404
    assert connect().run().code == "QBWC1003"
    with pytest.raises(QBWCError, match="QBWC1004"):
        connect(GOOD.replace("https://hub.example.com", "http://localhost:9")).add()
    assert company.stamps(OWNER) == {}
    service.support = 202
    connector = connect()
    connector.add()
    assert connector.is_added


def test_a_company_file_takes_one_stamp_of_an_owner(service, connect):
    connect().add()
    other = connect(GOOD.replace("90A44FB5", "00000000"))
    outcome = other.run()
    assert (outcome.ok, outcome.code) == (False, "QBWC1039")
    assert service.methods == []
    assert connect(GOOD.replace(FILE, FILE.lower())).is_added


def test_a_transcript_keeps_every_message(service, connect, tmp_path):
    directory = tmp_path / "transcript"
    sends(service, ADD, "<QBXML/>")
    percents = iter([50, 100, 100])
    service.answers["receiveResponseXML"] = lambda call: next(percents)
    connect(transcript=directory).run()
    names = [
        "0001-greeting.xml",
        "0002-answer.xml",
        "0002-request.xml",
        "0003-hresult.txt",
        "0003-request.xml",
    ]
    assert sorted(path.name for path in directory.iterdir()) == names
    assert (directory / "0002-request.xml").read_text() == ADD
    connect(transcript=directory).run()
    assert (directory / "0004-greeting.xml").exists()


def test_it_runs_again_after_the_longest_of_the_pauses(service, connect):
    answers = iter([["", "none", "", "120"], ["", "none", "7"], ["", "none"]])
    service.answers["authenticate"] = lambda call: next(answers)
    waited = []

    def wait(seconds):
        waited.append(seconds)
        return len(waited) == 3

    outcomes = list(connect().run_every(60, wait))
    assert waited == [120, 7, 60]
    assert [outcome.min_interval for outcome in outcomes] == [120, None, None]


def test_it_stops_at_an_interrupt_and_takes_an_event(service, connect):
    def interrupt(seconds):
        raise KeyboardInterrupt

    assert len(list(connect().run_every(wait=interrupt))) == 1
    stop = threading.Event()
    stop.set()
    assert len(list(connect().run_every(wait=stop.wait))) == 1


@pytest.mark.parametrize("verdict", ["none", "nvu", "busy"])
def test_a_pause_goes_before_what_else_is_said(service, connect, verdict):
    service.answers["authenticate"] = lambda call: ["", verdict, "30", "600"]
    service.answers["closeConnection"] = lambda call: ""
    outcome = connect().run()
    assert (outcome.message, outcome.postponed) == ("Update postponed by application.", 30)
    assert outcome.min_interval == 600


def test_no_seconds_are_no_pause(service, connect):
    service.answers["authenticate"] = lambda call: ["t", "", "0", ""]
    sends(service, ADD)
    outcome = connect().run()
    assert outcome.ok
    assert (outcome.postponed, outcome.min_interval) == (None, None)


def test_an_interval_alone_does_not_keep_a_session_from_running(service, connect):
    service.answers["authenticate"] = lambda call: ["t", "", "", "600"]
    sends(service, ADD)
    outcome = connect().run()
    assert (outcome.messages, outcome.min_interval) == (1, 600)


def test_it_does_not_wait_for_ever(service, connect):
    service.answers["sendRequestXML"] = lambda call: "NoOp"
    service.answers["getLastError"] = lambda call: "NoOp"
    slept = []
    outcome = connect(sleep=slept.append).run()
    assert (outcome.ok, outcome.last_error) == (False, "NoOp")
    assert len(slept) == 119
    assert service.methods[-1] == "closeConnection"


def test_the_server_names_the_company_file_to_open(service, connect, quickbooks, company, tmp_path):
    connector = connect()
    connector.add()
    company.back_up(tmp_path / "moved.qbw")
    quickbooks.close_company()
    service.answers["authenticate"] = lambda call: ["t", str(tmp_path / "moved.qbw")]
    sends(service, ADD)
    assert connector.run().ok
    assert dict(service.calls)["sendRequestXML"]["strCompanyFileName"] == str(tmp_path / "moved.qbw")
    assert company.lists.named("Customer", "Ada <&> Ltd") is None
    with Company(tmp_path / "moved.qbw") as moved:
        assert moved.lists.named("Customer", "Ada <&> Ltd")
        assert moved.stamps(OWNER) == {"FileID": FILE}


def test_it_tries_the_files_the_server_names_three_times(service, connect, quickbooks, company):
    connector = connect()
    connector.add()
    quickbooks.close_company()
    service.answers["connectionError"] = lambda call: "C:\\nowhere.qbw"
    outcome = connector.run()
    assert (outcome.ok, outcome.code) == (False, "QBWC1013")
    assert outcome.hresults == {"0x80040416": 1, "0x80040403": 2}
    assert service.methods[-2:] == ["connectionError", "closeConnection"]
    service.answers["connectionError"] = lambda call: str(company.path)
    sends(service, ADD)
    assert connector.run().ok


def test_the_company_file_says_its_country(service, connect, company):
    company.describe(country="UK")
    sends(service, ADD)
    connect().run()
    assert dict(service.calls)["sendRequestXML"]["qbXMLCountry"] == "UK"


def test_calls_can_be_made_one_by_one(service, connect, quickbooks):
    sends(service, ADD, ADD)
    connector = connect()
    with connector.calls() as calls:
        assert calls.server_version() == "Stub 1.0"
        assert calls.client_version("1.0") == ""
        assert calls.authenticate() == ["ticket-1", ""]
        text = calls.send_request_xml(quickbooks.greet(connector.qwc.owner_id), "C:\\a.qbw", "CA")
        again = calls.send_request_xml()
        assert text == again == ADD
        answer = quickbooks.process(text)
        assert calls.receive_response_xml(answer) == calls.receive_response_xml(answer) == 100
        assert calls.receive_response_xml("", "0x80040402", "Unexpected error.") == 100
        calls.ticket = "another"
        assert calls.get_last_error() == "Nothing was said."
        assert calls.connection_error("0x80040408", "Could not start QuickBooks.") == "done"
        assert calls.close_connection() == "Bye."
    assert service.calls[-1] == ("closeConnection", {"ticket": "another"})
    assert service.calls[1] == ("clientVersion", {"strVersion": "1.0"})
    assert service.calls[-4][1]["hresult"] == "0x80040402"


@pytest.mark.parametrize(
    ("fault", "response"), [(faults.GARBAGE, "<html>Bad gateway</html>"), (faults.EMPTY, "")]
)
def test_whatever_quickbooks_answers_is_delivered(service, connect, quickbooks, fault, response):
    quickbooks.plan = faults.script(fault)
    sends(service, ADD)
    assert connect().run().messages == 1
    receive = dict(service.calls)["receiveResponseXML"]
    assert (receive["response"], receive["hresult"]) == (response, "")
