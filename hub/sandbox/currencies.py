"""Currencies, where several are in use: an account has one, a customer has one, and so has a
transaction.

Money, receivables and payables are kept in one currency only, so such an account must have the
transaction's; any other may also be of the home currency (protocol.md G). One unit of any currency
is one of the home currency's here, unless a journal entry says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.qbwc.qbxml import Element
from hub.sandbox import chart, refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry

HOME = chart.HOME
NAMES = tuple(chart.CURRENCIES)
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
    id, name = body.get("CurrencyRef/ListID"), body.get("CurrencyRef/FullName")
    found = company.lists.get("Currency", id) if id else company.lists.named("Currency", name)
    if found is None:
        raise refusals.invalid_reference("Currency", name or id, where)
    return found.name


def of(entry: Entry | None) -> str:
    """Return the currency of a customer or an account."""
    return str(entry.fields.get("CurrencyRef") or HOME) if entry is not None else HOME


def check_customer(customer: Entry, accounts: Sequence[Entry], where: str) -> None:
    """See that a transaction in a customer's currency may stand on these accounts.

    :raises Refusal: 3140 where their currencies do not go together.
    """
    for account in accounts:
        check(account, of(customer), where)


def shown(company: Company, customer: Entry | None) -> Ret:
    """Return what a customer's transaction says of its currency, where several are in use."""
    if not company.preferences["IsMultiCurrencyOn"]:
        return []
    return [("CurrencyRef", [("FullName", of(customer))]), ("ExchangeRate", "1")]


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
