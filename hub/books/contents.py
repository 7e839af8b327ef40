"""What a transaction says, as people read it in QuickBooks: read from its own answers, to be compared.

A content is kept with its link. A reference in it is a pair of id and name and counts by its id,
as names change without the document; the amounts that a payment is applied with count by the
transactions they go to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from hub.money import ZERO
from hub.qbwc.qbxml import Element

Content = dict[str, Any]

_TEXTS = {
    "Date": "TxnDate",
    "Number": "RefNumber",
    "Due": "DueDate",
    "PO number": "PONumber",
    "Memo": "Memo",
}
_REFERENCES = {
    "Customer": "CustomerRef",
    "Payee": "PayeeEntityRef",
    "Receivable account": "ARAccountRef",
    "Deposit account": "DepositToAccountRef",
    "Refund account": "RefundFromAccountRef",
    "Account": "AccountRef",
    "Method": "PaymentMethodRef",
    "Terms": "TermsRef",
    "Message": "CustomerMsgRef",
}
_LINES = (
    *("InvoiceLineRet", "CreditMemoLineRet", "JournalDebitLine", "JournalCreditLine"),
    "ExpenseLineRet",
)
_LINE_TEXTS = {"Description": "Desc", "Memo": "Memo", "Quantity": "Quantity", "Amount": "Amount"}
_LINE_REFERENCES = {
    "Item": "ItemRef",
    "Account": "AccountRef",
    "Name": "EntityRef",
    "Class": "ClassRef",
}
APPLIED = "Applied"
LINKED = "Linked"
"""What is linked with a document, by TxnID: only where QuickBooks was asked for that just now."""
_QUIET = {LINKED}
"""What is no part of what a document says."""
_ORDER = ("Date", "Number", "Customer", "Payee", "Total", "Lines", APPLIED)
_LINE_ORDER = ("Item", "Account", "Side", "Description", "Quantity", "Amount")
"""What people look at first; the database keeps no order."""


def content(ret: Element) -> Content:
    """Return what the transaction ``ret`` says."""
    found: Content = {label: text for label, path in _TEXTS.items() if (text := ret.get(path))}
    found |= _references(ret, _REFERENCES)
    found["Total"] = str(total(ret))
    if lines := [_line(line) for line in ret if line.name in _LINES]:
        found["Lines"] = lines
    applied = [*ret.all("AppliedToTxnRet"), *ret.all("RefundAppliedToTxnRet")]
    if rows := {row.get("TxnID"): _applied(row) for row in applied}:
        found[APPLIED] = {id_: row for id_, row in rows.items() if Decimal(row["Amount"])}
    return found


def _references(element: Element, wanted: Mapping[str, str]) -> Content:
    found: Content = {}
    for label, path in wanted.items():
        reference = [element.get(f"{path}/ListID"), element.get(f"{path}/FullName")]
        if any(reference):
            found[label] = reference
    return found


def _line(line: Element) -> Content:
    found: Content = {label: text for label, path in _LINE_TEXTS.items() if (text := line.get(path))}
    found |= _references(line, _LINE_REFERENCES)
    if line.name.startswith("Journal"):
        found["Side"] = line.name.removeprefix("Journal").removesuffix("Line")
    return found


def _applied(row: Element) -> dict[str, str]:
    return {"Number": row.get("RefNumber"), "Amount": row.get("Amount") or row.get("RefundAmount", "0")}


def linked(ret: Element) -> dict[str, list[str]]:
    """Return kind and amount of each transaction that ``ret`` is linked with, by TxnID."""
    found: dict[str, list[str]] = {}
    for one in ret.all("LinkedTxn"):
        before = Decimal(found.get(one.get("TxnID"), ["", "0"])[1])
        found[one.get("TxnID")] = [one.get("TxnType"), str(before + abs(_amount(one, "Amount")))]
    return found


def total(ret: Element) -> Decimal:
    """Return the amount that a transaction is about."""
    for path in ("TotalAmount", "Amount"):
        if ret.get(path):
            return _amount(ret, path)
    if ret.get("Subtotal"):
        return _amount(ret, "Subtotal") + _amount(ret, "SalesTaxTotal")
    return sum((_amount(line, "Amount") for line in ret.all("JournalDebitLine")), ZERO)


def balance(ret: Element) -> Decimal | None:
    """Return what is open of a transaction; None where that means nothing."""
    for path in ("BalanceRemaining", "CreditRemaining", "UnusedPayment"):
        if ret.get(path):
            return _amount(ret, path)
    return None


def _amount(element: Element, path: str) -> Decimal:
    try:
        return Decimal(element.get(path, "0")).quantize(Decimal("0.01"))
    except InvalidOperation:
        return ZERO


class Difference(NamedTuple):
    """One thing that two contents say differently, in words; empty where one does not say it."""

    label: str
    then: str
    now: str


def differences(
    then: Content, now: Content, ended: Collection[str] = (), only: Collection[str] = ()
) -> list[Difference]:
    """Return what ``now`` says differently than ``then`` did; of what is ``only`` named, if any. What was
    applied to transactions that have ``ended`` is free since, which is nobody's edit."""
    then = _without(then, ended)
    labels = [label for label in _ordered({*then, *now}, _ORDER) if label not in _QUIET]
    found: list[Difference] = []
    for label in labels:
        key = _amounts if label == APPLIED else _key
        if (only and label not in only) or key(then.get(label)) == key(now.get(label)):
            continue
        if label == "Lines":
            found += _of_lines(then.get(label, []), now.get(label, []))
        else:
            found.append(Difference(label, _shown(then.get(label)), _shown(now.get(label))))
    return found


def _without(content: Content, ended: Collection[str]) -> Content:
    applied = content.get(APPLIED, {})
    if not any(id_ in ended for id_ in applied):
        return content
    return {**content, APPLIED: {id_: row for id_, row in applied.items() if id_ not in ended}}


def _key(value: Any) -> Any:
    """Return what counts of a value: a reference counts by its id."""
    if isinstance(value, dict):
        return {name: _key(inner) for name, inner in value.items()} or None
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_key(line) for line in value]
    if isinstance(value, list):
        return value[0] or value[1]
    return value or None


def _amounts(applied: Mapping[str, Any] | None) -> dict[str, str]:
    return {id_: row["Amount"] for id_, row in (applied or {}).items()}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{row['Number']}: {row['Amount']}" for row in value.values())
    if isinstance(value, list):
        return str(value[1] or value[0])
    return str(value or "")


def _of_lines(then: list[Content], now: list[Content]) -> Iterator[Difference]:
    for index in range(max(len(then), len(now))):
        before = then[index] if index < len(then) else {}
        after = now[index] if index < len(now) else {}
        if _key(before) != _key(after):
            yield Difference(f"Line {index + 1}", _line_shown(before), _line_shown(after))


def _line_shown(line: Content) -> str:
    return " · ".join(filter(None, (_shown(line[label]) for label in _ordered(line, _LINE_ORDER))))


def _ordered(labels: Collection[str], first: Sequence[str]) -> list[str]:
    return [*(one for one in first if one in labels), *sorted(set(labels) - set(first))]


def told(found: list[Difference], most: int = 4) -> str:
    """Return differences in a sentence's part: ``Total 100.00 → 80.00``."""
    parts = [f"{one.label} {one.then or 'none'} → {one.now or 'none'}" for one in found[:most]]
    more = [f"{len(found) - most} more"] if len(found) > most else []
    return "; ".join([*parts, *more])
