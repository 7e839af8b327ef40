"""The API's front: who knocks, how large what they bring may be, and how refusals read."""

from __future__ import annotations

import json
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
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        where = (
            f"line {error.lineno}, column {error.colno}: "
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        sentence = f"This is not JSON ({where}{_reason(error)})."
        raise Refused(sentence, [Fault(pointer, sentence)]) from None
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "nested too deep" if isinstance(error, RecursionError) else "not UTF-8 text"


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
