"""Tenants and their staff: made, listed, changed, and every act written down."""

from __future__ import annotations

import datetime as dt
import logging
import re
import secrets
import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text, update

from hub import mail
from hub.db import HubSession
from hub.errors import Fault, HubError, NotFound, Refused
from hub.security import digest, find_login, hash_password, new_password
from hub.tenants.models import (
    APIToken,
    Approval,
    AuditEntry,
    Mode,
    Policy,
    Staff,
    StaffKind,
    SupportStaff,
    Tenant,
)

log = logging.getLogger(__name__)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{2,49}")


def slugs(name: str) -> list[str]:
    """Return the slugs to try for a tenant called ``name``, the plainest first."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-")
    slug = slug if len(slug) >= 2 else f"tenant-{slug}".strip("-")
    return [slug, *(f"{slug}-{number}" for number in range(2, 100))]


def create_tenant(
    db: HubSession,
    name: str,
    mode: Mode,
    currency: str = "USD",
    confirm_company: bool = False,
    actor: str = "an operator",
    approval: Approval = Approval.AFTER_FIRST,
) -> Tenant:
    """Create a tenant for ``actor`` and enter it.

    :raises Refused: when the name is empty or too long, or the currency is none.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100 or _CONTROL.search(name):
        raise Refused("A tenant needs a name of 1 to 100 characters, all on one line.")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Refused(f"“{currency}” is no currency: write three capital letters, such as USD.")
    query = text("SELECT hub_new_tenant(:slug, :name, :mode, :currency, :confirm)")
    for slug in slugs(name):
        values = {"slug": slug, "name": name, "mode": mode.value, "currency": currency}
        if tenant_id := db.execute(query, values | {"confirm": confirm_company}).scalar():
            db.enter(tenant_id)
            tenant = db.get_one(Tenant, tenant_id)
            db.add(Policy(approval=approval))
            StaffRoom(db, tenant, actor).audit("tenant created", name=name, mode=mode.label)
            return tenant
    raise HubError(f"There are a hundred tenants called “{name}” already; choose another name.")


def open_tenant(db: HubSession, slug: str) -> Tenant:
    """Enter the tenant with this slug.

    :raises NotFound: when there is none.
    """
    tenant_id = db.execute(text("SELECT hub_tenant(:slug)"), {"slug": slug}).scalar()
    if not tenant_id:
        raise NotFound(f"There is no tenant “{slug}”.")
    db.enter(tenant_id)
    return db.get_one(Tenant, tenant_id)


def all_tenants(db: HubSession) -> Sequence[Any]:
    """Return id, slug, name and mode of every tenant, for the hub's support staff."""
    return db.execute(text("SELECT * FROM hub_tenants()")).all()


def add_support(db: HubSession, login: str) -> str:
    """Create a member of the hub's own support staff; return the one-time password."""
    login = _email(login)
    _check_free(db, login)
    password = new_password()
    db.add(SupportStaff(login=login, password_hash=hash_password(password)))
    # Support staff belong to no tenant, whose audit log could have it.
    log.info("support staff added", extra={"login": login})
    return password


def propose_token() -> str:
    """Return an API token that nobody has yet."""
    return f"hub_{secrets.token_urlsafe(32)}"


def _email(address: str) -> str:
    """Return the login ``address`` as it was typed, for so it is typed again, without blanks around it.

    :raises Refused: when it is not one email address.
    """
    mail.address(address, "email")
    return address.strip()


def _check_free(db: HubSession, login: str) -> None:
    if find_login(db, login):
        sentence = f"The login “{login.strip()}” is taken; choose another."
        raise Refused(sentence, [Fault("/username", sentence)])


def seen(db: HubSession, tenant_id: int, staff_id: int) -> None:
    """Write down that this member of staff was here just now."""
    db.enter(tenant_id)
    db.execute(update(Staff).where(Staff.id == staff_id).values(last_seen=func.now()))


class StaffRoom:
    """One tenant's staff, API tokens and audit log. ``actor`` is who acts."""

    def __init__(self, db: HubSession, tenant: Tenant, actor: str):
        self._db = db
        self._tenant = tenant
        self.actor = actor

    def all(self) -> Sequence[Staff]:
        """Return people first, then integration logins."""
        return self._db.scalars(select(Staff).order_by(Staff.kind.desc(), Staff.login)).all()

    def get(self, staff_id: int) -> Staff:
        """Return one member of staff.

        :raises NotFound: when the tenant has no such member.
        """
        staff = self._db.scalar(select(Staff).filter_by(id=staff_id))
        if staff is None:
            raise NotFound("There is no such member of staff.")
        return staff

    def add_person(self, email: str, password: str = "") -> tuple[Staff, str]:
        """Add a person who signs in with ``email``; return them and their one-time password."""
        email = _email(email)
        password = password or new_password()
        return self._add(StaffKind.PERSON, email, password), password

    def add_integration(self, username: str, password: str) -> Staff:
        """Add an integration login with Web Service API access.

        :raises Refused: when the name is malformed or taken, or the password unfit.
        """
        username = username.strip()
        if not _USERNAME.fullmatch(username):
            sentence = "The username takes 3 to 50 letters, digits, dots, hyphens, without spaces."
            raise Refused(sentence, [Fault("/username", sentence)])
        return self._add(StaffKind.INTEGRATION, username, password)

    def _add(self, kind: StaffKind, login: str, password: str) -> Staff:
        _check_free(self._db, login)
        staff = Staff(kind=kind, login=login, password_hash=hash_password(password))
        self._db.add(staff)
        # Connections point at the new row.
        self._db.flush()
        self.audit("staff added", login=login, kind=kind.value)
        return staff

    def change_password(self, staff: Staff, password: str) -> None:
        """Set a new password; open sessions of the old one end."""
        staff.password_hash = hash_password(password)
        self.audit("password changed", login=staff.login)

    def switch(self, staff: Staff, active: bool) -> None:
        """Switch access on or off.

        :raises Refused: when a person would lock themselves out.
        """
        if staff.login.lower() == self.actor.lower() and not active:
            raise Refused("You cannot switch off your own access; ask another person.")
        staff.active = active
        self.audit("access on" if active else "access off", login=staff.login)

    def new_token(self, token: str = "") -> str:
        """Return a new API token; it is shown once and only its digest is kept. ``token`` is one
        that ``propose_token`` has made: asked again with the same one, nothing more is made."""
        token = token or propose_token()
        if self._db.scalar(select(APIToken).filter_by(digest=digest(token), revoked=None)):
            return token
        self._db.add(APIToken(digest=digest(token), hint=token[:8]))
        self.audit("API token made", token=token[:8])
        return token

    def tokens(self) -> Sequence[APIToken]:
        """Return the API tokens that are in force, newest first."""
        query = select(APIToken).filter_by(revoked=None).order_by(APIToken.id.desc())
        return self._db.scalars(query).all()

    def revoke(self, token_id: int) -> None:
        """End an API token.

        :raises NotFound: when the tenant has no such token.
        """
        token = self._db.scalar(select(APIToken).filter_by(id=token_id, revoked=None))
        if token is None:
            raise NotFound("There is no such API token.")
        token.revoked = dt.datetime.now(dt.UTC)
        self.audit("API token revoked", token=token.hint)

    def audit(self, action: str, **detail: str) -> None:
        """Write an act into the tenant's audit log. Never a secret."""
        self._db.add(AuditEntry(actor=self.actor, action=action, detail=detail))

    def audit_log(self, limit: int = 200, before: int = 0) -> Sequence[AuditEntry]:
        """Return the newest acts, or those before one of them."""
        query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
        if before:
            query = query.where(AuditEntry.id < before)
        return self._db.scalars(query).all()
