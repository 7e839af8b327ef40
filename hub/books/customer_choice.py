"""What people have decided about single customers: that they are to be added, and under which name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session

from hub.books.models import Connection
from hub.db import Base, Owned, among
from hub.ledger.models import to


class CustomerChoice(Owned, Base):
    """A customer that is none of those which QuickBooks has: it is added, and keeps this name there."""

    __tablename__ = "customer_choice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "customer_id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        to("customer", "customer_id", ondelete="CASCADE"),
    )

    connection_id: Mapped[int]
    customer_id: Mapped[int]
    name: Mapped[str]
    """Empty where it is called as the tenant's rule has it."""


def choices(db: Session, connection: Connection, customer_ids: Iterable[int]) -> dict[int, str]:
    """Return the chosen name of each customer that somebody has decided about."""
    query = select(CustomerChoice.customer_id, CustomerChoice.name).where(
        CustomerChoice.connection_id == connection.id, among(CustomerChoice.customer_id, customer_ids)
    )
    return {row.customer_id: row.name for row in db.execute(query)}


def choose(db: Session, connection: Connection, names: dict[int, str]) -> None:
    """Let these customers be added, each under its name; an earlier choice is replaced."""
    if not names:
        return
    rows = [
        {"connection_id": connection.id, "customer_id": customer_id, "name": name}
        for customer_id, name in names.items()
    ]
    statement = insert(CustomerChoice)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "connection_id", "customer_id"],
            set_={"name": statement.excluded.name},
        ),
        rows,
    )
