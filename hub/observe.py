"""What the hub writes about itself: log lines, and the id that ties those of a request together.

A log line is a constant event; what varies are fields, given with ``extra={...}``: ids, never
objects, and never a body. Development gets lines for people, production one JSON object a line.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.config
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from pyramid.config import Configurator
from pyramid.tweens import INGRESS

log = logging.getLogger(__name__)

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request this thread is answering, or nothing."""

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What a record has by itself; everything else was given as a field."""


_TALKATIVE = ("alembic.runtime.plugins", "celery.app.trace", "celery.beat", "celery.worker.strategy")
"""Loggers that tell each step at INFO; their warnings and errors are heard."""


class Plain(logging.Formatter):
    """Lines for people: time, level, logger, event, then the fields as ``name=value``."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_one_line(value)}" for name, value in _fields(record).items())
        return super().formatMessage(record) + fields


class JSONLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(settings: Mapping[str, Any]) -> None:
    """Send all log lines to standard error, in the form ``settings`` ask for."""
    form = "hub.observe.Plain" if settings["hub.development"] else "hub.observe.JSONLines"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"form": {"()": form}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "form"}},
            "root": {"level": "INFO", "handlers": ["stderr"]},
            "loggers": {name: {"level": "WARNING"} for name in _TALKATIVE},
        }
    )


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _OWN}
    if known := request_id.get():
        fields["request"] = known
    return fields


def _one_line(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else repr(text)


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Make the tween that gives a request its id, and writes one line when it is answered."""

    def tween(request: Any) -> Any:
        # The environ is shared by the attempts of a retried request, and so is the id.
        known = request.environ.setdefault("hub.request_id", _id(request))
        token = request_id.set(known)
        began = time.monotonic()
        status = 500
        try:
            response = handler(request)
            status = response.status_int
            response.headers["X-Request-Id"] = known
            return response
        finally:
            took = round((time.monotonic() - began) * 1000)
            # The path is percent-encoded, so it cannot break the line; the query may be private.
            log.info(
                "request answered",
                extra={"method": request.method, "path": request.path, "status": status, "ms": took},
            )
            request_id.reset(token)

    return tween


def _id(request: Any) -> str:
    """Return the id a proxy has given, if it is one that can be logged, or a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _ACCEPTABLE.fullmatch(given) else secrets.token_hex(8)


def includeme(config: Configurator) -> None:
    """Put the tween outermost, around the transaction and its retries."""
    config.add_tween("hub.observe.tween_factory", under=INGRESS)
