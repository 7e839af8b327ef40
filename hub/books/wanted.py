"""Accounts that QuickBooks was asked to create and does not have yet, and the chart with them in it."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from hub.books.chart import Chart
from hub.books.models import Connection, Link, ListEntry, ListKind, WantedAccount


def wanted(db: Session, connection: Connection) -> list[WantedAccount]:
    """Return the accounts that a person asked for and that were never created, oldest first."""
    subject = func.concat("wanted_account:", WantedAccount.id)
    created = exists().where(Link.connection_id == connection.id, Link.subject == subject)
    return list(db.scalars(select(WantedAccount).where(~created).order_by(WantedAccount.id)))


class ComingChart(Chart):
    """The chart as it will be once QuickBooks has created what it was asked for."""

    def __init__(self, db: Session, connection: Connection):
        super().__init__(db, connection)
        asked = wanted(db, connection)
        self.coming = [one for one in asked if self.find(ListKind.ACCOUNT, one.name) is None]
        """What QuickBooks does not have yet. Its entries in the list have no ListID."""
        for one in self.coming:
            entry = ListEntry(kind=ListKind.ACCOUNT, list_id="", full_name=one.name, type=one.type)
            entry.number, entry.special, entry.currency = one.number, "", ""
            entry.active, entry.gone = True, False
            for name in filter(None, (one.number, one.name)):
                self._names[ListKind.ACCOUNT, name.casefold()] = entry
