"""CheckAdd: money paid by check; with a line on A/R it gives a customer back what is too much.

The amount is the sum of the expense lines. A line on A/R wants the payee as its customer,
and there is one such line at most; what it gives back is taken from the credits named in
``ApplyCheckToTxnAdd``, or later by a payment that pays the check like an invoice
(protocol.md C.4).
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, credits, currencies, refusals, transaction_answers
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.journal import ONE_PARTY_ACCOUNT
from hub.sandbox.references import References
from hub.sandbox.sales_lines import Line
from hub.sandbox.transactions import Posting, Transaction

KIND = "Check"


def add(company: Company, request: Element) -> Ret:
    """Record a check."""
    body = next(iter(request))
    references = References(company, KIND)
    check = Transaction(KIND, references.open_date(body), body.get("RefNumber"))
    payee = references.entity(body, "PayeeEntityRef")
    address = body.find("Address")
    check.fields = {
        "bank": references.account(body, "AccountRef", ("Bank",), "").id,
        "payee": payee.id if payee else "",
        "payee_list": payee.list if payee else "",
        "Address": {part.name: part.text for part in address} if address is not None else {},
        **{name: body.get(name) for name in ("Memo", "IsToBePrinted", "ExternalGUID")},
    }
    check.lines = [_line(company, references, one) for one in body.all("ExpenseLineAdd")]
    _check_amount(check)
    _give_back(company, check)
    company.transactions.add(check, _postings(check))
    for given in body.all("ApplyCheckToTxnAdd"):
        _apply(company, check, given)
    return transaction_answers.answered(company, check.id)


def _line(company: Company, references: References, given: Element) -> Line:
    account = references.posting_account(given)
    if account is None:
        raise refusals.missing_element("AccountRef")
    customer = references.find(given, "CustomerRef", "Customer")
    return {
        "id": company.new_line_id(),
        "account": account.id,
        "amount": cents.read(given.get("Amount", "0.00")),
        "desc": given.get("Memo"),
        "customer": customer.id if customer else "",
        "class": references.klass(given),
    }


def _check_amount(check: Transaction) -> None:
    if not check.lines:
        raise refusals.not_saved("Check", "The transaction is empty.")
    total = sum(line["amount"] for line in check.lines)
    if total < 0:
        raise refusals.invalid_value(
            "Amount", cents.write(total), "Transaction amount must be positive."
        )


def _give_back(company: Company, check: Transaction) -> None:
    """Note whose credit the check gives back: it can be paid with that like an invoice."""
    parties = []
    for line in check.lines:
        account = company.lists.get("Account", line["account"])
        assert account is not None
        if account.fields["AccountType"] in ("AccountsReceivable", "AccountsPayable"):
            parties.append((account, line))
    if len(parties) > 1:
        raise refusals.not_saved("Check", ONE_PARTY_ACCOUNT)
    for account, line in parties:
        if account.fields["AccountType"] == "AccountsPayable":
            _need_payee(check, "Vendor", account.full_name)
            continue
        _need_payee(check, "Customer", account.full_name)
        if line["customer"] != check.fields["payee"]:
            raise refusals.not_saved(
                "Check",
                f"When you use {account.full_name}, you must choose a customer on its line, the payee.",
            )
        customer = company.lists.get("Customer", line["customer"])
        bank = company.lists.get("Account", check.fields["bank"])
        assert customer is not None
        assert bank is not None
        currencies.check_customer(customer, [account, bank], "Check")
        check.customer, check.account, check.total = line["customer"], account.id, line["amount"]


def _need_payee(check: Transaction, list: str, account: str) -> None:
    if check.fields["payee_list"] != list:
        raise refusals.not_saved(
            "Check", f"When you use {account}, you must choose a {list.lower()} as the payee."
        )


def _apply(company: Company, check: Transaction, given: Element) -> None:
    credit = credits.unused(company, given.get("TxnID"), check.customer, check.account)
    left = company.transactions.remaining
    amount = cents.read(given.get("Amount") or cents.write(min(left(credit), left(check))))
    if amount <= 0 or amount > left(credit):
        raise refusals.invalid_value(
            "Amount", cents.write(amount), "You cannot apply more than the remaining credit."
        )
    credits.pay(company, credit, check, amount, check.id, "Amount")


def _postings(check: Transaction) -> list[Posting]:
    total = sum(line["amount"] for line in check.lines)
    payee = check.fields["payee"]
    return [
        Posting(check.fields["bank"], -total, payee),
        *(Posting(line["account"], line["amount"], line["customer"] or payee) for line in check.lines),
    ]
