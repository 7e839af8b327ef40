"""Errors as pages: a sentence, what to do next, and never a traceback."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.httpexceptions import HTTPException, HTTPSeeOther
from pyramid.request import Request
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from hub.errors import HubError, NotFound, TooLarge
from hub.views.door import problem

log = logging.getLogger(__name__)

_PAGE = "hub:templates/error.jinja2"


def _say(request: Request, status: int, title: str, sentence: str) -> Any:
    if request.path.startswith("/api/v1"):
        return problem(status, title, sentence)
    request.response.status_int = status
    return {
        "status": status,
        "title": title,
        "sentence": sentence,
        "request_id": request.environ.get("hub.request_id", ""),
    }


@notfound_view_config(renderer=_PAGE, append_slash=False)
def not_found(request: Request) -> Any:
    """Nothing there, or not yours: both look the same."""
    return _say(
        request, 404, "There is nothing here", "The page may have moved, or it is not yours to see."
    )


@forbidden_view_config(renderer=_PAGE)
def forbidden(request: Request) -> Any:
    """Whoever is not signed in is sent to sign in first."""
    # The permission check has looked up who this is, so nothing is asked of the database here.
    if request.identity is None:
        return _to_sign_in(request)
    sentence = "You may look at this tenant's pages, but this is for its own staff to do."
    return _say(request, 403, "This is not yours to do", sentence)


def _to_sign_in(request: Request) -> HTTPSeeOther:
    where = request.route_path("sign_in")
    if request.method in ("GET", "HEAD") and request.path != "/":
        where = f"{where}?next={quote(request.path_qs, safe='/')}"
    return HTTPSeeOther(where)


@exception_view_config(BadCSRFToken, renderer=_PAGE)
@exception_view_config(BadCSRFOrigin, renderer=_PAGE)
def bad_csrf(error: Exception, request: Request) -> Any:
    """A form that is older than its session, or that another site has made."""
    sentence = (
        "The form was open too long, or you have signed in again since. Nothing was changed. "
        "Go back, reload the page, and send it once more."
    )
    return _say(request, 400, "This form is out of date", sentence)


@exception_view_config(UnicodeDecodeError, renderer=_PAGE)
def not_text(error: Exception, request: Request) -> Any:
    """Bytes in an address or form that are no text."""
    return _say(
        request, 400, "This cannot be read", "The address or form holds bytes that are not text."
    )


@exception_view_config(HubError, renderer=_PAGE)
def refused(error: HubError, request: Request) -> Any:
    """A refusal that no form has taken for its own."""
    if isinstance(error, NotFound):
        return _say(request, 404, "There is nothing here", str(error))
    if isinstance(error, TooLarge):
        return _say(request, 413, "This is too large", str(error))
    faults = [fault.sentence for fault in getattr(error, "faults", ()) if fault.sentence != str(error)]
    return _say(request, 422, "This was not done", " ".join([str(error), *faults]))


@exception_view_config(HTTPException, renderer=_PAGE)
def http(error: HTTPException, request: Request) -> Any:
    """What the framework or a tween has answered; a redirect stays what it is."""
    if error.status_int < 400:
        return error
    titles = {400: "This cannot be read", 405: "This cannot be done here", 413: "This is too large"}
    sentence = error.detail or "Go back and try again."
    return _say(request, error.status_int, titles.get(error.status_int, error.title), sentence)


@exception_view_config(Exception, renderer=_PAGE)
def broken(error: Exception, request: Request) -> Any:
    """A bug, or the database is away: told by its id, found in the log by the same."""
    log.error("request failed", exc_info=error)
    sentence = (
        "This is our fault and nothing was changed. Try again in a minute; if it stays, tell support."
    )
    return _say(request, 500, "Something broke", sentence)
