"""The floor under every figure: Spyne alone, the contract's methods answered with constants."""

from __future__ import annotations

import sys
from typing import Any

from spyne import Application, Array, Integer32, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

import hub.qbwc.soap  # noqa: F401  (makes Spyne importable on Python 3.12 and later)
from hub.serve import serve
from hub.settings import load

NAMESPACE = "http://developer.intuit.com/"
REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?><?qbxml version="13.0"?>'
    '<QBXML><QBXMLMsgsRq onError="continueOnError"><CustomerQueryRq requestID="1">'
    "<MaxReturned>1</MaxReturned></CustomerQueryRq></QBXMLMsgsRq></QBXML>"
)
ANSWER = (
    '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs requestID="1" statusCode="0" '
    'statusSeverity="Info" statusMessage="Status OK"><CustomerRet><ListID>80000001-1</ListID>'
    "<EditSequence>1</EditSequence><Name>Ada</Name></CustomerRet></CustomerQueryRs></QBXMLMsgsRs></QBXML>"
)
Strings = Array(Unicode(nillable=True, min_occurs=0), type_name="ArrayOfString", namespace=NAMESPACE)


class Echo(ServiceBase):
    """Twelve methods that know nothing."""

    @rpc(Unicode, _returns=Unicode)
    def serverVersion(ctx, strVersion):
        return "echo 1"

    @rpc(Unicode, _returns=Unicode)
    def clientVersion(ctx, strVersion):
        return ""

    @rpc(Unicode, Unicode, _returns=Strings)
    def authenticate(ctx, strUserName, strPassword):
        return ["0123456789abcdef0123456789abcdef", strUserName or "none"]

    @rpc(Unicode, Unicode, Unicode, Unicode, Integer32, Integer32, _returns=Unicode)
    def sendRequestXML(
        ctx, ticket, strHCPResponse, strCompanyFileName, qbXMLCountry, qbXMLMajorVers, qbXMLMinorVers
    ):
        return REQUEST

    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer32)
    def receiveResponseXML(ctx, ticket, response, hresult, message):
        return 50

    @rpc(Unicode, Unicode, Unicode, _returns=Unicode)
    def connectionError(ctx, ticket, hresult, message):
        return "done"

    @rpc(Unicode, _returns=Unicode)
    def getLastError(ctx, ticket):
        return ""

    @rpc(Unicode, _returns=Unicode)
    def closeConnection(ctx, ticket):
        return "OK"

    @rpc(Unicode, Unicode, _returns=Unicode)
    def getInteractiveURL(ctx, wcTicket, sessionID):
        return ""

    @rpc(Unicode, Unicode, _returns=Unicode)
    def interactiveRejected(ctx, wcTicket, reason):
        return ""

    @rpc(Unicode, _returns=Unicode)
    def interactiveDone(ctx, wcTicket):
        return "Done"

    @rpc(Unicode, _returns=Unicode)
    def getServerVersion(ctx, ticket):
        return "echo 1"


def application() -> Any:
    """Return the WSGI application. It reads bodies as large as the hub does."""
    soap = Application([Echo], tns=NAMESPACE, in_protocol=Soap11(huge_tree=True), out_protocol=Soap11())
    return WsgiApplication(soap, max_content_length=72 * 2**20)


if __name__ == "__main__":
    port, processes = (int(argument) for argument in sys.argv[1:])
    given = {"hub.development": "true", "hub.secret": "none", "hub.host": "127.0.0.1", "hub.port": port}
    serve(application(), load({**given, "web.processes": processes}, environ={}))
