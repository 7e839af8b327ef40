"""A tenant's connection to its company file."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.books.models import Connection
from hub.db import HubSession
from hub.tenants.models import Tenant

BATCH = 50
"""How many requests a message holds at first."""


def main_connection(db: HubSession, tenant: Tenant, lock: bool = False) -> Connection:
    """Return the tenant's connection, minting its FileID the first time it is asked for."""
    query = select(Connection)
    found = db.scalar(query.with_for_update() if lock else query)
    if found is None:
        values = {"file_id": uuid.uuid4(), "name": f"{tenant.name} ({tenant.slug})", "batch": BATCH}
        db.execute(insert(Connection).values(**values).on_conflict_do_nothing())
        found = db.scalars(query).one()
    return found


def confirm(connection: Connection) -> None:
    """Take the company that connected as the right one: from now on it may be written to."""
    connection.confirmed = dt.datetime.now(dt.UTC)
    connection.problem = None
