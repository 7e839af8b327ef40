"""The company file on disk: one SQLite database, and what every room of it shares.

SQLite because it is crash-safe: whatever happens to the process, the file holds
the state before or after a message, never half of one. The books and the memory of
message sets are in the same file, hence in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import HubError

TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE stamp (
    owner TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (owner, name)
);
CREATE TABLE entry (
    position INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, list TEXT NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, full_name TEXT NOT NULL, folded TEXT NOT NULL, parent TEXT NOT NULL,
    active INTEGER NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    edit_sequence TEXT NOT NULL, fields TEXT NOT NULL, UNIQUE (list, folded)
);
CREATE TABLE txn (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL, edit_sequence TEXT NOT NULL,
    customer TEXT NOT NULL, account TEXT NOT NULL, date TEXT NOT NULL, ref_number TEXT NOT NULL,
    total INTEGER NOT NULL, fields TEXT NOT NULL, lines TEXT NOT NULL
);
CREATE INDEX txn_ref_number ON txn (kind, ref_number);
CREATE INDEX txn_customer ON txn (customer, kind);
CREATE TABLE posting (
    txn TEXT NOT NULL, account TEXT NOT NULL, entity TEXT NOT NULL, cents INTEGER NOT NULL
);
CREATE INDEX posting_txn ON posting (txn);
CREATE INDEX posting_account ON posting (account, entity, cents);
CREATE TABLE link (
    position INTEGER PRIMARY KEY, credit TEXT NOT NULL, charge TEXT NOT NULL, via TEXT NOT NULL,
    cents INTEGER NOT NULL
);
CREATE INDEX link_credit ON link (credit);
CREATE INDEX link_charge ON link (charge);
CREATE INDEX link_via ON link (via);
CREATE TABLE message_set (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, answer TEXT NOT NULL);
INSERT INTO fact VALUES ('next', '1');
"""

Clock = Callable[[], dt.datetime]


def local_time() -> dt.datetime:
    """Return now with the offset of this machine, as QuickBooks writes its times."""
    return dt.datetime.now().astimezone()


def _opened(path: Path) -> sqlite3.Connection:
    """Open the database at ``path``, made where there is none.

    :raises HubError: when it cannot be, or is something else.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except sqlite3.OperationalError as error:
        raise HubError(f"{path} cannot be opened: {error}.") from None
    try:
        db.execute("PRAGMA journal_mode = TRUNCATE")
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        db.close()
        raise HubError(f"{path} is not a company file of the sandbox: {error}.") from None
    return db


class CompanyFile:
    """The rows of one company file, its transactions and its identifiers."""

    def __init__(self, path: Path, clock: Clock):
        self.path = path
        self._clock = clock
        self._lock = threading.RLock()
        self._db = _opened(path)
        self._db.row_factory = sqlite3.Row

    def close(self) -> None:
        self._db.close()

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever committed to this file."""
        return not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'fact'")

    def lay_out(self) -> None:
        """Make the tables; part of the transaction that fills them."""
        for statement in TABLES.split(";"):
            self.run(statement)

    def rows(self, sql: str, *values: str | int) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: str | int) -> None:
        with self._lock:
            self._db.execute(sql, values)

    def number(self, sql: str, *values: str | int) -> int:
        """Return the one whole number that ``sql`` asks for; nothing found is 0."""
        rows = self.rows(sql, *values)
        return int(rows[0][0] or 0) if rows else 0

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All of the block or nothing, whatever happens to the process."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo this block alone when it fails; the transaction around it goes on."""
        self._db.execute("SAVEPOINT request")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO request")
            raise
        finally:
            self._db.execute("RELEASE request")

    def now(self) -> str:
        """Return the time as QuickBooks writes it: local, whole seconds, with an offset."""
        return self._clock().isoformat(timespec="seconds")

    def today(self) -> str:
        return self._clock().date().isoformat()

    def edit_sequence(self, previous: str = "") -> str:
        """Return a new EditSequence, which is never the ``previous`` one."""
        return str(max(int(self._clock().timestamp()), int(previous or 0) + 1))

    def new_list_id(self) -> str:
        """Return an id like ``8000001B-1405768916`` (protocol.md C.4)."""
        return f"{0x80000000 + self._next():X}-{self.edit_sequence()}"

    def new_txn_id(self) -> str:
        """Return an id like ``44F3-1071525107``, for a transaction or for one of its lines."""
        return f"{self._next():X}-{self.edit_sequence()}"

    def _next(self) -> int:
        return self.number("UPDATE fact SET value = value + 1 WHERE name = 'next' RETURNING value - 1")
