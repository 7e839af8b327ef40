"""Spyne, tamed: SOAP arguments in, ``Conversation`` called, its answer out. Decides nothing.

Measured against the Web Connector's own stack (compat.md): no validator, as an
absent and an empty parameter mean the same; room for large answers; control
characters kept out both ways; exceptions raised again to Pyramid, so that a lost
transaction is retried and a bug reaches the log.
"""

from __future__ import annotations

import codecs
import importlib
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

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
from spyne import Application, Array, Fault, Integer32, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.pyramid import PyramidApplication

from hub.qbwc import qbxml
from hub.qbwc.conversation import Conversation

# Spyne would collect garbage in the middle of calls, for files that this service never opens.
spyne.const.MIN_GC_INTERVAL = float("inf")

NAMESPACE = "http://developer.intuit.com/"
"""Part of the contract, with its final slash (protocol.md A.1)."""
LARGEST_BODY = 64 * 1024 * 1024
VERSION = "1.0"

# Spyne would write every message that it cannot read into the log, password and all.
logging.getLogger("spyne.protocol.soap.soap11.invalid").setLevel(logging.CRITICAL + 1)

ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii", "iso8859-1", "cp1252")
"""What a message may be written in, by Python's names."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>\s*")
_DECLARED = re.compile(rb"\s*<\?xml\s[^>]*encoding\s*=\s*[\"']([\w.-]{1,40})[\"']")
_REFERENCE = re.compile(r"&#(?:x0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}));")

Strings = Array(Unicode(nillable=True, min_occurs=0), type_name="ArrayOfString", namespace=NAMESPACE)


class Reader(Soap11):
    """SOAP 1.1 as Web Connectors write it: ``&#x1F;`` from a name in QuickBooks is no reason to stop.

    The message becomes text here, once, so that what is looked for in it cannot hide in an encoding.
    """

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        message = _text(b"".join(ctx.in_string), charset)
        if "<!DOCTYPE" in message or "<!ENTITY" in message:
            raise Fault("Client.DOCTYPE", "A SOAP message has no DOCTYPE.")
        message = qbxml.legal(_REFERENCE.sub(_legal_reference, message))
        ctx.in_string = [_DECLARATION.sub("", message, count=1).encode()]
        super().create_in_document(ctx)
        root, _ = ctx.in_document
        # References between elements belong to another style of SOAP; they can be circular.
        ctx.in_document = root, {}

    def decompose_incoming_envelope(self, ctx: Any, message: Any = Soap11.REQUEST) -> None:
        root, _ = ctx.in_document
        body = root.find(f"{{{self.ns_soap_env}}}Body")
        if body is None or not len(body) or body[0].tag == f"{{{self.ns_soap_env}}}Fault":
            raise Fault("Client.SoapError", "There is no call in the SOAP message.")
        super().decompose_incoming_envelope(ctx, message)


def _text(body: bytes, charset: str | None) -> str:
    """Return a message as text: a byte order mark says best how, then HTTP, then the XML itself."""
    declared = _DECLARED.match(body)
    name = charset or (declared[1].decode() if declared else "utf-8")
    name = next((encoding for mark, encoding in _MARKS if body.startswith(mark)), name)
    try:
        if codecs.lookup(name).name not in ENCODINGS:
            raise LookupError(name)
        return body.decode(name).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError):
        raise Fault("Client.Encoding", "The SOAP message is not text in UTF-8.") from None


def _legal_reference(match: re.Match[str]) -> str:
    """Return a character reference, or nothing where it stands for what XML forbids."""
    code = int(match[1], 16) if match[1] else int(match[2])
    return match[0] if code < 0x110000 and qbxml.legal(chr(code)) else ""


class Soap(Application):
    """A Spyne application that keeps what a method raised, for the endpoint to raise again."""

    def call_wrapper(self, ctx: Any) -> Any:
        try:
            return super().call_wrapper(ctx)
        except Fault:
            raise
        except Exception as error:
            ctx.transport.req_env["hub.error"] = error
            raise


def _conversation(ctx: Any) -> Conversation:
    request = ctx.transport.req_env["hub.request"]
    return Conversation(request.db, request.registry.settings)


def _say(text: str | None) -> str:
    """Return a text that fits into XML: an answer with a control character would arrive empty."""
    return qbxml.legal(text or "")


class QBWebConnectorSvc(ServiceBase):
    """The twelve methods, in the order of protocol.md A.1."""

    @rpc(Unicode, _returns=Unicode)
    def serverVersion(ctx, strVersion):
        return f"{ctx.transport.req_env['hub.request'].registry.settings['hub.name']} {VERSION}"

    @rpc(Unicode, _returns=Unicode)
    def clientVersion(ctx, strVersion):
        return ""

    @rpc(Unicode, Unicode, _returns=Strings)
    def authenticate(ctx, strUserName, strPassword):
        return _conversation(ctx).authenticate(strUserName or "", strPassword or "")

    @rpc(Unicode, Unicode, Unicode, Unicode, Integer32, Integer32, _returns=Unicode)
    def sendRequestXML(
        ctx, ticket, strHCPResponse, strCompanyFileName, qbXMLCountry, qbXMLMajorVers, qbXMLMinorVers
    ):
        return _say(
            _conversation(ctx).send_request(ticket or "", strHCPResponse or "", strCompanyFileName or "")
        )

    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer32)
    def receiveResponseXML(ctx, ticket, response, hresult, message):
        return _conversation(ctx).receive_response(
            ticket or "", response or "", (hresult or "").strip(), message or ""
        )

    @rpc(Unicode, Unicode, Unicode, _returns=Unicode)
    def connectionError(ctx, ticket, hresult, message):
        return _conversation(ctx).connection_error(ticket or "", (hresult or "").strip(), message or "")

    @rpc(Unicode, _returns=Unicode)
    def getLastError(ctx, ticket):
        return _say(_conversation(ctx).last_error(ticket or ""))

    @rpc(Unicode, _returns=Unicode)
    def closeConnection(ctx, ticket):
        return _say(_conversation(ctx).close(ticket or ""))

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
        return f"{ctx.transport.req_env['hub.request'].registry.settings['hub.name']} {VERSION}"


def application() -> Callable[[Any], Any]:
    """Return the callable that answers a Pyramid request with a SOAP response."""
    soap = Soap(
        [QBWebConnectorSvc],
        tns=NAMESPACE,
        in_protocol=Reader(validator=None, huge_tree=True),
        out_protocol=Soap11(),
    )
    made: Callable[[Any], Any] = PyramidApplication(soap, max_content_length=LARGEST_BODY)
    return made
