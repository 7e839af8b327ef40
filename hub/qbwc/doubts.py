"""Additions whose fate nobody knows: QuickBooks is asked before anything else goes.

An addition is looked up by its number (a customer by name) and known again by its
ExternalGUID, so it is never sent twice and never taken for missing (protocol.md
D.5). Changes, voids and deletions need no question: done twice they change nothing.
"""

from __future__ import annotations

from typing import Any

from hub.books.models import Connection
from hub.exporters.contract import guid
from hub.qbwc import qbxml
from hub.qbwc.models import Operation, State
from hub.qbwc.qbxml import Answer, Element, Request

NOTE = "The hub does not know whether QuickBooks has booked this, and asks it at the next run."


def raise_doubt(operation: Operation, message: str) -> None:
    """Nobody knows what became of ``operation``, which went out in ``message``."""
    if not operation.kind.endswith("Add"):
        operation.state = State.QUEUED
        return
    (sent,) = (
        request
        for request in qbxml.parse_requests(message).requests
        if request.attributes.get("requestID") == str(operation.id)
    )
    operation.state, operation.note = State.DOUBT, NOTE
    operation.question = _question(operation.kind, sent)


def _question(add: str, sent: Element) -> dict[str, Any]:
    object_ = add.removesuffix("Add")
    if object_ == "Customer":
        fields: dict[str, Any] = {"FullName": sent.get("CustomerAdd/Name")}
    else:
        fields = {"RefNumber": sent.get(f"{add}/RefNumber"), "IncludeLineItems": "true"}
    if object_ == "ARRefundCreditCard":
        del fields["IncludeLineItems"]
    return {"add": add, "kind": f"{object_}Query", "fields": fields}


def question(operation: Operation) -> Request:
    """Return the query that asks what became of ``operation``."""
    asked = operation.question or {}
    return Request(asked["kind"], str(operation.id), asked["fields"])


def found(connection: Connection, operation: Operation, answer: Answer) -> Element | None:
    """Return the object that is ours among those QuickBooks found, if it is there."""
    ours = {
        guid(connection, operation.subject).lower(),
        guid(connection, operation.subject, operation.version).lower(),
    }
    for ret in answer.returned:
        if ret.get("ExternalGUID").lower() in ours:
            return ret
    return None
