"""What a person decides about a connection: which company file is the right one, and when it rests.

Each decision is made once and written into the audit log; made a second time it changes
nothing. Pages and the command line decide here alike.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from hub.books.connections import confirm
from hub.books.models import Connection, Trouble
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.qbwc import imports
from hub.qbwc.outbox import Outbox
from hub.qbwc.pulse import spoken
from hub.tenants.models import Tenant
from hub.tenants.service import StaffRoom

LONGEST_PAUSE = dt.timedelta(days=366)
LONGEST_INTERVAL = 24 * 60
"""Minutes."""
CHANGED = "QuickBooks has another company file open by now. Look again before you confirm."


class Place(NamedTuple):
    """A company file as people know it: its company's name, and where it lies."""

    name: str
    path: str


def waiting(connection: Connection) -> Place | None:
    """Return the company file that waits for a person's word, if one does."""
    if connection.trouble is Trouble.MOVED:
        return Place(connection.found.get("name", ""), connection.found.get("path", ""))
    if connection.company_name and not connection.confirmed:
        return Place(connection.company_name, connection.company_path or "")
    return None


class Decisions:
    """One person's decisions. ``connection`` is locked, as the Web Connector may be changing it."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection, actor: str):
        self._db = db
        self._tenant = tenant
        self._connection = connection
        self._room = StaffRoom(db, tenant, actor)

    def confirm(self, seen: Place) -> None:
        """Take the company file that the person has ``seen`` as the right one.

        :raises Refused: when another one is there by now.
        """
        connection = self._connection
        place = waiting(connection)
        known = Place(connection.company_name or "", connection.company_path or "")
        if place is None and connection.confirmed and seen == known:
            return
        if place is None or place != seen:
            raise Refused(CHANGED)
        detail = {"company": place.name, "path": place.path}
        if connection.trouble is Trouble.MOVED:
            detail |= {"before": known.name, "path_before": known.path}
        confirm(connection)
        self._room.audit("company confirmed", **detail)
        # What was held for want of a company is looked at again.
        self._db.flush()
        Outbox(self._db, self._tenant, connection).review()

    def leave(self, seen: Place) -> None:
        """Take the company file that the person has ``seen`` for a copy: it stays as it is.

        :raises Refused: when another one is there by now.
        """
        connection = self._connection
        if connection.trouble is not Trouble.MOVED or waiting(connection) != seen:
            raise Refused(CHANGED)
        if not connection.found.get("is_copy"):
            connection.found = {**connection.found, "is_copy": True}
            self._room.audit("company file left alone", company=seen.name, path=seen.path)

    def forget(self, seen: Place) -> bool:
        """Forget where the company file that the person has ``seen`` lies, as it was moved: the next
        run takes the one that is open and asks again whether it is right. Return whether anything was
        known of it.

        :raises Refused: when another one is there by now.
        """
        connection = self._connection
        if connection.confirmed is None:
            return False
        if seen != Place(connection.company_name or "", connection.company_path or ""):
            raise Refused(CHANGED)
        connection.company_name = connection.company_path = connection.confirmed = None
        connection.trouble = connection.problem = None
        connection.found = {}
        # Without work for it there would be no run.
        imports.want(self._db, connection)
        self._room.audit("company file looked for", company=seen.name, path=seen.path)
        return True

    def pause(self, until: dt.datetime | None, reason: str = "") -> bool:
        """Send nothing ``until`` then, or go on; return whether that changes anything.

        :raises Refused: when the moment is past, or more than a year ahead.
        """
        now = dt.datetime.now(dt.UTC)
        if until is not None and until <= now:
            raise _refusal("until", f"{spoken(until)} is past. It is {spoken(now)} now.")
        if until is not None and until > now + LONGEST_PAUSE:
            raise _refusal("until", "That is more than a year ahead. Pause for a year at most.")
        before = self._connection.paused_until
        is_paused = before is not None and before > now
        if before == until or (until is None and not is_paused):
            return False
        self._connection.paused_until = until
        detail = {"reason": reason} if reason else {}
        if until is None:
            self._room.audit("connection goes on", **detail)
        else:
            self._room.audit("connection paused", until=spoken(until), **detail)
        return True

    def space(self, minutes: int | None) -> bool:
        """Let at least ``minutes`` lie between two runs, or leave it to the Web Connector; return
        whether that changes anything.

        :raises Refused: when they are less than one, or more than a day.
        """
        if minutes is not None and not 1 <= minutes <= LONGEST_INTERVAL:
            raise _refusal(
                "minutes", f"Choose from 1 to {LONGEST_INTERVAL:,} minutes, or leave it empty."
            )
        seconds = minutes * 60 if minutes else None
        if seconds == self._connection.interval:
            return False
        self._connection.interval = seconds
        said = f"{minutes} minutes" if minutes else "as the Web Connector has it"
        self._room.audit("time between runs changed", least=said)
        return True


def moment(text: str) -> dt.datetime | None:
    """Read a moment in ISO 8601, in UTC unless it says otherwise; nothing where ``text`` is empty.

    :raises Refused: when it cannot be read.
    """
    if not text:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
        return read.replace(tzinfo=read.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        sentence = f"“{text}” is no date and time. Write it like 2026-11-30 18:00, in UTC."
        raise _refusal("until", sentence) from None


def minutes(text: str) -> int | None:
    """Read a whole number of minutes; nothing where ``text`` is empty.

    :raises Refused: when it is no whole number.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise _refusal("minutes", f"“{text}” is no whole number of minutes.")
    return int(text)


def _refusal(field: str, sentence: str) -> Refused:
    return Refused(sentence, [Fault(f"/{field}", sentence)])
