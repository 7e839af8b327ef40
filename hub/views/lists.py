"""Chart of Accounts and Items List, as imported from QuickBooks."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config, view_defaults

from hub.books.chart import Chart
from hub.books.models import ListKind
from hub.qbwc import imports
from hub.qbwc.pulse import anchor
from hub.qbwc.refusals import Refusals
from hub.security import Permission
from hub.views.page import Page

LISTS = {
    "accounts": (ListKind.ACCOUNT, "Chart of Accounts"),
    "items": (ListKind.ITEM, "Items List"),
}


@view_defaults(route_name="lists", renderer="hub:templates/lists.jinja2", permission=Permission.READ)
class ListPage(Page):
    """One imported list, and a button to import it again."""

    @property
    def chosen(self) -> tuple[ListKind, str]:
        name = self.request.matchdict["kind"]
        if name not in LISTS:
            raise HTTPNotFound
        return LISTS[name]

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        kind, title = self.chosen
        chart = Chart(self.db, self.connection)
        several = kind is ListKind.ACCOUNT and self.connection.company.get("multi_currency")
        return {
            "title": title,
            "kind": self.request.matchdict["kind"],
            "entries": chart.all(kind),
            "currencies": {one.id: chart.kept_in(one) for one in chart.all(kind)} if several else {},
            "connection": self.connection,
            "refusal": Refusals(self.db, self.connection).get(kind),
            "anchor": anchor,
            "in_mode": kind in self.outbox.exporter.lists,
        }

    @view_config(request_method="POST", permission=Permission.QWC)
    def import_again(self) -> Any:
        _, title = self.chosen
        if not self.connection.import_wanted:
            imports.want(self.db, self.connection)
            self.integration.note("lists to be imported again")
        sentence = f"The {title} is imported again at the Web Connector's next run."
        return self.done(sentence, "lists", kind=self.request.matchdict["kind"])
