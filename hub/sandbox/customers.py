"""CustomerAdd and CustomerMod."""

from __future__ import annotations

from typing import Any

from hub.qbwc.qbxml import Element
from hub.sandbox import list_answers, refusals
from hub.sandbox.answer import Ret
from hub.sandbox.company import Company

TEXTS = ("CompanyName", "FirstName", "LastName", "Phone", "Email", "AccountNumber", "ExternalGUID")


def add(company: Company, request: Element) -> Ret:
    """Add a customer."""
    body = _body(request)
    name = _free_name(company, body.get("Name"))
    customer = company.lists.add("Customer", name, active=_active(body, True), **_fields(body))
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
        customer.name = _free_name(company, body.get("Name"), customer.id)
    customer.active = _active(body, customer.active)
    customer.fields.update(_fields(body))
    company.lists.save(customer)
    return [("CustomerRet", list_answers.ret(company, customer))]


def _body(request: Element) -> Element:
    return next(iter(request))


def _active(body: Element, usual: bool) -> bool:
    text = body.get("IsActive")
    return text in ("true", "1") if text else usual


def _free_name(company: Company, name: str, own: str = "") -> str:
    """Return ``name`` when nobody else has it (``own`` is the ListID of who may).

    :raises Refusal: 3090 for a colon, 3100 when it is taken in any list of names.
    """
    if not name:
        raise refusals.missing_element("Name")
    if ":" in name:
        raise refusals.colon(name)
    holder = company.lists.name_holder(name)
    if holder is not None and holder.id != own:
        raise refusals.name_in_use(name)
    return name


def _fields(body: Element) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for element in body:
        if element.name in TEXTS:
            fields[element.name] = element.text
        elif element.name == "BillAddress":
            fields["BillAddress"] = {part.name: part.text for part in element}
    return fields
