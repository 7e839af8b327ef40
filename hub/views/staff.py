"""Staff, API tokens and the audit log.

A one-time secret is proposed with the form and shown on the page that answers it, so
a second click finds it set already and shows the same one. It is in no address,
cookie or log.
"""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.security import Permission, find_login, new_password, password_matches, remember
from hub.tenants.models import Staff, StaffKind
from hub.tenants.service import propose_token
from hub.views.page import Page, refusal, whole

_TOKEN = re.compile(r"hub_[A-Za-z0-9_-]{43}")
AUDIT_PAGE = 100


@view_defaults(route_name="staff", renderer="hub:templates/staff.jinja2", permission=Permission.READ)
class StaffPage(Page):
    """People and integration logins in one table, and the API tokens."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._shown({"email": "", "proposal": new_password()})

    def _shown(self, typed: dict[str, str], **secret: Any) -> dict[str, Any]:
        return {
            "typed": typed,
            "people": self.room.all(),
            "connection": self.connection,
            "StaffKind": StaffKind,
            "tokens": self.room.tokens(),
            "token_proposal": propose_token(),
            "secret": secret,
        }

    @view_config(request_method="POST", permission=Permission.STAFF)
    def add(self) -> Any:
        try:
            email, password = self.form["email"], self.form.secret("proposal")
            staff = self._added(email, password)
        except Refused as error:
            typed = self.form.typed("email", "proposal")
            return self.again(self._shown(typed), _renamed(error, "username", "email"))
        return self._shown(
            {"email": "", "proposal": new_password()}, login=staff.login, password=password
        )

    def _added(self, email: str, password: str) -> Staff:
        for staff in self.room.all():
            own = staff.kind is StaffKind.PERSON and staff.login.lower() == email.lower()
            if own and password_matches(password, staff.password_hash):
                return staff
        return self.room.add_person(email, password)[0]


def _renamed(error: Refused, before: str, now: str) -> Refused:
    """Return ``error`` with a fault of one field told on another."""
    faults = [
        type(fault)(fault.pointer.replace(f"/{before}", f"/{now}"), fault.sentence)
        for fault in error.faults
    ]
    return Refused(str(error), faults)


@view_defaults(route_name="member", renderer="hub:templates/member.jinja2", permission=Permission.READ)
class MemberPage(Page):
    """One member of staff: a new password, access on or off."""

    @property
    def staff(self) -> Staff:
        return self.room.get(whole(self.request.matchdict["id"]))

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._shown(new_password())

    def _shown(self, proposal: str, password: str = "") -> dict[str, Any]:
        return {
            "staff": self.staff,
            "StaffKind": StaffKind,
            "proposal": proposal,
            "password": password,
            "is_self": self.staff.login.lower() == self.request.identity.name.lower(),
        }

    @view_config(request_method="POST", request_param="act=password", permission=Permission.STAFF)
    def change_password(self) -> Any:
        staff = self.staff
        try:
            own, password = self.form.secret("own"), self.form.secret("proposal")
            if own and own != self.form.secret("repeated"):
                raise refusal("repeated", "The two passwords differ. Type the same one twice.")
            password = own or password
            if not password_matches(password, staff.password_hash):
                self.room.change_password(staff, password)
        except Refused as error:
            return self.again(self._shown(new_password()), _renamed(error, "password", "own"))
        # Whoever changes their own password stays signed in.
        self.db.flush()
        login = find_login(self.db, staff.login)
        if login is not None and staff.login.lower() == self.request.identity.name.lower():
            remember(self.request, login, staff.login)
        return self._shown(new_password(), password)

    @view_config(request_method="POST", permission=Permission.STAFF)
    def switch(self) -> Any:
        staff, wanted = self.staff, self.form["act"]
        try:
            if wanted not in ("on", "off"):
                raise refusal("act", "Choose what to do.")
            if staff.active != (wanted == "on"):
                self.room.switch(staff, wanted == "on")
        except Refused as error:
            return self.again(self._shown(new_password()), error)
        return self.done(f"Access of {staff.login} is {wanted}.", "staff")


@view_defaults(route_name="tokens", renderer="hub:templates/staff.jinja2", permission=Permission.STAFF)
class TokensPage(StaffPage):
    """A new API token, shown once."""

    @view_config(request_method="POST")
    def make(self) -> Any:
        proposal = self.form.secret("proposal")
        if not _TOKEN.fullmatch(proposal):
            return self.again(self.show(), Refused("The form is out of date. Press the button again."))
        token = self.room.new_token(proposal)
        # The list below is to show it.
        self.db.flush()
        return self._shown({"email": "", "proposal": new_password()}, token=token)

    @view_config(request_method="GET")
    def back(self) -> HTTPSeeOther:
        return self.done("", "staff")


@view_defaults(route_name="token", permission=Permission.STAFF)
class TokenPage(Page):
    """The end of an API token."""

    @view_config(request_method="POST")
    def revoke(self) -> HTTPSeeOther:
        self.room.revoke(whole(self.request.matchdict["id"]))
        return self.done("The API token is revoked. Whatever used it is refused from now on.", "staff")

    @view_config(request_method="GET")
    def back(self) -> HTTPSeeOther:
        return self.done("", "staff")


@view_defaults(route_name="audit", renderer="hub:templates/audit.jinja2", permission=Permission.READ)
class AuditPage(Page):
    """Who did what, and when."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        entries = self.room.audit_log(AUDIT_PAGE + 1, self.before())
        shown = entries[:AUDIT_PAGE]
        return {
            "entries": shown,
            "next": shown[-1].id if len(entries) > AUDIT_PAGE else 0,
            "before": self.before(),
        }
