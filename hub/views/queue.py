"""Review items queued: what goes to QuickBooks, what stands in the way, and trying again."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from hub.books.changes import side_by_side
from hub.books.subjects import Label, labels
from hub.errors import Refused
from hub.qbwc import desk
from hub.qbwc.desk import Desk, Tally
from hub.qbwc.models import Operation, State
from hub.qbwc.pulse import anchor
from hub.qbwc.rulings import WAITING, Rulings
from hub.security import Permission
from hub.views.page import Page, whole


class PageOfQueue(Page):
    """What both pages on many operations share."""

    def ticked(self) -> list[int]:
        """Return the ids of the operations that were ticked.

        :raises Refused: when none was.
        """
        ids = [whole(text) for text in self.request.POST.getall("operation")]
        if not ids:
            raise Refused("Tick the records in the list first.")
        return ids

    @property
    def state(self) -> str:
        """The state that the person was looking at, if it was one."""
        return self.form["state"] if self.form["state"] in set(State) else ""

    @property
    def cause(self) -> str:
        """The cause whose records the person has ticked some of; one whose records all go is seen no more."""
        is_ticked = self.state in desk.STUCK and self.form["which"] != "all"
        return self.form["cause"][:40] if is_ticked else ""

    def back(self, sentence: str) -> HTTPSeeOther:
        """Go on to the part of the queue that the person was looking at, which says ``sentence``."""
        seen = {name: value for name, value in (("state", self.state), ("cause", self.cause)) if value}
        return self.done(sentence.strip(), "queue", **({"_query": seen} if seen else {}))


@view_defaults(route_name="queue", renderer="hub:templates/queue.jinja2", permission=Permission.READ)
class QueuePage(PageOfQueue):
    """Operations by state, and many tried again at once."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        found = Desk(self.db, self.connection)
        wanted = self.request.GET.get("state", "")
        state = State(wanted) if wanted in set(State) else None
        asked = self.request.GET.get("cause", "")
        causes = found.causes(state, asked) if state in desk.STUCK else []
        # Of one that has no more records, all of the state are shown.
        cause = next((one for one in causes if one.key == asked), None)
        operations, position = found.operations(state, self.before(), cause.key if cause else "")
        return {
            "State": State,
            "state": state,
            "counts": found.counts(),
            "causes": causes,
            "cause": cause,
            "most": desk.MOST,
            "can_retry": state in desk.STUCK,
            "can_exclude": state in WAITING,
            "can_include": state is State.EXCLUDED,
            "operations": operations,
            "now": self.now,
            "anchor": anchor,
            "labels": labels(self.db, [operation.subject for operation in operations]),
            "next": position,
            "before": self.before(),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def retry(self) -> Any:
        found = Desk(self.db, self.connection)
        state, cause = self.form["state"], self.form["cause"]
        if self.form["which"] == "all" and state in set(desk.STUCK) and cause:
            tally = found.again_all(State(state), cause, self.outbox)
        else:
            try:
                tally = found.again_chosen(self.ticked(), self.outbox)
            except Refused as error:
                return self.back(str(error))
        if tally.many:
            self.room.audit("tried again", records=str(tally.many))
        return self.back(_told(tally))


def _told(tally: Tally) -> str:
    if not tally.many:
        return "None of these waits for you any more: they are queued, or booked, already."
    parts = [
        f"{number:,} {words}"
        for number, words in (
            (tally.queued, "queued again"),
            (tally.asked, "to be looked for in QuickBooks first"),
            (tally.held, "still held"),
        )
        if number
    ]
    left = f" {tally.left:,} more wait for the same reason: press again for them." if tally.left else ""
    return f"{', '.join(parts)}. What is queued goes with the Web Connector's next run.{left}"


@view_defaults(route_name="operation", renderer="hub:templates/operation.jinja2")
class OperationPage(Page):
    """One operation: what was sent, what QuickBooks said, and trying again."""

    @view_config(request_method="GET", permission=Permission.READ)
    def show(self) -> dict[str, Any]:
        found = Desk(self.db, self.connection)
        operation = found.get(whole(self.request.matchdict["id"]))
        rulings = Rulings(self.db, self.connection, self.actor)
        link = rulings.link(operation)
        dependants = rulings.dependants([operation]) if operation.state in WAITING else []
        return {
            "State": State,
            "operation": operation,
            "can_exclude": operation.state in WAITING,
            "can_keep": link is not None and operation.state in desk.STUCK,
            "differences": side_by_side(link) if link else [],
            "dependants": dependants,
            "dependant_labels": labels(self.db, [one.subject for one in dependants]),
            "label": labels(self.db, [operation.subject])[operation.subject],
            "exchange": found.exchange(operation),
            "kept": self.kept,
            "fields": desk.fields,
            "anchor": anchor,
            "now": self.now,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def act(self) -> Any:
        found = Desk(self.db, self.connection)
        operation = found.get(whole(self.request.matchdict["id"]), lock=True)
        label = labels(self.db, [operation.subject])[operation.subject]
        rule = {"exclude": self._exclude, "include": self._include, "keep": self._keep}
        decide = rule.get(self.form["do"])
        if decide is None:
            return self._retry(found, operation, label)
        rulings = Rulings(self.db, self.connection, self.actor)
        try:
            sentence = decide(rulings, operation, label)
        except Refused as error:
            return self.done(f"{label.title}: {error}", "queue")
        return self.done(sentence, "operation", id=operation.id)

    def _exclude(self, rulings: Rulings, operation: Operation, label: Label) -> str:
        many = rulings.exclude(operation, self.form.flag("dependants"))
        if not many:
            return f"{label.title} is excluded already."
        self.outbox.review()
        self.room.audit("excluded", record=label.title, records=str(many))
        more = f" with {many - 1:,} that depend on it" if many > 1 else ""
        return f"{label.title} is excluded{more}: it stays out of QuickBooks until it is included again."

    def _include(self, rulings: Rulings, operation: Operation, label: Label) -> str:
        rulings.include(operation, self.outbox)
        self.outbox.review()
        self.room.audit("included again", record=label.title)
        return f"{label.title} is included again."

    def _keep(self, rulings: Rulings, operation: Operation, label: Label) -> str:
        rulings.keep(operation)
        # What it settles, or is settled by, may have waited for this.
        self.outbox.review()
        self.room.audit("QuickBooks' version kept", record=label.title)
        return f"QuickBooks' version of {label.title} is kept. The proof shows the difference."

    def _retry(self, found: Desk, operation: Operation, label: Label) -> Any:
        try:
            found.again(operation, self.outbox)
        except Refused as error:
            return self.done(f"{label.title}: {error}", "queue")
        self.room.audit("tried again", record=label.title)
        if operation.state is State.HELD:
            return self.done(f"{label.title} is still held. {operation.note}", "queue")
        return self.done(
            f"{label.title} is queued again. It goes with the Web Connector's next run.", "queue"
        )
