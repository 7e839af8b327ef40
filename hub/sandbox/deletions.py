"""What was deleted from a company file: QuickBooks tells for about three months (protocol.md C.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hub.sandbox.file import CompanyFile

DAYS = 90


class Deletion(NamedTuple):
    """One entry or transaction that is gone; ``name`` is its full name or its RefNumber."""

    kind: str
    id: str
    created: str
    deleted: str
    name: str


class Deletions:
    """The deletions of one company file."""

    def __init__(self, file: CompanyFile):
        self._file = file

    def add(self, kind: str, id: str, created: str, name: str) -> None:
        """Note that something was deleted just now."""
        self._file.run(
            "INSERT INTO deletion (kind, id, created, deleted, name) VALUES (?, ?, ?, ?, ?)",
            *(kind, id, created, self._file.now(), name),
        )

    def of(self, kinds: Sequence[str], span: tuple[str, str]) -> list[Deletion]:
        """Return what of ``kinds`` was deleted within a span of local time, oldest first."""
        marks = ", ".join("?" * len(kinds))
        rows = self._file.rows(
            f"SELECT kind, id, created, deleted, name FROM deletion WHERE kind IN ({marks})"
            " AND substr(deleted, 1, 19) BETWEEN ? AND ? ORDER BY position",
            *(*kinds, max(span[0], self._file.days_ago(DAYS)), span[1]),
        )
        return [Deletion(*row) for row in rows]
