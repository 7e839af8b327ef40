"""Who keeps books through the hub, and who may act for them."""

from __future__ import annotations

import datetime as dt
import enum
import uuid

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base, Created, Document, Key, Owned


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
