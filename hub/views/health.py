"""Whether this process can do its work."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config
from sqlalchemy import text


@view_config(route_name="healthz", renderer="json", require_csrf=False)
def healthz(request: Request) -> Any:
    """Answer 200 when the database answers."""
    request.db.execute(text("SELECT 1"))
    return {"status": "ok"}
