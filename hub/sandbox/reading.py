"""How QuickBooks reads a message: strictly, and all of it before any of it is run."""

from __future__ import annotations

from hub.errors import QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.notation import Shape
from hub.qbwc.qbxml import Element, Requests
from hub.sandbox import about, characters, hresults, refusals
from hub.sandbox.queries import ITERATED
from hub.sandbox.refusals import ParseError


def read(text: str, ascii_only: bool = False) -> Requests:
    """Read a message; ``ascii_only`` knows no references to characters above 127.

    :raises ParseError: when it cannot be read.
    """
    if ascii_only and characters.beyond_ascii(text):
        raise ParseError(hresults.SENTENCES["0x80040400"])
    if reference := characters.forbidden(text):
        raise ParseError(f"{hresults.SENTENCES['0x80040400']} {reference} is no character.")
    try:
        requests = qbxml.parse_requests(characters.kept(text))
    except QBXMLError as error:
        raise ParseError(f"{hresults.SENTENCES['0x80040400']} {error}") from None
    if requests.version not in about.VERSIONS:
        raise ParseError(f"qbXML version {requests.version} is not supported.", "0x80040423")
    for request in requests.requests:
        _check_attributes(request)
    return requests


def _check_attributes(request: Element) -> None:
    """See that only queries that have iterators are asked for one, and rightly."""
    subject = request.name.removesuffix("QueryRq")
    iterator = request.attributes.get("iterator")
    named = "iteratorID" in request.attributes
    if iterator is None and not named:
        return
    if (
        subject not in ITERATED
        or iterator not in ("Start", "Continue", "Stop")
        or named == (iterator == "Start")
    ):
        raise ParseError(f"{request.name} cannot have such an iterator.")


def check_lengths(shape: Shape, element: Element) -> None:
    """See that no text is longer than QuickBooks keeps for it (protocol.md E.4).

    :raises Refusal: 3070, for this request alone.
    """
    for child in element:
        inner = shape.by_name[child.name]
        if inner.limit and len(child.text) > inner.limit:
            raise refusals.too_long(child.name, child.text)
        check_lengths(inner, child)
