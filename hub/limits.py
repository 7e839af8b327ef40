"""How often something may be tried.

Counts are kept in this process's memory: a limit slows a guesser down, and a few
processes that each count by themselves slow him down enough. Whatever shall count
for all processes together takes this class's place.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable

MOST_KEYS = 50_000
"""Past this many keys the forgotten ones are swept out."""
FREE_TRIES = 5
"""Wrong tries of one login from one address that cost no wait."""
LONGEST_WAIT = 60
"""Seconds: whoever corrects a password gets in within a minute."""
FORGOTTEN = 15 * 60
"""Seconds without a try after which the wrong ones no longer count."""


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
            seconds = self._left(key)
            if not seconds:
                self._count(key)
            return seconds

    def left(self, key: str) -> int:
        """Return the seconds until a try may be made, and count none."""
        with self._lock:
            return self._left(key)

    def count(self, key: str) -> None:
        """Count a try that has been made."""
        with self._lock:
            self._count(key)

    def _left(self, key: str) -> int:
        now = self._clock()
        times = self._times.get(key, deque())
        while times and times[0] <= now - self._seconds:
            times.popleft()
        return max(1, round(times[0] + self._seconds - now)) if len(times) >= self._tries else 0

    def _count(self, key: str) -> None:
        now = self._clock()
        self._times.setdefault(key, deque(maxlen=self._tries)).append(now)
        if len(self._times) > MOST_KEYS:
            self._sweep(now)

    def forget(self, key: str) -> None:
        """Count the tries of ``key`` anew: the last one was right."""
        with self._lock:
            self._times.pop(key, None)

    def _sweep(self, now: float) -> None:
        old = [key for key, times in self._times.items() if times[-1] <= now - self._seconds]
        for key in old:
            del self._times[key]


class Brake:
    """For each key a few free tries, then one a wait; the wait doubles each time, up to a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._keys: dict[str, tuple[int, float]] = {}
        """How many tries were made, and when the next may be; the key tried last is the last."""
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Count one try; return 0 when it may be made, else the seconds until the next may.

        It is counted before anybody knows whether it is right, so that many at once gain nothing.
        """
        with self._lock:
            now = self._clock()
            tries, opens = self._keys.get(key, (0, now))
            if now < opens:
                return opens - now
            if now > opens + FORGOTTEN:
                tries = 0
            pause = min(2.0 ** (tries + 1 - FREE_TRIES), LONGEST_WAIT) if tries >= FREE_TRIES - 1 else 0
            self._keys.pop(key, None)
            self._keys[key] = tries + 1, now + pause
            if len(self._keys) > MOST_KEYS:
                del self._keys[next(iter(self._keys))]
            return 0

    def forget(self, key: str) -> None:
        """Count the tries of ``key`` anew: the last one was right."""
        with self._lock:
            self._keys.pop(key, None)


class SignIns:
    """How often a Web Connector may be wrong: slowed down, and never locked out for good
    (product.md 5.2).

    A login waits at each address by itself. Whoever guesses many logins from one address, or one
    login from many addresses, is held to some wrong tries a minute, which never concerns an
    address that the login has come in from.
    """

    WRONG_OF_ADDRESS = 60
    WRONG_OF_LOGIN = 20
    """Wrong tries in a minute, each of which costs a slow hash."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._pairs = Brake(clock)
        self._addresses = Limit(self.WRONG_OF_ADDRESS, 60, clock)
        self._logins = Limit(self.WRONG_OF_LOGIN, 60, clock)
        self._right: dict[str, None] = {}
        """Where logins have come in from; the one that came last is the last."""

    def wait(self, login: str, address: str) -> float:
        """Count one try; return 0 when it may be made, else the seconds until the next may."""
        place = network(address)
        pair = f"{place} {login}"
        if pair not in self._right:
            seconds = max(self._logins.left(login), self._addresses.left(place) if place else 0)
            if seconds:
                return seconds
        return self._pairs.wait(pair)

    def wrong(self, login: str, address: str) -> None:
        """Count a try that was made and was wrong."""
        self._logins.count(login)
        if place := network(address):
            self._addresses.count(place)

    def right(self, login: str, address: str) -> None:
        """The login has come in: what was wrong before is forgiven."""
        pair = f"{network(address)} {login}"
        self._pairs.forget(pair)
        self._right.pop(pair, None)
        self._right[pair] = None
        if len(self._right) > MOST_KEYS:
            self._right.pop(next(iter(self._right)), None)


def network(address: str) -> str:
    """Return whose an address is: an IPv6 one is one of a network of 64 bits, and a loopback one
    is a proxy's that hides who asks, which is nobody's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.is_loopback:
        return ""
    return found.exploded[:19] if found.version == 6 else address
