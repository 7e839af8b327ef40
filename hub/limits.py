"""How often something may be tried.

Counts are kept in this process's memory: a limit slows a guesser down, and a few
processes that each count by themselves slow him down enough. Whatever shall count
for all processes together takes this class's place.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

MOST_KEYS = 50_000
"""Past this many keys the forgotten ones are swept out."""


def in_words(seconds: int) -> str:
    """Write a wait as people say it: ``a minute``, ``5 minutes``."""
    minutes = max(1, round(seconds / 60))
    return "a minute" if minutes == 1 else f"{minutes} minutes"


class Limit:
    """At most ``tries`` in any span of ``seconds``, for each key."""

    def __init__(self, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._tries = tries
        self._seconds = seconds
        self._clock = clock
        self._times: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, key: str) -> int:
        """Count one try; return 0 when it may be made, else the seconds until the next may."""
        with self._lock:
            now = self._clock()
            times = self._times.setdefault(key, deque())
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._tries:
                return max(1, round(times[0] + self._seconds - now))
            times.append(now)
            if len(self._times) > MOST_KEYS:
                self._sweep(now)
            return 0

    def forget(self, key: str) -> None:
        """Count the tries of ``key`` anew: the last one was right."""
        with self._lock:
            self._times.pop(key, None)

    def _sweep(self, now: float) -> None:
        old = [key for key, times in self._times.items() if times[-1] <= now - self._seconds]
        for key in old:
            del self._times[key]
