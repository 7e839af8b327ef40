"""The one address that every Web Connector calls."""

from __future__ import annotations

import logging
import re

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from hub.errors import Refused, TooLarge
from hub.qbwc import body, soap, wsdl

log = logging.getLogger(__name__)

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)


@view_config(route_name="qbwc", request_method="POST", require_csrf=False)
def endpoint(request: Request) -> Response:
    """Answer a SOAP call, within the request's transaction and its retries."""
    environ = request.environ
    if (request.content_length or 0) > body.LARGEST:
        return fault(413, f"The message is larger than {body.LARGEST // 1024 // 1024} MB.")
    try:
        # A retry reads the message again.
        request.make_body_seekable()
        message = body.unpacked(request.body_file_raw.read(), environ.get("HTTP_CONTENT_ENCODING", ""))
    except TooLarge as error:
        return fault(413, str(error))
    except Refused as error:
        return fault(415, str(error))
    if not message:
        return fault(400, "There is no SOAP message in the request.")
    charset = _CHARSET.search(environ.get("CONTENT_TYPE", ""))
    action = environ.get("HTTP_SOAPACTION", "")
    answer, well = request.registry["soap"].answer(
        soap.Call(request, message, charset[1] if charset else "", action)
    )
    return _response(200 if well else 500, answer)


@view_config(context=Exception, route_name="qbwc", request_method="POST", require_csrf=False)
def broken(error: Exception, request: Request) -> Response:
    """A bug, or the database is away: the Web Connector shows the sentence and calls again later."""
    log.error("soap call failed", exc_info=error)
    return fault(500, "The hub could not answer. Nothing is lost: it goes on with the next run.")


def fault(status: int, sentence: str) -> Response:
    """Return a SOAP fault: a Web Connector shows its text to the user, and takes text/xml alone."""
    return _response(status, soap.fault("Client" if status < 500 else "Server", sentence).encode())


def _response(status: int, envelope: bytes) -> Response:
    return Response(envelope, status, content_type="text/xml", charset="utf-8")


@view_config(route_name="qbwc", request_method=("GET", "HEAD"), renderer="hub:templates/qbwc.jinja2")
def page(request: Request) -> object:
    """Show people what this address is for; ``?wsdl`` gives machines its description."""
    if "wsdl" in {key.lower() for key in request.params}:
        text = wsdl.document(f"{request.registry.settings['hub.url']}/qbwc")
        return Response(text.encode(), content_type="text/xml", charset="utf-8")
    return {}
