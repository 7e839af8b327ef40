"""The proof customer by customer, as pages and as CSV."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from hub.books.differences import Cause, Span
from hub.books.proof import DIFFERING
from hub.books.subjects import labels
from hub.exporters import customers_for
from hub.ledger.register import Register
from hub.qbwc.desk import Desk
from hub.security import Permission
from hub.views import proof_files
from hub.views.files import attached
from hub.views.page import whole
from hub.views.span import SpanPage, in_words

PAGE = 50


@view_config(
    route_name="proof_customers",
    renderer="hub:templates/proof_customers.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class CustomersPage(SpanPage):
    """Each customer: billed, paid, in QuickBooks, and the difference with its causes."""

    def __call__(self) -> dict[str, Any]:
        return self.within(self._shown)

    def _shown(self, span: Span) -> dict[str, Any]:
        words = self.request.GET.get("q", "").replace("\0", "").strip()[:100]
        skip = min(self.before(), 10**9)
        rows, totals = customers_for(self.db, self.tenant, span).page(words, skip, PAGE + 1)
        return {
            "rows": rows[:PAGE],
            "totals": totals,
            "words": words,
            "Cause": Cause,
            "months": in_words(span),
            "typed": self.typed,
            "query": self.query(),
            "extra": self.query(q=words).removeprefix("?"),
            "next": skip + PAGE if len(rows) > PAGE else 0,
            "before": skip,
        }


@view_config(route_name="proof_customers_file", request_method="GET", permission=Permission.READ)
class CustomersFile(SpanPage):
    """Every customer, as CSV."""

    def __call__(self) -> Response:
        rows, _ = customers_for(self.db, self.tenant, self.needed_span()).page()
        name = f"proof-by-customer-{self.tenant.slug}-{self.now:%Y-%m-%d}.csv"
        return attached(proof_files.customers(rows), name)


@view_config(
    route_name="proof_customer",
    renderer="hub:templates/proof_customer.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class CustomerPage(SpanPage):
    """One customer's documents, each with what QuickBooks has of it and why."""

    def __call__(self) -> dict[str, Any]:
        customer = Register(self.db, "customer").get(whole(self.request.matchdict["id"]))
        span, skip = self.needed_span(), min(self.before(), 10**9)
        found, totals = customers_for(self.db, self.tenant, span).documents(customer.id, skip, PAGE + 1)
        carriers = {row.carrier for row in found}
        return {
            "customer": customer,
            "rows": found[:PAGE],
            "totals": totals,
            "labels": labels(self.db, {f"{row.kind}:{row.record_id}" for row in found} | carriers),
            "with_entries": any(row.carrier.startswith("journal_entry:") for row in found),
            "operations": Desk(self.db, self.connection).of(carriers),
            "Cause": Cause,
            "DIFFERING": DIFFERING,
            "months": in_words(span),
            "query": self.query(),
            "next": skip + PAGE if len(found) > PAGE else 0,
            "before": skip,
        }
