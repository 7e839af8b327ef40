"""Currencies, where several are in use: an account has one, and so has a journal entry.

Money, receivables and payables are kept in one currency only, so such an account must have the
entry's; any other may also be of the home currency (protocol.md G).
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry

HOME = "US Dollar"
NAMES = (
    *(HOME, "Australian Dollar", "British Pound Sterling", "Canadian Dollar", "Euro"),
    *("Japanese Yen", "Mexican Peso", "Swiss Franc"),
)
KEPT_IN_ONE = ("AccountsPayable", "AccountsReceivable", "Bank", "CreditCard")


def asked(company: Company, body: Element, where: str) -> str:
    """Return the currency a request names, or nothing where it names none.

    :raises Refusal: 3250 where only one is in use, 3140 for one that nobody knows.
    """
    for name in ("CurrencyRef", "ExchangeRate"):
        if body.find(name) is not None and not company.preferences["IsMultiCurrencyOn"]:
            raise refusals.feature_off("multiple currencies")
    if body.find("CurrencyRef") is None:
        return ""
    name = body.get("CurrencyRef/FullName")
    found = next((one for one in NAMES if one.casefold() == name.casefold()), None)
    if found is None:
        wanted = name or body.get("CurrencyRef/ListID")
        raise refusals.invalid_reference("Currency", wanted, where)
    return found


def check(account: Entry, currency: str, where: str) -> None:
    """See that a line in ``currency`` may stand on ``account``.

    :raises Refusal: 3140 where their currencies do not go together.
    """
    own = account.fields.get("CurrencyRef", HOME)
    free = own == HOME and account.fields["AccountType"] not in KEPT_IN_ONE
    if own != currency and not free:
        raise refusals.invalid_reference(
            *("Account", account.full_name, where),
            f"The currency of the account is {own} and that of the transaction is {currency}.",
        )
