"""Imports: QuickBooks' lists, what their last import brought, and importing them again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pyramid.view import view_config, view_defaults
from sqlalchemy import func, select

from hub.books.lists import Progress
from hub.books.models import NAMES, ListEntry, ListKind
from hub.errors import Refused
from hub.qbwc import imports
from hub.security import Permission
from hub.views.page import Page, refusal


@dataclass(frozen=True)
class Import:
    """What one button imports."""

    name: str
    button: str
    title: str
    hint: str
    kinds: tuple[ListKind, ...]
    """The first one is what is counted."""


IMPORTS = (
    Import(
        "customers",
        "Import customers",
        "Customers",
        "With vendors, employees and other names, as all of them share one set of names.",
        NAMES,
    ),
    Import("items", "Import items", "Items List", "Items of all kinds.", (ListKind.ITEM,)),
    Import(
        "accounts",
        "Import chart of accounts",
        "Chart of Accounts",
        "All accounts.",
        (ListKind.ACCOUNT,),
    ),
    Import(
        "terms",
        "Import terms, messages and templates",
        "Terms, messages and templates",
        "What stands on invoices beside their lines: the Terms List, the Customer Message List, Templates.",
        (ListKind.TERMS, ListKind.CUSTOMER_MESSAGE, ListKind.TEMPLATE),
    ),
)


@view_defaults(route_name="imports", renderer="hub:templates/imports.jinja2", permission=Permission.READ)
class ImportsPage(Page):
    """The lists that are imported, each with a button."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        progress = Progress(self.db, self.connection)
        query = (
            select(ListEntry.kind, func.count().filter(ListEntry.active).label("active"))
            .where(ListEntry.connection_id == self.connection.id, ~ListEntry.gone)
            .group_by(ListEntry.kind)
        )
        return {
            "imports": IMPORTS,
            "progress": progress,
            "active": {row.kind: row.active for row in self.db.execute(query)},
            "lists": self.outbox.exporter.lists,
            "connection": self.connection,
            "typed": {"which": "", "since": ""},
        }

    @view_config(request_method="POST", permission=Permission.QWC)
    def ask(self) -> Any:
        typed = self.form.typed("which", "since")
        try:
            wanted = next((one for one in IMPORTS if one.name == self.form["which"]), None)
            if wanted is None:
                raise Refused("Press one of the buttons.")
            kinds = [kind for kind in wanted.kinds if kind in self.outbox.exporter.lists]
            if not kinds:
                raise Refused(f"{self.tenant.mode.label} Mode does not use this list.")
            since = _day(self.form["since"], self.now.date())
        except Refused as error:
            return self.again(self.show() | {"typed": typed}, error)
        imports.want_some(self.db, self.connection, kinds, since)
        span = f"what was changed since {since}" if since else "all"
        self.integration.note(f"{wanted.title} to be imported: {span}")
        sentence = f"{wanted.title}: {span} comes with the Web Connector's next run."
        return self.done(sentence, "imports")


def _day(text: str, today: dt.date) -> dt.date | None:
    """Read a day; none is from the beginning.

    :raises Refused: when it is none, or lies ahead.
    """
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise refusal("since", "Write a day such as 2026-10-31.") from None
    if day > today or day.year < 1990:
        raise refusal("since", "Choose a day that is past.")
    return day
