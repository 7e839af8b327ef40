"""Every address of the hub, and what it is about."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pyramid.config import Configurator

from hub.qbwc import soap
from hub.security import SupportContext, TenantContext
from hub.views.door import APIContext

YEAR = 365 * 24 * 3600


def includeme(config: Configurator) -> None:
    """Add all routes, area by area."""
    config.include("hub.views.layout")
    _open(config)
    _api(config)
    _tenant(config)
    config.add_route("tenants", "/tenants", factory=SupportContext)
    config.add_static_view("static/bootstrap", _bootstrap(), cache_max_age=YEAR)
    config.add_static_view("static", "hub:static", cache_max_age=3600)


def _bootstrap() -> str:
    """Return where the style sheets of Bootstrap lie: its package holds files alone and no module."""
    spec = find_spec("bootstrap")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise ModuleNotFoundError("Bootstrap's style sheets are not installed: run make install.")
    return str(Path(next(iter(places)), "css"))


def _open(config: Configurator) -> None:
    """What anybody may reach."""
    config.registry["soap"] = soap.application()
    config.add_route("qbwc", "/qbwc")
    config.add_route("healthz", "/healthz")
    config.add_route("home", "/")
    config.add_route("sign_in", "/sign-in")
    config.add_route("sign_out", "/sign-out")
    config.add_route("help", "/help")
    config.add_route("help_codes", "/help/codes")
    config.add_route("api_docs", "/api/docs")
    config.add_route("api_file", "/api/openapi.yaml")


def _api(config: Configurator) -> None:
    """The billing platform's door; a token names the tenant."""
    for name, pattern in (
        ("api_batches", "/batches"),
        ("api_accounts", "/accounts"),
        ("api_items", "/items"),
        ("api_close", "/billing-cycles/{external_id}/close"),
        ("api_records", "/{kind}"),
        ("api_record", "/{kind}/{external_id}"),
    ):
        config.add_route(name, f"/api/v1{pattern}", factory=APIContext)
    config.add_route("api_nowhere", "/api/v1/*rest", factory=APIContext)


def _tenant(config: Configurator) -> None:
    """A tenant's pages, for its own staff and the hub's support staff."""
    for name, pattern in (
        ("proof", ""),
        ("proof_file", r"/proof.{ending:csv|pdf}"),
        ("proof_account", "/proof/account"),
        ("proof_customers", "/proof/customers"),
        ("proof_customers_file", "/proof/customers.csv"),
        ("proof_customer", "/proof/customers/{id}"),
        ("proof_delivery", "/proof/delivery"),
        ("proof_delivered", "/proof/delivery/{kind}/{id}"),
        ("proof_cause", "/proof/{cause}"),
        ("settings", "/settings"),
        ("switch", "/settings/mode"),
        ("switch_file", "/settings/mode.csv"),
        ("cutover", "/settings/cut-over"),
        ("integration", "/integration"),
        ("accounts", "/settings/accounts"),
        ("account_new", "/settings/accounts/new"),
        ("policy", "/settings/journal-entries"),
        ("connection", "/connection"),
        ("company", "/connection/company"),
        ("pause", "/connection/pause"),
        ("interval", "/connection/interval"),
        ("qwc", "/qwc"),
        ("qwc_file", "/qwc/file"),
        ("qwc_email", "/qwc/email"),
        ("staff", "/staff"),
        ("member", "/staff/{id}"),
        ("tokens", "/tokens"),
        ("token", "/tokens/{id}"),
        ("audit", "/audit"),
        ("charges", "/charges"),
        ("charge", "/charges/{id}"),
        ("cycles", "/billing-cycles"),
        ("cycle_close", "/billing-cycles/{id}/close"),
        ("records", "/records/{kind}"),
        ("record", "/records/{kind}/{id}"),
        ("uploads", "/upload"),
        ("upload_template", "/upload/template/{kind}"),
        ("upload_errors", "/upload/errors"),
        ("journal", "/journal-entries"),
        ("journal_dry_run", "/journal-entries/dry-run"),
        ("journal_entry", "/journal-entries/{id}"),
        ("journal_undo", "/journal-entries/{id}/undo"),
        ("journal_line", "/journal-entries/{id}/line"),
        ("journal_file", r"/journal-entries/{id}/entry.{ending:csv|pdf}"),
        ("queue", "/queue"),
        ("operation", "/queue/{id}"),
        ("history", "/history"),
        ("session", "/history/{id}"),
        ("carried", "/history/{id}/records"),
        ("message", "/history/messages/{id}/{part}"),
        ("lists", "/lists/{kind}"),
        ("imports", "/imports"),
        ("matches", "/customer-matches"),
        ("full_policy", "/settings/full"),
        ("charge_item", "/charges/{id}/item"),
    ):
        config.add_route(name, f"/t/{{tenant}}{pattern}", factory=TenantContext)
