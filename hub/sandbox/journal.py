"""JournalEntryAdd and JournalEntryMod: both sides equal, one A/R or A/P line at most.

Sales Tax Payable counts as such a line and wants the tax agency as its name; that is
known from indirect evidence only (protocol.md G, H.8), and the sandbox takes the
stricter reading: what it takes, QuickBooks takes.
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.journal_lines import JournalLines, signed
from hub.sandbox.lists import Entry
from hub.sandbox.references import References
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
    _check_currency(company, body)
    entry = Transaction(KIND, references.open_date(body), body.get("RefNumber"))
    entry.lines = JournalLines(company, references).read(body)
    entry.fields = {
        "IsAdjustment": body.get("IsAdjustment"),
        "ExternalGUID": body.get("ExternalGUID"),
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
    _check_currency(company, body)
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
        not name whom such an account needs.
    """
    if sum(signed(line) for line in entry.lines):
        raise refusals.not_saved("Journal Entry", UNBALANCED)
    _check_parties(company, entry)


def postings(entry: Transaction) -> list[Posting]:
    return [Posting(line["account"], signed(line), line["entity"]) for line in entry.lines]


def _check_currency(company: Company, body: Element) -> None:
    for name in ("CurrencyRef", "ExchangeRate"):
        if body.find(name) is not None and not company.preferences["IsMultiCurrencyOn"]:
            raise refusals.feature_off("multiple currencies")


def _check_parties(company: Company, entry: Transaction) -> None:
    """See that A/R names a customer, A/P and sales tax a vendor, and that there is one of them."""
    used: set[str] = set()
    receivables = 0
    entry.customer, entry.account, entry.total = "", "", 0
    for line in entry.lines:
        account = company.lists.get("Account", line["account"])
        assert account is not None
        wanted = _party(account)
        if not wanted:
            continue
        if line["entity_list"] != wanted:
            raise refusals.not_saved(
                "Journal Entry",
                f"A line of {account.full_name} must name a {wanted.lower()} (EntityRef).",
            )
        used.add(account.id)
        receivables += wanted == "Customer"
        if wanted == "Customer":
            # What is owed (or credited) here can be paid like an invoice.
            entry.customer, entry.account, entry.total = (
                line["entity"],
                account.id,
                max(signed(line), 0),
            )
    payables = sum(1 for line in entry.lines if line["account"] in used) - receivables
    several = len(used) > 1 or receivables > 1 or (payables > 1 and not _is_tax(company, used))
    if several:
        raise refusals.not_saved("Journal Entry", ONE_PARTY_ACCOUNT)


def _party(account: Entry) -> str:
    if account.fields["AccountType"] == "AccountsReceivable":
        return "Customer"
    if account.fields["AccountType"] == "AccountsPayable":
        return "Vendor"
    return "Vendor" if account.fields.get("SpecialAccountType") == "SalesTaxPayable" else ""


def _is_tax(company: Company, accounts: set[str]) -> bool:
    return accounts == {company.lists.special("SalesTaxPayable").id}
