"""The tenant's charges as exporters need them: loaded once, only those that are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.ledger import snapshots
from hub.ledger.models import Charge


class Charges:
    """Charges by id."""

    def __init__(self, db: Session):
        self._db = db
        self._known: dict[int, Charge] = {}

    def load(self, ids: Iterable[int]) -> None:
        """Fetch those of ``ids`` that are not here yet, in one statement."""
        missing = set(ids) - self._known.keys()
        if missing:
            found = snapshots.read(self._db, Charge, missing)
            self._known.update({charge.id: charge for charge in found})

    def __getitem__(self, charge_id: int) -> Charge:
        if charge_id not in self._known:
            # Whoever asks for one that was not loaded walks over them all; there are few.
            self._known = {charge.id: charge for charge in self._db.scalars(select(Charge))}
        return self._known[charge_id]
