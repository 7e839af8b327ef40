"""The API: records in and out, billing cycles closed, lists read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.books.chart import Chart
from hub.books.connections import main_connection
from hub.books.models import ListKind
from hub.errors import Fault, HubError, NotFound, Refused, TooLarge
from hub.ledger import records
from hub.ledger.intake import Incoming
from hub.ledger.models import BillingCycle
from hub.ledger.shelf import Shelf
from hub.qbwc.outbox import Outbox
from hub.tenants.service import StaffRoom
from hub.views import door

KINDS = {f"{kind.replace('_', '-')}s": kind for kind in records.MODELS}
"""Kinds by their name in addresses: ``credit-memos``."""
MOST = 200
MOST_LINES = 10_000
"""What one batch holds: it is one transaction, and taken in some ten seconds."""


def _kind(request: Request) -> str:
    name = request.matchdict["kind"]
    if name not in KINDS:
        raise NotFound(f"There is no kind of record “{name}”; there are {', '.join(KINDS)}.")
    return KINDS[name]


@view_defaults(route_name="api_record", renderer="json", require_csrf=False)
class RecordViews:
    """One record."""

    def __init__(self, context: door.APIContext, request: Request):
        self.context = context
        self.request = request
        self.kind = _kind(request)
        self.external_id = request.matchdict["external_id"]

    @view_config(request_method="GET")
    def show(self) -> Any:
        return Shelf(self.request.db, self.kind).body(self.external_id)

    @view_config(request_method="PUT")
    def put(self) -> Any:
        body = door.parse(door.body_of(self.request, door.LARGEST_RECORD))
        taken = self.context.intake(self.request).take_one(self.kind, self.external_id, body)
        if taken.outcome == "created":
            self.request.response.status_int = 201
        return Shelf(self.request.db, self.kind).body_of(taken.record)


@view_config(route_name="api_records", request_method="GET", renderer="json", require_csrf=False)
def records_page(context: door.APIContext, request: Request) -> Any:
    """A page of records, oldest first."""
    kind = _kind(request)
    limit = _limit(request.GET.get("limit", "50"))
    after = _position(request.GET.get("cursor", ""))
    bodies, last = Shelf(request.db, kind).page(after, limit)
    return {"data": bodies, "next": _cursor(last) if last else None}


def _limit(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        sentence = f"limit must be a number from 1 to {MOST}."
        raise Refused(sentence, [Fault("/limit", sentence)])
    return int(text)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, position = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).partition(b":")
        if word != b"after" or not 0 <= int(position) < 2**63:
            raise ValueError(cursor)
        return int(position)
    except ValueError:
        sentence = "cursor must be the `next` of an earlier page."
        raise Refused(sentence, [Fault("/cursor", sentence)]) from None


@view_config(route_name="api_close", request_method="POST", renderer="json", require_csrf=False)
def close(context: door.APIContext, request: Request) -> Any:
    """Close a billing cycle."""
    shelf = Shelf(request.db, "billing_cycle")
    cycle: BillingCycle = shelf.get(request.matchdict["external_id"])
    room = StaffRoom(request.db, context.tenant, "API")
    Outbox(request.db, context.tenant).close(cycle, room)
    return shelf.body_of(cycle)


@view_config(route_name="api_batches", request_method="POST", require_csrf=False)
def batch(context: door.APIContext, request: Request) -> Response:
    """Take many records, all or nothing unless ``partial=true``."""
    partial = _flag(request.GET.get("partial", "false"))
    incoming = _lines(door.body_of(request, door.LARGEST_BATCH))
    context.intake(request).take(incoming)
    refused = [one for one in incoming if one.faults]
    errors = [
        {"line": one.line, "pointer": fault.pointer, "detail": fault.sentence}
        for one in refused
        for fault in one.faults
    ]
    if refused and not partial:
        detail = f"{len(refused)} of {len(incoming)} lines are wrong; nothing was taken."
        return door.problem(422, "Not taken", detail, errors)
    return _result(incoming, errors)


def _result(incoming: Sequence[Incoming], errors: list[dict[str, Any]]) -> Response:
    counts = dict.fromkeys(("created", "updated", "unchanged", "refused"), 0)
    for one in incoming:
        counts["refused" if one.faults else one.outcome] += 1
    response = Response(json.dumps(counts | {"errors": errors}))
    response.content_type = "application/json"
    return response


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        sentence = "partial must be true or false."
        raise Refused(sentence, [Fault("/partial", sentence)])
    return text == "true"


def _lines(raw: bytes) -> list[Incoming]:
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise Refused("The batch is empty: send one JSON object a line.")
    if len(lines) > MOST_LINES:
        raise TooLarge(f"The batch has {len(lines):,} lines; send at most {MOST_LINES:,} at a time.")
    return [_line(number, line) for number, line in lines]


def _line(number: int, raw: bytes) -> Incoming:
    try:
        record = door.parse(raw)
    except Refused as error:
        return Incoming("", None, None, number, faults=error.faults)
    if not isinstance(record, dict):
        fault = Fault("", "must be a JSON object with kind, external_id and the record's fields.")
        return Incoming("", None, None, number, faults=[fault])
    kind, external_id = record.pop("kind", None), record.pop("external_id", None)
    return Incoming(kind if isinstance(kind, str) else "", external_id, record, number)


@view_config(route_name="api_accounts", request_method="GET", renderer="json", require_csrf=False)
def accounts(context: door.APIContext, request: Request) -> Any:
    """The imported Chart of Accounts."""
    return _list(context, request, ListKind.ACCOUNT)


@view_config(route_name="api_items", request_method="GET", renderer="json", require_csrf=False)
def items(context: door.APIContext, request: Request) -> Any:
    """The imported Items List."""
    return _list(context, request, ListKind.ITEM)


def _list(context: door.APIContext, request: Request, kind: ListKind) -> Any:
    chart = Chart(request.db, main_connection(request.db, context.tenant))
    return {
        "data": [
            {
                "name": entry.full_name,
                "number": entry.number,
                "type": entry.type,
                "account": entry.account,
                "active": entry.active,
            }
            for entry in chart.all(kind)
        ]
    }


@view_config(route_name="api_nowhere", require_csrf=False)
@view_config(route_name="api_record", require_csrf=False)
@view_config(route_name="api_records", require_csrf=False)
@view_config(route_name="api_close", require_csrf=False)
@view_config(route_name="api_batches", require_csrf=False)
@view_config(route_name="api_accounts", require_csrf=False)
@view_config(route_name="api_items", require_csrf=False)
def nowhere(context: door.APIContext, request: Request) -> Response:
    """An address or method that the contract does not have."""
    detail = f"There is no {request.method} {request.path}. The contract is at /api/docs."
    return door.problem(404, "Not found", detail)


@view_config(context=HubError, route_name="api_record", require_csrf=False)
@view_config(context=HubError, route_name="api_records", require_csrf=False)
@view_config(context=HubError, route_name="api_close", require_csrf=False)
@view_config(context=HubError, route_name="api_batches", require_csrf=False)
@view_config(context=HubError, route_name="api_accounts", require_csrf=False)
@view_config(context=HubError, route_name="api_items", require_csrf=False)
@view_config(context=HubError, route_name="api_nowhere", require_csrf=False)
def refused(error: HubError, request: Request) -> Response:
    """Say what is wrong, in the API's own form."""
    return door.of_error(error)
