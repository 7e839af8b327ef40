"""The transactions of a company file and their postings to the general ledger.

The postings of a transaction add up to zero, always: ``_post`` refuses any others.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.sandbox.deletions import Deletions
from hub.sandbox.file import CompanyFile
from hub.sandbox.links import Link, Links

KINDS = ("Invoice", "CreditMemo", "ReceivePayment", "ARRefundCreditCard", "Check", "JournalEntry")
CREDITS = ("CreditMemo", "ReceivePayment")


@dataclass(frozen=True)
class Posting:
    """One line of the general ledger: signed cents, debits positive."""

    account: str
    cents: int
    entity: str = ""


@dataclass
class Transaction:
    """One document. ``account`` is its A/R account; ``lines`` are as its kind keeps them."""

    kind: str
    date: str
    ref_number: str = ""
    customer: str = ""
    account: str = ""
    total: int = 0
    fields: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    number: int = 0
    created: str = ""
    modified: str = ""
    edit_sequence: str = ""

    @property
    def is_charge(self) -> bool:
        """Whether a payment can be applied to it (protocol.md C.4)."""
        return self.kind in ("Invoice", "JournalEntry", "Check") and bool(self.customer)


def _transaction(row: sqlite3.Row) -> Transaction:
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118
    return Transaction(
        **values | {"fields": json.loads(row["fields"]), "lines": json.loads(row["lines"])}
    )


@dataclass(frozen=True)
class Filter:
    """What a query leaves of the transactions of one kind; what is empty filters nothing."""

    changed: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    """A pattern of SQL's LIKE for the RefNumber."""
    names: Sequence[str] | None = None
    """ListIDs of names; none of them is nobody."""


class Transactions:
    """All transactions of one company file."""

    def __init__(self, file: CompanyFile, deletions: Deletions):
        self._file = file
        self._deletions = deletions
        self._links = Links(file)

    def get(self, id: str, *kinds: str) -> Transaction | None:
        """Return the transaction with this TxnID, if it is one of ``kinds`` (none: any)."""
        rows = self._file.rows("SELECT * FROM txn WHERE id = ?", id)
        found = _transaction(rows[0]) if rows else None
        return found if found and (not kinds or found.kind in kinds) else None

    def meant(self, kind: str, filter: Filter) -> list[str]:
        """Return the ids of the transactions of ``kind`` that pass ``filter``, oldest first."""
        where, values = ["kind = ?"], [kind]
        for condition, some in (
            ("substr(modified, 1, 19) BETWEEN ? AND ?", filter.changed),
            ("date BETWEEN ? AND ?", filter.dated),
            ("ref_number LIKE ? ESCAPE '\\'", filter.like),
        ):
            if some:
                where.append(condition)
                values += some
        if filter.names is not None:
            marks = ", ".join("?" * len(filter.names))
            where.append(
                f"(customer IN ({marks}) OR id IN (SELECT txn FROM posting WHERE entity IN ({marks})))"
            )
            values += [*filter.names, *filter.names]
        rows = self._file.rows(
            f"SELECT id FROM txn WHERE {' AND '.join(where)} ORDER BY number", *values
        )
        return [row["id"] for row in rows]

    def chosen(self, kind: str, ids: Sequence[str]) -> list[Transaction]:
        """Return the transactions of ``kind`` that have these ids, in the order of the ids."""
        found = self._file.chosen("SELECT * FROM txn WHERE id IN (…)", ids)
        return [_transaction(found[id]) for id in ids if id in found and found[id]["kind"] == kind]

    def all(self, kind: str) -> list[Transaction]:
        rows = self._file.rows("SELECT * FROM txn WHERE kind = ? ORDER BY number", kind)
        return [_transaction(row) for row in rows]

    def numbered(self, kind: str, ref_number: str, exact: bool) -> list[Transaction]:
        """Return those with this RefNumber, which need not be unique (protocol.md C.4)."""
        collation = "" if exact else " COLLATE NOCASE"
        return [
            _transaction(row)
            for row in self._file.rows(
                f"SELECT * FROM txn WHERE kind = ? AND ref_number = ?{collation} ORDER BY number",
                *(kind, ref_number),
            )
        ]

    def count(self, kind: str) -> int:
        return self._file.number("SELECT count(*) FROM txn WHERE kind = ?", kind)

    def invoices_of(self, customer: str, account: str) -> list[Transaction]:
        """Return the customer's invoices on an A/R account, oldest first."""
        return [
            _transaction(row)
            for row in self._file.rows(
                "SELECT * FROM txn WHERE customer = ? AND kind = 'Invoice' AND account = ?"
                " ORDER BY date, number",
                *(customer, account),
            )
        ]

    def add(self, transaction: Transaction, postings: Iterable[Posting]) -> None:
        """Record a new transaction and give it its TxnID and number."""
        self.add_all([(transaction, postings)])

    def add_all(self, pairs: Sequence[tuple[Transaction, Iterable[Posting]]]) -> None:
        """Record new transactions with their postings, and give them their TxnIDs and numbers."""
        now, sequence = self._file.now(), self._file.edit_sequence()
        number = self._file.number("SELECT max(number) FROM txn")
        ids = self._file.new_txn_ids(len(pairs))
        for id, (transaction, _) in zip(ids, pairs, strict=True):
            number += 1
            transaction.id, transaction.number, transaction.edit_sequence = id, number, sequence
            transaction.created = transaction.modified = now
        self._file.run_many(
            "INSERT INTO txn (number, id, kind, created, modified, edit_sequence, customer, account,"
            " date, ref_number, total, fields, lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (one.number, one.id, one.kind, now, now, sequence, *self._content(one))
                for one, _ in pairs
            ),
        )
        self._post(pairs)

    def save(self, transaction: Transaction, postings: Iterable[Posting]) -> None:
        """Keep a changed transaction under a new EditSequence, its postings replaced."""
        self.keep(transaction)
        self._file.run("DELETE FROM posting WHERE txn = ?", transaction.id)
        self._post([(transaction, postings)])

    def keep(self, transaction: Transaction) -> None:
        """Keep a changed transaction under a new EditSequence; its postings stay."""
        transaction.modified = self._file.now()
        transaction.edit_sequence = self._file.edit_sequence(transaction.edit_sequence)
        self._file.run(
            "UPDATE txn SET modified = ?, edit_sequence = ?, customer = ?, account = ?, date = ?,"
            " ref_number = ?, total = ?, fields = ?, lines = ? WHERE id = ?",
            *(transaction.modified, transaction.edit_sequence, *self._content(transaction)),
            transaction.id,
        )

    def touch(self, id: str) -> None:
        """Note that a transaction changed through another one: a paid invoice is modified too."""
        found = self.get(id)
        assert found is not None
        self._file.run(
            "UPDATE txn SET modified = ?, edit_sequence = ? WHERE id = ?",
            *(self._file.now(), self._file.edit_sequence(found.edit_sequence), id),
        )

    def delete(self, transaction: Transaction) -> None:
        """Take a transaction out of the books, and remember that it was there."""
        self.unlink(transaction)
        self._file.run("DELETE FROM posting WHERE txn = ?", transaction.id)
        self._file.run("DELETE FROM txn WHERE id = ?", transaction.id)
        self._deletions.add(
            transaction.kind, transaction.id, transaction.created, transaction.ref_number
        )

    def link(self, credit: str, charge: str, cents: int, via: str) -> None:
        """Use ``cents`` of a credit on a charge."""
        self._links.add(Link(credit, charge, via, cents))

    def unlink(self, transaction: Transaction) -> None:
        """Free all that this transaction pays, is paid by, or arranged between others."""
        for link in self._links.of(transaction.id):
            for end in {link.credit, link.charge} - {transaction.id}:
                self.touch(end)
        self._links.drop(transaction.id)

    def links(self, id: str) -> list[Link]:
        """Return the links a transaction is part of, oldest first."""
        return self._links.of(id)

    def trim(self, transaction: Transaction) -> None:
        """Free the newest links that a lowered total no longer covers; the rest stays a credit."""
        excess = max(-self.remaining(transaction), 0)
        for link in self._links.trim(transaction.id, excess):
            self.touch(link.charge if link.credit == transaction.id else link.credit)

    def used(self, transaction: Transaction) -> int:
        """Return the cents of a credit that are used, or of a charge that are paid."""
        return self._links.total(transaction.id)

    def remaining(self, transaction: Transaction) -> int:
        """Return what a charge still asks for, or what a credit still has."""
        return transaction.total - self.used(transaction)

    def owed_by(self, customer: str) -> int:
        """Return what is posted to accounts receivable under a customer's name: cents."""
        return self._file.number(
            "SELECT sum(cents) FROM posting WHERE entity = ? AND account IN"
            " (SELECT id FROM entry WHERE list = 'Account'"
            " AND json_extract(fields, '$.AccountType') = 'AccountsReceivable')",
            customer,
        )

    def _content(self, transaction: Transaction) -> tuple[str | int, ...]:
        return (
            *(transaction.customer, transaction.account, transaction.date, transaction.ref_number),
            *(transaction.total, json.dumps(transaction.fields), json.dumps(transaction.lines)),
        )

    def _post(self, pairs: Iterable[tuple[Transaction, Iterable[Posting]]]) -> None:
        rows: list[tuple[str | int, ...]] = []
        for transaction, postings in pairs:
            kept = [posting for posting in postings if posting.cents]
            assert sum(one.cents for one in kept) == 0, f"{transaction.id} does not balance"
            rows += [(transaction.id, one.account, one.entity, one.cents) for one in kept]
        self._file.run_many("INSERT INTO posting VALUES (?, ?, ?, ?)", rows)
