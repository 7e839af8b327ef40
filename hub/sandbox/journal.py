"""JournalEntryAdd: both sides equal, no negative amounts, one A/R or A/P line at most.

Sales Tax Payable counts as such a line and wants the tax agency as its name; that is
known from indirect evidence only (protocol.md G, H.8), and the sandbox takes the
stricter reading: what it takes, QuickBooks takes.
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.lists import NAMES, Entry
from hub.sandbox.references import References
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
    for name in ("CurrencyRef", "ExchangeRate"):
        if body.find(name) is not None and not company.preferences["IsMultiCurrencyOn"]:
            raise refusals.feature_off("multiple currencies")
    entry = Transaction(KIND, references.open_date(body), body.get("RefNumber"))
    given = [one for one in body if one.name in ("JournalDebitLine", "JournalCreditLine")]
    entry.lines = [_line(company, references, one) for one in given]
    entry.fields = {
        "IsAdjustment": body.get("IsAdjustment"),
        "ExternalGUID": body.get("ExternalGUID"),
    }
    _balance(entry)
    _check_parties(company, entry)
    company.transactions.add(entry, _postings(entry))
    return transaction_answers.answered(company, entry.id)


def _line(company: Company, references: References, given: Element) -> Line:
    account = references.need(given, "AccountRef", "Account")
    if account.fields["AccountType"] == "NonPosting":
        raise refusals.invalid_reference(
            "Account", account.full_name, references.label, "A non-posting account cannot be used."
        )
    amount = cents.read(given.get("Amount"))
    if amount < 0:
        raise refusals.invalid_value(
            "Amount", given.get("Amount"), "Amounts must be positive on both sides."
        )
    entity = _entity(company, references, given)
    return {
        "id": company.new_line_id(),
        "side": given.name,
        "account": account.id,
        "amount": amount,
        "desc": given.get("Memo"),
        "entity": entity.id if entity else "",
        "entity_list": entity.list if entity else "",
        "class": references.klass(given),
    }


def _entity(company: Company, references: References, given: Element) -> Entry | None:
    """Return whom a line names: a customer, a vendor, an employee or another name."""
    if given.find("EntityRef") is None:
        return None
    for list in NAMES[:-1]:
        id, name = given.get("EntityRef/ListID"), given.get("EntityRef/FullName")
        if company.lists.get(list, id) if id else company.lists.named(list, name):
            return references.find(given, "EntityRef", list, "Entity")
    return references.find(given, "EntityRef", NAMES[-1], "Entity")


def _balance(entry: Transaction) -> None:
    if sum(_signed(line) for line in entry.lines):
        raise refusals.not_saved("Journal Entry", UNBALANCED)


def _signed(line: Line) -> int:
    return int(line["amount"]) * (1 if line["side"] == "JournalDebitLine" else -1)


def _check_parties(company: Company, entry: Transaction) -> None:
    """See that A/R names a customer, A/P and sales tax a vendor, and that there is one of them."""
    used: set[str] = set()
    receivables = 0
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
                max(_signed(line), 0),
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


def _postings(entry: Transaction) -> list[Posting]:
    return [Posting(line["account"], _signed(line), line["entity"]) for line in entry.lines]
