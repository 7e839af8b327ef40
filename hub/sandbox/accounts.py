"""AccountAdd: a new account in the chart, of its parent's type and with a number of its own,
in a currency of its own where several are in use."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import currencies, list_answers, names, refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry

TEXTS = ("AccountType", "AccountNumber", "BankNumber", "Desc")


def add(company: Company, request: Element) -> Ret:
    """Add an account."""
    body = next(iter(request))
    parent = names.parent(company, "Account", body)
    name = names.free(company, "Account", body.get("Name"), parent)
    _check_type(body, parent)
    _check_number(company, body.get("AccountNumber"))
    fields = {text: body.get(text) for text in TEXTS if body.get(text)}
    if currency := currencies.asked(company, body, "Account"):
        fields["CurrencyRef"] = currency
    account = company.lists.add("Account", name, "", parent, names.active(body), **fields)
    return [("AccountRet", list_answers.ret(company, account))]


def _check_type(body: Element, parent: Entry | None) -> None:
    """Refuse a non-posting account, which only QuickBooks makes (protocol.md C.3), and one of
    another type than its parent's."""
    type = body.get("AccountType")
    if type == "NonPosting":
        raise refusals.invalid_value("AccountType", type, "A non-posting account cannot be added.")
    if parent is not None and parent.fields["AccountType"] != type:
        raise refusals.not_saved(
            "Account", f"A subaccount must be of its parent's type, {parent.fields['AccountType']}."
        )


def _check_number(company: Company, number: str) -> None:
    taken = (one.fields.get("AccountNumber") for one in company.lists.all("Account"))
    if number and number in taken:
        raise refusals.not_saved("Account", "The account number is already in use.")
