"""The hub: billing records into QuickBooks Desktop, and the proof that the books equal the bills."""

from __future__ import annotations

import gc
import io
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

LARGEST_BODY = 72 * 1024 * 1024
"""Bytes of the largest body that is read; each door takes fewer."""


CYCLES = (100_000, 20, 20)
"""When Python looks for garbage that holds itself. A message's thousands of records are all in use
while it is made, and looking through them as often as Python does of itself took a third of its time."""


class Request(pyramid.request.Request):
    """A request whose body is kept in memory for a second try: what reads it does so whole anyway."""

    def copy_body(self) -> None:
        """Read the body in the pieces the server has; one that is too large is left, and its length
        tells. As inherited, 64 KB at a time are added up: 40 MB take a quarter of a minute.
        """
        length = self.content_length
        chunked = "chunked" in self.environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if length is not None and length > LARGEST_BODY:
            self.body_file_raw, self.is_body_seekable = io.BytesIO(), True
            return
        left = length or 0
        if length is None and (chunked or self.is_body_readable):
            left = LARGEST_BODY + 1
        pieces = []
        while left > 0 and (piece := self.body_file_raw.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if length is not None and left > 0:
            raise OSError(f"the client went away; {left} more bytes of its body were expected")
        self.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)

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
    gc.set_threshold(*CYCLES)
    with Configurator(settings=settings, request_factory=Request) as config:
        config.include("pyramid_jinja2")
        config.include("hub.observe")
        config.include("hub.db")
        config.include("hub.tasks")
        config.include("hub.security")
        config.include("hub.routes")
        config.scan("hub.views")
        config.scan("hub.qbwc.ripening")
        config.scan("hub.qbwc.sweep")
    return config.make_wsgi_app()
