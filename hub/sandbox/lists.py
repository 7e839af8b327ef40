"""The lists of a company file: accounts, items, customers and the rest, entry by entry."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from hub.sandbox.file import CompanyFile

NAMES = ("Customer", "Vendor", "Employee", "OtherName")
"""The lists that share one set of names: a customer cannot be called as a vendor is (3100)."""

LISTS = ("Account", "Item", *NAMES, "Class", "PaymentMethod", "SalesTaxCode", "Terms")


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


class Lists:
    """All lists of one company file. Names are compared without case, as QuickBooks does."""

    def __init__(self, file: CompanyFile):
        self._file = file
        self._special: dict[str, str] = {}

    def all(self, list: str) -> list[Entry]:
        """Return every entry of ``list``, inactive ones too, oldest first."""
        return [
            _entry(row)
            for row in self._file.rows("SELECT * FROM entry WHERE list = ? ORDER BY position", list)
        ]

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
        """Return the account QuickBooks itself uses for ``special_type`` (protocol.md C.5)."""
        if special_type not in self._special:
            accounts = self.all("Account")
            self._special |= {one.fields.get("SpecialAccountType", ""): one.id for one in accounts}
        found = self.get("Account", self._special[special_type])
        assert found is not None
        return found

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
        now = self._file.now()
        full_name = f"{parent.full_name}:{name}" if parent else name
        entry = Entry(list, kind or list, name, full_name, parent.id if parent else "", active, fields)
        entry.id = self._file.new_list_id()
        entry.created = entry.modified = now
        entry.edit_sequence = self._file.edit_sequence()
        self._file.run(
            "INSERT INTO entry (id, list, kind, name, full_name, folded, parent, active, created,"
            " modified, edit_sequence, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(entry.id, list, entry.kind, name, full_name, full_name.casefold(), entry.parent),
            *(int(active), now, now, entry.edit_sequence, json.dumps(fields)),
        )
        return entry

    def save(self, entry: Entry) -> None:
        """Keep a changed entry (name, activity, fields) under a new EditSequence."""
        above, colon, _ = entry.full_name.rpartition(":")
        entry.full_name = f"{above}{colon}{entry.name}"
        entry.modified = self._file.now()
        entry.edit_sequence = self._file.edit_sequence(entry.edit_sequence)
        self._file.run(
            "UPDATE entry SET name = ?, full_name = ?, folded = ?, active = ?, modified = ?,"
            " edit_sequence = ?, fields = ? WHERE id = ?",
            *(entry.name, entry.full_name, entry.full_name.casefold(), int(entry.active)),
            *(entry.modified, entry.edit_sequence, json.dumps(entry.fields), entry.id),
        )

    def balance(self, account: Entry) -> int:
        """Return what is posted to ``account`` itself: cents, debits positive."""
        return self._file.number("SELECT sum(cents) FROM posting WHERE account = ?", account.id)

    def _one(self, sql: str, *values: str) -> Entry | None:
        rows = self._file.rows(sql, *values)
        return _entry(rows[0]) if rows else None
