"""What is measured, started anew for each run: PostgreSQL with its own durability, tenants, servers.

Everything lies in a temporary directory, listens on this machine alone, and ends with the run.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from hub import embedded, security
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import HubSession, engine, migrate
from hub.ledger.intake import Incoming, Intake
from hub.qbwc import qwc
from hub.qbwc.outbox import Outbox
from hub.sandbox import qwc as sandbox_qwc
from hub.settings import environment, load
from hub.supervisor import follow_parent
from hub.tenants.models import Mode
from hub.tenants.service import create_tenant, open_tenant

PASSWORD = "correct-horse-battery"
STARTING = 60
"""Seconds a server is given until it answers."""


@contextmanager
def database() -> Iterator[dict[str, Any]]:
    """Lend the settings of a hub with a new database, as durable as PostgreSQL is by itself."""
    # Whoever stops the bench stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = tempfile.mkdtemp(prefix="hub-bench-")
    try:
        given = load({"hub.development": "true", "hub.var": folder}, environ={})
        with embedded.lent(given) as settings:
            migrate(settings["sqlalchemy.url"])
            with connection(settings) as db:
                for name in ("fsync", "synchronous_commit", "full_page_writes"):
                    value = db.execute(f"SHOW {name}").fetchone()
                    assert value == ("on",), f"{name} is {value}"
            yield settings
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def connection(settings: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection of the database's owner, for what the hub itself never does."""
    url = settings["sqlalchemy.url"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as db:
        yield db


@dataclass(frozen=True)
class Connector:
    """A tenant, and what its Web Connector signs in with and stamps the company file with."""

    slug: str
    username: str
    owner_id: str
    file_id: str
    password: str = PASSWORD


Records = Iterable[tuple[str, str, dict[str, Any]]]


def tenants(settings: dict[str, Any], names: Sequence[str]) -> list[Connector]:
    """Make a tenant in full mode for each of ``names``.

    Passwords are hashed at the lowest cost: a process of the hub checks each against its hash
    once, before anything is measured.
    """
    security.COST = 4
    made = []
    with session(settings) as db:
        for name in names:
            with db.begin():
                tenant = create_tenant(db, f"Tenant {name}", Mode.FULL, "USD", True, actor="bench")
                integration = Integration(db, tenant, main_connection(db, tenant), "bench")
                login = integration.set_up(f"qb-{name}", PASSWORD)
                text = qwc.document(settings, tenant, integration.connection, login)
                file = sandbox_qwc.parse(text)
                made.append(Connector(tenant.slug, file.username, file.owner_id, file.file_id))
    return made


@contextmanager
def session(settings: dict[str, Any]) -> Iterator[HubSession]:
    """Lend a session of the hub, in which transactions are begun one by one."""
    made = engine(settings)
    try:
        with HubSession(made) as db:
            yield db
    finally:
        made.dispose()


def take(settings: dict[str, Any], connector: Connector, records: Records) -> None:
    """Bring records as kind, external id and body into the tenant's ledger."""
    batch = [
        Incoming(kind, id_, {"version": 1, **body}, line)
        for line, (kind, id_, body) in enumerate(records, 1)
    ]
    with session(settings) as db, db.begin():
        tenant = open_tenant(db, connector.slug)
        for start in range(0, len(batch), 2000):
            Intake(db, tenant, Outbox(db, tenant)).take(batch[start : start + 2000])
    faults = [fault for incoming in batch for fault in incoming.faults]
    assert not faults, faults[0]


def invoices(count: int, customers: int = 1) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield ``count`` small invoices, with their customers and the charge they bill."""
    yield "charge", "gold", {"name": "Gold plan", "item": "Subscription"}
    for index in range(customers):
        yield "customer", f"c-{index}", {"name": f"Customer {index:05}"}
    for index in range(count):
        line = {"charge": "gold", "amount": "49.00"}
        yield (
            "invoice",
            f"i-{index}",
            {
                "number": str(100_000 + index),
                "customer": f"c-{index % customers}",
                "date": "2026-10-31",
                "lines": [line],
            },
        )


def commits(settings: dict[str, Any], seconds: float = 1.0) -> float:
    """Return how many smallest transactions a second one connection makes durable: the disk's limit."""
    with connection(settings) as db:
        db.execute("CREATE TABLE IF NOT EXISTS bench_commit (number integer)")
        count, until = 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            db.execute("INSERT INTO bench_commit VALUES (1)")
            count += 1
    return count / seconds


def hold_batch(settings: dict[str, Any], size: int) -> None:
    """Let the next message of everybody hold ``size`` requests; :func:`held` keeps it so."""
    with connection(settings) as db:
        db.execute("UPDATE connection SET batch = %s", [size])


def held(batch: int, size: int, seconds: float) -> int:
    """Stand in for ``hub.qbwc.pace.paced``: the size of a message stays as it is."""
    return batch


HELD = "from bench.machine import held; from hub import cli; from hub.qbwc import pace; pace.paced = held; cli.hub()"
"""The command ``hub``, with messages as large as the bench wants them however fast QuickBooks is."""


class Server:
    """A server process with all its children."""

    def __init__(self, name: str, command: Sequence[str], port: int, environ: dict[str, str], log: Path):
        self.name = name
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=follow_parent(),
            )

    def wait(self) -> None:
        """Wait until it takes connections."""
        deadline = time.monotonic() + STARTING
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{self.name} did not start: {self._log.read_text()[-2000:]}"
                    ) from None
                time.sleep(0.05)

    def last_words(self) -> list[str]:
        """Return the end of its log, without the lines of every day."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line for line in lines if "request answered" not in line][-30:]

    def stop(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def cpu(self) -> float:
        """Return the seconds of processor time it has used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._all())

    def forget_peak(self) -> None:
        """Let :meth:`peak` begin anew."""
        for process in self._all():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def memory(self) -> int:
        """Return the bytes that its processes hold, shared ones counted for each."""
        return sum(process.memory_info().rss for process in self._all())

    def peak(self) -> int:
        """Return the most bytes that one of its processes has held at once."""
        return max(_peak(process.pid) for process in self._all())

    def _all(self) -> list[psutil.Process]:
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def postgres_cpu(settings: dict[str, Any]) -> float:
    """Return the seconds of processor time that PostgreSQL has used so far, ended backends included."""
    pid = int(Path(settings["hub.var"], "postgres", "postmaster.pid").read_text().split()[0])
    main = psutil.Process(pid)
    ended = main.cpu_times()
    return (
        ended.children_user
        + ended.children_system
        + sum(sum(process.cpu_times()[:2]) for process in [main, *main.children()])
    )


@contextmanager
def running(name: str, command: Sequence[str], port: int, environ: dict[str, str]) -> Iterator[Server]:
    """Lend a server that answers."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        server = Server(name, command, port, environ, Path(folder, "log"))
        try:
            server.wait()
            yield server
        except BaseException:
            print(f"The last words of {name}:", *server.last_words(), sep="\n", file=sys.stderr)
            raise
        finally:
            server.stop()


@contextmanager
def hub(
    settings: dict[str, Any], processes: int, is_held: bool = False, **variables: str
) -> Iterator[Server]:
    """Lend the hub's web server, as ``hub web`` serves; messages keep their size when ``is_held``."""
    port = embedded.free_port()
    environ = environment(
        {**settings, "hub.host": "127.0.0.1", "hub.port": port, "web.processes": processes}
    )
    command = [sys.executable, *(("-c", HELD) if is_held else ("-m", "hub.cli")), "web"]
    # Sessions are as long as the work; a cap would measure signing in.
    environ |= {"QBWC_SESSION_MINUTES": "1000", "QBWC_SESSION_MESSAGES": "100000"}
    with running("hub", command, port, {**environ, **variables}) as server:
        yield server


@contextmanager
def echo(processes: int) -> Iterator[Server]:
    """Lend bare Spyne on the same web server."""
    port = embedded.free_port()
    command = [sys.executable, "-m", "bench.echo", str(port), str(processes)]
    with running("Spyne alone", command, port, {**os.environ}) as server:
        yield server
