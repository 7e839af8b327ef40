"""The web server: granian, its processes on one port, and what stands between it and the application.

Chosen by measurement (``bench/README.md``): of granian, gunicorn with threads and waitress it
answers most calls a second and uses the least processor time for each. What it leaves to others
is done here: a taken port is refused, bodies have a limit, a chunked one gets its length, only
a trusted proxy is believed, and no answer names the software.

The processes are forks of one that has the application ready but has opened no connection: each
opens its own. A worker that dies is replaced. On SIGTERM and SIGINT calls under way are
answered first, without a time limit, which is for whoever sent the signal to set; granian's own
(``workers_kill_timeout``) cuts them off at once.
"""

from __future__ import annotations

import io
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from pyramid.response import Response

from hub.errors import HubError, SettingError
from hub.supervisor import check_port, follow_parent
from hub.views.qbwc import fault

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 10_000
"""Connections that a process keeps open at once: each Web Connector keeps one."""
IDLE = 60_000
"""Milliseconds after which a connection without a call is closed; a Web Connector opens another."""
CGI = (
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
)
"""What a WSGI environment holds besides headers. Granian's holds the process's environment too,
and with it secrets."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def serve(app: Wsgi, settings: Mapping[str, Any]) -> None:
    """Serve ``app`` at ``hub.host`` and ``hub.port`` until SIGTERM or SIGINT, calls under way included.

    :raises HubError: when the port cannot be listened on, or its processes die faster than they start.
    """
    host, port = settings["hub.host"], settings["hub.port"]
    # Granian shares its port with whoever asks, so that a second server would take half the calls.
    check_port(host, port)
    processes = settings["web.processes"] or (1 if settings["hub.development"] else _cores())
    door = Door(app, settings["web.trusted_proxy"], settings["web.largest_body"])
    follow = follow_parent()

    def start(*_: object) -> Wsgi:
        if follow:
            follow()
        forget_connections(app)
        return door

    server = Server(
        "",
        address=_numeric(host),
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=settings["web.threads"],
        # Granian holds this many connections, idle ones included, and leaves others waiting.
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE),
        websockets=False,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}},
    )
    log.info("serving", extra={"host": host, "port": port, "processes": processes})
    try:
        server.serve(target_loader=start, wrap_loader=False)
    except SystemExit:
        raise HubError("The web server ended, because its processes did: the log says why.") from None


def pserve(app: Any, global_config: Mapping[str, str], **given: str) -> None:
    """Serve ``app`` as ``[server:main]`` of an .ini file asks; its settings stand in ``[app:main]``."""
    if given:
        raise SettingError(f"[server:main] takes no {next(iter(given))}: see [app:main] and web.*.")
    serve(app, app.registry.settings)


def forget_connections(app: Any) -> None:
    """Let go of the database connections that a forked process has inherited, without closing them:
    they are its parent's."""
    if registry := getattr(app, "registry", None):
        registry["session_factory"].kw["bind"].dispose(close=False)


class Door:
    """Lets requests through to the application as WSGI and the hub expect them.

    ``trusted`` are addresses and networks, separated by spaces; ``largest`` is in bytes.
    """

    def __init__(self, app: Wsgi, trusted: str, largest: int):
        self._app = app
        self._networks = [ip_network(text) for text in trusted.split()]
        self._is_trusted = lru_cache(1024)(self._is_in_networks)
        self._largest = largest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ = {
            name: value
            for name, value in environ.items()
            if name.startswith(("HTTP_", "wsgi.")) or name in CGI
        }
        self._believe(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("Server", "")], exc_info)

        app = self._app if self._measure(environ) else self._refusal(environ)
        return app(environ, start)

    def _believe(self, environ: dict[str, Any]) -> None:
        """Take the client's address, scheme and host from a trusted proxy, and from nobody else."""
        hops = environ.pop("HTTP_X_FORWARDED_FOR", "")
        scheme = _last(environ.pop("HTTP_X_FORWARDED_PROTO", "")).lower()
        host = _last(environ.pop("HTTP_X_FORWARDED_HOST", ""))
        environ["REMOTE_ADDR"] = str(_address(environ["REMOTE_ADDR"]) or environ["REMOTE_ADDR"])
        if not self._is_trusted(environ["REMOTE_ADDR"]):
            return
        for hop in reversed(hops.split(",")):
            if (address := _address(hop.strip())) is None:
                break
            environ["REMOTE_ADDR"] = str(address)
            if not self._is_trusted(str(address)):
                break
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        if host:
            environ["HTTP_HOST"] = host

    def _is_in_networks(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)

    def _measure(self, environ: dict[str, Any]) -> bool:
        """Say whether the body is small enough; one of unknown length is read and gets its length."""
        environ["wsgi.input_terminated"] = False
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is None:
            return int(environ.get("CONTENT_LENGTH") or 0) <= self._largest
        body = io.BytesIO()
        while body.tell() <= self._largest and (data := environ["wsgi.input"].read(1 << 16)):
            body.write(data)
        environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        return int(environ["CONTENT_LENGTH"]) <= self._largest

    def _refusal(self, environ: Mapping[str, Any]) -> Wsgi:
        sentence = f"The message is larger than {self._largest >> 20} MB."
        if environ.get("CONTENT_TYPE", "").startswith("text/xml"):
            return fault(413, sentence)
        return Response(sentence, status=413, content_type="text/plain", charset="utf-8")


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()


@lru_cache(4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both kinds shows addresses of the old kind inside those of the new.
    return getattr(address, "ipv4_mapped", None) or address


def _numeric(host: str) -> str:
    places = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # Whoever calls "localhost" tries both kinds of address; what says 127.0.0.1 tries one.
    return str(min(places, key=lambda place: place[0] != socket.AF_INET)[4][0])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
