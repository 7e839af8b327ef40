"""How a customer reads in QuickBooks, in the format's own order (protocol.md E.4)."""

from __future__ import annotations

from typing import Any

from hub.books.models import Connection, Link
from hub.exporters.contract import Prepared, guid
from hub.exporters.forms import present
from hub.exporters.jobs import Above
from hub.ledger.models import Customer
from hub.qbwc.shapes import Fields

CONTACT = ("FirstName", "LastName", "BillAddress", "Phone", "Email")
"""What is updated of a customer whose other details are QuickBooks' own."""


def add(
    connection: Connection,
    customer: Customer,
    name: str,
    notes: str = "",
    subject: str = "",
    currency: str = "",
    above: Above | None = None,
) -> Prepared:
    """Return the request that adds a customer under ``name``, in the ``currency`` of this ListID where it
    is not the home currency; as a job of the customer ``above`` it, which QuickBooks takes by its ListID
    and the hub finds it again by its full name."""
    fields: dict[str, Any] = {"Name": name}
    if above is not None:
        fields["ParentRef"] = {"ListID": above.list_id, "FullName": above.full_name}
    fields |= _fields(customer, name, notes)
    fields["ExternalGUID"] = guid(connection, subject or f"customer:{customer.id}")
    if currency:
        fields["CurrencyRef"] = {"ListID": currency}
    # Where it stands is settled for good: another parent is no change that could be sent.
    return Prepared(
        "CustomerAdd", {"CustomerAdd": fields}, customer.version, usual=("ParentRef", "CurrencyRef")
    )


def mod(customer: Customer, link: Link, name: str, notes: str = "") -> Prepared:
    """Return the request that changes a customer, whose name stays where ``name`` is empty."""
    return _mod(customer, link, _fields(customer, name, notes))


def mod_contact(customer: Customer, link: Link) -> Prepared:
    """Return the request that changes how a customer is reached, and nothing else."""
    fields = _fields(customer, "", "")
    return _mod(customer, link, {name: fields[name] for name in CONTACT if name in fields})


def mod_details(customer: Customer, link: Link) -> Prepared:
    """Return the request that changes all of a customer but its name and notes."""
    return _mod(customer, link, _fields(customer, "", ""))


def _mod(customer: Customer, link: Link, fields: dict[str, Any]) -> Prepared:
    head = {"ListID": link.object_id, "EditSequence": link.edit_sequence}
    return Prepared("CustomerMod", {"CustomerMod": head | fields}, customer.version)


def _fields(customer: Customer, name: str, notes: str) -> dict[str, Any]:
    return present(
        Name=name,
        CompanyName=customer.company,
        FirstName=customer.first_name,
        LastName=customer.last_name,
        BillAddress=_address(customer),
        Phone=customer.phone,
        Email=customer.email,
        AccountNumber=customer.account_number,
        Notes=notes,
    )


def _address(customer: Customer) -> Fields:
    """Addr1 is the name, as the printed form wants it (protocol.md E.4)."""
    given = customer.bill_address or {}
    if not given:
        return {}
    return present(
        Addr1=customer.company or customer.name,
        Addr2=given.get("line1"),
        Addr3=given.get("line2"),
        City=given.get("city"),
        State=given.get("state"),
        PostalCode=given.get("postal_code"),
        Country=given.get("country"),
    )
