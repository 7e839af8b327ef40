"""What the codes of QuickBooks and the Web Connector mean: one table, for the conversation and for people.

A code says what became of the request (``Outcome``), what the hub does next
(``Action``), and in three short sentences what happened, why, and what to do. The
table itself is ``catalogue.yaml``; sources: protocol.md A.5, A.8, D.1, D.2, D.4. A
code that is in no table holds its record and lets the others go on.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml


class Outcome(enum.StrEnum):
    """What became of the request."""

    BOOKED = "booked"
    NOT_BOOKED = "not booked"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """What people read."""
        return {"booked": "Done", "not booked": "Not booked", "unknown": "The hub checks first"}[self]


class Action(enum.StrEnum):
    """What the hub does next."""

    SETTLE = "settle"
    RETRY = "retry"
    LOOK_UP = "look up again"
    """QuickBooks is read before anything goes again."""
    HOLD = "hold"
    """A person has to do something first; other records go on."""
    STOP = "stop"
    """What is left goes with the next run."""


@dataclass(frozen=True)
class Status:
    """One meaning, and the codes that have it, as people read them."""

    outcome: Outcome
    action: Action
    title: str
    cause: str = ""
    next_step: str = ""
    codes: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Its place on the help page; each of its codes is one as well."""
        return self.codes[0] if self.codes else ""

    @property
    def anchor(self) -> str:
        """The fragment of the help page's address that leads there."""
        return f"#{self.slug}" if self.slug else ""

    def sentence(self, text: str = "") -> str:
        """Return title, cause, QuickBooks' own words and the next step as one text."""
        said = f"QuickBooks says: “{text.strip()}”" if text.strip() else ""
        return " ".join(part for part in (self.title, self.cause, said, self.next_step) if part)


_TABLES: dict[str, list[dict[str, Any]]] = yaml.load(
    resources.files("hub.qbwc").joinpath("catalogue.yaml").read_bytes(),
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)


def _rows(
    table: str, written: Callable[[Any], str] = str
) -> Iterator[tuple[dict[str, Any], list[Any], Status]]:
    """Yield each row of a table, its codes, and what they mean."""
    for row in _TABLES[table]:
        codes = row["codes"]
        yield (
            row,
            codes,
            Status(
                Outcome(row.get("outcome", Outcome.NOT_BOOKED)),
                Action(row["action"]),
                row["title"],
                row.get("cause", ""),
                row.get("next_step", ""),
                tuple(written(code) for code in codes),
            ),
        )


def _table(name: str, written: Callable[[Any], str] = str) -> dict[Any, Status]:
    """Return a table by its codes, in its own order."""
    return {code: status for _, codes, status in _rows(name, written) for code in codes}


def _hexadecimal(code: int | str) -> str:
    return f"0x{code:08X}" if isinstance(code, int) else code


def _web_connector_code(code: int | str) -> str:
    return f"QBWC{code}" if isinstance(code, int) else code


STATUSES: dict[int, Status] = _table("statuses")
MESSAGE_SETS: dict[int | str, Status] = _table("message_sets")
HRESULTS: dict[int | str, Status] = _table("hresults", _hexadecimal)
WEB_CONNECTOR: dict[int | str, Status] = _table("web_connector", _web_connector_code)
"""By the number after QBWC, or by the word for what has none."""
WORDS: dict[tuple[str, ...], Status] = {
    tuple(words.lower() for words in row["words"]): status for row, _, status in _rows("words")
}
"""What QuickBooks' own words say more exactly than their code, by the words that it uses."""
RANGES: dict[tuple[int, int], Status] = {
    (row["range"][0], row["range"][1]): status for row, _, status in _rows("ranges")
}
"""What a code means that no table has, by its range (protocol.md D.1)."""
LOCKED: tuple[str, ...] = next(words for words, status in WORDS.items() if status.slug == "locked")
"""Words that mean "send it again", whatever the code (protocol.md D.2)."""

STALE = 3200
"""The EditSequence is out of date: read the object again, then change it."""
NAME_TAKEN = 3100
"""Another list object has the name: it may be ours, from a try of unknown fate."""
NOT_PROCESSED = frozenset({3230, 3231})
"""Nothing of the request was kept, as another one of its message failed."""
GONE = frozenset({500, 3120})
"""QuickBooks does not have the object: what was to be changed, voided or deleted is no more. 3000 is
none of them: an id that cannot be read says nothing about what is there."""
OTHER_CONTENT = 9001
"""A message set of that id was run, and its text was another: only that text brings its outcome."""
ABSENT = frozenset({0, 1, 500})
"""What a query is answered with that found nothing; any other answer without the object says nothing
about whether it is there."""
UNREADABLE = 0x80040400
"""QuickBooks could not read the message; nothing of it was run (protocol.md A.5)."""

UNANSWERED = MESSAGE_SETS["no-answer"]
_STRANGE = Status(
    Outcome.UNKNOWN,
    Action.HOLD,
    "QuickBooks answered with a code that nobody knows.",
    next_step="Look the record up in QuickBooks, then press Try again under Review items queued.",
)


def status(code: int, text: str = "") -> Status:
    """Return what a statusCode means, with what QuickBooks says in words taken into account.

    The words refine only a refusal that would wait for a person. A code that no table has is read by
    its range.
    """
    found = STATUSES.get(code) or MESSAGE_SETS.get(code) or _by_range(code)
    if found.action is Action.HOLD and found.outcome is Outcome.NOT_BOOKED:
        return _by_words(text) or found
    return found


def _by_range(code: int) -> Status:
    return next((status for (first, last), status in RANGES.items() if first <= code <= last), _STRANGE)


def _by_words(text: str) -> Status | None:
    said = " ".join(text.lower().split())
    return next((status for words, status in WORDS.items() if any(one in said for one in words)), None)


def of_message_set(code: int) -> Status:
    """Return what a messageSetStatusCode means; none but 0 says what was booked (protocol.md D.4)."""
    return STATUSES[0] if code == 0 else MESSAGE_SETS.get(code, UNANSWERED)


def hresult_code(text: str) -> int | None:
    """Read an hresult, hexadecimal or decimal, signed or not; None where it is neither."""
    text = text.strip().lower()
    bare = re.fullmatch("(0x)?(8[0-9a-f]{7})", text)
    try:
        value = int(bare[2], 16) if bare else int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        return None
    return value & 0xFFFFFFFF if -(2**31) <= value < 2**32 else None


def of_hresult(hresult: str) -> Status:
    """Return what an hresult means for the session, and for a message that was with QuickBooks.

    A code that no table has leaves both unknown: the session stops, and QuickBooks is asked at the
    next one.
    """
    return HRESULTS.get(hresult_code(hresult) or 0, HRESULTS["other-code"])


def hresult_sentence(hresult: str, message: str) -> str:
    """Return what an hresult means and what to do, with the Web Connector's words behind it."""
    code, words = hresult.strip(), message.strip()
    said = ": ".join(part for part in (code, words) if part)
    known = of_hresult(hresult).sentence()
    return f"{known} ({said})" if said else known
