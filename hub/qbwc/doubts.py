"""Additions and deletions whose fate nobody knows: QuickBooks is asked before anything else goes.

An addition is looked up by its number (a customer or an item by name) and known again by its
ExternalGUID, so it is never sent twice and never taken for missing (protocol.md
D.5). What was to be deleted is looked up by its id: where it is gone, that was the hub and nobody
else. Changes and voids need no question: done twice they change nothing.

A question is kept with its operation: the kind and fields of the query, what was to be
added or deleted, and for what reason it is asked.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from hub.books.models import Connection, Link
from hub.exporters.contract import guid
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Answer, Element, Request

NOTE = "The hub does not know whether QuickBooks has booked this, and asks it at the next run."
TAKEN = "QuickBooks says that the name is in use; the hub looks whose it is."

LISTED = {"Customer": "CustomerQuery", "ItemService": "ItemQuery"}
"""What the hub adds to lists, and how that is asked for: by ListID, or by its name."""

Question = dict[str, Any]


class Reason(enum.StrEnum):
    """Why QuickBooks is asked."""

    FATE = "fate"
    """It may have been booked."""
    NAME = "name"
    """Its name is taken, perhaps by itself."""
    MISSING = "missing"
    """It was booked, and is gone: it may have come back in an older version."""
    REMOVAL = "removal"
    """It was to be deleted, and may be gone."""


def about(kind: str, message: str, operation_id: int, reason: Reason) -> Question:
    """Return the question about an addition or deletion of ``kind`` that went out in ``message``."""
    sent = request_of(message, operation_id)
    if reason is Reason.REMOVAL:
        object_, fields = sent.get("TxnDelType"), {"TxnID": sent.get("TxnID")}
        return {"add": kind, "kind": f"{object_}Query", "fields": fields, "reason": reason}
    above, name = sent.get(f"{kind}/ParentRef/FullName"), sent.get(f"{kind}/Name")
    name, number = f"{above}:{name}" if above else name, sent.get(f"{kind}/RefNumber")
    return _question(kind.removesuffix("Add"), name, number, reason)


def request_of(message: str, operation_id: int) -> Element:
    """Return the request of one operation in ``message``."""
    (sent,) = (
        request
        for request in qbxml.parse_requests(message).requests
        if request.attributes.get("requestID") == str(operation_id)
    )
    return sent


def about_missing(link: Link) -> Question:
    """Return the question about what ``link`` says was booked. It comes back under its id, whatever
    people have called it since; a payment may come back as it was before it was booked anew, which only
    its number tells."""
    question = _question(link.object, "", link.number, Reason.MISSING)
    if link.object in LISTED:
        return question | {"fields": {"ListID": link.object_id}}
    fields = {"TxnID": link.object_id} | question["fields"]
    then = question["fields"] if link.number else None
    return question | {"fields": {k: v for k, v in fields.items() if k != "RefNumber"}, "then": then}


def _question(object_: str, name: str, number: str, reason: Reason) -> Question:
    if object_ in LISTED:
        # Only a query over all names tells who else has a customer's.
        is_name = object_ == "Customer" and reason is Reason.NAME
        query = "EntityQuery" if is_name else LISTED[object_]
        fields: dict[str, Any] = {"FullName": name}
    else:
        query = f"{object_}Query"
        fields = {"RefNumber": number}
        if object_ != "ARRefundCreditCard":
            fields["IncludeLineItems"] = "true"
    return {"add": f"{object_}Add", "kind": query, "fields": fields, "reason": reason}


def query(question: Mapping[str, Any], operation_id: int) -> Request:
    """Return the request that asks ``question``."""
    return Request(question["kind"], str(operation_id), question["fields"])


class Found(NamedTuple):
    """An object of ours in QuickBooks, and the version of its record that it was made of."""

    ret: Element
    version: int
    """0 where its mark does not say."""


def found(
    connection: Connection, subject: str, versions: Mapping[str, set[int]], answer: Answer
) -> Found | None:
    """Return the object that ``subject`` became in one of its ``versions``, if it is there."""
    ours = {guid(connection, subject, one).lower(): one for one in {0, *versions.get(subject, ())}}
    for ret in answer.returned:
        if (which := ours.get(ret.get("ExternalGUID").lower())) is not None:
            return Found(ret, which)
    return None


def strangers(answer: Answer, ours: set[str]) -> list[Element]:
    """Return what QuickBooks found under that number or name and is none of ``ours``, which are
    GUIDs in small letters and ids."""
    return [
        ret
        for ret in answer.returned
        if ret.get("ExternalGUID").lower() not in ours
        and (ret.get("TxnID") or ret.get("ListID")) not in ours
    ]
