"""What QuickBooks does not let the hub read, for a reason of its own: a list, or what was booked.

Its user lacks a permission, a feature is off, nobody knows the code. That may last for weeks and
stops nothing else, so it is remembered, shown to people until QuickBooks lets it be read, and asked
for again in the first session after an hour.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from hub.books.models import Connection, ListKind
from hub.db import HubSession, among
from hub.qbwc.models import Refusal

AGAIN = dt.timedelta(hours=1)
"""How long QuickBooks is not asked once more, unless a person wants it."""
BOOKED = "booked"
"""What was booked: the look back of ``checks``."""


def title(what: str) -> str:
    """Return what people call a list: ``Class List``."""
    known = {
        "account": "Chart of Accounts",
        "item": "Items List",
        "template": "Templates",
        BOOKED: "What was booked",
    }
    return known.get(what) or f"{what.replace('_', ' ').title()} List"


def forget(db: HubSession, connection: Connection, kinds: Iterable[ListKind] = ListKind) -> None:
    """Let lists of these ``kinds`` be asked for at once, as a person wants it."""
    lists = Refusal.connection_id == connection.id, among(Refusal.what, kinds)
    db.execute(delete(Refusal).where(*lists))


class Refusals:
    """What one connection's QuickBooks does not let be read."""

    def __init__(self, db: HubSession, connection: Connection):
        self._db = db
        self._connection = connection
        query = select(Refusal).filter_by(connection_id=connection.id).order_by(Refusal.what)
        self._known = {one.what: one for one in db.scalars(query)}

    def __iter__(self) -> Iterator[Refusal]:
        return iter(self._known.values())

    def get(self, what: str) -> Refusal | None:
        """Return the refusal of ``what``, while there is one."""
        return self._known.get(what)

    def rests(self, what: str) -> bool:
        """Whether ``what`` was refused, and is not asked for again yet."""
        known = self._known.get(what)
        return known is not None and known.asked > dt.datetime.now(dt.UTC) - AGAIN

    def is_due(self, what: str) -> bool:
        """Whether ``what`` was refused, and may be asked for again."""
        return what in self._known and not self.rests(what)

    def add(self, what: str, since: dt.datetime, code: int, note: str) -> None:
        """QuickBooks has answered ``code`` instead of ``what``; ``note`` says why and what to do.
        ``since`` is the moment from which on it is unread, where it was not refused before."""
        said = {"asked": dt.datetime.now(dt.UTC), "code": code, "note": note}
        statement = insert(Refusal).values(
            connection_id=self._connection.id, what=what, since=since, **said
        )
        keys = ["tenant_id", "connection_id", "what"]
        stored = statement.on_conflict_do_update(index_elements=keys, set_=said).returning(Refusal)
        kept = self._db.scalars(stored, execution_options={"populate_existing": True}).one()
        self._known[what] = kept

    def lift(self, what: str) -> None:
        """QuickBooks has let ``what`` be read."""
        if self._known.pop(what, None):
            mine = Refusal.connection_id == self._connection.id, Refusal.what == what
            self._db.execute(delete(Refusal).where(*mine))
