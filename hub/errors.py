"""The exceptions of the hub, and what each asks of the reader.

* HubError                  something a person can be told in one sentence
  - Refused                 the input is wrong: ``faults`` say where and what to do
    - Conflict              the record exists with another version or body
  - NotFound                there is nothing of that name (or it is not yours)
  - SettingError            a setting is missing or unreadable; the process must not start
  - QBXMLError              a text is not the qbXML it claims to be
  - TooLarge                the input is larger than the door takes

QuickBooks' own errors are answers, not exceptions: see ``qbwc.statuses``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class HubError(Exception):
    """Something went wrong that a person can be told in one sentence."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where (a JSON pointer) and what to do about it."""

    pointer: str
    sentence: str


class Refused(HubError):
    """An input that was not taken. Nothing of it was stored."""

    def __init__(self, sentence: str, faults: Sequence[Fault] = ()):
        super().__init__(sentence)
        self.faults = list(faults)


class Conflict(Refused):
    """The record is already here with another version or another body."""


class NotFound(HubError):
    """There is nothing of that name for this tenant."""


class SettingError(HubError):
    """A setting is missing or unreadable; the sentence names it."""


class QBXMLError(HubError):
    """A text is not the qbXML it claims to be."""


class TooLarge(HubError):
    """The input is larger than this door takes."""
