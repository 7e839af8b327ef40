"""Billing cycles: what each billed, and closing it."""

from __future__ import annotations

import secrets
from typing import Any

from pyramid.view import view_config, view_defaults

from hub.errors import Conflict, Refused
from hub.ledger.models import BillingCycle
from hub.ledger.register import Register, cycle_totals
from hub.qbwc.entries import Stand
from hub.security import Permission
from hub.tenants.models import Approval
from hub.views.journal import JournalOfTenant
from hub.views.page import refusal, whole

_FIELDS = ("external_id", "name", "starts", "ends")


@view_defaults(route_name="cycles", renderer="hub:templates/cycles.jinja2", permission=Permission.READ)
class CyclesPage(JournalOfTenant):
    """All billing cycles, newest first, and a form for a new one."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        empty = dict.fromkeys(_FIELDS, "")
        return self._shown(empty | {"external_id": f"cycle-{secrets.token_hex(3)}"})

    def _shown(self, typed: dict[str, str]) -> dict[str, Any]:
        cycles, position = Register(self.db, "billing_cycle").page(before=self.before())
        ids = [cycle.id for cycle in cycles]
        return {
            "typed": typed,
            "cycles": cycles,
            "totals": cycle_totals(self.db, cycles),
            "entries": self.entries.of_cycles(ids) if self.has_entries else {},
            "Stand": Stand,
            "next": position,
            "before": self.before(),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def create(self) -> Any:
        typed = self.form.typed(*_FIELDS)
        try:
            external_id = self.form.text("external_id", 100)
            body = {name: self.form[name] for name in ("name", "starts", "ends")} | {"version": 1}
            if not body["name"]:
                raise refusal("name", "Give the billing cycle a name.")
            taken = self.intake.take_one("billing_cycle", external_id, body)
        except Conflict:
            sentence = "There is a billing cycle with this id already. Choose another id."
            return self.again(self._shown(typed), refusal("external_id", sentence))
        except Refused as error:
            return self.again(self._shown(typed), error)
        if taken.outcome == "created":
            self.room.audit("billing cycle created", cycle=external_id)
        return self.done(f"The billing cycle “{taken.record.name}” is saved.", "cycles")


@view_defaults(
    route_name="cycle_close", renderer="hub:templates/cycle_close.jinja2", permission=Permission.CHANGE
)
class CloseCyclePage(JournalOfTenant):
    """The question before a billing cycle is closed, and its answer."""

    def _cycle(self) -> BillingCycle:
        found = Register(self.db, "billing_cycle").get(whole(self.request.matchdict["id"]))
        cycle: BillingCycle = found
        return cycle

    @view_config(request_method="GET")
    def ask(self) -> Any:
        cycle = self._cycle()
        if cycle.closed:
            return self.done(f"“{cycle.name}” is closed already.", "cycles")
        found = self.entries.of_cycles([cycle.id])[cycle.id] if self.has_entries else []
        return {
            "cycle": cycle,
            "totals": cycle_totals(self.db, [cycle])[cycle.id],
            "found": [one for one in found if one.stand is Stand.GATHERING],
            "approval": self.journal.policy.approval,
            "Approval": Approval,
            "policy": self.journal.policy,
        }

    @view_config(request_method="POST")
    def close(self) -> Any:
        cycle = self._cycle()
        self.outbox.close(cycle, self.room)
        found = self.entries.of_cycles([cycle.id])[cycle.id] if self.has_entries else []
        many = sum(one.stand is Stand.WAITING for one in found)
        if not many:
            return self.done(f"“{cycle.name}” is closed.", "cycles")
        wait = "journal entry waits" if many == 1 else "journal entries wait"
        sentence = f"“{cycle.name}” is closed. {many} {wait} for your approval."
        return self.done(sentence, "journal", _query={"stand": Stand.WAITING.value})
