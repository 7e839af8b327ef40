"""The delivery as pages: what QuickBooks has otherwise than it was sent, and each beside what was found."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config

from hub.books.changes import side_by_side
from hub.books.delivery import Delivery
from hub.books.differences import EVERYTHING, Cause, Differences
from hub.books.links import Links
from hub.books.proof import DIFFERING, Places
from hub.books.subjects import labels
from hub.exporters import exporter_for, rules_for
from hub.ledger.contract import POSTED
from hub.qbwc.desk import STUCK, Desk
from hub.security import Permission
from hub.tenants.models import Mode
from hub.views.page import whole
from hub.views.span import SpanPage

PAGE = 50
KINDS = (*POSTED, "journal_entry")


class DeliveryOfTenant(SpanPage):
    """What both pages share."""

    @property
    def is_classed(self) -> bool:
        """Whether QuickBooks tracks classes."""
        return bool(self.connection.company.get("class_tracking"))


@view_config(
    route_name="proof_delivery",
    renderer="hub:templates/proof_delivery.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class DeliveryPage(DeliveryOfTenant):
    """What QuickBooks has otherwise than it was sent, journal entries first."""

    def __call__(self) -> dict[str, Any]:
        skip = min(self.before(), 10**9)
        delivery = Delivery(self.db, self.connection)
        rows: list[Any] = list(delivery.page_of_entries(skip, PAGE + 1))
        left = PAGE + 1 - len(rows)
        if left > 0:
            before = max(skip - delivery.entries_off(), 0)
            rows += self._documents().undelivered(DIFFERING, before, left)
        subjects = [row.subject for row in rows[:PAGE]]
        return {
            "rows": rows[:PAGE],
            "labels": labels(self.db, subjects),
            "operations": Desk(self.db, self.connection).of(subjects),
            "STUCK": STUCK,
            "Cause": Cause,
            "is_classed": self.is_classed and Mode.FULL in self.modes,
            "query": self.query(),
            "extra": self.query().removeprefix("?"),
            "next": skip + PAGE if len(rows) > PAGE else 0,
            "before": skip,
        }

    def _documents(self) -> Differences:
        rules = rules_for(self.db, self.tenant, self.connection)
        return Differences(self.db, self.connection, rules, EVERYTHING, thorough=True)


@view_config(
    route_name="proof_delivered",
    renderer="hub:templates/proof_delivered.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class DeliveredPage(DeliveryOfTenant):
    """One entry or document: what was sent beside what QuickBooks has."""

    def __call__(self) -> dict[str, Any]:
        kind, id_ = self.request.matchdict["kind"].replace("-", "_"), whole(self.request.matchdict["id"])
        if kind not in KINDS:
            raise HTTPNotFound
        subject = f"{kind}:{id_}"
        places = Places(self.db, exporter_for(self.db, self.tenant, self.connection).account)
        sheet = Delivery(self.db, self.connection).sheet(subject, places.name)
        if sheet is None:
            raise HTTPNotFound("It was never sent.")
        link = Links(self.db, self.connection).of([subject]).get(subject)
        return {
            "label": labels(self.db, [subject])[subject],
            "sheet": sheet,
            "with_classes": any(line.class_name for line in sheet.lines),
            "is_classed": self.is_classed and kind != "journal_entry",
            "differences": side_by_side(link) if link else [],
            "operation": Desk(self.db, self.connection).of([subject]).get(subject),
            "STUCK": STUCK,
            "query": self.query(),
        }
