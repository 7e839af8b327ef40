"""Journal entries: what gathers, what waits for approval and what is booked; many approved at once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from hub.books.models import Correction, JournalEntry
from hub.books.tieout import TieOut, tie_out
from hub.errors import Refused
from hub.qbwc.entries import Entries, Stand, Standing
from hub.qbwc.journal import Approved, Journal
from hub.security import Permission
from hub.tenants.models import LateChange, Mode
from hub.views.page import Page, whole


class JournalOfTenant(Page):
    """What all pages on journal entries share."""

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.db, self.outbox, self.room)

    @cached_property
    def entries(self) -> Entries:
        return Entries(self.db, self.outbox, self.journal.exporter)

    @property
    def has_entries(self) -> bool:
        """Whether there are journal entries: the mode makes them, or did before a switch."""
        return Mode.SUMMARY in self.modes

    def told(self, answer: Approved) -> str:
        """Say what came of an approval."""
        many = len(answer.entries)
        parts = []
        if many:
            names = ", ".join(entry.number for entry in answer.entries[:5])
            names += f" and {many - 5} more" if many > 5 else ""
            verb, go = ("are", "go") if many > 1 else ("is", "goes")
            parts.append(f"{names} {verb} approved and {go} with the Web Connector's next run.")
        if answer.left:
            parts.append(f"Not approved: {' '.join(answer.left[:5])}")
            if len(answer.left) > 5:
                parts.append(f"{len(answer.left) - 5} more could not be approved either.")
        return " ".join(parts) or "None of these waits for approval any more."


class EntryOfTenant(JournalOfTenant):
    """What all pages on one journal entry share."""

    @cached_property
    def standing(self) -> Standing:
        return self.entries.one(whole(self.request.matchdict["id"]))

    @property
    def entry(self) -> JournalEntry:
        return self.standing.entry

    def tie(self) -> TieOut | None:
        """What was undone, and what turns it round, ties to nothing: its records are elsewhere."""
        one = self.standing
        if one.stand is Stand.UNDONE or one.entry.correction is Correction.REVERSAL:
            return None
        return tie_out(self.db, one.entry, self.journal.policy.cutover)


@view_defaults(route_name="journal", renderer="hub:templates/journal.jinja2", permission=Permission.READ)
class JournalPage(JournalOfTenant):
    """All journal entries by where they stand, and many approved at once."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        if not self.has_entries:
            return {"is_full": True}
        wanted = self.request.GET.get("stand", "")
        stand = Stand(wanted) if wanted in set(Stand) else None
        found, position = self.entries.page(stand, self.before())
        return {
            "is_full": False,
            "Stand": Stand,
            "stand": stand,
            "counts": self.entries.counts(),
            "found": found,
            "waits": {one.entry.id: self._waits(one) for one in found},
            "policy": self.journal.policy,
            "connection": self.connection,
            "next": position,
            "before": self.before(),
        }

    def _waits(self, one: Standing) -> str:
        """Say what an entry that is not booked waits for."""
        if one.draft.problems:
            return " ".join(one.draft.problems)
        if one.stand is Stand.GATHERING:
            if one.entry.billing_cycle_id:
                return f"Takes what is billed until the billing cycle “{one.draft.cycle}” is closed."
            return f"Takes what is billed until {one.entry.date} is over."
        if one.stand is Stand.WAITING:
            return reason(one, self.journal)
        return ""

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def approve(self) -> HTTPSeeOther:
        ids = [whole(text) for text in self.request.POST.getall("entry")]
        if not ids:
            return self.done("Tick the entries that you approve first.", "journal", **self._seen())
        try:
            sentence = self.told(self.journal.approve(ids))
        except Refused as error:
            sentence = str(error)
        return self.done(sentence, "journal", **self._seen())

    def _seen(self) -> dict[str, Any]:
        """Return the part of the list that the person was looking at."""
        stand = self.form["stand"]
        return {"_query": {"stand": stand}} if stand in set(Stand) else {}


def reason(one: Standing, journal: Journal) -> str:
    """Say why an entry waits for a person although nothing is wrong with it."""
    policy = journal.policy
    if one.entry.correction is Correction.REPOST:
        return "Holds what was undone. It goes once you approve it."
    is_late = one.entry.correction is Correction.TRUE_UP
    if policy.late_change is LateChange.HOLD and is_late:
        return "Changed after its period was booked; you asked to look at such entries."
    if policy.approval_limit is not None and one.draft.debits > policy.approval_limit:
        return f"Comes to more than your approval limit of {policy.approval_limit:,.2f}."
    return "Look at it and approve it."
