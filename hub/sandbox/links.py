"""Which credit pays which charge.

A link is an amount of a credit (a payment or a credit memo) used on a charge (an invoice,
a refund, a journal entry that debits A/R); ``via`` is the transaction that asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.sandbox.file import CompanyFile


@dataclass(frozen=True)
class Link:
    """Cents of a credit that are used on a charge."""

    credit: str
    charge: str
    via: str
    cents: int


class Links:
    """All links of one company file."""

    def __init__(self, file: CompanyFile):
        self._file = file

    def add(self, link: Link) -> None:
        self._file.run(
            "INSERT INTO link (credit, charge, via, cents) VALUES (?, ?, ?, ?)",
            *(link.credit, link.charge, link.via, link.cents),
        )

    def of(self, id: str) -> list[Link]:
        """Return the links in which a transaction is an end, or which it asked for; oldest first."""
        return [
            Link(row["credit"], row["charge"], row["via"], row["cents"])
            for row in self._file.rows(
                "SELECT * FROM link WHERE credit = ? OR charge = ? OR via = ? ORDER BY position",
                *(id, id, id),
            )
        ]

    def total(self, id: str) -> int:
        """Return the cents linked to a transaction."""
        return self._file.number("SELECT sum(cents) FROM link WHERE credit = ? OR charge = ?", id, id)

    def drop(self, id: str) -> None:
        """Forget all links that ``of`` returns."""
        self._file.run("DELETE FROM link WHERE credit = ? OR charge = ? OR via = ?", id, id, id)

    def trim(self, id: str, excess: int) -> list[Link]:
        """Take ``excess`` cents off the links of a transaction, the newest first, and return those
        that had to give."""
        given = []
        for row in self._file.rows(
            "SELECT * FROM link WHERE credit = ? OR charge = ? ORDER BY position DESC", id, id
        ):
            if cut := min(excess, row["cents"]):
                excess -= cut
                self._file.run(
                    "UPDATE link SET cents = cents - ? WHERE position = ?", cut, row["position"]
                )
                given.append(Link(row["credit"], row["charge"], row["via"], cut))
        self._file.run("DELETE FROM link WHERE cents = 0")
        return given
