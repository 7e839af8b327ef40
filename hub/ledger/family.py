"""Customers and their parents: who stands below whom, at most ``LEVELS`` deep and never in a circle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

LEVELS = 5
"""A customer and four levels of jobs: as many as QuickBooks keeps (protocol.md E.3)."""


def parents(db: Session, ids: Iterable[int]) -> Mapping[int, int | None]:
    """Return the parent of each of these customers, and of all that stand above them."""
    return {row.id: row.parent_id for row in db.execute(_ABOVE, {"ids": list(ids)})}


def above(parents: Mapping[int, int | None], customer_id: int) -> Iterator[int]:
    """Yield the customers above one, from its parent up."""
    found = parents.get(customer_id)
    while found is not None:
        yield found
        found = parents.get(found)


def keep(db: Session) -> None:
    """Let nobody else change who stands below whom until the transaction ends: two at once could close
    a circle."""
    db.execute(_KEEP)


class Family:
    """The customers around some whose parents are to change."""

    def __init__(self, db: Session, ids: Iterable[int]):
        """Fetch all that stand above and below customers of these ``ids``."""
        values = {"ids": list(ids)}
        rows = [*db.execute(_ABOVE, values), *db.execute(_BELOW, values)]
        self._parents: dict[int, int | None] = {}
        self._below: dict[int, set[int]] = defaultdict(set)
        for row in rows:
            self._parents[row.id] = row.parent_id
            if row.parent_id is not None:
                self._below[row.parent_id].add(row.id)

    def place(self, customer_id: int | None, parent_id: int | None) -> str:
        """Put a customer (None where it is new) below ``parent_id``; or say why it cannot be there."""
        if parent_id is not None:
            line = [parent_id, *above(self._parents, parent_id)]
            if customer_id in line:
                return "stands below this customer itself. Correct one of the two."
            depth = len(line) + self._height(customer_id)
            if depth > LEVELS:
                return (
                    f"would make {depth} levels of customers, and QuickBooks keeps {LEVELS}. Name one "
                    "further up."
                )
        if customer_id is not None:
            self._move(customer_id, parent_id)
        return ""

    def _height(self, customer_id: int | None) -> int:
        """Return how many levels a customer makes, with all below it."""
        below = self._below.get(customer_id or 0, ())
        return 1 + max((self._height(one) for one in below), default=0)

    def _move(self, customer_id: int, parent_id: int | None) -> None:
        before = self._parents.get(customer_id)
        if before is not None:
            self._below[before].discard(customer_id)
        self._parents[customer_id] = parent_id
        if parent_id is not None:
            self._below[parent_id].add(customer_id)


_ABOVE = text(
    """
    WITH RECURSIVE line AS (
        SELECT id, parent_id FROM customer WHERE id = ANY(:ids)
        UNION SELECT c.id, c.parent_id FROM customer c JOIN line ON c.id = line.parent_id
    )
    SELECT id, parent_id FROM line
    """
)
_BELOW = text(
    """
    WITH RECURSIVE line AS (
        SELECT id, parent_id FROM customer WHERE parent_id = ANY(:ids)
        UNION SELECT c.id, c.parent_id FROM customer c JOIN line ON c.parent_id = line.id
    )
    SELECT id, parent_id FROM line
    """
)
_KEEP = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('hub.family', current_setting('hub.tenant')::bigint))"
)
