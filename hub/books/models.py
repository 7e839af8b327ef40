"""What QuickBooks holds, as far as the hub knows: its lists, and what became of our records."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import Computed, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base, Created, Document, Money, Owned
from hub.ledger.models import to


class Trouble(enum.StrEnum):
    """Why nothing is sent to a company file."""

    NO_COMPANY = "no_company"
    """The Web Connector brought no readable word of who is there."""
    UNSTAMPED = "unstamped"
    WRONG_FILE = "wrong_file"
    MOVED = "moved"
    """The stamp is right and the path or the company's name is another: moved, renamed or copied."""
    SAMPLE = "sample"
    COUNTRY = "country"
    QUICKBOOKS = "quickbooks"
    """QuickBooks did not open, or the Web Connector was not let in."""


class Connection(Owned, Base):
    """The way to one company file: the FileID stamped into it and the login of its Web Connector."""

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        # One company file a tenant for now: a second file is a second connection.
        UniqueConstraint("tenant_id"),
        to("staff", "staff_id"),
    )

    staff_id: Mapped[int | None]
    """The integration login; none until the QWC file is first made."""
    file_id: Mapped[uuid.UUID]
    """Minted once; a new one on a new download would be QBWC1039."""
    name: Mapped[str]
    """The AppName: registry key in Windows and the name in Integrated Applications; never changes."""
    created: Mapped[Created]
    company_name: Mapped[str | None]
    company_path: Mapped[str | None]
    """Name and path of the company file as of the last session that found the right one."""
    paths: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Every path that a person has confirmed: one of them with another in use looks like a copy."""
    found: Mapped[Document] = mapped_column(server_default=text("'{}'"))
    """Name and path of what is open instead, while ``trouble`` is ``moved``."""
    confirmed: Mapped[dt.datetime | None]
    """When a person said that this company is the right one; nothing is written before."""
    company: Mapped[Document] = mapped_column(server_default=text("'{}'"))
    """Product, qbXML version and preferences as of the last session."""
    trouble: Mapped[Trouble | None]
    """Why nothing is sent, while that is so."""
    problem: Mapped[str | None]
    """The sentence that says it."""
    last_seen: Mapped[dt.datetime | None]
    refused: Mapped[dt.datetime | None]
    """When a Web Connector last came with a wrong password, since one came with the right one."""
    refused_from: Mapped[str] = mapped_column(server_default="")
    refused_count: Mapped[int] = mapped_column(server_default=text("0"))
    paused_until: Mapped[dt.datetime | None]
    interval: Mapped[int | None]
    """Seconds that must lie between two runs; none leaves it to the Web Connector."""
    imported: Mapped[dt.datetime | None]
    """When the lists were last read to their end."""
    import_wanted: Mapped[bool] = mapped_column(server_default=text("true"))
    batch: Mapped[int]
    """How many requests the next message may hold, by how long QuickBooks took for the last."""


class ListKind(enum.StrEnum):
    """The QuickBooks lists that are imported."""

    ACCOUNT = "account"
    ITEM = "item"
    CUSTOMER = "customer"
    CLASS = "class"
    PAYMENT_METHOD = "payment_method"
    SALES_TAX_CODE = "sales_tax_code"
    VENDOR = "vendor"
    EMPLOYEE = "employee"
    OTHER_NAME = "other_name"
    TERMS = "terms"
    CUSTOMER_MESSAGE = "customer_message"
    TEMPLATE = "template"
    CURRENCY = "currency"


NAMES = (ListKind.CUSTOMER, ListKind.VENDOR, ListKind.EMPLOYEE, ListKind.OTHER_NAME)
"""The lists that share one set of names: a customer cannot be called as a vendor is (protocol.md C.4)."""


class ListEntry(Owned, Base):
    """One entry of a QuickBooks list: an account, an item, a customer, …"""

    __tablename__ = "list_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "kind", "list_id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        Index("ix_list_entry_name", "tenant_id", "kind", text("lower(full_name)")),
        Index("ix_list_entry_name_key", "tenant_id", "kind", "name_key"),
        *(
            Index(
                f"ix_list_entry_customer_{key}",
                "tenant_id",
                key,
                postgresql_where=text(f"kind = 'customer' AND {key} <> ''"),
            )
            for key in ("number", "email_key", "company_key")
        ),
    )

    connection_id: Mapped[int]
    kind: Mapped[ListKind]
    list_id: Mapped[str]
    full_name: Mapped[str]
    type: Mapped[str] = mapped_column(server_default="")
    """An account's AccountType, which kind of item it is (``ItemService``), or what a template is for."""
    special: Mapped[str] = mapped_column(server_default="")
    """An account's SpecialAccountType: tells Accounts Receivable in any language."""
    number: Mapped[str] = mapped_column(server_default="")
    """Account number: of an account, or of a customer; a currency's code."""
    email: Mapped[str] = mapped_column(server_default="")
    company: Mapped[str] = mapped_column(server_default="")
    name_key: Mapped[str] = mapped_column(Computed("lower(full_name)"))
    email_key: Mapped[str] = mapped_column(Computed("lower(email)"))
    company_key: Mapped[str] = mapped_column(Computed("lower(company)"))
    """In small letters, and columns of their own: where rows are a tenant's, PostgreSQL looks nothing
    up by the outcome of a function that is not known to leak none of them."""
    account: Mapped[str] = mapped_column(server_default="")
    """Full name of the account an item is booked to."""
    description: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str] = mapped_column(server_default="")
    """QuickBooks' name of what an account or a customer is kept in; empty is the home currency."""
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    gone: Mapped[bool] = mapped_column(server_default=text("false"))
    """Deleted in QuickBooks, and so inactive here as well."""
    edit_sequence: Mapped[str] = mapped_column(server_default="")
    balance: Mapped[Decimal | None] = mapped_column(Numeric(15, 2))
    """An account's own balance as of its last import."""
    due_days: Mapped[int | None]
    """In how many days an invoice of these terms is due; none where days alone do not tell."""
    seen: Mapped[int]
    """The sync session that last saw it; what the newest import did not see is gone."""


class ListImport(Owned, Base):
    """How far one list has been read: the next import asks for what changed since."""

    __tablename__ = "list_import"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "kind"),
        to("connection", "connection_id", ondelete="CASCADE"),
    )

    connection_id: Mapped[int]
    kind: Mapped[ListKind]
    modified: Mapped[str] = mapped_column(server_default="")
    """The highest TimeModified seen, in QuickBooks' local time and without its offset (protocol.md E.2)."""
    whole: Mapped[dt.datetime | None]
    """When the list was last read from its beginning to its end."""
    read: Mapped[dt.datetime | None]
    """When it was last read to its end, from wherever on."""
    added: Mapped[int] = mapped_column(server_default=text("0"))
    changed: Mapped[int] = mapped_column(server_default=text("0"))
    gone: Mapped[int] = mapped_column(server_default=text("0"))
    """What that reading brought: how many entries were new, different, and deleted in QuickBooks."""


class Assignment(Owned, Base):
    """A person's choice of what an amount is booked to, by purpose and code."""

    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("tenant_id", "purpose", "code"),)

    purpose: Mapped[str]
    """``clearing``, ``receivable``, ``tax``, ``deposit``, ``refund``, ``money_in``, ``discount``,
    ``write_off`` or ``rounding``."""
    code: Mapped[str] = mapped_column(server_default="")
    """The tax code, payment method or foreign currency; empty is the rule for all."""
    name: Mapped[str]
    """Full name of the account, or in full mode of the tax's item."""


class Family(enum.StrEnum):
    """What a journal entry gathers."""

    BILLING = "billing"
    PAYMENTS = "payments"
    CREDITS = "credits"
    """Credit memos and refunds."""
    TOGETHER = "together"
    """All three, where the tenant wants one entry."""

    @property
    def label(self) -> str:
        return {
            "billing": "What was billed",
            "payments": "What was paid",
            "credits": "Credits and refunds",
            "together": "What was billed, paid and credited",
        }[self.value]


class Correction(enum.StrEnum):
    """Why a journal entry follows another."""

    TRUE_UP = "true_up"
    """It holds what changed after the other was sent."""
    REVERSAL = "reversal"
    """It turns the other one round."""
    REPOST = "repost"
    """It holds what the other held, which was reversed."""


class Undoing(enum.StrEnum):
    """How a booked journal entry is taken back."""

    REVERSAL = "reversal"
    """By an entry that turns it round."""
    VOID = "void"
    """It stays in QuickBooks without amounts."""


class JournalEntry(Owned, Base):
    """One summary: the postings stamped with it go to QuickBooks as one journal entry.

    It gathers postings from the first one on, is *released* when its billing cycle is closed or
    its period is over, *approved* by a person or the tenant's rule, *frozen* when it is sent or
    a person has approved it, and *undone* where it is reversed or voided: its postings are in
    another entry then.
    """

    __tablename__ = "journal_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "number"),
        to("billing_cycle", "billing_cycle_id"),
        to("journal_entry", "follows_id"),
        Index(
            "uq_journal_entry_gathering",
            "tenant_id",
            "billing_cycle_id",
            "starts",
            "family",
            "currency",
            unique=True,
            postgresql_where=text("frozen IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    billing_cycle_id: Mapped[int | None]
    """Its billing cycle; none where the tenant summarizes by day, week or month."""
    starts: Mapped[dt.date]
    family: Mapped[Family]
    currency: Mapped[str]
    number: Mapped[str]
    """Its RefNumber: at most 11 characters, one of its kind in the company file."""
    date: Mapped[dt.date]
    """The last day of its span, on which it is booked."""
    correction: Mapped[Correction | None]
    follows_id: Mapped[int | None]
    """The entry that it corrects."""
    version: Mapped[int] = mapped_column(server_default=text("1"))
    """Grows where it is amended after it was booked."""
    created: Mapped[Created]
    released: Mapped[dt.datetime | None]
    approved: Mapped[dt.datetime | None]
    approved_by: Mapped[str] = mapped_column(server_default="")
    """Who approved it; empty where the tenant's rule did."""
    approved_as: Mapped[str] = mapped_column(server_default="")
    """The fingerprint of what a person saw; another one needs another approval."""
    frozen: Mapped[dt.datetime | None]
    """When it was sent or approved; from then on it takes no more postings."""
    undone: Mapped[Undoing | None]


class JournalEntryLine(Owned, Base):
    """One line of a journal entry as it was sent."""

    __tablename__ = "journal_entry_line"
    __table_args__ = (
        to("journal_entry", "journal_entry_id", ondelete="CASCADE"),
        Index("ix_journal_entry_line_entry", "tenant_id", "journal_entry_id"),
    )

    journal_entry_id: Mapped[int]
    account: Mapped[str]
    class_name: Mapped[str] = mapped_column(server_default="")
    amount: Mapped[Money]
    """Debit positive, credit negative."""
    memo: Mapped[str] = mapped_column(server_default="")


class JournalEntryAccount(Owned, Base):
    """Which account a journal entry books the amounts of one purpose, charge and code to, from the moment
    its request is made; its next version books them there as well."""

    __tablename__ = "journal_entry_account"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id",
            "journal_entry_id",
            "purpose",
            "charge_id",
            "code",
            name="uq_journal_entry_account_slot",
        ),
        to("journal_entry", "journal_entry_id", ondelete="CASCADE"),
    )

    journal_entry_id: Mapped[int]
    purpose: Mapped[str]
    charge_id: Mapped[int] = mapped_column(server_default=text("0"))
    """0 where it is no charge's: so rows are compared as equals."""
    code: Mapped[str] = mapped_column(server_default="")
    account: Mapped[str]


class WantedAccount(Owned, Base):
    """An account that QuickBooks is to create, since a person asked for it."""

    __tablename__ = "wanted_account"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    name: Mapped[str]
    type: Mapped[str]
    """QuickBooks' AccountType."""
    number: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str] = mapped_column(server_default="")
    """The foreign currency that it is kept in; empty is the home currency."""
    created: Mapped[Created]


class Link(Owned, Base):
    """What one record became in QuickBooks."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "subject"),
        UniqueConstraint("tenant_id", "id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        Index("ix_link_object", "tenant_id", "connection_id", "object_id"),
        Index(
            "ix_link_formerly",
            "tenant_id",
            "connection_id",
            "formerly",
            postgresql_where=text("formerly <> ''"),
        ),
    )

    connection_id: Mapped[int]
    subject: Mapped[str]
    """``invoice:42``: kind and id of the record."""
    object: Mapped[str]
    """What it is in QuickBooks: ``Invoice``, ``Customer``, …"""
    object_id: Mapped[str]
    """Its ListID or TxnID, the only key that people cannot change."""
    edit_sequence: Mapped[str]
    number: Mapped[str] = mapped_column(server_default="")
    version: Mapped[int]
    """The version of the record that QuickBooks holds."""
    fingerprint: Mapped[str]
    """SHA-256 of the fields that were sent."""
    voided: Mapped[bool] = mapped_column(server_default=text("false"))
    missing: Mapped[bool] = mapped_column(server_default=text("false"))
    """QuickBooks no longer has it: somebody deleted it there, or restored a backup."""
    booked: Mapped[dt.datetime]
    adopted: Mapped[bool] = mapped_column(server_default=text("false"))
    """QuickBooks had it before the hub; the tenant's policy says what of it follows the billing."""
    formerly: Mapped[str] = mapped_column(server_default="")
    """The subject whose place another document has taken: this one was voided, or credited in full."""
    content: Mapped[Document] = mapped_column(server_default=text("'{}'"))
    """What a transaction said when QuickBooks last agreed with the hub (``contents``)."""
    balance: Mapped[Decimal | None] = mapped_column(Numeric(15, 2))
    """What was open of it when QuickBooks last showed it; none where nobody knows."""
    edited: Mapped[dt.datetime | None]
    """When it was found changed in QuickBooks, until the billing's version is booked again."""
    found: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What it says there instead; none once a person has kept that, or it was taken back."""


class Readback(Owned, Base):
    """How far the changes in one kind of transaction have been read back."""

    __tablename__ = "readback"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "object"),
        to("connection", "connection_id", ondelete="CASCADE"),
    )

    connection_id: Mapped[int]
    object: Mapped[str]
    """``Invoice``, ``JournalEntry``, …; ``deleted`` for what is gone of all of them."""
    modified: Mapped[str] = mapped_column(server_default="")
    """The highest time seen, in QuickBooks' local time and without its offset (protocol.md E.2)."""
    read: Mapped[dt.datetime]


class BookedLine(Owned, Base):
    """What a linked object puts on one account, read from QuickBooks' own answer."""

    __tablename__ = "booked_line"
    __table_args__ = (
        to("link", "link_id", ondelete="CASCADE"),
        Index("ix_booked_line_link", "tenant_id", "link_id"),
    )

    link_id: Mapped[int]
    date: Mapped[dt.date]
    currency: Mapped[str]
    account: Mapped[str]
    amount: Mapped[Money]
    """Debit positive, credit negative."""
