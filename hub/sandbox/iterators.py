"""Iterators: a long answer in pieces, for as long as the session lasts (protocol.md F)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from hub.sandbox import refusals


class Iterators:
    """The iterators of one session. What an iterator still has to give are ids."""

    def __init__(self) -> None:
        self._left: dict[str, list[str]] = {}

    def start(self, ids: Sequence[str], size: int) -> tuple[str, list[str]]:
        """Begin an iterator over ``ids``; return its id and its first piece."""
        id = f"{{{uuid.uuid4()}}}"
        self._left[id] = list(ids)
        return id, self.go_on(id, size)

    def go_on(self, id: str, size: int) -> list[str]:
        """Return the next piece; one that is used up is forgotten.

        :raises Refusal: 3120 when this session knows no such iterator.
        """
        if id not in self._left:
            raise refusals.not_found(id, "The iterator is not valid in this session.")
        piece, rest = self._left[id][:size], self._left[id][size:]
        if rest:
            self._left[id] = rest
        else:
            del self._left[id]
        return piece

    def remaining(self, id: str) -> int:
        return len(self._left.get(id, ()))

    def stop(self, id: str) -> None:
        self._left.pop(id, None)

    def clear(self) -> None:
        """Void all of them: the session is over."""
        self._left.clear()
