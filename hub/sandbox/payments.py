"""ReceivePaymentAdd: money from a customer, applied to what the customer owes.

Exactly one of ``IsAutoApply`` and ``AppliedToTxnAdd`` (the shape holds that). Applied
automatically, an invoice of exactly this amount comes first, then the oldest; what is
left over stays with the customer as an unused payment (protocol.md C.4).
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, credits, currencies, refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.references import MONEY_ACCOUNTS, References
from hub.sandbox.transactions import Posting, Transaction

KIND = "ReceivePayment"


def add(company: Company, request: Element) -> Ret:
    """Record a payment and apply it."""
    body = next(iter(request))
    references = References(company, KIND)
    customer = references.need(body, "CustomerRef", "Customer")
    receivable = references.receivable(body)
    payment = Transaction(
        *(KIND, references.open_date(body), body.get("RefNumber")),
        customer=customer.id,
        account=receivable.id,
        total=_total(body),
    )
    deposit = references.account(body, "DepositToAccountRef", MONEY_ACCOUNTS, "UndepositedFunds")
    currencies.check_customer(customer, [receivable, deposit], references.label)
    method = references.find(body, "PaymentMethodRef", "PaymentMethod")
    payment.fields = {
        "deposit": deposit.id,
        "method": method.id if method else "",
        "Memo": body.get("Memo"),
        "ExternalGUID": body.get("ExternalGUID"),
    }
    company.transactions.add(payment, _postings(payment))
    if body.get("IsAutoApply") in ("true", "1"):
        _apply_automatically(company, payment)
    _apply(company, payment, body.all("AppliedToTxnAdd"))
    return transaction_answers.answered(company, payment.id)


def save(company: Company, payment: Transaction) -> None:
    """Keep a changed payment; what a lowered total no longer pays is open again."""
    company.transactions.save(payment, _postings(payment))
    company.transactions.trim(payment)


def _total(body: Element) -> int:
    """Return the payment's total, which may be left out when it is all applied."""
    applied = [cents.read(one.text) for one in body.all("AppliedToTxnAdd/PaymentAmount")]
    if negative := [one for one in applied if one < 0]:
        raise refusals.invalid_value(
            *("AppliedToTxnAdd payment amount", cents.write(negative[0])),
            "Transaction amount must be positive.",
        )
    text = body.get("TotalAmount")
    total = cents.read(text) if text else sum(applied)
    if total < 0:
        raise refusals.invalid_value("TotalAmount", text, "Transaction amount must be positive.")
    if sum(applied) > total:
        raise refusals.invalid_value(
            "TotalAmount", cents.write(total), "The amounts applied add up to more than the payment."
        )
    if not total and not body.all("AppliedToTxnAdd/SetCredit"):
        raise refusals.not_saved("Receive Payment", "The transaction is empty.")
    return total


def _postings(payment: Transaction) -> list[Posting]:
    return [
        Posting(payment.fields["deposit"], payment.total, payment.customer),
        Posting(payment.account, -payment.total, payment.customer),
    ]


def _apply_automatically(company: Company, payment: Transaction) -> None:
    transactions = company.transactions
    due = [
        (one, transactions.remaining(one))
        for one in transactions.invoices_of(payment.customer, payment.account)
    ]
    exact = [(one, left) for one, left in due if left == payment.total][:1]
    rest = payment.total
    for invoice, left in exact or due:
        amount = min(rest, left)
        if amount > 0:
            credits.pay(company, payment, invoice, amount, payment.id, "TotalAmount")
            rest -= amount


def _apply(company: Company, payment: Transaction, given: list[Element]) -> None:
    seen: set[str] = set()
    for one in given:
        id = one.get("TxnID")
        if id in seen:
            raise refusals.invalid_value("TxnID", id, "The transaction is listed twice in this payment.")
        seen.add(id)
        charge = _charge(company, payment, id)
        if one.find("PaymentAmount") is None and not one.all("SetCredit"):
            raise refusals.not_saved("Receive Payment", "The transaction is empty.")
        if amount := cents.read(one.get("PaymentAmount", "0.00")):
            field = "AppliedToTxnAdd payment amount"
            credits.pay(company, payment, charge, amount, payment.id, field)
        for credit in one.all("SetCredit"):
            credits.use(company, credit, charge, payment.id)


def _charge(company: Company, payment: Transaction, id: str) -> Transaction:
    """Return the customer's own, unpaid invoice (or A/R debit of a journal entry) ``id``."""
    charge = company.transactions.get(id)
    if charge is None or not charge.is_charge or charge.customer != payment.customer:
        raise refusals.not_found(id)
    if charge.account != payment.account:
        raise refusals.invalid_value(
            "TxnID", id, "The payment and the transaction it pays must use the same A/R account."
        )
    if company.transactions.remaining(charge) <= 0:
        raise refusals.not_found(id, "The transaction has been paid already.")
    return charge
