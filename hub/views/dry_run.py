"""A dry run: what waits for approval, booked in a scratch company with the tenant's own chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from pyramid.view import view_config, view_defaults
from sqlalchemy import func, select

from hub.books.chart import Objection
from hub.books.models import BookedLine, ListEntry, ListKind
from hub.books.opening import Opening, opening
from hub.exporters.contract import Held, Outcome, Prepared
from hub.exporters.master_customers import master_customer
from hub.exporters.rehearsal import Rehearsal
from hub.money import ZERO
from hub.qbwc.entries import Entries, Stand, Standing
from hub.qbwc.qbxml import Request
from hub.sandbox.scratch import Account, Named, Result, Scratch, dry_run
from hub.security import Permission
from hub.views.journal import JournalOfTenant
from hub.views.page import whole

MOST = 100
"""How many entries are tried at a time."""


class Tried(NamedTuple):
    """One entry, and what came of trying it."""

    one: Standing
    is_booked: bool
    sentence: str


class Created(NamedTuple):
    """What the next run creates before all entries, and why QuickBooks would not."""

    title: str
    sentence: str


@view_defaults(
    route_name="journal_dry_run", renderer="hub:templates/dry_run.jinja2", permission=Permission.READ
)
class DryRunPage(JournalOfTenant):
    """What QuickBooks would say to the entries that wait, and what its accounts would show then."""

    @cached_property
    def rehearsal(self) -> Rehearsal:
        return Rehearsal(self.db, self.connection)

    @view_config(request_method="GET")
    def show(self) -> Any:
        if not self.has_entries:
            return self.done("There are no journal entries in this mode.", "journal")
        asked = self.request.GET.get("entry", "")
        ids = [whole(asked)] if asked else [entry.id for entry in self.journal.waiting()]
        entries = Entries(self.db, self.outbox, self.rehearsal)
        found = [one for one in entries.of(ids[:MOST]) if one.stand is not Stand.UNDONE]
        if not found:
            return self.done("No entry waits for approval, so there is nothing to try.", "journal")
        first = self.rehearsal.first([one.entry for one in found])
        outcomes = {str(one.entry.id): self.rehearsal.request(one.draft) for one in found}
        start = opening(self.db, self.connection)
        amended = self._amended(found)
        currencies = {str(one.entry.id): one.entry.currency for one in found}
        scratch = self._run({**first, **outcomes}, currencies, start, amended)
        said = {result.request_id: result for result in scratch.results}
        before = {row.account: row.balance + amended.get(row.account, ZERO) for row in scratch.before}
        after = {row.account: row.balance for row in scratch.after}
        return {
            "tried": [self._tried(one, outcomes[str(one.entry.id)], said) for one in found],
            "created": [Created(_title(one), _refusal(said[subject])) for subject, one in first.items()],
            "rows": [
                (account, was, balance - was, balance)
                for account, balance in after.items()
                if balance != (was := before.get(account, ZERO))
            ],
            "accounts": len(scratch.before),
            "total": sum(after.values(), ZERO),
            "total_before": sum(before.values(), ZERO),
            "opening": start,
            "balancing": scratch.balancing,
            "left": max(0, len(ids) - MOST),
            "foreign": sorted(
                {code for code in currencies.values() if not self.rehearsal.chart.is_home(code)}
            ),
        }

    @staticmethod
    def _tried(one: Standing, outcome: Outcome, said: Mapping[str, Result]) -> Tried:
        result = said.get(str(one.entry.id))
        if result is None:
            return Tried(one, False, _why(outcome))
        return Tried(one, not result.is_refused, _refusal(result))

    def _amended(self, found: Iterable[Standing]) -> Mapping[str, Decimal]:
        """Return what entries that are tried anew have on each account by now: they are tried without."""
        links = [one.link.id for one in found if one.link and not (one.link.missing or one.link.voided)]
        query = select(BookedLine.account, func.sum(BookedLine.amount))
        mine = query.where(BookedLine.link_id.in_(links)).group_by(BookedLine.account)
        return {row[0]: row[1] for row in self.db.execute(mine)} if links else {}

    def _run(
        self,
        outcomes: Mapping[str, Outcome],
        currencies: Mapping[str, str],
        start: Opening,
        amended: Mapping[str, Decimal],
    ) -> Scratch:
        chart = self.rehearsal.chart
        prepared = {id_: one for id_, one in outcomes.items() if isinstance(one, Prepared)}
        company = self.connection.company
        return dry_run(
            (
                _account(entry, chart.home, start, amended)
                for entry in chart.all(ListKind.ACCOUNT)
                if not entry.gone
            ),
            (_entry(entry) for entry in chart.all(ListKind.CLASS) if not entry.gone),
            self._customers(prepared, currencies),
            [Request(one.kind, id_, one.fields) for id_, one in prepared.items()],
            vendors=self._vendors(),
            currencies=(_entry(entry) for entry in chart.all(ListKind.CURRENCY)),
            preferences={
                "ClosingDate": company.get("closing_date") or "",
                "IsUsingClassTracking": bool(company.get("class_tracking")),
                "IsMultiCurrencyOn": bool(company.get("multi_currency")),
            },
        )

    def _customers(self, prepared: Mapping[str, Prepared], currencies: Mapping[str, str]) -> list[Named]:
        """Return the Master Customers that QuickBooks has, as lines of entries in ``currencies`` name
        them."""
        chart = self.rehearsal.chart
        named = {
            (line["EntityRef"]["ListID"], currencies[id_])
            for id_, one in prepared.items()
            for line in _lines(one)
            if "ListID" in line.get("EntityRef", ())
        }
        return [
            Named(
                master_customer(self.journal.policy, chart, currency),
                list_id,
                currency="" if chart.is_home(currency) else chart.currency(currency).full_name,
            )
            for list_id, currency in sorted(named)
        ]

    def _vendors(self) -> list[Named]:
        """Return the tax agency, where one is chosen."""
        with suppress(Objection):
            return [Named(self.rehearsal.chart.tax_agency())]
        return []


def _account(entry: ListEntry, home: str, start: Opening, amended: Mapping[str, Decimal]) -> Account:
    balance = start.balances.get(entry.list_id, ZERO)
    return Account(
        entry.full_name,
        entry.type,
        entry.number,
        entry.special,
        entry.list_id,
        entry.active,
        # A scratch company has a home currency of its own, which stands for the tenant's.
        "" if entry.currency == home else entry.currency,
        balance - amended.get(entry.full_name, ZERO),
    )


def _entry(entry: ListEntry) -> Named:
    return Named(entry.full_name, entry.list_id, entry.active)


def _lines(one: Prepared) -> Iterator[Mapping[str, Any]]:
    body = one.fields.get(one.kind, {})
    for side in ("JournalDebitLine", "JournalCreditLine", "JournalLineMod"):
        yield from body.get(side, ())


def _title(one: Prepared) -> str:
    """Return what an addition to a list adds: the account “Rounding”."""
    return f"the {one.kind.removesuffix('Add').lower()} “{one.fields[one.kind]['Name']}”"


def _refusal(result: Result) -> str:
    return f"{result.message} (code {result.code})" if result.is_refused else ""


def _why(outcome: Outcome) -> str:
    return outcome.sentence if isinstance(outcome, Held) else "There is nothing in it to book."
