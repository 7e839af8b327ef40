"""Spyne, tamed: SOAP arguments in, ``Conversation`` called, its answer out. Decides nothing.

Spyne holds the contract, reads XML and finds the method. What it does for any message
that could be is left out on the way, as all of ours are flat: the texts inside one
element, and one result (protocol.md A.1).

Measured against the Web Connector's own stack (compat.md): no validator, as an
absent and an empty parameter mean the same; room for large answers; control
characters kept out both ways; exceptions left to Pyramid, so that a lost
transaction is retried and a bug reaches the log.
"""

from __future__ import annotations

import codecs
import importlib
import logging
import re
import sys
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import six

if sys.version_info >= (3, 12):
    # Spyne's own copy of six finds its moved modules no longer from Python 3.12 on.
    sys.modules["spyne.util.six.moves"] = six.moves
    for moved in (
        "urllib",
        "urllib.parse",
        "urllib.request",
        "urllib.error",
        "http_cookies",
        "collections_abc",
    ):
        sys.modules[f"spyne.util.six.moves.{moved}"] = importlib.import_module(f"six.moves.{moved}")

import spyne.const
from spyne import Application, Array, Fault, Integer32, MethodContext, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server import ServerBase

from hub.qbwc import client_version, wsdl
from hub.qbwc.conversation import Conversation

# Spyne would collect garbage in the middle of calls, for files that this service never opens.
spyne.const.MIN_GC_INTERVAL = float("inf")

NAMESPACE = "http://developer.intuit.com/"
"""Part of the contract, with its final slash (protocol.md A.1)."""
VERSION = "1.0"

# Spyne would write every message that it cannot read into the log, password and all.
logging.getLogger("spyne.protocol.soap.soap11.invalid").setLevel(logging.CRITICAL + 1)

ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii", "iso8859-1", "cp1252")
"""What a message may be written in, by Python's names."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]{1,40})[\"']")

_UNREADABLE = "Client.XMLSyntaxError"
_REFERENCE = re.compile(rb"&#(?:x0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}));")
MOST_REFERENCES = 1_000_000
"""Character references looked at in a message; each takes its time."""
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])

SMALL = 1024 * 1024
"""Bytes of a message that fills no memory, whatever markup it is made of."""
MOST_MARKUP = 1000
"""Pieces of markup in a larger one: what is large about a call is the text in one element."""
LONGEST_TAG = 10_000
_TAG = re.compile(rb"""<[^<>"'!?][^<>"']*+(?:"[^"]*+"[^<>"']*+|'[^']*+'[^<>"']*+)*+>""")
_OTHER = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
"""Markup that may hold what looks like tags, and how it ends."""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_HEAD = f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{_SOAP}"><soap:Body>'
_TAIL = "</soap:Body></soap:Envelope>"

Strings = Array(Unicode(nillable=True, min_occurs=0), type_name="ArrayOfString", namespace=NAMESPACE)


@dataclass(frozen=True)
class Call:
    """One call as it came over HTTP: the message, and what its headers say of it."""

    request: Any
    """Pyramid's request, with ``db`` and the settings."""
    body: bytes
    charset: str = ""
    action: str = ""
    """The header SOAPAction."""


class Reader(Soap11):
    """SOAP 1.1 as Web Connectors write it: ``&#x1F;`` from a name in QuickBooks is no reason to stop.

    What is looked for in a message cannot hide in an encoding: libxml2 is given UTF-8 alone.
    """

    def __init__(self) -> None:
        super().__init__(validator=None, huge_tree=True)
        # Whatever the message says of itself.
        self.parser_kwargs["encoding"] = "utf-8"

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        message = _utf8(ctx.udc.body, ctx.udc.charset)
        try:
            self._parse(ctx, message)
        except Fault as error:
            if error.faultcode != _UNREADABLE:
                raise
            # Only a message that XML forbids is worth the work.
            legal = _legal(_REFERENCE.sub(_legal_reference, message, count=MOST_REFERENCES))
            if legal == message:
                raise
            self._parse(ctx, legal)

    def _parse(self, ctx: Any, message: bytes) -> None:
        if b"<!DOCTYPE" in message or b"<!ENTITY" in message:
            raise Fault("Client.DOCTYPE", "A SOAP message has no DOCTYPE.")
        if len(message) > SMALL and not _is_flat(message):
            raise Fault("Client.Markup", "The message has more markup than any call has.")
        ctx.in_string = [message]
        try:
            super().create_in_document(ctx)
        except Fault as error:
            sentence = f"The SOAP message is not well-formed XML: {error.faultstring}."
            raise Fault(_UNREADABLE, sentence) from None

    def decompose_incoming_envelope(self, ctx: Any, message: Any = Soap11.REQUEST) -> None:
        root, _ = ctx.in_document
        if root.tag != f"{{{_SOAP}}}Envelope":
            raise Fault("Client.SoapError", f"The message is no SOAP 1.1 envelope, of {_SOAP}.")
        call = next((one for body in root.iterchildren(f"{{{_SOAP}}}Body") for one in body), None)
        if call is None or not isinstance(call.tag, str) or call.tag == f"{{{_SOAP}}}Fault":
            raise Fault("Client.SoapError", "There is no call in the SOAP message.")
        _check_contract(call.tag, ctx.udc.action)
        ctx.in_body_doc, ctx.method_request_string = call, call.tag

    def generate_method_contexts(self, ctx: Any) -> list[Any]:
        [ctx.descriptor] = self.get_call_handles(ctx)
        return [ctx]

    def deserialize(self, ctx: Any, message: Any) -> None:
        """Every argument is a text; a number, an absent one and an empty one are no exception."""
        told = {child.tag.rpartition("}")[2]: child.text or "" for child in ctx.in_body_doc}
        ctx.in_object = [told.get(name, "") for name in ctx.descriptor.in_message._type_info]


class Writer(Soap11):
    """Envelopes as .NET writes them, every text legal in XML: an answer with a control character
    would arrive empty."""

    def serialize(self, ctx: Any, message: Any) -> None:
        if ctx.out_error is not None:
            ctx.out_document = fault(ctx.out_error.faultcode, ctx.out_error.faultstring)
            return
        name, [result] = ctx.descriptor.name, ctx.out_object
        inner = (
            "".join(f"<string>{_text(one)}</string>" for one in result)
            if isinstance(result, list)
            else _text(str(result))
        )
        ctx.out_document = (
            f'{_HEAD}<{name}Response xmlns="{NAMESPACE}"><{name}Result>{inner}</{name}Result>'
            f"</{name}Response>{_TAIL}"
        )

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        ctx.out_string = [_legal(ctx.out_document.encode("utf-8", "ignore"))]


def fault(code: str, sentence: str) -> str:
    """Return the envelope of a SOAP fault: a Web Connector shows its sentence to the user."""
    return (
        f"{_HEAD}<soap:Fault><faultcode>soap:{_text(code)}</faultcode>"
        f"<faultstring>{_text(sentence)}</faultstring></soap:Fault>{_TAIL}"
    )


def _text(text: str) -> str:
    # A bare carriage return would be read as a line feed.
    return escape(text).replace("\r", "&#13;")


def _utf8(body: bytes, charset: str) -> bytes:
    """Return a message in UTF-8: a byte order mark says best how it is written, then HTTP, then the
    XML itself."""
    name = next((encoding for mark, encoding in _MARKS if body.startswith(mark)), charset)
    if not name:
        declared = _DECLARED.match(body)
        name = declared[1].decode() if declared else "utf-8"
    try:
        encoding = codecs.lookup(name).name
        if encoding not in ENCODINGS:
            raise LookupError(name)
        if encoding not in ("utf-8", "ascii"):
            body = body.decode(encoding).removeprefix("\ufeff").encode()
    except (LookupError, UnicodeError):
        raise Fault("Client.Encoding", "The SOAP message is not text in UTF-8.") from None
    return body.removeprefix(codecs.BOM_UTF8).lstrip()


def _is_flat(message: bytes) -> bool:
    """Whether there is little markup: a few bytes of it take hundreds once they are a tree."""
    begin = message.find(b"<")
    for _ in range(MOST_MARKUP):
        if begin < 0:
            return True
        closing = next((end for start, end in _OTHER if message.startswith(start, begin)), None)
        if closing:
            end = message.find(closing, begin)
        else:
            tag = _TAG.match(message, begin, begin + LONGEST_TAG)
            end = tag.end() if tag else -1
        if end < 0:
            return False
        begin = message.find(b"<", end)
    return False


def _legal(text: bytes) -> bytes:
    """Return UTF-8 without the characters that XML forbids."""
    text = text.translate(None, _CONTROLS)
    if b"\xef\xbf" in text:
        text = text.replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return text


def _legal_reference(match: re.Match[bytes]) -> bytes:
    """Return a character reference, or nothing where it stands for what XML forbids."""
    code = int(match[1], 16) if match[1] else int(match[2])
    if code >= 0x110000 or 0xD800 <= code < 0xE000:
        return b""
    return match[0] if _legal(chr(code).encode()) else b""


def _check_contract(tag: str, action: str) -> None:
    """Refuse a call of another contract than ours; that of no method is refused too."""
    namespace, _, method = tag.removeprefix("{").rpartition("}")
    if method not in wsdl.METHODS:
        raise Fault("Client.Method", f"The Web Connector's service has no method {method[:100]}.")
    if namespace != NAMESPACE:
        raise Fault(
            "Client.Namespace",
            f"The namespace of {method} is {NAMESPACE} with its final slash; the message has "
            f"{namespace[:200] or 'none'}.",
        )
    # The element says the method. Many clients leave the header out, or empty (compat.md 9).
    action = action.strip().strip('"').strip()
    if action not in ("", method, NAMESPACE + method):
        raise Fault(
            "Client.SOAPAction",
            f"The message calls {method}, and its header SOAPAction names {action[:200]}; "
            f"it must be {NAMESPACE}{method}.",
        )


class Soap(Application):
    """A Spyne application that lets what a method raised through, for Pyramid to see."""

    def process_request(self, ctx: Any) -> None:
        ctx.out_object = [self.call_wrapper(ctx)]


class Door(ServerBase):
    """Answers calls that have come over HTTP."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def answer(self, call: Call) -> tuple[bytes, bool]:
        """Return the SOAP envelope that answers ``call``, and whether it is more than a fault."""
        ctx = MethodContext(self, MethodContext.SERVER)
        ctx.udc = call
        self.generate_contexts(ctx)
        if ctx.in_error is None:
            self.get_in_object(ctx)
            self.get_out_object(ctx)
        self.get_out_string(ctx)
        return ctx.out_string[0], ctx.out_error is None


def _conversation(ctx: Any) -> Conversation:
    request = ctx.udc.request
    return Conversation(request.db, request.registry.settings, request.enqueue)


def _product(ctx: Any) -> str:
    return f"{ctx.udc.request.registry.settings['hub.name']} {VERSION}"


class QBWebConnectorSvc(ServiceBase):
    """The twelve methods, in the order of protocol.md A.1."""

    @rpc(Unicode, _returns=Unicode)
    def serverVersion(ctx, strVersion):
        return _product(ctx)

    @rpc(Unicode, _returns=Unicode)
    def clientVersion(ctx, strVersion):
        return client_version.answer(strVersion, ctx.udc.request.registry.settings)

    @rpc(Unicode, Unicode, _returns=Strings)
    def authenticate(ctx, strUserName, strPassword):
        address = ctx.udc.request.remote_addr or ""
        return _conversation(ctx).authenticate(strUserName, strPassword, address)

    @rpc(Unicode, Unicode, Unicode, Unicode, Integer32, Integer32, _returns=Unicode)
    def sendRequestXML(
        ctx, ticket, strHCPResponse, strCompanyFileName, qbXMLCountry, qbXMLMajorVers, qbXMLMinorVers
    ):
        return _conversation(ctx).send_request(ticket, strHCPResponse, strCompanyFileName, qbXMLCountry)

    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer32)
    def receiveResponseXML(ctx, ticket, response, hresult, message):
        return _conversation(ctx).receive_response(ticket, response, hresult.strip(), message)

    @rpc(Unicode, Unicode, Unicode, _returns=Unicode)
    def connectionError(ctx, ticket, hresult, message):
        return _conversation(ctx).connection_error(ticket, hresult.strip(), message)

    @rpc(Unicode, _returns=Unicode)
    def getLastError(ctx, ticket):
        return _conversation(ctx).last_error(ticket)

    @rpc(Unicode, _returns=Unicode)
    def closeConnection(ctx, ticket):
        return _conversation(ctx).close(ticket)

    @rpc(Unicode, Unicode, _returns=Unicode)
    def getInteractiveURL(ctx, wcTicket, sessionID):
        return ""

    @rpc(Unicode, Unicode, _returns=Unicode)
    def interactiveRejected(ctx, wcTicket, reason):
        return "Interactive sessions are not offered."

    @rpc(Unicode, _returns=Unicode)
    def interactiveDone(ctx, wcTicket):
        return "Done"

    @rpc(Unicode, _returns=Unicode)
    def getServerVersion(ctx, ticket):
        return _product(ctx)


def application() -> Door:
    """Return what answers the calls."""
    return Door(Soap([QBWebConnectorSvc], tns=NAMESPACE, in_protocol=Reader(), out_protocol=Writer()))
