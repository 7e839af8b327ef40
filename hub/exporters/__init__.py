"""The two ways billing reaches QuickBooks, behind one contract."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.books.by_customer import ByCustomer
from hub.books.connections import main_connection
from hub.books.differences import EVERYTHING, Rules, Span
from hub.books.models import Connection
from hub.books.proof import Places, Proof, prove
from hub.db import HubSession
from hub.exporters.contract import Exporter, books_closed
from hub.exporters.succession import FullInForce, SummaryInForce
from hub.tenants.models import Mode, Tenant
from hub.tenants.policies import policy_of

_BY_MODE: dict[Mode, type[SummaryInForce] | type[FullInForce]] = {
    Mode.SUMMARY: SummaryInForce,
    Mode.FULL: FullInForce,
}


def exporter_for(db: Session, tenant: Tenant, connection: Connection) -> Exporter:
    """Return the exporter of the tenant's mode; nothing outside asks for the mode again."""
    return _BY_MODE[tenant.mode](db, connection)


def proof_for(
    db: HubSession,
    tenant: Tenant,
    span: Span = EVERYTHING,
    thorough: bool = False,
) -> Proof:
    """Return the tenant's proof: billed, booked, and every cent of difference by its cause."""
    connection = main_connection(db, tenant)
    resolve = exporter_for(db, tenant, connection).account
    return prove(db, connection, resolve, rules_for(db, tenant, connection), span, thorough)


def rules_for(db: Session, tenant: Tenant, connection: Connection) -> Rules:
    """Return what of the tenant's choices decides on the cause of a difference."""
    policy = policy_of(db)
    gathers = tenant.mode is Mode.SUMMARY
    return Rules(gathers, books_closed(connection, policy), policy.cutover, policy.rounding_limit)


def customers_for(db: HubSession, tenant: Tenant, span: Span = EVERYTHING) -> ByCustomer:
    """Return the tenant's proof customer by customer."""
    connection = main_connection(db, tenant)
    places = Places(db, exporter_for(db, tenant, connection).account)
    rules = rules_for(db, tenant, connection)
    return ByCustomer(db, connection, rules, span, places.receivables())
