"""Switching modes: the plan first, with a cut-over to choose, and one button that does it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.ledger.models import BillingCycle
from hub.money import plain
from hub.qbwc import modes
from hub.qbwc.switching import Plan, Switching, in_each
from hub.security import Permission
from hub.tenants.models import Mode
from hub.tenants.policies import policy_of
from hub.views import files
from hub.views.page import Page, refusal
from hub.views.policy import day

SHOWN = 500
"""How many customers of the opening position are listed."""
COLUMNS = ("date", "customer", "currency", "amount", "debit", "credit")
PLACES = {
    "booked": (
        "Stays where it is booked",
        "Never sent again. Later changes are made in the same place.",
    ),
    "finishing": (
        "Still finished in its journal entry",
        "Gathered, or approved and not sent yet. The entries go on as before, under Journal entries.",
    ),
    "anew": ("Goes in the new mode", "Dated from the cut-over on and not booked."),
    "behind": (
        "Stays behind: in neither mode",
        "Dated before the cut-over and not booked. It is never sent: let it be booked before you switch, or "
        "enter it in QuickBooks by hand. The proof lists it as “Before cut-over”.",
    ),
    "excluded": ("Excluded by a person", "It stays out in the new mode as well."),
}


class SwitchOfTenant(Page):
    """What the page and the file share."""

    @cached_property
    def switching(self) -> Switching:
        return Switching(self.db, self.tenant, self.connection, self.actor)

    @property
    def asked(self) -> str:
        """The cut-over that the address names."""
        return self.request.GET.get("cutover", "").strip()[:40]


@view_config(route_name="switch_file", request_method="GET", permission=Permission.READ)
class OpeningFile(SwitchOfTenant):
    """What to enter in QuickBooks for every customer, as CSV."""

    def __call__(self) -> Response:
        plan = self.switching.plan(day("cutover", self.asked))
        self.switching.check(plan)
        rows = (
            (
                plan.cutover,
                files.inert(one.customer),
                one.currency,
                plain(abs(one.amount)),
                *map(files.inert, plan.sides(one)),
            )
            for one in plan.owed
        )
        name = f"opening-position-{self.tenant.slug}-{plan.cutover}.csv"
        return files.attached(files.csv(COLUMNS, rows), name)


@view_defaults(route_name="switch", renderer="hub:templates/switch.jinja2", permission=Permission.READ)
class SwitchPage(SwitchOfTenant):
    """The plan for a cut-over, and the switch."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        if not modes.has_booked(self.db, self.connection):
            return self.done("Nothing is booked yet, so a mode is just chosen here.", "settings")
        return self._planned(self.asked)

    def _planned(self, typed: str, error: Refused | None = None) -> dict[str, Any]:
        """Return the page with the plan for the day that was typed, and what was wrong before."""
        plan = None
        try:
            plan = self.switching.plan(day("cutover", typed))
            self.switching.check(plan)
        except Refused as unfit:
            shown = self._shown(plan or self.switching.plan(None), typed)
            return self.again(shown | {"is_fit": False}, unfit)
        shown = self._shown(plan, str(plan.cutover))
        return self.again(shown, error) if error else shown

    def _shown(self, plan: Plan, typed: str) -> dict[str, Any]:
        return {
            "plan": plan,
            "typed": typed,
            "is_fit": True,
            "places": PLACES,
            "owed": plan.owed[:SHOWN],
            "more": len(plan.owed[SHOWN:]),
            "rest": in_each(plan.owed[SHOWN:]),
            "on_one_account": any(len(set(both)) == 1 for both in plan.accounts.values()),
            "master_customer": policy_of(self.db).master_customer,
            "to_full": plan.then is Mode.FULL,
            "objection": modes.objection(self.db, self.connection),
            "open_cycles": self.db.query(BillingCycle).filter_by(closed=None).count(),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def act(self) -> Any:
        try:
            wanted = self.form["mode"]
            if wanted not in set(Mode):
                raise refusal("mode", "Choose one of the two modes.")
            if self.tenant.mode == wanted:
                return self.done(f"{Mode(wanted).label} Mode is what you have already.", "settings")
            cutover = day("cutover", self.form["cutover"])
            if cutover is None:
                raise refusal("cutover", "Choose the first day of the new mode.")
            with self.db.begin_nested():
                plan = self.switching.switch(cutover, self.form["seen"])
        except Refused as error:
            self.db.refresh(self.tenant)
            return self._planned(self.request.POST.get("cutover", "").strip()[:40], error)
        return self.done(
            f"Switched: from {plan.cutover} on {plan.then.label} Mode. What was booked stays where it is.",
            "settings",
        )
