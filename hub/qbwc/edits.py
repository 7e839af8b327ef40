"""What follows where somebody has changed in QuickBooks what the hub has booked, or has undone that.

Whoever notices it, the reading back or an answer that shows the document for another's sake: what is
done about it is the tenant's choice (``Conflict``), and nothing is overwritten unless that says so
(product.md 3.3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from sqlalchemy import select

from hub.books import changes
from hub.books.changes import Changes, is_past
from hub.books.links import STALE, Links
from hub.books.models import Connection, Link
from hub.db import HubSession, among
from hub.exporters.contract import Errand
from hub.exporters.revisions import is_standing
from hub.qbwc import losses
from hub.qbwc.models import Operation
from hub.qbwc.outbox import Outbox
from hub.tenants.full_policy import Conflict, full_policy
from hub.tenants.models import Mode, Tenant


class Edits:
    """The edits in one connection's company file."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection):
        self._db = db
        self._tenant = tenant
        self._connection = connection
        self._links = Links(db, connection)

    @cached_property
    def _outbox(self) -> Outbox:
        return Outbox(self._db, self._tenant, self._connection)

    def decide(self, edited: Sequence[Link]) -> None:
        """Do what the tenant wants done about documents that were edited."""
        if not edited:
            return
        winner = self.winner
        ended = self.ended([link.subject for link in edited])
        if winner is Conflict.QUICKBOOKS:
            for link in edited:
                Changes.keep(link, link.version)
            # What settles them may have waited.
            self._outbox.release()
            return
        ours = [
            link
            for link in edited
            if link.subject in ended
            or (winner is Conflict.BILLING and (changes.is_emptied(link) or not is_past(link.subject)))
        ]
        for link in ours:
            if not is_past(link.subject):
                link.fingerprint, link.edit_sequence = STALE, ""
        self.put(ended.union(link.subject for link in ours))
        if edited := [link for link in edited if link not in ours]:
            notes = {link.subject: changes.objection(link) for link in edited}
            self._db.flush()
            losses.hold(self._db, self._connection, notes)

    def ended(self, subjects: Sequence[str]) -> set[str]:
        """Return the forerunners among ``subjects`` and the memos that take such back, each with its other,
        where neither stands in QuickBooks any more: nobody has to decide about them."""
        ids = {subject.partition(":")[2] for subject in subjects if is_past(subject)}
        pairs = [(f"superseded:{id_}", f"reversal:{id_}") for id_ in ids]
        links = self._links.of(subject for pair in pairs for subject in pair)
        return {
            subject
            for pair in pairs
            if all(subject in links and not is_standing(links[subject]) for subject in pair)
            for subject in pair
        }

    @property
    def winner(self) -> Conflict:
        """Return whose word counts; a journal entry is never written over, nor made anew, unasked."""
        is_full = self._tenant.mode is Mode.FULL
        found = full_policy(self._db).conflict
        return found if is_full or found is not Conflict.BILLING else Conflict.ASK

    def put(self, subjects: Collection[str]) -> None:
        """Let these records go again, each in the order of its kind."""
        if not subjects:
            return
        self._db.flush()
        query = select(Operation.subject, Operation.rank).where(
            Operation.connection_id == self._connection.id, among(Operation.subject, subjects)
        )
        ranks = {row.subject: row.rank for row in self._db.execute(query.order_by(Operation.id))}
        self._outbox.put([Errand(subject, ranks.get(subject, 50)) for subject in subjects])
