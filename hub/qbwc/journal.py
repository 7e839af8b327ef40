"""What a person does with journal entries: approve, take back, reverse or void, and say how they
are to be made.

Approving freezes an entry and remembers what was seen: it goes as it was approved or not
at all. Nothing here changes what QuickBooks has; corrections are entries of their own, or
requests that the Web Connector carries like all others.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select, text

from hub.books.chart import KEPT_IN_ONE
from hub.books.links import Links
from hub.books.models import (
    Correction,
    JournalEntry,
    Link,
    ListKind,
    Undoing,
    WantedAccount,
)
from hub.db import HubSession
from hub.errors import Fault, NotFound, Refused
from hub.exporters import numbering
from hub.exporters.contract import Errand, Held, Prepared
from hub.exporters.drafts import MEMO_FIELDS
from hub.exporters.gathering import WITHDRAWN
from hub.exporters.summary import ACCOUNT_RANK, RANK, SummaryExporter
from hub.ledger.models import Posting, Purpose
from hub.money import LIMIT, ZERO
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox
from hub.tenants.models import AuditEntry, Policy
from hub.tenants.service import StaffRoom

MAPPING = ("accounts chosen", "charge changed", "charge created", "journal entry settings changed")
"""The acts in the audit log that say where something is booked."""
ACCOUNT_TYPES = (
    *("Income", "OtherIncome", "Expense", "OtherExpense", "CostOfGoodsSold"),
    *("OtherCurrentAsset", "OtherCurrentLiability", "LongTermLiability", "Bank", "AccountsReceivable"),
)
"""The types of account that can be created from here."""


class Approved(NamedTuple):
    """What came of an approval."""

    entries: list[JournalEntry]
    left: list[str]
    """A sentence for each that could not be approved."""


@dataclass
class Effect:
    """What undoing a journal entry and its true-ups does to each account."""

    chain: Sequence[JournalEntry]
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))


class Before(NamedTuple):
    """Records dated before a day, by kind."""

    kind: str
    records: int
    amount: Decimal
    """What they add to what customers owe."""
    booked: int
    """How many of them were sent already."""
    currency: str


_HARMLESS = ("", "JournalEntryAdd", "JournalEntryQuery", "JournalEntryMod", "TxnVoid")
"""The requests for an entry that can be taken back once their answer is here."""


class Journal:
    """One tenant's journal entries, for a person (``room``) who acts on them."""

    def __init__(self, db: HubSession, outbox: Outbox, room: StaffRoom):
        self._db = db
        self._outbox = outbox
        self._room = room
        self.exporter = SummaryExporter(db, outbox.connection)

    @property
    def policy(self) -> Policy:
        return self.exporter.policy

    def waiting(self) -> Sequence[JournalEntry]:
        """Return the entries that wait to be approved, oldest first."""
        pending = JournalEntry.approved.is_(None), JournalEntry.undone.is_(None)
        query = select(JournalEntry).where(*pending, JournalEntry.released.is_not(None))
        reposts = select(JournalEntry).where(*pending, JournalEntry.correction == "repost")
        found = {entry.id: entry for part in (query, reposts) for entry in self._db.scalars(part)}
        return [found[id_] for id_ in sorted(found)]

    def get(self, entry_id: int) -> JournalEntry:
        """Return one entry.

        :raises NotFound: when there is none.
        """
        entry = self._db.get(JournalEntry, entry_id)
        if entry is None:
            raise NotFound("There is no such journal entry.")
        return entry

    def approve(self, entry_ids: Iterable[int]) -> Approved:
        """Approve these entries as they stand now and let them go. What cannot be approved stays, with
        a sentence; asked a second time it changes nothing.

        :raises Refused: when this person may not approve.
        """
        self._check_four_eyes()
        query = select(JournalEntry).where(JournalEntry.id.in_(list(entry_ids)))
        locked = query.order_by(JournalEntry.id).with_for_update()
        entries = self._db.scalars(locked.execution_options(populate_existing=True)).all()
        pending = [entry for entry in entries if entry.approved is None and not entry.undone]
        drafts = self.exporter.drafts(pending) if pending else {}
        links = self._links(pending)
        approved: list[JournalEntry] = []
        left = []
        moment = dt.datetime.now(dt.UTC)
        for entry in pending:
            before, entry.approved_as = entry.approved_as, ""
            link = links.get(f"journal_entry:{entry.id}")
            outcome = self.exporter.request(drafts[entry.id], link)
            if isinstance(outcome, Prepared) and outcome.kind.endswith("Query"):
                # It is read again first; what is approved is what it says then.
                outcome = self.exporter.said(drafts[entry.id], link)
            if isinstance(outcome, Held):
                entry.approved_as = before
                left.append(f"{entry.number}: {outcome.sentence}")
                continue
            entry.released = entry.released or moment
            entry.approved = entry.frozen = moment
            entry.approved_by = self._room.actor
            entry.approved_as = outcome.fingerprint if isinstance(outcome, Prepared) else ""
            approved.append(entry)
        if approved:
            self._db.flush()
            self._room.audit("approved", entries=", ".join(entry.number for entry in approved)[:500])
            self._outbox.put(self.exporter.errands(approved))
        elif left:
            self._outbox.put(self.exporter.beforehand(pending))
        return Approved(approved, left)

    def _check_four_eyes(self) -> None:
        if not self.policy.four_eyes:
            return
        query = select(AuditEntry.actor).where(AuditEntry.action.in_(MAPPING))
        if self._db.scalar(query.order_by(AuditEntry.id.desc()).limit(1)) == self._room.actor:
            raise Refused(
                "You were the last to say where something is booked, so somebody else approves: four eyes "
                "are asked for under Journal entry settings."
            )

    def withdraw(self, entry_id: int) -> None:
        """Take an approval back while nothing has been sent; the entry gathers on and waits anew.

        :raises Refused: when it is on its way, or booked.
        """
        # As the Web Connector's calls: first what waits, then its entry.
        self._outbox.keep("pg_advisory_xact_lock")
        operation = self._untouched(f"journal_entry:{entry_id}")
        entry = self.get(entry_id)
        self._db.refresh(entry, with_for_update=True)
        if entry.approved is None:
            return
        link = self._links([entry]).get(f"journal_entry:{entry.id}")
        is_booked = link is not None and (link.missing or link.version >= entry.version)
        if operation is None or is_booked or entry.undone or entry.correction == "reversal":
            raise Refused(
                f"{entry.number} is on its way to QuickBooks, or there already. Reverse it instead."
            )
        self._db.delete(operation)
        entry.approved, entry.approved_by, entry.approved_as = None, "", WITHDRAWN
        if link is None:
            self._merge(entry)
        self._room.audit("approval withdrawn", entry=entry.number)

    def _links(self, entries: Iterable[JournalEntry]) -> dict[str, Link]:
        links = Links(self._db, self._outbox.connection)
        return links.of(f"journal_entry:{entry.id}" for entry in entries)

    def _untouched(self, subject: str) -> Operation | None:
        """Return what waits for ``subject``, locked, if taking it back can do no harm: it was never sent, it
        was an addition and refused, or a change of the whole entry, or its void where nothing is left, which
        the next one makes anew."""
        mine = Operation.subject == subject
        states = self._outbox.mine(State.QUEUED, State.HELD, State.FAILED)
        query = select(Operation).where(states, mine, Operation.question.is_(None))
        operation = self._db.scalar(query.with_for_update())
        under_way = self._outbox.mine(State.SENT, State.DOUBT)
        if operation is None or self._db.scalar(select(Operation.id).where(under_way, mine).limit(1)):
            return None
        return operation if operation.message_id is None or operation.kind in _HARMLESS else None

    def _merge(self, entry: JournalEntry) -> None:
        """Let ``entry`` gather again, unless another of its span has begun to, or was approved: then that
        one is its true-up, and this one stays as it was."""
        follower = select(JournalEntry.id).where(JournalEntry.follows_id == entry.id).limit(1)
        if self._db.scalar(follower) is not None:
            return
        gathering = select(JournalEntry.id).where(
            JournalEntry.id != entry.id,
            JournalEntry.billing_cycle_id.is_not_distinct_from(entry.billing_cycle_id),
            JournalEntry.starts == entry.starts,
            JournalEntry.family == entry.family,
            JournalEntry.currency == entry.currency,
            JournalEntry.frozen.is_(None),
        )
        if self._db.scalar(gathering) is None:
            entry.frozen = None

    def batch(self, entry_id: int) -> list[JournalEntry]:
        """Return one entry of each family and month of the same billing cycle, or day, week or month,
        that stands in QuickBooks: what is undone together as a batch."""
        entry = self.get(entry_id)
        query = select(JournalEntry).where(
            JournalEntry.billing_cycle_id.is_not_distinct_from(entry.billing_cycle_id),
            JournalEntry.frozen.is_not(None),
            JournalEntry.undone.is_(None),
            func.coalesce(JournalEntry.correction, "") != Correction.REVERSAL,
        )
        if entry.billing_cycle_id is None:
            query = query.where(JournalEntry.starts == entry.starts, JournalEntry.date == entry.date)
        spans = {
            (one.starts, one.family, one.currency): one
            for one in self._db.scalars(query.order_by(JournalEntry.id.desc()))
        }
        chains = [self.exporter.corrections.chain(spans[span]) for span in sorted(spans)]
        return [chain[-1] for chain in chains if chain]

    def undo_effect(self, *entry_ids: int) -> Effect:
        """Return what undoing entries together with their true-ups does to each account."""
        chains = [self.exporter.corrections.chain(self.get(entry_id)) for entry_id in entry_ids]
        chain = [entry for entries in chains for entry in entries]
        effect = Effect(chain)
        for lines in self.exporter.corrections.lines(chain).values():
            for line in lines:
                effect.amounts[line.account] -= line.amount
        return effect

    def undo(self, entry_id: int, how: Undoing) -> JournalEntry:
        """Reverse or void an entry with its true-ups; return the entry that holds their records now
        and waits to be approved.

        :raises Refused: when that cannot be.
        """
        # No record may join, or make, the entry that takes over.
        self._outbox.keep("pg_advisory_xact_lock")
        entry = self.get(entry_id)
        going, anew = self.exporter.corrections.undo(entry, how, self._room.actor)
        verb = "reversed" if how is Undoing.REVERSAL else "voided"
        self._room.audit(f"journal entry {verb}", entry=entry.number, anew=anew.number)
        self._outbox.put([Errand(f"journal_entry:{one.id}", RANK) for one in going])
        return anew

    def undo_batch(self, entry_id: int, how: Undoing) -> list[JournalEntry]:
        """Reverse or void the whole ``batch`` of an entry; return the entries that hold its records now.

        :raises Refused: when one of them cannot be undone; then none is.
        """
        with self._db.begin_nested():
            return [self.undo(entry.id, how) for entry in self.batch(entry_id)]

    def change_policy(self, **values: Any) -> dict[str, str]:
        """Store the tenant's choices, gather anew what has not been sent or approved, and return what
        changed in words.

        :raises Refused: with the field that is wrong; nothing is changed then.
        """
        check_policy(values)
        self._outbox.keep("pg_advisory_xact_lock")
        policy = self._db.get_one(Policy, self.policy.id, with_for_update=True)
        changed = {
            name: f"{getattr(policy, name)} → {value}"
            for name, value in values.items()
            if getattr(policy, name) != value
        }
        cutover = policy.cutover
        for name in changed:
            setattr(policy, name, values[name])
        if changed:
            self._room.audit("journal entry settings changed", **changed)
            self._db.flush()
            # As the Web Connector's calls: first what waits, then its entry.
            waits = self._outbox.mine(State.QUEUED, State.HELD)
            entries = waits & Operation.subject.startswith("journal_entry:")
            query = select(Operation.id).where(entries).order_by(Operation.rank, Operation.id)
            self._db.execute(query.with_for_update(key_share=True))
            self._outbox.put(self.exporter.replan(cutover))
            self._db.execute(_PRUNE, {"connection": self._outbox.connection.id})
            self._outbox.review()
        return changed

    def before(self, date: dt.date) -> list[Before]:
        """Return what lies before ``date``, by kind and currency: it would never be sent."""
        owed = func.sum(Posting.amount).filter(Posting.purpose == Purpose.RECEIVABLE)
        booked = func.count(Posting.record_id.distinct()).filter(
            or_(JournalEntry.frozen.is_not(None), Link.id.is_not(None))
        )
        query = (
            select(
                Posting.kind, Posting.currency, func.count(Posting.record_id.distinct()), owed, booked
            )
            .outerjoin(JournalEntry, JournalEntry.id == Posting.journal_entry_id)
            .outerjoin(Link, Link.subject == func.concat(Posting.kind, ":", Posting.record_id))
            .where(Posting.date < date)
            .group_by(Posting.kind, Posting.currency)
            .order_by(Posting.kind)
        )
        return [
            Before(kind, records, amount or ZERO, sent, currency)
            for kind, currency, records, amount, sent in self._db.execute(query)
        ]

    def create_account(
        self, name: str, type_: str, number: str = "", currency: str = ""
    ) -> WantedAccount:
        """Let QuickBooks create an account at the next run, kept in ``currency`` where that is a foreign
        one.

        :raises Refused: when the name is unfit or taken, the type is none that can be created, or one
            that is not kept in a foreign currency.
        """
        name = name.strip()
        if type_ not in ACCOUNT_TYPES:
            raise _refused("type", "Choose a type of account of the list.")
        if not name.isprintable() or any(not 1 <= len(part.strip()) <= 31 for part in name.split(":")):
            raise _refused(
                "name",
                "An account's name has 1 to 31 characters; “Parent:Child” names one under another.",
            )
        parent = name.rpartition(":")[0]
        chart = self.exporter.chart
        if chart.find(ListKind.ACCOUNT, name):
            raise _refused("name", f"QuickBooks has an account “{name}” already. Choose it.")
        if parent and not chart.find(ListKind.ACCOUNT, parent):
            raise _refused(
                "name", f"There is no account “{parent}” to put it under. Create that one first."
            )
        if len(number) > 7:
            raise _refused("number", "An account's number has at most 7 characters.")
        currency = "" if chart.is_home(currency) else currency
        if currency and type_ not in KEPT_IN_ONE:
            raise _refused(
                "currency",
                "QuickBooks keeps only receivables and bank accounts in a foreign currency; accounts of this "
                "type take any. Choose the home currency.",
            )
        if currency and not chart.find(ListKind.CURRENCY, currency):
            raise _refused("currency", f"QuickBooks does not use the currency {currency}.")
        wanted = self._db.scalar(
            select(WantedAccount).where(func.lower(WantedAccount.name) == name.lower()).limit(1)
        )
        if wanted is None:
            wanted = WantedAccount(name=name, type=type_, number=number, currency=currency)
            self._db.add(wanted)
            self._db.flush()
            self._room.audit("account wanted", name=name, type=type_, currency=currency or chart.home)
        self._outbox.put([Errand(f"wanted_account:{wanted.id}", ACCOUNT_RANK)])
        return wanted


def _refused(name: str, sentence: str) -> Refused:
    return Refused(sentence, [Fault(f"/{name}", sentence)])


def check_policy(values: dict[str, Any]) -> None:
    """See that a policy's values are fit to be stored.

    :raises Refused: with the field that is wrong.
    """
    if "number_template" in values:
        numbering.check(values["number_template"])
    memo = values.get("memo_template", "")
    for name in MEMO_FIELDS:
        memo = memo.replace(f"{{{name}}}", "")
    if "{" in memo or "}" in memo:
        known = ", ".join(f"{{{name}}}" for name in MEMO_FIELDS)
        raise _refused("memo_template", f"The memo template knows {known} only; take the rest out.")
    if len(memo) > 3000:
        raise _refused("memo_template", "The memo template has at most 3,000 characters.")
    if "master_customer" in values:
        name = values["master_customer"].strip()
        if not 1 <= len(name) <= 41 or ":" in name or not name.isprintable():
            raise _refused(
                "master_customer", "The Master Customer's name has 1 to 41 characters and no colon."
            )
    for field_name in ("approval_limit", "rounding_limit"):
        amount = values.get(field_name)
        if amount is not None and not 0 <= amount <= LIMIT:
            raise _refused(field_name, "Write an amount of 0.00 or more.")


_PRUNE = text(
    """
    DELETE FROM operation o
    WHERE o.connection_id = :connection AND o.state IN ('queued', 'held')
      AND o.subject LIKE 'journal_entry:%'
      AND NOT EXISTS (
          SELECT FROM journal_entry e WHERE e.id = split_part(o.subject, ':', 2)::bigint
      )
    """
)
"""What waits for an entry that is no more."""
