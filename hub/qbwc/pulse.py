"""How a connection is doing: a word, a sentence, and the one thing to do next (product.md 2.3, 6.3)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from hub.books.models import Connection, Trouble
from hub.qbwc import statuses
from hub.qbwc.models import SyncSession
from hub.qbwc.qwc import RUN_EVERY_MINUTES

SILENT = dt.timedelta(hours=24)
THINKING = dt.timedelta(seconds=60)
INTERRUPTED = dt.timedelta(minutes=10)

_SAID = re.compile(r"\((0x[0-9A-Fa-f]{8}|-\d{9,10})\b")
"""The hresult that a sentence ends with, in brackets and before the Web Connector's own words."""


@dataclass(frozen=True)
class Pulse:
    """How a connection is doing."""

    word: str
    tone: str
    """``good``, ``busy``, ``attention`` or ``bad``."""
    sentence: str
    route: str = ""
    """The page of the next step, and what its button says."""
    button: str = ""
    place: str = ""
    """Where on that page: a fragment such as ``#company``."""


def pulse(connection: Connection, last: SyncSession | None, now: dt.datetime) -> Pulse:
    """Say how ``connection`` is doing; ``last`` is its newest session."""
    if connection.staff_id is None:
        return Pulse(
            "Not set up",
            "attention",
            "No Web Connector has been set up yet. Download the QWC file and add it on the computer "
            "that has QuickBooks.",
            "qwc",
            "Download QWC file",
        )
    is_at_work = last is not None and last.closed is None and now - last.last_call < INTERRUPTED
    if connection.refused and not is_at_work:
        return _wrong_password(connection, connection.refused)
    if connection.last_seen is None:
        return Pulse(
            "Never connected",
            "attention",
            "The QWC file is made, and no Web Connector has called yet. Add the file in the Web "
            "Connector, enter the password, tick the box and press Update Selected.",
            "qwc",
            "Show the six steps",
        )
    if connection.paused_until and connection.paused_until > now and not is_at_work:
        return Pulse(
            "Paused by you",
            "attention",
            f"Nothing is sent before {spoken(connection.paused_until)}. What is billed meanwhile waits.",
            "connection",
            "Go on sooner",
            "#timing",
        )
    if connection.trouble:
        return _troubled(connection, connection.trouble)
    if connection.company_name and not connection.confirmed:
        return Pulse(
            "Waits for you",
            "attention",
            f"QuickBooks has “{connection.company_name}” open. Nothing is written into it until "
            "somebody says that these are your books.",
            "connection",
            "Look and confirm",
            "#company",
        )
    if last is not None and last.closed is None and now - last.last_call < SILENT:
        return _syncing(last, now - last.last_call)
    if connection.company_name is None:
        return Pulse(
            "No company file yet",
            "attention",
            "The Web Connector has called, and has not brought a company file yet. Open your company "
            "file in QuickBooks: the next run reads it, and you are asked here whether it is right.",
            "connection",
            "See the connection",
            "#company",
        )
    return _idle(connection, connection.last_seen, last, now)


def spoken(moment: dt.datetime) -> str:
    """Return a moment as sentences have it: ``24 Nov 2026, 16:00 UTC``."""
    utc = moment.astimezone(dt.UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def anchor(code: int | None, sentence: str = "") -> str:
    """Return where the help page tells of ``code``, a statusCode, or else of the hresult that
    ``sentence`` names; empty where it tells of neither."""
    if code is not None:
        known = statuses.status(code)
        return f"#{code}" if str(code) in known.codes else known.anchor
    said = _SAID.search(sentence)
    return statuses.of_hresult(said[1]).anchor if said else ""


def _wrong_password(connection: Connection, refused: dt.datetime) -> Pulse:
    where = connection.refused_from or "an unknown address"
    # Whoever guesses fast is counted twice a minute.
    many = "once" if connection.refused_count <= 1 else f"at least {connection.refused_count:,} times"
    return Pulse(
        "Wrong password",
        "bad",
        f"The Web Connector at {where} has come with a wrong password {many}, last at "
        f"{spoken(refused)}. In the Web Connector, click into the Password field of this application, "
        "type the password, press Enter, answer Yes to save it, tick the box and press Update Selected.",
        "staff",
        "Make a new password",
    )


_TROUBLES: dict[Trouble, tuple[str, str, str, str]] = {
    Trouble.NO_COMPANY: ("No company information", "help", "What to check", ""),
    Trouble.UNSTAMPED: ("Not marked", "qwc", "Download QWC file", ""),
    Trouble.WRONG_FILE: ("Wrong company file", "connection", "See which one is expected", "#company"),
    Trouble.MOVED: ("Company file moved or copied", "connection", "Say which it is", "#company"),
    Trouble.SAMPLE: ("Sample company", "help", "What to do", ""),
    Trouble.COUNTRY: ("Other country", "help", "What to do", ""),
    Trouble.QUICKBOOKS: ("Blocked by QuickBooks", "help_codes", "What to do", ""),
}
"""The word of each trouble, and its next step."""


def _troubled(connection: Connection, trouble: Trouble) -> Pulse:
    word, route, button, place = _TROUBLES[trouble]
    sentence = connection.problem or ""
    if trouble is Trouble.QUICKBOOKS:
        place = anchor(None, sentence)
    if trouble is Trouble.MOVED:
        if connection.found.get("is_copy"):
            return Pulse(
                "Copy left alone",
                "attention",
                f"“{connection.found['name']}” is a copy, and nothing is written into it. Open "
                f"“{connection.company_name}” in QuickBooks; the next run goes on with it.",
                route,
                "See which one is expected",
                place,
            )
        sentence = (
            f"QuickBooks has “{connection.found.get('name')}” open, which carries this connection's "
            "mark in another place or under another name. Nothing is written until somebody says "
            "whether it was moved or is a copy."
        )
    return Pulse(word, "bad", sentence, route, button, place)


def _syncing(session: SyncSession, quiet: dt.timedelta) -> Pulse:
    done = session.booked + session.refused + session.imported
    planned = max(session.planned + len(session.agenda), done)
    many = f"{done:,} of {planned:,}" if planned else "the start"
    if quiet > INTERRUPTED:
        return Pulse(
            "Interrupted",
            "attention",
            f"The last run broke off at {many}: nothing has come for ten minutes. Nothing is lost: the "
            "next run first asks QuickBooks what it has booked, then goes on.",
            "history",
            "See the runs",
        )
    if quiet > THINKING:
        minutes, seconds = divmod(int(quiet.total_seconds()), 60)
        sentence = (
            f"At {many}, last answer {minutes} min {seconds} s ago. QuickBooks is thinking, or a window is "
            "open on that computer and waits for an answer."
        )
    else:
        sentence = f"At {many}, last answer {int(quiet.total_seconds())} s ago. You may leave this page."
    return Pulse("Syncing", "busy", sentence)


def _idle(
    connection: Connection, seen: dt.datetime, last: SyncSession | None, now: dt.datetime
) -> Pulse:
    minutes = max(RUN_EVERY_MINUTES, (connection.interval or 0) // 60)
    if now - seen > SILENT:
        return Pulse(
            "Silent",
            "bad",
            "The Web Connector has not called for more than a day. Wake the computer, open the Web "
            "Connector and tick Auto-Run.",
            "help",
            "What to check",
        )
    if last is not None and last.error:
        return Pulse(
            "Problem", "bad", f"The last run ended early. {last.error}", "history", "See the runs"
        )
    if now - seen > 2 * dt.timedelta(minutes=minutes):
        return Pulse(
            "Late",
            "attention",
            f"The Web Connector usually calls every {minutes} minutes and has missed some. Is "
            "the computer awake and the Web Connector open?",
            "help",
            "What to check",
        )
    company = connection.company_name or "QuickBooks"
    return Pulse("Connected", "good", f"“{company}” is connected.")
