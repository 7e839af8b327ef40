"""How many requests a message holds: as many as keep QuickBooks busy for about five seconds.

QuickBooks answers a message as a whole, and everything else on that computer waits for it.
So a message is sized by how long the last one took, in steps that a single slow answer, or a
fast one, cannot throw far: it grows at most fourfold, and shrinks at once.
"""

from __future__ import annotations

LARGEST = 200
"""The most requests a message holds."""
LARGEST_BYTES = 1_000_000
TARGET = 5.0
"""Seconds of QuickBooks' work that one message should be."""
GROWTH = 4


def paced(batch: int, size: int, seconds: float) -> int:
    """Return how many requests the next message may hold, when ``size`` of them, sent under the
    limit ``batch``, took QuickBooks ``seconds``."""
    fitting = int(TARGET * size / max(seconds, 0.001))
    if seconds > TARGET:
        return max(1, min(batch, fitting))
    return min(LARGEST, max(batch, min(fitting, size * GROWTH)))
