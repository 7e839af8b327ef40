"""SOAP 1.1 envelopes, byte for byte as the Web Connector's .NET client writes them.

Empty texts are ``<hresult />``, missing ones are left out, text is escaped and never
CDATA, control characters go out as references that no XML reader has to take.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from hub.errors import HubError

NAMESPACE = "http://developer.intuit.com/"
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
)
_TAIL = "</soap:Body></soap:Envelope>"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")

Result = "str | list[str] | None"


class EnvelopeError(HubError):
    """An answer that the SOAP client cannot read, or a fault."""


def write(method: str, values: dict[str, str]) -> bytes:
    """Return the envelope of one call."""
    inner = "".join(_parameter(name, value) for name, value in values.items())
    call = (
        f'<{method} xmlns="{NAMESPACE}">{inner}</{method}>'
        if inner
        else f'<{method} xmlns="{NAMESPACE}" />'
    )
    return f"{_HEAD}{call}{_TAIL}".encode()


def _parameter(name: str, value: str) -> str:
    if not value:
        return f"<{name} />"
    text = _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", escape(value))
    return f"<{name}>{text}</{name}>"


def read(method: str, body: bytes) -> str | list[str] | None:
    """Return the result in an answer: a text, the strings of an array, or None where it is missing.

    .NET is silent about a result that is missing or misnamed: it is null.

    :raises EnvelopeError: for a fault, and for what is no envelope.
    """
    if b"<!DOCTYPE" in body[:1000]:
        raise EnvelopeError("Response is not well-formed XML.")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise EnvelopeError(f"Response is not well-formed XML: {error}") from None
    inside = root.find(f"{_SOAP}Body")
    if root.tag != f"{_SOAP}Envelope" or inside is None:
        raise EnvelopeError("The answer is not a SOAP 1.1 envelope.")
    fault = inside.find(f"{_SOAP}Fault")
    if fault is not None:
        raise EnvelopeError(fault.findtext("faultstring") or "SOAP fault")
    result = inside.find(f"{{{NAMESPACE}}}{method}Response/{{{NAMESPACE}}}{method}Result")
    if result is None or result.get(_NIL) in ("true", "1"):
        return None
    if method == "authenticate":
        return [one.text or "" for one in result.findall(f"{{{NAMESPACE}}}string")]
    return result.text or ""
