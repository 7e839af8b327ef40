"""Previous history: every run of the Web Connector, its messages, and their very texts."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.books.subjects import labels
from hub.qbwc.desk import Desk
from hub.qbwc.models import Stage
from hub.qbwc.pulse import INTERRUPTED, anchor
from hub.security import Permission
from hub.views.page import Page, whole

STAGES = {
    Stage.PREPARED: ("quiet", "Made ready, not sent"),
    Stage.OUTSTANDING: ("attention", "No answer yet"),
    Stage.ANSWERED: ("good", "Answered"),
    Stage.LOST: ("attention", "Forgotten by QuickBooks, looked up record by record"),
    Stage.UNREADABLE: ("bad", "QuickBooks could not read it"),
}
"""The tone and words of each stage."""


@view_defaults(route_name="history", renderer="hub:templates/history.jinja2", permission=Permission.READ)
class HistoryPage(Page):
    """Sync sessions, newest first."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        sessions, position = Desk(self.db, self.connection).sessions(self.before())
        return {
            "sessions": sessions,
            "connection": self.connection,
            "quiet_since": self.now - INTERRUPTED,
            "next": position,
            "before": self.before(),
        }


@view_defaults(route_name="session", renderer="hub:templates/session.jinja2", permission=Permission.READ)
class SessionPage(Page):
    """One run, and the messages that went out in it."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        desk = Desk(self.db, self.connection)
        session = desk.session(whole(self.request.matchdict["id"]))
        messages, position = desk.messages(session, self.before())
        return {
            "session": session,
            "connection": self.connection,
            "messages": messages,
            "kept": self.kept,
            "stages": STAGES,
            "anchor": anchor,
            "quiet_since": self.now - INTERRUPTED,
            "next": position,
            "before": self.before(),
        }


@view_defaults(route_name="carried", renderer="hub:templates/carried.jinja2", permission=Permission.READ)
class CarriedPage(Page):
    """The records that one run has carried."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        desk = Desk(self.db, self.connection)
        session = desk.session(whole(self.request.matchdict["id"]))
        operations, position = desk.carried(session, self.before())
        return {
            "session": session,
            "operations": operations,
            "labels": labels(self.db, [operation.subject for operation in operations]),
            "anchor": anchor,
            "next": position,
            "before": self.before(),
        }


@view_config(route_name="message", request_method="GET", permission=Permission.READ)
class MessageText(Page):
    """The text of one message, or of its answer, as it went over the wire."""

    def __call__(self) -> Response:
        part = self.request.matchdict["part"]
        message = Desk(self.db, self.connection).message(whole(self.request.matchdict["id"]))
        text = {"request": message.text, "answer": message.answer}.get(part)
        if text is None:
            raise HTTPNotFound
        if not message.text:
            text = self.kept
        # As plain text: what comes from outside is shown and never run.
        return Response(text, content_type="text/plain", charset="utf-8")
