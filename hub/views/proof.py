"""The home page: billed, booked, and every cent between them."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from hub.books.proof import Proof, Waiting
from hub.books.subjects import labels
from hub.exporters import proof_for
from hub.qbwc.desk import Desk
from hub.qbwc.models import State
from hub.qbwc.pulse import pulse
from hub.security import Permission
from hub.views.page import Page


@view_defaults(route_name="proof", renderer="hub:templates/proof.jinja2", permission=Permission.READ)
class ProofPage(Page):
    """Whether the books equal the bills, and what to do next."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        proof = proof_for(self.db, self.tenant)
        desk = Desk(self.db, self.connection)
        last = desk.last_session()
        steps = self._steps(proof)
        return {
            "proof": proof,
            "counts": desk.counts(),
            "State": State,
            "pulse": pulse(self.connection, last, self.now),
            "connection": self.connection,
            "waiting": self._waiting(desk, proof.waiting),
            "steps": steps,
            "next_step": next((step for step in steps if not step["done"]), None),
        }

    def _waiting(self, desk: Desk, waiting: list[Waiting]) -> list[dict[str, Any]]:
        subjects = [row.subject for row in waiting if row.subject]
        operations, named = desk.of(subjects), labels(self.db, subjects)
        return [
            {
                "label": named.get(row.subject),
                "operation": operations.get(row.subject),
                "records": row.records,
                "amount": row.amount,
                "currency": row.currency,
            }
            for row in waiting
        ]

    def _steps(self, proof: Proof) -> list[dict[str, Any]]:
        connection = self.connection
        steps = (
            (f"Level of detail: {self.tenant.mode.label}", True, "settings", "Choose"),
            ("QWC file made", connection.staff_id is not None, "qwc", "Download QWC file"),
            ("Web Connector seen", connection.last_seen is not None, "qwc", "Show the six steps"),
            (
                "Company file confirmed",
                connection.confirmed is not None,
                "connection",
                "Look and confirm",
            ),
            (
                "Lists imported from QuickBooks",
                connection.imported is not None,
                "qwc",
                "Run the Web Connector",
            ),
            ("First booking", any(row.booked for row in proof.rows), "queue", "See what is ready"),
        )
        return [
            {"title": title, "done": done, "route": route, "button": button}
            for title, done, route, button in steps
        ]
