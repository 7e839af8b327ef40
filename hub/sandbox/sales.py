"""Invoices and credit memos: added and modified, posted to A/R and to their items' accounts."""

from __future__ import annotations

import datetime as dt

from hub.qbwc.qbxml import Element
from hub.sandbox import credits, currencies, refusals, sales_tax, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.references import References, read_date
from hub.sandbox.sales_lines import SalesLines
from hub.sandbox.transactions import Posting, Transaction

TEXTS = ("PONumber", "Memo", "IsToBePrinted", "IsToBeEmailed", "Other", "ExternalGUID")

SIGNS = {"Invoice": 1, "CreditMemo": -1}
"""Whether the total is a debit of A/R, or a credit."""


def add_invoice(company: Company, request: Element) -> Ret:
    return _add(company, "Invoice", next(iter(request)))


def add_credit_memo(company: Company, request: Element) -> Ret:
    return _add(company, "CreditMemo", next(iter(request)))


def modify_invoice(company: Company, request: Element) -> Ret:
    return _modify(company, "Invoice", next(iter(request)))


def modify_credit_memo(company: Company, request: Element) -> Ret:
    return _modify(company, "CreditMemo", next(iter(request)))


def _add(company: Company, kind: str, body: Element) -> Ret:
    references = References(company, kind)
    receivable = references.receivable(body)
    customer = references.need(body, "CustomerRef", "Customer")
    currencies.check_customer(customer, [receivable], references.label)
    sale = Transaction(kind, references.open_date(body), account=receivable.id, customer=customer.id)
    _head(references, company, sale, body)
    sale.lines = SalesLines(company, references).read(body.all(f"{kind}LineAdd"))
    _total(company, sale)
    company.transactions.add(sale, _postings(company, sale))
    return transaction_answers.answered(company, sale.id)


def _modify(company: Company, kind: str, body: Element) -> Ret:
    references = References(company, kind)
    sale = references.changeable(body.get("TxnID"), body.get("EditSequence"))
    sale.date = references.open_date(body, sale.date)
    _keep_parties(references, company, sale, body)
    _head(references, company, sale, body)
    if lines := body.all(f"{kind}LineMod"):
        sale.lines = SalesLines(company, references).read(lines, sale.lines)
    save(company, sale)
    for credit in body.all("SetCredit"):
        credits.use(company, credit, sale, via=sale.id)
    return transaction_answers.answered(company, sale.id)


def save(company: Company, sale: Transaction) -> None:
    """Keep a changed sale, and free the credits that a lowered total no longer takes.

    :raises Refusal: 3210 below zero.
    """
    _total(company, sale)
    company.transactions.save(sale, _postings(company, sale))
    company.transactions.trim(sale)


def _keep_parties(references: References, company: Company, sale: Transaction, body: Element) -> None:
    """Take over another customer or A/R account, which a sale with payments cannot have."""
    customer = references.find(body, "CustomerRef", "Customer")
    account = references.receivable(body).id if body.find("ARAccountRef") is not None else sale.account
    if (customer and customer.id != sale.customer) or account != sale.account:
        if company.transactions.used(sale):
            raise refusals.not_saved(
                references.label, "You cannot change the customer or account of a paid transaction."
            )
        sale.customer, sale.account = customer.id if customer else sale.customer, account
    whose, where = (
        company.lists.get("Customer", sale.customer),
        company.lists.get("Account", sale.account),
    )
    if whose is not None and where is not None:
        currencies.check_customer(whose, [where], references.label)


def _head(references: References, company: Company, sale: Transaction, body: Element) -> None:
    for element in body:
        if element.name in TEXTS:
            sale.fields[element.name] = element.text
        elif element.name == "BillAddress":
            sale.fields["BillAddress"] = {part.name: part.text for part in element}
        elif element.name == "RefNumber":
            sale.ref_number = element.text
    sales_tax.choose(references, company, sale, body)
    if klass := references.klass(body):
        sale.fields["class"] = klass
    if template := references.find(body, "TemplateRef", "Template"):
        if template.fields["TemplateType"] != sale.kind:
            raise refusals.invalid_reference("Template", template.full_name, references.label)
        sale.fields["template"] = template.id
    if _is_emptied(body, "CustomerMsgRef"):
        sale.fields.pop("message", None)
    elif message := references.find(body, "CustomerMsgRef", "CustomerMsg", "Customer Message"):
        sale.fields["message"] = message.id
    days, terms = 0, None
    if _is_emptied(body, "TermsRef"):
        sale.fields.pop("terms", None)
    elif terms := references.find(body, "TermsRef", "Terms"):
        sale.fields["terms"] = terms.id
        days = terms.fields["StdDueDays"]
    if due := read_date(body, "DueDate"):
        sale.fields["DueDate"] = due
    elif terms or "DueDate" not in sale.fields:
        sale.fields["DueDate"] = (dt.date.fromisoformat(sale.date) + dt.timedelta(days=days)).isoformat()


def _is_emptied(body: Element, path: str) -> bool:
    """Whether an empty reference takes away what is there; that of a customer or template never does."""
    reference = body.find(path)
    return reference is not None and not (reference.get("ListID") or reference.get("FullName"))


def _total(company: Company, sale: Transaction) -> None:
    """Add the lines and the tax up.

    :raises Refusal: 3210 below zero, which QuickBooks never takes as a sale.
    """
    sale.total = sum(line["amount"] for line in sale.lines if line["account"])
    sale.total += sales_tax.compute(company, sale)
    if sale.total < 0:
        raise refusals.invalid_value(
            "Total", transaction_answers.amount(sale.total), "Transaction amount must be positive."
        )


def _postings(company: Company, sale: Transaction) -> list[Posting]:
    sign = SIGNS[sale.kind]
    return [
        Posting(sale.account, sign * sale.total, sale.customer),
        *(
            Posting(line["account"], -sign * line["amount"], line["entity"])
            for line in sale.lines
            if line["account"]
        ),
        *sales_tax.postings(company, sale, sign),
    ]
