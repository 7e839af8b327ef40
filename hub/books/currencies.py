"""QuickBooks' names of currencies, by their codes: ``Euro`` is EUR."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.models import Connection, ListEntry, ListKind


def currencies(db: Session, connection: Connection) -> Mapping[str, str]:
    """Return the name of each currency that the company file keeps, by code; nothing where it keeps just
    one."""
    if not connection.company.get("multi_currency"):
        return {}
    query = select(ListEntry.number, ListEntry.full_name).where(
        ListEntry.connection_id == connection.id, ListEntry.kind == ListKind.CURRENCY
    )
    return {row.number: row.full_name for row in db.execute(query)}
