"""A dry run: what would QuickBooks say to these requests, and what would its books show then?

A company file is made in a temporary directory, with a company's own chart of accounts, what stands
on them, and its names, and the requests are carried out there one after the other. Nothing else is
opened and nobody is called; the file is gone when the answer is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from hub.money import ZERO
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox import books
from hub.sandbox.books import Balance
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry, Lists
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.refusals import RequestProcessorError
from hub.sandbox.transactions import Posting, Transaction

NAME = "Dry Run"
BALANCING = "OpeningBalanceEquity"
"""The special account that takes what opening balances are short of zero."""


class Account(NamedTuple):
    """One account of the chart, as an AccountRet tells it (protocol.md C.5)."""

    full_name: str
    type: str
    number: str = ""
    special: str = ""
    id: str = ""
    active: bool = True
    currency: str = ""
    balance: Decimal = ZERO
    """What stands on it at first, debits positive."""


class Named(NamedTuple):
    """One class, customer, vendor or currency."""

    full_name: str
    id: str = ""
    active: bool = True
    currency: str = ""


class Result(NamedTuple):
    """What became of one request."""

    request_id: str
    kind: str
    code: int
    """The statusCode, or the hresult where the request could not even be read."""
    message: str

    @property
    def is_refused(self) -> bool:
        """Whether nothing of it is in the books (protocol.md D.1)."""
        return self.code >= 1000


@dataclass(frozen=True)
class Scratch:
    """The trial balance before and after, debits positive, and one result for each request."""

    before: list[Balance]
    after: list[Balance]
    results: list[Result]
    balancing: Balance | None
    """What was put on Opening Balance Equity, where the opening balances do not come to zero."""

    @property
    def moved(self) -> list[Balance]:
        """What the requests put on each account, where that is anything."""
        before = {one.account: one.balance for one in self.before}
        return [
            one._replace(balance=moved)
            for one in self.after
            if (moved := one.balance - before.get(one.account, ZERO))
        ]


def dry_run(
    accounts: Iterable[Account],
    classes: Iterable[Named],
    customers: Iterable[Named],
    requests: Iterable[Request],
    vendors: Iterable[Named] = (),
    currencies: Iterable[Named] = (),
    preferences: Mapping[str, Any] | None = None,
) -> Scratch:
    """Carry out ``requests``, in their order, in a company file of its own.

    Its lists hold what is given, inactive entries too, under the same ListIDs; where a name or an
    id comes twice the first counts. ``preferences`` are a company's (``ClosingDate``,
    ``IsUsingClassTracking``, ``IsMultiCurrencyOn``). What QuickBooks refuses is a result and no error.
    """
    chart = [*accounts]
    entries = [*map(_account, chart)]
    for kind, names in (
        ("Class", classes),
        ("Customer", customers),
        ("Vendor", vendors),
        ("Currency", currencies),
    ):
        entries += [_named(kind, one) for one in names]

    def fill(lists: Lists) -> None:
        lists.add_all(_placed(entries))

    with (
        tempfile.TemporaryDirectory() as directory,
        Company(Path(directory) / "scratch.qbw", NAME, fill=fill) as company,
    ):
        company.prefer(**(preferences or {}))
        balancing = _open(company, chart)
        before = books.trial_balance(company)
        quickbooks = QuickBooks(company)
        results = [_result(quickbooks, request) for request in requests]
        return Scratch(before, books.trial_balance(company), results, balancing)


def _open(company: Company, chart: Iterable[Account]) -> Balance | None:
    """Put on each account what stands there at first, and what is short of zero on Opening Balance
    Equity; return that, if it is anything."""
    balances = {one.full_name: one.balance for one in reversed([*chart]) if one.balance}
    postings = [
        Posting(entry.id, int(balances[entry.full_name].scaleb(2)))
        for entry in company.lists.all("Account")
        if entry.full_name in balances
    ]
    short = -sum(posting.cents for posting in postings)
    with company.atomic():
        place = company.lists.special(BALANCING) if short else None
        if place is not None:
            postings.append(Posting(place.id, short))
        company.transactions.add(Transaction("JournalEntry", company.today()), postings)
    if place is None:
        return None
    number = place.fields.get("AccountNumber", "")
    return Balance(place.full_name, number, place.fields["AccountType"], Decimal(short).scaleb(-2))


def _account(given: Account) -> Entry:
    entry = _entry("Account", given.full_name, given.id, given.active)
    fields = {
        "AccountType": given.type,
        "AccountNumber": given.number,
        "SpecialAccountType": given.special,
        "CurrencyRef": given.currency,
    }
    entry.fields = {name: value for name, value in fields.items() if value or name == "AccountType"}
    return entry


def _named(list: str, given: Named) -> Entry:
    entry = _entry(list, given.full_name, given.id, given.active)
    entry.fields = {"CurrencyRef": given.currency} if given.currency else {}
    return entry


def _entry(list: str, full_name: str, id: str, active: bool) -> Entry:
    return Entry(list, list, full_name.rpartition(":")[2], full_name, active=active, id=id)


def _placed(entries: Iterable[Entry]) -> Sequence[Entry]:
    """Return the entries that no other goes before by its name or id."""
    by_name: dict[tuple[str, str], Entry] = {}
    ids: set[str] = set()
    for entry in entries:
        key = entry.list, entry.full_name.casefold()
        if key in by_name or entry.id in ids:
            continue
        by_name[key] = entry
        ids |= {entry.id} - {""}
    return [*by_name.values()]


def _result(quickbooks: QuickBooks, request: Request) -> Result:
    try:
        text = quickbooks.process(qbxml.message([request]))
    except RequestProcessorError as error:
        return Result(request.request_id, request.kind, int(error.hresult, 16), str(error))
    (answer,) = qbxml.parse_answers(text).answers
    return Result(request.request_id, request.kind, answer.code, answer.text)
