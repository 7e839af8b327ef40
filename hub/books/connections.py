"""A tenant's connection to its company file."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.books.models import Connection, Trouble
from hub.db import HubSession
from hub.tenants.models import Tenant

BATCH = 50
"""How many requests a message holds at first."""


def main_connection(db: HubSession, tenant: Tenant, lock: bool = False) -> Connection:
    """Return the tenant's connection, minting its FileID the first time it is asked for."""
    query = select(Connection)
    found = db.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        values = {"file_id": uuid.uuid4(), "name": f"{tenant.name} ({tenant.slug})", "batch": BATCH}
        db.execute(insert(Connection).values(**values).on_conflict_do_nothing())
        found = db.scalars(query).one()
    return found


def confirm(connection: Connection) -> None:
    """Take the company file that is open as the right one: from now on it may be written to.

    Where it is not the one confirmed before (``Trouble.MOVED``), it takes that one's place.
    """
    if connection.trouble is Trouble.MOVED:
        connection.company_name = connection.found["name"]
        connection.company_path = connection.found["path"]
        connection.found = {}
    path = connection.company_path or ""
    connection.paths = [*(known for known in connection.paths if known != path), path]
    connection.confirmed = dt.datetime.now(dt.UTC)
    connection.trouble = connection.problem = None
