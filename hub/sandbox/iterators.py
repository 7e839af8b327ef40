"""Iterators: a long answer in pieces, for as long as the session lasts (protocol.md F)."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Sequence

from hub.sandbox import refusals


class Iterators:
    """The iterators of one session. What an iterator still has to give are ids."""

    def __init__(self) -> None:
        self._left: dict[str, deque[str]] = {}

    def start(self, ids: Sequence[str], size: int) -> tuple[str, list[str]]:
        """Begin an iterator over ``ids``; return its id and its first piece."""
        id = f"{{{uuid.uuid4()}}}"
        self._left[id] = deque(ids)
        return id, self.go_on(id, size)

    def go_on(self, id: str, size: int) -> list[str]:
        """Return the next piece; one that is used up is forgotten.

        :raises Refusal: 3391 when this session knows no such iterator.
        """
        if id not in self._left:
            raise refusals.void_iterator(id)
        left = self._left[id]
        piece = [left.popleft() for _ in range(min(size, len(left)))]
        if not left:
            del self._left[id]
        return piece

    def remaining(self, id: str) -> int:
        return len(self._left.get(id, ()))

    def stop(self, id: str) -> None:
        self._left.pop(id, None)

    def clear(self) -> None:
        """Void all of them: the session is over."""
        self._left.clear()
