"""The lists of a company file: accounts, items, customers and the rest, entry by entry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.sandbox.deletions import Deletions
from hub.sandbox.file import CompanyFile

NAMES = ("Customer", "Vendor", "Employee", "OtherName")
"""The lists that share one set of names: a customer cannot be called as a vendor is (3100)."""

LISTS = (
    "Account",
    "Item",
    *NAMES,
    "Class",
    "PaymentMethod",
    "SalesTaxCode",
    "Terms",
    "CustomerMsg",
    "Template",
)


SPECIAL = {
    "AccountsReceivable": ("Accounts Receivable", "AccountsReceivable"),
    "OpeningBalanceEquity": ("Opening Balance Equity", "Equity"),
    "SalesTaxPayable": ("Sales Tax Payable", "OtherCurrentLiability"),
    "UndepositedFunds": ("Undeposited Funds", "OtherCurrentAsset"),
}
"""Name and type of the accounts that QuickBooks makes itself when it needs them."""


@dataclass
class Entry:
    """One row of a list. ``fields`` hold what only its kind has; references in it are ListIDs."""

    list: str
    kind: str
    name: str
    full_name: str
    parent: str = ""
    active: bool = True
    fields: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    created: str = ""
    modified: str = ""
    edit_sequence: str = ""

    @property
    def sublevel(self) -> int:
        return self.full_name.count(":")


def _entry(row: sqlite3.Row) -> Entry:
    values = {name: row[name] for name in row.keys() if name not in ("position", "folded")}  # noqa: SIM118
    return Entry(**values | {"active": bool(row["active"]), "fields": json.loads(row["fields"])})


def _beneath(entry: Entry) -> tuple[str, str]:
    """Return the first and last folded full name that something below ``entry`` can have."""
    folded = entry.full_name.casefold()
    return f"{folded}:", f"{folded}:\U0010ffff"


class Lists:
    """All lists of one company file. Names are compared without case, as QuickBooks does."""

    def __init__(self, file: CompanyFile, deletions: Deletions):
        self._file = file
        self._deletions = deletions
        self._special: dict[str, str] = {}

    def all(self, list: str) -> list[Entry]:
        """Return every entry of ``list``, inactive ones too, oldest first."""
        return [
            _entry(row)
            for row in self._file.rows("SELECT * FROM entry WHERE list = ? ORDER BY position", list)
        ]

    def count(self, list: str) -> int:
        return self._file.number("SELECT count(*) FROM entry WHERE list = ?", list)

    def changed(self, lists: Sequence[str], active: Sequence[bool], span: tuple[str, str]) -> list[str]:
        """Return the ids of what was last changed within a span of local time, oldest entry first."""
        marks = ", ".join("?" * len(lists)), ", ".join("?" * len(active))
        rows = self._file.rows(
            f"SELECT id FROM entry WHERE list IN ({marks[0]}) AND active IN ({marks[1]})"
            " AND substr(modified, 1, 19) BETWEEN ? AND ? ORDER BY position",
            *lists,
            *[int(one) for one in active],
            *span,
        )
        return [row["id"] for row in rows]

    def chosen(self, lists: Sequence[str], ids: Sequence[str]) -> list[Entry]:
        """Return the entries of ``lists`` that have these ids, in the order of the ids."""
        found = self._file.chosen("SELECT * FROM entry WHERE id IN (…)", ids)
        entries = [_entry(found[id]) for id in ids if id in found]
        return [entry for entry in entries if entry.list in lists]

    def get(self, list: str, id: str) -> Entry | None:
        return self._one("SELECT * FROM entry WHERE list = ? AND id = ?", list, id)

    def named(self, list: str, full_name: str) -> Entry | None:
        return self._one("SELECT * FROM entry WHERE list = ? AND folded = ?", list, full_name.casefold())

    def name_holder(self, name: str) -> Entry | None:
        """Return whoever has this name among customers, vendors, employees and other names."""
        marks = ", ".join("?" * len(NAMES))
        return self._one(
            f"SELECT * FROM entry WHERE folded = ? AND list IN ({marks})", name.casefold(), *NAMES
        )

    def special(self, special_type: str) -> Entry:
        """Return the account QuickBooks itself uses for ``special_type`` (protocol.md C.5).

        Where there is none yet it is made, as QuickBooks does when it first needs one.
        """
        if special_type not in self._special:
            accounts = self.all("Account")
            self._special |= {one.fields.get("SpecialAccountType", ""): one.id for one in accounts}
        found = self.get("Account", self._special.get(special_type, ""))
        return found or self._make_special(special_type)

    def _make_special(self, special_type: str) -> Entry:
        name, type = SPECIAL[special_type]
        found = self.named("Account", name)
        if found is None:
            found = self.add("Account", name, AccountType=type, SpecialAccountType=special_type)
        return found

    def reread(self) -> None:
        """Forget what is kept in memory: the file is another one now."""
        self._special.clear()

    def add(
        self,
        list: str,
        name: str,
        kind: str = "",
        parent: Entry | None = None,
        active: bool = True,
        **fields: Any,
    ) -> Entry:
        """Add an entry; ``kind`` is the list's own name where all its entries are alike."""
        full_name = f"{parent.full_name}:{name}" if parent else name
        entry = Entry(list, kind or list, name, full_name, parent.id if parent else "", active, fields)
        self.add_all([entry])
        return entry

    def add_all(self, entries: Sequence[Entry]) -> None:
        """Add entries, and give them their times, EditSequences, and ListIDs where they have none."""
        self._file.keep_free(one.id for one in entries)
        now, sequence = self._file.now(), self._file.edit_sequence()
        for entry, id in zip(entries, self._file.new_list_ids(len(entries)), strict=True):
            entry.id, entry.edit_sequence = entry.id or id, sequence
            entry.created = entry.modified = now
        self._file.run_many(
            "INSERT INTO entry (id, list, kind, name, full_name, folded, parent, active, created,"
            " modified, edit_sequence, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(one.id, one.list, one.kind, one.name, one.full_name, one.full_name.casefold()),
                    *(one.parent, int(one.active), now, now, sequence, json.dumps(one.fields)),
                )
                for one in entries
            ),
        )

    def save(self, entry: Entry) -> None:
        """Keep a changed entry (name, activity, fields) under a new EditSequence.

        Those below it get their new full name; that is no change of theirs.
        """
        above, colon, _ = entry.full_name.rpartition(":")
        if entry.full_name != f"{above}{colon}{entry.name}":
            self._rename_below(entry, f"{above}{colon}{entry.name}")
        entry.full_name = f"{above}{colon}{entry.name}"
        entry.modified = self._file.now()
        entry.edit_sequence = self._file.edit_sequence(entry.edit_sequence)
        self._file.run(
            "UPDATE entry SET name = ?, full_name = ?, folded = ?, active = ?, modified = ?,"
            " edit_sequence = ?, fields = ? WHERE id = ?",
            *(entry.name, entry.full_name, entry.full_name.casefold(), int(entry.active)),
            *(entry.modified, entry.edit_sequence, json.dumps(entry.fields), entry.id),
        )

    def delete(self, entry: Entry) -> None:
        """Take an entry out of its list, and remember that it was there."""
        self._file.run("DELETE FROM entry WHERE id = ?", entry.id)
        self._deletions.add(entry.kind, entry.id, entry.created, entry.full_name)

    def is_used(self, entry: Entry) -> bool:
        """Whether a transaction or another entry refers to ``entry``."""
        quoted = f'%"{entry.id}"%'
        return bool(
            self._file.number(
                "SELECT EXISTS (SELECT 1 FROM posting WHERE account = ? OR entity = ?)"
                " OR EXISTS (SELECT 1 FROM txn WHERE customer = ? OR account = ?"
                " OR fields LIKE ? OR lines LIKE ?)"
                " OR EXISTS (SELECT 1 FROM entry WHERE parent = ? OR fields LIKE ?)",
                *(entry.id, entry.id, entry.id, entry.id, quoted, quoted, entry.id, quoted),
            )
        )

    def below(self, entry: Entry) -> list[Entry]:
        """Return all entries that have ``entry`` above them, the higher ones first."""
        rows = self._file.rows(
            "SELECT * FROM entry WHERE list = ? AND folded BETWEEN ? AND ? ORDER BY folded",
            *(entry.list, *_beneath(entry)),
        )
        return [_entry(row) for row in rows]

    def balance(self, account: Entry) -> int:
        """Return what is posted to ``account`` itself: cents, debits positive."""
        return self._file.number("SELECT sum(cents) FROM posting WHERE account = ?", account.id)

    def balance_below(self, account: Entry) -> int:
        """Return what is posted to the accounts that have ``account`` above them."""
        return self._file.number(
            "SELECT sum(cents) FROM posting WHERE account IN"
            " (SELECT id FROM entry WHERE list = 'Account' AND folded BETWEEN ? AND ?)",
            *_beneath(account),
        )

    def _rename_below(self, entry: Entry, full_name: str) -> None:
        for one in self.below(entry):
            now = f"{full_name}{one.full_name[len(entry.full_name) :]}"
            self._file.run(
                "UPDATE entry SET full_name = ?, folded = ? WHERE id = ?", now, now.casefold(), one.id
            )

    def _one(self, sql: str, *values: str) -> Entry | None:
        rows = self._file.rows(sql, *values)
        return _entry(rows[0]) if rows else None
