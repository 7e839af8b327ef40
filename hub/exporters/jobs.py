"""Jobs: customers below customers, ``Parent:Job``, where the tenant keeps its customers so.

A new customer goes below its parent, which goes first. Once it is in QuickBooks it stays where it is,
whatever its record or the setting says later: only people move customers there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal, select, text
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.links import Links
from hub.books.models import Connection, Link, ListEntry, ListKind
from hub.db import among
from hub.exporters.parents import Parents
from hub.ledger import family
from hub.ledger.models import Customer, Invoice, Payment, PaymentApplied
from hub.tenants.full_policy import Hierarchy


@dataclass(frozen=True)
class Above:
    """What a new customer is a job of."""

    list_id: str = ""
    full_name: str = ""
    obstacle: Objection | None = None
    """Why there is nothing yet that it could be below."""

    def path(self, name: str) -> str:
        """Return the full name of a job called ``name``; empty where that is not known yet."""
        return f"{self.full_name}:{name}" if self.full_name else ""


def places(
    db: Session, connection: Connection, customers: Iterable[Customer], parents: Parents
) -> Mapping[int, Above]:
    """Return where each of ``customers`` that has a parent belongs, by id; theirs are among ``parents``."""
    found: dict[int, str | Objection] = {}
    for one in customers:
        if one.parent_id is not None:
            try:
                found[one.id] = parents.customer(one)
            except Objection as error:
                found[one.id] = error
    ids = {one for one in found.values() if isinstance(one, str)}
    query = select(ListEntry.list_id, ListEntry.full_name).where(
        ListEntry.connection_id == connection.id,
        ListEntry.kind == ListKind.CUSTOMER,
        among(ListEntry.list_id, ids),
    )
    names = {row.list_id: row.full_name for row in db.execute(query)} if ids else {}
    return {
        id_: _above(one, names.get(one, "")) if isinstance(one, str) else Above(obstacle=one)
        for id_, one in found.items()
    }


def parents_of(db: Session, connection: Connection, jobs: Iterable[Customer]) -> Parents:
    """Return the parents of customers that are to be jobs."""
    records = {f"customer:{one.id}": one for one in jobs}
    several = connection if connection.company.get("multi_currency") else None
    links = Links(db, connection)
    return Parents(db, links, records, several, Owners(db, links, records).found)


def _above(list_id: str, full_name: str) -> Above:
    """Five levels of 41 letters are the 209 that a full name may have, so there is no other limit."""
    if not full_name:
        return Above(
            obstacle=Objection(
                "Waits for its parent, whose full name in QuickBooks comes with the next import of customers."
            )
        )
    if full_name.count(":") + 1 >= family.LEVELS:
        return Above(
            obstacle=Objection(
                f"Its parent is “{full_name}” in QuickBooks, the last of the {family.LEVELS} levels that "
                "QuickBooks keeps. Name a parent further up."
            )
        )
    return Above(list_id, full_name)


def misplaced(
    db: Session, connection: Connection, customer: Customer, link: Link, hierarchy: Hierarchy
) -> str:
    """Say where a customer stands in QuickBooks by its last import, where that is not below its parent;
    else nothing, and while not both are known."""
    if hierarchy is not Hierarchy.JOBS:
        return ""
    subjects = [f"customer:{customer.parent_id}"] if customer.parent_id else []
    above = Links(db, connection).of(subjects)
    ids = [link.object_id, *(one.object_id for one in above.values())]
    query = select(ListEntry.list_id, ListEntry.full_name).where(
        ListEntry.connection_id == connection.id,
        ListEntry.kind == ListKind.CUSTOMER,
        among(ListEntry.list_id, ids),
    )
    names = {row.list_id: row.full_name for row in db.execute(query)}
    if len(above) < len(subjects) or len(names) < len(ids):
        return ""
    below = names[link.object_id].rpartition(":")[0]
    wanted = "".join(names[one.object_id] for one in above.values())
    if below == wanted:
        return ""
    place = f"below “{below}”" if below else "at the top"
    right = f"below “{wanted}”" if wanted else "at the top"
    return (
        f"It stands {place} there, and in your billing {right}. Whoever is in QuickBooks stays where they are: "
        "move it in the Customer Center there, if you want it so."
    )


def children(db: Session, connection: Connection) -> Sequence[Customer]:
    """Return the customers that have a parent and are not in QuickBooks yet."""
    subject = literal("customer:").concat(Customer.id)
    linked = select(Link.id).where(Link.connection_id == connection.id, Link.subject == subject)
    query = select(Customer).where(Customer.parent_id.is_not(None), ~linked.exists())
    return db.scalars(query.order_by(Customer.id)).all()


def levels(db: Session, connection: Connection, ids: Collection[int]) -> Mapping[int, int]:
    """Return how many customers stand above each of these, and above each of those below them that are
    not in QuickBooks yet."""
    values = {"ids": list(ids), "connection": connection.id}
    return {row.id: row.level for row in db.execute(_LEVELS, values)}


class Owners:
    """On whose account records stand, where that is not the customer whom they name: a payment goes to
    the job whose invoices it pays, as QuickBooks takes it on no other, and a chargeback to where its
    payment is; and a customer that is not in QuickBooks yet stands below its parent."""

    def __init__(self, db: Session, links: Links, records: Mapping[str, Any]):
        self._db = db
        jobs = {
            subject: one.parent_id
            for subject, one in records.items()
            if subject.startswith("customer:") and one.parent_id is not None
        }
        linked = links.of(jobs)
        found = {subject: parent for subject, parent in jobs.items() if subject not in linked}
        taken_back = {
            subject: one.payment_id
            for subject, one in records.items()
            if subject.startswith("refund:") and one.payment_id is not None
        }
        paid = {one.id for subject, one in records.items() if subject.startswith("payment:")}
        self._divided: dict[int, list[int]] = {}
        payers = self._payers({*paid, *taken_back.values()})
        found |= {f"payment:{id_}": payer for id_, payer in payers.items()}
        found |= {subject: payers[id_] for subject, id_ in taken_back.items() if id_ in payers}
        self.found: Mapping[str, int] = found
        """Customers by the subject of what stands below or under them."""

    def _payers(self, payment_ids: Collection[int]) -> Mapping[int, int]:
        if not payment_ids:
            return {}
        query = (
            select(Payment.id, Payment.customer_id, Invoice.customer_id)
            .join(PaymentApplied, PaymentApplied.payment_id == Payment.id)
            .join(Invoice, Invoice.id == PaymentApplied.invoice_id)
            .where(among(Payment.id, payment_ids))
            .distinct()
        )
        billed: dict[tuple[int, int], list[int]] = defaultdict(list)
        for id_, named, owner in self._db.execute(query):
            billed[id_, named].append(owner)
        others = {one for (_, named), owners in billed.items() for one in owners if one != named}
        parents = family.parents(self._db, others) if others else {}
        found = {}
        for (id_, named), owners in billed.items():
            if not all(one == named or named in family.above(parents, one) for one in owners):
                # Another customer's invoice is said where it is looked up.
                continue
            if len(owners) > 1:
                self._divided[id_] = owners
            elif owners != [named]:
                found[id_] = owners[0]
        return found

    def check(self, payment: Payment) -> None:
        """See that a payment can be booked on one account.

        :raises Objection: when it pays invoices of several jobs.
        """
        if owners := self._divided.get(payment.id):
            query = select(Customer.name).where(among(Customer.id, owners)).order_by(Customer.name)
            names = [f"“{name}”" for name in self._db.scalars(query)]
            raise Objection(
                f"It pays invoices of {', '.join(names[:-1])} and {names[-1]}, and QuickBooks takes a "
                "payment for one customer or job. Send a payment for each."
            )


_LEVELS = text(
    """
    WITH RECURSIVE below AS (
        SELECT id, parent_id FROM customer WHERE id = ANY(:ids)
        UNION SELECT c.id, c.parent_id FROM customer c JOIN below b ON c.parent_id = b.id
        WHERE NOT EXISTS (
            SELECT FROM link l
            WHERE l.connection_id = :connection AND l.subject = 'customer:' || c.id)
    ), above AS (
        SELECT id, parent_id, 0 AS level FROM below
        UNION SELECT a.id, c.parent_id, a.level + 1 FROM above a JOIN customer c ON c.id = a.parent_id
    )
    SELECT id, max(level) AS level FROM above GROUP BY id
    """
)
