"""Integration Settings: the mode, and the connection in short."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.exporters.preview import Preview
from hub.qbwc import modes
from hub.qbwc.desk import Desk
from hub.qbwc.entries import Stand
from hub.qbwc.models import State
from hub.qbwc.pulse import pulse
from hub.security import Permission
from hub.tenants.models import Mode
from hub.views.journal import JournalOfTenant
from hub.views.page import Page, refusal


@view_defaults(
    route_name="integration", renderer="hub:templates/integration.jinja2", permission=Permission.READ
)
class IntegrationPage(JournalOfTenant):
    """Accounting/ERP Integration: the way to all of its pages."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        desk = Desk(self.db, self.connection)
        return {
            "pulse": pulse(self.connection, desk.last_session(), self.now),
            "counts": desk.counts(),
            "State": State,
            "connection": self.connection,
            "waiting": self.entries.counts()[Stand.WAITING],
        }


@view_defaults(
    route_name="settings", renderer="hub:templates/settings.jinja2", permission=Permission.READ
)
class SettingsPage(Page):
    """The two modes side by side, and the connection in short."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        preview = Preview(self.db, self.connection)
        return {
            "Mode": Mode,
            "chosen": self.tenant.mode,
            "summary": preview.summary(),
            "full": preview.full(),
            "objection": modes.objection(self.db, self.connection),
            "has_booked": modes.has_booked(self.db, self.connection),
            "connection": self.connection,
            "pulse": pulse(self.connection, Desk(self.db, self.connection).last_session(), self.now),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def choose(self) -> Any:
        try:
            wanted = self.form["mode"]
            if wanted not in set(Mode):
                raise refusal("mode", "Choose one of the two modes.")
            is_other = self.tenant.mode != wanted
            if is_other and modes.has_booked(self.db, self.connection):
                return self.done("", "switch")
            changed = modes.change(self.db, self.tenant, Mode(wanted), self.actor)
        except Refused as error:
            return self.again(self.show(), error)
        return self.done(
            f"Saved: {Mode(wanted).label} Mode. Everything is planned anew for it."
            if changed
            else f"{Mode(wanted).label} Mode is what you have already.",
            "settings",
        )
