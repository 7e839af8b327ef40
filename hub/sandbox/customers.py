"""CustomerAdd and CustomerMod."""

from __future__ import annotations

from typing import Any

from hub.qbwc.qbxml import Element
from hub.sandbox import currencies, list_answers, names, refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company

TEXTS = (
    "CompanyName",
    "FirstName",
    "LastName",
    "Phone",
    "Email",
    "AccountNumber",
    "Notes",
    "ExternalGUID",
)


def add(company: Company, request: Element) -> Ret:
    """Add a customer."""
    body = _body(request)
    parent = names.parent(company, "Customer", body)
    name = names.free(company, "Customer", body.get("Name"), parent)
    currency = currencies.asked(company, body, "Customer")
    if parent is not None and (currency or currencies.HOME) != currencies.of(parent):
        raise refusals.not_saved("Customer", "A job has the currency of its customer.")
    customer = company.lists.add(
        "Customer", name, parent=parent, active=names.active(body), **_fields(body)
    )
    if currency:
        customer.fields["CurrencyRef"] = currency
        company.lists.save(customer)
    return [("CustomerRet", list_answers.ret(company, customer))]


def modify(company: Company, request: Element) -> Ret:
    """Change a customer: elements left out stay, empty ones are cleared (protocol.md E.5)."""
    body = _body(request)
    customer = company.lists.get("Customer", body.get("ListID"))
    if customer is None:
        raise refusals.not_found(body.get("ListID"))
    if body.get("EditSequence") != customer.edit_sequence:
        raise refusals.stale(body.get("EditSequence"))
    if body.find("Name") is not None:
        above = company.lists.get("Customer", customer.parent)
        customer.name = names.free(company, "Customer", body.get("Name"), above, own=customer.id)
    customer.active = names.active(body, customer.active)
    customer.fields.update(_fields(body))
    company.lists.save(customer)
    return [("CustomerRet", list_answers.ret(company, customer))]


def _body(request: Element) -> Element:
    return next(iter(request))


def _fields(body: Element) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for element in body:
        if element.name in TEXTS:
            fields[element.name] = element.text
        elif element.name == "BillAddress":
            fields["BillAddress"] = {part.name: part.text for part in element}
    return fields
