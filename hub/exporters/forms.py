"""How a record reads as a QuickBooks form: bodies of requests, in the format's own order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from hub.books.chart import COMPUTED_TAXES, Chart
from hub.books.models import Connection, Link, ListEntry, ListKind
from hub.exporters.contract import CLEARABLE, CLEARED, Prepared, guid, number
from hub.exporters.sales_tax import SalesTax, untaxed
from hub.exporters.stationery import Stationery
from hub.ledger.models import Payment, Purpose, Refund, RefundKind
from hub.money import plain
from hub.qbwc.shapes import Fields

Accounts = list[tuple[Purpose, int | None, str, str]]


class Places(Protocol):
    """Where the amounts of a form belong."""

    @property
    def chart(self) -> Chart: ...
    @property
    def stationery(self) -> Stationery: ...
    def item_of(self, charge_id: int) -> ListEntry: ...
    def class_of(self, charge_id: int, name: str | None) -> ListEntry | None: ...
    def charge_text(self, charge_id: int) -> str: ...
    def is_taxable(self, charge_id: int) -> bool: ...
    def is_refunded_by_check(self, method: str) -> bool: ...
    def is_refunded_by_journal(self, method: str) -> bool: ...


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something: on an Add an empty element is left out."""
    return {name: value for name, value in fields.items() if value}


def _ref(entry: ListEntry) -> dict[str, Any]:
    return {"ListID": entry.list_id}


def query(link: Link, version: int) -> Prepared:
    """Return the request that reads an object again whose EditSequence is out of date; an invoice or
    credit memo with all that it says and is linked with."""
    if link.object == "Customer":
        return Prepared("CustomerQuery", {"ListID": link.object_id}, version)
    fields = {"TxnID": link.object_id}
    if link.object != "ARRefundCreditCard":
        fields["IncludeLineItems"] = "true"
    if link.object in _OBJECTS.values():
        fields["IncludeLinkedTxns"] = "true"
    return Prepared(f"{link.object}Query", fields, version)


_OBJECTS = {"invoice": "Invoice", "credit_memo": "CreditMemo"}


class Turn(NamedTuple):
    """Which document of a record it is: 0 for the first one, 1 where another takes its place; and the
    day it is booked on."""

    number: int
    date: dt.date


def document(
    places: Places, connection: Connection, record: Any, customer: str, link: Link | None, turn: Turn
) -> Prepared:
    """Return the request that adds an invoice or credit memo, or with ``link`` changes it; ``customer`` is
    the ListID, here and below.

    Where a tax is a plain item, it is what the billing platform computed: lines go as not taxable and
    each tax is a line of its own, so QuickBooks adds none by itself (protocol.md C.4). ``SalesTax``
    says how it goes where QuickBooks is to compute it.

    :raises Objection: when an amount has no place in QuickBooks.
    """
    kind = record.__tablename__
    object_ = _OBJECTS[kind]
    receivable = places.chart.receivable(record.currency)
    accounts: Accounts = [(Purpose.RECEIVABLE, None, "", receivable.full_name)]
    charges = {line.charge_id for line in record.lines if line.charge_id is not None}
    tax = SalesTax(places.chart, record, {id_ for id_ in charges if places.is_taxable(id_)})
    rows = [*_lines(places, record, accounts, tax), *_taxes(places, record, accounts)]
    sheet = places.stationery.of(record)
    if sheet.text:
        rows.append({"Desc": sheet.text})
    due = getattr(record, "due_date", None)
    ref_number, notes = _numbered(record, object_, turn)
    head = _said(
        link,
        CustomerRef={"ListID": customer},
        ARAccountRef=_ref(receivable),
        TemplateRef=sheet.template,
        TxnDate=turn.date.isoformat(),
        RefNumber=ref_number,
        PONumber=getattr(record, "po_number", None),
        TermsRef=sheet.terms,
        DueDate=due.isoformat() if due else "",
        ItemSalesTaxRef=tax.item,
        Memo=" · ".join(filter(None, (*notes, record.memo))),
        CustomerMsgRef=sheet.message,
        CustomerSalesTaxCodeRef=tax.code,
    )
    accounts = list(dict.fromkeys(accounts))
    if link is None:
        again = record.version if turn.number else 0
        head["ExternalGUID"] = guid(connection, f"{kind}:{record.id}", again)
        body = head | {f"{object_}LineAdd": rows}
        kind_ = f"{object_}Add"
        return Prepared(kind_, {kind_: body}, record.version, accounts, usual=sheet.usual)
    given = {"TxnID": link.object_id, "EditSequence": link.edit_sequence}
    body = given | head | {f"{object_}LineMod": [{"TxnLineID": "-1"} | row for row in rows]}
    kind_ = f"{object_}Mod"
    return Prepared(kind_, {kind_: body}, record.version, accounts, usual=sheet.usual)


_CLEARED = {"PO number": "PONumber", "Memo": "Memo"}


def _said(link: Link | None, **fields: Any) -> dict[str, Any]:
    """Return the fields that say something, and on a Mod an empty element for what QuickBooks has and the
    billing no longer: left out it would stay (protocol.md E.5)."""
    said = present(**fields)
    if link is None:
        return said
    cleared: dict[str, Any] = {name: "" for label, name in _CLEARED.items() if link.content.get(label)}
    cleared |= {name: CLEARED for name in CLEARABLE if name in link.fingerprint.split()}
    found = cleared | said
    return {name: found[name] for name in fields if name in found}


def _numbered(record: Any, object_: str, turn: Turn) -> tuple[str, list[str]]:
    """Return the RefNumber of a document, and what its memo says of it: the full number where that is
    too long, what it takes the place of, and the day it was billed where it is booked on another."""
    suffix = f"-{turn.number + 1}" if turn.number else ""
    short = number(record.number, 11 - len(suffix), object_[0], record.id)
    notes = [f"{object_} {record.number}"] if short != record.number else []
    notes += [f"Takes the place of {record.number}"] if suffix else []
    notes += [f"Dated {record.date}"] if turn.date != record.date else []
    return short + suffix, notes


def reversal(connection: Connection, chart: Chart, subject: str, link: Link, date: dt.date) -> Prepared:
    """Return the request for the credit memo that takes a whole invoice back, line by line.

    :raises Objection: when QuickBooks has no receivables account.
    """
    code = untaxed(chart)
    rows = [
        present(
            ItemRef={"ListID": line["Item"][0]} if "Item" in line else {},
            Desc=line.get("Description"),
            ClassRef={"ListID": line["Class"][0]} if "Class" in line else {},
            Amount=line.get("Amount") if "Item" in line else "",
            SalesTaxCodeRef=code if "Item" in line else {},
        )
        for line in link.content.get("Lines", [])
    ]
    rows += _computed_tax(chart, link)
    fields = present(
        CustomerRef={"ListID": link.content["Customer"][0]},
        ARAccountRef=_booked_receivable(chart, link),
        TxnDate=date.isoformat(),
        RefNumber=number(f"{link.number}-C", 11, "R", link.id),
        Memo=f"Takes back invoice {link.number}",
    )
    fields |= {"ExternalGUID": guid(connection, subject), "CreditMemoLineAdd": rows}
    return Prepared("CreditMemoAdd", {"CreditMemoAdd": fields}, 1)


def _booked_receivable(chart: Chart, link: Link) -> dict[str, Any]:
    """Return the receivables account that a document stands on: there is one for each currency."""
    if booked := link.content.get("Receivable account"):
        return {"ListID": booked[0]}
    return _ref(chart.receivable())


def _computed_tax(chart: Chart, link: Link) -> list[dict[str, Any]]:
    """Return the line that takes back the tax which QuickBooks computed: the lines do not say it."""
    lines = link.content.get("Lines", [])
    said = sum((Decimal(line.get("Amount", "0")) for line in lines), Decimal("0.00"))
    off = Decimal(link.content.get("Total", said)) - said
    codes = chart.computed_taxes()
    if not off or not codes:
        return []
    return [adjusting_line(chart, chart.tax_line(codes[0]).list_id, off, "Tax")]


ADJUSTING = "Makes up for what QuickBooks computed otherwise"
"""What the line says that brings a document to the billing's total."""


def adjusting_line(chart: Chart, list_id: str, amount: Decimal, text: str) -> dict[str, Any]:
    """Return a line of ``amount``, of which QuickBooks computes no tax."""
    return present(
        ItemRef={"ListID": list_id}, Desc=text, Amount=plain(amount), SalesTaxCodeRef=untaxed(chart)
    )


def adjusted(prepared: Prepared, chart: Chart, list_id: str, amount: Decimal) -> Prepared:
    """Return a change of a document with a line more, which makes up for ``amount``."""
    body = dict(prepared.fields[prepared.kind])
    (name,) = (name for name in body if name.endswith("LineMod"))
    line = adjusting_line(chart, list_id, amount, ADJUSTING)
    body[name] = [*body[name], {"TxnLineID": "-1", **line}]
    return replace(prepared, fields={prepared.kind: body})


def told(prepared: Prepared) -> dict[str, Any]:
    """Return what a document's request says, as contents do; without its lines."""
    body = prepared.fields[prepared.kind]
    total = sum((Decimal(row.get("Amount", "0")) for row in _rows(prepared)), Decimal("0.00"))
    named = {"Date": "TxnDate", "Number": "RefNumber", "Due": "DueDate", "Memo": "Memo"}
    found = {label: body[name] for label, name in named.items() if body.get(name)}
    return found | {"Total": str(total)}


def lines_told(prepared: Prepared) -> list[tuple[str, str, str]]:
    """Return the ListID of the item, the amount and the text of each line of a document's request."""
    return [
        (row.get("ItemRef", {}).get("ListID", ""), row.get("Amount", ""), row.get("Desc", ""))
        for row in _rows(prepared)
    ]


def _rows(prepared: Prepared) -> list[dict[str, Any]]:
    body = prepared.fields[prepared.kind]
    return next((body[name] for name in body if "Line" in name), [])


def _lines(places: Places, record: Any, accounts: Accounts, tax: SalesTax) -> list[dict[str, Any]]:
    rows = []
    for line in record.lines:
        if line.charge_id is None:
            # A line without an item is a line of text on the printed form (protocol.md C.4).
            rows.append({"Desc": line.description})
            continue
        item = places.item_of(line.charge_id)
        accounts.append((Purpose.INCOME, line.charge_id, "", item.account))
        class_ = places.class_of(line.charge_id, line.class_name)
        rows.append(
            present(
                ItemRef=_ref(item),
                Desc=line.description or places.charge_text(line.charge_id),
                Quantity=_quantity(item, line.quantity),
                ClassRef=_ref(class_) if class_ else {},
                Amount=plain(line.amount),
                SalesTaxCodeRef=tax.line_code(line.charge_id),
            )
        )
    return rows


def _quantity(item: ListEntry, quantity: Decimal | None) -> str:
    """QuickBooks forbids a quantity on discounts and subtotals (protocol.md C.4)."""
    if quantity is None or item.type in ("ItemDiscount", "ItemSubtotal"):
        return ""
    return f"{quantity.normalize():f}"


def _taxes(places: Places, record: Any, accounts: Accounts) -> list[dict[str, Any]]:
    rows = []
    for tax in record.taxes:
        item = places.chart.tax_item(tax.code)
        accounts.append((Purpose.TAX, None, tax.code, places.chart.tax_place(tax.code)))
        if item.type in COMPUTED_TAXES:
            continue
        rate = f" {tax.rate.normalize():f}%" if tax.rate is not None else ""
        rows.append(
            present(
                ItemRef=_ref(item),
                Desc=f"Tax {tax.code}{rate}",
                Amount=plain(tax.amount),
                SalesTaxCodeRef=untaxed(places.chart),
            )
        )
    return rows


def _method(places: Places, method: str | None) -> Fields:
    """QuickBooks' payment method of that name, where it has one; the memo keeps ours."""
    entry = places.chart.find(ListKind.PAYMENT_METHOD, method or "")
    return _ref(entry) if entry else {}


def _cash_memo(record: Any, ref_number: str) -> str:
    reference = record.reference if record.reference and record.reference != ref_number else ""
    return " · ".join(filter(None, (record.method, reference)))


def payment(
    places: Places,
    connection: Connection,
    record: Payment,
    customer: str,
    applied: Sequence[tuple[Link, Decimal]],
) -> Prepared:
    """Return the request that books a payment, applied to exactly the invoices it names; what is
    left over stays the customer's credit.

    :raises Objection: when there is no account for it.
    """
    deposit = places.chart.deposit(record.method or "", record.currency)
    receivable = places.chart.receivable(record.currency)
    ref_number = number(record.reference or record.external_id, 20, "P", record.id)
    fields = present(
        CustomerRef={"ListID": customer},
        ARAccountRef=_ref(receivable),
        TxnDate=record.date.isoformat(),
        RefNumber=ref_number,
        TotalAmount=plain(record.amount),
        PaymentMethodRef=_method(places, record.method),
        Memo=_cash_memo(record, ref_number),
        DepositToAccountRef=_ref(deposit),
        ExternalGUID=guid(connection, f"payment:{record.id}", record.version),
    )
    if applied:
        fields["AppliedToTxnAdd"] = [
            {"TxnID": link.object_id, "PaymentAmount": plain(amount)} for link, amount in applied
        ]
    else:
        fields["IsAutoApply"] = "false"
    accounts = _cash_accounts(Purpose.DEPOSIT, record, receivable, deposit)
    return Prepared("ReceivePaymentAdd", {"ReceivePaymentAdd": fields}, record.version, accounts)


def _cash_accounts(purpose: Purpose, record: Any, receivable: ListEntry, place: ListEntry) -> Accounts:
    return [
        (Purpose.RECEIVABLE, None, "", receivable.full_name),
        (purpose, None, record.method or "", place.full_name),
    ]


def refund(
    places: Places, connection: Connection, record: Refund, customer: str, credit_memo: Link | None
) -> Prepared:
    """Return the request that books a refund: a check, where its method is one and it comes from a bank
    account; else against its credit memo, or as a journal entry on the customer's account. A chargeback
    is always that: its debit is open until the payment that it took back is used on it.

    :raises Objection: when there is no account for it.
    """
    method = record.method or ""
    source = places.chart.refund(method, record.currency)
    receivable = places.chart.receivable(record.currency)
    ref_number = number(record.reference or record.external_id, 11, "R", record.id)
    accounts = _cash_accounts(Purpose.REFUND, record, receivable, source)
    head = {"TxnDate": record.date.isoformat(), "RefNumber": ref_number}
    stamp = {"ExternalGUID": guid(connection, f"refund:{record.id}", record.version)}
    is_chargeback = record.kind is RefundKind.CHARGEBACK
    called = record.kind.capitalize()
    memo = f"{called} · {_cash_memo(record, ref_number)}".rstrip(" ·")
    if not is_chargeback and source.type == "Bank" and places.is_refunded_by_check(method):
        return _check(record, customer, credit_memo, (source, receivable), stamp, memo, accounts)
    if places.is_refunded_by_journal(method):
        credit_memo = None
    if credit_memo is None:
        lines = _journal_lines(record, customer, receivable, source, memo)
        fields = head | currency(places.chart, record.currency) | stamp | lines
        return Prepared("JournalEntryAdd", {"JournalEntryAdd": fields}, record.version, accounts)
    fields = present(
        CustomerRef={"ListID": customer},
        RefundFromAccountRef=_ref(source),
        ARAccountRef=_ref(receivable),
        **head,
        PaymentMethodRef=_method(places, record.method),
        Memo=memo,
        **stamp,
        RefundAppliedToTxnAdd=[{"TxnID": credit_memo.object_id, "RefundAmount": plain(record.amount)}],
    )
    body = {"ARRefundCreditCardAdd": fields}
    return Prepared("ARRefundCreditCardAdd", body, record.version, accounts)


def _journal_lines(
    record: Refund, customer: str, receivable: ListEntry, source: ListEntry, memo: str
) -> dict[str, Any]:
    """Debit what the customer owes, credit what the money came from."""
    both = {"Amount": plain(record.amount), "Memo": memo}
    owner = {"EntityRef": {"ListID": customer}}
    return {
        "JournalDebitLine": [{"AccountRef": _ref(receivable), **both, **owner}],
        "JournalCreditLine": [{"AccountRef": _ref(source), **both}],
    }


def currency(chart: Chart, code: str) -> dict[str, Any]:
    """Return the currency of a journal entry or customer; none is the home currency. QuickBooks takes its
    own rate.

    :raises Objection: when the company file does not keep that currency.
    """
    if chart.is_home(code):
        return {}
    return {"CurrencyRef": {"ListID": chart.currency(code).list_id}}


def _check(
    record: Refund,
    customer: str,
    credit_memo: Link | None,
    places: tuple[ListEntry, ListEntry],
    stamp: Fields,
    memo: str,
    accounts: Accounts,
) -> Prepared:
    """Return the request for a check to the customer; a credit memo it gives back is used on it."""
    bank, receivable = places
    amount = plain(record.amount)
    line = {
        "AccountRef": _ref(receivable),
        "Amount": amount,
        "Memo": memo,
        "CustomerRef": {"ListID": customer},
    }
    fields = present(
        AccountRef=_ref(bank),
        PayeeEntityRef={"ListID": customer},
        RefNumber=number(record.reference or record.external_id, 11, "R", record.id),
        TxnDate=record.date.isoformat(),
        Memo=memo,
        **stamp,
        ApplyCheckToTxnAdd=[{"TxnID": credit_memo.object_id, "Amount": amount}] if credit_memo else [],
        ExpenseLineAdd=[line],
    )
    return Prepared("CheckAdd", {"CheckAdd": fields}, record.version, accounts)
