"""How an update session ended, as a person would read it in the Web Connector's window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[int, str], None]
"""Is told the percentage and a short sentence whenever something happened."""


@dataclass
class Outcome:
    """How one update session ended, and what came of it.

    ``ok`` when it ended as the server wanted it: all done, nothing to do, or postponed.
    """

    ok: bool = False
    percent: int = 0
    code: str = ""
    """The Web Connector's code (``QBWC1012``), where it has one for what went wrong."""
    last_error: str = ""
    """What getLastError said, or the sentence behind ``code``."""
    message: str = ""
    """What the Web Connector shows at the end: closeConnection's answer."""
    server: str = ""
    messages: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    """How many requests were answered with each statusCode."""
    hresults: Counter[str] = field(default_factory=Counter)
    nothing_to_do: bool = False
    postponed: int | None = None
    """Seconds after which the server wants to be asked again."""
    min_interval: int | None = None
    """Fewest seconds between two runs that the server allows."""

    @property
    def errors(self) -> int:
        """How many requests were refused (status codes from 1000 on, protocol.md D.1)."""
        return sum(count for code, count in self.statuses.items() if code >= 1000)
