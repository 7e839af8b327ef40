"""What a person decides about records: whether they go to QuickBooks, and whose version counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, func, select, union_all, update

from hub.books import changes
from hub.books.changes import Changes
from hub.books.customer_currency import CustomerCurrency
from hub.books.links import Links
from hub.books.models import Connection, JournalEntry, Link
from hub.db import HubSession, among
from hub.errors import Refused
from hub.exporters.contract import MISSING, Errand
from hub.ledger import records
from hub.ledger.models import (
    CreditMemo,
    CreditMemoApplied,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentApplied,
    Refund,
)
from hub.qbwc import desk
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox

WAITING = (State.QUEUED, State.HELD, State.FAILED)
KEPT = "QuickBooks' version is kept."
_BILLED: tuple[tuple[str, type[Any]], ...] = (
    ("invoice", Invoice),
    ("credit_memo", CreditMemo),
    ("payment", Payment),
    ("refund", Refund),
)


class Rulings:
    """One person's decisions about one connection's records."""

    def __init__(self, db: HubSession, connection: Connection, actor: str):
        self._db = db
        self._connection = connection
        self._actor = actor

    def chosen(self, ids: Sequence[int]) -> Sequence[Operation]:
        """Return the operations of ``ids``, those that this connection has, and keep others from them.

        :raises Refused: when they are more than ``MOST``.
        """
        if len(ids) > desk.MOST:
            raise Refused(f"Tick at most {desk.MOST:,} records at a time.")
        mine = Operation.connection_id == self._connection.id, among(Operation.id, ids)
        # In the order in which the Web Connector's calls lock them.
        query = select(Operation).where(*mine).order_by(Operation.rank, Operation.id)
        return self._db.scalars(query.with_for_update()).all()

    def dependants(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Return the operations besides ``operations`` that wait, or would, for their records."""
        named = _by_kind(operations)
        parts = [query for kind, ids in named.items() for query in _dependants(kind, ids)]
        if not parts:
            return []
        # Two statements: joined, they could be looked up anew for each of all that waits.
        subjects = self._db.scalars(union_all(*parts)).all()
        query = select(Operation).where(
            Operation.connection_id == self._connection.id,
            among(Operation.subject, subjects),
            Operation.state.in_(WAITING),
            ~among(Operation.id, [one.id for one in operations]),
        )
        return self._db.scalars(query.order_by(Operation.rank, Operation.id)).all()

    def exclude(self, operation: Operation, with_dependants: bool) -> int:
        """Keep a record from QuickBooks, whatever becomes of it, until it is included again; return how
        many were excluded.

        :raises Refused: when it is on its way, or there already.
        """
        if operation.state is State.EXCLUDED:
            return 0
        if operation.state not in WAITING:
            raise Refused(f"It is “{operation.state.label}”, so it cannot be excluded.")
        return self.exclude_all([operation], with_dependants)

    def exclude_all(self, waiting: Sequence[Operation], with_dependants: bool) -> int:
        """Exclude operations that wait as one is excluded; return how many were, with what depends on
        them."""
        along = self.dependants(waiting) if with_dependants else ()
        note = f"{self._actor} has excluded it from QuickBooks."
        values = {"state": State.EXCLUDED, "code": None, "question": None, "note": note}
        ids = [one.id for one in (*waiting, *along)]
        # What depends on them may be on its way by now.
        still = among(Operation.id, ids) & Operation.state.in_(WAITING)
        put = update(Operation).where(still).values(values).returning(Operation.id)
        return len(self._db.scalars(put).all())

    def include(self, operation: Operation, outbox: Outbox) -> None:
        """Let a record that was excluded go again; what cannot go is held at once.

        :raises Refused: when it is not excluded.
        """
        if operation.state is not State.EXCLUDED:
            raise Refused(f"It is “{operation.state.label}”, so there is nothing to include again.")
        self.include_all([operation], outbox)

    def include_all(self, excluded: Sequence[Operation], outbox: Outbox) -> None:
        """Let operations that are excluded go again as one is."""
        links = Links(self._db, self._connection).of(one.subject for one in excluded)
        gone = [one.id for one in excluded if one.subject in links and links[one.subject].missing]
        going = [one for one in excluded if one.id not in gone]
        # What was deleted there is looked for before it is made anew.
        self._set(gone, state=State.FAILED, note=MISSING)
        self._set([one.id for one in going], state=State.QUEUED, note="")
        outbox.put([Errand(one.subject, one.rank) for one in going] + self._recorded(going, outbox))
        ids = [one.id for one in going]
        self._db.scalars(
            select(Operation).where(among(Operation.id, ids)),
            execution_options={"populate_existing": True},
        ).all()

    def _set(self, ids: Sequence[int], **values: Any) -> None:
        self._db.execute(update(Operation).where(among(Operation.id, ids)).values(**values))

    def _recorded(self, operations: Sequence[Operation], outbox: Outbox) -> list[Errand]:
        """Let the mode in force take records that were left out meanwhile: it may have been another then."""
        errands: list[Errand] = []
        for kind, ids in _by_kind(operations).items():
            if model := records.MODELS.get(kind):
                found = self._db.scalars(select(model).where(among(model.id, ids))).all()
                errands += outbox.exporter.recorded(kind, found)
        return errands

    def link(self, operation: Operation) -> Link | None:
        """Return the link of the record, where it is in QuickBooks."""
        link = Links(self._db, self._connection).of([operation.subject]).get(operation.subject)
        return link if link is not None and not (link.missing or link.voided) else None

    def keep(self, operation: Operation) -> None:
        """Let QuickBooks' version of a record stand: what the billing says counts as carried.

        :raises Refused: when QuickBooks has none, or nothing waits for a decision.
        """
        link = self.link(operation)
        if link is None or operation.state not in WAITING:
            raise Refused("There is no version in QuickBooks to keep.")
        is_past = changes.is_past(link.subject)
        Changes.keep(link, link.version if is_past else self._version(link.subject))
        operation.state, operation.note, operation.code = State.DONE, KEPT, None
        self._db.flush()

    def _version(self, subject: str) -> int:
        kind, _, id_ = subject.partition(":")
        model: Any = JournalEntry if kind == "journal_entry" else records.MODELS[kind]
        return int(self._db.get_one(model, int(id_)).version)


def _by_kind(operations: Iterable[Operation]) -> dict[str, list[int]]:
    """Return the ids of the operations' records, by kind."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in operations:
        kind, _, id_ = one.subject.partition(":")
        found[kind].append(int(id_))
    return found


def _dependants(kind: str, ids: Sequence[int]) -> Iterator[Select[tuple[str]]]:
    """Yield what selects the subjects that depend on records of a kind."""
    if kind == "customer":
        for name, model in _BILLED:
            yield _subjects(name, model.id).where(among(model.customer_id, ids))
    elif kind == "customer_currency":
        own = CustomerCurrency
        for name, model in _BILLED:
            is_theirs = (own.customer_id == model.customer_id) & (own.currency == model.currency)
            yield _subjects(name, model.id).join(own, is_theirs).where(among(own.id, ids))
    elif kind == "charge":
        yield _subjects("invoice", InvoiceLine.invoice_id).where(among(InvoiceLine.charge_id, ids))
    elif kind == "invoice":
        paid = _subjects("payment", PaymentApplied.payment_id)
        yield paid.where(among(PaymentApplied.invoice_id, ids))
        yield _subjects("credits", Invoice.id).where(among(Invoice.id, ids))
    elif kind == "credit_memo":
        yield _subjects("refund", Refund.id).where(among(Refund.credit_memo_id, ids))
        used = _subjects("credits", CreditMemoApplied.invoice_id)
        yield used.where(among(CreditMemoApplied.credit_memo_id, ids))


def _subjects(kind: str, id_: Any) -> Select[tuple[str]]:
    return select(func.concat(f"{kind}:", id_))
