"""Journal entries as they will stand in QuickBooks: lines, totals, and what stands in the way.

What a person approves and what is sent are drawn by the same hand, from one sum over
the entry's postings.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from hub.books.chart import SALES_TAX_PAYABLE, Chart, Objection
from hub.books.models import (
    Connection,
    Correction,
    Family,
    JournalEntry,
    JournalEntryAccount,
    JournalEntryLine,
)
from hub.exporters.charges import Charges
from hub.exporters.contract import books_closed, currency_objection
from hub.exporters.master_customers import master_customer
from hub.ledger.models import BillingCycle, Posting, Purpose
from hub.money import ZERO, pretty
from hub.tenants.models import Closed, Control, Detail, Policy, Tenant

_WORDS = {
    Correction.TRUE_UP: "true-up",
    Correction.REVERSAL: "reversal",
    Correction.REPOST: "repost",
}
_FAMILIES = {
    Family.BILLING: "billed",
    Family.PAYMENTS: "paid",
    Family.CREDITS: "credited",
    Family.TOGETHER: "billed and paid",
}


class Places(Protocol):
    """Where amounts are booked."""

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str) -> str:
        """Return the account of an amount in a currency, or raise Objection."""


@dataclass(frozen=True)
class DraftLine:
    """One line; a debit is positive."""

    account: str
    amount: Decimal
    class_name: str = ""
    charge: str = ""
    """The charge's name, where each has a line of its own."""
    charge_id: int | None = None
    memo: str = ""
    problem: str = ""
    """Why it cannot be booked; its account is a description then."""
    entity: str = ""
    """In whose name it is: the Master Customer on Accounts Receivable, the agency on Sales Tax Payable."""
    is_receivable: bool = False


@dataclass
class Draft:
    """One journal entry as it will stand."""

    entry: JournalEntry
    date: dt.date
    cycle: str
    lines: list[DraftLine] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    accounts: list[Any] = field(default_factory=list)
    """Purpose, charge id, code and account of the amounts that had none until now."""
    follows: str = ""
    """The number of the entry that it corrects."""

    @property
    def debits(self) -> Decimal:
        return sum((line.amount for line in self.lines if line.amount > 0), ZERO)

    @property
    def credits(self) -> Decimal:
        return -sum((line.amount for line in self.lines if line.amount < 0), ZERO)


class Drafts:
    """Draws journal entries of one tenant, with a number of statements that is constant."""

    def __init__(
        self,
        db: Session,
        connection: Connection,
        policy: Policy,
        chart: Chart,
        charges: Charges,
        places: Places,
    ):
        self._db = db
        self._connection = connection
        self._policy = policy
        self._chart = chart
        self._charges = charges
        self._places = places
        self._problems: dict[str, str] = {}

    def of(self, entries: Sequence[JournalEntry]) -> dict[int, Draft]:
        """Return the draft of each entry, by its id."""
        ids = [entry.id for entry in entries]
        follows = {entry.follows_id for entry in entries if entry.follows_id}
        numbers = self._pairs(JournalEntry, JournalEntry.number, follows)
        cycles = {entry.billing_cycle_id for entry in entries if entry.billing_cycle_id}
        names = self._pairs(BillingCycle, BillingCycle.name, cycles)
        tenant = self._db.get_one(Tenant, self._connection.tenant_id).name
        sums, stored = self._sums(ids), self._stored(entries)
        drafts = {}
        for entry in entries:
            date = self._date(entry)
            cycle = names.get(entry.billing_cycle_id or 0) or _span(entry)
            draft = Draft(entry, date, cycle, follows=numbers.get(entry.follows_id or 0, ""))
            self._draw(draft, sums.get(entry.id, ()), stored.get(entry.id, ()), tenant)
            drafts[entry.id] = draft
        return drafts

    def _pairs(self, model: Any, column: Any, ids: Iterable[int]) -> dict[int, str]:
        wanted = list(ids)
        if not wanted:
            return {}
        query = select(model.id, column).where(model.id.in_(wanted))
        return {row[0]: row[1] for row in self._db.execute(query)}

    def _sums(self, entry_ids: Sequence[int]) -> dict[int, list[Any]]:
        """Return what is summed up by purpose, charge, code, class and account, by entry."""
        slot = (
            Posting.journal_entry_id,
            Posting.purpose,
            Posting.charge_id,
            Posting.code,
            Posting.class_name,
        )
        # Summed first, and only then asked for the entry's accounts: an entry may hold a million.
        rows = (
            select(*slot, Posting.account, func.sum(Posting.amount).label("amount"))
            .where(Posting.journal_entry_id.in_(entry_ids))
            .group_by(*slot, Posting.account)
            .subquery()
            .c
        )
        place = JournalEntryAccount
        account = func.coalesce(rows.account, place.account).label("account")
        query = select(*(rows[one.key] for one in slot), account, rows.amount).outerjoin(
            place,
            and_(
                place.journal_entry_id == rows.journal_entry_id,
                place.purpose == rows.purpose,
                place.charge_id == func.coalesce(rows.charge_id, 0),
                place.code == rows.code,
            ),
        )
        found: dict[int, list[Any]] = defaultdict(list)
        for row in self._db.execute(query):
            found[row.journal_entry_id].append(row)
        self._charges.load(row.charge_id for rows in found.values() for row in rows if row.charge_id)
        return found

    def _stored(self, entries: Sequence[JournalEntry]) -> dict[int, list[JournalEntryLine]]:
        """Return the lines of reversals, which hold no postings."""
        ids = [entry.id for entry in entries if entry.correction is Correction.REVERSAL]
        found: dict[int, list[JournalEntryLine]] = defaultdict(list)
        if ids:
            query = select(JournalEntryLine).where(JournalEntryLine.journal_entry_id.in_(ids))
            for line in self._db.scalars(query.order_by(JournalEntryLine.id)):
                found[line.journal_entry_id].append(line)
        return found

    def _draw(
        self, draft: Draft, sums: Iterable[Any], stored: Iterable[JournalEntryLine], tenant: str
    ) -> None:
        problems = [
            self._currency_objection(draft.entry.currency),
            self._closed_objection(draft),
        ]
        amounts: dict[tuple[str, str, int | None], Decimal] = defaultdict(lambda: ZERO)
        troubles: dict[str, str] = {}
        rounding = ZERO
        for row in sums:
            account, trouble = self._place(row, draft.entry.currency)
            if trouble:
                troubles[account] = trouble
            elif not row.account:
                draft.accounts.append((row.purpose, row.charge_id, row.code, account))
            if row.purpose is Purpose.ROUNDING:
                rounding += row.amount
            by_charge = self._policy.detail is Detail.CHARGE and row.charge_id
            amounts[account, self._class(row.class_name), by_charge or None] += row.amount
        for kept in stored:
            amounts[kept.account, self._class(kept.class_name), None] += kept.amount
            if trouble := self._unusable(kept.account):
                troubles[kept.account] = trouble
        if abs(rounding) > self._policy.rounding_limit:
            problems.append(
                f"Totals are off from their lines by {pretty(abs(rounding))} in all, and the rounding limit "
                f"is {pretty(self._policy.rounding_limit)}. Correct the documents, or raise the limit."
            )
        memo = self._memo(draft, tenant)
        customer = master_customer(self._policy, self._chart, draft.entry.currency)
        for (account, class_name, charge_id), amount in amounts.items():
            if amount:
                line = self._line(
                    account, class_name, charge_id, amount, memo, troubles.get(account, ""), customer
                )
                problems.append(line.problem)
                draft.lines.append(line)
        draft.lines.sort(key=self._order)
        problems.append(self._receivable_objection(draft.lines))
        draft.problems = list(dict.fromkeys(filter(None, problems)))

    def _currency_objection(self, currency: str) -> str | None:
        """Say that QuickBooks keeps no books in ``currency``, or nothing."""
        objection = currency_objection(self._connection, currency)
        if objection or self._chart.is_home(currency):
            return objection
        try:
            self._chart.currency(currency)
        except Objection as error:
            return str(error)
        return None

    def _place(self, row: Any, currency: str) -> tuple[str, str]:
        """Return the account an amount is booked to, or what it is and why it has none."""
        try:
            account = row.account or self._places.account(row.purpose, row.charge_id, row.code, currency)
            self._chart.booked_account(account)
        except Objection as error:
            return row.account or self._described(row), str(error)
        return account, ""

    def _unusable(self, account: str) -> str:
        try:
            self._chart.booked_account(account)
        except Objection as error:
            return str(error)
        return ""

    def _described(self, row: Any) -> str:
        what = {
            Purpose.RECEIVABLE: "what customers owe",
            Purpose.INCOME: f"charge “{self._charges[row.charge_id].name}”" if row.charge_id else "",
            Purpose.TAX: f"tax {row.code}",
            Purpose.DEPOSIT: f"payments by {row.code}" if row.code else "payments",
            Purpose.REFUND: f"refunds by {row.code}" if row.code else "refunds",
            Purpose.ROUNDING: "rounding",
        }[row.purpose]
        return f"(no account yet: {what})"

    def _line(
        self,
        account: str,
        class_name: str,
        charge_id: int | None,
        amount: Decimal,
        memo: str,
        trouble: str,
        customer: str,
    ) -> DraftLine:
        found = None if trouble else self._chart.booked_account(account)
        is_receivable = found is not None and found.type == "AccountsReceivable"
        entity = customer if is_receivable else ""
        if found is not None and found.special == SALES_TAX_PAYABLE:
            try:
                entity = self._chart.tax_agency()
            except Objection as error:
                trouble = str(error)
        charge = self._charges[charge_id].name if charge_id else ""
        if class_name and not trouble:
            try:
                self._chart.class_named(class_name)
            except Objection as error:
                trouble = str(error)
        return DraftLine(
            account,
            amount,
            "" if is_receivable else class_name,
            charge,
            charge_id,
            f"{memo} · {charge}" if charge else memo,
            trouble,
            entity,
            is_receivable,
        )

    @staticmethod
    def _order(line: DraftLine) -> tuple[Any, ...]:
        """Accounts Receivable stands first: the first line is where QuickBooks says an entry comes from
        (protocol.md G). Then by account."""
        return (not line.is_receivable, line.account, line.class_name, line.charge)

    @staticmethod
    def _receivable_objection(lines: Sequence[DraftLine]) -> str:
        if sum(bool(line.entity) for line in lines) > 1:
            return (
                "It has more than one line on Accounts Receivable and Sales Tax Payable, and QuickBooks takes "
                "one. Let taxes go to liability accounts of their own on the page Accounts by purpose, and "
                "book what is billed, paid and credited in entries of their own."
            )
        return ""

    def _class(self, name: str) -> str:
        """Return the class to send: none where QuickBooks does not track classes."""
        return name if name and self._connection.company.get("class_tracking") else ""

    def _date(self, entry: JournalEntry) -> dt.date:
        """Return the date to book on: what corrects a closed period goes to the first open day, and
        everything does where the tenant wants it; but what is amended stays on its day."""
        closed = books_closed(self._connection, self._policy)
        moves = entry.correction or self._policy.closed_period is not Closed.HOLD
        if entry.version > 1:
            return entry.date
        if closed is None or entry.date > closed or not moves:
            return entry.date
        return closed + dt.timedelta(days=1)

    def _closed_objection(self, draft: Draft) -> str | None:
        closed = books_closed(self._connection, self._policy)
        if closed is None or draft.date > closed:
            return None
        closing = self._connection.company.get("closing_date")
        if closing and dt.date.fromisoformat(closing) == closed:
            whose, cure = "QuickBooks' closing date", "open the period in QuickBooks"
        else:
            whose, cure = "your own lock date", "move your lock date under Journal entry settings"
        return (
            f"Its date {draft.date} is in a closed period: {whose} is {closed}. Ask whoever keeps the "
            f"books to {cure}, or choose there that such entries go to the first open day."
        )

    def _memo(self, draft: Draft, tenant: str) -> str:
        entry = draft.entry
        correction = f" · {_WORDS[entry.correction]} of {draft.follows}" if entry.correction else ""
        if draft.date != entry.date:
            correction += f" · of {entry.date}"
        fields = {
            "cycle": draft.cycle,
            "number": entry.number,
            "correction": correction,
            "family": _FAMILIES[entry.family],
            "from": entry.starts.isoformat(),
            "to": entry.date.isoformat(),
            "tenant": tenant,
        }
        memo = self._policy.memo_template
        for name, value in fields.items():
            memo = memo.replace(f"{{{name}}}", value)
        return memo


MEMO_FIELDS = ("cycle", "number", "correction", "family", "from", "to", "tenant")


def _span(entry: JournalEntry) -> str:
    if entry.starts == entry.date:
        return entry.date.isoformat()
    return f"{entry.starts.isoformat()} to {entry.date.isoformat()}"


def uses_receivable(policy: Policy) -> bool:
    """Whether what customers owe stands on Accounts Receivable, in a Master Customer's name."""
    return policy.control is Control.RECEIVABLE
