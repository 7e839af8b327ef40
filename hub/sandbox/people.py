"""What people do in QuickBooks themselves, with no program asking: they rename, hide, change, void
and delete. The closing date does not hold them back, as they know its password.

Each function is one thing done in QuickBooks' own windows, and is kept at once. Nobody is
told; whoever has a record of the entry finds out by asking (protocol.md C.2).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hub.errors import HubError
from hub.sandbox import cents, journal, payments, removal, sales
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.refusals import Refusal
from hub.sandbox.sales_lines import Line
from hub.sandbox.transactions import Transaction

SAVES: dict[str, Callable[[Company, Transaction], None]] = {
    "Invoice": sales.save,
    "CreditMemo": sales.save,
    "ReceivePayment": payments.save,
    "JournalEntry": journal.save,
}
"""The kinds of transactions whose amounts people change here, and how they are kept."""


def rename(company: Company, list: str, full_name: str, name: str) -> Entry:
    """Give an entry another name; what is below it moves along."""
    with company.atomic():
        entry = _entry(company, list, full_name)
        entry.name = name
        company.lists.save(entry)
    return entry


def edit(company: Company, list: str, full_name: str, **fields: str) -> Entry:
    """Change fields of an entry (``Phone="555-0100"``), so that its EditSequence is a new one."""
    with company.atomic():
        entry = _entry(company, list, full_name)
        entry.fields.update(fields)
        company.lists.save(entry)
    return entry


def hide(company: Company, list: str, full_name: str) -> Entry:
    """Make an entry inactive."""
    return _set_active(company, list, full_name, False)


def show(company: Company, list: str, full_name: str) -> Entry:
    """Make an entry active again."""
    return _set_active(company, list, full_name, True)


def delete(company: Company, list: str, full_name: str) -> None:
    """Delete an entry.

    :raises HubError: when a transaction or another entry uses it, as QuickBooks says too.
    """
    with company.atomic():
        entry = _entry(company, list, full_name)
        if company.lists.is_used(entry):
            raise HubError(f"{full_name} is in use and cannot be deleted.")
        company.lists.delete(entry)


def delete_transaction(company: Company, id: str) -> None:
    """Delete the transaction with this TxnID."""
    with company.atomic():
        company.transactions.delete(_transaction(company, id))


def void_transaction(company: Company, id: str) -> Transaction:
    """Void the transaction with this TxnID; unlike a program, people can void a payment too."""
    with company.atomic():
        transaction = _transaction(company, id)
        removal.empty(company, transaction)
    return transaction


def deposit(company: Company, id: str) -> Transaction:
    """Take a payment to the bank: it is in a deposit from here on."""
    return edit_transaction(company, id, **{removal.DEPOSITED: "true"})


def delete_deposit(company: Company, id: str) -> Transaction:
    """Delete the deposit that a payment is in."""
    return edit_transaction(company, id, **{removal.DEPOSITED: ""})


def edit_transaction(company: Company, id: str, **fields: str) -> Transaction:
    """Change fields of a transaction (``Memo="as agreed"``), its ``ref_number`` or its ``date``."""
    with company.atomic():
        transaction = _transaction(company, id)
        transaction.ref_number = fields.pop("ref_number", transaction.ref_number)
        transaction.date = fields.pop("date", transaction.date)
        transaction.fields.update(fields)
        company.transactions.keep(transaction)
    return transaction


def change_memo(company: Company, id: str, line: int, memo: str) -> Transaction:
    """Change the memo or description of one line of a transaction, the first being 0."""
    with company.atomic():
        transaction = _transaction(company, id)
        transaction.lines[line]["desc"] = memo
        company.transactions.keep(transaction)
    return transaction


def change_class(company: Company, id: str, line: int, full_name: str) -> Transaction:
    """Give one line of a transaction, the first being 0, another class."""
    with company.atomic():
        transaction = _transaction(company, id)
        transaction.lines[line]["class"] = _entry(company, "Class", full_name).id
        company.transactions.keep(transaction)
    return transaction


def change_amounts(company: Company, id: str, *amounts: str) -> Transaction:
    """Type ``amounts`` over those of a transaction's lines, from the first line on; a payment has
    one amount. What that no longer pays, or is no longer paid by it, is free again.

    :raises HubError: when QuickBooks would not keep that, as an entry out of balance.
    """
    typed = [cents.read(amount) for amount in amounts]
    with company.atomic():
        transaction = _transaction(company, id)
        if transaction.kind not in SAVES:
            raise HubError(f"Nobody changes the amounts of a {transaction.kind} here.")
        if transaction.kind == "ReceivePayment":
            (transaction.total,) = typed
        for line, amount in zip(transaction.lines, typed, strict=False):
            _retype(line, amount)
        try:
            SAVES[transaction.kind](company, transaction)
        except Refusal as refusal:
            raise HubError(refusal.message) from None
    return transaction


def _retype(line: Line, amount: int) -> None:
    line["amount"] = amount
    if quantity := Decimal(line.get("quantity") or 0):
        line["rate"] = cents.number(Decimal(amount).scaleb(-2) / quantity)
    elif "rate" in line:
        line["rate"] = ""


def _set_active(company: Company, list: str, full_name: str, active: bool) -> Entry:
    with company.atomic():
        entry = _entry(company, list, full_name)
        entry.active = active
        company.lists.save(entry)
    return entry


def _entry(company: Company, list: str, full_name: str) -> Entry:
    found = company.lists.named(list, full_name)
    if found is None:
        raise HubError(f"There is no {full_name} in the list {list}.")
    return found


def _transaction(company: Company, id: str) -> Transaction:
    found = company.transactions.get(id)
    if found is None:
        raise HubError(f"There is no transaction {id}.")
    return found
