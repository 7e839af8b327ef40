"""A record between its body (what the doors speak) and its model (what is stored)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from hub.ledger.contract import POSTED, Body, day, decimal
from hub.ledger.models import (
    BillingCycle,
    Charge,
    ChargeKind,
    CreditMemo,
    CreditMemoApplied,
    CreditMemoLine,
    CreditMemoTax,
    Customer,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Payment,
    PaymentApplied,
    Record,
    Refund,
    RefundKind,
    Status,
)
from hub.money import ZERO, plain

MODELS: dict[str, type[Any]] = {
    "customer": Customer,
    "charge": Charge,
    "billing_cycle": BillingCycle,
    "invoice": Invoice,
    "credit_memo": CreditMemo,
    "payment": Payment,
    "refund": Refund,
}

IDs = Mapping[tuple[str, str], int]
"""Ids of stored records, by kind and external id."""

ExternalIDs = Mapping[tuple[str, int], str]
"""The way back: external ids, by kind and id."""


def normal(kind: str, body: Body, currency: str) -> Body:
    """Return ``body`` with defaults written out and empty values left out, so that two bodies
    that mean the same are the same. ``currency`` is the tenant's."""
    kept = _without_empty(body)
    if address := _without_empty(kept.pop("bill_address", {})):
        kept["bill_address"] = address
    if kind not in ("charge", "billing_cycle"):
        kept.setdefault("currency", currency)
    if kind in POSTED:
        kept.setdefault("status", "open")
    if kind == "charge":
        kept.setdefault("taxable", False)
        if kept.get("charge_kind") == ChargeKind.SALE:
            # Charges that came before there were kinds are still the same.
            del kept["charge_kind"]
    if kind == "refund" and kept.get("refund_kind") == RefundKind.REFUND:
        # Refunds that came before there were kinds are still the same.
        del kept["refund_kind"]
    for rows in ("lines", "taxes", "applied"):
        if rows in kept:
            kept[rows] = [_without_empty(row) for row in kept[rows]]
    kept["version"] = int(kept["version"])
    return kept


def _without_empty(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, and write a whole number one way: ``2`` and ``"2"`` are one quantity."""
    kept = {key: value for key, value in row.items() if value not in (None, "", {}, [])}
    for name in ("quantity", "rate"):
        if isinstance(kept.get(name), int | float):
            kept[name] = str(int(kept[name]))
    return kept


def digest(body: Body) -> str:
    """Return the SHA-256 by which the same push is known again."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def references(kind: str, body: Body) -> Iterator[tuple[str, str, str]]:
    """Yield each reference of ``body``: kind and external id of what it names, and its pointer."""
    for field, other in _REFERENCES.items():
        if kind != field and field in body:
            yield other, body[field], f"/{field}"
    for index, line in enumerate(body.get("lines", ())):
        if "charge" in line:
            yield "charge", line["charge"], f"/lines/{index}/charge"
    for index, applied in enumerate(body.get("applied", ())):
        yield "invoice", applied["invoice"], f"/applied/{index}/invoice"


def fill(record: Record, kind: str, body: Body, ids: IDs) -> None:
    """Write ``body`` (normal, its references known by ``ids``) into ``record``."""
    record.version = body["version"]
    record.digest = digest(body)
    _FILL[kind](record, body, ids)


def _customer(record: Customer, body: Body, ids: IDs) -> None:
    record.name = body["name"].strip()
    record.parent_id = ids.get(("customer", body.get("parent", "")))
    for field in ("company", "first_name", "last_name", "email", "phone", "account_number"):
        setattr(record, field, body.get(field))
    record.bill_address = body.get("bill_address")
    record.currency = body["currency"]


def _charge(record: Charge, body: Body, ids: IDs) -> None:
    record.name = body["name"].strip()
    for field in ("description", "accounting_code", "item"):
        setattr(record, field, body.get(field))
    record.class_name = body.get("class")
    record.price = decimal(body.get("price"))
    record.taxable = body["taxable"]
    record.kind = ChargeKind(body.get("charge_kind", ChargeKind.SALE))


def _billing_cycle(record: BillingCycle, body: Body, ids: IDs) -> None:
    record.name = body["name"].strip()
    record.starts = date.fromisoformat(body["starts"])
    record.ends = date.fromisoformat(body["ends"])


def _invoice(record: Invoice, body: Body, ids: IDs) -> None:
    _document(record, body, ids, InvoiceLine, InvoiceTax)
    record.due_date = day(body.get("due_date"))
    for field in ("po_number", "terms", "message"):
        setattr(record, field, body.get(field))


def _credit_memo(record: CreditMemo, body: Body, ids: IDs) -> None:
    _document(record, body, ids, CreditMemoLine, CreditMemoTax)
    record.applied = _applied(CreditMemoApplied, body, ids)


def _document(record: Any, body: Body, ids: IDs, line: type[Any], tax: type[Any]) -> None:
    record.number = body["number"].strip()
    record.customer_id = ids["customer", body["customer"]]
    record.billing_cycle_id = ids.get(("billing_cycle", body.get("billing_cycle", "")))
    record.date = day(body["date"])
    record.currency = body["currency"]
    record.memo = body.get("memo")
    record.status = Status(body["status"])
    record.total = total(body)
    record.lines = [_line(line, position, row, ids) for position, row in enumerate(body["lines"])]
    record.taxes = [_tax(tax, position, row) for position, row in enumerate(body.get("taxes", ()))]


def total(body: Body) -> Decimal:
    """Return the total that a document's body states, or else what its lines and taxes add up to."""
    stated = body.get("total")
    return added(body) if stated is None else Decimal(stated)


def added(body: Body) -> Decimal:
    """Return what the lines and taxes of a document's body add up to."""
    rows = [*body["lines"], *body.get("taxes", ())]
    return sum((Decimal(row.get("amount", "0.00")) for row in rows), ZERO)


def _line(line: type[Any], position: int, row: Body, ids: IDs) -> Any:
    return line(
        position=position,
        charge_id=ids["charge", row["charge"]] if "charge" in row else None,
        description=row.get("description"),
        quantity=decimal(row.get("quantity")),
        rate=decimal(row.get("rate")),
        amount=Decimal(row.get("amount", "0.00")),
        class_name=row.get("class"),
    )


def _tax(tax: type[Any], position: int, row: Body) -> Any:
    return tax(
        position=position,
        code=row["code"].strip(),
        rate=decimal(row.get("rate")),
        amount=Decimal(row["amount"]),
    )


def _applied(applied: type[Any], body: Body, ids: IDs) -> list[Any]:
    return [
        applied(
            position=position,
            invoice_id=ids["invoice", row["invoice"]],
            amount=Decimal(row["amount"]),
        )
        for position, row in enumerate(body.get("applied", ()))
    ]


def _payment(record: Payment, body: Body, ids: IDs) -> None:
    _cash(record, body, ids)
    record.applied = _applied(PaymentApplied, body, ids)


def _refund(record: Refund, body: Body, ids: IDs) -> None:
    _cash(record, body, ids)
    record.kind = RefundKind(body.get("refund_kind", RefundKind.REFUND))
    record.credit_memo_id = ids.get(("credit_memo", body.get("credit_memo", "")))
    record.payment_id = ids.get(("payment", body.get("payment", "")))


def _cash(record: Any, body: Body, ids: IDs) -> None:
    record.customer_id = ids["customer", body["customer"]]
    record.date = day(body["date"])
    record.method = body.get("method")
    record.reference = body.get("reference")
    record.amount = Decimal(body["amount"])
    record.currency = body["currency"]
    record.status = Status(body["status"])


_FILL: dict[str, Any] = {
    "customer": _customer,
    "charge": _charge,
    "billing_cycle": _billing_cycle,
    "invoice": _invoice,
    "credit_memo": _credit_memo,
    "payment": _payment,
    "refund": _refund,
}


def named(kind: str, record: Any) -> Iterator[tuple[str, int]]:
    """Yield kind and id of every record that ``record`` refers to."""
    for field, other in _REFERENCES.items():
        if kind != field and (id_ := getattr(record, f"{field}_id", None)):
            yield other, id_
    for line in getattr(record, "lines", ()):
        if line.charge_id is not None:
            yield "charge", line.charge_id
    for applied in getattr(record, "applied", ()):
        yield "invoice", applied.invoice_id


def body(kind: str, record: Any, names: ExternalIDs) -> Body:
    """Return ``record`` as its door sent it, with its kind, external id and last change."""
    shown: Body = {"kind": kind, "external_id": record.external_id, "version": record.version}
    for field in _FIELDS[kind]:
        column = _COLUMNS.get(field, field)
        reference = getattr(record, f"{field}_id", None) if field in _REFERENCES else None
        value = names[_REFERENCES[field], reference] if reference else getattr(record, column, None)
        if value is not None:
            shown[field] = _written(value)
    if kind in ("invoice", "credit_memo"):
        shown["total"] = plain(record.total)
        shown["lines"] = [_line_body(line, names) for line in record.lines]
        shown["taxes"] = [_tax_body(tax) for tax in record.taxes]
    if kind in ("credit_memo", "payment"):
        shown["applied"] = [
            {"invoice": names["invoice", row.invoice_id], "amount": plain(row.amount)}
            for row in record.applied
        ]
    if kind == "billing_cycle":
        shown["closed"] = record.closed and record.closed.isoformat()
    shown["updated"] = record.updated.isoformat()
    return shown


_COLUMNS = {"class": "class_name", "charge_kind": "kind", "refund_kind": "kind"}
"""Columns that are called otherwise than their fields; ``kind`` is a record's own."""
_REFERENCES = {
    "customer": "customer",
    "parent": "customer",
    "billing_cycle": "billing_cycle",
    "credit_memo": "credit_memo",
    "payment": "payment",
}
"""Fields that name another record, and of which kind that is."""
_FIELDS = {
    "customer": (
        "name",
        "parent",
        "company",
        "first_name",
        "last_name",
        "email",
        "phone",
        "account_number",
        "bill_address",
        "currency",
    ),
    "charge": (
        "name",
        "description",
        "accounting_code",
        "item",
        "class",
        "price",
        "taxable",
        "charge_kind",
    ),
    "billing_cycle": ("name", "starts", "ends"),
    "invoice": (
        "number",
        "customer",
        "date",
        "due_date",
        "po_number",
        "terms",
        "message",
        "billing_cycle",
        "currency",
        "memo",
        "status",
    ),
    "credit_memo": ("number", "customer", "date", "billing_cycle", "currency", "memo", "status"),
    "payment": ("customer", "date", "method", "reference", "amount", "currency", "status"),
    "refund": (
        "customer",
        "date",
        "method",
        "reference",
        "amount",
        "currency",
        "credit_memo",
        "refund_kind",
        "payment",
        "status",
    ),
}


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _line_body(line: Any, names: ExternalIDs) -> Body:
    if line.charge_id is None:
        return {"description": line.description}
    return _without_empty(
        {
            "charge": names["charge", line.charge_id],
            "description": line.description,
            "quantity": _number(line.quantity),
            "rate": _number(line.rate),
            "amount": plain(line.amount),
            "class": line.class_name,
        }
    )


def _tax_body(tax: Any) -> Body:
    return _without_empty({"code": tax.code, "rate": _number(tax.rate), "amount": plain(tax.amount)})
