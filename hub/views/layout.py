"""What all pages share: filters, what templates know, security headers, and the largest form.

Pages hold no inline script or style, so the policy can forbid them; whoever is
signed in gets pages that no cache keeps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape
from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.events import BeforeRender, NewResponse, subscriber
from pyramid.httpexceptions import HTTPBadRequest, HTTPRequestEntityTooLarge
from pyramid.tweens import EXCVIEW

from hub.exporters.choices import spoken
from hub.exporters.succession import in_use
from hub.ledger import sheet
from hub.money import pretty, pretty_each
from hub.security import Permission
from hub.views.menu import Menu

LARGEST_FORM = 1024 * 1024
LARGEST_UPLOAD = sheet.LARGEST + 64 * 1024
"""A file, and the form around it."""

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def day(value: dt.date) -> Markup:
    """Write a day: ``22 Nov 2026``."""
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(), f"{value.day} {value:%b %Y}"
    )


def when(value: dt.datetime) -> Markup:
    """Write a moment in UTC, and say so."""
    utc = value.astimezone(dt.UTC)
    shown = f"{utc.day} {utc:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), shown)


def number(value: Decimal) -> str:
    """Write a quantity or rate without idle zeros."""
    return f"{value.normalize():,f}"


def nouns(kind: str) -> str:
    """Return what many records of a kind are called: ``credit_memo`` is credit memos."""
    return "refunds and chargebacks" if kind == "refund" else f"{kind.replace('_', ' ')}s"


def slug(kind: str) -> str:
    """Return a kind of record as addresses have it: ``credit-memos``."""
    return f"{kind.replace('_', '-')}s"


def paragraphs(text: str) -> Markup:
    """Keep the line breaks of ``text``."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


@subscriber(BeforeRender)
def add_globals(event: Any) -> None:
    """Give page templates the hub's name, the CSRF token, who is there, and the menu."""
    request = event["request"]
    if request is None or not str(event["renderer_name"]).endswith(".jinja2"):
        return
    # After an exception the transaction is over, so nobody is looked up.
    failed = request.exception is not None
    tenant = None if failed else getattr(event["context"], "tenant", None)
    identity = None if failed else request.identity

    def may(permission: str) -> bool:
        return bool(not failed and request.has_permission(Permission(permission), event["context"]))

    def url(route: str, **parts: Any) -> str:
        if tenant is not None:
            parts.setdefault("tenant", tenant.slug)
        found: str = request.route_path(route, **parts)
        return found

    event.update(
        hub=request.registry.settings["hub.name"],
        csrf=lambda: get_csrf_token(request),
        tenant=tenant,
        identity=identity,
        may=may,
        url=url,
        menu=Menu(
            request.matched_route and request.matched_route.name,
            request.path,
            in_use(request.db, tenant.mode) if tenant else (),
        ),
    )
    event.setdefault("fault", None)


@subscriber(NewResponse)
def add_headers(event: NewResponse) -> None:
    """Tell browsers what pages may load, and that nothing of a person's is kept."""
    headers = event.response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    if (event.response.content_type or "") == "text/html":
        headers["Content-Security-Policy"] = CONTENT_POLICY
    if event.request.registry.settings["hub.url"].startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    path = event.request.environ.get("PATH_INFO", "")
    if not path.startswith("/static/") and "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"


def form_tween(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Refuse forms that are too long or cannot be read, before anything looks at them."""

    def tween(request: Any) -> Any:
        path = request.environ.get("PATH_INFO", "")
        if request.method == "POST" and not path.startswith(("/api/", "/qbwc")):
            upload = path.endswith("/upload") or path.endswith("/upload/errors")
            limit = LARGEST_UPLOAD if upload else LARGEST_FORM
            if request.content_length is None or request.content_length > limit:
                raise HTTPRequestEntityTooLarge(f"A form here takes up to {limit // 1024 // 1024} MB.")
            try:
                request.POST.items()
            except ValueError as error:
                raise HTTPBadRequest("The form could not be read. Go back and send it again.") from error
        return handler(request)

    return tween


def includeme(config: Configurator) -> None:
    """Set up templates and the tween."""
    config.get_settings().update(
        {
            "jinja2.undefined": "strict",
            "jinja2.trim_blocks": "true",
            "jinja2.lstrip_blocks": "true",
            "jinja2.filters": {
                "money": pretty,
                "money_each": pretty_each,
                "day": day,
                "when": when,
                "number": number,
                "nouns": nouns,
                "slug": slug,
                "spoken": spoken,
                "paragraphs": paragraphs,
            },
        }
    )
    config.add_tween("hub.views.layout.form_tween", under=EXCVIEW)
