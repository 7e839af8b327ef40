"""The conversation with a Web Connector: what each call is answered, and nothing of SOAP.

All state is in rows, locked while a call is answered, so any process can answer any
call and a killed one loses nothing:

    authenticate ─▶ sendRequestXML ─▶ receiveResponseXML ─┐   (until nothing is left)
                         ▲────────────────────────────────┘──▶ closeConnection

A message is stored before it leaves and stays outstanding until its answer is
stored. One that was never answered goes out again, the very same text under the
same id, before anything else: QuickBooks then returns the stored outcome instead
of running it twice (protocol.md D.4).
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text

from hub.books import lists
from hub.books.connections import confirm
from hub.books.models import Connection
from hub.db import HubSession
from hub.errors import QBXMLError
from hub.qbwc import company, imports, qbxml, statuses
from hub.qbwc.messages import Messages
from hub.qbwc.models import Message, State, SyncSession
from hub.qbwc.outbox import Outbox
from hub.security import Login, Throttled, digest, sign_in_connector
from hub.tenants.models import Tenant
from hub.tenants.service import StaffRoom

log = logging.getLogger(__name__)

LONGEST = 500
"""Characters kept of a text that the other side sends and people read."""
FAILED = -1
DONE = 100
NOTHING_LEFT = "No data exchange required."
UNKNOWN_TICKET = "This session has ended. The Web Connector starts a new one at its next run."


class Conversation:
    """Answers one call. ``settings`` are the application's."""

    def __init__(self, db: HubSession, settings: Mapping[str, Any]):
        self._db = db
        self._settings = settings

    # authenticate

    def authenticate(self, username: str, password: str, address: str = "") -> list[str]:
        """Return a ticket and ``""`` to go on, or ``nvu``, ``none`` or ``busy`` (protocol.md A.3).

        ``address`` is where the call comes from.
        """
        login = sign_in_connector(self._db, username, password, address)
        if not isinstance(login, Login) or login.tenant_id is None:
            log.warning("web connector refused", extra={"throttled": isinstance(login, Throttled)})
            return ["", "nvu"]
        self._db.enter(login.tenant_id)
        query = select(Connection).filter_by(staff_id=login.id).with_for_update()
        connection = self._db.scalar(query)
        if connection is None:
            return ["", "nvu"]
        tenant = self._db.get_one(Tenant, login.tenant_id)
        connection.last_seen = now()
        if self._is_busy(connection):
            return ["", "busy"]
        outbox = Outbox(self._db, tenant, connection)
        if connection.confirmed:
            # Why something was held may be gone: a parent booked, a name put right in QuickBooks.
            outbox.release()
        if not self._has_work(connection, Messages(self._db, outbox)):
            return ["", "none"]
        return [self._open(connection, outbox), ""]

    def _is_busy(self, connection: Connection) -> bool:
        """Whether another session is live; one that went quiet is closed and taken over."""
        query = select(SyncSession).filter_by(connection_id=connection.id, closed=None)
        live = self._db.scalar(query)
        quiet = dt.timedelta(seconds=self._settings["qbwc.quiet_seconds"])
        if live is None or live.last_call > now() - quiet:
            return live is not None
        live.closed = now()
        live.error = live.error or "The Web Connector went away in mid-run."
        # The new session takes the live one's place.
        self._db.flush()
        return False

    def _has_work(self, connection: Connection, messages: Messages) -> bool:
        if not connection.company or imports.due(connection):
            return True
        if not connection.confirmed:
            return False
        return messages.outstanding() is not None or messages.outbox.waiting() > 0

    def _open(self, connection: Connection, outbox: Outbox) -> str:
        ticket = secrets.token_hex(16)
        agenda = imports.agenda(outbox.exporter.lists) if imports.due(connection) else []
        self._db.add(
            SyncSession(connection_id=connection.id, ticket_digest=digest(ticket), agenda=agenda)
        )
        return ticket

    # the session of a ticket

    def _session(self, ticket: str) -> SyncSession | None:
        """Return the session of ``ticket``, locked, and enter its tenant."""
        found = self._db.execute(
            text("SELECT tenant_id, id FROM hub_ticket(:digest)"), {"digest": digest(ticket)}
        ).one_or_none()
        if found is None:
            return None
        self._db.enter(found.tenant_id)
        session = self._db.scalars(select(SyncSession).filter_by(id=found.id)).one()
        # In the order in which authenticate takes them; whoever was first is seen afterwards.
        self._db.scalars(select(Connection).filter_by(id=session.connection_id).with_for_update()).one()
        self._db.refresh(session)
        session.last_call = now()
        return session

    def _messages(self, session: SyncSession) -> Messages:
        connection = self._db.get_one(Connection, session.connection_id)
        tenant = self._db.get_one(Tenant, session.tenant_id)
        return Messages(self._db, Outbox(self._db, tenant, connection))

    # sendRequestXML

    def send_request(self, ticket: str, hcp: str, company_file: str) -> str:
        """Return the next qbXML message, or ``""`` when there is none or something is wrong."""
        session = self._session(ticket)
        if session is None or session.closed:
            return ""
        messages = self._messages(session)
        outbox = messages.outbox
        if not session.greeted and not self._greet(session, messages, hcp, company_file):
            return ""
        todo = imports.Imports(self._db, outbox.connection, session)
        if session.agenda and messages.outstanding() is None:
            return todo.request()
        message = messages.next() if outbox.connection.confirmed else None
        if message is not None:
            message.sent_in = session.id
            return message.text
        if session.imported:
            return ""
        # All that waits is held. What it lacks may be in QuickBooks by now, so look there.
        session.agenda = imports.agenda(kind for kind in outbox.exporter.lists if kind not in lists.LONG)
        return todo.request()

    def _greet(self, session: SyncSession, messages: Messages, hcp: str, company_file: str) -> bool:
        """Read who is there; return whether it is the company this connection is for."""
        connection = messages.outbox.connection
        if not hcp:
            session.error = "QuickBooks gave no company information. Restart QuickBooks, then run again."
            return False
        tenant = self._db.get_one(Tenant, session.tenant_id)
        try:
            found = company.read(hcp)
        except QBXMLError as error:
            session.error = str(error)
            return False
        connection.problem = company.objection(found, tenant.owner_id, connection.file_id)
        if connection.problem:
            session.error = connection.problem
            log.warning("wrong company file", extra={"connection": connection.id})
            return False
        connection.company_name = found.name[:LONGEST]
        connection.company_path = company_file[:LONGEST] or None
        connection.company = found.facts | {"currency": tenant.currency}
        if not connection.confirmed and tenant.confirm_company:
            confirm(connection)
            StaffRoom(self._db, tenant, "Web Connector").audit(
                "company confirmed", company=found.name[:LONGEST]
            )
        session.greeted = True
        messages.discard_unsent()
        return True

    # receiveResponseXML

    def receive_response(self, ticket: str, response: str, hresult: str, message: str) -> int:
        """Settle what QuickBooks answered; return the percentage done, or FAILED."""
        session = self._session(ticket)
        if session is None:
            return FAILED
        messages = self._messages(session)
        outstanding = messages.outstanding()
        if outstanding is not None and outstanding.sent_in != session.id:
            outstanding = None
        if hresult:
            return self._unanswered(session, messages, outstanding, hresult, message)
        try:
            answers = qbxml.parse_answers(response)
        except QBXMLError as error:
            session.error = f"QuickBooks' answer could not be read. {error}"
            return FAILED
        if outstanding is not None:
            messages.settle(outstanding, answers, response, session)
        elif session.agenda and not session.closed:
            todo = imports.Imports(self._db, messages.outbox.connection, session)
            if todo.settle(answers):
                # What was held for lack of a name may have one now.
                messages.outbox.release()
        return FAILED if session.closed else self._percent(session, messages)

    def _unanswered(
        self,
        session: SyncSession,
        messages: Messages,
        outstanding: Message | None,
        hresult: str,
        message: str,
    ) -> int:
        """QuickBooks could not process the message as a whole (protocol.md A.5)."""
        sentence = statuses.hresult_sentence(hresult[:40], message[:LONGEST])
        log.warning("quickbooks hresult", extra={"hresult": hresult, "session": session.id})
        if statuses.hresult_code(hresult) == statuses.UNREADABLE and outstanding is not None:
            messages.unreadable(outstanding, sentence, session)
            return self._percent(session, messages)
        session.error = sentence
        return FAILED

    def _percent(self, session: SyncSession, messages: Messages) -> int:
        """Return the honest percentage, 100 only at the end. The next message is made here, so that
        the session never goes on for one that cannot be sent."""
        # What was settled in this call must count.
        self._db.flush()
        left = len(session.agenda)
        if messages.outbox.connection.confirmed and (left or messages.next()):
            left += messages.outbox.waiting() + 1
        if not left:
            return DONE
        done = session.booked + session.refused + session.imported
        return max(1, min(99, 100 * done // (done + left)))

    # the rest

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """Return ``done``: to try another company file would be to guess."""
        session = self._session(ticket)
        if session is not None:
            session.error = statuses.hresult_sentence(hresult[:40], message[:LONGEST])
            connection = self._db.get_one(Connection, session.connection_id)
            connection.problem = session.error
        return "done"

    def last_error(self, ticket: str) -> str:
        """Return the sentence that the Web Connector shows."""
        session = self._session(ticket)
        if session is None:
            return UNKNOWN_TICKET
        return session.error or NOTHING_LEFT

    def close(self, ticket: str) -> str:
        """End the session; return the sentence that the Web Connector shows."""
        session = self._session(ticket)
        if session is None:
            return "OK"
        session.closed = session.closed or now()
        url = self._settings["hub.url"]
        if session.error:
            return f"{session.error} See {url}"
        outbox = self._messages(session).outbox
        if session.greeted and not outbox.connection.confirmed:
            return (
                f"Connected to “{outbox.connection.company_name}”. Nothing is written yet: confirm on "
                f"{url} that it is the right company."
            )
        failed, held = outbox.count(State.FAILED), outbox.count(State.HELD)
        parts = [f"{failed} need you"] * bool(failed) + [f"{held} held"] * bool(held)
        if not parts:
            return f"{session.booked} booked. All is well."
        return f"{session.booked} booked, {', '.join(parts)}: see {url}"


def now() -> dt.datetime:
    """Return this instant in UTC."""
    return dt.datetime.now(dt.UTC)
