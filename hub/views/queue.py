"""Review items queued, and Previous history."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from hub.books.subjects import labels
from hub.errors import Refused
from hub.qbwc.desk import Desk
from hub.qbwc.models import State
from hub.security import Permission
from hub.views.page import Page, whole


@view_defaults(route_name="queue", renderer="hub:templates/queue.jinja2", permission=Permission.READ)
class QueuePage(Page):
    """Operations by state."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        desk = Desk(self.db, self.connection)
        wanted = self.request.GET.get("state", "")
        state = State(wanted) if wanted in set(State) else None
        operations, position = desk.operations(state, self.before())
        return {
            "State": State,
            "state": state,
            "counts": desk.counts(),
            "operations": operations,
            "labels": labels(self.db, [operation.subject for operation in operations]),
            "next": position,
            "before": self.before(),
        }


@view_defaults(route_name="operation", permission=Permission.CHANGE)
class OperationPage(Page):
    """One operation, tried again."""

    @view_config(request_method="POST")
    def retry(self) -> Any:
        desk = Desk(self.db, self.connection)
        operation = desk.get(whole(self.request.matchdict["id"]))
        label = labels(self.db, [operation.subject])[operation.subject]
        try:
            desk.again(operation, self.outbox)
        except Refused as error:
            return self.done(f"{label.title}: {error}", "queue")
        self.room.audit("tried again", record=label.title)
        if operation.state is State.HELD:
            return self.done(f"{label.title} is still held. {operation.note}", "queue")
        return self.done(
            f"{label.title} is queued again. It goes with the Web Connector's next run.", "queue"
        )

    @view_config(request_method="GET", permission=Permission.READ)
    def back(self) -> Any:
        return self.done("", "queue")


@view_defaults(route_name="history", renderer="hub:templates/history.jinja2", permission=Permission.READ)
class HistoryPage(Page):
    """Sync sessions, newest first."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        sessions, position = Desk(self.db, self.connection).sessions(self.before())
        return {
            "sessions": sessions,
            "connection": self.connection,
            "next": position,
            "before": self.before(),
        }
