"""The one way into the ledger, whichever door a record came through.

A batch is taken kind by kind (customers before invoices before payments), so its
lines may stand in any order, with a number of statements that does not grow with
its length. A record that comes twice in one batch is taken in as many rounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db import among
from hub.errors import Conflict, Fault, Refused
from hub.ledger import contract, family, postings, records
from hub.ledger.contract import KINDS, POSTED, Body
from hub.ledger.family import Family
from hub.ledger.models import Charge, Customer, Record
from hub.money import LIMIT, ZERO
from hub.tenants.models import Tenant

MOST_ROUNDING = Decimal("1.00")
"""A stated total that is further off from its lines and taxes is a mistake and no rounding."""


class Listener(Protocol):
    """Who must hear of a change in the same transaction, so that none is stored unannounced."""

    def recorded(self, kind: str, changed: Sequence[Any]) -> None:
        """``changed`` records of ``kind`` are new or have a new version."""


@dataclass
class Incoming:
    """One record at the door, and what becomes of it."""

    kind: str
    external_id: Any
    body: Any
    line: int = 0
    """Where it stood in its batch, from 1."""
    outcome: str = "refused"
    """``created``, ``updated``, ``unchanged`` or ``refused``."""
    faults: list[Fault] = field(default_factory=list)
    conflict: bool = False
    record: Any = None

    def refuse(self, pointer: str, sentence: str, conflict: bool = False) -> None:
        """Take nothing of it, and say why."""
        self.faults.append(Fault(pointer, sentence))
        self.conflict = self.conflict or conflict

    def error(self) -> Refused:
        """Return its refusal as an exception."""
        kind = Conflict if self.conflict else Refused
        return kind(f"The {self.kind.replace('_', ' ')} was not taken.", self.faults)


class Intake:
    """Takes records into one tenant's ledger."""

    def __init__(self, db: Session, tenant: Tenant, listener: Listener):
        self._db = db
        self._tenant = tenant
        self._listener = listener
        self._ids: dict[tuple[str, str], int] = {}

    def take_one(self, kind: str, external_id: str, body: Any) -> Incoming:
        """Take one record.

        :raises Conflict: when it is here in a newer version, or in the same with another body.
        :raises Refused: when it is wrong; the faults say where.
        """
        incoming = Incoming(kind, external_id, body)
        self.take([incoming])
        if incoming.faults:
            raise incoming.error()
        return incoming

    def take(self, batch: Sequence[Incoming]) -> None:
        """Take what is right of ``batch``; each of its records knows its outcome afterwards.

        Whether the rest may stay is for the caller to decide: roll back for all or nothing.
        """
        for incoming in batch:
            self._check(incoming)
        good = [incoming for incoming in batch if not incoming.faults]
        self._keep_parents(good)
        self._ids = self._known(good)
        for kind in KINDS:
            for round_ in _rounds(incoming for incoming in good if incoming.kind == kind):
                for generation in _generations(round_):
                    self._take_round(kind, generation)

    def _check(self, incoming: Incoming) -> None:
        if incoming.faults:
            # The door could not read it.
            return
        if fault := contract.external_id_fault(incoming.external_id):
            incoming.faults.append(fault)
        if incoming.kind not in KINDS:
            incoming.refuse("/kind", f"must be one of {', '.join(KINDS)}.")
            return
        incoming.faults.extend(contract.faults(incoming.kind, incoming.body))
        if not incoming.faults:
            incoming.body = records.normal(incoming.kind, incoming.body, self._tenant.currency)
            incoming.faults.extend(_nonsense(incoming.kind, incoming.body))
            if incoming.kind == "customer" and incoming.body.get("parent") == incoming.external_id:
                incoming.refuse("/parent", "is the customer itself; name another, or leave it out.")

    def _keep_parents(self, batch: Iterable[Incoming]) -> None:
        """Where customers have parents, let nobody change who stands below whom meanwhile, and lock all
        customers in one order, as generations come in another."""
        wanted = [one for one in batch if one.kind == "customer"]
        if not any("parent" in one.body for one in wanted):
            return
        family.keep(self._db)
        mine = among(Customer.external_id, {one.external_id for one in wanted})
        query = select(Customer.id).where(mine).order_by(Customer.external_id.collate("C"))
        self._db.execute(query.with_for_update())

    def _known(self, batch: Iterable[Incoming]) -> dict[tuple[str, str], int]:
        """Return the ids of all stored records that ``batch`` refers to."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for incoming in batch:
            for kind, external_id, _ in records.references(incoming.kind, incoming.body):
                wanted[kind].add(external_id)
        found = {}
        for kind, external_ids in wanted.items():
            model = records.MODELS[kind]
            query = select(model.external_id, model.id).where(among(model.external_id, external_ids))
            found.update({(kind, external_id): id_ for external_id, id_ in self._db.execute(query)})
        return found

    def _take_round(self, kind: str, batch: Sequence[Incoming]) -> None:
        model = records.MODELS[kind]
        wanted = [incoming.external_id for incoming in batch]
        query = select(model).where(among(model.external_id, wanted))
        query = query.order_by(model.external_id.collate("C")).with_for_update()
        stored = {record.external_id: record for record in self._db.scalars(query)}
        changed = []
        kin = self._family(batch, stored) if kind == "customer" else None
        for incoming in batch:
            self._refer(incoming)
            incoming.record = stored.get(incoming.external_id)
            is_news = not incoming.faults and self._is_news(incoming)
            if is_news and (not kin or self._is_placed(incoming, kin)):
                incoming.record = incoming.record or model(external_id=incoming.external_id)
                records.fill(incoming.record, kind, incoming.body, self._ids)
                changed.append(incoming.record)
        if changed:
            self._store(kind, changed)

    def _family(self, batch: Sequence[Incoming], stored: Mapping[str, Customer]) -> Family | None:
        """Return the family of customers some of which name a parent; nothing where none does."""
        named = {self._ids.get(("customer", one.body.get("parent", ""))) for one in batch} - {None}
        ids = {id_ for id_ in named if id_ is not None} | {one.id for one in stored.values()}
        return Family(self._db, ids) if named else None

    def _is_placed(self, incoming: Incoming, kin: Family) -> bool:
        """Whether a customer can be below its parent; else that is said."""
        customer: Customer | None = incoming.record
        parent_id = self._ids.get(("customer", incoming.body.get("parent", "")))
        sentence = kin.place(customer.id if customer else None, parent_id)
        if sentence:
            incoming.outcome = "refused"
            incoming.refuse("/parent", f"“{incoming.body['parent']}” {sentence}")
        return not sentence

    def _refer(self, incoming: Incoming) -> None:
        for kind, external_id, pointer in records.references(incoming.kind, incoming.body):
            if (kind, external_id) not in self._ids:
                noun = kind.replace("_", " ")
                incoming.refuse(pointer, f"there is no {noun} “{external_id}” yet; send it first.")

    def _is_news(self, incoming: Incoming) -> bool:
        """Whether the record is to be stored; else it is unchanged, or a conflict."""
        stored: Record | None = incoming.record
        version = incoming.body["version"]
        if stored is None or version > stored.version:
            incoming.outcome = "created" if stored is None else "updated"
            return True
        if version < stored.version:
            incoming.refuse(
                "/version", f"is older than {stored.version}, which is stored.", conflict=True
            )
        elif records.digest(incoming.body) != stored.digest:
            incoming.refuse(
                "/version",
                f"{version} is stored with another body; raise the version with every change.",
                conflict=True,
            )
        else:
            incoming.outcome = "unchanged"
        return False

    def _store(self, kind: str, changed: Sequence[Any]) -> None:
        self._db.add_all(changed)
        # The postings and those who refer to these records need their ids.
        self._db.flush()
        self._ids.update({(kind, record.external_id): record.id for record in changed})
        if kind in POSTED:
            postings.post(self._db, kind, changed, self._classes(changed))
        self._listener.recorded(kind, changed)

    def _classes(self, changed: Sequence[Any]) -> dict[int, str | None]:
        lines = [line for record in changed for line in getattr(record, "lines", ())]
        charges = {line.charge_id for line in lines} - {None}
        if not charges:
            return {}
        query = select(Charge.id, Charge.class_name).where(among(Charge.id, charges))
        return {charge.id: charge.class_name for charge in self._db.execute(query)}


def _rounds(batch: Iterable[Incoming]) -> Iterable[list[Incoming]]:
    """Split a batch so that no external id stands twice in a round.

    Each round is in the order of external ids, whatever the batch's own: two batches that are taken
    at once lock the same rows in the same order, and neither waits for the other in a circle.
    """
    waiting: dict[str, list[Incoming]] = defaultdict(list)
    for incoming in batch:
        waiting[incoming.external_id].append(incoming)
    depth = max((len(queue) for queue in waiting.values()), default=0)
    queues = [waiting[external_id] for external_id in sorted(waiting)]
    return [[queue[i] for queue in queues if i < len(queue)] for i in range(depth)]


def _generations(batch: Sequence[Incoming]) -> Iterable[list[Incoming]]:
    """Split a round so that parents come before those who name them; who stands in a circle, or below
    one, is refused."""
    left = list(batch)
    while left:
        waiting = {one.external_id for one in left}
        now = [one for one in left if one.body.get("parent") not in waiting]
        if not now:
            for one in left:
                one.refuse("/parent", "leads in a circle. Correct the parent of one in it.")
            return
        yield now
        left = [one for one in left if one.body.get("parent") in waiting]


def _nonsense(kind: str, body: Body) -> list[Fault]:
    """List what is well-formed and still cannot be: rules across fields."""
    found = []
    if kind == "billing_cycle" and body["starts"] > body["ends"]:
        found.append(Fault("/ends", f"is before the cycle starts ({body['starts']})."))
    if kind in ("invoice", "credit_memo"):
        total = records.total(body)
        if total < 0:
            other = "credit memo" if kind == "invoice" else "invoice"
            found.append(Fault("/lines", f"add up to {total}; send a {other} instead."))
        if total > LIMIT:
            found.append(Fault("/lines", f"add up to {total}, more than QuickBooks can hold."))
        if abs(total - records.added(body)) > MOST_ROUNDING:
            sentence = f"is {total}, and lines and taxes add up to {records.added(body)}."
            found.append(Fault("/total", sentence))
    is_chargeback = body.get("refund_kind") == "chargeback"
    if is_chargeback and "credit_memo" in body:
        found.append(Fault("/credit_memo", "is for a refund; a chargeback names the payment instead."))
    if kind == "refund" and "payment" in body and not is_chargeback:
        found.append(Fault("/payment", "is for a chargeback; a refund names the credit memo instead."))
    if "applied" in body:
        found.extend(_over_applied(kind, body))
    return found


def _over_applied(kind: str, body: Body) -> list[Fault]:
    total = Decimal(body["amount"]) if kind == "payment" else records.total(body)
    applied = sum((Decimal(row["amount"]) for row in body["applied"]), ZERO)
    invoices = [row["invoice"] for row in body["applied"]]
    found = []
    if applied > total:
        found.append(Fault("/applied", f"adds up to {applied}, more than the {total} there is."))
    for index, invoice in enumerate(invoices):
        if invoice in invoices[:index]:
            found.append(
                Fault(f"/applied/{index}/invoice", f"“{invoice}” is named twice; add the amounts.")
            )
    return found
