"""Who keeps books through the hub, and who may act for them."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base, Created, Document, Key, Money, Owned


class Mode(enum.StrEnum):
    """How a tenant's billing reaches QuickBooks."""

    SUMMARY = "summary"
    FULL = "full"

    @property
    def label(self) -> str:
        return {"summary": "Summarized Journal Entry", "full": "Full Synchronization"}[self.value]


class Tenant(Base):
    """A business that bills through the hub and keeps its books in QuickBooks Desktop."""

    __tablename__ = "tenant"
    __table_args__ = (CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name="slug"),)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    mode: Mapped[Mode]
    currency: Mapped[str] = mapped_column(server_default="USD")
    owner_id: Mapped[uuid.UUID] = mapped_column(server_default=func.gen_random_uuid())
    """The OwnerID of every QWC file of this tenant; minted once, never changed."""
    confirm_company: Mapped[bool] = mapped_column(server_default=text("false"))
    """The first company file that connects is taken as the right one without asking."""
    created: Mapped[Created]


class Period(enum.StrEnum):
    """The span whose postings make one set of journal entries; a month's end always parts them."""

    CYCLE = "cycle"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Detail(enum.StrEnum):
    """What gets a line of its own in a journal entry; by class too where QuickBooks tracks classes."""

    ACCOUNT = "account"
    CHARGE = "charge"


class Control(enum.StrEnum):
    """What stands for the money customers owe."""

    CLEARING = "clearing"
    RECEIVABLE = "receivable"
    """Accounts Receivable, in the name of one Master Customer."""


class Approval(enum.StrEnum):
    """Whether a person looks at a journal entry before it is sent."""

    MANUAL = "manual"
    AFTER_FIRST = "after_first"
    """A person approves the first one; the rest goes by itself."""
    AUTOMATIC = "automatic"


class LateChange(enum.StrEnum):
    """What becomes of a record that changes after its journal entry was sent."""

    TRUE_UP = "true_up"
    """The difference is booked in an entry of its own."""
    AMEND = "amend"
    """The entry in QuickBooks is changed, while its period is open."""
    REVERSE = "reverse"
    """The entry is reversed and booked anew."""
    HOLD = "hold"
    """A true-up that waits for a person's approval."""


class Closed(enum.StrEnum):
    """What becomes of an entry dated in a closed period."""

    HOLD = "hold"
    FIRST_OPEN_DAY = "first_open_day"
    ASK = "ask"
    """It goes to the first open day once a person has approved that."""


class Policy(Owned, Base):
    """How a tenant wants its summaries booked: one row a tenant."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    period: Mapped[Period] = mapped_column(server_default="cycle")
    detail: Mapped[Detail] = mapped_column(server_default="account")
    together: Mapped[bool] = mapped_column(server_default=text("false"))
    """What was billed, paid and credited stands in one entry instead of three."""
    control: Mapped[Control] = mapped_column(server_default="clearing")
    master_customer: Mapped[str] = mapped_column(server_default="Billing customers")
    number_template: Mapped[str] = mapped_column(server_default="{family}{date}-{n}")
    memo_template: Mapped[str] = mapped_column(server_default="{cycle} · {number}{correction}")
    approval: Mapped[Approval] = mapped_column(server_default="after_first")
    approval_limit: Mapped[Decimal | None] = mapped_column(Numeric(15, 2))
    """An entry whose debits are more than this waits for a person; none: no limit."""
    four_eyes: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whoever last said where something is booked cannot approve."""
    late_change: Mapped[LateChange] = mapped_column(server_default="true_up")
    closed_period: Mapped[Closed] = mapped_column(server_default="hold")
    lock_date: Mapped[dt.date | None]
    """Nothing is booked on this day or before it, whatever QuickBooks' own closing date."""
    rounding_limit: Mapped[Money] = mapped_column(server_default=text("0.05"))
    cutover: Mapped[dt.date | None]
    """What is dated before this day was booked by other means and is never sent."""


class StaffKind(enum.StrEnum):
    """A person signs in to the pages; an integration login is a Web Connector's alone."""

    PERSON = "person"
    INTEGRATION = "integration"


class Staff(Owned, Base):
    """A member of a tenant's staff: a person, or an integration login with Web Service API access."""

    __tablename__ = "staff"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("uq_staff_login", text("lower(login)"), unique=True),
    )

    kind: Mapped[StaffKind]
    login: Mapped[str]
    """A person's email address or an integration's username; one of its kind over all tenants."""
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created: Mapped[Created]
    last_seen: Mapped[dt.datetime | None]


class SupportStaff(Base):
    """A member of the hub's own support staff, who may help any tenant."""

    __tablename__ = "support_staff"
    __table_args__ = (Index("uq_support_staff_login", text("lower(login)"), unique=True),)

    id: Mapped[Key]
    login: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created: Mapped[Created]


class APIToken(Owned, Base):
    """A key to a tenant's API. Only its digest is kept."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    digest: Mapped[str] = mapped_column(unique=True)
    hint: Mapped[str]
    """The first characters, by which a person knows it again."""
    created: Mapped[Created]
    revoked: Mapped[dt.datetime | None]


class AuditEntry(Owned, Base):
    """One act on a tenant's settings or credentials: who, what, when. Append only."""

    __tablename__ = "audit_entry"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    moment: Mapped[Created]
    actor: Mapped[str]
    action: Mapped[str]
    detail: Mapped[Document] = mapped_column(server_default=text("'{}'"))
