"""Correcting journal entries that QuickBooks has: amended in place, or undone and posted anew.

An entry is undone together with its true-ups, as they say what of it changed. What
they held moves to one new entry; the old ones keep their lines and hold no postings,
so each posting stays in exactly one entry that stands (product.md 3.3).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from hub.books import stamps
from hub.books.links import Links
from hub.books.models import (
    BookedLine,
    Connection,
    Correction,
    JournalEntry,
    JournalEntryLine,
    Link,
    Undoing,
)
from hub.errors import Refused
from hub.exporters.contract import books_closed
from hub.exporters.numbering import Numbering
from hub.ledger.models import PlacedPosting, Posting
from hub.money import ZERO
from hub.tenants.models import Policy


class _Line(NamedTuple):
    """A line that is to be turned round; debit positive."""

    account: str
    class_name: str
    amount: Decimal


def _said(line: Mapping[str, Any]) -> _Line:
    """Return a line of QuickBooks' own answer (``books.contents``)."""
    amount = Decimal(line.get("Amount", "0"))
    signed = amount if line.get("Side") == "Debit" else -amount
    return _Line(line["Account"][1], line.get("Class", ("", ""))[1], signed)


def _subject(entry: JournalEntry) -> str:
    return f"journal_entry:{entry.id}"


def _stands(entry: JournalEntry, links: Mapping[str, Link]) -> bool:
    """Whether QuickBooks has an entry as it was sent; an amendment that waits to be approved was not."""
    link = links.get(_subject(entry))
    if link is None or link.missing or link.voided:
        return False
    # Without a content nobody knows what QuickBooks made of the last amendment.
    return link.version == entry.version or (entry.approved is None and bool(link.content))


def _by_account(lines: Iterable[_Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        found[line.account] += line.amount
    return {account: amount for account, amount in found.items() if amount}


class Corrections:
    """The corrections of one tenant's journal entries."""

    def __init__(self, db: Session, connection: Connection, policy: Policy):
        self._db = db
        self._connection = connection
        self._policy = policy

    def amend(self, entry: JournalEntry) -> JournalEntry | None:
        """Return ``entry`` to take more postings in its next version, which is to be approved like a new
        entry; or None: it is not in QuickBooks as it was sent, or its period is closed."""
        self._db.refresh(entry, with_for_update=True)
        if self._booked([entry]) is None or self._is_closed(entry.date):
            return None
        # One whose amendment waits takes more into the same.
        if entry.approved is not None:
            entry.version += 1
            entry.approved, entry.approved_by, entry.approved_as = None, "", ""
        return entry

    def repost(self, entry: JournalEntry) -> JournalEntry | None:
        """Reverse ``entry`` and its true-ups and return the entry that holds what they held, to be
        posted at once; or None where that cannot be."""
        chain = self.chain(entry)
        links = self._booked(chain)
        if not chain or links is None:
            return None
        _, anew = self._undo(chain, links, Undoing.REVERSAL, "")
        anew.released = dt.datetime.now(dt.UTC)
        return anew

    def undo(
        self, entry: JournalEntry, how: Undoing, actor: str
    ) -> tuple[list[JournalEntry], JournalEntry]:
        """Undo ``entry`` and its true-ups for ``actor``: return the entries that carry that to
        QuickBooks, and the one that holds their postings now, waiting to be approved. An amendment that
        waits to be approved is given up: what it holds goes with the rest.

        :raises Refused: when QuickBooks does not have them all, or they were undone before.
        """
        chain = self.chain(entry)
        links = self._booked(chain)
        # Asked a second time, the old id must not undo what was posted anew.
        if entry not in chain:
            raise Refused(
                f"{entry.number} cannot be reversed: QuickBooks has nothing of it that stands."
            )
        if links is None:
            known = self._links(chain)
            behind = ", ".join(one.number for one in chain if not _stands(one, known))
            raise Refused(
                f"{entry.number} cannot be reversed yet: QuickBooks does not have {behind} as approved. "
                "Approve what waits for that, and wait for the next run; where QuickBooks has refused it, "
                "take its approval back or settle it on the page Review items queued."
            )
        if how is Undoing.VOID:
            for one in chain:
                if self._is_closed(one.date):
                    raise Refused(
                        f"{one.number} is dated {one.date}, in a closed period, where nothing can be "
                        "voided. Reverse it by an entry on the first open day instead."
                    )
        return self._undo(chain, links, how, actor)

    def chain(self, entry: JournalEntry) -> list[JournalEntry]:
        """Return ``entry`` and all that stands of its span, oldest first, locked; but what cancels out, of
        which QuickBooks has nothing that could be undone."""
        query = select(JournalEntry).where(
            JournalEntry.billing_cycle_id.is_not_distinct_from(entry.billing_cycle_id),
            JournalEntry.starts == entry.starts,
            JournalEntry.family == entry.family,
            JournalEntry.currency == entry.currency,
            JournalEntry.frozen.is_not(None),
            JournalEntry.undone.is_(None),
            func.coalesce(JournalEntry.correction, "") != Correction.REVERSAL,
        )
        locked = query.order_by(JournalEntry.id).with_for_update()
        entries = self._db.scalars(locked.execution_options(populate_existing=True)).all()
        idle = self._idle([entry.id for entry in entries])
        return [entry for entry in entries if entry.id not in idle]

    def standing(self, reposts: Sequence[JournalEntry]) -> dict[int, str]:
        """Return by the id of each repost the numbers of the entries that it takes the place of and
        that still stand in QuickBooks."""
        if not reposts:
            return {}
        values = {"ids": [one.id for one in reposts], "connection": self._connection.id}
        return {row.id: row.numbers for row in self._db.execute(_STANDING, values)}

    def _idle(self, entry_ids: Sequence[int]) -> set[int]:
        """Return those of which QuickBooks has nothing, or nothing any more, as all in them cancels
        out."""
        links = Links(self._db, self._connection).of(f"journal_entry:{id_}" for id_ in entry_ids)
        there = {subject for subject, link in links.items() if not link.voided}
        absent = [id_ for id_ in entry_ids if f"journal_entry:{id_}" not in there]
        if not absent:
            return set()
        slot = PlacedPosting.journal_entry_id, PlacedPosting.account, PlacedPosting.class_name
        left = (
            select(PlacedPosting.journal_entry_id)
            .where(PlacedPosting.journal_entry_id.in_(absent))
            .group_by(*slot)
            .having((func.sum(PlacedPosting.amount) != 0) | PlacedPosting.account.is_(None))
        )
        return set(absent) - set(self._db.scalars(left))

    def _undo(
        self,
        chain: Sequence[JournalEntry],
        links: Mapping[str, Link],
        how: Undoing,
        actor: str,
    ) -> tuple[list[JournalEntry], JournalEntry]:
        asked = next((one.approved_as for one in chain if not one.approved and one.approved_as), "")
        self._give_up(chain, links)
        # Both numbers are asked of the database, and what is added first is not seen there yet.
        going = list(chain) if how is Undoing.VOID else self._reversals(chain, actor)
        for one in chain:
            one.undone = how
        anew = self._anew(chain[-1])
        anew.approved_as = anew.approved_as or asked
        self._db.flush()
        moved = update(Posting).where(Posting.journal_entry_id.in_([one.id for one in chain]))
        self._db.execute(
            moved.values(journal_entry_id=anew.id, account=None),
            execution_options={"synchronize_session": False},
        )
        stamps.loosen(self._db, [anew.id])
        # A late change may be in an entry of another span, where the period was another.
        stamps.meet(self._db, anew.id)
        return going, anew

    def _give_up(self, chain: Sequence[JournalEntry], links: Mapping[str, Link]) -> None:
        """Let those whose amendment waits say again what QuickBooks has."""
        waiting = [one for one in chain if one.version > links[_subject(one)].version]
        if not waiting:
            return
        lines = self.lines(waiting)
        own = JournalEntryLine.journal_entry_id.in_([one.id for one in waiting])
        self._db.execute(delete(JournalEntryLine).where(own))
        for one in waiting:
            one.version = links[_subject(one)].version
            self._add_lines(one, lines[one.id])

    def _add_lines(self, entry: JournalEntry, lines: Iterable[_Line], sign: int = 1) -> None:
        self._db.add_all(
            JournalEntryLine(
                journal_entry_id=entry.id,
                account=line.account,
                class_name=line.class_name,
                amount=sign * line.amount,
            )
            for line in lines
        )

    def _reversals(self, chain: Sequence[JournalEntry], actor: str) -> list[JournalEntry]:
        moment = dt.datetime.now(dt.UTC)
        lines = self.lines(chain)
        # One that somebody has voided in QuickBooks has nothing to be turned round.
        there = [one for one in chain if _by_account(lines[one.id])]
        made = [
            JournalEntry(
                billing_cycle_id=one.billing_cycle_id,
                starts=one.starts,
                family=one.family,
                currency=one.currency,
                date=one.date,
                correction=Correction.REVERSAL,
                follows_id=one.id,
                released=moment,
                approved=moment,
                approved_by=actor,
                frozen=moment,
            )
            for one in there
        ]
        Numbering(self._db, self._policy).number(made)
        self._db.add_all(made)
        self._db.flush()
        for one, before in zip(made, there, strict=True):
            self._add_lines(one, lines[before.id], -1)
        return made

    def lines(self, entries: Sequence[JournalEntry]) -> Mapping[int, list[_Line]]:
        """Return the lines of each entry by its id: as they were sent, or as QuickBooks has them where
        somebody has changed them there, or an amendment was refused."""
        links = self._links(entries)
        mine = JournalEntryLine.journal_entry_id.in_([one.id for one in entries])
        sent: dict[int, list[_Line]] = {one.id: [] for one in entries}
        for line in self._db.scalars(select(JournalEntryLine).where(mine).order_by(JournalEntryLine.id)):
            sent[line.journal_entry_id].append(_Line(line.account, line.class_name, line.amount))
        ids = [link.id for link in links.values()]
        sums = select(BookedLine.link_id, BookedLine.account, func.sum(BookedLine.amount))
        booked: dict[int, dict[str, Decimal]] = defaultdict(dict)
        for link_id, account, amount in self._db.execute(
            sums.where(BookedLine.link_id.in_(ids)).group_by(BookedLine.link_id, BookedLine.account)
        ):
            booked[link_id][account] = amount
        for one in entries:
            if link := links.get(_subject(one)):
                there = link.content if link.found is None else link.found
                said = [_said(line) for line in there.get("Lines", ())]
                if _by_account(sent[one.id]) != booked[link.id] == _by_account(said):
                    sent[one.id] = said
        return sent

    def _anew(self, last: JournalEntry) -> JournalEntry:
        """Return the entry that takes over: the one that gathers already, or a new one."""
        gathering = select(JournalEntry).where(
            JournalEntry.billing_cycle_id.is_not_distinct_from(last.billing_cycle_id),
            JournalEntry.starts == last.starts,
            JournalEntry.family == last.family,
            JournalEntry.currency == last.currency,
            JournalEntry.frozen.is_(None),
        )
        anew = self._db.scalar(gathering.with_for_update())
        if anew is None:
            anew = JournalEntry(
                billing_cycle_id=last.billing_cycle_id,
                starts=last.starts,
                family=last.family,
                currency=last.currency,
                date=last.date,
            )
            Numbering(self._db, self._policy).number([anew])
            self._db.add(anew)
        anew.correction, anew.follows_id = Correction.REPOST, last.id
        anew.released = anew.approved = None
        return anew

    def _booked(self, entries: Sequence[JournalEntry]) -> dict[str, Link] | None:
        """Return the links of ``entries``, or None where one is not in QuickBooks as it was sent."""
        links = self._links(entries)
        return links if all(_stands(one, links) for one in entries) else None

    def _links(self, entries: Iterable[JournalEntry]) -> dict[str, Link]:
        return Links(self._db, self._connection).of(_subject(one) for one in entries)

    def _is_closed(self, date: dt.date) -> bool:
        closed = books_closed(self._connection, self._policy)
        return closed is not None and date <= closed


_STANDING = text(
    """
    SELECT e.id, string_agg(u.number, ', ' ORDER BY u.id) AS numbers
    FROM journal_entry e
    JOIN journal_entry u ON u.undone IS NOT NULL AND u.id <> e.id AND u.starts = e.starts
        AND u.billing_cycle_id IS NOT DISTINCT FROM e.billing_cycle_id
        AND u.family = e.family AND u.currency = e.currency
    JOIN link l ON l.connection_id = :connection AND l.subject = 'journal_entry:' || u.id
        AND NOT l.voided AND NOT l.missing
    WHERE e.id = ANY(:ids) AND (u.undone = 'void' OR EXISTS (
        SELECT FROM journal_entry r
        WHERE r.follows_id = u.id AND r.correction = 'reversal'
          AND NOT EXISTS (
            SELECT FROM link t WHERE t.connection_id = :connection
              AND t.subject = 'journal_entry:' || r.id)))
    GROUP BY e.id
    """
)
"""What QuickBooks has no longer, or voided, needs no undoing any more."""
