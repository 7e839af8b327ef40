"""qbXML as text, written and read; pure, and the only module that knows lxml.

Written by hand rather than by a serialiser, because QuickBooks wants pure ASCII
under a UTF-8 declaration: a raw accented letter ends in a parse error, the same
letter as a numeric reference is fine (protocol.md E.3).

Read leniently: real answers do not always fit Intuit's own schema, and may hold
characters that XML forbids. Entities, DTDs and the network stay off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from hub.errors import QBXMLError
from hub.qbwc.letters import legal, storable
from hub.qbwc.notation import Shape
from hub.qbwc.shapes import ATTRIBUTES, KEYED, SHAPES, Fields

VERSION = "13.0"
"""Spoken by QuickBooks 2014 and later; for our requests 13.0 and 16.0 are equal (protocol.md C.1)."""

MOST_MARKUP = 8_000_000
"""Tags in a text: a list of two hundred thousand customers has as many, and a tree of them takes a
gigabyte."""

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<?qbxml version="{version}"?>\n'
_ILLEGAL_REFERENCE = re.compile(
    r"&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));"
)
_DECLARATION = re.compile(r"[\ufeff\s]*(<\?xml[^>]*\?>)?")
_DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One qbXML request: ``kind`` without ``Rq``, its id, its body, its attributes."""

    kind: str
    request_id: str
    fields: Fields = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def message(
    requests: Sequence[Request],
    set_id: str = "",
    on_error: str = "continueOnError",
    version: str = VERSION,
) -> str:
    """Return the qbXML message that carries ``requests``.

    ``set_id`` (at most 24 characters) makes QuickBooks remember the outcome, so
    that the same text sent again is not run again (protocol.md D.4).
    """
    return enclose([written(request) for request in requests], set_id, on_error, version)


def written(request: Request) -> str:
    """Return one request as it stands in a message."""
    parts: list[str] = []
    _write_request(parts, request)
    return "".join(parts)


def enclose(
    requests: Sequence[str],
    set_id: str = "",
    on_error: str = "continueOnError",
    version: str = VERSION,
) -> str:
    """Return the message around requests that are ``written`` already; the rest as for ``message``."""
    named = f' newMessageSetID="{set_id}"' if set_id else ""
    head = f'{_HEAD.format(version=version)}<QBXML><QBXMLMsgsRq onError="{on_error}"{named}>\n'
    return "".join((head, *requests, "</QBXMLMsgsRq></QBXML>"))


def status_query(set_id: str, version: str = VERSION) -> str:
    """Return the message that only asks what became of the set ``set_id`` (protocol.md D.4.3)."""
    return (
        _HEAD.format(version=version) + f'<QBXML><QBXMLMsgsRq onError="continueOnError" '
        f'newMessageSetID="{set_id}" oldMessageSetID="{set_id}"></QBXMLMsgsRq></QBXML>'
    )


def _write_request(parts: list[str], request: Request) -> None:
    parts.append(f'<{request.kind}Rq requestID="{escape(request.request_id)}"')
    for name, value in request.attributes.items():
        parts.append(f' {name}="{escape(value)}"')
    parts.append(">")
    _write(parts, request.fields)
    parts.append(f"</{request.kind}Rq>\n")


def _write(parts: list[str], fields: Fields) -> None:
    for name, value in fields.items():
        if isinstance(value, str):
            parts.append(f"<{name}>{escape(value)}</{name}>")
        elif isinstance(value, KEYED):
            parts.append(f"<{name}>")
            _write(parts, value)
            parts.append(f"</{name}>")
        else:
            for one in value:
                if isinstance(one, KEYED):
                    parts.append(f"<{name}>")
                    _write(parts, one)
                    parts.append(f"</{name}>")
                else:
                    parts.append(f"<{name}>{escape(one)}</{name}>")


_MARKUP = re.compile('[&<>"]')


def escape(text: str) -> str:
    """Return ``text`` as ASCII XML: markup escaped, Windows-1252 as numeric references.

    QuickBooks Desktop keeps Windows-1252; what lies beyond is written in its
    nearest plain letters, or ``?`` (protocol.md E.3).
    """
    # Nearly every text is written as it is.
    if text.isascii() and text.isprintable() and not _MARKUP.search(text):
        return text
    text = storable(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.encode("ascii", "xmlcharrefreplace").decode()


class Element:
    """One element of a message that was read: its name, its text, its children."""

    __slots__ = ("_node",)

    def __init__(self, node: Any):
        self._node = node

    @property
    def name(self) -> str:
        return str(self._node.tag)

    @property
    def text(self) -> str:
        return (self._node.text or "").strip()

    @property
    def attributes(self) -> Mapping[str, str]:
        return dict(self._node.attrib)

    def __iter__(self) -> Iterator[Element]:
        return (Element(node) for node in self._node.iterchildren(tag=etree.Element))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, path: str) -> Element | None:
        """Return the first element at ``path`` (``CustomerRef/FullName``), if there is one."""
        node = self._node.find(path)
        return None if node is None else Element(node)

    def all(self, path: str) -> list[Element]:
        """Return every element at ``path``."""
        return [Element(node) for node in self._node.findall(path)]

    def get(self, path: str, default: str = "") -> str:
        """Return the text at ``path``, or ``default`` where there is none."""
        return (self._node.findtext(path) or "").strip() or default

    def xml(self) -> str:
        """Return this element as text again."""
        return str(etree.tostring(self._node, encoding="unicode", with_tail=False))


@dataclass(frozen=True)
class Answer:
    """One ``...Rs`` element: what QuickBooks says to one request."""

    kind: str
    request_id: str
    code: int
    severity: str
    text: str
    element: Element

    @property
    def returned(self) -> list[Element]:
        """The objects in the answer (``InvoiceRet``, …), or its ``ErrorRecovery``."""
        return list(self.element)

    def taken(self) -> Iterator[Element]:
        """Yield the objects one by one, each gone from the answer when the next one comes: of a
        large one the memory is free as it is read."""
        node = self.element._node
        while (child := next(node.iterchildren(tag=etree.Element), None)) is not None:
            node.remove(child)
            yield Element(child)

    @property
    def iterator_id(self) -> str:
        return self.element.attributes.get("iteratorID", "")

    @property
    def remaining(self) -> int:
        """How many objects the iterator has still to give."""
        return _code(self.element.attributes.get("iteratorRemainingCount", "0"))


@dataclass(frozen=True)
class Answers:
    """A message of answers; ``set_code`` is about the message set as such (protocol.md D.4)."""

    set_id: str
    set_code: int
    answers: list[Answer]


def _root(text: str, what: str) -> Element:
    if _DOCTYPE.search(text[:2000]):
        raise QBXMLError(f"The {what} holds a DOCTYPE, which is never part of qbXML.")
    if text.count("<") > MOST_MARKUP:
        raise QBXMLError(f"The {what} holds more elements than any list of QuickBooks.")
    text = _DECLARATION.sub("", text, count=1)
    try:
        root = _parsed(text)
    except (etree.XMLSyntaxError, ValueError):
        # Only a text that XML forbids is worth the work.
        lawful = legal(_ILLEGAL_REFERENCE.sub("", text))
        try:
            root = _parsed(lawful)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise QBXMLError(f"The {what} is not well-formed XML: {error}") from None
    if root.tag != "QBXML":
        raise QBXMLError(f"The {what} is not qbXML: its outermost element is {root.tag[:40]!r}.")
    return Element(root)


def _parsed(text: str) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True
    )
    return etree.fromstring(text, parser)


def parse_answers(text: str) -> Answers:
    """Read what QuickBooks answered.

    :raises QBXMLError: when it is not a qbXML message of answers.
    """
    messages = _root(text, "answer").find("QBXMLMsgsRs")
    if messages is None:
        raise QBXMLError("The answer holds no QBXMLMsgsRs.")
    attributes = messages.attributes
    return Answers(
        attributes.get("newMessageSetID", "") or attributes.get("oldMessageSetID", ""),
        _code(attributes.get("messageSetStatusCode", "0")),
        [_answer(element) for element in messages],
    )


def _answer(element: Element) -> Answer:
    attributes = element.attributes
    return Answer(
        element.name.removesuffix("Rs"),
        attributes.get("requestID", ""),
        _code(attributes.get("statusCode", "0")),
        attributes.get("statusSeverity", ""),
        attributes.get("statusMessage", ""),
        element,
    )


def _code(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?\d{0,9}\s*", text, re.ASCII):
        raise QBXMLError(f"{text[:40]!r} stands in the answer where a number should.")
    return int(text.strip() or 0)


@dataclass(frozen=True)
class Requests:
    """A message of requests as QuickBooks reads it."""

    version: str
    on_error: str
    set_id: str
    old_set_id: str
    requests: list[Element]


def parse_requests(text: str) -> Requests:
    """Read a message of requests as strictly as QuickBooks does: known elements, in order, of
    their types, in ASCII. Lengths are not looked at here, as QuickBooks answers those one by one.

    :raises QBXMLError: where QuickBooks would answer 0x80040400.
    """
    if not text.isascii():
        raise QBXMLError("The message holds characters beyond ASCII.")
    version = re.search(r'<\?qbxml version="(\d+\.\d+)"\?>', text)
    if not version:
        raise QBXMLError("The message does not say its qbXML version.")
    root = _root(text, "message")
    messages = root.find("QBXMLMsgsRq")
    if messages is None or len(root) != 1:
        raise QBXMLError("The message must hold one QBXMLMsgsRq.")
    attributes = messages.attributes
    if attributes.get("onError") not in ("continueOnError", "stopOnError"):
        raise QBXMLError("onError must be continueOnError or stopOnError.")
    requests = list(messages)
    for request in requests:
        _check_request(request)
    return Requests(
        version[1],
        attributes["onError"],
        attributes.get("newMessageSetID", ""),
        attributes.get("oldMessageSetID", ""),
        requests,
    )


def _check_request(request: Element) -> None:
    shape = SHAPES.get(request.name.removesuffix("Rq"))
    if shape is None or not request.name.endswith("Rq"):
        raise QBXMLError(f"There is no request {request.name}.")
    if unknown := set(request.attributes) - ATTRIBUTES:
        raise QBXMLError(f"{request.name} has no attribute {', '.join(sorted(unknown))}.")
    _check(shape, request, request.name)


def _check(shape: Shape, element: Element, path: str) -> None:
    if not shape.children:
        if len(element):
            raise QBXMLError(f"{path} holds elements and should hold text.")
        if fault := shape.value_fault(element.text):
            raise QBXMLError(f"{path}: {fault}.")
        return
    names = "".join(f"{child.name};" for child in element)
    if not shape.order.fullmatch(names):
        raise QBXMLError(f"{path} holds {names[:-1] or 'nothing'}: unknown, missing or out of order.")
    for child in element:
        _check(shape.by_name[child.name], child, f"{path}/{child.name}")
