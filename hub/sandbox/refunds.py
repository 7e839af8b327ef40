"""ARRefundCreditCardAdd: money given back, against a credit memo or the unused part of a payment."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, credits, currencies, refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.references import MONEY_ACCOUNTS, References
from hub.sandbox.transactions import Posting, Transaction

KIND = "ARRefundCreditCard"


def add(company: Company, request: Element) -> Ret:
    """Record a refund; it can never be more than the credits it refunds."""
    body = next(iter(request))
    references = References(company, KIND)
    given = body.all("RefundAppliedToTxnAdd")
    customer = references.need(body, "CustomerRef", "Customer")
    receivable = references.receivable(body)
    refund = Transaction(
        *(KIND, references.open_date(body), body.get("RefNumber")),
        customer=customer.id,
        account=receivable.id,
        total=sum(_amount(one) for one in given),
    )
    source = references.account(body, "RefundFromAccountRef", MONEY_ACCOUNTS, "UndepositedFunds")
    currencies.check_customer(customer, [receivable, source], references.label)
    method = references.find(body, "PaymentMethodRef", "PaymentMethod")
    refund.fields = {
        "source": source.id,
        "method": method.id if method else "",
        "Memo": body.get("Memo"),
        "ExternalGUID": body.get("ExternalGUID"),
    }
    company.transactions.add(refund, _postings(refund))
    for one in given:
        _give_back(company, refund, one)
    return transaction_answers.answered(company, refund.id)


def _amount(given: Element) -> int:
    amount = cents.read(given.get("RefundAmount"))
    if amount <= 0:
        raise refusals.invalid_value(
            "RefundAmount", given.get("RefundAmount"), "Transaction amount must be positive."
        )
    return amount


def _give_back(company: Company, refund: Transaction, given: Element) -> None:
    credit = credits.unused(company, given.get("TxnID"), refund.customer, refund.account)
    if _amount(given) > company.transactions.remaining(credit):
        raise refusals.invalid_value(
            "RefundAmount",
            given.get("RefundAmount"),
            "You cannot refund more than the remaining credit.",
        )
    credits.pay(company, credit, refund, _amount(given), refund.id, "RefundAmount")


def _postings(refund: Transaction) -> list[Posting]:
    return [
        Posting(refund.account, refund.total, refund.customer),
        Posting(refund.fields["source"], -refund.total, refund.customer),
    ]
