"""Accounts that QuickBooks is asked to create."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from hub.books.models import Connection, Link, WantedAccount


def wanted(db: Session, connection: Connection) -> list[WantedAccount]:
    """Return the accounts that a person asked for and that were never created, oldest first."""
    subject = func.concat("wanted_account:", WantedAccount.id)
    created = exists().where(Link.connection_id == connection.id, Link.subject == subject)
    return list(db.scalars(select(WantedAccount).where(~created).order_by(WantedAccount.id)))
