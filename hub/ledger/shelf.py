"""Reading records: one by its external id, or page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db import among
from hub.errors import NotFound
from hub.ledger import records
from hub.ledger.contract import Body


class Shelf:
    """The records of one kind that the tenant has."""

    def __init__(self, db: Session, kind: str):
        self._db = db
        self._kind = kind
        self._model = records.MODELS[kind]

    def get(self, external_id: str, lock: bool = False) -> Any:
        """Return one record.

        :raises NotFound: when the tenant has none of that id.
        """
        query = select(self._model).filter_by(external_id=external_id)
        found = (
            None if "\0" in external_id else self._db.scalar(query.with_for_update() if lock else query)
        )
        if found is None:
            raise NotFound(f"There is no {self._kind.replace('_', ' ')} “{external_id[:100]}”.")
        return found

    def body(self, external_id: str) -> Body:
        """Return one record as its door sent it.

        :raises NotFound: when the tenant has none of that id.
        """
        return self.body_of(self.get(external_id))

    def body_of(self, record: Any) -> Body:
        """Return ``record`` as its door sent it."""
        return self.bodies([record])[0]

    def bodies(self, found: Iterable[Any]) -> list[Body]:
        """Return ``found`` records as their door sent them; one statement a kind they refer to."""
        found = list(found)
        wanted: dict[str, set[int]] = defaultdict(set)
        for record in found:
            for kind, id_ in records.named(self._kind, record):
                wanted[kind].add(id_)
        names = {}
        for kind, ids in wanted.items():
            model = records.MODELS[kind]
            rows = self._db.execute(select(model.id, model.external_id).where(among(model.id, ids)))
            names.update({(kind, row.id): row.external_id for row in rows})
        return [records.body(self._kind, record, names) for record in found]

    def page(self, after: int, limit: int) -> tuple[list[Body], int | None]:
        """Return up to ``limit`` records past position ``after``, and the position to go on from;
        None on the last page."""
        query = select(self._model).where(self._model.id > after).order_by(self._model.id)
        found = self._db.scalars(query.limit(limit + 1)).all()
        bodies = self.bodies(found[:limit])
        return bodies, found[limit - 1].id if len(found) > limit else None
