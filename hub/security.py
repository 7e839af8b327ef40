"""Who is asking, and what they may do.

bcrypt costs a good part of a second and every Web Connector signs in at every
poll, so a process remembers for as long as it is used, in memory only and under
a random key, which password it has seen match which hash; a changed hash is
another entry. A wrong one is remembered too: a PC with an old password costs nothing.
Nobody can tell a wrong password from an unknown login by the time it takes.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

import bcrypt
from pyramid.authorization import ACLHelper, Allow, Authenticated, Everyone
from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request, RequestLocalCache
from pyramid.session import JSONSerializer, SignedCookieSessionFactory
from sqlalchemy import text

from hub.errors import Fault, Refused
from hub.limits import SignIns
from hub.tenants.models import StaffKind, Tenant

COST = 12
LONGEST = 72
"""bcrypt reads no more bytes than this; version 5 raises beyond it."""
SHORTEST = 10
LONGEST_LOGIN = 320
"""Characters of the longest email address there is."""
REMEMBERED_SECONDS = 2 * 3600
"""Longer than the usual hour between two runs of a Web Connector."""
REMEMBERED = 10_000


class Permission(enum.StrEnum):
    """What a page or an act asks for."""

    READ = "tenant:read"
    CHANGE = "tenant:change"
    QWC = "qwc:download"
    STAFF = "staff:change"
    SUPPORT = "support:read"


def new_password() -> str:
    """Return a password of about 100 random bits that can be read aloud: ``kx4f-…`` in five groups."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(5))
    return "-".join(groups)


def hash_password(password: str) -> str:
    """Return the bcrypt hash to store.

    :raises Refused: when the password is too short, or longer than bcrypt reads.
    """
    size = len(password.encode("utf-8", "surrogatepass"))
    if len(password) < SHORTEST:
        sentence = f"The password has {len(password)} characters; use at least {SHORTEST}."
        raise Refused(sentence, [Fault("/password", sentence)])
    if size > LONGEST or "\0" in password:
        sentence = f"The password is too long; use at most {LONGEST} bytes of plain text."
        raise Refused(sentence, [Fault("/password", sentence)])
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode()


_DUMMY = b"$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZXmV1nE8q8CkEVLw0mVJbAGMTzBuiG"
_key = secrets.token_bytes(32)


class _Memory:
    """The entries that were looked for lately, under a key that this process alone has."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def holds(self, *parts: bytes) -> bool:
        """Whether the entry is there; if so it stays for as long again."""
        entry = self._entry(parts)
        with self._lock:
            found = self._until.pop(entry, 0) > time.monotonic()
            if found:
                self._until[entry] = time.monotonic() + REMEMBERED_SECONDS
        return found

    def add(self, *parts: bytes) -> None:
        entry = self._entry(parts)
        with self._lock:
            self._until[entry] = time.monotonic() + REMEMBERED_SECONDS
            if len(self._until) > REMEMBERED:
                del self._until[next(iter(self._until))]

    def _entry(self, parts: tuple[bytes, ...]) -> bytes:
        return hmac.digest(_key, b"\0".join(parts), "sha256")


_right, _wrong = _Memory(), _Memory()


def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one hashed; spends the same time where there is no hash."""
    raw = _readable(password)
    stored = (password_hash or "").encode() if raw else b""
    if stored and _right.holds(stored, raw):
        return True
    if not bcrypt.checkpw(raw, stored or _DUMMY) or not stored:
        return False
    _right.add(stored, raw)
    return True


def _readable(password: str) -> bytes:
    """Return what bcrypt reads of ``password``, or nothing where it could be nobody's."""
    raw = password.encode("utf-8", "surrogatepass")
    return b"" if len(raw) > LONGEST or b"\0" in raw else raw


def digest(secret: str) -> str:
    """Return what is stored of a ticket or token: random secrets need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Login:
    """What a login is, before anybody is let in: found across tenants by its exact name."""

    kind: str
    """``person``, ``integration`` or ``support``."""
    tenant_id: int | None
    slug: str | None
    id: int
    password_hash: str
    active: bool


_FIND_LOGIN = text("SELECT * FROM hub_login(:login)")


def find_login(db: Any, login: str) -> Login | None:
    """Look a login up by name, whoever's it is."""
    if "\0" in login or len(login) > LONGEST_LOGIN:
        return None
    row = db.execute(_FIND_LOGIN, {"login": login.strip()}).one_or_none()
    return row and Login(row.kind, row.tenant_id, row.slug, row.id, row.password_hash, row.active)


def sign_in(db: Any, login: str, password: str) -> Login | None:
    """Return the login when the password is right and access is on."""
    found = find_login(db, login)
    matches = password_matches(password, found.password_hash if found else None)
    return found if found and matches and found.active else None


@dataclass(frozen=True)
class Throttled:
    """Too many tries were wrong: the password was not looked at."""

    seconds: float
    """Until the next try is looked at."""
    crowded: bool = False
    """Whether it is not this login's doing: too many passwords are being looked at."""


CONNECTORS = SignIns()
"""The tries of Web Connectors at this process."""
HASHES = threading.Semaphore(8)
"""The slow hashes that may be under way for Web Connectors at once. Each holds a thread of the server;
the other threads are for those who are known, when all come at once or somebody floods the door."""


def sign_in_connector(db: Any, login: str, password: str, address: str) -> Login | Throttled | None:
    """Return the integration login when the password is right and access is on.

    ``address`` is where the call comes from. A password that this process has seen to be right is
    taken at once, and one that it has seen to be wrong refused at once; any other costs a slow hash,
    of which whoever was wrong too often gets one a wait (product.md 5.2).
    """
    found = find_login(db, login)
    if found and found.kind != StaffKind.INTEGRATION:
        # Nobody learns here whether a person's password is right.
        found = None
    name = login.strip().lower()[:LONGEST_LOGIN]
    raw = _readable(password)
    stored = found.password_hash.encode() if found else b""
    if not (stored and _right.holds(stored, raw)):
        tried = name.encode("utf-8", "surrogatepass"), stored, raw
        if _wrong.holds(*tried):
            return None
        if seconds := CONNECTORS.wait(name, address):
            return Throttled(seconds)
        if not HASHES.acquire(blocking=False):
            return Throttled(1, crowded=True)
        try:
            matches = password_matches(password, found.password_hash if found else None)
        finally:
            HASHES.release()
        if not matches:
            CONNECTORS.wrong(name, address)
            _wrong.add(*tried)
            return None
    CONNECTORS.right(name, address)
    return found if found and found.active else None


@dataclass(frozen=True)
class Identity:
    """The person behind a request."""

    name: str
    tenant_id: int | None
    """The tenant whose staff this is; none for the hub's support staff."""

    @property
    def is_support(self) -> bool:
        return self.tenant_id is None

    def principals(self) -> list[str]:
        """Return the names that access lists know this person by."""
        return ["support"] if self.is_support else [f"tenant:{self.tenant_id}"]


class TenantContext:
    """The tenant a page is about, reached by its slug; to anyone else it is not found."""

    def __init__(self, request: Request):
        self.request = request
        identity: Identity | None = request.identity
        found = request.db.execute(
            text("SELECT hub_tenant(:slug)"), {"slug": request.matchdict["tenant"]}
        ).scalar()
        if identity is None or found is None or identity.tenant_id not in (None, found):
            # Whoever is not signed in is sent to sign in; the rest learn nothing.
            if identity is not None:
                raise HTTPNotFound
            self.tenant = None
            return
        request.db.enter(found)
        self.tenant = request.db.get(Tenant, found)

    def __acl__(self) -> list[Any]:
        if self.tenant is None:
            return []
        own = (Permission.READ, Permission.CHANGE, Permission.QWC, Permission.STAFF)
        return [
            (Allow, f"tenant:{self.tenant.id}", own),
            (Allow, "support", (Permission.READ, Permission.QWC)),
        ]


class SupportContext:
    """What only the hub's support staff may see."""

    def __init__(self, request: Request):
        self.request = request

    def __acl__(self) -> list[Any]:
        return [(Allow, "support", Permission.SUPPORT)]


class SecurityPolicy:
    """Identity from the signed session cookie; it ends when the password changes or access is off."""

    def __init__(self) -> None:
        self._identities = RequestLocalCache(self._load)
        self._acl = ACLHelper()

    def identity(self, request: Request) -> Identity | None:
        identity: Identity | None = self._identities.get_or_create(request)
        return identity

    def _load(self, request: Request) -> Identity | None:
        login = request.session.get("login")
        if not login:
            return None
        found = find_login(request.db, login)
        if not found or not found.active or found.kind == StaffKind.INTEGRATION:
            return None
        if not hmac.compare_digest(request.session.get("stamp", ""), stamp(found)):
            return None
        return Identity(login, found.tenant_id)

    def authenticated_userid(self, request: Request) -> str | None:
        identity = self.identity(request)
        return identity.name if identity else None

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        identity = self.identity(request)
        principals = [Everyone]
        if identity:
            principals += [Authenticated, *identity.principals()]
        return self._acl.permits(context, principals, permission)


def stamp(login: Login) -> str:
    """Return what ties a session to the password it was opened with."""
    return digest(f"{login.kind}:{login.id}:{login.password_hash}")[:32]


def remember(request: Request, login: Login, name: str) -> None:
    """Open a new session for ``login``; nothing of the old one is kept."""
    request.session.invalidate()
    request.session["login"] = name.strip()
    request.session["stamp"] = stamp(login)


def includeme(config: Configurator) -> None:
    """Set the security policy, the session cookie, and CSRF protection for every form."""
    settings = config.get_settings()
    config.set_session_factory(
        SignedCookieSessionFactory(
            settings["hub.secret"],
            cookie_name="hub",
            secure=settings["hub.url"].startswith("https:"),
            httponly=True,
            samesite="Lax",
            timeout=12 * 3600,
            reissue_time=300,
            serializer=JSONSerializer(),
        )
    )
    config.set_security_policy(SecurityPolicy())
    config.set_csrf_storage_policy(SessionCSRFStoragePolicy())
    config.set_default_csrf_options(require_csrf=True)
