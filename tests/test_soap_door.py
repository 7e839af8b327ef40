"""The SOAP door, byte by byte: what .NET sends, what others send, and what nobody should."""

import gzip
import http.client
import io
import logging
import re
import socket
import time
import warnings
import zlib
from contextlib import closing
from urllib.parse import urlsplit
from xml.etree import ElementTree

import bcrypt
import pytest
from sqlalchemy import select

from hub import security
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.limits import FREE_TRIES, LONGEST_WAIT, SignIns
from hub.qbwc.models import Message, SyncSession
from hub.qbwc.wsdl import METHODS
from hub.sandbox import envelope
from hub.tenants.models import Staff
from hub.tenants.service import open_tenant
from tests.test_limits import Clock
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
    "action",
    [
        None,
        "",
        '""',
        "authenticate",
        '"authenticate"',
        f"{NAMESPACE}authenticate",
        f'"{NAMESPACE}authenticate"',
        f' "{NAMESPACE}authenticate" ',
    ],
)
def test_a_soapaction_that_is_missing_empty_or_unquoted_is_fine(post, tenant, action):
    headers = {} if action is None else {"SOAPAction": action}

    response = post(soap(authentication(tenant)).encode(), **headers)

    assert envelope.read("authenticate", response.body)[1] == ""


@pytest.mark.parametrize(
    "action",
    [
        f'"{NAMESPACE}closeConnection"',
        "closeConnection",
        '"http://elsewhere/authenticate"',
        f'"{NAMESPACE[:-1]}authenticate"',
        "<b>",
        "a" * 5000,
    ],
)
def test_a_soapaction_that_names_something_else_is_told_so(post, tenant, action):
    response = post(soap(authentication(tenant)).encode(), SOAPAction=action)

    assert_fault(response, f"must be {NAMESPACE}authenticate")
    assert len(response.body) < 2000


@pytest.mark.parametrize("namespace", [NAMESPACE[:-1], "http://elsewhere/", ""])
def test_another_namespace_is_told_the_right_one(post, namespace):
    response = post(soap(f'<closeConnection xmlns="{namespace}"/>').encode())

    assert_fault(response, f"closeConnection is {NAMESPACE} with its final slash")


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


# How it is packed


def test_a_text_above_ten_megabytes_is_no_fault(call):
    """An XML reader refuses it unless it is told otherwise."""
    assert call("receiveResponseXML", ticket="nobody's", response="<é&>" * 4 * MEGABYTE) == "-1"


def bare_deflate(body):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKED = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": bare_deflate,
    "identity": bytes,
    "identity, gzip": gzip.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "gzip,": lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:]),
}


@pytest.mark.parametrize("coding", PACKED)
def test_a_packed_message_is_unpacked(post, tenant, coding):
    body = PACKED[coding](soap(authentication(tenant)).encode())

    response = post(body, Content_Encoding=coding)

    assert envelope.read("authenticate", response.body)[1] == ""


@pytest.mark.parametrize(
    "coding, body",
    [
        ("gzip", b"<a/>"),
        ("deflate", b"\x78\x9c<a/>"),
        ("gzip", gzip.compress(b"<a/>" * 100, mtime=0)[:-9]),
        ("gzip", gzip.compress(b"<a/>", mtime=0) + b"more"),
        ("br", b"<a/>"),
        ("gzip, compress", b"<a/>"),
    ],
)
def test_what_cannot_be_unpacked_is_told_so(post, coding, body):
    assert_fault(post(body, Content_Encoding=coding), "packed")


def test_a_packed_message_of_nothing_is_told_so(post):
    assert_fault(post(gzip.compress(b"", mtime=0), Content_Encoding="gzip"), "no SOAP message")


def test_a_packed_bomb_does_not_go_off(post, monkeypatch):
    """Of what is packed in one coat or two, no more than the largest message comes out."""
    unpacked = []
    inflater = zlib.decompressobj

    class Watched:
        def __init__(self, *options):
            self._stream = inflater(*options)

        def decompress(self, *arguments):
            unpacked.append(self._stream.decompress(*arguments))
            return unpacked[-1]

        def __getattr__(self, name):
            return getattr(self._stream, name)

    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    once = b"".join([packer.compress(b"x" * MEGABYTE) for _ in range(200)]) + packer.flush()
    monkeypatch.setattr(zlib, "decompressobj", Watched)

    for body, coding in ((once, "gzip"), (gzip.compress(once, mtime=0), "gzip, gzip")):
        response = post(body, Content_Encoding=coding)

        assert response.status_int == 413
        assert_fault(response, "larger than 64 MB")
    assert sum(map(len, unpacked)) < 3 * 64 * MEGABYTE


def test_an_answer_is_never_packed(post, tenant):
    body = soap(authentication(tenant)).encode()

    # The post itself looks at what comes back.
    assert post(body, Accept_Encoding="gzip, deflate, br").status_int == 200


def test_a_message_in_pieces_is_read(served, tenant):
    body = soap(authentication(tenant)).encode()
    headers = {"Content-Type": "text/xml", "Transfer-Encoding": "chunked"}
    with closing(http.client.HTTPConnection(urlsplit(served).netloc)) as connection:
        connection.request("POST", "/qbwc", iter([body[:7], body[7:]]), headers, encode_chunked=True)
        with connection.getresponse() as response:
            answer = response.read()

    assert envelope.read("authenticate", answer)[1] == ""


@pytest.mark.parametrize("terminated", [True, False])
def test_a_server_may_leave_the_length_of_pieces_out(app, tenant, terminated):
    """gunicorn and granian hand pieces on without counting them."""
    body = soap(authentication(tenant)).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/qbwc",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "text/xml",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    if terminated:
        environ |= {"wsgi.input_terminated": True}

    answer = b"".join(app(environ, lambda *_: None))

    assert envelope.read("authenticate", answer)[1] == ""


def test_a_client_that_asks_first_is_told_to_go_on(served, tenant):
    address = urlsplit(served)
    body = soap(authentication(tenant)).encode()
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(
            b"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert wire.recv(1000).startswith(b"HTTP/1.1 100 ")
        wire.sendall(body)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))

    assert envelope.read("authenticate", answer.partition(b"\r\n\r\n")[2])[1] == ""


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
    assert_fault(post(JUNK["an unknown method"]), "no method openSesame")


def test_forty_megabytes_of_junk_are_turned_away_without_a_long_wait(post):
    began = time.monotonic()

    assert_fault(post(b"x" * 40 * MEGABYTE), "not well-formed")
    assert_fault(post(soap("<a>" + "x" * 40 * MEGABYTE).encode()))

    assert time.monotonic() - began < 60


def test_a_message_that_is_too_large_is_not_even_read(post):
    response = post(b"x" * 65 * MEGABYTE)

    assert response.status_int == 413
    assert_fault(response, "larger than 64 MB")


FILLERS = {
    "elements": b"<a/>" * MEGABYTE,
    "depth": b"<a>" * MEGABYTE + b"</a>" * MEGABYTE,
    "attributes": b'<a b=">"' + b"".join(b' x%d=""' % number for number in range(200_000)) + b"/>",
    "instructions": b"<?a?>" * MEGABYTE,
    "comments without an end": b"<!--" * MEGABYTE,
    "quotes without an end": b"<a b='" * MEGABYTE,
    "behind a comment": b"<!-- <![CDATA[ -->" + b"<a/>" * MEGABYTE + b"<!-- ]]> -->",
    "behind a quote": b"<a b='<!--'/>" * MEGABYTE,
}


@pytest.mark.parametrize("name", FILLERS)
def test_markup_that_would_fill_the_memory_is_turned_away(post, name):
    """Four bytes become a hundred and more, once they are a tree."""
    call = soap(f'<serverVersion xmlns="{NAMESPACE}">*</serverVersion>').encode()

    response = post(gzip.compress(call.replace(b"*", FILLERS[name]), 1), Content_Encoding="gzip")

    assert_fault(response, "more markup than any call")


def test_markup_in_a_large_text_is_a_text(post):
    """Some write a text as CDATA; what stands in there is no markup."""
    call = soap(
        f'<receiveResponseXML xmlns="{NAMESPACE}"><!-- <a> --><response><![CDATA[{"<a/>" * MEGABYTE}]]>'
        "</response></receiveResponseXML>"
    )

    assert envelope.read("receiveResponseXML", post(call.encode()).body) == "-1"


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


@pytest.mark.parametrize("bad", [b"\x1f", b"\0", b"&#x1F;", b"&#0;", b"\xef\xbf\xbf"])
def test_a_doctype_does_not_come_together_when_the_message_is_cleaned(post, bad):
    text = soap(f'<clientVersion xmlns="{NAMESPACE}"/>', head="<!DOC*TYPE x [<!ENT*ITY a 'b'>]>")

    assert_fault(post(text.encode().replace(b"*", bad)), "no DOCTYPE")


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


# Old Web Connectors


OLD, NEW = ("2.2.0.34", "2.3.0.207", "2", "1.5"), ("2.3.0.215", "2.3.1", "10.0.0.1", "3")


@pytest.fixture
def wanted(app, monkeypatch):
    """Say which Web Connectors are too old, and what they are answered."""

    def wanted(act, oldest="2.3.0.215"):
        monkeypatch.setitem(app.registry.settings, "qbwc.oldest_client", oldest)
        monkeypatch.setitem(app.registry.settings, "qbwc.old_client", act)

    return wanted


@pytest.mark.parametrize("version", ["", "2.3.0.215", "0.1", "2.1.0.30"])
def test_any_version_goes_on_unless_the_hub_says_otherwise(call, version):
    assert call("clientVersion", strVersion=version) == ""


@pytest.mark.parametrize(
    "act, words",
    [("warn", "W:.*recommends 2.3.0.215"), ("refuse", "E:.*needs 2.3.0.215"), ("name", "O:2.3$")],
)
def test_an_old_version_is_answered_as_the_settings_say(call, wanted, act, words):
    wanted(act)

    assert all(re.match(words, call("clientVersion", strVersion=version)) for version in OLD)
    assert not any(call("clientVersion", strVersion=version) for version in NEW)


def test_an_old_version_is_accepted_by_default(call, wanted):
    wanted("accept")

    assert not any(call("clientVersion", strVersion=version) for version in OLD)


@pytest.mark.parametrize("version", ["", "?", "2,3", "2..3", "-1", "1.2.3.4.5", "9" * 5000, "²", "1.x"])
def test_a_version_that_cannot_be_read_goes_on(call, wanted, version):
    wanted("refuse")

    assert call("clientVersion", strVersion=version) == ""


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


# Whoever guesses


@pytest.fixture
def clock(monkeypatch):
    """The clock of the limits, which start anew."""
    clock = Clock()
    monkeypatch.setattr(security, "CONNECTORS", SignIns(clock))
    return clock


@pytest.fixture
def checks(monkeypatch):
    """The passwords that were held against a slow hash."""
    checked = []
    check = bcrypt.checkpw

    def watched(password, password_hash):
        checked.append(password.decode())
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    # As quick as the other hashes of the tests.
    monkeypatch.setattr(security, "_DUMMY", bcrypt.hashpw(b"nobody's", bcrypt.gensalt(4)))
    return checked


@pytest.fixture
def knock(testapp):
    """Sign in from an address; return the second word of the answer."""

    def knock(username, password, address="192.0.2.1"):
        body = envelope.write("authenticate", {"strUserName": username, "strPassword": password})
        response = testapp.request(
            "/qbwc", method="POST", body=body, headers=DOTNET, environ={"REMOTE_ADDR": address}
        )
        return envelope.read("authenticate", response.body)[1]

    return knock


COMES_IN = ("", "none", "busy")


def test_a_right_password_is_hashed_once(knock, tenant, clock, checks):
    for _ in range(5):
        assert knock(tenant.username, PASSWORD) in COMES_IN

    assert checks == [PASSWORD]


def test_a_pc_with_an_old_password_costs_one_hash_and_no_wait(knock, tenant, clock, checks):
    for _ in range(50):
        assert knock(tenant.username, "the old one") == "nvu"
    assert checks == ["the old one"]

    assert knock(tenant.username, PASSWORD) in COMES_IN


@pytest.mark.parametrize("known", [True, False])
def test_a_guesser_gets_one_hash_a_wait(knock, tenant, clock, checks, known):
    username = tenant.username if known else "nobody-at-all"
    tries = [f"guess {number}" for number in range(600)]
    for password in tries:
        # Nobody may call a password wrong that nobody has looked at.
        before = len(checks)
        assert knock(username, password) == ("nvu" if len(checks) > before else "busy")
        clock.now += 1

    # Five at once, then after 1, 2, 4, 8, 16, 32 and each 60 seconds.
    waits = [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67, *range(127, 600, 60)]
    assert checks == [tries[second] for second in waits]


def test_a_corrected_password_gets_in_within_a_minute(knock, tenant, clock):
    for number in range(500):
        knock(tenant.username, f"guess {number}")
        clock.now += 1

    seconds = next(
        second
        for second in range(1000)
        if knock(tenant.username, PASSWORD) in COMES_IN or not _tick(clock)
    )

    assert seconds <= LONGEST_WAIT


def _tick(clock):
    clock.now += 1
    return True


def test_whoever_has_come_in_is_not_shut_out_by_guesses_from_elsewhere(knock, tenant, clock, checks):
    assert knock(tenant.username, PASSWORD) in COMES_IN
    for number in range(300):
        knock(tenant.username, f"guess {number}", f"198.51.100.{number % 100}")
    assert len(checks) < 40

    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        Integration(db, opened, main_connection(db, opened), "test").set_up(
            tenant.username, "another-password"
        )

    assert knock(tenant.username, "another-password") in COMES_IN


def test_many_guessed_logins_from_one_address_cost_few_hashes(knock, tenant, clock, checks):
    answers = [knock(f"login-{number}", "guess") for number in range(300)]
    looked_at = SignIns.WRONG_OF_ADDRESS
    assert answers == ["nvu"] * looked_at + ["busy"] * (300 - looked_at)
    assert len(checks) == SignIns.WRONG_OF_ADDRESS

    assert knock(tenant.username, PASSWORD, "203.0.113.9") in COMES_IN


def test_wrong_tries_are_forgotten_when_the_right_one_comes(knock, tenant, clock, checks):
    for number in range(FREE_TRIES - 1):
        knock(tenant.username, f"guess {number}")
    assert knock(tenant.username, PASSWORD) in COMES_IN
    checks.clear()
    for number in range(FREE_TRIES):
        knock(tenant.username, f"another {number}")

    assert len(checks) == FREE_TRIES


def test_a_crowd_of_strangers_leaves_room_for_who_is_known(knock, tenant, world, clock, checks):
    stranger = world.tenant("full")
    assert knock(tenant.username, PASSWORD) in COMES_IN
    checks.clear()
    taken = 0
    while security.HASHES.acquire(blocking=False):
        taken += 1
    try:
        assert knock(stranger.username, PASSWORD) == "busy"
        assert knock(tenant.username, PASSWORD) in COMES_IN
    finally:
        security.HASHES.release(taken)

    assert checks == []
    assert knock(stranger.username, PASSWORD) == ""
    # Each hash has given its place back.
    assert security.HASHES._value == taken


def test_a_persons_password_cannot_be_guessed_here(knock, tenant, clock, checks):
    assert knock(tenant.admin, tenant.password) == "nvu"
    checks.clear()

    assert knock(tenant.admin, tenant.password) == "nvu"
    assert knock(tenant.admin, "wrong") == "nvu"
    assert checks == ["wrong"]


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
