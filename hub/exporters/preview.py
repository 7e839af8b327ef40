"""How a tenant's own billing would look in QuickBooks, in either mode, before one is chosen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, literal, or_, select

from hub.books.chart import Objection
from hub.books.models import Connection, Family
from hub.db import HubSession
from hub.exporters.full import FullExporter
from hub.exporters.summary import SummaryExporter
from hub.ledger.models import (
    BillingCycle,
    Charge,
    CreditMemo,
    Customer,
    Invoice,
    Payment,
    Posting,
    Purpose,
    Refund,
    Status,
)
from hub.money import ZERO

_FAMILY = case(
    (Posting.kind == "invoice", literal(Family.BILLING.value)),
    (Posting.kind == "payment", literal(Family.PAYMENTS.value)),
    else_=literal(Family.CREDITS.value),
)


@dataclass(frozen=True)
class EntryLine:
    """One line of a journal entry; debit positive."""

    account: str
    amount: Decimal


@dataclass
class Entry:
    """One journal entry."""

    title: str
    currency: str
    lines: list[EntryLine]


@dataclass
class SummaryExample:
    """What the latest billing cycle is in journal entries."""

    cycle: str
    records: int
    entries: list[Entry]
    is_made_up: bool = False


@dataclass(frozen=True)
class FormLine:
    """One line of an invoice as it stands in QuickBooks."""

    item: str
    text: str
    amount: Decimal


@dataclass
class FullExample:
    """How many records go to QuickBooks one by one, and one invoice as it will stand there."""

    counts: list[tuple[str, int]]
    customer: str
    number: str
    date: Any
    lines: list[FormLine] = field(default_factory=list)
    is_made_up: bool = False

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)


MADE_UP_SUMMARY = SummaryExample(
    "a month with 412 invoices",
    412,
    [
        Entry(
            "What was billed",
            "USD",
            [
                EntryLine("Billing Clearing", Decimal("11025.00")),
                EntryLine("Sales:Subscriptions", Decimal("-9000.00")),
                EntryLine("Sales:Usage", Decimal("-1200.00")),
                EntryLine("Sales Tax Collected", Decimal("-825.00")),
            ],
        )
    ],
    is_made_up=True,
)
MADE_UP_FULL = FullExample(
    [("customers", 118), ("invoices", 412), ("payments", 390)],
    "Ada Lovelace",
    "1042",
    None,
    [
        FormLine("Hosting:Basic", "Basic plan, October", Decimal("49.00")),
        FormLine("Sales Tax", "Tax 8.25%", Decimal("4.04")),
    ],
    is_made_up=True,
)


class Preview:
    """One tenant's billing, as each mode would show it."""

    def __init__(self, db: HubSession, connection: Connection):
        self._db = db
        self._summary = SummaryExporter(db, connection)
        self._full = FullExporter(db, connection)

    def summary(self) -> SummaryExample:
        """Return the journal entries of the latest billing cycle that has any postings."""
        cycles = self._db.scalars(select(BillingCycle).order_by(BillingCycle.ends.desc()).limit(3))
        for cycle in cycles:
            if entries := self._entries(cycle):
                return SummaryExample(cycle.name, self._records(cycle), entries)
        return MADE_UP_SUMMARY

    def _of(self, cycle: BillingCycle) -> Any:
        undated = Posting.billing_cycle_id.is_(None) & Posting.date.between(cycle.starts, cycle.ends)
        return or_(Posting.billing_cycle_id == cycle.id, undated)

    def _records(self, cycle: BillingCycle) -> int:
        records = select(Posting.kind, Posting.record_id).where(self._of(cycle)).distinct().subquery()
        return self._db.scalar(select(func.count()).select_from(records)) or 0

    def _entries(self, cycle: BillingCycle) -> list[Entry]:
        slot = (
            _FAMILY.label("family"),
            Posting.currency,
            Posting.purpose,
            Posting.charge_id,
            Posting.code,
        )
        query = select(*slot, func.sum(Posting.amount).label("amount")).where(self._of(cycle))
        amounts: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(
            lambda: defaultdict(lambda: ZERO)
        )
        for row in self._db.execute(query.group_by(*slot)):
            amounts[row.family, row.currency][self._account(row)] += row.amount
        return [
            Entry(
                Family(family).label,
                currency,
                [EntryLine(name, amount) for name, amount in _in_order(by_account) if amount],
            )
            for (family, currency), by_account in sorted(amounts.items())
            if any(by_account.values())
        ]

    def _account(self, row: Any) -> str:
        try:
            return self._summary.account(row.purpose, row.charge_id, row.code, row.currency)
        except Objection:
            return {
                Purpose.RECEIVABLE: "your clearing account (not chosen yet)",
                Purpose.TAX: f"the account of tax “{row.code}” (not chosen yet)",
                Purpose.DEPOSIT: "your deposit account (not chosen yet)",
                Purpose.REFUND: "your refund account (not chosen yet)",
                Purpose.ROUNDING: "your rounding account (not chosen yet)",
            }.get(row.purpose, "an income account (not chosen yet)")

    def full(self) -> FullExample:
        """Return counts of everything, and the latest invoice as it would stand in QuickBooks."""
        kinds = (
            ("customers", Customer),
            ("invoices", Invoice),
            ("payments", Payment),
            ("credit memos", CreditMemo),
            ("refunds and chargebacks", Refund),
        )
        newest = (
            select(Invoice)
            .filter_by(status=Status.OPEN)
            .order_by(Invoice.date.desc(), Invoice.id.desc())
        )
        invoice = self._db.scalar(newest.limit(1))
        if invoice is None:
            return MADE_UP_FULL
        counted = [
            (name, self._db.scalar(select(func.count()).select_from(model)) or 0)
            for name, model in kinds
        ]
        counts = [pair for pair in counted if pair[1]]
        customer = self._db.get_one(Customer, invoice.customer_id)
        example = FullExample(counts, customer.name, invoice.number, invoice.date)
        for line in invoice.lines:
            charge = self._db.get_one(Charge, line.charge_id)
            text = line.description or charge.description or charge.name
            example.lines.append(FormLine(self._item(charge), text, line.amount))
        for tax in invoice.taxes:
            rate = f" {tax.rate.normalize():f}%" if tax.rate is not None else ""
            example.lines.append(FormLine(self._tax_item(tax.code), f"Tax {tax.code}{rate}", tax.amount))
        return example

    def _item(self, charge: Charge) -> str:
        try:
            name = self._full.item_of(charge.id).full_name
            return f"{name} (fallback)" if self._full.item_note() else name
        except Objection:
            return charge.item or "(no item chosen yet)"

    def _tax_item(self, code: str) -> str:
        try:
            return self._full.chart.tax_item(code).full_name
        except Objection:
            return "(no tax item chosen yet)"


def _in_order(by_account: dict[str, Decimal]) -> list[tuple[str, Decimal]]:
    """Debits before credits, the largest first."""
    return sorted(by_account.items(), key=lambda pair: (pair[1] < 0, -abs(pair[1]), pair[0]))
