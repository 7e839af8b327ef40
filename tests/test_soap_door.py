"""The SOAP door, byte by byte: what .NET sends, what others send, and what nobody should."""

import logging
import re
import time
import warnings
from xml.etree import ElementTree

import bcrypt
import pytest
from sqlalchemy import select

from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.qbwc.models import Message, SyncSession
from hub.qbwc.wsdl import METHODS
from hub.sandbox import envelope
from hub.tenants.models import Staff
from hub.tenants.service import open_tenant
from tests.world import PASSWORD

NAMESPACE = "http://developer.intuit.com/"
MEGABYTE = 1024 * 1024
DOTNET = {
    "User-Agent": "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)",
    "Content-Type": "text/xml; charset=utf-8",
    "Expect": "100-continue",
    "Connection": "keep-alive",
}


@pytest.fixture
def tenant(world):
    """A tenant whose Web Connector has something to do."""
    return world.tenant("full")


@pytest.fixture
def post(testapp):
    """Send bytes to the door; every answer must be one that a Web Connector can read."""

    def post(body, **headers):
        headers = DOTNET | {name.replace("_", "-"): value for name, value in headers.items()}
        response = testapp.request(
            "/qbwc", method="POST", body=body, headers=headers, expect_errors=True
        )
        assert_readable(response)
        return response

    return post


@pytest.fixture
def call(post):
    """Call a method as .NET does and return its result."""

    def call(method, **values):
        response = post(envelope.write(method, values), SOAPAction=f'"{NAMESPACE}{method}"')
        assert response.status_int == 200, response.text
        return envelope.read(method, response.body)

    return call


def assert_readable(response):
    assert response.content_type == "text/xml"
    assert "Content-Encoding" not in response.headers
    assert "Location" not in response.headers
    assert response.body.startswith(b"<?xml ")
    root = ElementTree.fromstring(response.body)
    assert root.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
    assert len(root.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")) == 1
    for word in ("Traceback", "File &quot;", "psycopg", "sqlalchemy", "spyne"):
        assert word not in response.text.replace("soap11env", "")


def assert_fault(response, words=""):
    assert response.status_int >= 400
    with pytest.raises(envelope.EnvelopeError, match=words or "."):
        envelope.read("", response.body)


def soap(inner, head='<?xml version="1.0" encoding="utf-8"?>'):
    return (
        f'{head}<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<soap:Body>{inner}</soap:Body></soap:Envelope>"
    )


def authentication(tenant, password=PASSWORD):
    return (
        f'<authenticate xmlns="{NAMESPACE}"><strUserName>{tenant.username}</strUserName>'
        f"<strPassword>{password}</strPassword></authenticate>"
    )


def ticket(call, tenant):
    answer = call("authenticate", strUserName=tenant.username, strPassword=PASSWORD)
    assert answer[1] == ""
    return answer[0]


# What .NET sends


def test_the_very_bytes_of_dotnet_are_understood(post, tenant):
    body = (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
        'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
        '<authenticate xmlns="http://developer.intuit.com/">'
        f"<strUserName>{tenant.username}</strUserName><strPassword>{PASSWORD}</strPassword>"
        "</authenticate></soap:Body></soap:Envelope>"
    )

    response = post(body.encode(), SOAPAction='"http://developer.intuit.com/authenticate"')

    assert re.fullmatch("[0-9a-f]{32}", envelope.read("authenticate", response.body)[0])


@pytest.mark.parametrize(
    "action", [None, "", '""', "authenticate", '"http://elsewhere/closeConnection"']
)
def test_the_element_says_the_method_and_not_the_header(post, tenant, action):
    headers = {} if action is None else {"SOAPAction": action}

    response = post(soap(authentication(tenant)).encode(), **headers)

    assert envelope.read("authenticate", response.body)[1] == ""


def test_a_whole_session_of_bare_calls(call, tenant):
    assert call("serverVersion")
    assert call("serverVersion", strVersion="2.3")
    assert call("clientVersion", strVersion="2.3.0.215") == ""
    opened = ticket(call, tenant)
    assert call("sendRequestXML", ticket=opened) == ""
    assert "company information" in call("getLastError", ticket=opened)
    assert call("closeConnection", ticket=opened)


EVERY = list(METHODS)


@pytest.mark.parametrize("method", EVERY)
def test_any_method_answers_without_parameters(call, method):
    assert call(method) is not None


@pytest.mark.parametrize("method", EVERY)
def test_any_method_answers_to_empty_parameters(call, method):
    names = {name: "" for name, kind in METHODS[method][0] if kind == "s:string"}

    assert call(method, **names) is not None


@pytest.mark.parametrize("method", EVERY)
def test_any_method_leaves_aside_what_it_does_not_know(call, method):
    names = {name: "7" for name, _ in METHODS[method][0]}

    assert call(method, surplus="x", **names, ticket2="y") is not None


def test_a_number_that_is_none_does_not_end_the_session(post):
    body = soap(
        f'<sendRequestXML xmlns="{NAMESPACE}"><ticket>x</ticket>'
        "<qbXMLMajorVers>thirteen</qbXMLMajorVers><qbXMLMinorVers /></sendRequestXML>"
    )

    post(body.encode())


def test_nil_and_missing_are_both_nothing(post):
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    body = soap(
        f'<getLastError xmlns="{NAMESPACE}" xmlns:xsi="{xsi}"><ticket xsi:nil="true"/></getLastError>'
    )

    assert "has ended" in envelope.read("getLastError", post(body.encode()).body)


# What others send


def test_what_is_written_otherwise_and_means_the_same_is_understood(post, tenant):
    text = soap(authentication(tenant))
    bare = soap(authentication(tenant), head="")
    prefixed = authentication(tenant).replace("<", "<q:").replace("<q:/", "</q:")
    prefixed = soap(prefixed.replace("xmlns=", "xmlns:q="))
    nested = text.replace(
        "<soap:Body>", "<soap:Header><x/></soap:Header><!-- a --><soap:Body><!-- b -->\n"
    )
    for body, kind in (
        (text.encode(), "text/xml; charset=utf-8"),
        (text.encode(), "text/xml"),
        (text.encode(), 'text/xml; charset="UTF-8"'),
        (text.encode(), "application/soap+xml"),
        (text.encode(), "text/plain"),
        (bare.encode(), "text/xml"),
        (b"\xef\xbb\xbf" + text.encode(), "text/xml; charset=utf-8"),
        (b"\r\n " + text.encode() + b"\r\n", "text/xml; charset=utf-8"),
        (text.replace("utf-8", "utf-16").encode("utf-16"), "text/xml; charset=utf-16"),
        (text.replace("utf-8", "utf-16").encode("utf-16"), "text/xml"),
        (bare.encode("utf-16-be"), "text/xml; charset=utf-16be"),
        (text.replace("utf-8", "iso-8859-1").encode("latin-1"), "text/xml"),
        (prefixed.encode(), "text/xml"),
        (nested.encode(), "text/xml"),
    ):
        answer = envelope.read("authenticate", post(body, Content_Type=kind).body)
        # Once a session is open the next knock finds it busy: the password was right all the same.
        assert answer[1] in ("", "busy"), (kind, body)


def test_characters_beyond_ascii_arrive_whole(call, tenant, post):
    for encoding in ("utf-8", "utf-16"):
        opened = ElementTree.Element("x").text = "Zoë 感謝 🎉"
        text = soap(
            f'<connectionError xmlns="{NAMESPACE}"><message>{opened}</message></connectionError>', ""
        )
        response = post(text.encode(encoding), Content_Type=f"text/xml; charset={encoding}")
        assert envelope.read("connectionError", response.body) == "done"


@pytest.mark.parametrize(
    "bad", ["\x1f", "\x00", "\x0b", "&#x1F;", "&#31;", "&#0;", "&#xFFFF;", "&#xD800;"]
)
def test_a_control_character_from_quickbooks_is_dropped_and_the_session_goes_on(post, call, tenant, bad):
    opened = ticket(call, tenant)
    body = soap(
        f'<connectionError xmlns="{NAMESPACE}"><ticket>{opened}</ticket>'
        f"<hresult>0x8004{bad}0408</hresult><message>Bell{bad}tower</message></connectionError>"
    )

    response = post(body.encode())

    assert envelope.read("connectionError", response.body) == "done"
    assert call("getLastError", ticket=opened)


# What nobody should send


JUNK = {
    "nothing": b"",
    "a blank": b" ",
    "a word": b"hello",
    "a form": b"strUserName=a&strPassword=b",
    "json": b'{"method": "authenticate"}',
    "html": b"<html><body>hello",
    "zeros": b"\0" * 1000,
    "random bytes": bytes(range(256)) * 4,
    "cut off": soap("<authenticate").encode()[:-40],
    "another document": b"<a/>",
    "no envelope": f'<authenticate xmlns="{NAMESPACE}"/>'.encode(),
    "no body": b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>',
    "an empty body": soap("").encode(),
    "text in the body": soap("hello").encode(),
    "only a comment": soap("<!-- hello -->").encode(),
    "only an instruction": soap("<?php exit() ?>").encode(),
    "a fault": soap("<soap:Fault><faultcode>x</faultcode></soap:Fault>").encode(),
    "soap 1.2": soap(f'<serverVersion xmlns="{NAMESPACE}"/>')
    .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    .encode(),
    "no namespace": soap("<serverVersion/>").encode(),
    "a namespace without its slash": soap(f'<serverVersion xmlns="{NAMESPACE[:-1]}"/>').encode(),
    "another namespace": soap('<serverVersion xmlns="http://elsewhere/"/>').encode(),
    "an unknown method": soap(f'<openSesame xmlns="{NAMESPACE}"/>').encode(),
    "an odd name": soap(f'<__class__ xmlns="{NAMESPACE}"/>').encode(),
    "an unbound prefix": soap("<q:serverVersion/>").encode(),
    "two roots": (soap("") + soap("")).encode(),
    "a loose reference": soap(f'<clientVersion xmlns="{NAMESPACE}" href="#none" id="a"/>').encode(),
    "references in a circle": soap(
        f'<clientVersion xmlns="{NAMESPACE}"><strVersion href="#y"/>'
        '<b id="y"><c href="#y"/></b></clientVersion>'
    ).encode(),
    "an unknown entity": soap(f'<clientVersion xmlns="{NAMESPACE}">&nope;</clientVersion>').encode(),
    "half a character": soap("x").encode() + b"\xed\xa0\x80",
    "a depth no stack has": b"<a>" * 200_000,
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_answered_with_text_xml(post, name):
    post(JUNK[name])


@pytest.mark.parametrize("kind", ["", "text/html", "application/json", "nonsense", "multipart/related"])
@pytest.mark.parametrize(
    "charset", ["", "; charset=", "; charset=klingon", "; charset=hex", "; charset=utf-7"]
)
def test_a_content_type_of_any_kind_is_answered_with_text_xml(post, kind, charset):
    post(soap(f'<serverVersion xmlns="{NAMESPACE}"/>').encode(), Content_Type=kind + charset)


def test_an_empty_post_is_told_so(post):
    assert_fault(post(b""), "no SOAP message")


def test_an_unknown_method_is_told_so(post):
    assert_fault(post(JUNK["an unknown method"]))


def test_forty_megabytes_of_junk_are_turned_away_without_a_long_wait(post):
    began = time.monotonic()

    assert_fault(post(b"x" * 40 * MEGABYTE))
    assert_fault(post(soap("<a>" + "x" * 40 * MEGABYTE).encode()))

    assert time.monotonic() - began < 60


def test_a_message_that_is_too_large_is_not_even_read(post):
    response = post(b"x" * 65 * MEGABYTE)

    assert response.status_int == 413
    assert_fault(response, "larger than 64 MB")


def bomb(reference):
    """Ten entities, each ten times the one before: a few hundred bytes that would fill the memory."""
    entities = ['<!ENTITY a0 "lollollollol">']
    entities += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11)]
    call = f'<clientVersion xmlns="{NAMESPACE}" {reference}'
    return f"<!DOCTYPE x [{''.join(entities)}]>", soap(call, head="")


@pytest.mark.parametrize(
    "reference", ["><strVersion>&a10;</strVersion></clientVersion>", 'x="&a10;"></clientVersion>']
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-7", "cp037", "utf-32"])
@pytest.mark.parametrize("padding", [0, 5000])
def test_an_entity_bomb_does_not_go_off(post, reference, encoding, padding):
    doctype, body = bomb(reference)
    # What stands before the DOCTYPE must not hide it.
    text = f'<?xml version="1.0" encoding="{encoding}"?><!--{"x" * padding}-->{doctype}{body}'
    began = time.monotonic()

    for kind in ("text/xml", f"text/xml; charset={encoding}", "text/xml; charset=utf-8"):
        assert_fault(post(text.encode(encoding), Content_Type=kind))

    assert time.monotonic() - began < 60


def test_a_file_is_not_read_for_whoever_asks(post, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("swordfish")
    text = soap(
        f'<clientVersion xmlns="{NAMESPACE}"><strVersion>&f;</strVersion></clientVersion>',
        head=f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{secret}">]>',
    )

    response = post(text.encode())

    assert_fault(response)
    assert "swordfish" not in response.text


def test_a_bug_is_a_fault_that_tells_nothing(post, call, tenant, caplog):
    """A row that should be there is gone: nobody's doing at the door."""
    opened = ticket(call, tenant)
    with tenant.db() as db:
        db.enter(tenant.id)
        db.scalars(select(SyncSession)).one().agenda = [{"list": "no such list"}]
        db.scalars(select(SyncSession)).one().greeted = True

    with caplog.at_level(logging.ERROR):
        response = post(envelope.write("sendRequestXML", {"ticket": opened}))

    assert response.status_int == 500
    assert_fault(response)
    assert "no such list" not in response.text
    assert "no such list" in caplog.text


def test_a_fault_leaves_nothing_half_written(post, call, tenant):
    opened = ticket(call, tenant)
    with tenant.db() as db:
        db.enter(tenant.id)
        session = db.scalars(select(SyncSession)).one()
        session.agenda, session.greeted = [{"list": "no such list"}], True
        last_call = session.last_call

    assert_fault(post(envelope.write("sendRequestXML", {"ticket": opened})))

    with tenant.db() as db:
        db.enter(tenant.id)
        assert db.scalars(select(SyncSession)).one().last_call == last_call
        assert db.scalars(select(Message)).all() == []


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<a/>",
        "not xml",
        "<QBXML><QBXMLMsgsRs/></QBXML>",
        '<QBXML><QBXMLMsgsRs><HostQueryRs statusCode="nine"/></QBXMLMsgsRs></QBXML>',
        '<QBXML><QBXMLMsgsRs><CompanyQueryRs statusCode="' + "9" * 5000 + '"/></QBXMLMsgsRs></QBXML>',
        "<QBXML><QBXMLMsgsRs><HostQueryRs><HostRet><SupportedQBXMLVersion>²</SupportedQBXMLVersion>"
        "</HostRet></HostQueryRs><CompanyQueryRs><CompanyRet/></CompanyQueryRs></QBXMLMsgsRs></QBXML>",
        '<!DOCTYPE x [<!ENTITY a "b">]><QBXML>&a;</QBXML>',
        "<QBXML>" * 5000,
    ],
)
def test_what_quickbooks_could_not_have_said_ends_in_a_sentence(call, tenant, answer):
    opened = ticket(call, tenant)

    assert call("sendRequestXML", ticket=opened, strHCPResponse=answer) == ""
    assert call("getLastError", ticket=opened)
    assert call("receiveResponseXML", ticket=opened, response=answer) is not None
    assert call("closeConnection", ticket=opened)


@pytest.mark.parametrize("end", ["", "<", "\x1f&nope;"])
def test_a_message_that_cannot_be_read_is_not_written_into_the_log(post, tenant, caplog, end):
    with caplog.at_level(logging.DEBUG):
        post(soap(authentication(tenant)).encode()[:-10] + end.encode())
        post(soap(authentication(tenant)).encode())

    assert PASSWORD not in caplog.text


# Who may come in


@pytest.mark.parametrize(
    "password", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "x" * 73, "é" * 500]
)
def test_a_wrong_password_is_nvu(call, tenant, password):
    assert call("authenticate", strUserName=tenant.username, strPassword=password) == ["", "nvu"]


@pytest.mark.parametrize("username", ["", " ", "nobody", "a" * 10_000, "' OR 1=1 --", "%", "é", "\x00"])
def test_an_unknown_user_is_nvu(call, username):
    assert call("authenticate", strUserName=username, strPassword=PASSWORD) == ["", "nvu"]


def test_a_username_is_known_in_any_case_and_a_password_only_in_its_own(call, tenant):
    answer = call("authenticate", strUserName=f" {tenant.username.upper()} ", strPassword=PASSWORD)

    assert answer[1] == ""


def test_a_persons_login_is_nvu(call, tenant):
    assert call("authenticate", strUserName=tenant.admin, strPassword=tenant.password) == ["", "nvu"]


def test_access_that_is_switched_off_is_nvu_at_once(call, tenant):
    call("closeConnection", ticket=ticket(call, tenant))
    with tenant.db() as db:
        db.enter(tenant.id)
        db.scalars(select(Staff).filter_by(login=tenant.username)).one().active = False

    assert call("authenticate", strUserName=tenant.username, strPassword=PASSWORD) == ["", "nvu"]


def test_a_changed_password_counts_at_once(call, tenant):
    call("closeConnection", ticket=ticket(call, tenant))
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        integration = Integration(db, opened, main_connection(db, opened), "test")
        integration.set_up(tenant.username, "another-password")

    assert call("authenticate", strUserName=tenant.username, strPassword=PASSWORD) == ["", "nvu"]
    assert call("authenticate", strUserName=tenant.username, strPassword="another-password")[1] == ""


def test_an_unknown_user_costs_the_same_work_as_a_wrong_password(call, tenant, monkeypatch):
    with tenant.db() as db:
        db.enter(tenant.id)
        staff = db.scalars(select(Staff).filter_by(login=tenant.username)).one()
        staff.password_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
    costs = []
    check = bcrypt.checkpw

    def watched(password, password_hash):
        costs.append(password_hash[:7])
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", watched)

    for username, password in (
        ("nobody", "wrong"),
        (tenant.username, "wrong"),
        (tenant.username, "x" * 100),
    ):
        assert call("authenticate", strUserName=username, strPassword=password)[1] == "nvu"
    assert costs == [b"$2b$12$"] * 3


@pytest.mark.parametrize("forged", ["", "x", "0" * 32, "' OR 1=1 --", "é", "x" * 100_000])
def test_a_forged_ticket_reaches_nothing(call, forged):
    assert call("sendRequestXML", ticket=forged, strHCPResponse="<QBXML/>") == ""
    assert call("receiveResponseXML", ticket=forged, response="<QBXML/>") == "-1"
    assert "has ended" in call("getLastError", ticket=forged)
    assert call("connectionError", ticket=forged, hresult="0x80040408", message="x") == "done"
    assert call("closeConnection", ticket=forged) == "OK"


# Looking at it


def test_a_person_who_looks_finds_a_page(testapp):
    response = testapp.get("/qbwc", status=200)

    assert response.content_type == "text/html"
    assert testapp.head("/qbwc", status=200).body == b""


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=", "singleWsdl&wsdl"])
def test_the_description_never_repeats_the_host_of_who_asked(testapp, settings, query):
    response = testapp.get(f"/qbwc?{query}", headers={"Host": "evil.example"}, status=200)

    assert response.content_type == "text/xml"
    assert "evil.example" not in response.text
    assert f'location="{settings["hub.url"]}/qbwc"' in response.text


def test_an_address_with_more_is_not_the_door(testapp):
    for address in ("/qbwc/", "/qbwc/x", "/qbwc.wsdl"):
        testapp.get(address, status=404)


# A real client, over a real wire


def test_zeep_reads_the_description_and_calls_all_twelve_methods(served, tenant):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import zeep
    client = zeep.Client(f"{served}/qbwc?wsdl")
    service = client.create_service(f"{{{NAMESPACE}}}QBWebConnectorSvcSoap", f"{served}/qbwc")

    assert service.serverVersion() == service.getServerVersion(ticket="x")
    assert service.clientVersion(strVersion="2.3.0.215") is None
    opened, answer = service.authenticate(strUserName=tenant.username, strPassword=PASSWORD)
    assert answer is None
    assert (
        service.sendRequestXML(
            ticket=opened,
            strHCPResponse="",
            strCompanyFileName="",
            qbXMLCountry="US",
            qbXMLMajorVers=13,
            qbXMLMinorVers=0,
        )
        is None
    )
    assert (
        service.receiveResponseXML(ticket=opened, response="", hresult="0x80040400", message="m") == -1
    )
    assert service.getLastError(ticket=opened)
    assert service.connectionError(ticket=opened, hresult="0x80040408", message="m") == "done"
    assert service.getInteractiveURL(wcTicket=opened, sessionID="s") is None
    assert service.interactiveRejected(wcTicket=opened, reason="r")
    assert service.interactiveDone(wcTicket=opened)
    assert service.closeConnection(ticket=opened)
    assert service.authenticate(strUserName=tenant.username, strPassword="wrong") == [None, "nvu"]
