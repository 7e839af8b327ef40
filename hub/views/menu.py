"""The menu of a tenant's pages: its entries, which one is open, and the way to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from hub.tenants.models import Mode


@dataclass(frozen=True)
class Entry:
    """One entry: a page, or a group of pages."""

    title: str
    route: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    also: tuple[str, ...] = ()
    """Routes of pages that lie below this one."""
    mode: Mode | None = None
    """The only mode that it is for, if not for both; what a switch has left is of that mode, too."""


ERP = Entry(
    "Accounting/ERP Integration",
    "integration",
    entries=(
        Entry(
            "Integration Settings",
            "settings",
            also=("switch", "accounts", "account_new", "policy", "qwc", "qwc_email"),
        ),
        Entry(
            "Journal entries",
            "journal",
            also=("journal_entry", "journal_undo", "journal_line", "journal_dry_run"),
            mode=Mode.SUMMARY,
        ),
        Entry("Connection", "connection", also=("company", "pause", "interval")),
        Entry("Review items queued", "queue", also=("operation",)),
        Entry("Previous history", "history", also=("session", "carried", "message")),
        Entry("Full mode settings", "full_policy", also=("cutover",), mode=Mode.FULL),
        Entry("Customer matches", "matches", mode=Mode.FULL),
        Entry("Imports", "imports"),
        Entry("Chart of Accounts", "lists", {"kind": "accounts"}),
        Entry("Items List", "lists", {"kind": "items"}),
    ),
)

ENTRIES = (
    Entry(
        "Proof",
        "proof",
        also=(
            "proof_cause",
            "proof_account",
            "proof_customers",
            "proof_customer",
            "proof_delivery",
            "proof_delivered",
        ),
    ),
    Entry("Billing cycles", "cycles", entries=(ERP,), also=("cycle_close",)),
    Entry("Charges", "charges", also=("charge",)),
    Entry("Customers", "records", {"kind": "customers"}, also=("record",)),
    Entry("Invoices", "records", {"kind": "invoices"}, also=("record",)),
    Entry("Payments", "records", {"kind": "payments"}, also=("record",)),
    Entry("Credit memos", "records", {"kind": "credit-memos"}, also=("record",)),
    Entry("Refunds and chargebacks", "records", {"kind": "refunds"}, also=("record",)),
    Entry("Import CSV", "uploads", also=("upload_template", "upload_errors")),
    Entry("Staff", "staff", also=("member", "tokens", "token")),
    Entry("Audit log", "audit"),
)


class Menu:
    """The menu as one page sees it."""

    entries = ENTRIES

    def __init__(self, route: str | None, path: str, modes: Collection[Mode]):
        self._route = route
        self._path = path
        self.modes = modes

    def shown(self, entries: tuple[Entry, ...]) -> list[Entry]:
        """Return the entries that the tenant has a use for."""
        return [entry for entry in entries if entry.mode is None or entry.mode in self.modes]

    def is_open(self, entry: Entry) -> bool:
        """Whether the page is this entry's own."""
        return entry.route == self._route and self._fits(entry)

    def is_near(self, entry: Entry) -> bool:
        """Whether the page is this entry's or lies below it."""
        own = self._route in (entry.route, *entry.also) and self._fits(entry)
        return own or any(self.is_near(inner) for inner in entry.entries)

    def _fits(self, entry: Entry) -> bool:
        return all(f"/{part}" in f"{self._path}/" for part in entry.parts.values())

    def way(self) -> list[Entry]:
        """Return the entries from the top to the one this page is or lies below."""
        found: list[Entry] = []
        level: tuple[Entry, ...] = self.entries
        while near := next((entry for entry in level if self.is_near(entry)), None):
            found.append(near)
            level = near.entries
        return found
