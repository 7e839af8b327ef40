"""The one address that every Web Connector calls."""

from __future__ import annotations

import logging
from xml.sax.saxutils import escape

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from hub.qbwc import soap, wsdl

log = logging.getLogger(__name__)


@view_config(route_name="qbwc", request_method="POST", require_csrf=False)
def endpoint(request: Request) -> Response:
    """Answer a SOAP call, within the request's transaction and its retries."""
    if (request.content_length or 0) > soap.LARGEST_BODY:
        return fault(413, f"The message is larger than {soap.LARGEST_BODY // 1024 // 1024} MB.")
    if not request.content_length:
        return fault(400, "There is no SOAP message in the request.")
    # A retry reads the message again.
    request.make_body_seekable()
    request.environ["hub.request"] = request
    request.environ.pop("hub.error", None)
    response: Response = request.registry["soap"](request)
    if error := request.environ.get("hub.error"):
        raise error
    return response


@view_config(context=Exception, route_name="qbwc", request_method="POST", require_csrf=False)
def broken(error: Exception, request: Request) -> Response:
    """A bug, or the database is away: the Web Connector shows the sentence and calls again later."""
    log.error("soap call failed", exc_info=error)
    return fault(500, "The hub could not answer. Nothing is lost: it goes on with the next run.")


def fault(status: int, sentence: str) -> Response:
    """Return a SOAP fault: a Web Connector shows its text to the user, and takes text/xml alone."""
    code = "Client" if status < 500 else "Server"
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
        f"<faultcode>soap:{code}</faultcode><faultstring>{escape(sentence)}</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>"
    )
    return Response(body.encode(), status=status, content_type="text/xml", charset="utf-8")


@view_config(route_name="qbwc", request_method=("GET", "HEAD"), renderer="hub:templates/qbwc.jinja2")
def page(request: Request) -> object:
    """Show people what this address is for; ``?wsdl`` gives machines its description."""
    if "wsdl" in {key.lower() for key in request.params}:
        text = wsdl.document(f"{request.registry.settings['hub.url']}/qbwc")
        return Response(text.encode(), content_type="text/xml", charset="utf-8")
    return {}
