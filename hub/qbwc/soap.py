"""Spyne, tamed: SOAP arguments in, ``Conversation`` called, its answer out. Decides nothing.

Measured against the Web Connector's own stack (compat.md): no validator, as an
absent and an empty parameter mean the same; room for large answers; control
characters kept out both ways; exceptions raised again to Pyramid, so that a lost
transaction is retried and a bug reaches the log.
"""

from __future__ import annotations

import importlib
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

_ILLEGAL_REFERENCE = re.compile(
    rb"&#(?:[xX]0*(?:[0-8bceBCEF]|1[0-9a-fA-F]|[fF]{3}[eEfF])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));"
)
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

Strings = Array(Unicode(nillable=True, min_occurs=0), type_name="ArrayOfString", namespace=NAMESPACE)


class Reader(Soap11):
    """SOAP 1.1 as Web Connectors write it: ``&#x1F;`` from a name in QuickBooks is no reason to stop."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        body = b"".join(ctx.in_string)
        if _DOCTYPE.search(body[:2000]):
            raise Fault("Client.DOCTYPE", "A SOAP message has no DOCTYPE.")
        ctx.in_string = [_ILLEGAL_REFERENCE.sub(b"", body)]
        super().create_in_document(ctx, charset)


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
