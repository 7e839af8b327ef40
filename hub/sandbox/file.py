"""The company file on disk: one SQLite database, and what every room of it shares.

SQLite because it is crash-safe: whatever happens to the process, the file holds
the state before or after a message, never half of one. The books and the memory of
message sets are in the same file, hence in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hub.errors import HubError

TABLES = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stamp (
    owner TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (owner, name)
);
CREATE TABLE IF NOT EXISTS entry (
    position INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, list TEXT NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, full_name TEXT NOT NULL, folded TEXT NOT NULL, parent TEXT NOT NULL,
    active INTEGER NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    edit_sequence TEXT NOT NULL, fields TEXT NOT NULL, UNIQUE (list, folded)
);
CREATE TABLE IF NOT EXISTS txn (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL, edit_sequence TEXT NOT NULL,
    customer TEXT NOT NULL, account TEXT NOT NULL, date TEXT NOT NULL, ref_number TEXT NOT NULL,
    total INTEGER NOT NULL, fields TEXT NOT NULL, lines TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS txn_ref_number ON txn (kind, ref_number);
CREATE INDEX IF NOT EXISTS txn_folded_ref_number ON txn (kind, ref_number COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS txn_customer ON txn (customer, kind);
CREATE TABLE IF NOT EXISTS posting (
    txn TEXT NOT NULL, account TEXT NOT NULL, entity TEXT NOT NULL, cents INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS posting_txn ON posting (txn);
CREATE INDEX IF NOT EXISTS posting_account ON posting (account, entity, cents);
CREATE INDEX IF NOT EXISTS posting_entity ON posting (entity);
CREATE TABLE IF NOT EXISTS link (
    position INTEGER PRIMARY KEY, credit TEXT NOT NULL, charge TEXT NOT NULL, via TEXT NOT NULL,
    cents INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS link_credit ON link (credit);
CREATE INDEX IF NOT EXISTS link_charge ON link (charge);
CREATE INDEX IF NOT EXISTS link_via ON link (via);
CREATE TABLE IF NOT EXISTS message_set (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deletion (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, created TEXT NOT NULL,
    deleted TEXT NOT NULL, name TEXT NOT NULL
);
INSERT OR IGNORE INTO fact VALUES ('next', '1'), ('restores', '0');
PRAGMA user_version = 2;
"""
LAYOUT = 2
"""Which layout ``TABLES`` is; files of an older one get what they lack when they are opened."""

CHUNK = 500
"""How many values one statement takes."""

_ID = re.compile(r"([0-9A-F]{1,8})-")

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
        db.execute("PRAGMA journal_mode = WAL")
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

    def back_up(self, path: Path) -> None:
        """Copy everything to a new file at ``path``, or over the one that is there."""
        copy = sqlite3.connect(path)
        with self._lock, copy:
            self._db.backup(copy)
        copy.close()

    def restore(self, path: Path) -> None:
        """Become what ``back_up`` kept at ``path``, and count that.

        :raises HubError: when there is nothing at ``path``.
        """
        if not path.is_file():
            raise HubError(f"There is no backup at {path}.")
        copy = sqlite3.connect(path)
        with self._lock:
            restores = self.restores
            copy.backup(self._db)
            self.run(
                "UPDATE fact SET value = ? WHERE name = 'restores'", max(restores, self.restores) + 1
            )
        copy.close()

    @property
    def restores(self) -> int:
        """How often a backup was put back. It goes into all ids, so that none is given twice."""
        return self.number("SELECT value FROM fact WHERE name = 'restores'")

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever committed to this file."""
        return not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'fact'")

    @property
    def is_old(self) -> bool:
        """Whether this file was made when the sandbox kept less."""
        return self.number("PRAGMA user_version") < LAYOUT

    def lay_out(self) -> None:
        """Make the tables that are not there; part of the transaction that fills them."""
        for statement in TABLES.split(";"):
            self.run(statement)

    def chosen(self, sql: str, ids: Sequence[str]) -> dict[str, sqlite3.Row]:
        """Return the rows of ``sql``, which ends in ``IN (…)``, by their ids, however many."""
        found: dict[str, sqlite3.Row] = {}
        for start in range(0, len(ids), CHUNK):
            some = ids[start : start + CHUNK]
            marks = ", ".join("?" * len(some))
            found.update({row["id"]: row for row in self.rows(sql.replace("…", marks), *some)})
        return found

    def rows(self, sql: str, *values: str | int) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: str | int) -> None:
        with self._lock:
            self._db.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[tuple[str | int, ...]]) -> None:
        with self._lock:
            self._db.executemany(sql, rows)

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

    def local(self, moment: str) -> str:
        """Return a moment of qbXML in this machine's local time, without offset.

        One without an offset is local already (protocol.md E.2).
        """
        when = dt.datetime.fromisoformat(moment)
        return (when.astimezone(self._clock().tzinfo) if when.tzinfo else when).isoformat()[:19]

    def days_ago(self, days: int) -> str:
        """Return the local time ``days`` ago, without offset."""
        return (self._clock() - dt.timedelta(days=days)).isoformat()[:19]

    def edit_sequence(self, previous: str = "") -> str:
        """Return a new EditSequence, which is never the ``previous`` one."""
        now = int(self._clock().timestamp()) + self.restores
        return str(max(now, int(previous or 0) + 1))

    def keep_free(self, ids: Iterable[str]) -> None:
        """See that none of ``ids``, which come from elsewhere, is ever given here."""
        numbers = [int(found[1], 16) & 0x7FFFFFFF for id in ids if (found := _ID.match(id))]
        if numbers:
            self.run(
                "UPDATE fact SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'next'",
                max(numbers) + 1,
            )

    def new_list_ids(self, count: int) -> list[str]:
        """Return ids like ``8000001B-1405768916`` (protocol.md C.4)."""
        return self._new_ids(count, 0x80000000)

    def new_txn_ids(self, count: int) -> list[str]:
        """Return ids like ``44F3-1071525107``, for transactions or for their lines."""
        return self._new_ids(count, 0)

    def _new_ids(self, count: int, base: int) -> list[str]:
        first = self.number(
            "UPDATE fact SET value = value + ? WHERE name = 'next' RETURNING value - ?", count, count
        )
        stamp = self.edit_sequence()
        return [f"{number:X}-{stamp}" for number in range(base + first, base + first + count)]
