"""What was billed: records as the billing platform sent them, and the postings they make.

A record is known by the tenant's own id for it and carries a version. Its postings
are append only: a change or void adds the difference, nothing is ever edited.
"""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.db import Base, Created, Money, Owned


def to(table: str, column: str, **options: Any) -> ForeignKeyConstraint:
    """Return the foreign key ``(tenant_id, column)``: a row cannot point at another tenant's."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], **options)


class Status(enum.StrEnum):
    """Whether a record counts."""

    OPEN = "open"
    VOID = "void"


class Record(Owned):
    """What every billing record has."""

    external_id: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    """SHA-256 of the body, to tell the same push from another."""
    created: Mapped[Created]
    updated: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


def own(*more: Any) -> tuple[Any, ...]:
    """Return the constraints every record table has, and ``more``."""
    return (UniqueConstraint("tenant_id", "id"), UniqueConstraint("tenant_id", "external_id"), *more)


class Customer(Record, Base):
    """Someone the tenant bills."""

    __tablename__ = "customer"
    __table_args__ = own(
        to("customer", "parent_id"), Index("ix_customer_parent", "tenant_id", "parent_id")
    )

    name: Mapped[str]
    parent_id: Mapped[int | None]
    """The customer that it is a part, a site or a job of."""
    company: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    account_number: Mapped[str | None]
    bill_address: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    currency: Mapped[str]


class ChargeKind(enum.StrEnum):
    """What a charge is; the account of a discount or write-off may be the one of its purpose."""

    SALE = "sale"
    DISCOUNT = "discount"
    WRITE_OFF = "write_off"


class Charge(Record, Base):
    """What is sold; its accounting code (summary) or item (full) says where it is booked."""

    __tablename__ = "charge"
    __table_args__ = own()

    name: Mapped[str]
    kind: Mapped[ChargeKind] = mapped_column(server_default="sale")
    description: Mapped[str | None]
    accounting_code: Mapped[str | None]
    item: Mapped[str | None]
    class_name: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(15, 2))
    taxable: Mapped[bool] = mapped_column(server_default=text("false"))


class BillingCycle(Record, Base):
    """The span a tenant bills by; closing it books its summary."""

    __tablename__ = "billing_cycle"
    __table_args__ = own(CheckConstraint("starts <= ends", name="span"))

    name: Mapped[str]
    starts: Mapped[dt.date]
    ends: Mapped[dt.date]
    closed: Mapped[dt.datetime | None]


class Line:
    """One row of an invoice or credit memo. ``amount`` counts, whatever quantity and rate say. One
    without a charge is a line of text: it amounts to nothing."""

    position: Mapped[int]
    charge_id: Mapped[int | None]
    description: Mapped[str | None]
    quantity: Mapped[Decimal | None] = mapped_column(Numeric(18, 5))
    rate: Mapped[Decimal | None] = mapped_column(Numeric(18, 5))
    amount: Mapped[Money]
    class_name: Mapped[str | None]


class Tax:
    """One tax on an invoice or credit memo, as the billing platform computed it."""

    position: Mapped[int]
    code: Mapped[str]
    rate: Mapped[Decimal | None] = mapped_column(Numeric(18, 5))
    amount: Mapped[Money]


def rows(parent: str, child: str, key: str) -> Any:
    """Return the relationship to a document's own rows, in their order."""
    return relationship(
        child,
        primaryjoin=f"{parent}.id == foreign({child}.{key})",
        order_by=f"{child}.position",
        cascade="all, delete-orphan",
        lazy="selectin",
    )


class Invoice(Record, Base):
    """A bill to a customer."""

    __tablename__ = "invoice"
    __table_args__ = own(
        to("customer", "customer_id"),
        to("billing_cycle", "billing_cycle_id"),
        CheckConstraint("total >= 0", name="total_not_negative"),
        Index("ix_invoice_customer", "tenant_id", "customer_id"),
        Index("ix_invoice_cycle", "tenant_id", "billing_cycle_id"),
    )

    number: Mapped[str]
    customer_id: Mapped[int]
    billing_cycle_id: Mapped[int | None]
    date: Mapped[dt.date]
    due_date: Mapped[dt.date | None]
    po_number: Mapped[str | None]
    terms: Mapped[str | None]
    message: Mapped[str | None]
    """What the printed form says to the customer below its lines."""
    currency: Mapped[str]
    memo: Mapped[str | None]
    status: Mapped[Status]
    total: Mapped[Money]

    lines: Mapped[list[InvoiceLine]] = rows("Invoice", "InvoiceLine", "invoice_id")
    taxes: Mapped[list[InvoiceTax]] = rows("Invoice", "InvoiceTax", "invoice_id")


class InvoiceLine(Line, Owned, Base):
    """A row of an invoice: it bills a charge."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        to("invoice", "invoice_id", ondelete="CASCADE"),
        to("charge", "charge_id"),
        Index("ix_invoice_line_invoice", "tenant_id", "invoice_id"),
    )

    invoice_id: Mapped[int]


class InvoiceTax(Tax, Owned, Base):
    """A tax on an invoice."""

    __tablename__ = "invoice_tax"
    __table_args__ = (
        to("invoice", "invoice_id", ondelete="CASCADE"),
        Index("ix_invoice_tax_invoice", "tenant_id", "invoice_id"),
    )

    invoice_id: Mapped[int]


class CreditMemo(Record, Base):
    """A document that lowers what a customer owes."""

    __tablename__ = "credit_memo"
    __table_args__ = own(
        to("customer", "customer_id"),
        to("billing_cycle", "billing_cycle_id"),
        CheckConstraint("total >= 0", name="total_not_negative"),
        Index("ix_credit_memo_customer", "tenant_id", "customer_id"),
        Index("ix_credit_memo_cycle", "tenant_id", "billing_cycle_id"),
    )

    number: Mapped[str]
    customer_id: Mapped[int]
    billing_cycle_id: Mapped[int | None]
    date: Mapped[dt.date]
    currency: Mapped[str]
    memo: Mapped[str | None]
    status: Mapped[Status]
    total: Mapped[Money]

    lines: Mapped[list[CreditMemoLine]] = rows("CreditMemo", "CreditMemoLine", "credit_memo_id")
    taxes: Mapped[list[CreditMemoTax]] = rows("CreditMemo", "CreditMemoTax", "credit_memo_id")
    applied: Mapped[list[CreditMemoApplied]] = rows("CreditMemo", "CreditMemoApplied", "credit_memo_id")


class CreditMemoLine(Line, Owned, Base):
    """A row of a credit memo: it credits a charge."""

    __tablename__ = "credit_memo_line"
    __table_args__ = (
        to("credit_memo", "credit_memo_id", ondelete="CASCADE"),
        to("charge", "charge_id"),
        Index("ix_credit_memo_line_credit_memo", "tenant_id", "credit_memo_id"),
    )

    credit_memo_id: Mapped[int]


class CreditMemoTax(Tax, Owned, Base):
    """A tax given back with a credit memo."""

    __tablename__ = "credit_memo_tax"
    __table_args__ = (
        to("credit_memo", "credit_memo_id", ondelete="CASCADE"),
        Index("ix_credit_memo_tax_credit_memo", "tenant_id", "credit_memo_id"),
    )

    credit_memo_id: Mapped[int]


class Applied:
    """The part of a payment or credit memo that settles one invoice."""

    position: Mapped[int]
    invoice_id: Mapped[int]
    amount: Mapped[Money]


class CreditMemoApplied(Applied, Owned, Base):
    """What of a credit memo goes to one invoice."""

    __tablename__ = "credit_memo_applied"
    __table_args__ = (
        to("credit_memo", "credit_memo_id", ondelete="CASCADE"),
        to("invoice", "invoice_id"),
        Index("ix_credit_memo_applied_credit_memo", "tenant_id", "credit_memo_id"),
        Index("ix_credit_memo_applied_invoice", "tenant_id", "invoice_id"),
    )

    credit_memo_id: Mapped[int]


class Payment(Record, Base):
    """Money received from a customer."""

    __tablename__ = "payment"
    __table_args__ = own(
        to("customer", "customer_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_payment_customer", "tenant_id", "customer_id"),
    )

    customer_id: Mapped[int]
    date: Mapped[dt.date]
    method: Mapped[str | None]
    reference: Mapped[str | None]
    amount: Mapped[Money]
    currency: Mapped[str]
    status: Mapped[Status]

    applied: Mapped[list[PaymentApplied]] = rows("Payment", "PaymentApplied", "payment_id")


class PaymentApplied(Applied, Owned, Base):
    """What of a payment goes to one invoice."""

    __tablename__ = "payment_applied"
    __table_args__ = (
        to("payment", "payment_id", ondelete="CASCADE"),
        to("invoice", "invoice_id"),
        Index("ix_payment_applied_payment", "tenant_id", "payment_id"),
        Index("ix_payment_applied_invoice", "tenant_id", "invoice_id"),
    )

    payment_id: Mapped[int]


class RefundKind(enum.StrEnum):
    """Who has given the money back."""

    REFUND = "refund"
    CHARGEBACK = "chargeback"
    """The customer's bank has taken a payment back: what it paid is open again."""


class Refund(Record, Base):
    """Money given back to a customer, or taken back by the customer's bank."""

    __tablename__ = "refund"
    __table_args__ = own(
        to("customer", "customer_id"),
        to("credit_memo", "credit_memo_id"),
        to("payment", "payment_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_refund_customer", "tenant_id", "customer_id"),
        Index("ix_refund_payment", "tenant_id", "payment_id"),
    )

    kind: Mapped[RefundKind] = mapped_column(server_default="refund")
    customer_id: Mapped[int]
    credit_memo_id: Mapped[int | None]
    payment_id: Mapped[int | None]
    """The payment that was charged back."""
    date: Mapped[dt.date]
    method: Mapped[str | None]
    reference: Mapped[str | None]
    amount: Mapped[Money]
    currency: Mapped[str]
    status: Mapped[Status]


class Purpose(enum.StrEnum):
    """What an amount is, before anybody has said which QuickBooks account that means."""

    RECEIVABLE = "receivable"
    INCOME = "income"
    TAX = "tax"
    DEPOSIT = "deposit"
    REFUND = "refund"
    """Money given back, by payment method."""
    ROUNDING = "rounding"
    """What a document's stated total is off from its lines and taxes."""


class Posting(Owned, Base):
    """One debit (positive) or credit (negative) that a record makes. Append only.

    The postings of one version of a record add up to zero. What they are booked
    to is decided late, from ``purpose`` and ``charge_id`` or ``code``; ``account``
    is that decision once QuickBooks has it.
    """

    __tablename__ = "posting"
    __table_args__ = (
        to("customer", "customer_id"),
        to("charge", "charge_id"),
        to("billing_cycle", "billing_cycle_id"),
        to("journal_entry", "journal_entry_id"),
        Index("ix_posting_record", "tenant_id", "kind", "record_id"),
        Index(
            "ix_posting_open",
            "tenant_id",
            "billing_cycle_id",
            "date",
            postgresql_where=text("journal_entry_id IS NULL"),
        ),
        Index("ix_posting_journal_entry", "tenant_id", "journal_entry_id"),
    )

    kind: Mapped[str]
    record_id: Mapped[int]
    version: Mapped[int]
    customer_id: Mapped[int]
    billing_cycle_id: Mapped[int | None]
    date: Mapped[dt.date]
    currency: Mapped[str]
    purpose: Mapped[Purpose]
    charge_id: Mapped[int | None]
    code: Mapped[str] = mapped_column(server_default="")
    """The tax code (tax) or payment method (deposit)."""
    class_name: Mapped[str] = mapped_column(server_default="")
    amount: Mapped[Money]
    account: Mapped[str | None]
    """Full name of the QuickBooks account it was booked to; in a journal entry only where it is not
    booked as the entry books amounts of its kind (``PlacedPosting`` knows both)."""
    journal_entry_id: Mapped[int | None]
    """The journal entry that carries it (summary mode)."""
    created: Mapped[Created]


class PlacedPosting(Base):
    """A posting with the account it was booked to, be it its own or its journal entry's; to be read only."""

    __table__ = Table(
        "hub_placed_posting",
        # A view, which the migrations make: not among the tables.
        MetaData(),
        *(Column(one.name, one.type, primary_key=one.name == "id") for one in Posting.__table__.columns),
    )

    id: Mapped[int]
    kind: Mapped[str]
    record_id: Mapped[int]
    customer_id: Mapped[int]
    date: Mapped[dt.date]
    purpose: Mapped[Purpose]
    charge_id: Mapped[int | None]
    code: Mapped[str]
    class_name: Mapped[str]
    amount: Mapped[Decimal]
    account: Mapped[str | None]
    journal_entry_id: Mapped[int | None]
