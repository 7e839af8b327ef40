"""Importing QuickBooks' lists: a page of answers becomes rows, in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.books.models import BookedLine, Connection, ListEntry, ListKind
from hub.ledger.models import Posting
from hub.qbwc.qbxml import Element

REQUESTS = {
    ListKind.ACCOUNT: "AccountQuery",
    ListKind.ITEM: "ItemQuery",
    ListKind.CUSTOMER: "CustomerQuery",
    ListKind.CLASS: "ClassQuery",
    ListKind.PAYMENT_METHOD: "PaymentMethodQuery",
    ListKind.SALES_TAX_CODE: "SalesTaxCodeQuery",
}
ITERATED = {ListKind.ITEM, ListKind.CUSTOMER}
"""The lists whose query has an iterator; the others answer in full (protocol.md C.2)."""
LONG = {ListKind.CUSTOMER}
"""The lists that can be too long to read again without need."""
PAGE = 500

_ACCOUNT_OF_ITEM = (
    "SalesOrPurchase/AccountRef/FullName",
    "SalesAndPurchase/IncomeAccountRef/FullName",
    "IncomeAccountRef/FullName",
    "AccountRef/FullName",
)


def query(kind: ListKind, iterator: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return kind, fields and attributes of the request for the next page of a list."""
    fields: dict[str, Any] = {"ActiveStatus": "All"}
    if kind not in ITERATED:
        return REQUESTS[kind], fields, {}
    attributes = {"iterator": "Continue", "iteratorID": iterator} if iterator else {"iterator": "Start"}
    return REQUESTS[kind], {"MaxReturned": str(PAGE), **fields}, attributes


def store(
    db: Session, connection: Connection, kind: ListKind, page: Iterable[Element], seen: int
) -> int:
    """Add or refresh the entries of one page; return how many there were."""
    rows = {row["list_id"]: row for row in (_row(kind, element) for element in page) if row["list_id"]}
    if not rows:
        return 0
    if kind is ListKind.ACCOUNT:
        _follow_renames(db, connection, {list_id: row["full_name"] for list_id, row in rows.items()})
    common = {"connection_id": connection.id, "kind": kind, "seen": seen}
    statement = insert(ListEntry).values([row | common for row in rows.values()])
    fresh = {name: statement.excluded[name] for name in next(iter(rows.values())) if name != "list_id"}
    keys = ["tenant_id", "connection_id", "kind", "list_id"]
    db.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh | {"seen": seen}))
    return len(rows)


def _follow_renames(db: Session, connection: Connection, names: dict[str, str]) -> None:
    """An account that was renamed in QuickBooks has its past there under the new name: so here."""
    query = select(ListEntry.list_id, ListEntry.full_name).where(
        ListEntry.connection_id == connection.id,
        ListEntry.kind == ListKind.ACCOUNT,
        ListEntry.list_id.in_(names),
    )
    renamed = {
        row.full_name: names[row.list_id]
        for row in db.execute(query)
        if row.full_name != names[row.list_id]
    }
    for model in (Posting, BookedLine) if renamed else ():
        new = case(renamed, value=model.account)
        db.execute(
            update(model).where(model.account.in_(renamed)).values(account=new),
            execution_options={"synchronize_session": False},
        )


def finish(db: Session, connection: Connection, kind: ListKind, seen: int) -> None:
    """After the last page: what this import did not see is gone from QuickBooks."""
    gone = update(ListEntry).where(
        ListEntry.connection_id == connection.id, ListEntry.kind == kind, ListEntry.seen != seen
    )
    db.execute(gone.values(active=False))


def _row(kind: ListKind, element: Element) -> dict[str, Any]:
    account = next(filter(None, (element.get(path) for path in _ACCOUNT_OF_ITEM)), "")
    return {
        "list_id": element.get("ListID"),
        "full_name": element.get("FullName") or element.get("Name"),
        "type": element.get("AccountType") or element.name.removesuffix("Ret"),
        "special": element.get("SpecialAccountType"),
        "number": element.get("AccountNumber") if kind is ListKind.ACCOUNT else "",
        "account": account if kind is ListKind.ITEM else "",
        "description": element.get("Desc") or element.get("SalesOrPurchase/Desc"),
        "active": element.get("IsActive", "true").lower() in ("true", "1"),
        "edit_sequence": element.get("EditSequence"),
    }


def customers_named(db: Session, connection: Connection, names: Sequence[str]) -> dict[str, ListEntry]:
    """Return the imported customers of these full names, by name in lower case."""
    if not names:
        return {}
    wanted = ListEntry.kind == ListKind.CUSTOMER, ListEntry.connection_id == connection.id
    rows = select(ListEntry).where(
        *wanted,
        ListEntry.active,
        func.lower(ListEntry.full_name).in_({name.lower() for name in names}),
    )
    return {entry.full_name.lower(): entry for entry in db.scalars(rows)}
