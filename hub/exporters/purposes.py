"""What each purpose may be booked to, and which account is probably meant by it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.books.chart import CLEARING, TAX_ACCOUNT
from hub.books.models import ListEntry

ASSETS = ("OtherCurrentAsset", "OtherAsset", "OtherCurrentLiability")
MONEY = ("Bank", "OtherCurrentAsset", "CreditCard")
LIABILITIES = ("OtherCurrentLiability", "LongTermLiability")
_COSTS = ("Expense", "OtherExpense", "CostOfGoodsSold")
_RESULTS = ("Income", "OtherIncome", *_COSTS)


@dataclass(frozen=True)
class Rule:
    """What a purpose may be booked to, and how an account for it is usually called."""

    types: tuple[str, ...]
    words: tuple[str, ...]
    """Words in a name by which an account is proposed, the best first."""
    usual: str
    """What an account that is made for it is called."""
    alone: str = ""
    """The type of account that is meant where there is just one of it."""


RULES = {
    "clearing": Rule(ASSETS, ("billing clearing", "billing control", "clearing"), CLEARING),
    "receivable": Rule(
        ("AccountsReceivable",), ("receivable",), "Accounts Receivable", "AccountsReceivable"
    ),
    "deposit": Rule(MONEY, ("undeposited", "checking", "clearing"), "Payments Received", "Bank"),
    "refund": Rule(MONEY, ("refund", "undeposited", "checking"), "Refunds Paid", "Bank"),
    "money_in": Rule(MONEY, ("bank", "checking", "clearing"), "Payments Received", "Bank"),
    "tax": Rule(LIABILITIES, ("sales tax", "tax"), TAX_ACCOUNT),
    "tax_agency": Rule((), ("tax", "revenue", "equalization"), ""),
    "discount": Rule(_RESULTS, ("discount",), "Discounts Given"),
    "write_off": Rule(
        (*_COSTS, "Income", "OtherIncome"),
        ("bad debt", "write-off", "write off", "uncollectible"),
        "Bad Debt",
    ),
    "rounding": Rule(
        (*_COSTS, "Income", "OtherIncome"), ("rounding", "over/short", "over and short"), "Rounding"
    ),
}
"""By purpose. The first type is that of an account that is made for it."""


@dataclass
class Slot:
    """One choice on the page of accounts by purpose."""

    purpose: str
    code: str
    label: str
    hint: str
    chosen: str
    """The name that was chosen; empty for the usual one."""
    now: str
    """What it leads to at present; empty where that is nothing."""
    trouble: str = ""
    options: list[ListEntry] = field(default_factory=list)
    proposal: str = ""
    """What seems to be meant, where nothing is chosen and nothing is the usual one."""
    coming: str = ""
    """The account that QuickBooks creates for it at the next run."""
    currency: str = ""
    """The foreign currency that it is for, if it is for one alone."""

    is_account: bool = True
    """Whether it is an account that is chosen: not an item, nor a vendor."""

    @property
    def usual(self) -> str:
        """What an account that is made for it is called: that of a foreign currency says so."""
        name = RULES[self.purpose].usual
        return f"{name} - {self.currency}" if self.currency else name

    @property
    def key(self) -> str:
        """The name of its form field."""
        return f"{self.purpose}.{self.code}"


def proposal(slot: Slot) -> str:
    """Return the option that a code names by number or name; or whose name sounds right, one of the
    purpose's first type before others; or the only one of the type that is usual for it."""
    code, rule = slot.code.casefold(), RULES[slot.purpose]
    for entry in slot.options:
        if code and code in (entry.number.casefold(), entry.full_name.casefold()):
            return entry.full_name
    order = {type_: i for i, type_ in enumerate(rule.types)}
    options = sorted(slot.options, key=lambda entry: order.get(entry.type, len(order)))
    for word in (code, *rule.words):
        for entry in options:
            if word and word in entry.full_name.casefold():
                return entry.full_name
    alone = [entry.full_name for entry in options if rule.alone and entry.type == rule.alone]
    return alone[0] if len(alone) == 1 else ""


def meant(options: Iterable[ListEntry], code: str, *names: str) -> str:
    """Return the option that a charge's code or one of its names means, or nothing: one with that number
    or name, or the one whose name says the most of the same words."""
    texts = [text.strip().casefold() for text in (code, *names) if text.strip()]
    found = {
        key: entry.full_name
        for entry in options
        for key in (_leaf(entry), entry.full_name.casefold(), entry.number.casefold())
        if key
    }
    for text in texts:
        number = _NUMBER.match(text)
        for key in filter(None, (text, number and number[0])):
            if key in found:
                return found[key]
    by_words = sorted(found, key=lambda key: (-len(_words(key)), key))
    for text in texts:
        for key in by_words:
            if _words(key) and _words(key) <= _words(text):
                return found[key]
    return ""


_NUMBER = re.compile(r"\d{3,7}(?!\w)", re.ASCII)


def _leaf(entry: ListEntry) -> str:
    return entry.full_name.rpartition(":")[2].casefold()


def _words(text: str) -> frozenset[str]:
    """Return the words of a name that say something, in the singular."""
    return frozenset(word.rstrip("s") for word in re.findall(r"[^\W\d_]{3,}", text))
