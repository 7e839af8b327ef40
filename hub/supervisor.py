"""``hub up``: everything the hub needs on one machine, started, watched and stopped together.

The children run in sessions of their own, so that Ctrl-C reaches this process alone, which
then stops them in order. When this process is killed outright, Linux ends them for it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hub import embedded
from hub import settings as configuration
from hub.db import migrate
from hub.errors import HubError

CHILDREN: Mapping[str, Sequence[str]] = {
    "web": (sys.executable, "-m", "hub.cli", "web"),
    "worker": (sys.executable, "-m", "hub.cli", "worker"),
}
GRACE = 10
"""Seconds that children are given to end before they are killed."""
PATIENCE = 60
"""Seconds that the web process is given until it answers."""
GLANCE = 0.1
"""Seconds between two looks at the children."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1


class _Stop(BaseException):
    """Somebody asked us to stop."""


def up(
    settings: Mapping[str, Any],
    port: int | None = None,
    on_ready: Callable[[str], object] = print,
    children: Mapping[str, Sequence[str]] = CHILDREN,
) -> None:
    """Run the hub until SIGINT, SIGTERM or SIGHUP; call ``on_ready`` with its address once it answers.

    :raises HubError: when it cannot start, or when one of the ``children`` ends by itself.
    """
    settings = _at_port(settings, port)
    with _stop_on_signals() as heed, _alone(settings) as announce:
        check_port(settings["hub.host"], settings["hub.port"])
        with embedded.lent(settings) as lent:
            heed()
            migrate(lent["sqlalchemy.url"])
            with Children(lent) as running, _then_ignore_signals():
                for name, command in children.items():
                    running.start(name, command)
                _wait_until_healthy(lent, running)
                heed()
                announce(lent["hub.url"])
                on_ready(lent["hub.url"])
                while True:
                    heed()
                    running.check()
                    time.sleep(GLANCE)


class Children:
    """The child processes, each writing to a log of its own. Leaving the block stops them all."""

    def __init__(self, settings: Mapping[str, Any]):
        self._environment = {**configuration.environment(settings), "PYTHONUNBUFFERED": "1"}
        self._logs = configuration.directory(settings, "log")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + GRACE
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
            # The whole session, for what a child has started and not stopped itself.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start ``command``; its output goes to ``name``.log, the last run's to ``name``.log.old."""
        log = self._log(name)
        if log.exists():
            log.replace(log.with_name(log.name + ".old"))
        with log.open("wb") as output:
            self._running[name] = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=follow_parent(),
            )

    def check(self) -> None:
        """:raises HubError: when a child has ended, with the last lines it wrote."""
        for name, process in self._running.items():
            if (status := process.poll()) is not None:
                ending = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
                last = self._log(name).read_text(errors="replace").splitlines()[-10:]
                raise HubError(
                    "\n".join(
                        [
                            f"The {name} process ended ({ending}), so the hub was stopped. It wrote:",
                            *last,
                        ]
                    )
                )

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def check_port(host: str, port: int) -> None:
    """:raises HubError: when the port cannot be listened on."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise HubError(f"{host} is no address of this machine; see HUB_HOST.") from None
    for family, kind, protocol, _, place in places:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                probe.listen()  # binding alone succeeds beside a listener on some systems
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise HubError(f"Port {port} is in use; choose another with --port.") from None
            if error.errno == errno.EACCES:
                raise HubError(
                    f"Port {port} needs more rights than you have; choose one above 1023 with --port."
                ) from None
            # A machine may know the name of IPv6 and not have it.


def _at_port(settings: Mapping[str, Any], port: int | None) -> dict[str, Any]:
    """Return ``settings`` for ``port``; an address that nobody has set follows it."""
    port = port or settings["hub.port"]
    url = settings["hub.url"]
    if url == f"http://localhost:{settings['hub.port']}":
        url = f"http://localhost:{port}"
    return {**settings, "hub.port": port, "hub.url": url}


@contextmanager
def _alone(settings: Mapping[str, Any]) -> Iterator[Callable[[str], None]]:
    """Be the only ``hub up`` of ``hub.var``, and give what announces its address there."""
    configuration.directory(settings)
    with configuration.running_file(settings).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            where = file.read().strip() or "an address it will print"
            raise HubError(f"The hub already runs in {settings['hub.var']}, at {where}.") from None
        file.truncate(0)

        def announce(url: str) -> None:
            file.write(url)
            file.flush()

        try:
            yield announce
        finally:
            file.truncate(0)


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], None]]:
    """End the block quietly at the first signal to stop; the next ones change nothing. What is yielded
    ends it where a signal came just as Python was in a call, as while it forks, whose exceptions it drops."""
    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise _Stop

    def heed() -> None:
        if asked:
            raise _Stop

    before = {number: signal.getsignal(number) for number in STOPS}
    for number, handler in before.items():
        if number != signal.SIGHUP or handler != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, stop)
    try:
        with suppress(_Stop):
            yield heed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _then_ignore_signals() -> Iterator[None]:
    """Let no signal interrupt the stopping that comes after the block."""
    try:
        yield
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)


def _wait_until_healthy(settings: Mapping[str, Any], children: Children) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _healthy(settings):
        children.check()
        if time.monotonic() > deadline:
            raise HubError(f"The web process did not answer within {PATIENCE} seconds.")
        time.sleep(GLANCE)


def _healthy(settings: Mapping[str, Any]) -> bool:
    host = settings["hub.host"]
    host = "localhost" if host in ("0.0.0.0", "::", "*") else host
    line = http.client.HTTPConnection(host, settings["hub.port"], timeout=5)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def follow_parent() -> Callable[[], None] | None:
    """Return what a child does first so that Linux ends it when we are killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded before the fork
    parent = os.getpid()

    def follow() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return follow
