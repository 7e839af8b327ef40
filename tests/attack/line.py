"""The line between a Web Connector and the hub, and all that can go wrong on it and behind it.

A call goes through the application as a server runs it, SOAP bytes in and out. With a mishap
it never arrives, its answer never does, it comes twice, the process that answers it is killed
(SIGKILL, in a forked child) at one of its statements or around its commit, or PostgreSQL drops
the connection there.
"""

from __future__ import annotations

import os
import pickle
import signal
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psycopg
from sqlalchemy import event, make_url

from hub.db import HubSession

LOSE_CALL = "lose the call"
LOSE_ANSWER = "lose the answer"
TWICE = "twice"
KILL = "kill at a statement"
KILL_BEFORE_COMMIT = "kill before the commit"
KILL_AFTER_COMMIT = "kill after the commit"
DROP = "drop the connection at a statement"
DROP_BEFORE_COMMIT = "drop the connection before the commit"


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with one call, and at which of its statements."""

    what: str
    at: int = 1


class Line(httpx.BaseTransport):
    """Carries the calls of one computer. ``mishap`` strikes the next one only."""

    def __init__(self, app, settings, address):
        self._door = httpx.WSGITransport(app=app, remote_addr=address)
        self._engine = app.registry["session_factory"].kw["bind"]
        self._url = make_url(settings["sqlalchemy.url"]).set(drivername="postgresql")
        self.mishap = None

    def handle_request(self, request):
        mishap, self.mishap = self.mishap, None
        if mishap is None:
            return self._answer(request)
        match mishap.what:
            case "lose the call":
                raise httpx.ConnectError("The call never arrived.")
            case "lose the answer":
                self._answer(request)
                raise httpx.ReadError("The answer never arrived.")
            case "twice":
                self._answer(request)
                return self._answer(request)
        if mishap.what in (KILL, KILL_BEFORE_COMMIT, KILL_AFTER_COMMIT):
            return self._answer_in_child(request, mishap)
        with self._striking(mishap, self._drop):
            return self._answer(request)

    def _answer(self, request):
        response = self._door.handle_request(request)
        response.read()
        return response

    def _answer_in_child(self, request, mishap):
        """Answer in a process of its own, which may not live to tell."""
        request.read()
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # The one other thread there may be holds nothing that the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            try:
                os.close(reading)
                self._live(request, mishap, writing)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        if not told:
            raise httpx.ReadError("The process was killed.")
        status, headers, body = pickle.loads(told)
        return httpx.Response(status, headers=headers, content=body)

    def _live(self, request, mishap, writing):
        # The parent's connections are the parent's.
        self._engine.dispose(close=False)
        with self._striking(mishap, lambda _connection: os.kill(os.getpid(), signal.SIGKILL)):
            answer = self._answer(request)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps((answer.status_code, answer.headers.raw, answer.content)))

    @contextmanager
    def _striking(self, mishap, strike):
        """Let ``strike`` happen, once, at the moment that ``mishap`` names."""
        left = mishap.at

        def at_statement(connection, *_rest):
            nonlocal left
            left -= 1
            if not left:
                strike(connection)

        target, name = {
            KILL: (self._engine, "before_cursor_execute"),
            DROP: (self._engine, "before_cursor_execute"),
            KILL_BEFORE_COMMIT: (self._engine, "commit"),
            DROP_BEFORE_COMMIT: (self._engine, "commit"),
            KILL_AFTER_COMMIT: (HubSession, "after_commit"),
        }[mishap.what]
        event.listen(target, name, at_statement)
        try:
            yield
        finally:
            event.remove(target, name, at_statement)

    def _drop(self, connection):
        pid = connection.connection.dbapi_connection.info.backend_pid
        with psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
