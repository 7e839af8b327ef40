"""Pages that anybody may read."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config


@view_config(route_name="help", renderer="hub:templates/help.jinja2")
def help_page(request: Request) -> dict[str, Any]:
    """What to do when the Web Connector stops: the AppSupport address of every QWC file."""
    return {}
