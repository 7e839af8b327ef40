"""The conversation with a Web Connector: what each call is answered, and nothing of SOAP.

All state is in rows, locked while a call is answered, so any process can answer any
call and a killed one loses nothing:

    authenticate ─▶ sendRequestXML ─▶ receiveResponseXML ─┐   (until nothing is left)
                         ▲────────────────────────────────┘──▶ closeConnection

A message is stored before it leaves and stays outstanding until its answer is
stored. Of one that was never answered QuickBooks is asked before anything else
goes, by the message's id, and where it has forgotten that, record by record
(protocol.md D.4, D.5). Nothing is ever sent twice unasked.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, text

from hub.books.connections import confirm
from hub.books.models import ListKind, Trouble
from hub.db import HubSession
from hub.errors import QBXMLError
from hub.qbwc import checks, company, imports, inbox, qbxml, readback, statuses
from hub.qbwc.admission import Admission
from hub.qbwc.checks import Checks
from hub.qbwc.messages import Messages
from hub.qbwc.models import Message, Stage, SyncSession
from hub.qbwc.outbox import Outbox
from hub.qbwc.qbxml import Answers, Request
from hub.qbwc.readback import Readbacks
from hub.qbwc.refusals import BOOKED, title
from hub.qbwc.settlement import Settlement
from hub.qbwc.statuses import Action
from hub.qbwc.visits import Visit, now, visit
from hub.tenants.service import StaffRoom

log = logging.getLogger(__name__)

LONGEST = 500
"""Characters kept of a text that the other side sends and people read."""
FAILED = -1
DONE = 100
WAIT = "NoOp"
"""The Web Connector pauses for five seconds and asks again (protocol.md A.3)."""
NOTHING_LEFT = "No data exchange required."
FAREWELL = Request("HostQuery", "0")
"""Where nothing is left: it changes nothing, and its answer ends the session at 100 per cent. An empty
message would have to be explained (protocol.md A.3)."""
UNKNOWN_TICKET = "This session has ended. The Web Connector starts a new one at its next run."
WORDLESS = "QuickBooks gave no company information. Restart QuickBooks, then run again."
MOVED = {0x80040403, 0x80040408}
"""The company file was not found where it was, or QuickBooks could not start with it: the one
that is open may be it, and its stamp will tell."""


class Conversation:
    """Answers one call. ``settings`` are the application's; ``enqueue`` sends a task once the call is
    committed."""

    def __init__(self, db: HubSession, settings: Mapping[str, Any], enqueue: Callable[..., None]):
        self._db = db
        self._settings = settings
        self._enqueue = enqueue

    def authenticate(self, username: str, password: str, address: str = "") -> list[str]:
        """Return what ``Admission.admit`` says: a ticket, or why there is none."""
        return Admission(self._db, self._settings).admit(username, password, address)

    # sendRequestXML

    def send_request(self, ticket: str, hcp: str, company_file: str, country: str = "") -> str:
        """Return the next qbXML message; ``NoOp`` while it is still being prepared; ``""`` when
        something is wrong. The first call of a session says who is there: ``hcp`` are
        QuickBooks' own words, the path of its company file and its edition's country."""
        found = visit(self._db, ticket)
        if found is None or found.is_over or found.session.error:
            return ""
        session = found.session
        if not session.greeted:
            session.last_call = now()
            if not self._greet(found, hcp, company_file, country):
                return ""
        if found.has_inbox:
            inbox.take_in(self._db, session.id, older=inbox.PATIENCE)
            return self._wait(session)
        connection = found.connection
        messages = Messages(self._db, Outbox(self._db, found.tenant, connection))
        if found.outstanding is not None and connection.confirmed:
            session.last_call, session.preparing = now(), False
            return messages.ask(found.outstanding, session)
        if not session.agenda and found.prepared is None and connection.confirmed:
            self._plan(found, messages)
        if session.agenda:
            session.last_call, session.preparing = now(), False
            return self._step(found).request()
        if found.prepared is not None and connection.confirmed:
            return messages.send(found.prepared, session)
        if session.preparing and connection.confirmed:
            return self._wait(session)
        session.last_call, session.preparing = now(), False
        session.messages += 1
        return qbxml.message([FAREWELL], version=connection.company["qbxml"])

    def _plan(self, found: Visit, messages: Messages) -> None:
        """Make the next messages ahead. Where all that is left turned out to be held, what it lacks may
        be in QuickBooks by now: the lists are read again, once in a session."""
        plan = messages.plan()
        session = found.session
        session.planned = session.booked + session.refused + session.imported + plan.left
        session.preparing = not plan.is_complete
        found.prepared = plan.first
        is_stuck = plan.first is None and plan.is_complete and not session.imported
        if is_stuck and messages.outbox.has_held(session.started):
            kinds = messages.outbox.exporter.lists
            session.agenda = imports.news(self._db, found.connection, kinds)

    @staticmethod
    def _wait(session: SyncSession) -> str:
        session.last_call, session.preparing = now(), True
        return WAIT

    def _step(self, found: Visit) -> imports.Imports | Checks | Readbacks:
        """Return who sees to the next step of the agenda."""
        step = found.session.agenda[0]
        if readback.is_readback(step):
            return Readbacks(self._db, found.tenant, found.connection, found.session)
        who = Checks if checks.is_check(step) else imports.Imports
        return who(self._db, found.connection, found.session)

    def _greet(self, found: Visit, hcp: str, company_file: str, country: str) -> bool:
        """Read who is there; return whether it is the company this connection is for."""
        session, connection = found.session, found.connection
        if not hcp:
            return self._object(found, company.Objection(Trouble.NO_COMPANY, WORDLESS))
        try:
            there = company.read(hcp, company_file[:LONGEST], country[:LONGEST])
        except QBXMLError as error:
            return self._object(found, company.Objection(Trouble.NO_COMPANY, str(error)))
        objection = company.objection(there, found.tenant.owner_id, connection)
        if objection:
            here = {"name": there.name[:LONGEST], "path": there.path}
            # A person may have said already that this file is a copy.
            if not here.items() <= connection.found.items():
                connection.found = here
            return self._object(found, objection)
        connection.trouble = connection.problem = None
        connection.found = {}
        connection.company_name = there.name[:LONGEST]
        connection.company_path = there.path or connection.company_path
        facts = there.facts | {"currency": found.tenant.currency}
        outbox = Outbox(self._db, found.tenant, connection)
        if facts != connection.company:
            # A closing date that was moved, a feature that is on: what was held for it may go.
            outbox.release()
        if facts.get("multi_currency") and not connection.company.get("multi_currency"):
            session.agenda = [*session.agenda, {"list": ListKind.CURRENCY.value, "since": ""}]
        connection.company = facts
        if not connection.confirmed and found.tenant.confirm_company:
            confirm(connection)
            StaffRoom(self._db, found.tenant, "Web Connector").audit(
                "company confirmed", company=connection.company_name
            )
        session.greeted = True
        # What was made ahead was made for the company as it was.
        self._db.flush()
        Messages(self._db, outbox).discard_prepared()
        found.prepared = None
        return True

    @staticmethod
    def _object(found: Visit, objection: company.Objection) -> bool:
        found.session.error = objection.sentence
        found.connection.trouble, found.connection.problem = objection.trouble, objection.sentence
        log.warning(
            "nothing may be written",
            extra={"connection": found.connection.id, "trouble": objection.trouble.value},
        )
        return False

    # receiveResponseXML

    def receive_response(self, ticket: str, response: str, hresult: str, message: str) -> int:
        """Settle what QuickBooks answered; return the percentage done, or FAILED."""
        found = visit(self._db, ticket)
        if found is None:
            return FAILED
        if hresult:
            return self._unanswered(found, hresult, message)
        session = found.session
        # Where the company is not confirmed any more, a message that is out waits until it is.
        is_alone = found.outstanding is None or not found.connection.confirmed
        expects_import = is_alone and bool(session.agenda) and not found.is_over
        is_list = expects_import and "list" in session.agenda[0]
        if is_list and len(response) > inbox.LARGE:
            if not found.has_inbox:
                inbox.put(self._db, session, response)
                self._enqueue(inbox.digest, session.tenant_id, session.id)
                found.has_inbox = True
            session.last_call = now()
            return self._percent(found)
        try:
            answers = qbxml.parse_answers(response)
        except QBXMLError as error:
            if found.outstanding is not None and session.asked == found.outstanding.id:
                return self._look_for_each(found, found.outstanding)
            session.error = f"QuickBooks' answer could not be read. {error}"[:LONGEST]
            return FAILED
        answered = self._message_of(found, answers)
        if answered is not None:
            return self._settle(found, answered, answers, response)
        if expects_import and not answers.set_id:
            session.last_call = now()
            if self._step(found).settle(answers):
                # What was held for want of an account or an item may find it now.
                Outbox(self._db, found.tenant, found.connection).release()
        return FAILED if found.is_over else self._percent(found)

    def _message_of(self, found: Visit, answers: Answers) -> Message | None:
        """Return the message that was answered, unless it is settled already. An answer names its
        message; where it does not, it belongs to what this session has sent or asked for last."""
        outstanding, session = found.outstanding, found.session
        if outstanding is not None and answers.set_id in ("", outstanding.set_id):
            if answers.set_id or session.id == outstanding.sent_in or session.asked == outstanding.id:
                return outstanding
            return None
        if not answers.set_id:
            return None
        late = select(Message).filter_by(
            connection_id=found.connection.id, set_id=answers.set_id, stage=Stage.LOST
        )
        return self._db.scalar(late)

    def _settle(self, found: Visit, answered: Message, answers: Answers, raw: str) -> int:
        outbox = Outbox(self._db, found.tenant, found.connection)
        settlement = Settlement(self._db, outbox, found, answered)
        meaning = statuses.of_message_set(answers.set_code)
        if meaning.action is Action.SETTLE or answers.answers:
            settlement.settle(answers, raw)
        elif answers.set_code == statuses.OTHER_CONTENT and found.session.asked == answered.id:
            # QuickBooks has run it, and tells what came of it only to the very same text.
            answered.known = True
            found.session.last_call = now()
            return self._percent(found)
        else:
            settlement.lost()
        found.outstanding = None
        if settlement.resized and found.prepared:
            Messages(self._db, outbox).discard_prepared()
            found.prepared = None
        if settlement.stopped and not found.session.error:
            found.session.error = settlement.stopped
        if found.is_over or found.session.error:
            return FAILED
        return self._percent(found)

    def _unanswered(self, found: Visit, hresult: str, message: str) -> int:
        """QuickBooks could not process the message as a whole (protocol.md A.5)."""
        sentence = statuses.hresult_sentence(hresult[:40], message[:LONGEST])
        session, outstanding = found.session, found.outstanding
        log.warning("quickbooks hresult", extra={"hresult": hresult[:40], "session": session.id})
        unreadable = statuses.hresult_code(hresult) == statuses.UNREADABLE
        if unreadable and outstanding is not None and session.asked == outstanding.id:
            return self._look_for_each(found, outstanding)
        if unreadable and outstanding is not None and outstanding.sent_in == session.id:
            outbox = Outbox(self._db, found.tenant, found.connection)
            Settlement(self._db, outbox, found, outstanding).unreadable(sentence)
            # What was made ahead would let messages grow again before its halves had their turn.
            Messages(self._db, outbox).discard_prepared()
            found.outstanding = found.prepared = None
            return FAILED if found.is_over else self._percent(found)
        session.last_call = now()
        session.error = sentence
        return FAILED

    def _look_for_each(self, found: Visit, outstanding: Message) -> int:
        """Nobody can tell what became of the message as a whole: each operation is looked for by itself."""
        outbox = Outbox(self._db, found.tenant, found.connection)
        Settlement(self._db, outbox, found, outstanding).lost()
        found.outstanding = None
        return FAILED if found.is_over else self._percent(found)

    def _percent(self, found: Visit) -> int:
        """Return the honest percentage, 100 only at the end. The next messages are made here, so that
        the session never goes on for one that cannot be sent."""
        session = found.session
        # A list is read to its end: the next session could not go on with it (protocol.md F).
        in_a_list = bool(session.agenda) and "iterator" in session.agenda[0]
        if self._is_long_enough(session) and not in_a_list:
            return DONE
        if not (session.agenda or found.has_inbox or found.connection.confirmed):
            return DONE
        if not (session.agenda or found.has_inbox or found.outstanding or found.prepared):
            # What was settled in this call must count.
            self._db.flush()
            self._plan(found, Messages(self._db, Outbox(self._db, found.tenant, found.connection)))
            if not (session.agenda or found.prepared or session.preparing):
                return DONE
        done = session.booked + session.refused + session.imported
        return max(1, min(99, 100 * done // max(session.planned + len(session.agenda), done + 1)))

    def _is_long_enough(self, session: SyncSession) -> bool:
        """Whether the session has had its share: QuickBooks and every other application of that
        computer wait for it (protocol.md G.1). The next run goes on."""
        longest = dt.timedelta(minutes=self._settings["qbwc.session_minutes"])
        return (
            session.messages >= self._settings["qbwc.session_messages"]
            or now() - session.started > longest
        )

    # the rest

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """Return ``done``, or once ``""`` where the file was not found in its place: the one that is
        open may be it, and its stamp will tell. To try any other would be to guess."""
        found = visit(self._db, ticket)
        if found is None:
            return "done"
        session, connection = found.session, found.connection
        session.last_call = now()
        sentence = statuses.hresult_sentence(hresult[:40], message[:LONGEST])
        connection.trouble, connection.problem = Trouble.QUICKBOOKS, sentence
        named_a_file = connection.confirmed and connection.company_path and not session.messages
        if named_a_file and statuses.hresult_code(hresult) in MOVED:
            # Nothing has gone out yet; this counts as a message, so it is answered once.
            session.messages = 1
            return ""
        session.error = sentence
        return "done"

    def last_error(self, ticket: str) -> str:
        """Return the sentence that the Web Connector shows, or ``NoOp`` to let it ask again."""
        found = visit(self._db, ticket)
        if found is None:
            return UNKNOWN_TICKET
        if found.session.error:
            return found.session.error
        if found.is_over:
            return UNKNOWN_TICKET
        return WAIT if found.session.preparing else NOTHING_LEFT

    def close(self, ticket: str) -> str:
        """End the session; return the sentence that the Web Connector shows."""
        found = visit(self._db, ticket)
        if found is None:
            return "OK"
        session, connection = found.session, found.connection
        session.closed = session.closed or now()
        url = self._settings["hub.url"]
        if session.error:
            return f"{session.error} See {url}"
        if session.greeted and not connection.confirmed:
            return (
                f"Connected to “{connection.company_name}”. Nothing is written yet: confirm on "
                f"{url} that it is the right company."
            )
        return _summary(session, self._db.execute(_COUNTS, {"connection": connection.id}).one(), url)


def _summary(session: SyncSession, counts: Any, url: str) -> str:
    parts = [
        f"{number} {words}"
        for number, words in (
            (counts.failed, "need you"),
            (counts.held, "held"),
            (counts.waiting, "left for the next run"),
        )
        if number
    ]
    parts += [
        "what was booked before not checked" if what == BOOKED else f"{title(what)} not read"
        for what in counts.refused or ()
    ]
    if not parts:
        return f"{session.booked} booked. All is well."
    return f"{session.booked} booked, {', '.join(parts)}: see {url}"


_COUNTS = text(
    """
    SELECT count(*) FILTER (WHERE state = 'failed') AS failed,
        count(*) FILTER (WHERE state = 'held') AS held,
        count(*) FILTER (WHERE state IN ('queued', 'doubt', 'sent')) AS waiting,
        (
            SELECT array_agg(what ORDER BY what) FROM refusal WHERE connection_id = :connection
        ) AS refused
    FROM operation WHERE connection_id = :connection AND state <> 'done'
    """
)
