"""Who may come in: a Web Connector that knocks gets a ticket, or is told why not.

One session at a time for a connection; a second Web Connector with the same login is busy until
the first went quiet, then takes over (protocol.md A.4).
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists, select, text

from hub.books.models import Connection
from hub.db import HubSession
from hub.qbwc import checks, imports, readback
from hub.qbwc.models import Message, Stage, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.visits import knock, now
from hub.security import Throttled, digest, find_login, sign_in_connector
from hub.tenants.models import StaffKind, Tenant

log = logging.getLogger(__name__)

GONE_AWAY = "The Web Connector went away in mid-run."
THINKING = dt.timedelta(minutes=10)
"""How long QuickBooks may be at work on a message before another computer may take over."""


class Admission:
    """Answers authenticate. ``settings`` are the application's."""

    def __init__(self, db: HubSession, settings: Mapping[str, Any]):
        self._db = db
        self._settings = settings

    def admit(self, username: str, password: str, address: str) -> list[str]:
        """Return a ticket and ``""`` (or the company file to open) to go on, or ``nvu``, ``none`` or
        ``busy``; then seconds to postpone and the least between two runs, where they are set
        (protocol.md A.3). ``address`` is where the call comes from.
        """
        login = sign_in_connector(self._db, username, password, address)
        if isinstance(login, Throttled):
            # Nobody has looked at the password, so nobody may call it wrong.
            log.warning("web connector slowed down", extra={"seconds": round(login.seconds)})
            return ["", "busy"]
        if login is None or login.tenant_id is None:
            log.warning("web connector refused")
            self._remember_refusal(username, address)
            return ["", "nvu"]
        found = knock(self._db, login.tenant_id, login.id)
        if found is None:
            return ["", "nvu"]
        connection, tenant, live = found.connection, found.tenant, found.live
        least = str(connection.interval or "")
        # Two strings or four: three have never been seen to work (protocol.md A.3).
        timing = ["", least] if least else []
        if pause := _seconds_left(connection.paused_until):
            return ["", "none", str(pause), least]
        if live is not None and not self._has_given_way(live, connection, address):
            return ["", "busy", *timing]
        if found.has_held and connection.confirmed:
            # What is new waits for its parents, and QuickBooks may know what the hub does not.
            Outbox(self._db, tenant, connection).release(Outbox.is_due())
        has_work = found.has_work and connection.confirmed is not None
        is_needed = has_work or imports.due(connection) or not connection.company
        if not (is_needed or readback.is_due(self._db, connection)):
            return ["", "none", *timing]
        path = connection.company_path if connection.confirmed else ""
        return [self._open(connection, tenant, address), path or "", *timing]

    def _remember_refusal(self, username: str, address: str) -> None:
        """Let the tenant read that a wrong password comes, and from where."""
        login = find_login(self._db, username)
        if not (login and login.active and login.tenant_id) or login.kind != StaffKind.INTEGRATION:
            return
        self._db.enter(login.tenant_id)
        self._db.execute(_REFUSED, {"staff": login.id, "address": address[:100]})

    def _has_given_way(self, live: SyncSession, connection: Connection, address: str) -> bool:
        """Whether the live session went quiet, so that this one takes over.

        A Web Connector runs one session at a time (protocol.md A.2), so one that knocks from the
        same address has given up the last. From another address QuickBooks may still be at work.
        """
        quiet = dt.timedelta(seconds=self._settings["qbwc.quiet_seconds"])
        working = exists().where(
            Message.connection_id == connection.id, Message.stage == Stage.OUTSTANDING
        )
        if address != live.address and self._db.scalar(select(working)):
            quiet = max(quiet, THINKING)
        if live.last_call > now() - quiet:
            return False
        live.closed = now()
        live.error = live.error or GONE_AWAY
        # The new session takes the live one's place.
        self._db.flush()
        return True

    def _open(self, connection: Connection, tenant: Tenant, address: str) -> str:
        ticket = secrets.token_hex(16)
        outbox = Outbox(self._db, tenant, connection)
        agenda = imports.agenda(self._db, connection, outbox.exporter.lists)
        planned = len(agenda) + outbox.count(State.QUEUED, State.HELD, State.DOUBT) if agenda else 0
        self._db.add(
            SyncSession(
                connection_id=connection.id,
                ticket_digest=digest(ticket),
                address=address[:100],
                agenda=[
                    *checks.agenda(self._db, connection),
                    *readback.agenda(self._db, connection),
                    *agenda,
                ],
                planned=planned,
            )
        )
        return ticket


def _seconds_left(until: dt.datetime | None) -> int:
    return max(0, math.ceil((until - now()).total_seconds())) if until else 0


_REFUSED = text(
    """
    UPDATE connection
    SET refused = now(), refused_from = :address, refused_count = refused_count + 1
    WHERE id = (
        SELECT id FROM connection
        WHERE staff_id = :staff AND (refused IS NULL OR refused < now() - interval '30 seconds')
        FOR UPDATE SKIP LOCKED
    )
    """
)
"""Whoever guesses fast is counted twice a minute, and keeps no live session waiting."""
