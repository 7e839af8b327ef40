"""Signing in and out, and where one lands."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request
from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.limits import Limit, in_words
from hub.security import Permission, SupportContext, find_login, remember, sign_in
from hub.tenants.models import StaffKind
from hub.tenants.service import all_tenants, seen
from hub.views.page import Form, Trouble

TRIES = Limit(10, 5 * 60)
"""Tries for one login from one address."""
TRIES_OF_ADDRESS = Limit(60, 5 * 60)
"""Tries for any login from one address: each costs a slow hash."""

_WRONG = "That email address and password do not belong together. Check both and try again."
_INTEGRATION = (
    "This is an integration login: it is for the QuickBooks Web Connector and opens no pages. "
    "Sign in with your email address."
)


@view_config(route_name="home")
def home(request: Request) -> HTTPSeeOther:
    """Go to where one has something to do."""
    return HTTPSeeOther(_landing(request, request.identity.name if request.identity else ""))


def _landing(request: Request, login: str) -> str:
    found = find_login(request.db, login) if login else None
    if found is None:
        return str(request.route_path("sign_in"))
    if found.slug is None:
        return str(request.route_path("tenants"))
    return str(request.route_path("proof", tenant=found.slug))


@view_defaults(route_name="sign_in", renderer="hub:templates/sign_in.jinja2")
class SignIn:
    """The form that opens a session."""

    def __init__(self, request: Request):
        self.request = request
        self.form = Form(request.POST)

    @view_config(request_method="GET")
    def show(self) -> Any:
        if self.request.identity:
            return HTTPSeeOther(self._next(self.request.identity.name))
        return {"typed": {"login": "", "next": self.request.GET.get("next", "")[:500]}}

    @view_config(request_method="POST")
    def enter(self) -> Any:
        try:
            login, password = self.form["login"], self.form.secret("password")
        except Refused:
            login, password = "", ""
        address = self.request.remote_addr or ""
        key = f"{login.lower()} {address}"
        if seconds := max(TRIES.wait(key), TRIES_OF_ADDRESS.wait(address)):
            return self._slow_down(seconds)
        found = sign_in(self.request.db, login, password) if login else None
        if found is None:
            return self._again(_WRONG)
        if found.kind == StaffKind.INTEGRATION:
            return self._again(_INTEGRATION)
        TRIES.forget(key)
        if found.tenant_id is not None:
            seen(self.request.db, found.tenant_id, found.id)
        remember(self.request, found, login)
        return HTTPSeeOther(self._next(login))

    def _slow_down(self, seconds: int) -> Any:
        self.request.response.headers["Retry-After"] = str(seconds)
        return self._again(f"Too many tries. Wait {in_words(seconds)}, then try again.", 429)

    def _again(self, sentence: str, status: int = 422) -> Any:
        self.request.response.status_int = status
        return {"typed": self.form.typed("login", "next"), "fault": Trouble(Refused(sentence))}

    def _next(self, login: str) -> str:
        """Return the page that was wanted, if it is one of ours, else where ``login`` lands."""
        wanted = self.request.params.get("next", "")
        return wanted if is_page(self.request, wanted) else _landing(self.request, login)


def is_page(request: Request, path: str) -> bool:
    """Whether ``path`` is a page for people who have signed in: of this hub, on this host."""
    if not path.startswith("/") or path.startswith("//") or not path.isascii() or not path.isprintable():
        return False
    if "\\" in path or "%5c" in path.lower():
        return False
    try:
        asked = Request.blank(urlsplit(path).path)
        found = request.registry.getUtility(IRoutesMapper)(asked)["route"]
    except ValueError:
        return False
    return found is not None and (found.name == "tenants" or found.pattern.startswith("/t/"))


@view_config(route_name="sign_out", request_method="POST")
def sign_out(request: Request) -> HTTPSeeOther:
    """End the session."""
    request.session.invalidate()
    request.session.flash("You are signed out.")
    return HTTPSeeOther(request.route_path("sign_in"))


@view_config(route_name="sign_out", request_method="GET")
def sign_out_by_link(request: Request) -> HTTPSeeOther:
    """A link cannot sign anybody out."""
    return HTTPSeeOther(request.route_path("home"))


@view_config(
    route_name="tenants", permission=Permission.SUPPORT, renderer="hub:templates/tenants.jinja2"
)
def tenants(context: SupportContext, request: Request) -> Any:
    """All tenants, for the hub's support staff."""
    words = request.GET.get("q", "").strip()[:100]
    found = [
        row
        for row in all_tenants(request.db)
        if words.lower() in row.name.lower() or words.lower() in row.slug
    ]
    return {"tenants": found, "words": words}
