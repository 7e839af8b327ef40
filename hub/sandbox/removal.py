"""TxnVoid and TxnDel: a voided document stays, without amounts; a deleted one is gone.

Either way what it paid or was paid with is free again: the payment of a voided invoice
becomes an unused payment.
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.references import References
from hub.sandbox.transactions import Transaction

VOIDED = "VOID: "
DEPOSITED = "deposited"
"""Marks a payment that is in a deposit, which QuickBooks lets nobody delete."""


def void(company: Company, request: Element) -> Ret:
    """Take all amounts out of a transaction and keep the rest of it."""
    kind, id = request.get("TxnVoidType"), request.get("TxnID")
    transaction = References(company, kind).changeable(id)
    empty(company, transaction)
    return [
        ("TxnVoidType", kind),
        ("TxnID", id),
        ("TimeCreated", transaction.created),
        ("TimeModified", transaction.modified),
        ("RefNumber", transaction.ref_number),
    ]


def empty(company: Company, transaction: Transaction) -> None:
    """Take all amounts out of a transaction and free what it is linked with."""
    company.transactions.unlink(transaction)
    transaction.total = 0
    transaction.fields.pop("taxes", None)
    for line in transaction.lines:
        line.update({name: "" for name in ("quantity", "rate") if name in line}, amount=0)
    memo = transaction.fields.get("Memo", "")
    if not memo.startswith(VOIDED):
        transaction.fields["Memo"] = f"{VOIDED}{memo}"[:4095]
    company.transactions.save(transaction, [])


def delete(company: Company, request: Element) -> Ret:
    """Take a transaction out of the books.

    :raises Refusal: 3160 when it is in a deposit.
    """
    kind, id = request.get("TxnDelType"), request.get("TxnID")
    transaction = References(company, kind).changeable(id)
    if transaction.fields.get(DEPOSITED):
        raise refusals.not_deleted(id, "This payment has been deposited.")
    company.transactions.delete(transaction)
    return [
        ("TxnDelType", kind),
        ("TxnID", id),
        ("TimeDeleted", company.now()),
        ("RefNumber", transaction.ref_number),
    ]
