"""What the books of a company file say: the trial balance, counts, who owes what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from hub.money import ZERO, plain
from hub.sandbox.company import Company
from hub.sandbox.lists import LISTS
from hub.sandbox.transactions import KINDS


class Balance(NamedTuple):
    """One account's balance, debits positive."""

    account: str
    number: str
    type: str
    balance: Decimal


def trial_balance(company: Company) -> list[Balance]:
    """Return the balance of every account, those at zero too, in the order of the chart."""
    return [
        Balance(
            *(account.full_name, account.fields.get("AccountNumber", ""), account.fields["AccountType"]),
            _money(company.lists.balance(account)),
        )
        for account in company.lists.all("Account")
    ]


def customer_balances(company: Company) -> dict[str, Decimal]:
    """Return what each customer owes, by full name."""
    return {
        customer.full_name: _money(company.transactions.owed_by(customer.id))
        for customer in company.lists.all("Customer")
    }


def counts(company: Company) -> dict[str, int]:
    """Return how many entries each list has and how many transactions there are of each kind."""
    entries = {list: company.lists.count(list) for list in LISTS}
    return entries | {kind: company.transactions.count(kind) for kind in KINDS}


def report(company: Company) -> dict[str, Any]:
    """Return the trial balance and the counts as plain JSON; amounts are texts such as ``12.50``."""
    balances = trial_balance(company)
    return {
        "company": company.name,
        "accounts": [
            {
                "account": one.account,
                "number": one.number,
                "type": one.type,
                "debit": plain(max(one.balance, ZERO)),
                "credit": plain(max(-one.balance, ZERO)),
                "balance": plain(one.balance),
            }
            for one in balances
        ],
        "debit": plain(sum((max(one.balance, ZERO) for one in balances), ZERO)),
        "credit": plain(sum((max(-one.balance, ZERO) for one in balances), ZERO)),
        "counts": counts(company),
    }


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
