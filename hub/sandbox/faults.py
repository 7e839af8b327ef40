"""What can go wrong between a hub and QuickBooks, on purpose (protocol.md D.6).

A plan is asked before each message what happens to it: ``None`` for nothing, or one of the
classes here. Any function will do; ``script`` makes one from a list::

    QuickBooks(company, plan=script(None, LOSE_ANSWER, MODAL_DIALOG))

runs the first message, runs the second but loses its answer, finds a dialog open at the
third, and runs all that follow. ``whenever`` strikes messages that hold some words, and
``refusing`` only the requests of a message that do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from hub.sandbox import hresults


@dataclass(frozen=True)
class Mishap:
    """One thing that goes wrong with a whole message.

    ``runs`` says whether QuickBooks carried the message out before. With an ``hresult`` it
    still tells the Web Connector so; without one the line is dead and nobody hears anything.
    """

    runs: bool = False
    hresult: str = ""
    sentence: str = ""
    kills: bool = False
    """The process dies (``os._exit``) before anything is committed."""


@dataclass(frozen=True)
class Refuse:
    """Some requests of a message, those that hold ``words``, are answered with a status.

    ``runs`` says whether QuickBooks carried them out all the same (as with 510, perhaps 1000).
    """

    words: str
    code: int
    sentence: str = "There was an internal error."
    severity: str = "Error"
    runs: bool = False


@dataclass(frozen=True)
class Garble:
    """The message is run, and what arrives of its answer is what ``change`` makes of it."""

    change: Callable[[str], str]


@dataclass(frozen=True)
class Unstored:
    """The message is run, but its answer cannot be remembered: 9005 (protocol.md D.4)."""


@dataclass(frozen=True)
class Restart:
    """QuickBooks is restarted before the message: iterators are void, message sets are kept."""


_ANSWER = re.compile(r"<((?!QBXML)\w+Rs) .*?</\1>\n", re.DOTALL)

Fault = Mishap | Refuse | Garble | Unstored | Restart


def failing(hresult: str, runs: bool = False) -> Mishap:
    """Return what answers with ``hresult`` and QuickBooks' sentence for it."""
    return Mishap(runs, hresult, hresults.SENTENCES.get(hresult, "Unknown error."))


def _without_answers(text: str) -> str:
    """Leave out every other answer, beginning with the second."""
    kept = cycle([True, False])
    return _ANSWER.sub(lambda match: match[0] if next(kept) else "", text)


def _without_references(text: str) -> str:
    """Write characters above 127 as they are, as QuickBooks' own text may have them."""
    return re.sub("&#([0-9]{3,});", lambda match: chr(int(match[1])), text)


LOSE_REQUEST = Mishap()
LOSE_ANSWER = Mishap(runs=True)
MODAL_DIALOG = failing("0x80040414")
UNEXPECTED = failing("0x80040402")
UNEXPECTED_AFTER = failing("0x80040402", runs=True)
UNREADABLE = failing("0x80040400")
CRASH = failing("0x800706BA")
KILL = Mishap(kills=True)
GARBAGE = Garble(lambda _text: "<html>Bad gateway</html>")
EMPTY = Garble(lambda _text: "")
TRUNCATED = Garble(lambda text: text[: len(text) // 2])
SOME_ANSWERS = Garble(_without_answers)
RAW = Garble(_without_references)
UNSTORED = Unstored()
RESTART = Restart()

Plan = Callable[[str], Fault | None]
"""Says what happens to a message, given its text."""


class LineDead(Exception):
    """The message, or (when it ``ran``) its answer, never arrived. None will in this session."""

    def __init__(self, ran: bool):
        super().__init__("The answer never arrived." if ran else "The message never arrived.")
        self.ran = ran


def all_well(_text: str) -> Fault | None:
    return None


def always(fault: Fault) -> Plan:
    """Return a plan that strikes every message."""
    return lambda _text: fault


def script(*steps: Fault | None) -> Plan:
    """Return a plan that goes through ``steps``, one for each message, and is well after that."""
    left: Iterator[Fault | None] = iter(steps)
    return lambda _text: next(left, None)


def whenever(words: str, fault: Fault, times: int = 1) -> Plan:
    """Return a plan that strikes the first ``times`` messages that hold ``words``."""
    left = iter([fault] * times)
    return lambda text: next(left, None) if words in text else None


def refusing(
    words: str,
    code: int,
    sentence: str = "There was an internal error.",
    *,
    severity: str = "Error",
    runs: bool = False,
    times: int = 1,
) -> Plan:
    """Return a plan that answers the requests that hold ``words`` with a status, in the first
    ``times`` messages that have any (``Refuse``)."""
    return whenever(words, Refuse(words, code, sentence, severity, runs), times)


def either(*plans: Plan) -> Plan:
    """Return a plan that does what the first of ``plans`` does that does anything."""
    return lambda text: next((fault for plan in plans if (fault := plan(text))), None)
