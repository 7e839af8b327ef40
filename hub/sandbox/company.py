"""A company file (``acme.qbw``): lists, transactions, preferences, stamps, message sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from hub.errors import HubError
from hub.sandbox import chart
from hub.sandbox.deletions import Deletions
from hub.sandbox.file import Clock, CompanyFile, local_time
from hub.sandbox.lists import Lists
from hub.sandbox.message_sets import MessageSets
from hub.sandbox.transactions import Transactions

PREFERENCES: dict[str, Any] = {
    "IsUsingAccountNumbers": True,
    "IsUsingClassTracking": True,
    "ClosingDate": "",
    "IsMultiCurrencyOn": False,
    "IsUsingSalesTax": True,
    "DefaultItemSalesTax": "",
    "IsAutoApplyingPayments": True,
}
"""What can be switched in a company file, and how a new one has it: the home currency is USD, and
``DefaultItemSalesTax`` is the ListID of a sales tax item or group, empty for the first one."""

FACTS = ("name", "legal_name", "country", "is_sample")


class Company:
    """One company file, open. Opening a path where there is none makes a new company there."""

    def __init__(
        self,
        path: str | Path,
        name: str = "Sandbox Company",
        clock: Clock = local_time,
        fill: Callable[[Lists], None] = chart.fill,
    ):
        """Open the file at ``path``; ``fill`` puts into a new one what it begins with."""
        self.path = Path(path).absolute()
        self._file = CompanyFile(self.path, clock)
        self.deletions = Deletions(self._file)
        self.lists = Lists(self._file, self.deletions)
        self.transactions = Transactions(self._file, self.deletions)
        self.message_sets = MessageSets(self._file)
        if self._file.is_old:
            self._begin(name, fill)

    @classmethod
    def create(
        cls, path: str | Path, name: str, legal_name: str = "", clock: Clock = local_time
    ) -> Company:
        """Make a new company file.

        :raises HubError: when there is one already.
        """
        if Path(path).exists():
            raise HubError(f"There is a company file at {path} already.")
        company = cls(path, name, clock)
        if legal_name:
            company.describe(legal_name=legal_name)
        return company

    def _begin(self, name: str, fill: Callable[[Lists], None]) -> None:
        with self._file.atomic():
            is_new = self._file.is_blank
            self._file.lay_out()
            if is_new:
                self._set_fact("name", name)
                self._set_fact("legal_name", name)
                self._set_fact("preferences", json.dumps(PREFERENCES))
                fill(self.lists)

    def __enter__(self) -> Company:
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def name(self) -> str:
        return self._fact("name")

    @property
    def legal_name(self) -> str:
        return self._fact("legal_name")

    @property
    def country(self) -> str:
        """Return the edition of QuickBooks the file is of: US, CA, UK or AU."""
        return self._fact("country", "US")

    @property
    def is_sample(self) -> bool:
        """Whether this is one of the practice files that come with QuickBooks."""
        return self._fact("is_sample", "false") == "true"

    def describe(self, **facts: str | bool) -> None:
        """Change what the file says of itself: ``name``, ``legal_name``, ``country``, ``is_sample``."""
        if unknown := set(facts) - set(FACTS):
            raise HubError(f"A company file does not say {', '.join(sorted(unknown))}.")
        with self.atomic():
            for name, value in facts.items():
                self._set_fact(name, value if isinstance(value, str) else str(value).lower())

    def back_up(self, path: str | Path) -> None:
        """Copy the whole file to ``path``: books, memory of message sets, stamps, counters.

        The copy is a company file like any other; opened, it is this one at another place.
        """
        self._file.back_up(Path(path))

    def restore(self, path: str | Path) -> None:
        """Put back what ``back_up`` kept at ``path``: whatever happened since never did.

        What is added from now on gets ids that were never given before, as the time in an id
        makes sure on a real one.
        """
        self._file.restore(Path(path))
        self.lists.reread()

    @property
    def preferences(self) -> dict[str, Any]:
        """Return a copy of the preferences; ``prefer`` changes them."""
        return PREFERENCES | json.loads(self._fact("preferences"))

    def prefer(self, **changes: Any) -> None:
        """Change preferences as a person does in QuickBooks: ``ClosingDate="2025-12-31"``."""
        if unknown := set(changes) - set(PREFERENCES):
            raise HubError(f"There is no preference {', '.join(sorted(unknown))}.")
        with self.atomic():
            self._set_fact("preferences", json.dumps(self.preferences | changes))
            if changes.get("IsMultiCurrencyOn"):
                chart.add_currencies(self.lists)

    def stamps(self, owner: str) -> dict[str, str]:
        """Return the private data an application left here, by name, such as ``FileID``."""
        rows = self._file.rows(
            "SELECT name, value FROM stamp WHERE owner = ? ORDER BY name", owner.upper()
        )
        return {row["name"]: row["value"] for row in rows}

    def stamp(self, owner: str, name: str, value: str) -> None:
        """Leave private data of the application ``owner``; an empty value takes it away."""
        with self.atomic():
            self._file.run("DELETE FROM stamp WHERE owner = ? AND name = ?", owner.upper(), name)
            if value:
                self._file.run("INSERT INTO stamp VALUES (?, ?, ?)", owner.upper(), name, value)

    def atomic(self) -> AbstractContextManager[None]:
        """All of the block or nothing, whatever happens to the process."""
        return self._file.atomic()

    def attempt(self) -> AbstractContextManager[None]:
        """Undo this block alone when it fails; part of ``atomic``."""
        return self._file.attempt()

    def now(self) -> str:
        return self._file.now()

    def local(self, moment: str) -> str:
        """Return a moment of qbXML in the company's local time, without offset."""
        return self._file.local(moment)

    def today(self) -> str:
        return self._file.today()

    def is_closed(self, date: str) -> bool:
        """Whether ``date`` is on or before the closing date of the books."""
        return date <= str(self.preferences["ClosingDate"])

    def new_line_id(self) -> str:
        return self.new_line_ids(1)[0]

    def new_line_ids(self, count: int) -> list[str]:
        return self._file.new_txn_ids(count)

    def _fact(self, name: str, usual: str = "") -> str:
        rows = self._file.rows("SELECT value FROM fact WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else usual

    def _set_fact(self, name: str, value: str) -> None:
        self._file.run("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, value)
