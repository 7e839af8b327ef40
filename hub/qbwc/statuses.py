"""What QuickBooks' codes mean: one table, for the conversation and for people.

A code says what became of the request (``Outcome``), what the hub does next
(``Action``), and in three short sentences what happened, why, and what to do.
Sources: protocol.md A.5 and D.2. An unknown code holds its record and lets the
others go on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """What became of the request."""

    BOOKED = "booked"
    NOT_BOOKED = "not booked"
    UNKNOWN = "unknown"


class Action(enum.StrEnum):
    """What the hub does next."""

    SETTLE = "settle"
    RETRY = "retry"
    NEEDS_PERSON = "needs a person"
    """A person has to do something first."""


@dataclass(frozen=True)
class Status:
    """One code's meaning."""

    outcome: Outcome
    action: Action
    title: str
    cause: str = ""
    next_step: str = ""

    def sentence(self, text: str = "") -> str:
        """Return title, cause, QuickBooks' own words and the next step as one text."""
        said = f"QuickBooks says: “{text.strip()}”" if text.strip() else ""
        return " ".join(part for part in (self.title, self.cause, said, self.next_step) if part)


def _needs_person(title: str, cause: str, next_step: str) -> Status:
    return Status(Outcome.NOT_BOOKED, Action.NEEDS_PERSON, title, cause, next_step)


def _again(title: str, cause: str = "", next_step: str = "The hub tries again by itself.") -> Status:
    return Status(Outcome.NOT_BOOKED, Action.RETRY, title, cause, next_step)


_OUR_FAULT = "This is the hub's fault: tell support, with the record's number."
_CLOSED = _needs_person(
    "That date is in a closed period.",
    "QuickBooks' closing date is on or after it.",
    "Ask whoever keeps the books to open the period, or change the date, then press Try again.",
)

STATUSES: dict[int, Status] = {
    0: Status(Outcome.BOOKED, Action.SETTLE, "Booked."),
    1: Status(Outcome.BOOKED, Action.SETTLE, "QuickBooks found nothing that matches."),
    500: Status(Outcome.BOOKED, Action.SETTLE, "QuickBooks answered in part."),
    510: Status(
        Outcome.UNKNOWN,
        Action.NEEDS_PERSON,
        "QuickBooks may have booked this and did not say so.",
        next_step="The hub asks it at the next run.",
    ),
    550: Status(Outcome.BOOKED, Action.SETTLE, "Booked, but without its notes."),
    570: Status(Outcome.BOOKED, Action.SETTLE, "Booked, but not linked to the other document."),
    1000: Status(
        Outcome.UNKNOWN,
        Action.NEEDS_PERSON,
        "QuickBooks had an internal error.",
        next_step="The hub asks what was booked at the next run.",
    ),
    1010: _again("QuickBooks was not available."),
    1030: _needs_person(
        "This edition of QuickBooks cannot do that.", "", "Ask support what your edition takes."
    ),
    3040: _needs_person("QuickBooks did not accept the amount.", "", _OUR_FAULT),
    3070: _needs_person(
        "A text is longer than QuickBooks keeps.",
        "",
        "Shorten it where the record was made; the new version is sent by itself.",
    ),
    3090: _needs_person(
        "A name holds a colon.",
        "QuickBooks reads a colon as parent and child.",
        "Take the colon out of the name; the new version is sent by itself.",
    ),
    3100: _needs_person(
        "The name is already used in QuickBooks.",
        "Customers, vendors, employees and other names share one list.",
        "Change one of the two names, then press Try again.",
    ),
    3120: _needs_person(
        "QuickBooks no longer has what this refers to.",
        "It was deleted there, or merged with another.",
        "Restore it in QuickBooks or change the record, then press Try again.",
    ),
    3140: _needs_person(
        "QuickBooks does not know something this refers to.",
        "A customer, account, item or class was renamed, deleted or made inactive.",
        "Choose an existing one, import the lists again, then press Try again.",
    ),
    3170: _needs_person(
        "QuickBooks would not change this record.", "", "Put right what it names; press Try again."
    ),
    3171: _CLOSED,
    3175: _again("Somebody has this record open in QuickBooks."),
    3176: _again("Somebody has a related record open in QuickBooks."),
    3180: _needs_person(
        "QuickBooks could not save this.", "", "Put right what it names, then press Try again."
    ),
    3181: _CLOSED,
    3185: _needs_person(
        "QuickBooks would not void this.",
        "",
        "Void it in QuickBooks by hand, or free what it is linked to.",
    ),
    3200: _again("The record was changed in QuickBooks since the hub last saw it."),
    3210: _needs_person(
        "A rule of QuickBooks forbids this.", "", "Put right what it names, then press Try again."
    ),
    3220: _needs_person(
        "The QuickBooks user may not do this.",
        "",
        "Let the Web Connector sign in as a user with full access, then press Try again.",
    ),
    3231: _again("Not looked at, because an earlier request failed."),
    3250: _needs_person(
        "A feature that this needs is switched off in QuickBooks.",
        "",
        "Switch it on under Edit ▸ Preferences in QuickBooks, then press Try again.",
    ),
    3260: _needs_person(
        "The QuickBooks user may not do this.",
        "",
        "Let the Web Connector sign in as a user with full access, then press Try again.",
    ),
    3261: _needs_person(
        "QuickBooks does not let the hub do this.",
        "",
        "Open Edit ▸ Preferences ▸ Integrated Applications in QuickBooks and allow it; press Try again.",
    ),
}

UNANSWERED = Status(Outcome.UNKNOWN, Action.NEEDS_PERSON, "QuickBooks did not say what became of this.")
STALE = 3200
"""The EditSequence is out of date: read the object again, then change it."""

LOCKED = (
    "modified by another user",
    "could not be locked",
    "failed to acquire the lock",
    "is in use",
)
"""Texts that mean "send it again", whatever the code (protocol.md D.2)."""


def status(code: int, text: str = "") -> Status:
    """Return what a statusCode means; unknown ones are held for a person, by their range."""
    if code in (3170, 3175, 3176, 3180) and any(words in text.lower() for words in LOCKED):
        return _again("Somebody else has this record open in QuickBooks.")
    if code in STATUSES:
        return STATUSES[code]
    if 0 <= code < 1000:
        return Status(Outcome.BOOKED, Action.SETTLE, f"Booked, with a remark ({code}).")
    if 3000 <= code < 3100 or 3110 <= code < 3120 or 3150 <= code < 3160:
        return _needs_person(f"QuickBooks did not accept a value ({code}).", "", _OUR_FAULT)
    return _needs_person(
        f"QuickBooks refused this ({code}).", "", "Put right what it names; press Try again."
    )


UNREADABLE = 0x80040400
"""QuickBooks could not read the message; nothing of it was run (protocol.md A.5)."""

_HRESULTS: dict[int, str] = {
    0x80040400: "QuickBooks could not read one of our requests. The hub finds out which one by itself.",
    0x80040401: "QuickBooks cannot be reached. Restart the computer; if that does not help, repair QuickBooks.",
    0x80040402: "QuickBooks had an unexpected error. The hub checks what was booked at the next run.",
    0x80040403: "The company file could not be opened. Open it in QuickBooks by hand, then run again.",
    0x80040408: "QuickBooks could not be started. Open QuickBooks with the company file, then run again.",
    0x8004040A: "Another company file is open. Open the right one in QuickBooks, then run again.",
    0x8004040D: "QuickBooks lost the session. The next run goes on.",
    0x80040410: "The company file is open in another mode. Switch to multi-user mode in QuickBooks, then run again.",
    0x80040414: "A window in QuickBooks waits for an answer. Close every pop-up there, then run again.",
    0x80040416: "QuickBooks is closed. Open it with the company file, then run again.",
    0x80040418: "An administrator must allow the hub first. Sign in to QuickBooks as Admin and run again.",
    0x8004041A: "The hub is not allowed into this company file. Allow it under Edit ▸ Preferences ▸ "
    "Integrated Applications.",
    0x8004041B: "QuickBooks is busy. The next run goes on.",
    0x8004041C: "QuickBooks had an internal problem. Restart it, then run again.",
    0x8004041D: "The hub may not sign in automatically. Allow it under Integrated Applications ▸ Properties.",
    0x8004041E: "The approval has expired. Sign in to QuickBooks and run again.",
    0x80040420: "Somebody pressed No in QuickBooks. Run again and choose Yes.",
    0x80040422: "QuickBooks needs single-user mode for this. Close other programs that use the file.",
    0x80040423: "QuickBooks is too old for these requests. Update QuickBooks.",
    0x80040424: "QuickBooks is still starting. Wait two minutes; the next run goes on.",
    0x80040427: "QuickBooks is not registered. Choose Help ▸ Register QuickBooks.",
}


def hresult_code(text: str) -> int | None:
    """Read an hresult, hexadecimal or decimal, signed or not; None where it is neither."""
    try:
        value = int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        return None
    return value & 0xFFFFFFFF


def hresult_sentence(hresult: str, message: str) -> str:
    """Return what an hresult means and what to do, with the Web Connector's words behind it."""
    known = _HRESULTS.get(hresult_code(hresult) or 0, "QuickBooks could not go on. Run again later.")
    return f"{known} ({hresult}{': ' + message.strip() if message.strip() else ''})"
