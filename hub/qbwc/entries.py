"""Journal entries as people look for them: by where they stand, with what they say and wait for.

What QuickBooks has is shown as it was sent; everything else as it would be sent now.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, exists, func, literal, or_, select

from hub.books.chart import SALES_TAX_PAYABLE, Objection
from hub.books.links import Links
from hub.books.models import BookedLine, Correction, JournalEntry, JournalEntryLine, Link, ListKind
from hub.db import HubSession
from hub.errors import NotFound
from hub.exporters.drafts import Draft, DraftLine
from hub.exporters.master_customers import master_customer
from hub.exporters.summary import SummaryExporter
from hub.ledger.models import BillingCycle
from hub.ledger.register import LARGEST_ID
from hub.qbwc.desk import Desk
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox

PAGE = 50


class Stand(enum.StrEnum):
    """Where a journal entry stands."""

    GATHERING = "gathering"
    WAITING = "waiting"
    UNDER_WAY = "under_way"
    BOOKED = "booked"
    UNDONE = "undone"

    @property
    def label(self) -> str:
        return {
            "gathering": "Gathering",
            "waiting": "Waits for approval",
            "under_way": "On its way",
            "booked": "Booked",
            "undone": "Undone",
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "gathering": "quiet",
            "waiting": "attention",
            "under_way": "busy",
            "booked": "good",
            "undone": "quiet",
        }[self.value]


@dataclass(frozen=True)
class Standing:
    """One journal entry: what it says, where it stands, and what carries it."""

    entry: JournalEntry
    stand: Stand
    draft: Draft
    link: Link | None
    operation: Operation | None

    @property
    def is_stuck(self) -> bool:
        """Whether it was approved and waits for a person all the same."""
        return self.operation is not None and self.operation.state in (State.HELD, State.FAILED)

    @property
    def is_undoable(self) -> bool:
        """Whether QuickBooks has it and it can be undone, as far as is known before anybody tries."""
        stands = self.stand in (Stand.BOOKED, Stand.WAITING)
        is_there = self.link is not None and not (self.link.missing or self.link.voided)
        return stands and is_there and self.entry.correction is not Correction.REVERSAL

    @property
    def is_recallable(self) -> bool:
        """Whether its approval can be taken back, as far as is known before anybody tries."""
        recallable = (State.QUEUED, State.HELD, State.FAILED)
        waits = self.operation is not None and self.operation.state in recallable
        corrects = self.entry.correction is Correction.REVERSAL
        is_booked = self.link is not None and (
            self.link.missing or self.link.version >= self.entry.version
        )
        return self.stand is Stand.UNDER_WAY and not is_booked and waits and not corrects


class Entries:
    """The journal entries of one connection."""

    def __init__(self, db: HubSession, outbox: Outbox, exporter: SummaryExporter):
        self._db = db
        self._connection = outbox.connection
        self._exporter = exporter
        subject = func.concat("journal_entry:", JournalEntry.id)
        mine = (Operation.connection_id == outbox.connection.id) & (Operation.subject == subject)
        may_wait = or_(JournalEntry.released.is_not(None), JournalEntry.correction == Correction.REPOST)
        self._stand = case(
            (JournalEntry.undone.is_not(None), literal(Stand.UNDONE.value)),
            (JournalEntry.approved.is_(None) & may_wait, literal(Stand.WAITING.value)),
            (JournalEntry.approved.is_(None), literal(Stand.GATHERING.value)),
            (exists().where(mine, Operation.state != State.DONE), literal(Stand.UNDER_WAY.value)),
            else_=literal(Stand.BOOKED.value),
        )

    def counts(self) -> dict[Stand, int]:
        """Return how many entries stand where."""
        stand = self._stand.label("stand")
        found = self._db.execute(select(stand, func.count()).select_from(JournalEntry).group_by(stand))
        many = {Stand(row[0]): row[1] for row in found}
        return {stand: many.get(stand, 0) for stand in Stand}

    def page(self, stand: Stand | None = None, before: int = 0) -> tuple[list[Standing], int]:
        """Return up to ``PAGE`` entries older than position ``before`` (0 for the newest), and the
        position to go on from; 0 on the last page."""
        query = select(JournalEntry, self._stand).order_by(JournalEntry.id.desc())
        if stand:
            query = query.where(self._stand == stand.value)
        if before:
            query = query.where(JournalEntry.id < min(before, LARGEST_ID))
        rows = self._db.execute(query.limit(PAGE + 1)).all()
        shown = self._standings(rows[:PAGE])
        return shown, rows[PAGE - 1][0].id if len(rows) > PAGE else 0

    def one(self, entry_id: int) -> Standing:
        """Return one entry.

        :raises NotFound: when there is none.
        """
        found = self.of([entry_id])
        if not found:
            raise NotFound("There is no such journal entry.")
        return found[0]

    def of(self, entry_ids: Sequence[int]) -> list[Standing]:
        """Return these entries, oldest first."""
        wanted = [id_ for id_ in entry_ids if id_ <= LARGEST_ID]
        query = select(JournalEntry, self._stand).where(JournalEntry.id.in_(wanted))
        return self._standings(self._db.execute(query.order_by(JournalEntry.id)).all())

    def of_cycles(self, cycle_ids: Sequence[int]) -> dict[int, list[Standing]]:
        """Return the entries of these billing cycles, oldest first, by cycle."""
        query = select(JournalEntry.id).where(JournalEntry.billing_cycle_id.in_(cycle_ids))
        found: dict[int, list[Standing]] = defaultdict(list)
        for one in self.of(self._db.scalars(query).all()):
            found[one.entry.billing_cycle_id or 0].append(one)
        return found

    def related(self, entry: JournalEntry) -> list[JournalEntry]:
        """Return all entries of the span that ``entry`` is of, itself too: corrections before and after."""
        query = select(JournalEntry).where(
            JournalEntry.billing_cycle_id.is_not_distinct_from(entry.billing_cycle_id),
            JournalEntry.starts == entry.starts,
            JournalEntry.family == entry.family,
            JournalEntry.currency == entry.currency,
        )
        return list(self._db.scalars(query.order_by(JournalEntry.id)))

    def _standings(self, rows: Sequence[Any]) -> list[Standing]:
        subjects = [f"journal_entry:{entry.id}" for entry, _ in rows]
        links = Links(self._db, self._connection).of(subjects)
        operations = Desk(self._db, self._connection).of(subjects)
        stands = {entry.id: Stand(stand) for entry, stand in rows}
        entries = [entry for entry, _ in rows]
        drafts = self._drafts(entries, stands, operations)
        return [
            Standing(
                entry,
                stands[entry.id],
                drafts[entry.id],
                links.get(f"journal_entry:{entry.id}"),
                operations.get(f"journal_entry:{entry.id}"),
            )
            for entry in entries
        ]

    def _drafts(
        self, entries: list[JournalEntry], stands: dict[int, Stand], operations: dict[str, Operation]
    ) -> dict[int, Draft]:
        def is_sent(entry: JournalEntry) -> bool:
            operation = operations.get(f"journal_entry:{entry.id}")
            asked = operation is not None and operation.state in (State.SENT, State.DOUBT)
            return asked or stands[entry.id] in (Stand.BOOKED, Stand.UNDONE)

        sent = [entry for entry in entries if is_sent(entry)]
        drawn = [entry for entry in entries if not is_sent(entry)]
        found = self._sent(sent) if sent else {}
        return found | (self._exporter.drafts(drawn) if drawn else {})

    def _sent(self, entries: Sequence[JournalEntry]) -> dict[int, Draft]:
        ids = [entry.id for entry in entries]
        lines: dict[int, list[DraftLine]] = defaultdict(list)
        query = select(JournalEntryLine).where(JournalEntryLine.journal_entry_id.in_(ids))
        currencies = {entry.id: entry.currency for entry in entries}
        for line in self._db.scalars(query.order_by(JournalEntryLine.id)):
            currency = currencies[line.journal_entry_id]
            lines[line.journal_entry_id].append(self._line(line, currency))
        dates = self._dates(entries)
        cycle_ids = {entry.billing_cycle_id for entry in entries if entry.billing_cycle_id}
        cycles = select(BillingCycle.id, BillingCycle.name).where(BillingCycle.id.in_(cycle_ids))
        names = {row[0]: row[1] for row in self._db.execute(cycles)}
        return {
            entry.id: Draft(
                entry,
                dates.get(f"journal_entry:{entry.id}", entry.date),
                names.get(entry.billing_cycle_id or 0, ""),
                lines[entry.id],
            )
            for entry in entries
        }

    def _line(self, line: JournalEntryLine, currency: str) -> DraftLine:
        chart = self._exporter.chart
        account = chart.find(ListKind.ACCOUNT, line.account)
        entity = ""
        if account and account.type == "AccountsReceivable":
            entity = master_customer(self._exporter.policy, chart, currency)
        elif account and account.special == SALES_TAX_PAYABLE:
            with suppress(Objection):
                entity = chart.tax_agency()
        return DraftLine(line.account, line.amount, line.class_name, memo=line.memo, entity=entity)

    def _dates(self, entries: Sequence[JournalEntry]) -> dict[str, Any]:
        """Return the date on which QuickBooks has each, where it has it."""
        subjects = [f"journal_entry:{entry.id}" for entry in entries]
        query = (
            select(Link.subject, func.min(BookedLine.date))
            .join(BookedLine, BookedLine.link_id == Link.id)
            .where(Link.connection_id == self._connection.id, Link.subject.in_(subjects))
            .group_by(Link.subject)
        )
        return {row[0]: row[1] for row in self._db.execute(query)}
