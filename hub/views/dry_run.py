"""A dry run: what waits for approval, booked in a scratch company with the tenant's own chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pyramid.view import view_config, view_defaults

from hub.books.models import ListEntry, ListKind
from hub.exporters.contract import Held, Outcome, Prepared
from hub.money import ZERO
from hub.qbwc.entries import Stand, Standing
from hub.qbwc.qbxml import Request
from hub.sandbox.scratch import Account, Named, Scratch, dry_run
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


@view_defaults(
    route_name="journal_dry_run", renderer="hub:templates/dry_run.jinja2", permission=Permission.READ
)
class DryRunPage(JournalOfTenant):
    """What QuickBooks would say to the entries that wait, and what its accounts would show then."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        if not self.has_entries:
            return self.done("There are no journal entries in this mode.", "journal")
        asked = self.request.GET.get("entry", "")
        ids = [whole(asked)] if asked else [entry.id for entry in self.journal.waiting()]
        found = [one for one in self.entries.of(ids[:MOST]) if one.stand is not Stand.UNDONE]
        if not found:
            return self.done("No entry waits for approval, so there is nothing to try.", "journal")
        exporter = self.journal.exporter
        outcomes = {one.entry.id: exporter.request(one.draft) for one in found}
        scratch = self._run(outcomes)
        said = {result.request_id: result for result in scratch.results}
        tried = []
        for one in found:
            result = said.get(str(one.entry.id))
            if result:
                sentence = f"{result.message} (code {result.code})" if result.is_refused else ""
                tried.append(Tried(one, not result.is_refused, sentence))
            else:
                tried.append(Tried(one, False, _why(outcomes[one.entry.id])))
        before = {row.account: row.balance for row in scratch.before}
        after = {row.account: row.balance for row in scratch.after}
        return {
            "tried": tried,
            "rows": [
                (row.account, before.get(row.account, ZERO), row.balance, after[row.account])
                for row in scratch.moved
            ],
            "accounts": len(scratch.after),
            "total": sum(after.values(), ZERO),
            "left": max(0, len(ids) - MOST),
        }

    def _run(self, outcomes: Mapping[int, Outcome]) -> Scratch:
        chart = self.journal.exporter.chart
        prepared = {id_: one for id_, one in outcomes.items() if isinstance(one, Prepared)}
        customer = self.journal.policy.master_customer
        company = self.connection.company
        return dry_run(
            map(_account, chart.all(ListKind.ACCOUNT)),
            (Named(entry.full_name, entry.list_id, entry.active) for entry in chart.all(ListKind.CLASS)),
            (Named(customer, list_id) for list_id in _named(prepared.values(), "ListID")),
            [Request(one.kind, str(id_), one.fields) for id_, one in prepared.items()],
            vendors=map(Named, _named(prepared.values(), "FullName")),
            preferences={
                "ClosingDate": company.get("closing_date") or "",
                "IsUsingClassTracking": bool(company.get("class_tracking")),
            },
        )


def _account(entry: ListEntry) -> Account:
    return Account(entry.full_name, entry.type, entry.number, entry.special, entry.list_id, entry.active)


def _named(prepared: Iterable[Prepared], by: str) -> list[str]:
    """Return how lines name somebody: the Master Customer by ListID, a tax agency by FullName."""
    entities = (line["EntityRef"] for line in _lines(prepared) if "EntityRef" in line)
    return sorted({entity[by] for entity in entities if by in entity})


def _lines(prepared: Iterable[Prepared]) -> Iterator[Mapping[str, Any]]:
    for one in prepared:
        body = one.fields.get(one.kind, {})
        for side in ("JournalDebitLine", "JournalCreditLine", "JournalLineMod"):
            yield from body.get(side, ())


def _why(outcome: Outcome) -> str:
    return outcome.sentence if isinstance(outcome, Held) else "There is nothing in it to book."
