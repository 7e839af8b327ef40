"""The API's front: who knocks, how large what they bring may be, and how refusals read."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import text

from hub.errors import Conflict, Fault, HubError, NotFound, Refused, TooLarge
from hub.ledger.intake import Intake
from hub.qbwc.outbox import Outbox
from hub.security import digest
from hub.tenants.models import Tenant

LARGEST_RECORD = 2 * 1024 * 1024
LARGEST_BATCH = 32 * 1024 * 1024
DEEPEST = 20
"""How deep JSON may be nested; no record needs more than three levels."""


class Unauthorized(HubError):
    """No token, or one that is not in force."""


class APIContext:
    """The tenant whose token came with the request."""

    def __init__(self, request: Request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("Send the tenant's API token as “Authorization: Bearer …”.")
        query = text("SELECT tenant_id FROM hub_token(:digest)")
        tenant_id = request.db.execute(query, {"digest": digest(token.strip())}).scalar()
        if tenant_id is None:
            raise Unauthorized("This API token is not in force. Make a new one on the Staff page.")
        request.db.enter(tenant_id)
        self.tenant = request.db.get_one(Tenant, tenant_id)

    def intake(self, request: Request) -> Intake:
        """Return the way into this tenant's ledger."""
        return Intake(request.db, self.tenant, Outbox(request.db, self.tenant))


def body_of(request: Request, limit: int) -> bytes:
    """Return the request's body.

    :raises TooLarge: when it is longer than ``limit`` bytes.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge(
            f"The body has {request.content_length:,} bytes; this door takes {limit:,}. Send less at a time."
        )
    body: bytes = request.body
    return body


def parse(raw: bytes | str, pointer: str = "") -> Any:
    """Read one JSON value.

    :raises Refused: when it is not JSON.
    """
    try:
        value = json.loads(raw, object_pairs_hook=_object, parse_constant=_no_number)
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        sentence = f"This is not JSON that can be taken: {_reason(error)}."
        raise Refused(sentence, [Fault(pointer, sentence)]) from None
    return value


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"line {error.lineno}, column {error.colno}: {error.msg}"
        case UnicodeDecodeError():
            return "it is not UTF-8 text"
        case RecursionError():
            return f"it is nested deeper than {DEEPEST} levels"
        case _Unfit():
            return str(error)
    return "it holds a number of too many digits"


class _Unfit(ValueError):
    """JSON that a reader may take in more than one way, or not at all."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a field that stands twice nobody knows which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = (Counter(name for name, _ in pairs) - Counter(list(found))).popitem()
        raise _Unfit(f"the field “{twice[:60]}” stands twice")
    return found


def _no_number(constant: str) -> None:
    raise _Unfit(f"{constant} is not a number of JSON")


def _check_depth(value: Any, left: int = DEEPEST) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise RecursionError
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def problem(
    status: int, title: str, detail: str, errors: list[dict[str, Any]] | None = None
) -> Response:
    """Return an error as ``application/problem+json`` (RFC 9457)."""
    shown: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        shown["errors"] = errors
    response = Response(json.dumps(shown), status=status)
    response.content_type = "application/problem+json"
    response.charset = None
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def of_error(error: HubError) -> Response:
    """Return the problem that ``error`` is."""
    errors = [{"pointer": f.pointer, "detail": f.sentence} for f in getattr(error, "faults", ())]
    for kind, status, title in (
        (Unauthorized, 401, "Not signed in"),
        (NotFound, 404, "Not found"),
        (TooLarge, 413, "Too large"),
        (Conflict, 409, "Version conflict"),
        (Refused, 422, "Not taken"),
    ):
        if isinstance(error, kind):
            return problem(status, title, str(error), errors)
    return problem(400, "Not taken", str(error), errors)
