"""One journal entry: what it says and ties to, what stands in its way, and where each line comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.books.chart import MONEY_IN
from hub.books.models import JournalEntry
from hub.books.subjects import labels
from hub.errors import Refused
from hub.exporters.drafts import uses_receivable
from hub.exporters.sources import Obstacle, Sources
from hub.ledger.models import BillingCycle, Purpose
from hub.ledger.register import Names
from hub.qbwc.entries import Stand, Standing
from hub.qbwc.models import Message, State
from hub.security import Permission
from hub.views import journal_files
from hub.views.files import attached
from hub.views.journal import EntryOfTenant, reason
from hub.views.page import whole


@dataclass(frozen=True)
class Cure:
    """The one button of a sentence that says what stands in the way."""

    sentence: str
    button: str = ""
    route: str = ""
    parts: dict[str, Any] = field(default_factory=dict)


_CURES = (
    ("Charges page", "Charges", "charges"),
    ("lock date", "Journal entry settings", "policy"),
    ("rounding limit", "Journal entry settings", "policy"),
    ("Accounts by purpose", "Choose the account", "accounts"),
    ("entries of their own", "Journal entry settings", "policy"),
    ("first open day", "Journal entry settings", "policy"),
    ("Integration Settings", "Choose the account", "accounts"),
    ("asked to create", "Review items queued", "queue"),
    ("has not been imported yet", "Download QWC file", "qwc"),
    ("does not use the currency", "Connection", "connection"),
    ("Multiple Currencies", "Connection", "connection"),
    ("Make it active there again", "Chart of Accounts", "lists"),
)
"""Words of a sentence, and where its cure is."""


@view_defaults(
    route_name="journal_entry", renderer="hub:templates/journal_entry.jinja2", permission=Permission.READ
)
class EntryPage(EntryOfTenant):
    """One journal entry: what it says, what it ties to, what stands in the way, what became of it."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        one = self.standing
        cycle = self.entry.billing_cycle_id
        related = self.entries.of([entry.id for entry in self.entries.related(self.entry)])
        return {
            "one": one,
            "entry": self.entry,
            "draft": one.draft,
            "Stand": Stand,
            "State": State,
            "cycle": self.db.get(BillingCycle, cycle) if cycle else None,
            "reason": reason(one, self.journal) if one.stand is Stand.WAITING else "",
            "cures": self._cures(one),
            "tie": self.tie(),
            "related": related,
            "policy": self.journal.policy,
            "message": self._message(one),
        }

    def _message(self, one: Standing) -> Message | None:
        """Return the message that carried it last."""
        sent = one.operation and one.operation.message_id
        return self.db.get(Message, sent) if sent else None

    def _cures(self, one: Standing) -> list[Cure]:
        """Return what stands in the way, each sentence with its button."""
        if not one.draft.problems:
            return []
        known = {
            obstacle.sentence: obstacle
            for obstacle in Sources(self.db, self.journal.exporter, one.entry).obstacles()
        }
        return [self._cure(sentence, known.get(sentence)) for sentence in one.draft.problems]

    def _cure(self, sentence: str, obstacle: Obstacle | None) -> Cure:
        if obstacle and "Charges page" in sentence and obstacle.charge_id:
            return Cure(sentence, "Map the charge", "charge", {"id": obstacle.charge_id})
        comes_by_itself = "imported" in sentence or "asked to create" in sentence
        if obstacle and obstacle.purpose is not Purpose.INCOME and not comes_by_itself:
            anchor = f"f-{self._choice(sentence, obstacle)}"
            return Cure(sentence, "Choose the account", "accounts", {"_anchor": anchor})
        for words, button, route in _CURES:
            if words in sentence:
                return Cure(sentence, button, route, {"kind": "accounts"} if route == "lists" else {})
        return Cure(sentence)

    def _choice(self, sentence: str, obstacle: Obstacle) -> str:
        """Return the field on the page Accounts by purpose that cures an obstacle."""
        chart = self.journal.exporter.chart
        foreign = "" if chart.is_home(self.entry.currency) else self.entry.currency
        if obstacle.purpose is Purpose.RECEIVABLE:
            is_receivable = foreign and uses_receivable(self.journal.policy)
            return f"{'receivable' if is_receivable else 'clearing'}.{foreign}"
        if f"for money in {foreign}" in sentence:
            return f"{MONEY_IN}.{foreign}"
        return f"{obstacle.purpose}.{obstacle.code}"

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def act(self) -> HTTPSeeOther:
        here = {"id": self.entry.id}
        try:
            if self.form["act"] == "withdraw":
                was = self.entry.approved is not None
                self.journal.withdraw(self.entry.id)
                sentence = (
                    f"The approval of {self.entry.number} is taken back. It waits for a new one."
                    if was
                    else f"{self.entry.number} is not approved."
                )
            else:
                sentence = self._approve()
        except Refused as error:
            return self.done(str(error), "journal_entry", **here)
        # Taken back, it may have joined another.
        if self.db.get(JournalEntry, here["id"]) is None:
            return self.done(sentence, "journal")
        return self.done(sentence, "journal_entry", **here)

    def _approve(self) -> str:
        """Approve it, and where it is not what was approved any more, as it is now."""
        if self.standing.is_stuck and self.standing.is_recallable:
            self.journal.withdraw(self.entry.id)
        return self.told(self.journal.approve([self.entry.id]))


@view_config(route_name="journal_file", request_method="GET", permission=Permission.READ)
class EntryFile(EntryOfTenant):
    """One journal entry as a file: CSV or PDF."""

    def __call__(self) -> Response:
        one, wanted = self.standing, self.request.matchdict["ending"]
        tie = self.tie()
        is_paper = wanted == "pdf"
        content = (
            journal_files.pdf(self.tenant, one, tie, self.now) if is_paper else journal_files.csv(one)
        )
        return attached(content, f"{one.entry.number}.{wanted}")


@view_defaults(
    route_name="journal_line", renderer="hub:templates/journal_line.jinja2", permission=Permission.READ
)
class LinePage(EntryOfTenant):
    """The postings behind one line of a journal entry."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        asked = self.request.GET
        account = asked.get("account", "").replace("\0", "")[:200]
        class_name = asked.get("class", "").replace("\0", "")[:200]
        tracks = bool(self.connection.company.get("class_tracking")) and "class" in asked
        charge_id = whole(asked["charge"]) if asked.get("charge") else None
        sources = Sources(self.db, self.journal.exporter, self.entry)
        rows, position, amount, many = sources.of_line(
            account, class_name if tracks else None, charge_id, self.before()
        )
        return {
            "one": self.standing,
            "entry": self.entry,
            "account": account,
            "class_name": class_name,
            "postings": rows,
            "amount": amount,
            "many": many,
            "labels": labels(self.db, {f"{row.kind}:{row.record_id}" for row in rows}),
            "customers": Names(self.db).of("customer", (row.customer_id for row in rows)),
            "charges": Names(self.db).of("charge", (row.charge_id for row in rows)),
            "query": {name: asked[name] for name in ("account", "class", "charge") if name in asked},
            "next": position,
            "before": self.before(),
        }
