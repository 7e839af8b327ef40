"""Importing QuickBooks' lists: a page of answers becomes rows, in one statement."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import case, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.books.models import BookedLine, Connection, ListEntry, ListImport, ListKind
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
DELETED = {
    ListKind.ACCOUNT: ("Account",),
    ListKind.ITEM: (
        *("ItemDiscount", "ItemFixedAsset", "ItemGroup", "ItemInventory", "ItemInventoryAssembly"),
        *("ItemNonInventory", "ItemOtherCharge", "ItemPayment", "ItemSalesTax", "ItemSalesTaxGroup"),
        *("ItemService", "ItemSubtotal"),
    ),
    ListKind.CUSTOMER: ("Customer",),
    ListKind.CLASS: ("Class",),
    ListKind.PAYMENT_METHOD: ("PaymentMethod",),
    ListKind.SALES_TAX_CODE: ("SalesTaxCode",),
}
"""What each list is called where QuickBooks tells what was deleted from it."""
KINDS = {name: kind for kind, names in DELETED.items() for name in names}
ITERATED = {ListKind.ITEM, ListKind.CUSTOMER}
"""The lists whose query has an iterator; the others answer in full (protocol.md C.2)."""
PAGE = 500
"""Entries that QuickBooks is asked for at once."""
SLICE = 2000
OVERLAP = dt.timedelta(minutes=2)
"""QuickBooks' own clock may have been set back a little (protocol.md E.2)."""
REMEMBERED = dt.timedelta(days=80)
"""QuickBooks remembers for about 90 days what was deleted (protocol.md C.2); a list that was read
longer ago is read from its beginning."""

_ACCOUNT_OF_ITEM = (
    "SalesOrPurchase/AccountRef/FullName",
    "SalesAndPurchase/IncomeAccountRef/FullName",
    "IncomeAccountRef/FullName",
    "AccountRef/FullName",
)
_ALWAYS = ("ListID", "TimeModified", "EditSequence", "Name", "FullName", "IsActive")
WANTED = {
    ListKind.ACCOUNT: (*_ALWAYS, "AccountType", "SpecialAccountType", "AccountNumber", "Desc"),
    ListKind.ITEM: (
        *_ALWAYS,
        *("SalesOrPurchase", "SalesAndPurchase", "IncomeAccountRef", "AccountRef", "ItemDesc"),
    ),
    ListKind.CUSTOMER: _ALWAYS,
    ListKind.CLASS: _ALWAYS,
    ListKind.PAYMENT_METHOD: _ALWAYS,
    ListKind.SALES_TAX_CODE: (*_ALWAYS, "Desc"),
}
"""What is asked for of each entry: a customer is a quarter as long without the rest."""


class Progress:
    """How far each list of one connection has been read."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        query = select(ListImport).filter_by(connection_id=connection.id)
        self._known = {row.kind: row for row in db.scalars(query)}

    def is_due(self, kind: ListKind, every: dt.timedelta) -> bool:
        """Whether a list is to be read again, when all are read ``every`` so often."""
        known = self._known.get(kind)
        if known is None or known.whole is None or known.read is None:
            return True
        return known.read < dt.datetime.now(dt.UTC) - every

    def since(self, kind: ListKind) -> str:
        """Return from when on changes are to be read, in QuickBooks' local time without an offset;
        nothing when the list has to be read whole."""
        known = self._known.get(kind)
        if known is None or known.whole is None or not known.modified:
            return ""
        if known.whole < dt.datetime.now(dt.UTC) - REMEMBERED:
            return ""
        return (dt.datetime.fromisoformat(known.modified) - OVERLAP).isoformat(timespec="seconds")

    def forget(self) -> None:
        """Let every list be read from its beginning."""
        for known in self._known.values():
            known.whole = None

    def reached(self, kind: ListKind, modified: str, is_whole: bool) -> None:
        """A list has been read to its end; ``modified`` is the highest TimeModified that was seen."""
        known = self._known.get(kind)
        values: dict[str, Any] = {
            "modified": max(modified, known.modified if known and not is_whole else ""),
            "whole": dt.datetime.now(dt.UTC) if is_whole or known is None else known.whole,
            "read": dt.datetime.now(dt.UTC),
        }
        statement = insert(ListImport).values(connection_id=self._connection.id, kind=kind, **values)
        keys = ["tenant_id", "connection_id", "kind"]
        self._db.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


def local(moment: str) -> str:
    """Return one of QuickBooks' times without its offset, which is wrong in summer; empty where it
    cannot be read (protocol.md E.2)."""
    try:
        return dt.datetime.fromisoformat(moment).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError:
        return ""


def query(kind: ListKind, since: str, iterator: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return kind, fields and attributes of the request for the next page of a list, or of what has
    changed in it ``since`` then."""
    fields: dict[str, Any] = {"ActiveStatus": "All"}
    if since:
        fields["FromModifiedDate"] = since
    fields["IncludeRetElement"] = list(WANTED[kind])
    if kind not in ITERATED:
        return REQUESTS[kind], fields, {}
    attributes = {"iterator": "Continue", "iteratorID": iterator} if iterator else {"iterator": "Start"}
    return REQUESTS[kind], {"MaxReturned": str(PAGE), **fields}, attributes


def deleted_query(since: dict[ListKind, str]) -> tuple[str, dict[str, Any]]:
    """Return kind and fields of the request for what was deleted from lists since their last import."""
    types = [name for kind in since for name in DELETED[kind]]
    dates = {"FromDeletedDate": min(since.values())}
    return "ListDeletedQuery", {"ListDelType": types, "DeletedDateRangeFilter": dates}


def store(
    db: Session, connection: Connection, kind: ListKind, page: Iterable[Element], seen: int
) -> str:
    """Add or refresh the entries of one page; return the highest TimeModified among them. A list
    that has no pages is taken in slices, so that memory is bounded."""
    modified = ""
    left = iter(page)
    while some := list(islice(left, SLICE)):
        modified = max(modified, _store(db, connection, kind, some, seen))
    return modified


def _store(
    db: Session, connection: Connection, kind: ListKind, page: Sequence[Element], seen: int
) -> str:
    rows: dict[str, dict[str, Any]] = {}
    modified = ""
    for element in page:
        row = _row(kind, element)
        if row["list_id"]:
            rows[row["list_id"]] = row
            modified = max(modified, local(element.get("TimeModified")))
    if not rows:
        return modified
    if kind is ListKind.ACCOUNT:
        _follow_renames(db, connection, {list_id: row["full_name"] for list_id, row in rows.items()})
    values = {"connection": connection.id, "kind": kind, "seen": seen}
    db.execute(_STORE, values | {"rows": json.dumps(list(rows.values()))})
    return modified


_FIELDS = {
    "list_id": "text",
    "full_name": "text",
    "type": "text",
    "special": "text",
    "number": "text",
    "account": "text",
    "description": "text",
    "active": "boolean",
    "edit_sequence": "text",
}
_STORE = text(
    f"""
    INSERT INTO list_entry (connection_id, kind, seen, {", ".join(_FIELDS)})
    SELECT :connection, :kind, :seen, v.*
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
        {", ".join(f"{name} {type_}" for name, type_ in _FIELDS.items())})
    ON CONFLICT (tenant_id, connection_id, kind, list_id) DO UPDATE SET
        seen = excluded.seen,
        {", ".join(f"{name} = excluded.{name}" for name in list(_FIELDS)[1:])}
    """
)


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


def finish(db: Session, connection: Connection, kind: ListKind, seen: int) -> Sequence[str]:
    """After the last page of a whole list: what this import did not see is gone from QuickBooks. Return
    the ids of what had been there."""
    gone = update(ListEntry).where(
        ListEntry.connection_id == connection.id,
        ListEntry.kind == kind,
        ListEntry.seen != seen,
        ListEntry.active,
    )
    return db.scalars(gone.values(active=False).returning(ListEntry.list_id)).all()


def remove(db: Session, connection: Connection, deleted: Iterable[Element]) -> Sequence[str]:
    """Take note of what was deleted in QuickBooks since; return the ids of that."""
    ids = [element.get("ListID") for element in deleted if element.get("ListDelType") in KINDS]
    if ids:
        gone = update(ListEntry).where(
            ListEntry.connection_id == connection.id, ListEntry.list_id.in_(ids)
        )
        db.execute(gone.values(active=False))
    return ids


def _row(kind: ListKind, element: Element) -> dict[str, Any]:
    return {
        **_EMPTY,
        "list_id": element.get("ListID"),
        "full_name": element.get("FullName") or element.get("Name"),
        "type": element.name.removesuffix("Ret"),
        "active": element.get("IsActive", "true").lower() in ("true", "1"),
        "edit_sequence": element.get("EditSequence"),
        **_OWN[kind](element),
    }


_EMPTY = dict.fromkeys(("special", "number", "account", "description"), "")


def _account(element: Element) -> dict[str, str]:
    return {
        "type": element.get("AccountType"),
        "special": element.get("SpecialAccountType"),
        "number": element.get("AccountNumber"),
        "description": element.get("Desc"),
    }


def _item(element: Element) -> dict[str, str]:
    return {
        "account": next(filter(None, map(element.get, _ACCOUNT_OF_ITEM)), ""),
        "description": element.get("SalesOrPurchase/Desc") or element.get("ItemDesc"),
    }


def _described(element: Element) -> dict[str, str]:
    return {"description": element.get("Desc")}


def _bare(element: Element) -> dict[str, str]:
    return {}


_OWN: dict[ListKind, Callable[[Element], dict[str, str]]] = {
    ListKind.ACCOUNT: _account,
    ListKind.ITEM: _item,
    ListKind.CUSTOMER: _bare,
    ListKind.CLASS: _bare,
    ListKind.PAYMENT_METHOD: _bare,
    ListKind.SALES_TAX_CODE: _described,
}
"""What the entries of each list have besides."""


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
