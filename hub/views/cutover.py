"""The cut-over in Full Synchronization mode: counted and summed up before it is saved."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.qbwc import cutover
from hub.security import Permission
from hub.tenants.models import Mode
from hub.views.journal import JournalOfTenant
from hub.views.policy import cutover_day


@view_defaults(route_name="cutover", renderer="hub:templates/cutover.jinja2", permission=Permission.READ)
class CutoverPage(JournalOfTenant):
    """The day, what lies before it, and saving it."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        if self.tenant.mode is Mode.SUMMARY:
            return self.done("The cut-over date is one of the journal entry settings.", "policy")
        now = self.journal.policy.cutover
        return {"now": now, "typed": str(now or ""), "effect": None}

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def take(self) -> Any:
        shown = self.show()
        if self.tenant.mode is Mode.SUMMARY:
            return shown
        try:
            typed = self.form["cutover"]
            shown["typed"] = typed
            wanted = cutover_day(typed, self.now.date())
        except Refused as error:
            return self.again(shown, error)
        if self.form["step"] == "back":
            return shown
        if self.form["step"] == "save":
            changed = cutover.move(self.db, self.outbox, self.room, wanted)
            return self.done("Saved." if changed else "Nothing has changed.", "full_policy")
        before = self.journal.before(wanted) if wanted else []
        return shown | {"effect": {"cutover": wanted, "before": before}}
