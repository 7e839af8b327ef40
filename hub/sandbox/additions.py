"""ItemServiceAdd, ClassAdd, PaymentMethodAdd, StandardTermsAdd: new entries of the smaller lists."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import list_answers, names, refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry
from hub.sandbox.references import References

UNSOLD = ("AccountsReceivable", "AccountsPayable", "NonPosting")
UNSOLD_SPECIAL = ("SalesTaxPayable", "UndepositedFunds")
"""Accounts that no item may be sold to (protocol.md C.4)."""


def add_service(company: Company, request: Element) -> Ret:
    """Add a service item."""
    body = next(iter(request))
    parent, name = _place(company, "Item", body)
    references = References(company, "Item")
    code = references.find(body, "SalesTaxCodeRef", "SalesTaxCode")
    item = company.lists.add(
        *("Item", name, "ItemService", parent, names.active(body)),
        account=_income(references, body).id,
        code=code.id if code else "",
        Desc=body.get("SalesOrPurchase/Desc"),
        Price=body.get("SalesOrPurchase/Price", "0.00"),
        ExternalGUID=body.get("ExternalGUID"),
    )
    return _added(company, item)


def add_class(company: Company, request: Element) -> Ret:
    """Add a class, where classes are in use."""
    if not company.preferences["IsUsingClassTracking"]:
        raise refusals.feature_off("class tracking")
    body = next(iter(request))
    parent, name = _place(company, "Class", body)
    return _added(company, company.lists.add("Class", name, "", parent, names.active(body)))


def add_method(company: Company, request: Element) -> Ret:
    """Add a payment method."""
    body = next(iter(request))
    name = names.free(company, "PaymentMethod", body.get("Name"))
    type = body.get("PaymentMethodType", "Other")
    entry = company.lists.add("PaymentMethod", name, active=names.active(body), PaymentMethodType=type)
    return _added(company, entry)


def add_terms(company: Company, request: Element) -> Ret:
    """Add terms of so many days."""
    body = next(iter(request))
    name = names.free(company, "Terms", body.get("Name"))
    days = int(body.get("StdDueDays", "0"))
    if days < 0:
        raise refusals.invalid_value("StdDueDays", str(days), "The number of days must be positive.")
    entry = company.lists.add("Terms", name, "StandardTerms", active=names.active(body), StdDueDays=days)
    return _added(company, entry)


def _place(company: Company, list: str, body: Element) -> tuple[Entry | None, str]:
    parent = names.parent(company, list, body)
    return parent, names.free(company, list, body.get("Name"), parent)


def _income(references: References, body: Element) -> Entry:
    account = references.find(body, "SalesOrPurchase/AccountRef", "Account")
    if account is None:
        raise refusals.missing_element("AccountRef")
    special = account.fields.get("SpecialAccountType")
    if account.fields["AccountType"] in UNSOLD or special in UNSOLD_SPECIAL:
        raise refusals.invalid_reference(
            *("Account", account.full_name, "Item"), "An item cannot be sold to this account."
        )
    return account


def _added(company: Company, entry: Entry) -> Ret:
    return [(f"{entry.kind}Ret", list_answers.ret(company, entry))]
