"""Importing QuickBooks' lists: a page of answers becomes rows, in one statement."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import case, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.books.models import (
    BookedLine,
    Connection,
    JournalEntryAccount,
    JournalEntryLine,
    ListEntry,
    ListImport,
    ListKind,
)
from hub.db import among
from hub.ledger.models import Posting
from hub.money import LIMIT
from hub.qbwc.qbxml import Element

REQUESTS = {
    ListKind.ACCOUNT: "AccountQuery",
    ListKind.ITEM: "ItemQuery",
    ListKind.CUSTOMER: "CustomerQuery",
    ListKind.CLASS: "ClassQuery",
    ListKind.PAYMENT_METHOD: "PaymentMethodQuery",
    ListKind.SALES_TAX_CODE: "SalesTaxCodeQuery",
    ListKind.VENDOR: "VendorQuery",
    ListKind.EMPLOYEE: "EmployeeQuery",
    ListKind.OTHER_NAME: "OtherNameQuery",
    ListKind.TERMS: "TermsQuery",
    ListKind.CUSTOMER_MESSAGE: "CustomerMsgQuery",
    ListKind.TEMPLATE: "TemplateQuery",
    ListKind.CURRENCY: "CurrencyQuery",
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
    ListKind.VENDOR: ("Vendor",),
    ListKind.EMPLOYEE: ("Employee",),
    ListKind.OTHER_NAME: ("OtherName",),
    ListKind.TERMS: ("StandardTerms", "DateDrivenTerms"),
    ListKind.CUSTOMER_MESSAGE: ("CustomerMsg",),
    ListKind.TEMPLATE: (),
    ListKind.CURRENCY: ("Currency",),
}
"""What each list is called where QuickBooks tells what was deleted from it."""
KINDS = {name: kind for kind, names in DELETED.items() for name in names}
ITERATED = {ListKind.ITEM, ListKind.CUSTOMER}
"""The lists whose query has an iterator; the others answer in full (protocol.md C.2)."""
WHOLE = {ListKind.TEMPLATE}
"""The lists that can only be asked for whole: their query takes no filter, and nothing tells what was
deleted from them."""
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
    ListKind.ACCOUNT: (
        *_ALWAYS,
        *("AccountType", "SpecialAccountType", "AccountNumber", "Desc", "Balance", "CurrencyRef"),
    ),
    ListKind.ITEM: (
        *_ALWAYS,
        *("SalesOrPurchase", "SalesAndPurchase", "IncomeAccountRef", "AccountRef", "ItemDesc"),
    ),
    ListKind.CUSTOMER: (*_ALWAYS, "CompanyName", "Email", "AccountNumber", "CurrencyRef"),
    ListKind.CLASS: _ALWAYS,
    ListKind.PAYMENT_METHOD: _ALWAYS,
    ListKind.SALES_TAX_CODE: (*_ALWAYS, "Desc"),
    ListKind.VENDOR: _ALWAYS,
    ListKind.EMPLOYEE: _ALWAYS,
    ListKind.OTHER_NAME: _ALWAYS,
    ListKind.TERMS: (*_ALWAYS, "StdDueDays", "DiscountPct"),
    ListKind.CUSTOMER_MESSAGE: _ALWAYS,
    ListKind.TEMPLATE: (*_ALWAYS, "TemplateType"),
    ListKind.CURRENCY: (*_ALWAYS, "CurrencyCode"),
}
"""What is asked for of each entry: a customer is a third as long without the rest."""


class News(NamedTuple):
    """What reading a list has brought so far."""

    modified: str = ""
    """The highest TimeModified that was seen."""
    added: int = 0
    changed: int = 0
    gone: int = 0

    def with_more(self, more: News) -> News:
        """Return both together."""
        modified = max(self.modified, more.modified)
        return News(modified, *(a + b for a, b in zip(self[1:], more[1:], strict=True)))


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
        if kind in WHOLE or known is None or known.whole is None or not known.modified:
            return ""
        if known.whole < dt.datetime.now(dt.UTC) - REMEMBERED:
            return ""
        return (dt.datetime.fromisoformat(known.modified) - OVERLAP).isoformat(timespec="seconds")

    def of(self, kind: ListKind) -> ListImport | None:
        """Return how far a list has been read; None where it never was."""
        return self._known.get(kind)

    def is_wanted(self, kind: ListKind) -> bool:
        """Whether the next session reads a list, whenever it was read last."""
        known = self.of(kind)
        return known is None or known.whole is None or known.read is None

    def ask(self, kinds: Iterable[ListKind], since: dt.date | None) -> None:
        """Let some lists be read again: whole, or what was changed ``since`` the beginning of a day."""
        for kind in kinds:
            known = self.of(kind)
            if known is None:
                continue
            known.read = None
            if since is None:
                known.whole = None
            else:
                known.modified = min(
                    known.modified, (dt.datetime.combine(since, dt.time()) + OVERLAP).isoformat()
                )

    def forget(self) -> None:
        """Let every list be read from its beginning."""
        for known in self._known.values():
            known.whole = None

    def reached(self, kind: ListKind, news: News, is_whole: bool) -> None:
        """A list has been read to its end, and that brought ``news``."""
        known = self._known.get(kind)
        values: dict[str, Any] = {
            "modified": max(news.modified, known.modified if known and not is_whole else ""),
            "whole": dt.datetime.now(dt.UTC) if is_whole or known is None else known.whole,
            "read": dt.datetime.now(dt.UTC),
            **{"added": news.added, "changed": news.changed},
            # What was deleted since an earlier reading is told apart from the list (``remove``).
            **({"gone": news.gone} if is_whole else {}),
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
    if kind in WHOLE:
        fields.clear()
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
) -> News:
    """Add or refresh the entries of one page; return what that brought. A list that has no pages is
    taken in slices, so that memory is bounded."""
    news = News()
    left = iter(page)
    while some := list(islice(left, SLICE)):
        news = news.with_more(_store(db, connection, kind, some, seen))
    return news


def learn(db: Session, connection: Connection, shown: Iterable[Element], seen: int) -> None:
    """Take over what QuickBooks shows of entries outside of an import: those that the hub has just
    added or changed, and whoever has a name."""
    by_kind: dict[ListKind, list[Element]] = defaultdict(list)
    for element in shown:
        if kind := KINDS.get(element.name.removesuffix("Ret")):
            by_kind[kind].append(element)
    for kind, elements in by_kind.items():
        _store(db, connection, kind, elements, seen)


def _store(
    db: Session, connection: Connection, kind: ListKind, page: Sequence[Element], seen: int
) -> News:
    rows: dict[str, dict[str, Any]] = {}
    modified = ""
    for element in page:
        row = _row(kind, element)
        if row["list_id"]:
            rows[row["list_id"]] = row
            modified = max(modified, local(element.get("TimeModified")))
    if not rows:
        return News(modified)
    if kind is ListKind.ACCOUNT:
        _follow_renames(db, connection, {list_id: row["full_name"] for list_id, row in rows.items()})
    values = {"connection": connection.id, "kind": kind, "seen": seen, "ids": list(rows)}
    counts = db.execute(_STORE, values | {"rows": json.dumps(list(rows.values()))}).one()
    return News(modified, *counts)


_FIELDS = {
    "list_id": "text",
    "full_name": "text",
    "type": "text",
    "special": "text",
    "number": "text",
    "email": "text",
    "company": "text",
    "account": "text",
    "description": "text",
    "currency": "text",
    "active": "boolean",
    "due_days": "bigint",
    "edit_sequence": "text",
    "balance": "numeric",
}
_MOVING = ("list_id", "edit_sequence", "balance")
_SAID = f"({', '.join(name for name in _FIELDS if name not in _MOVING)}, gone)"
"""What tells a changed entry from one that was only looked at."""
_STORE = text(
    f"""
    WITH before AS (
        SELECT list_id, {_SAID} AS said FROM list_entry
        WHERE connection_id = :connection AND kind = :kind AND list_id = ANY(:ids)
    ), stored AS (
        INSERT INTO list_entry (connection_id, kind, seen, {", ".join(_FIELDS)})
        SELECT :connection, :kind, :seen, v.*
        FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
            {", ".join(f"{name} {type_}" for name, type_ in _FIELDS.items())})
        ON CONFLICT (tenant_id, connection_id, kind, list_id) DO UPDATE SET
            seen = excluded.seen, gone = false,
            {", ".join(f"{name} = excluded.{name}" for name in list(_FIELDS)[1:-1])},
            balance = coalesce(excluded.balance, list_entry.balance)
        RETURNING list_id, {_SAID} AS said
    )
    SELECT count(*) FILTER (WHERE before.list_id IS NULL) AS added,
        count(*) FILTER (WHERE before.said <> stored.said) AS changed
    FROM stored LEFT JOIN before USING (list_id)
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
    for model in _NAMING_ACCOUNTS if renamed else ():
        new = case(renamed, value=model.account)
        db.execute(
            update(model).where(model.account.in_(renamed)).values(account=new),
            execution_options={"synchronize_session": False},
        )


_NAMING_ACCOUNTS: tuple[type[Any], ...] = (Posting, BookedLine, JournalEntryAccount, JournalEntryLine)
"""What says by name which account something was booked to."""


def finish(db: Session, connection: Connection, kind: ListKind, seen: int) -> Sequence[str]:
    """After the last page of a whole list: what this import did not see is gone from QuickBooks. Return
    the ids of what had been there."""
    missed = ListEntry.kind == kind, ListEntry.seen != seen
    return [list_id for _, list_id in _gone(db, connection, *missed)]


def remove(
    db: Session, connection: Connection, deleted: Iterable[Element], kinds: Iterable[ListKind]
) -> Sequence[str]:
    """Take note of what was deleted in QuickBooks from lists of ``kinds``; return the ids of that."""
    ids = [element.get("ListID") for element in deleted if element.get("ListDelType") in KINDS]
    counted = Counter(kind for kind, _ in _gone(db, connection, among(ListEntry.list_id, ids)))
    read = update(ListImport).where(
        ListImport.connection_id == connection.id, ListImport.kind.in_(list(kinds))
    )
    gone = case(dict(counted), value=ListImport.kind, else_=0) if counted else 0
    db.execute(read.values(gone=gone), execution_options={"synchronize_session": False})
    return ids


def _gone(db: Session, connection: Connection, *which: Any) -> Sequence[tuple[ListKind, str]]:
    gone = update(ListEntry).where(ListEntry.connection_id == connection.id, ~ListEntry.gone, *which)
    marked = gone.values(active=False, gone=True).returning(ListEntry.kind, ListEntry.list_id)
    found = db.execute(marked, execution_options={"synchronize_session": False})
    return [(row.kind, row.list_id) for row in found]


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


_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("special", "number", "email", "company", "account", "description", "currency"), ""),
    "balance": None,
    "due_days": None,
}


def _balance(element: Element) -> str | None:
    """Return an account's own balance, without its subaccounts'; None where QuickBooks says none."""
    try:
        amount = Decimal(element.get("Balance"))
    except InvalidOperation:
        return None
    return str(amount) if amount.is_finite() and abs(amount) <= LIMIT else None


def _account(element: Element) -> dict[str, str | None]:
    return {
        "balance": _balance(element),
        "type": element.get("AccountType"),
        "special": element.get("SpecialAccountType"),
        "number": element.get("AccountNumber"),
        "description": element.get("Desc"),
        "currency": element.get("CurrencyRef/FullName"),
    }


def _item(element: Element) -> dict[str, str]:
    return {
        "account": next(filter(None, map(element.get, _ACCOUNT_OF_ITEM)), ""),
        "description": element.get("SalesOrPurchase/Desc") or element.get("ItemDesc"),
    }


def _customer(element: Element) -> dict[str, str]:
    return {
        "number": element.get("AccountNumber").strip(),
        "email": element.get("Email").strip(),
        "company": element.get("CompanyName").strip(),
        "currency": element.get("CurrencyRef/FullName"),
    }


def _currency(element: Element) -> dict[str, str]:
    return {"number": element.get("CurrencyCode")}


def _described(element: Element) -> dict[str, str]:
    return {"description": element.get("Desc")}


def _terms(element: Element) -> dict[str, Any]:
    """Read terms; those with a discount for early payment, or due on a day of the month, say more than
    their days."""
    days, discount = element.get("StdDueDays"), element.get("DiscountPct", "0")
    is_plain = days.isascii() and days.isdecimal() and len(days) <= 9 and not discount.strip("0.")
    return {"due_days": int(days) if is_plain else None}


def _template(element: Element) -> dict[str, str]:
    return {"type": element.get("TemplateType")}


def _bare(element: Element) -> dict[str, str]:
    return {}


_OWN: dict[ListKind, Callable[[Element], Mapping[str, Any]]] = {
    ListKind.ACCOUNT: _account,
    ListKind.ITEM: _item,
    ListKind.CUSTOMER: _customer,
    ListKind.CLASS: _bare,
    ListKind.PAYMENT_METHOD: _bare,
    ListKind.SALES_TAX_CODE: _described,
    ListKind.VENDOR: _bare,
    ListKind.EMPLOYEE: _bare,
    ListKind.OTHER_NAME: _bare,
    ListKind.TERMS: _terms,
    ListKind.CUSTOMER_MESSAGE: _bare,
    ListKind.TEMPLATE: _template,
    ListKind.CURRENCY: _currency,
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
        ListEntry.name_key.in_({name.lower() for name in names}),
    )
    return {entry.full_name.lower(): entry for entry in db.scalars(rows)}
