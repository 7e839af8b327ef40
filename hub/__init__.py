"""The hub: billing records into QuickBooks Desktop, and the proof that the books equal the bills."""

from __future__ import annotations

import warnings
from typing import Any
from urllib.parse import quote

# Pyramid 2.1 still imports pkg_resources, which newer setuptools announces on every command line.
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)

import pyramid.request
from pyramid.config import Configurator

from hub import embedded
from hub.db import migrate
from hub.settings import load


class Request(pyramid.request.Request):
    """A request whose body is kept in memory for a second try: what reads it does so whole anyway."""

    request_body_tempfile_limit = 128 * 1024 * 1024

    @property
    def path(self) -> str:
        """The address without its query, quoted: also where its bytes are no text."""
        raw = self.environ.get("SCRIPT_NAME", "") + self.environ.get("PATH_INFO", "")
        return quote(raw.encode("latin-1"), safe="/:@!$&'()*+,;=~")


def main(global_config: dict[str, str] | None, **given: Any) -> Any:
    """Return the WSGI application. This is the entry point in the .ini files."""
    settings = load(given)
    if settings["hub.development"]:
        settings = embedded.ensure(settings)
        migrate(settings["sqlalchemy.url"])
    return application(settings)


def application(settings: dict[str, Any]) -> Any:
    """Return the WSGI application for settings that are complete, its database migrated."""
    with Configurator(settings=settings, request_factory=Request) as config:
        config.include("pyramid_jinja2")
        config.include("hub.observe")
        config.include("hub.db")
        config.include("hub.tasks")
        config.include("hub.security")
        config.include("hub.routes")
        config.scan("hub.views")
        config.scan("hub.qbwc.sweep")
    return config.make_wsgi_app()
