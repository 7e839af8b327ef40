"""The proof as pages: the landing page, what each cause holds, what stands on each account."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.books.differences import Cause, Differences, Span
from hub.books.evidence import Evidence
from hub.books.proof import Places, Proof
from hub.books.subjects import labels
from hub.exporters import exporter_for, proof_for, rules_for
from hub.qbwc.desk import Desk
from hub.qbwc.entries import Stand
from hub.qbwc.models import State
from hub.qbwc.pulse import pulse
from hub.security import Permission
from hub.views import proof_files
from hub.views.files import attached
from hub.views.journal import JournalOfTenant
from hub.views.page import Form
from hub.views.span import SpanPage

PAGE = 50


@view_defaults(route_name="proof", renderer="hub:templates/proof.jinja2", permission=Permission.READ)
class ProofPage(SpanPage, JournalOfTenant):
    """Whether the books equal the bills, and what to do next."""

    @view_config(request_method="GET")
    def show(self) -> Any:
        return self.within(self._shown)

    def _shown(self, span: Span) -> dict[str, Any]:
        proof = proof_for(self.db, self.tenant, span)
        desk = Desk(self.db, self.connection)
        waiting = self.entries.counts()[Stand.WAITING] if self.has_entries else 0
        steps = self._steps(proof, waiting)
        return {
            "proof": proof,
            "typed": self.typed,
            "query": self.query(),
            "counts": desk.counts(),
            "waiting": waiting,
            "State": State,
            "Cause": Cause,
            "pulse": pulse(self.connection, desk.last_session(), self.now),
            "connection": self.connection,
            "steps": steps,
            "next_step": next((step for step in steps if not step["done"]), None),
        }

    def _steps(self, proof: Proof, waiting: int) -> list[dict[str, Any]]:
        connection, booked = self.connection, proof.delivery.sent > 0
        steps = [
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
            ("First booking", booked, "queue", "See what is ready"),
        ]
        if waiting and not booked:
            steps.insert(-1, ("First journal entry approved", False, "journal", "Look and approve"))
        return [
            {"title": title, "done": done, "route": route, "button": button}
            for title, done, route, button in steps
        ]


@view_config(route_name="proof_file", request_method="GET", permission=Permission.READ)
class ProofFile(SpanPage):
    """The proof as a file: CSV or PDF. All that QuickBooks has is looked at for it."""

    def __call__(self) -> Response:
        wanted = self.request.matchdict["ending"]
        proof = proof_for(self.db, self.tenant, self.needed_span(), thorough=True)
        is_paper = wanted == "pdf"
        content = (
            proof_files.pdf(self.tenant, self.connection, proof) if is_paper else proof_files.csv(proof)
        )
        return attached(content, f"proof-{self.tenant.slug}-{proof.moment:%Y-%m-%d}.{wanted}")


@view_config(
    route_name="proof_cause",
    renderer="hub:templates/proof_cause.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class CausePage(SpanPage):
    """The entries and records that one cause of the difference holds."""

    def __call__(self) -> dict[str, Any]:
        cause, span, skip = self._cause(), self.needed_span(), min(self.before(), 10**9)
        rules = rules_for(self.db, self.tenant, self.connection)
        differences = Differences(self.db, self.connection, rules, span, thorough=cause in _HIDDEN)
        found = differences.carriers(cause, skip, PAGE + 1)
        subjects = [row.subject for row in found[:PAGE]]
        return {
            "cause": cause,
            "rows": found[:PAGE],
            "labels": labels(self.db, subjects),
            "operations": Desk(self.db, self.connection).of(subjects),
            "State": State,
            "query": self.query(),
            "extra": self.query().removeprefix("?"),
            "next": skip + PAGE if len(found) > PAGE else 0,
            "before": skip,
        }

    def _cause(self) -> Cause:
        try:
            return Cause(self.request.matchdict["cause"].replace("-", "_"))
        except ValueError:
            raise HTTPNotFound from None


_HIDDEN = {Cause.ROUNDING, Cause.OTHER_MONTH, Cause.UNEXPLAINED}
"""What shows only where all that QuickBooks has is looked at."""


@view_config(
    route_name="proof_account",
    renderer="hub:templates/proof_account.jinja2",
    request_method="GET",
    permission=Permission.READ,
)
class AccountPage(SpanPage):
    """One account: its months, and the postings that it is billed by."""

    def __call__(self) -> dict[str, Any]:
        given = Form(self.request.GET).typed("account", "currency")
        account, currency = (given[name].replace("\0", "") for name in ("account", "currency"))
        resolve = exporter_for(self.db, self.tenant, self.connection).account
        places = Places(self.db, resolve)
        evidence = Evidence(self.db, self.connection, places, account, currency or self.tenant.currency)
        postings, position = evidence.postings(self.needed_span(), self.before())
        entries = {f"journal_entry:{row.journal_entry_id}" for row in postings if row.journal_entry_id}
        records = {f"{row.kind}:{row.record_id}" for row in postings}
        query = self.query(account=account, currency=currency)
        return {
            "account": account,
            "currency": currency or self.tenant.currency,
            "months": evidence.months(),
            "postings": postings,
            "labels": labels(self.db, entries | records),
            "back": self.query(),
            "extra": query.removeprefix("?"),
            "next": position,
            "before": self.before(),
        }
