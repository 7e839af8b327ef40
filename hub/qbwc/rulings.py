"""What a person decides about one record: whether it goes to QuickBooks, and whose version counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from hub.books import changes
from hub.books.changes import Changes
from hub.books.customer_currency import CustomerCurrency
from hub.books.links import Links
from hub.books.models import Connection, JournalEntry, Link
from hub.db import HubSession, among
from hub.errors import Refused
from hub.exporters.contract import Errand
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

    def dependants(self, operation: Operation) -> Sequence[Operation]:
        """Return the operations that wait, or would, for the record of ``operation``."""
        subjects = list(self._dependants(operation.subject))
        if not subjects:
            return []
        query = select(Operation).where(
            Operation.connection_id == self._connection.id,
            among(Operation.subject, subjects),
            Operation.state.in_(WAITING),
        )
        return self._db.scalars(query.order_by(Operation.rank, Operation.id)).all()

    def _dependants(self, subject: str) -> Iterator[str]:
        kind, _, text = subject.partition(":")
        id_ = int(text)
        if kind == "customer":
            for name, model in _BILLED:
                query = select(model.id).where(model.customer_id == id_)
                yield from (f"{name}:{one}" for one in self._db.scalars(query))
        elif kind == "customer_currency":
            own = self._db.get_one(CustomerCurrency, id_)
            for name, model in _BILLED:
                query = select(model.id).where(
                    model.customer_id == own.customer_id, model.currency == own.currency
                )
                yield from (f"{name}:{one}" for one in self._db.scalars(query))
        elif kind == "charge":
            billed = select(InvoiceLine.invoice_id).where(InvoiceLine.charge_id == id_).distinct()
            yield from (f"invoice:{one}" for one in self._db.scalars(billed))
        elif kind == "invoice":
            paid = select(PaymentApplied.payment_id).where(PaymentApplied.invoice_id == id_)
            yield from (f"payment:{one}" for one in self._db.scalars(paid.distinct()))
            yield f"credits:{id_}"
        elif kind == "credit_memo":
            refunded = select(Refund.id).where(Refund.credit_memo_id == id_)
            yield from (f"refund:{one}" for one in self._db.scalars(refunded))
            used = select(CreditMemoApplied.invoice_id).where(CreditMemoApplied.credit_memo_id == id_)
            yield from (f"credits:{one}" for one in self._db.scalars(used))

    def exclude(self, operation: Operation, with_dependants: bool) -> int:
        """Keep a record from QuickBooks, whatever becomes of it, until it is included again; return how
        many were excluded.

        :raises Refused: when it is on its way, or there already.
        """
        if operation.state is State.EXCLUDED:
            return 0
        if operation.state not in WAITING:
            raise Refused(f"It is “{operation.state.label}”, so it cannot be excluded.")
        chosen = [operation, *(self.dependants(operation) if with_dependants else ())]
        for one in chosen:
            one.state, one.code, one.question = State.EXCLUDED, None, None
            one.note = f"{self._actor} has excluded it from QuickBooks."
        self._db.flush()
        return len(chosen)

    def include(self, operation: Operation, outbox: Outbox) -> None:
        """Let a record that was excluded go again; what cannot go is held at once.

        :raises Refused: when it is not excluded.
        """
        if operation.state is not State.EXCLUDED:
            raise Refused(f"It is “{operation.state.label}”, so there is nothing to include again.")
        link = Links(self._db, self._connection).of([operation.subject]).get(operation.subject)
        if link is not None and link.missing:
            # It was deleted there, and is looked for before it is made anew.
            operation.state = State.FAILED
        else:
            operation.state, operation.note = State.QUEUED, ""
        self._db.flush()
        if operation.state is State.QUEUED:
            outbox.put([Errand(operation.subject, operation.rank), *self._recorded(operation, outbox)])
            self._db.refresh(operation)

    def _recorded(self, operation: Operation, outbox: Outbox) -> list[Errand]:
        """Let the mode in force take a record that was left out meanwhile: it may have been another then."""
        kind, _, id_ = operation.subject.partition(":")
        record = self._db.get(records.MODELS[kind], int(id_)) if kind in records.MODELS else None
        return outbox.exporter.recorded(kind, [record]) if record is not None else []

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
