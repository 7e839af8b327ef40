"""What each purpose may be booked to, and which account is probably meant by it."""

from __future__ import annotations

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


RULES = {
    "clearing": Rule(ASSETS, ("billing clearing", "billing control", "clearing"), CLEARING),
    "receivable": Rule(("AccountsReceivable",), ("receivable",), "Accounts Receivable"),
    "deposit": Rule(MONEY, ("undeposited", "checking", "clearing"), "Payments Received"),
    "refund": Rule(MONEY, ("refund", "undeposited", "checking"), "Refunds Paid"),
    "money_in": Rule(MONEY, ("bank", "checking", "clearing"), ""),
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

    @property
    def can_be_created(self) -> bool:
        """Whether QuickBooks can be asked for an account for it: only for one of the home currency."""
        return not self.currency

    @property
    def key(self) -> str:
        """The name of its form field."""
        return f"{self.purpose}.{self.code}"


def proposal(slot: Slot) -> str:
    """Return the option that a code names by number or name, or else whose name sounds right."""
    code = slot.code.casefold()
    for entry in slot.options:
        if code and code in (entry.number.casefold(), entry.full_name.casefold()):
            return entry.full_name
    for word in (code, *RULES[slot.purpose].words):
        for entry in slot.options:
            if word and word in entry.full_name.casefold():
                return entry.full_name
    return ""
