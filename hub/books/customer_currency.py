"""The currencies that customers are billed in besides their own.

QuickBooks keeps each customer in one currency for good. So a customer who is billed in a second one
is a second customer there, with a link of its own: ``customer_currency:7``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session

from hub.books.models import Connection
from hub.db import Base, Owned, among
from hub.ledger.models import to


class CustomerCurrency(Owned, Base):
    """One currency that a customer is billed in besides its own."""

    __tablename__ = "customer_currency"
    __table_args__ = (
        UniqueConstraint("tenant_id", "customer_id", "currency"),
        to("customer", "customer_id", ondelete="CASCADE"),
    )

    customer_id: Mapped[int]
    currency: Mapped[str]


class Billed(NamedTuple):
    """A customer as it is billed in one currency."""

    customer_id: int
    currency: str


def kept(db: Session, wanted: Iterable[Billed]) -> dict[Billed, str]:
    """Return the subject of each of these, which are kept from now on."""
    rows = [one._asdict() for one in sorted(set(wanted))]
    if not rows:
        return {}
    # Two who come at once make one row.
    db.execute(insert(CustomerCurrency).values(rows).on_conflict_do_nothing())
    query = select(CustomerCurrency).where(
        among(CustomerCurrency.customer_id, {row["customer_id"] for row in rows})
    )
    return {
        Billed(one.customer_id, one.currency): f"customer_currency:{one.id}" for one in db.scalars(query)
    }


def subjects_of(db: Session, customer_ids: Iterable[int]) -> list[str]:
    """Return the subjects of all other currencies of these customers."""
    mine = among(CustomerCurrency.customer_id, customer_ids)
    query = select(CustomerCurrency.id).where(mine).order_by(CustomerCurrency.id)
    return [f"customer_currency:{id_}" for id_ in db.scalars(query)]


def kept_in(db: Session, connection: Connection, customer_ids: Iterable[int]) -> dict[int, str]:
    """Return the currency in which QuickBooks keeps each of these customers, as far as they are linked:
    there it stays, whatever a customer's record says later."""
    values = {
        "connection": connection.id,
        "home": connection.company.get("currency", "USD"),
        "subjects": [f"customer:{id_}" for id_ in customer_ids],
    }
    return {row.id: row.currency for row in db.execute(_KEPT_IN, values)}


_KEPT_IN = text(
    """
    SELECT split_part(l.subject, ':', 2)::bigint AS id, coalesce(c.number, :home) AS currency
    FROM link l
    JOIN list_entry e ON e.connection_id = :connection AND e.kind = 'customer' AND e.list_id = l.object_id
    LEFT JOIN list_entry c
        ON c.connection_id = :connection AND c.kind = 'currency' AND c.full_name = e.currency
    WHERE l.connection_id = :connection AND l.subject = ANY(:subjects)
    """
)
