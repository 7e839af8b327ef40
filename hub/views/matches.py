"""Customer matches: which of QuickBooks' customers is whose, where the hub does not know."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.exporters.matches import ASKED, MOST, Matches
from hub.exporters.standing import Stand
from hub.ledger.models import Customer
from hub.security import Permission
from hub.tenants.models import Mode
from hub.views.page import Page, whole

LABELS = {
    Stand.PROPOSED: "Proposed",
    Stand.AMBIGUOUS: "Ambiguous",
    Stand.MISSING: "Missing",
    Stand.NAME: "Name in the way",
}


@view_defaults(route_name="matches", renderer="hub:templates/matches.jinja2", permission=Permission.READ)
class MatchesPage(Page):
    """Customers who wait for a word, each with what QuickBooks has."""

    @cached_property
    def matches(self) -> Matches:
        return Matches(self.db, self.connection)

    @property
    def is_used(self) -> bool:
        """Whether the tenant has customers of its own in QuickBooks."""
        return Mode.FULL in self.modes

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        if not self.is_used:
            return {"is_used": False}
        wanted = (self.request.GET or self.request.POST).get("stand", "")
        stand = Stand(wanted) if wanted in set(ASKED) else None
        counts = self.matches.counts()
        rows, position = self.matches.page(stand, self.before())
        sought = self.request.GET.get("find", "").strip()[:100]
        return {
            "is_used": True,
            "stand": stand,
            "labels": LABELS,
            "counts": counts,
            "asked": sum(counts[one] for one in ASKED),
            "settled": counts[Stand.LINK] + counts[Stand.ADD],
            "is_cut": counts.total() >= MOST,
            "most": MOST,
            "rows": rows,
            "next": position,
            "before": self.before(),
            "find": sought,
            "found": self.matches.found(sought) if sought else [],
            "typed": {},
            "connection": self.connection,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def decide(self) -> Any:
        wish, similar = self.form["do"], self.form.flag("similar")
        try:
            customer = self.matches.customer(whole(self.form["customer"]))
            if wish == "link":
                settled = self.matches.link(customer, self.form["list_id"], similar)
                done = "linked"
            elif wish == "create":
                settled = self.matches.create(customer, self.form["name"], similar)
                done = "created with the next run"
            else:
                raise Refused("Press Link or Create.")
        except Refused as error:
            if not self.is_used:
                raise
            typed = {"customer": self.form["customer"], "name": self.form["name"]}
            return self.again(self.show() | {"typed": typed}, error)
        self._settled(settled, f"customer {'linked' if wish == 'link' else 'to be created'}")
        others = f" and {len(settled) - 1:,} similar" if len(settled) > 1 else ""
        verb = "are" if len(settled) > 1 else "is"
        stand = self.form["stand"]
        return self.done(
            f"{customer.name}{others} {verb} {done}. What was held for it has been looked at again.",
            "matches",
            **({"_query": {"stand": stand}} if stand in set(ASKED) else {}),
        )

    def _settled(self, customers: Sequence[Customer], action: str) -> None:
        for one in customers[:20]:
            self.room.audit(action, customer=one.external_id, name=one.name)
        if len(customers) > 20:
            self.room.audit(action, more=f"{len(customers) - 20:,} similar")
        self.outbox.put(self.outbox.exporter.recorded("customer", customers))
        self.outbox.review()
