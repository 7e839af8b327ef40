"""What can go wrong between a hub and QuickBooks, on purpose (protocol.md D.6).

A plan is asked before each message what happens to it: ``None`` for nothing, or a
``Mishap``. Any function will do; ``script`` makes one from a list::

    QuickBooks(company, plan=script(None, LOSE_ANSWER, MODAL_DIALOG))

runs the first message, runs the second but loses its answer, finds a dialog open at the
third, and runs all that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mishap:
    """One thing that goes wrong with one message.

    ``runs`` says whether QuickBooks carried the message out before. With an ``hresult`` it
    still tells the Web Connector so; without one the line is dead and nobody hears anything.
    """

    runs: bool = False
    hresult: str = ""
    sentence: str = ""
    kills: bool = False
    """The process dies (``os._exit``) before anything is committed."""


LOSE_REQUEST = Mishap()
LOSE_ANSWER = Mishap(runs=True)
MODAL_DIALOG = Mishap(
    False, "0x80040414", "A modal dialog box is showing in the QuickBooks user interface."
)
UNEXPECTED = Mishap(
    False, "0x80040402", "Unexpected error. Check the qbsdklog.txt file for more information."
)
UNEXPECTED_AFTER = Mishap(True, "0x80040402", UNEXPECTED.sentence)
CRASH = Mishap(False, "0x800706BA", "The RPC server is unavailable.")
KILL = Mishap(kills=True)

Plan = Callable[[str], Mishap | None]
"""Says what happens to a message, given its text."""


class LineDead(Exception):
    """The message, or (when it ``ran``) its answer, never arrived. None will in this session."""

    def __init__(self, ran: bool):
        super().__init__("The answer never arrived." if ran else "The message never arrived.")
        self.ran = ran


def all_well(_text: str) -> Mishap | None:
    return None


def script(*steps: Mishap | None) -> Plan:
    """Return a plan that goes through ``steps``, one for each message, and is well after that."""
    left: Iterator[Mishap | None] = iter(steps)
    return lambda _text: next(left, None)


def whenever(words: str, mishap: Mishap, times: int = 1) -> Plan:
    """Return a plan that strikes the first ``times`` messages that hold ``words``."""
    left = iter([mishap] * times)
    return lambda text: next(left, None) if words in text else None
