"""One call of a Web Connector, with a ticket or for one: whose it is and what is under way, locked.

One statement, whatever is under way: a function of the database locks the connection and the
session, in this order, for as long as the call is answered, and reads all that most calls need.
What it reads becomes rows like any others; what else they hold is loaded where it is asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import make_transient_to_detached

from hub.books.models import Connection
from hub.db import Base, HubSession
from hub.qbwc.models import Message, Stage, SyncSession
from hub.security import digest
from hub.tenants.models import Mode, Tenant

EXPIRY = dt.timedelta(minutes=30)
"""A ticket ends after this much quiet: QuickBooks may think for minutes about one message
(protocol.md A.7), and nobody thinks longer."""


@dataclass
class Visit:
    """What a call finds."""

    session: SyncSession
    connection: Connection
    tenant: Tenant
    outstanding: Message | None
    """The message that may have reached QuickBooks and whose answer is not here."""
    operations: Sequence[Mapping[str, Any]]
    """What that message carries."""
    seconds: float | None
    """How long ago it went out, by the database's clock."""
    prepared: int | None
    """The next of the messages that were made ahead."""
    has_inbox: bool
    """A large answer is still to be taken in."""

    @property
    def is_over(self) -> bool:
        """Whether the session has ended: nothing more is sent in it."""
        return self.session.closed is not None or self.session.last_call < now() - EXPIRY


def now() -> dt.datetime:
    """Return this instant in UTC."""
    return dt.datetime.now(dt.UTC)


_SESSION = (
    *("started", "last_call", "closed", "greeted", "agenda", "imported", "booked", "refused"),
    *("planned", "messages", "preparing", "asked", "error"),
)
_VISIT = text("SELECT * FROM hub_visit(:digest)")
Row = TypeVar("Row", bound=Base)


def visit(db: HubSession, ticket: str) -> Visit | None:
    """Return what the call with ``ticket`` finds, and enter its tenant; nothing for a strange ticket."""
    found = db.execute(_VISIT, {"digest": digest(ticket)}).mappings().one_or_none()
    if found is None:
        return None
    db.entered(found["tenant_id"])
    owner = {"tenant_id": found["tenant_id"], "connection_id": found["connection_id"]}
    session = {name: found[name] for name in _SESSION} | owner | {"id": found["session_id"]}
    connection = {name: found[name] for name in ("tenant_id", "confirmed", "batch", "company")}
    outstanding = None
    if found["outstanding"] is not None:
        message = {name: found[name] for name in ("set_id", "sent_in", "known")} | owner
        message |= {"id": found["outstanding"], "stage": Stage.OUTSTANDING}
        outstanding = _row(db, Message, message)
    return Visit(
        _row(db, SyncSession, session),
        _row(db, Connection, connection | {"id": found["connection_id"]}),
        _row(db, Tenant, {"id": found["tenant_id"], "mode": Mode(found["mode"])}),
        outstanding,
        found["operations"] or (),
        found["seconds"],
        found["prepared"],
        found["has_inbox"],
    )


@dataclass
class Knock:
    """What a call for a ticket finds."""

    connection: Connection
    tenant: Tenant
    live: SyncSession | None
    """The session that has not ended."""
    has_work: bool
    has_held: bool
    """Some of that work is held, and its time to be looked at again has come."""


_CONNECTION = (
    *("tenant_id", "id", "confirmed", "company", "company_path", "imported", "import_wanted"),
    *("interval", "paused_until"),
)
_KNOCK = text("SELECT * FROM hub_knock(:tenant, :staff)")


def knock(db: HubSession, tenant_id: int, staff_id: int) -> Knock | None:
    """Return what the integration login finds, and enter its tenant; nothing where it has no connection."""
    values = {"tenant": tenant_id, "staff": staff_id}
    found = db.execute(_KNOCK, values).mappings().one_or_none()
    db.entered(tenant_id)
    if found is None:
        return None
    live = None
    if found["live"] is not None:
        session = {name: found[f"live_{name}"] for name in ("last_call", "address", "error")}
        session |= {"id": found["live"], "tenant_id": tenant_id, "connection_id": found["id"]}
        live = _row(db, SyncSession, session | {"closed": None})
    return Knock(
        _row(db, Connection, {name: found[name] for name in _CONNECTION}),
        _row(db, Tenant, {"id": tenant_id, "mode": Mode(found["mode"])}),
        live,
        found["has_work"],
        found["has_held"],
    )


def _row(db: HubSession, model: type[Row], values: Mapping[str, Any]) -> Row:
    """Return a row of which ``values`` are known, as if it had been loaded."""
    row = model()
    row.__dict__.update(values)
    make_transient_to_detached(row)
    db.add(row)
    return row
