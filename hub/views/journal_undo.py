"""Undoing a journal entry: what that does to each account first, then the act."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from hub.books.models import JournalEntry, Undoing
from hub.errors import Refused
from hub.exporters.contract import books_closed
from hub.security import Permission
from hub.views.journal import EntryOfTenant
from hub.views.page import refusal


@view_defaults(
    route_name="journal_undo", renderer="hub:templates/journal_undo.jinja2", permission=Permission.CHANGE
)
class UndoPage(EntryOfTenant):
    """What undoing an entry does to each account, and the undoing."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        if not self.standing.is_undoable:
            return self._gone()
        batch = self.journal.batch(self.entry.id)
        chosen = batch if self._whole else [self.entry]
        effect = self.journal.undo_effect(*(entry.id for entry in chosen))
        closed = books_closed(self.connection, self.journal.policy)
        chain = self.entries.of([entry.id for entry in effect.chain])
        return {
            "one": self.standing,
            "entry": self.entry,
            "whole": self._whole,
            "batch": batch,
            "chain": chain,
            "amounts": sorted(effect.amounts.items()),
            "is_closed": closed is not None and any(one.draft.date <= closed for one in chain),
            "closed": closed,
            "Undoing": Undoing,
            "chosen": Undoing.REVERSAL,
        }

    @property
    def _whole(self) -> bool:
        """Whether the whole batch is to be undone."""
        return self.request.params.get("batch") == "whole"

    def _gone(self) -> HTTPSeeOther:
        sentence = (
            f"{self.entry.number} is undone already."
            if self.entry.undone
            else f"{self.entry.number} cannot be undone: only what QuickBooks has, and is no reversal, can."
        )
        return self.done(sentence, "journal_entry", id=self.entry.id)

    @view_config(request_method="POST")
    def act(self) -> Any:
        if not self.standing.is_undoable:
            return self._gone()
        try:
            wanted = self.form["how"]
            if wanted not in set(Undoing):
                raise refusal("how", "Choose how it is undone.")
            act = self.journal.undo_batch if self._whole else self._undo
            anew = act(self.entry.id, Undoing(wanted))
        except Refused as error:
            return self.again(self.show(), error)
        what = "is reversed" if wanted == Undoing.REVERSAL else "is voided"
        numbers = ", ".join(entry.number for entry in anew)
        told = (
            "waits for your approval, with the records" if len(anew) == 1 else "wait for your approval"
        )
        named = f"The batch of {self.entry.number}" if self._whole else self.entry.number
        return self.done(
            f"{named} {what} with the Web Connector's next run. {numbers} {told}.",
            "journal_entry",
            id=anew[0].id,
        )

    def _undo(self, entry_id: int, how: Undoing) -> list[JournalEntry]:
        return [self.journal.undo(entry_id, how)]
