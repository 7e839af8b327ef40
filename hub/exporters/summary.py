"""Summarized Journal Entry mode: the sum of the postings that are in no journal entry yet.

Closing a billing cycle gathers its postings into one entry for what was billed and
one for what was paid, per currency. Every posting is stamped with the entry that
carries it, so none can be booked twice or forgotten. A record that changes after
its cycle was closed is gathered at once: into the cycle's entry while that has not
been sent, else into a new one, the true-up.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from hub.books.chart import Chart, Objection
from hub.books.links import Links
from hub.books.models import Connection, Family, JournalEntry, ListKind
from hub.exporters.charges import Charges
from hub.exporters.contract import (
    MISSING,
    Errand,
    Held,
    Nothing,
    Outcome,
    Prepared,
    currency_objection,
    fits,
    guid,
    period_objection,
)
from hub.ledger.models import BillingCycle, Posting, Purpose
from hub.money import ZERO, plain

RANK = 70
_FAMILY = case(
    (Posting.kind.in_(["invoice", "credit_memo"]), literal(Family.BILLING.value)),
    else_=literal(Family.PAYMENTS.value),
)
_LETTER = {Family.BILLING: "B", Family.PAYMENTS: "P"}


class SummaryExporter:
    """Writes billing cycles as journal entries."""

    lists = (ListKind.ACCOUNT, ListKind.CLASS)

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._charges = Charges(db)
        self._chart: Chart | None = None

    @property
    def chart(self) -> Chart:
        self._chart = self._chart or Chart(self._db, self._connection)
        return self._chart

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """A record counts at the close of its cycle; if that is past, it makes a true-up now."""
        if kind not in ("invoice", "credit_memo", "payment", "refund"):
            return []
        own = Posting.kind == kind, Posting.record_id.in_([record.id for record in changed])
        return self._gather(*own)

    def closed(self, cycle: BillingCycle) -> list[Errand]:
        """Gather what belongs to ``cycle``: what names it, and what names none up to its end."""
        own = Posting.billing_cycle_id == cycle.id
        undated = Posting.billing_cycle_id.is_(None) & (Posting.date <= cycle.ends)
        return self._gather(or_(own, undated))

    def _gather(self, *which: Any) -> list[Errand]:
        """Stamp the open postings among ``which`` whose cycle is closed; return their entries."""
        cycle = (
            select(BillingCycle.id)
            .where(
                BillingCycle.closed.is_not(None),
                or_(
                    BillingCycle.id == Posting.billing_cycle_id,
                    Posting.billing_cycle_id.is_(None) & (BillingCycle.ends >= Posting.date),
                ),
            )
            .order_by(BillingCycle.ends, BillingCycle.id)
            .limit(1)
            .correlate(Posting)
            .scalar_subquery()
        )
        open_ = (Posting.journal_entry_id.is_(None), *which)
        groups = select(cycle.label("cycle"), _FAMILY.label("family"), Posting.currency).where(*open_)
        errands = []
        for cycle_id, family, currency in self._db.execute(groups.distinct()).all():
            if cycle_id is not None:
                entry = self._gathering(cycle_id, Family(family), currency)
                own = (*open_, cycle == cycle_id, family == _FAMILY, Posting.currency == currency)
                stamp = update(Posting).where(*own).values(journal_entry_id=entry.id)
                self._db.execute(stamp, execution_options={"synchronize_session": False})
                errands.append(Errand(f"journal_entry:{entry.id}", RANK))
        return errands

    def _gathering(self, cycle_id: int, family: Family, currency: str) -> JournalEntry:
        """Return the entry that still takes postings, a new one if the last has been sent."""
        query = select(JournalEntry).where(
            JournalEntry.billing_cycle_id == cycle_id,
            JournalEntry.family == family,
            JournalEntry.currency == currency,
        )
        entry = self._db.scalar(query.where(JournalEntry.frozen.is_(None)).with_for_update())
        if entry is None:
            first = self._db.scalar(query.order_by(JournalEntry.id).limit(1))
            date = self._db.get_one(BillingCycle, cycle_id).ends
            entry = JournalEntry(
                billing_cycle_id=cycle_id,
                family=family,
                currency=currency,
                number=self._number(family, date),
                date=date,
                corrects=first and first.number,
            )
            self._db.add(entry)
            # Its postings are stamped with its id next.
            self._db.flush()
        return entry

    def _number(self, family: Family, date: dt.date) -> str:
        """Return the next free RefNumber such as ``B260930-1`` (11 characters at most)."""
        prefix = f"{_LETTER[family]}{date:%y%m%d}-"
        query = select(func.count()).where(JournalEntry.number.startswith(prefix))
        return f"{prefix}{(self._db.scalar(query) or 0) + 1}"

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        """Build each entry from its postings. Once it is sent it takes no more of them."""
        ids = [int(subject.partition(":")[2]) for subject in subjects]
        query = select(JournalEntry).where(JournalEntry.id.in_(ids))
        entries = self._db.scalars(query.with_for_update() if send else query).all()
        sums = self._sums(ids)
        cycles = {entry.billing_cycle_id for entry in entries}
        names = {
            cycle.id: cycle.name
            for cycle in self._db.scalars(select(BillingCycle).where(BillingCycle.id.in_(cycles)))
        }
        links = Links(self._db, self._connection).of(subjects)
        found: dict[str, Outcome] = {}
        for entry in entries:
            subject = f"journal_entry:{entry.id}"
            if link := links.get(subject):
                found[subject] = Held(MISSING) if link.missing else Nothing("QuickBooks has it.")
                continue
            outcome = self._entry(entry, sums[entry.id], names[entry.billing_cycle_id])
            if send and not isinstance(outcome, Held):
                entry.frozen = entry.frozen or dt.datetime.now(dt.UTC)
            found[subject] = outcome
        return found

    def _sums(self, entry_ids: Sequence[int]) -> dict[int, list[Any]]:
        slot = (
            Posting.purpose,
            Posting.charge_id,
            Posting.code,
            Posting.class_name,
            Posting.account,
        )
        query = (
            select(Posting.journal_entry_id, *slot, func.sum(Posting.amount).label("amount"))
            .where(Posting.journal_entry_id.in_(entry_ids))
            .group_by(Posting.journal_entry_id, *slot)
        )
        found: dict[int, list[Any]] = defaultdict(list)
        for row in self._db.execute(query):
            found[row.journal_entry_id].append(row)
        self._charges.load(row.charge_id for rows in found.values() for row in rows if row.charge_id)
        return found

    def _entry(self, entry: JournalEntry, sums: Sequence[Any], cycle: str) -> Outcome:
        objections = [
            currency_objection(self._connection, entry.currency),
            period_objection(self._connection, self._date(entry)),
        ]
        amounts: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        accounts = []
        for row in sums:
            try:
                account = row.account or self.account(row.purpose, row.charge_id, row.code)
                self.chart.booked_account(account)
            except Objection as error:
                objections.append(str(error))
                continue
            if not row.account:
                accounts.append((row.purpose, row.charge_id, row.code, account))
            amounts[account, self._class(row.class_name)] += row.amount
        if problems := list(dict.fromkeys(filter(None, objections))):
            return Held(" ".join(problems))
        return self._request(entry, amounts, accounts, cycle)

    def _date(self, entry: JournalEntry) -> dt.date:
        """Return the date to book on: a true-up of a closed period goes to the first open day."""
        closing = self._connection.company.get("closing_date")
        if not entry.corrects or not closing or entry.date.isoformat() > closing:
            return entry.date
        return dt.date.fromisoformat(closing) + dt.timedelta(days=1)

    def _class(self, name: str) -> str:
        """Return the class to send: none where QuickBooks does not track classes."""
        return name if name and self._connection.company.get("class_tracking") else ""

    def _request(
        self,
        entry: JournalEntry,
        amounts: Mapping[tuple[str, str], Decimal],
        accounts: Sequence[Any],
        cycle: str,
    ) -> Outcome:
        memo = f"{cycle} · {entry.number}"
        if entry.corrects:
            memo += f" · true-up of {entry.corrects}"
        lines: dict[str, list[Any]] = {"JournalDebitLine": [], "JournalCreditLine": []}
        for (account, class_name), amount in sorted(amounts.items()):
            if amount:
                side = "JournalDebitLine" if amount > 0 else "JournalCreditLine"
                try:
                    lines[side].append(self._line(account, class_name, amount, memo))
                except Objection as error:
                    return Held(str(error))
        if not lines["JournalDebitLine"]:
            return Nothing("Everything in it cancels out: there is nothing to book.", 1, accounts)
        fields = {
            "TxnDate": self._date(entry).isoformat(),
            "RefNumber": entry.number,
            "ExternalGUID": guid(self._connection, f"journal_entry:{entry.id}"),
            **lines,
        }
        version = 1
        return fits(Prepared("JournalEntryAdd", {"JournalEntryAdd": fields}, version, accounts))

    def _line(self, account: str, class_name: str, amount: Decimal, memo: str) -> dict[str, Any]:
        found = self.chart.booked_account(account)
        line: dict[str, Any] = {
            "AccountRef": {"ListID": found.list_id},
            "Amount": plain(abs(amount)),
            "Memo": memo,
        }
        if class_name:
            line["ClassRef"] = {"ListID": self.chart.class_named(class_name).list_id}
        return line

    def account(self, purpose: Purpose, charge_id: int | None, code: str) -> str:
        """Return the account an amount belongs to: a charge's accounting code, or by purpose."""
        if purpose is Purpose.RECEIVABLE:
            return self.chart.clearing().full_name
        if purpose is Purpose.TAX:
            return self.chart.tax_account(code).full_name
        if purpose is Purpose.DEPOSIT:
            return self.chart.deposit(code).full_name
        charge = self._charges[charge_id or 0]
        if not charge.accounting_code:
            raise Objection(
                f"The charge “{charge.name}” has no accounting code. Choose one on the Charges page."
            )
        what = f"The charge “{charge.name}”"
        account = self.chart.account(charge.accounting_code, what, "the Charges page")
        if account.special or account.full_name == self.chart.clearing_name:
            raise Objection(
                f"{what} names “{account.full_name}”, which is no income account: what is billed would "
                "not show as income. Choose another on the Charges page."
            )
        return account.full_name
