"""What became of records in QuickBooks, settled from its answers."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from hub.books import booked, contents, stamps
from hub.books.currencies import currencies
from hub.books.models import BookedLine, Connection, Link
from hub.db import among
from hub.ledger.contract import POSTED
from hub.qbwc.qbxml import Element

log = logging.getLogger(__name__)

STALE = "stale"
"""The fingerprint of what QuickBooks holds in a version that is not the record's."""


@dataclass(frozen=True)
class Booking:
    """One record that QuickBooks has booked: what was sent and what came back."""

    subject: str
    kind: str
    """The request: ``InvoiceAdd``."""
    version: int
    fingerprint: str
    ret: Element | None


class Adopted(NamedTuple):
    """A record, and the object that QuickBooks had of it before the hub."""

    subject: str
    object: str
    object_id: str
    edit_sequence: str
    version: int


class Listed(NamedTuple):
    """Where a customer is in QuickBooks: as much of its link as those ask who stand under it."""

    list_id: str
    is_voided: bool
    is_missing: bool


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
        query = select(Link).where(
            Link.connection_id == self._connection.id, among(Link.subject, wanted)
        )
        return {link.subject: link for link in self._db.scalars(query)}

    def listed(self, subjects: Iterable[str]) -> dict[str, Listed]:
        """Return where the customers with these subjects are, those that have a link."""
        wanted = list(subjects)
        if not wanted:
            return {}
        query = select(Link.subject, Link.object_id, Link.voided, Link.missing).where(
            Link.connection_id == self._connection.id, among(Link.subject, wanted)
        )
        return {row[0]: Listed(row[1], row[2], row[3]) for row in self._db.execute(query)}

    def taken(self, object_ids: Iterable[str]) -> set[str]:
        """Return those of QuickBooks' ids that records are linked to."""
        wanted = list(object_ids)
        if not wanted:
            return set()
        query = select(Link.object_id).where(
            Link.connection_id == self._connection.id, among(Link.object_id, wanted), ~Link.missing
        )
        return set(self._db.scalars(query))

    def adopt(self, adopted: Sequence[Adopted]) -> None:
        """Link records to objects that QuickBooks had already."""
        if adopted:
            rows = json.dumps([one._asdict() for one in adopted])
            self._db.execute(_ADOPT, {"connection": self._connection.id, "rows": rows})

    def former(self, subjects: Iterable[str]) -> dict[str, list[Link]]:
        """Return the links of the documents whose place others have taken, oldest first, by the subject
        they stood for."""
        wanted = set(subjects)
        if not wanted:
            return {}
        query = select(Link).where(
            Link.connection_id == self._connection.id, among(Link.formerly, wanted), Link.formerly != ""
        )
        found: dict[str, list[Link]] = {}
        for link in self._db.scalars(query.order_by(Link.id)):
            found.setdefault(link.formerly, []).append(link)
        return found

    def supersede(self, link: Link) -> None:
        """Let another document take the place of this one, which keeps its link under a name of its
        own: ``superseded:7``."""
        link.formerly, link.subject = link.subject, f"superseded:{link.id}"
        # Another link takes its subject.
        self._db.flush()

    def outdate(self, subjects: Iterable[str]) -> None:
        """Let what these subjects are in QuickBooks be read again before anything is changed there."""
        wanted = set(subjects)
        if wanted:
            mine = Link.connection_id == self._connection.id
            ours = among(Link.subject, wanted) | among(Link.formerly, wanted)
            self._db.execute(update(Link).where(mine, ours).values(edit_sequence=""))

    def doubt(self, subjects: Iterable[str]) -> None:
        """A change of these may have been made or not: what they say when they are read again is
        nobody's edit."""
        wanted = list(subjects)
        if wanted:
            mine = Link.connection_id == self._connection.id, among(Link.subject, wanted)
            unsure = {"edit_sequence": "", "fingerprint": STALE, "content": {}}
            self._db.execute(update(Link).where(*mine).values(unsure))

    def refresh(self, read: Mapping[str, Element | None]) -> None:
        """Take over the EditSequence of objects that were read again; None: it is out of date."""
        for subject, link in self.of(read).items():
            ret = read[subject]
            link.edit_sequence = ret.get("EditSequence") if ret is not None else ""

    def book(self, bookings: Sequence[Booking]) -> None:
        """Settle what was booked: links, and what is on which account."""
        ended = [booking for booking in bookings if booking.kind in ("TxnDel", "TxnVoid")]
        kept = [booking for booking in bookings if booking not in ended and booking.ret is not None]
        if ended:
            self._end(ended)
        if kept:
            lines = [line for booking in kept for line in self._lines(booking)]
            added = [booking.subject for booking in kept if booking.kind.endswith("Add")]
            self._clear_lines([one.subject for one in kept if one.subject not in added])
            self._keep([_row(booking) for booking in kept], lines, added)

    def _end(self, ended: Sequence[Booking]) -> None:
        """What was voided or deleted puts nothing on any account. A deleted one may be added anew,
        so its record counts as not booked."""
        for kind in ("TxnVoid", "TxnDel"):
            versions = {
                booking.subject: booking.version if kind == "TxnVoid" else 0
                for booking in ended
                if booking.kind == kind
            }
            for link in self.of(versions).values():
                link.voided, link.edit_sequence, link.version = True, "", versions[link.subject]
                link.booked = dt.datetime.now(dt.UTC)
        self._clear_lines([booking.subject for booking in ended])
        self._unsettle([booking.subject for booking in ended])

    def lose(self, subjects: Sequence[str]) -> None:
        """QuickBooks no longer has these objects: their records count as not booked."""
        if not subjects:
            return
        mine = Link.connection_id == self._connection.id, among(Link.subject, subjects)
        self._db.execute(update(Link).where(*mine).values(missing=True, version=0))
        self._clear_lines(subjects)
        self._unsettle(subjects)

    def _unsettle(self, subjects: Sequence[str]) -> None:
        """What these paid, or took back, is open again: it is read before anything rests on it."""
        values = {"connection": self._connection.id, "subjects": list(subjects)}
        self._db.execute(_UNSETTLE, values)

    def forget(self, subjects: Sequence[str]) -> None:
        """QuickBooks was asked and has nothing of these records: they may be booked anew. What was a document
        of its own stays one, whatever mode is in force by then and whenever it is dated."""
        if not subjects:
            return
        mine = Link.connection_id == self._connection.id
        documents = {one for one in subjects if one.partition(":")[0] in POSTED}
        ended = {"voided": True, "missing": False, "version": 0, "edited": None, "found": None}
        self._db.execute(update(Link).where(mine, among(Link.subject, documents)).values(ended))
        others = set(subjects) - documents
        self._db.execute(delete(Link).where(mine, among(Link.subject, others)))
        stamps.erase(self._db, subjects)

    def _clear_lines(self, subjects: Sequence[str]) -> None:
        if not subjects:
            return
        mine = Link.connection_id == self._connection.id, among(Link.subject, subjects)
        self._db.execute(delete(BookedLine).where(BookedLine.link_id.in_(select(Link.id).where(*mine))))

    def _keep(
        self,
        rows: Sequence[Mapping[str, Any]],
        lines: Sequence[Mapping[str, Any]],
        added: Sequence[str],
    ) -> None:
        values = {
            "connection": self._connection.id,
            "unknown": booked.UNKNOWN,
            "rows": json.dumps(rows),
            "lines": json.dumps(lines),
            **stamps.followed(added),
        }
        self._db.execute(_KEEP, values)

    def rebook(self, rets: Mapping[str, Element]) -> None:
        """Put on each account what QuickBooks now says of objects that were changed there, by subject."""
        if rets:
            lines = [line for subject, ret in rets.items() for line in self._read(subject, ret)]
            self._clear_lines(list(rets))
            values = {"connection": self._connection.id, "unknown": booked.UNKNOWN}
            self._db.execute(_REBOOK, values | {"lines": json.dumps(lines)})

    def _currency(self, ret: Element) -> str:
        """Return the code of a transaction's currency; QuickBooks names none where it keeps only one. One
        that is in no list that was read keeps its name, and the proof shows it."""
        name = ret.get("CurrencyRef/FullName")
        if not name:
            return str(self._connection.company.get("currency", "USD"))
        return self._codes.get(name.casefold(), name)

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        known = currencies(self._db, self._connection)
        return {name.casefold(): code for code, name in known.items()}

    def _lines(self, booking: Booking) -> list[dict[str, Any]]:
        assert booking.ret is not None
        return self._read(booking.subject, booking.ret)

    def _read(self, subject: str, ret: Element) -> list[dict[str, Any]]:
        """Return what an object puts on each account; nothing where QuickBooks' answer cannot be
        read: it is booked all the same, and the proof shows the difference."""
        if not ret.get("TxnID"):
            return []
        try:
            head = {"subject": subject, "date": booked.day(ret).isoformat()}
            head["currency"] = self._currency(ret)
            return [{**head, **line._asdict(), "amount": str(line.amount)} for line in booked.lines(ret)]
        except (ValueError, ArithmeticError):
            log.exception("booked answer unreadable", extra={"subject": subject})
            return []


_UNSETTLE = text(
    """
    WITH gone AS (
        SELECT subject, content FROM link
        WHERE connection_id = :connection AND subject = ANY(:subjects)
    ), former AS (
        SELECT id, formerly FROM link
        WHERE connection_id = :connection AND formerly <> '' AND id IN (
            SELECT split_part(subject, ':', 2)::bigint FROM gone WHERE subject LIKE 'reversal:%')
    )
    UPDATE link SET edit_sequence = '' WHERE id IN (
        SELECT id FROM former
        UNION ALL
        SELECT current.id FROM former JOIN link current
            ON current.connection_id = :connection AND current.subject = former.formerly
        UNION ALL
        SELECT paid.id FROM gone, jsonb_object_keys(gone.content->'Applied') AS used(id)
        JOIN link paid ON paid.connection_id = :connection AND paid.object_id = used.id
    )
    """
)

_COLUMNS = (
    "subject",
    "object",
    "object_id",
    "edit_sequence",
    "number",
    "version",
    "fingerprint",
    "content",
    "balance",
)


def _row(booking: Booking) -> dict[str, Any]:
    ret = booking.ret
    assert ret is not None
    balance = contents.balance(ret)
    row = (
        booking.subject,
        booking.kind[:-3],
        ret.get("TxnID") or ret.get("ListID"),
        ret.get("EditSequence"),
        ret.get("RefNumber"),
        booking.version,
        booking.fingerprint,
        contents.content(ret) if ret.get("TxnID") else {},
        None if balance is None else str(balance),
    )
    return dict(zip(_COLUMNS, row, strict=True))


_ADOPT = text(
    """
    INSERT INTO link (
        connection_id, subject, object, object_id, edit_sequence, version, fingerprint, adopted, booked)
    SELECT :connection, v.subject, v.object, v.object_id, v.edit_sequence, v.version, '', true, now()
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
        subject text, object text, object_id text, edit_sequence text, version bigint)
    ON CONFLICT (tenant_id, connection_id, subject) DO UPDATE SET
        object_id = excluded.object_id, edit_sequence = excluded.edit_sequence,
        version = excluded.version, fingerprint = '', adopted = true, voided = false, missing = false,
        booked = excluded.booked
    """
)

_BOOK = """
    INSERT INTO booked_line (link_id, date, currency, account, amount)
    SELECT kept.id, v.date, v.currency, place.name, sum(v.amount)
    FROM jsonb_to_recordset(cast(:lines AS jsonb)) AS v(
        subject text, date date, currency text, account text, amount numeric, item_id text, item text,
        special text)
    JOIN {kept} kept ON kept.subject = v.subject {mine}
    LEFT JOIN LATERAL (
        SELECT e.account FROM list_entry e
        WHERE e.connection_id = :connection AND e.kind = 'item'
          AND (e.list_id = v.item_id OR v.item_id = '' AND lower(e.full_name) = lower(v.item))
        LIMIT 1
    ) item ON v.account = '' AND v.item_id || v.item <> ''
    LEFT JOIN LATERAL (
        SELECT e.full_name FROM list_entry e
        WHERE e.connection_id = :connection AND e.kind = 'account' AND e.special = v.special AND NOT e.gone
          AND v.special <> ''
        ORDER BY e.active DESC, e.full_name LIMIT 1
    ) special ON true,
    LATERAL (
        SELECT coalesce(special.full_name, nullif(v.account, ''), nullif(item.account, ''), :unknown) AS name
    ) place
    GROUP BY kept.id, v.date, v.currency, place.name
    HAVING sum(v.amount) <> 0
"""
_KEEP = text(
    f"""
    WITH kept AS (
        INSERT INTO link (connection_id, {", ".join(_COLUMNS)}, booked)
        SELECT :connection, {", ".join(_COLUMNS)}, now()
        FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
            subject text, object text, object_id text, edit_sequence text, number text, version bigint,
            fingerprint text, content jsonb, balance numeric)
        ON CONFLICT (tenant_id, connection_id, subject) DO UPDATE SET
            {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[1:])},
            voided = false, missing = false, booked = excluded.booked, edited = NULL, found = NULL
        RETURNING id, subject
    ), followed AS ({stamps.FOLLOW})
    {_BOOK.format(kept="kept", mine="")}
    """
)
"""Links, what is on their accounts, and the postings that turn an earlier one round."""
_REBOOK = text(_BOOK.format(kept="link", mine="AND kept.connection_id = :connection"))
