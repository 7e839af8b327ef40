"""What people do in QuickBooks themselves, with no program asking: they rename, hide and delete.

Each function is one thing done in QuickBooks' own windows, and is kept at once. Nobody is
told; whoever has a record of the entry finds out by asking (protocol.md C.2).
"""

from __future__ import annotations

from hub.errors import HubError
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.transactions import Transaction


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


def edit_transaction(company: Company, id: str, **fields: str) -> Transaction:
    """Change fields of a transaction (``Memo="as agreed"``), or its ``ref_number``."""
    with company.atomic():
        transaction = _transaction(company, id)
        transaction.ref_number = fields.pop("ref_number", transaction.ref_number)
        transaction.fields.update(fields)
        company.transactions.keep(transaction)
    return transaction


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
