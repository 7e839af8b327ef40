"""JournalEntryAdd and JournalEntryMod: both sides equal, one A/R or A/P line at most.

Sales Tax Payable counts as such a line and wants the tax agency as its name; that is
known from indirect evidence only (protocol.md G, H.8), and the sandbox takes the
stricter reading: what it takes, QuickBooks takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.qbwc.qbxml import Element
from hub.sandbox import currencies, refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.journal_lines import JournalLines, signed
from hub.sandbox.lists import Entry
from hub.sandbox.references import LABELS, References
from hub.sandbox.sales_lines import Line
from hub.sandbox.transactions import Posting, Transaction

KIND = "JournalEntry"

UNBALANCED = (
    "The transaction is not in balance.  Make sure the total amount in the debit column equals "
    "the total amount in the credit column."
)
ONE_PARTY_ACCOUNT = (
    "You cannot use more than one accounts receivable or accounts payable account "
    "in the same transaction."
)


def add(company: Company, request: Element) -> Ret:
    """Record a journal entry."""
    body = next(iter(request))
    references = References(company, KIND)
    entry = Transaction(KIND, references.open_date(body), body.get("RefNumber"))
    entry.lines = JournalLines(company, references).read(body)
    entry.fields = {
        "IsAdjustment": body.get("IsAdjustment"),
        "ExternalGUID": body.get("ExternalGUID"),
        "CurrencyRef": currencies.asked(company, body, references.label),
        "ExchangeRate": body.get("ExchangeRate"),
    }
    check(company, entry)
    company.transactions.add(entry, postings(entry))
    return transaction_answers.answered(company, entry.id)


def modify(company: Company, request: Element) -> Ret:
    """Change a journal entry: what is left out of its head stays, and so do all lines where none
    is given."""
    body = next(iter(request))
    references = References(company, KIND)
    entry = references.changeable(body.get("TxnID"), body.get("EditSequence"))
    if currency := currencies.asked(company, body, references.label):
        entry.fields["CurrencyRef"] = currency
    entry.fields["ExchangeRate"] = body.get("ExchangeRate", entry.fields.get("ExchangeRate", ""))
    entry.date = references.open_date(body, entry.date)
    if body.find("RefNumber") is not None:
        entry.ref_number = body.get("RefNumber")
    entry.fields["IsAdjustment"] = body.get("IsAdjustment", entry.fields["IsAdjustment"])
    if given := body.all("JournalLineMod"):
        entry.lines = JournalLines(company, references).changed(given, entry.lines)
    save(company, entry)
    return transaction_answers.answered(company, entry.id)


def save(company: Company, entry: Transaction) -> None:
    """Keep a changed entry, and free the payments of what its customer no longer owes by it.

    :raises Refusal: as ``check`` does.
    """
    before = entry.customer, entry.account
    check(company, entry)
    if before != (entry.customer, entry.account):
        company.transactions.unlink(entry)
    company.transactions.save(entry, postings(entry))
    company.transactions.trim(entry)


def check(company: Company, entry: Transaction) -> None:
    """See that an entry may stand in the books, and note what of it a customer can pay.

    :raises Refusal: 3180 when it is out of balance, has more than one A/R or A/P account, or does
        not name whom such an account needs; 3140 for an account of another currency.
    """
    if sum(signed(line) for line in entry.lines):
        raise refusals.not_saved(LABELS[KIND], UNBALANCED)
    accounts = [_account(company, line) for line in entry.lines]
    for account in accounts:
        currencies.check(account, entry.fields.get("CurrencyRef") or currencies.HOME, LABELS[KIND])
    _check_parties(company, entry, accounts)


def postings(entry: Transaction) -> list[Posting]:
    return [Posting(line["account"], signed(line), line["entity"]) for line in entry.lines]


def _account(company: Company, line: Line) -> Entry:
    account = company.lists.get("Account", line["account"])
    assert account is not None
    return account


def _check_parties(company: Company, entry: Transaction, accounts: Sequence[Entry]) -> None:
    """See that A/R names a customer, A/P and sales tax a vendor, and that there is one of them."""
    used: list[Entry] = []
    entry.customer, entry.account, entry.total = "", "", 0
    for line, account in zip(entry.lines, accounts, strict=True):
        wanted = _party(account)
        if not wanted:
            continue
        if line["entity_list"] != wanted:
            raise refusals.not_saved(
                LABELS[KIND],
                f"When you use {account.full_name}, you must choose a {wanted.lower()} in the Name field.",
            )
        used.append(account)
        if wanted == "Customer":
            customer = company.lists.get("Customer", line["entity"])
            assert customer is not None
            currencies.check_customer(customer, [account], LABELS[KIND])
            # What is owed (or credited) here can be paid like an invoice.
            entry.customer, entry.account = line["entity"], account.id
            entry.total = max(signed(line), 0)
    if len(used) > 1 and not all(_is_tax(account) for account in used):
        raise refusals.not_saved(LABELS[KIND], ONE_PARTY_ACCOUNT)


def _party(account: Entry) -> str:
    if account.fields["AccountType"] == "AccountsReceivable":
        return "Customer"
    if account.fields["AccountType"] == "AccountsPayable" or _is_tax(account):
        return "Vendor"
    return ""


def _is_tax(account: Entry) -> bool:
    return account.fields.get("SpecialAccountType") == "SalesTaxPayable"
