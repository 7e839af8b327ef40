"""The two ways billing reaches QuickBooks, behind one contract."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.books.connections import main_connection
from hub.books.models import Connection
from hub.books.proof import Proof, prove
from hub.db import HubSession
from hub.exporters.contract import Exporter
from hub.exporters.full import FullExporter
from hub.exporters.summary import SummaryExporter
from hub.tenants.models import Mode, Tenant

_BY_MODE: dict[Mode, type[SummaryExporter] | type[FullExporter]] = {
    Mode.SUMMARY: SummaryExporter,
    Mode.FULL: FullExporter,
}


def exporter_for(db: Session, tenant: Tenant, connection: Connection) -> Exporter:
    """Return the exporter of the tenant's mode; nothing outside asks for the mode again."""
    return _BY_MODE[tenant.mode](db, connection)


def proof_for(db: HubSession, tenant: Tenant) -> Proof:
    """Return the tenant's proof: billed, booked, and the difference."""
    connection = main_connection(db, tenant)
    return prove(db, connection, exporter_for(db, tenant, connection).account)
