"""Many records kept out of QuickBooks at once, what depends on them shown first; many included again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config, view_defaults

from hub.books.subjects import labels
from hub.errors import Refused
from hub.qbwc.models import Operation, State
from hub.qbwc.rulings import WAITING, Rulings
from hub.security import Permission
from hub.views.queue import PageOfQueue

SHOWN = 50
"""How many records of a list are named on the page; the others are counted."""


@view_defaults(route_name="queue", renderer="hub:templates/exclusions.jinja2")
class ExclusionsPage(PageOfQueue):
    """The ticked records: looked at with what depends on them, excluded, or included again."""

    @cached_property
    def rulings(self) -> Rulings:
        return Rulings(self.db, self.connection, self.actor)

    @view_config(request_method="POST", request_param="do", permission=Permission.CHANGE)
    def act(self) -> Any:
        acts = {"look": self._look, "exclude": self._exclude, "include": self._include}
        act = acts.get(self.form["do"])
        if act is None:
            raise HTTPNotFound
        try:
            return act(self.rulings.chosen(self.ticked()))
        except Refused as error:
            return self.back(str(error))

    def _look(self, found: Sequence[Operation]) -> Any:
        waiting = [one for one in found if one.state in WAITING]
        left = self._left(found, WAITING)
        if not waiting:
            return self.back(f"None is excluded. {left}")
        dependants = self.rulings.dependants(waiting)
        named = [*waiting[:SHOWN], *dependants[:SHOWN]]
        return {
            "waiting": waiting,
            "dependants": dependants,
            "left": left,
            "shown": SHOWN,
            "state": self.state,
            "cause": self.cause,
            "labels": labels(self.db, [one.subject for one in named]),
        }

    def _exclude(self, found: Sequence[Operation]) -> Any:
        waiting = [one for one in found if one.state in WAITING]
        left = self._left(found, WAITING)
        if not waiting:
            return self.back(f"None is excluded. {left}")
        many = self.rulings.exclude_all(waiting, self.form.flag("dependants"))
        self.outbox.review()
        self.room.audit("excluded", records=str(many))
        along = many - len(waiting)
        on = "it" if len(waiting) == 1 else "them"
        more = f", and {along:,} that depend{'s' if along == 1 else ''} on {on}" if along else ""
        return self.back(
            f"{_are(len(waiting))} excluded{more}. What is excluded stays out of QuickBooks until somebody "
            f"includes it again. {left}"
        )

    def _include(self, found: Sequence[Operation]) -> Any:
        excluded = [one for one in found if one.state is State.EXCLUDED]
        left = self._left(found, (State.EXCLUDED,))
        if not excluded:
            return self.back(f"None is included again. {left}")
        self.rulings.include_all(excluded, self.outbox)
        self.outbox.review()
        self.room.audit("included again", records=str(len(excluded)))
        return self.back(f"{_are(len(excluded))} included again: {_by_state(excluded)}. {left}")

    def _left(self, found: Sequence[Operation], states: Sequence[State]) -> str:
        """Say of which of the ticked records it cannot be, as they are in none of these states."""
        others = [one for one in found if one.state not in states]
        gone = len({*self.ticked()}) - len(found)
        parts = [_by_state(others), f"{gone:,} not in the queue any more" if gone else ""]
        said = ", ".join(filter(None, parts))
        return f"Left as they are: {said}." if said else ""


def _are(many: int) -> str:
    return "1 record is" if many == 1 else f"{many:,} records are"


def _by_state(operations: Sequence[Operation]) -> str:
    """Return how many operations are in each state."""
    counts = Counter(one.state.label for one in operations)
    return ", ".join(f"{many:,} “{label}”" for label, many in counts.items())
