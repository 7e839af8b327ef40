"""Where a journal entry comes from: the postings behind each of its lines, and what of them has no
account yet."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from hub.books.chart import Objection
from hub.books.models import JournalEntry
from hub.exporters.summary import SummaryExporter
from hub.ledger.models import PlacedPosting, Purpose
from hub.ledger.register import LARGEST_ID

PAGE = 50


class Obstacle(NamedTuple):
    """Something that cannot be booked: why, and which choice would cure that."""

    sentence: str
    purpose: Purpose
    charge_id: int | None
    code: str


class Source(NamedTuple):
    """A part of one line: all that is booked for one purpose, charge and code."""

    purpose: Purpose
    charge_id: int | None
    code: str
    booked: str | None
    """The account that it was booked to before."""


class Sources:
    """The postings of one journal entry."""

    def __init__(self, db: Session, exporter: SummaryExporter, entry: JournalEntry):
        self._db = db
        self._exporter = exporter
        self._entry = entry
        self._own = PlacedPosting.journal_entry_id == entry.id

    def obstacles(self) -> list[Obstacle]:
        """Return what has no account, each sentence once."""
        found: dict[str, Obstacle] = {}
        for source in self._sources():
            sentence = self._place(source)[1]
            if sentence:
                obstacle = Obstacle(sentence, source.purpose, source.charge_id, source.code)
                found.setdefault(sentence, obstacle)
        return list(found.values())

    def of_line(
        self, account: str, class_name: str | None, charge_id: int | None, before: int = 0
    ) -> tuple[Sequence[PlacedPosting], int, Decimal, int]:
        """Return a page of the postings behind a line, the position to go on from (0 on the last
        page), their sum, and how many there are. An empty ``account`` stands for whatever has none."""
        places = {source: self._place(source)[0] for source in self._sources()}
        mine = [source for source, place in places.items() if place == account]
        codes = [(one.purpose, one.charge_id or 0, one.code) for one in mine if not one.booked]
        slot = tuple_(
            PlacedPosting.purpose, func.coalesce(PlacedPosting.charge_id, 0), PlacedPosting.code
        )
        none = PlacedPosting.id.is_(None)
        new = and_(PlacedPosting.account.is_(None), slot.in_(codes)) if codes else none
        which = [self._own, or_(PlacedPosting.account == account, new)]
        if class_name is not None:
            which.append(PlacedPosting.class_name == class_name)
        if charge_id:
            which.append(PlacedPosting.charge_id == charge_id)
        total = select(func.coalesce(func.sum(PlacedPosting.amount), 0), func.count()).where(*which)
        amount, many = self._db.execute(total).one()
        if before:
            which.append(PlacedPosting.id < min(before, LARGEST_ID))
        query = select(PlacedPosting).where(*which).order_by(PlacedPosting.id.desc()).limit(PAGE + 1)
        rows = self._db.scalars(query).all()
        return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else 0, amount, many

    def _sources(self) -> list[Source]:
        columns: tuple[Any, ...] = (
            PlacedPosting.purpose,
            PlacedPosting.charge_id,
            PlacedPosting.code,
            PlacedPosting.account,
        )
        return [Source(*row) for row in self._db.execute(select(*columns).where(self._own).distinct())]

    def _place(self, source: Source) -> tuple[str, str]:
        """Return the account of ``source``, or nothing and why it has none."""
        try:
            account = source.booked or self._exporter.account(
                source.purpose, source.charge_id, source.code, self._entry.currency
            )
            self._exporter.chart.booked_account(account)
        except Objection as error:
            return source.booked or "", str(error)
        return account, ""
