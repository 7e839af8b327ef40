"""Mailing the QWC file to whoever sits at the computer with QuickBooks.

The wish is an audit entry, so it is kept in the same transaction as everything else
and its id is all a task needs. What became of it is another entry that names the
first; a task that finds one has nothing left to do.

A mail cannot be taken back, so each goes in a transaction of its own that nothing else
can roll back, and whoever sends it holds a lock that makes any other leave it alone.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import aliased

from hub import mail
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import HubSession
from hub.errors import HubError, Refused
from hub.limits import Limit, in_words
from hub.qbwc import qwc
from hub.tasks import celery
from hub.tenants.models import AuditEntry, Tenant
from hub.tenants.service import StaffRoom, all_tenants

log = logging.getLogger(__name__)

ASKED = "QWC file to be emailed"
SENT = "QWC file emailed"
NOT_SENT = "QWC file could not be emailed"
OVERDUE = dt.timedelta(minutes=2)
FORGOTTEN = dt.timedelta(hours=24)
"""Nobody wants a mail that comes a day late."""
MAILS = Limit(20, 60 * 60)
"""How many one tenant may ask for in an hour."""

BODY = """\
Hello,

attached is the file {filename}. It connects QuickBooks with {name}, for {tenant}.
{note}
On the computer that has QuickBooks, signed in to QuickBooks as its administrator with
your company file open:

1. Save the attached file. Open the QuickBooks Web Connector and click
   "Add an Application".
2. In the window "Browse QWC file", choose {filename} and click Open.
3. In the window "Authorize New Web Service", read the information and click OK.
4. In the window "QuickBooks - Application Certificate", choose "Yes, always; allow access
   even if QuickBooks is not running". Make sure the company file is the right one. Click
   Continue.
5. In the window "Access Confirmation", click Done.
6. In the Web Connector's list, tick the box of the new application and enter the Password.
   The username is {username}.

The password is not in this email or in the file. Ask the person who chose it, or have a
new one made on the Staff page.

If something does not work: {url}/help
"""


class Courier:
    """Asks for the QWC file to be mailed, and remembers what became of it."""

    def __init__(self, db: HubSession, tenant: Tenant, actor: str):
        self._db = db
        self._tenant = tenant
        self._actor = actor

    def ask(self, address: str, note: str) -> int:
        """Write down that the file is wanted at ``address``; return the id of that. The same wish
        within two minutes is the second click on one button.

        :raises Refused: when it is not one email address, or the tenant has asked too often.
        """
        address = mail.address(address, "address")
        # Of two clicks at once one waits here.
        main_connection(self._db, self._tenant, lock=True)
        detail = {"to": address, "note": note}
        recent = select(AuditEntry.id).where(
            AuditEntry.action == ASKED,
            AuditEntry.actor == self._actor,
            AuditEntry.detail == detail,
            AuditEntry.moment > dt.datetime.now(dt.UTC) - OVERDUE,
        )
        if known := self._db.scalar(recent):
            return known
        if seconds := MAILS.wait(str(self._tenant.id)):
            raise Refused(
                "That is as many emails as may go in an hour. "
                f"Wait {in_words(seconds)}, or download the file and send it yourself."
            )
        entry = AuditEntry(actor=self._actor, action=ASKED, detail=detail)
        self._db.add(entry)
        # The task is told its id.
        self._db.flush()
        return entry.id

    def asked(self, entry_id: int) -> AuditEntry | None:
        """Return what was asked for and keep others from it until the end of the transaction; nothing
        when it is done already, or another is at it."""
        key = func.hashtextextended("hub.courier", entry_id)
        if not self._db.scalar(select(func.pg_try_advisory_xact_lock(key))):
            return None
        return self._db.scalar(_unsettled().where(AuditEntry.id == entry_id))

    def overdue(self) -> Sequence[int]:
        """Return the ids of what was asked for a while ago and no task has done."""
        now = dt.datetime.now(dt.UTC)
        span = AuditEntry.moment.between(now - FORGOTTEN, now - OVERDUE)
        query = _unsettled().where(span).order_by(AuditEntry.id)
        return [entry.id for entry in self._db.scalars(query)]

    def history(self) -> Sequence[AuditEntry]:
        """Return the newest entries about mailed files."""
        query = select(AuditEntry).where(AuditEntry.action.in_((ASKED, SENT, NOT_SENT)))
        return self._db.scalars(query.order_by(AuditEntry.id.desc()).limit(10)).all()

    def carry(self, settings: Any, entry: AuditEntry) -> None:
        """Send what ``entry`` asks for and write down what became of it."""
        to, asked = entry.detail["to"], str(entry.id)
        room = StaffRoom(self._db, self._tenant, self._actor)
        try:
            mail.deliver(settings, self._message(settings, entry))
        except HubError as error:
            log.warning("qwc file not mailed", extra={"tenant": self._tenant.id, "entry": entry.id})
            room.audit(NOT_SENT, to=to, asked=asked, reason=str(error))
        else:
            room.audit(SENT, to=to, asked=asked)

    def _message(self, settings: Any, entry: AuditEntry) -> Any:
        connection = main_connection(self._db, self._tenant)
        staff = Integration(self._db, self._tenant, connection, self._actor).login()
        text = qwc.document(settings, self._tenant, connection, staff)
        filename = qwc.filename(self._tenant)
        note = entry.detail.get("note", "").strip()
        body = BODY.format(
            filename=filename,
            name=settings["hub.name"],
            tenant=self._tenant.name,
            note=f"\n{note}\n" if note else "",
            username=staff.login if staff else "",
            url=settings["hub.url"],
        )
        attachment = mail.Attachment(filename, text.encode("ascii"))
        subject = f"QuickBooks Web Connector file for {self._tenant.name}"
        return mail.compose(entry.detail["to"], subject, body, [attachment])


def _unsettled() -> Select[AuditEntry]:
    """Return the query for wishes that nothing has come of yet."""
    outcome = aliased(AuditEntry)
    settled = select(outcome.id).where(
        outcome.action.in_((SENT, NOT_SENT)),
        outcome.detail["asked"].astext == cast(AuditEntry.id, String),
    )
    return select(AuditEntry).where(AuditEntry.action == ASKED, ~settled.exists())


@celery.task(name="hub.qbwc.courier.email_qwc")
def email_qwc(request: Any, tenant_id: int, entry_id: int) -> None:
    """Mail the QWC file that the audit entry asks for, unless that is done."""
    request.db.enter(tenant_id)
    tenant = request.db.get(Tenant, tenant_id)
    if tenant is None:
        return
    courier = Courier(request.db, tenant, "the hub")
    if entry := courier.asked(entry_id):
        courier.carry(request.registry.settings, entry)


@celery.task(name="hub.qbwc.courier.overdue")
def overdue(request: Any) -> None:
    """Nudge once more for what a lost nudge has left behind: each mail in a task of its own."""
    for row in all_tenants(request.db):
        request.db.enter(row.id)
        courier = Courier(request.db, request.db.get_one(Tenant, row.id), "the hub")
        for entry_id in courier.overdue():
            request.enqueue(email_qwc, row.id, entry_id)
