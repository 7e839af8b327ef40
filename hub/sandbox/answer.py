"""Answers as text: one ``...Rs`` element for each request, in the schema's order.

The text opens with the version instruction as a request does. Real answers leave it
out; it tells no reader anything new, and lets one checker read both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.qbwc import qbxml
from hub.sandbox import characters

Ret = list[tuple[str, "str | Ret | None"]]
"""The children of an element, in order; None and "" are left out."""

_HEAD = f'<?xml version="1.0" ?>\n<?qbxml version="{qbxml.VERSION}"?>\n<QBXML>\n'


@dataclass
class Answer:
    """What QuickBooks says to one request."""

    kind: str
    request_id: str
    code: int = 0
    severity: str = "Info"
    message: str = "Status OK"
    attributes: dict[str, str] = field(default_factory=dict)
    children: Ret = field(default_factory=list)

    def xml(self) -> str:
        attributes = {"requestID": self.request_id} if self.request_id else {}
        attributes |= {
            "statusCode": str(self.code),
            "statusSeverity": self.severity,
            "statusMessage": self.message,
        }
        named = _attributes(attributes | self.attributes)
        return f"<{self.kind}Rs{named}>{write(self.children)}</{self.kind}Rs>\n"


def message(answers: Iterable[Answer], **attributes: str) -> str:
    """Return the message of ``answers``; the attributes are the message set's."""
    body = "".join(answer.xml() for answer in answers)
    return f"{_HEAD}<QBXMLMsgsRs{_attributes(attributes)}>\n{body}</QBXMLMsgsRs>\n</QBXML>\n"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{characters.written(value)}"' for name, value in attributes.items())


def write(children: Ret) -> str:
    """Write elements as text; what is empty is left out."""
    parts = []
    for name, value in children:
        if value:
            inner = characters.written(value) if isinstance(value, str) else write(value)
            parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def boolean(value: bool) -> str:
    return "true" if value else "false"
