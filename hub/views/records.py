"""Customers, invoices, payments, credit memos and refunds, and what became of each in QuickBooks."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config, view_defaults

from hub.books.changes import side_by_side
from hub.books.links import Links
from hub.books.models import Link
from hub.books.subjects import labels
from hub.exporters.jobs import misplaced
from hub.ledger.register import Names, Register, settlements
from hub.qbwc import readback
from hub.qbwc.desk import Desk
from hub.qbwc.models import State
from hub.security import Permission
from hub.tenants.full_policy import full_policy
from hub.views.page import Page, whole

KINDS = {
    "customers": "customer",
    "invoices": "invoice",
    "payments": "payment",
    "credit-memos": "credit_memo",
    "refunds": "refund",
}


class RecordsOfKind(Page):
    """What both pages share."""

    @property
    def kind(self) -> str:
        name = self.request.matchdict["kind"]
        if name not in KINDS:
            raise HTTPNotFound
        return KINDS[name]

    @property
    def register(self) -> Register:
        return Register(self.db, self.kind)


@view_defaults(route_name="records", renderer="hub:templates/records.jinja2", permission=Permission.READ)
class RecordsPage(RecordsOfKind):
    """A list of records, newest first."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        words = self.request.GET.get("q", "").replace("\0", "").strip()[:100]
        found, position = self.register.page(words, self.before())
        subjects = [f"{self.kind}:{record.id}" for record in found]
        customers = Names(self.db).of("customer", (getattr(row, "customer_id", None) for row in found))
        return {
            "kind": self.kind,
            "records": found,
            "customers": customers,
            "links": Links(self.db, self.connection).of(subjects),
            "operations": Desk(self.db, self.connection).of(subjects),
            "State": State,
            "words": words,
            "next": position,
            "before": self.before(),
        }


@view_defaults(route_name="record", renderer="hub:templates/record.jinja2", permission=Permission.READ)
class RecordPage(RecordsOfKind):
    """One record: its lines, its postings, and its state in QuickBooks."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        record = self.register.get(whole(self.request.matchdict["id"]))
        subject = f"{self.kind}:{record.id}"
        postings = self.register.postings(record)
        entries = {f"journal_entry:{row.journal_entry_id}" for row in postings if row.journal_entry_id}
        subjects = {subject, *entries}
        if getattr(record, "payment_id", None):
            subjects.add(f"payment:{record.payment_id}")
        settled_by = settlements(self.db, record) if self.kind == "invoice" else []
        subjects.update(one.subject for one in settled_by)
        links, desk = Links(self.db, self.connection), Desk(self.db, self.connection)
        return {
            "kind": self.kind,
            "record": record,
            "postings": postings,
            "settled_by": settled_by,
            "names": self._names(record, postings),
            "link": (link := links.of([subject]).get(subject)),
            "misplaced": self._misplaced(record, link) if link else "",
            "as_of": readback.as_of(self.db, link) if link else None,
            "former": links.former([subject]).get(subject, []),
            "differences": side_by_side(link) if link else [],
            "operation": desk.of([subject]).get(subject),
            "entries": sorted(entries),
            "entry_links": links.of(entries),
            "entry_operations": desk.of(entries),
            "labels": labels(self.db, subjects),
            "State": State,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def read_again(self) -> Any:
        """Let QuickBooks tell what has changed, though it is not time to ask it yet."""
        record = self.register.get(whole(self.request.matchdict["id"]))
        subject = f"{self.kind}:{record.id}"
        readback.want(self.db, self.connection)
        self.room.audit("to be read back", record=labels(self.db, [subject])[subject].title)
        return self.done(
            "What has changed in QuickBooks is read with the Web Connector's next run.",
            "record",
            kind=self.request.matchdict["kind"],
            id=record.id,
        )

    def _misplaced(self, record: Any, link: Link) -> str:
        if self.kind != "customer":
            return ""
        return misplaced(self.db, self.connection, record, link, full_policy(self.db).hierarchy)

    def _names(self, record: Any, postings: Any) -> dict[str, dict[int, str]]:
        names = Names(self.db)
        lines = [*getattr(record, "lines", ()), *postings]
        return {
            "customer": names.of(
                "customer", (getattr(record, key, None) for key in ("customer_id", "parent_id"))
            ),
            "billing_cycle": names.of("billing_cycle", [getattr(record, "billing_cycle_id", None)]),
            "credit_memo": names.of("credit_memo", [getattr(record, "credit_memo_id", None)]),
            "charge": names.of("charge", (line.charge_id for line in lines)),
            "invoice": names.of("invoice", (row.invoice_id for row in getattr(record, "applied", ()))),
        }
