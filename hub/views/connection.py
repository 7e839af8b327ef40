"""The connection: how it is doing, which company file is the right one, and when it rests."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from hub.books.connections import main_connection
from hub.books.models import Trouble
from hub.errors import Refused
from hub.qbwc import decisions
from hub.qbwc.decisions import Decisions, Place
from hub.qbwc.desk import Desk
from hub.qbwc.pulse import anchor, pulse, spoken
from hub.qbwc.refusals import Refusals, title
from hub.security import Permission
from hub.views.page import Page


@view_defaults(renderer="hub:templates/connection.jinja2", permission=Permission.CHANGE)
class ConnectionPage(Page):
    """One connection, and what a person decides about it."""

    @view_config(route_name="connection", request_method="GET", permission=Permission.READ)
    def show(self) -> dict[str, Any]:
        connection = self.connection
        until = connection.paused_until
        is_paused = until is not None and until > self.now
        last = Desk(self.db, connection).last_session()
        return {
            "connection": connection,
            "last": last,
            "login": self.integration.login(),
            "pulse": pulse(connection, last, self.now),
            "refusals": Refusals(self.db, connection),
            "called": title,
            "anchor": anchor,
            "waiting": decisions.waiting(connection),
            "known": Place(connection.company_name or "", connection.company_path or ""),
            "is_moved": connection.trouble is Trouble.MOVED,
            "is_wrong": connection.trouble is Trouble.WRONG_FILE,
            "is_paused": is_paused,
            "typed": {
                "until": until.strftime("%Y-%m-%dT%H:%M") if until and is_paused else "",
                "reason": "",
                "minutes": str(connection.interval // 60) if connection.interval else "",
            },
        }

    @view_config(route_name="company", request_method="POST")
    def decide(self) -> Any:
        """Confirm the company file that was shown, leave it alone as a copy, or look for it anew."""
        # The Web Connector's path and name are shown as they came, blanks around them too.
        seen = Place(*self.form.typed("name", "path").values())
        try:
            answer = self.form["answer"]
            if answer == "forget":
                self._decisions().forget(seen)
                return self._done(
                    "Open the company file in QuickBooks. The next run reads it and asks you here "
                    "whether it is the right one."
                )
            if answer == "copy":
                self._decisions().leave(seen)
                return self._done(
                    f"“{seen.name}” is left alone. Open the right company file in QuickBooks; the next "
                    "run goes on with it."
                )
            self._decisions().confirm(seen)
        except Refused as error:
            return self._done(str(error))
        return self._done(
            f"“{seen.name}” is confirmed. What is ready goes with the Web Connector's next run."
        )

    @view_config(route_name="pause", request_method="POST")
    def pause(self) -> Any:
        try:
            until = decisions.moment(self.form["until"])
            changed = self._decisions().pause(until, self.form["reason"])
        except Refused as error:
            return self._again(error, "until", "reason")
        if not changed:
            return self._done("Nothing has changed.")
        if until is None:
            return self._done("The connection goes on with the Web Connector's next run.")
        return self._done(
            f"Paused until {spoken(until)}. A run that is under way is still finished; what is billed "
            "meanwhile waits."
        )

    @view_config(route_name="interval", request_method="POST")
    def space(self) -> Any:
        try:
            changed = self._decisions().space(decisions.minutes(self.form["minutes"]))
        except Refused as error:
            return self._again(error, "minutes")
        return self._done(
            "Saved. The Web Connector is told at its next run." if changed else "Nothing has changed."
        )

    @view_config(route_name="company", request_method="GET", permission=Permission.READ)
    @view_config(route_name="pause", request_method="GET", permission=Permission.READ)
    @view_config(route_name="interval", request_method="GET", permission=Permission.READ)
    def back(self) -> Any:
        return self._done("")

    def _decisions(self) -> Decisions:
        # The Web Connector may be changing the same row.
        connection = main_connection(self.db, self.tenant, lock=True)
        return Decisions(self.db, self.tenant, connection, self.actor)

    def _done(self, sentence: str) -> HTTPSeeOther:
        return self.done(sentence, "connection")

    def _again(self, error: Refused, *fields: str) -> dict[str, Any]:
        shown = self.show()
        return self.again({**shown, "typed": shown["typed"] | self.form.typed(*fields)}, error)
