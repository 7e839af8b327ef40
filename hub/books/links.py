"""What became of records in QuickBooks, settled from its answers."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.books import booked
from hub.books.chart import Chart
from hub.books.models import BookedLine, Connection, Link
from hub.qbwc.qbxml import Element

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Booking:
    """One record that QuickBooks has booked: what was sent and what came back."""

    subject: str
    kind: str
    """The request: ``InvoiceAdd``."""
    version: int
    fingerprint: str
    ret: Element | None


class Links:
    """The links of one connection."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection

    def of(self, subjects: Iterable[str]) -> dict[str, Link]:
        """Return the links of these subjects, those that have one."""
        wanted = set(subjects)
        if not wanted:
            return {}
        query = select(Link).where(Link.connection_id == self._connection.id, Link.subject.in_(wanted))
        return {link.subject: link for link in self._db.scalars(query)}

    def taken(self, object_ids: Iterable[str]) -> set[str]:
        """Return those of QuickBooks' ids that records are linked to."""
        wanted = list(object_ids)
        if not wanted:
            return set()
        query = select(Link.object_id).where(
            Link.connection_id == self._connection.id, Link.object_id.in_(wanted)
        )
        return set(self._db.scalars(query))

    def adopt(
        self, subject: str, object_: str, object_id: str, edit_sequence: str, version: int
    ) -> None:
        """Link a record to an object that QuickBooks had already."""
        self._upsert(
            [self._row(subject, object_, object_id, edit_sequence, "", version, fingerprint="")]
        )

    def refresh(self, read: Mapping[str, Element | None]) -> None:
        """Take over the EditSequence of objects that were read again; None: it is out of date."""
        for subject, link in self.of(read).items():
            ret = read[subject]
            link.edit_sequence = ret.get("EditSequence") if ret is not None else ""

    def book(self, bookings: Sequence[Booking]) -> None:
        """Settle what was booked: links, what is on which account, and where postings went."""
        deleted = [booking.subject for booking in bookings if booking.kind == "TxnDel"]
        voided = [booking.subject for booking in bookings if booking.kind == "TxnVoid"]
        kept = [booking for booking in bookings if booking.kind not in ("TxnDel", "TxnVoid")]
        if deleted:
            self._db.execute(self._mine(delete(Link), deleted))
        if voided:
            versions = {booking.subject: booking.version for booking in bookings}
            for link in self.of(voided).values():
                link.voided = True
                link.version = versions[link.subject]
            self._clear_lines(voided)
        if kept:
            self._keep(kept)

    def _mine(self, statement: Any, subjects: Sequence[str]) -> Any:
        return statement.where(Link.connection_id == self._connection.id, Link.subject.in_(subjects))

    def _clear_lines(self, subjects: Sequence[str]) -> None:
        links = self._mine(select(Link.id), subjects)
        self._db.execute(delete(BookedLine).where(BookedLine.link_id.in_(links)))

    def _keep(self, bookings: Sequence[Booking]) -> None:
        rows = [
            self._row(
                booking.subject,
                booking.kind[:-3],
                booking.ret.get("TxnID") or booking.ret.get("ListID"),
                booking.ret.get("EditSequence"),
                booking.ret.get("RefNumber"),
                booking.version,
                booking.fingerprint,
            )
            for booking in bookings
            if booking.ret is not None
        ]
        ids = self._upsert(rows)
        changed = [booking.subject for booking in bookings if booking.kind.endswith("Mod")]
        if changed:
            self._clear_lines(changed)
        self._add_lines(bookings, ids)

    def _row(
        self,
        subject: str,
        object_: str,
        object_id: str,
        edit_sequence: str,
        number: str,
        version: int,
        fingerprint: str,
    ) -> dict[str, Any]:
        return {
            "connection_id": self._connection.id,
            "subject": subject,
            "object": object_,
            "object_id": object_id,
            "edit_sequence": edit_sequence,
            "number": number,
            "version": version,
            "fingerprint": fingerprint,
            "voided": False,
            "booked": dt.datetime.now(dt.UTC),
        }

    def _upsert(self, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
        if not rows:
            return {}
        statement = insert(Link).values(list(rows))
        fresh = {
            name: statement.excluded[name]
            for name in rows[0]
            if name not in ("connection_id", "subject")
        }
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "connection_id", "subject"], set_=fresh
        )
        returned = self._db.execute(statement.returning(Link.subject, Link.id))
        return {row.subject: row.id for row in returned}

    def _add_lines(self, bookings: Sequence[Booking], ids: dict[str, int]) -> None:
        transactions = [
            booking for booking in bookings if booking.ret is not None and booking.ret.get("TxnID")
        ]
        if not transactions:
            return
        chart = Chart(self._db, self._connection)
        rows = [
            {"link_id": ids[booking.subject], **line}
            for booking in transactions
            for line in self._lines(booking, chart)
        ]
        if rows:
            self._db.execute(insert(BookedLine), rows)

    def _lines(self, booking: Booking, chart: Chart) -> list[dict[str, Any]]:
        """Return what one booking puts on each account; nothing where QuickBooks' answer cannot be
        read: it is booked all the same, and the proof shows the difference."""
        ret = booking.ret
        assert ret is not None
        try:
            head = {"date": booked.day(ret), "currency": currency(ret, self._connection)}
            return [
                {**head, "account": account, "amount": amount}
                for account, amount in booked.lines(ret, chart).items()
            ]
        except (ValueError, ArithmeticError):
            log.exception("booked answer unreadable", extra={"subject": booking.subject})
            return []


def currency(ret: Element, connection: Connection) -> str:
    """Return the currency of a transaction; QuickBooks names none where it keeps only one."""
    return ret.get("CurrencyRef/Code") or str(connection.company.get("currency", "USD"))
