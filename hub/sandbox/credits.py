"""Using what a customer has left (a credit memo, the rest of a payment) on what is owed."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, refusals
from hub.sandbox.company import Company
from hub.sandbox.transactions import CREDITS, Transaction


def use(company: Company, given: Element, charge: Transaction, via: str) -> None:
    """Carry out one ``SetCredit`` on an invoice; ``via`` is the transaction that asks for it."""
    amount = cents.read(given.get("AppliedAmount"))
    credit = unused(company, given.get("CreditTxnID"), charge.customer, charge.account)
    if amount <= 0 or amount > company.transactions.remaining(credit):
        raise refusals.invalid_value(
            "AppliedAmount",
            given.get("AppliedAmount"),
            "You cannot apply more than the remaining credit.",
        )
    pay(company, credit, charge, amount, via, "AppliedAmount")


def unused(company: Company, id: str, customer: str, account: str) -> Transaction:
    """Return a credit of this customer, on this A/R account, that still has something left.

    :raises Refusal: 3120 when there is none.
    """
    credit = company.transactions.get(id, *CREDITS)
    if credit is None or credit.customer != customer or credit.account != account:
        raise refusals.not_found(id)
    if company.transactions.remaining(credit) <= 0:
        raise refusals.not_found(id, "The credit has been used already.")
    return credit


def pay(
    company: Company, credit: Transaction, charge: Transaction, amount: int, via: str, field: str
) -> None:
    """Use ``amount`` cents of a credit on a charge.

    :raises Refusal: 3210 when that is more than is due.
    """
    if amount > company.transactions.remaining(charge):
        raise refusals.invalid_value(
            field, cents.write(amount), "You cannot pay more than the amount due."
        )
    company.transactions.link(credit.id, charge.id, amount, via)
    for id in {credit.id, charge.id} - {via}:
        company.transactions.touch(id)
