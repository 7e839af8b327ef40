"""Journal entries as they would go once what is on its way to QuickBooks is there.

A missing Master Customer and the accounts that a person asked for are created by requests of their own,
at the beginning of the next run (``first``). A dry run carries these out first, and draws the entries as
if that had been done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from hub.books.chart import Chart
from hub.books.models import Connection, JournalEntry, ListEntry, ListKind
from hub.books.wanted import wanted
from hub.exporters.contract import Outcome, Prepared
from hub.exporters.master_customers import MasterCustomers
from hub.exporters.summary import SummaryExporter


class ComingChart(Chart):
    """The chart as it will be once QuickBooks has created what it was asked for."""

    def __init__(self, db: Session, connection: Connection):
        super().__init__(db, connection)
        asked = wanted(db, connection)
        self.coming = [one for one in asked if self.find(ListKind.ACCOUNT, one.name) is None]
        """What QuickBooks does not have yet. Its entries in the list have no ListID."""
        for one in self.coming:
            entry = ListEntry(kind=ListKind.ACCOUNT, list_id="", full_name=one.name, type=one.type)
            currency = self.find(ListKind.CURRENCY, one.currency) if one.currency else None
            entry.number, entry.special = one.number, ""
            entry.currency = currency.full_name if currency else ""
            entry.active, entry.gone = True, False
            free = [name for name in (one.number, one.name) if not self.find(ListKind.ACCOUNT, name)]
            for name in filter(None, free):
                self._names[ListKind.ACCOUNT, name.casefold()] = entry


class ComingMasterCustomers(MasterCustomers):
    """The Master Customers as they will be once the missing ones are created."""

    def reference(self, currency: str) -> Mapping[str, Any]:
        coming = {} if self.clash(currency) else {"FullName": self.called(currency)}
        return super().reference(currency) or coming


class Rehearsal(SummaryExporter):
    """Writes entries that refer by name to what QuickBooks does not have yet."""

    def first(self, entries: Iterable[JournalEntry]) -> Mapping[str, Prepared]:
        """Return the requests that the next run begins with where ``entries`` go, by their subjects."""
        usual = SummaryExporter(self._db, self._connection)
        subjects = [f"wanted_account:{one.id}" for one in self.chart.coming]
        subjects += [errand.subject for errand in usual.beforehand(entries)]
        found: Mapping[str, Outcome] = usual.prepare(subjects, send=False)
        return {subject: one for subject, one in found.items() if isinstance(one, Prepared)}

    @cached_property
    def chart(self) -> ComingChart:
        return ComingChart(self._db, self._connection)

    def _master_customers(self) -> MasterCustomers:
        return ComingMasterCustomers(self._db, self._connection, self.policy, self.chart)

    def _said(self, line: Any, currency: str) -> dict[str, Any]:
        said = super()._said(line, currency)
        account = self.chart.find(ListKind.ACCOUNT, line.account)
        if account is not None and not account.list_id:
            said["AccountRef"] = {"FullName": account.full_name}
        return said
