"""What a tenant's page is made of: the tenant, its services, its form, its one answer.

A form that was right answers 303; one that was wrong is shown again with what was
typed and answers 422, so that nothing of it is committed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.books.models import Connection
from hub.errors import Fault, Refused
from hub.exporters.succession import in_use
from hub.ledger.intake import Intake
from hub.qbwc.outbox import Outbox
from hub.security import TenantContext
from hub.tenants.models import Mode, Tenant
from hub.tenants.service import StaffRoom

NOT_KEPT = "The text is not kept any more."


class Form:
    """The fields of a form, as text."""

    def __init__(self, given: Mapping[str, Any]):
        self._given = given

    def __getitem__(self, name: str) -> str:
        return self.text(name)

    def text(self, name: str, most: int = 200, lines: bool = False) -> str:
        """Return a field without blanks around it; empty when it was not sent.

        :raises Refused: when it is too long or holds what cannot be typed.
        """
        value = self._given.get(name, "")
        if not isinstance(value, str):
            raise refusal(name, "This field takes text, not a file.")
        value = value.strip()
        if len(value) > most:
            raise refusal(name, f"This has {len(value):,} characters; {most:,} are allowed.")
        allowed = "\r\n\t" if lines else "\t"
        if any((char < " " and char not in allowed) or "\ud800" <= char < "\ue000" for char in value):
            raise refusal(name, "This holds a character that cannot be kept. Type plain text.")
        return value

    def secret(self, name: str) -> str:
        """Return a password exactly as it was typed."""
        value = self._given.get(name, "")
        if not isinstance(value, str) or len(value) > 500:
            raise refusal(name, "This is too long for a password.")
        return value

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self._given.get(name))

    def typed(self, *names: str) -> dict[str, str]:
        """Return fields as they were typed, to be shown again."""
        given = {name: self._given.get(name, "") for name in names}
        return {name: value[:5000] if isinstance(value, str) else "" for name, value in given.items()}


def refusal(field: str, sentence: str) -> Refused:
    """Return the refusal of one field."""
    return Refused(sentence, [Fault(f"/{field}", sentence)])


def whole(text: str) -> int:
    """Read a number from an address.

    :raises HTTPNotFound: when it is none that a row could have.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise HTTPNotFound
    return int(text)


class Page:
    """One of a tenant's pages."""

    def __init__(self, context: TenantContext, request: Request):
        self.request = request
        self.db = request.db
        assert context.tenant is not None  # else nobody is permitted here
        self.tenant: Tenant = context.tenant
        self.form = Form(request.POST)

    @property
    def actor(self) -> str:
        """Whose name acts are written down under."""
        identity = self.request.identity
        return f"{identity.name} (support)" if identity.is_support else str(identity.name)

    @cached_property
    def modes(self) -> set[Mode]:
        """The mode in force, and the other one where it has left something to be corrected."""
        return in_use(self.db, self.tenant.mode)

    @cached_property
    def connection(self) -> Connection:
        return main_connection(self.db, self.tenant)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.db, self.tenant, self.connection)

    @cached_property
    def room(self) -> StaffRoom:
        return StaffRoom(self.db, self.tenant, self.actor)

    @cached_property
    def integration(self) -> Integration:
        return Integration(self.db, self.tenant, self.connection, self.actor)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.db, self.tenant, self.outbox)

    @property
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    @property
    def kept(self) -> str:
        """What stands in the place of a text that was kept long enough."""
        days = self.request.registry.settings["hub.keep_messages_days"]
        return f"The text was kept for {days} {'day' if days == 1 else 'days'}." if days else NOT_KEPT

    def before(self) -> int:
        """Return the position that a list goes on from; 0 for its beginning."""
        text = self.request.GET.get("before", "")
        return whole(text) if text else 0

    def done(self, sentence: str, route: str, **parts: Any) -> HTTPSeeOther:
        """Go on to another page, which says ``sentence``."""
        if sentence:
            self.request.session.flash(sentence)
        return HTTPSeeOther(self.request.route_path(route, tenant=self.tenant.slug, **parts))

    def again(self, shown: Mapping[str, Any], error: Refused) -> dict[str, Any]:
        """Show the form again, with what is wrong; nothing is committed."""
        self.request.response.status_int = 422
        return {**shown, "fault": Trouble(error)}


class Trouble:
    """What is wrong with a form: a sentence, and one for each field."""

    def __init__(self, error: Refused):
        self.sentence = str(error)
        self.fields = {
            fault.pointer.strip("/").replace("/", "."): fault.sentence for fault in error.faults
        }

    def __getitem__(self, field: str) -> str:
        return self.fields.get(field, "")

    def others(self) -> list[tuple[str, str]]:
        """Return the sentences that are not the first one's own."""
        return [(field, text) for field, text in self.fields.items() if text != self.sentence]
