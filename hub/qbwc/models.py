"""The conversation as rows: sessions, messages and the operations they carry."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base, Created, Owned
from hub.ledger.models import to


class SyncSession(Owned, Base):
    """One visit of a Web Connector, known by its ticket. Only the ticket's digest is kept."""

    __tablename__ = "sync_session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        Index("ix_sync_session_connection", "tenant_id", "connection_id", "id"),
        Index(
            "uq_sync_session_live",
            "tenant_id",
            "connection_id",
            unique=True,
            postgresql_where=text("closed IS NULL"),
        ),
    )

    connection_id: Mapped[int]
    ticket_digest: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(server_default="")
    """The internet address it came from."""
    started: Mapped[Created]
    last_call: Mapped[Created]
    closed: Mapped[dt.datetime | None]
    greeted: Mapped[bool] = mapped_column(server_default=text("false"))
    """The company has been read from the first call and is the right one."""
    agenda: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """The lists still to import, the one under way first with its iterator."""
    imported: Mapped[int] = mapped_column(server_default=text("0"))
    """Lists read to their end."""
    booked: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    refused: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    planned: Mapped[int] = mapped_column(server_default=text("0"))
    """How many operations and lists it has to do in all, as of the last look."""
    messages: Mapped[int] = mapped_column(server_default=text("0"))
    """How many messages have gone out in it."""
    preparing: Mapped[bool] = mapped_column(server_default=text("false"))
    """The last sendRequestXML was answered NoOp, as something is still being prepared."""
    asked: Mapped[int | None]
    """The message whose fate QuickBooks was asked for last."""
    error: Mapped[str] = mapped_column(server_default="")
    """What getLastError says."""


class Stage(enum.StrEnum):
    """Where a message stands."""

    PREPARED = "prepared"
    """Made ahead of its turn, and not sent."""
    OUTSTANDING = "outstanding"
    """It may have reached QuickBooks."""
    ANSWERED = "answered"
    LOST = "lost"
    """QuickBooks remembers nothing of it: each of its operations was looked for by itself."""
    UNREADABLE = "unreadable"
    """QuickBooks could not read it (0x80040400): nothing of it was run."""


class Message(Owned, Base):
    """The text of one sendRequestXML that changes something, and its answer."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "connection_id", "set_id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        Index(
            "uq_message_outstanding",
            "tenant_id",
            "connection_id",
            unique=True,
            postgresql_where=text("stage = 'outstanding'"),
        ),
        Index(
            "ix_message_prepared",
            "tenant_id",
            "connection_id",
            "id",
            postgresql_where=text("stage = 'prepared'"),
        ),
        Index(
            "ix_message_kept",
            "tenant_id",
            "answered",
            postgresql_where=text("answered IS NOT NULL AND text <> ''"),
        ),
    )

    connection_id: Mapped[int]
    set_id: Mapped[str]
    """The newMessageSetID: the same text with the same id is run only once (protocol.md D.4)."""
    size: Mapped[int] = mapped_column(server_default=text("0"))
    """How many requests it holds."""
    known: Mapped[bool] = mapped_column(server_default=text("false"))
    """QuickBooks says that it has run this text: sent once more, it only gives the outcome."""
    text: Mapped[str]
    """Empty once it was kept long enough, and so is the answer (``sweep``)."""
    stage: Mapped[Stage]
    created: Mapped[Created]
    sent_in: Mapped[int | None]
    """The sync session in whose call it went out last."""
    sent: Mapped[dt.datetime | None]
    answered: Mapped[dt.datetime | None]
    answer: Mapped[str | None]


class State(enum.StrEnum):
    """Where an operation stands."""

    QUEUED = "queued"
    HELD = "held"
    SENT = "sent"
    DOUBT = "doubt"
    """An addition that QuickBooks may have booked: it is asked before anything else goes."""
    FAILED = "failed"
    EXCLUDED = "excluded"
    """A person said that it is not to go to QuickBooks."""
    DONE = "done"

    @property
    def label(self) -> str:
        return {
            "queued": "Ready",
            "held": "Held",
            "sent": "Sending",
            "doubt": "Unknown, checking",
            "failed": "Needs you",
            "excluded": "Excluded",
            "done": "Booked",
        }[self.value]


class Operation(Owned, Base):
    """Carrying one record's present state to QuickBooks: add it, change it, void it.

    Which of these it is gets decided when its message is built, from the record
    and its link, so a record waits at most once however often it changes.
    """

    __tablename__ = "operation"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        to("connection", "connection_id", ondelete="CASCADE"),
        to("message", "message_id"),
        Index(
            "uq_operation_waiting",
            "tenant_id",
            "connection_id",
            "subject",
            unique=True,
            postgresql_where=text("state IN ('queued', 'held', 'failed', 'excluded')"),
        ),
        Index(
            "ix_operation_next",
            "tenant_id",
            "connection_id",
            "rank",
            "id",
            postgresql_where=text("state IN ('queued', 'held', 'doubt')"),
        ),
        Index("ix_operation_subject", "tenant_id", "connection_id", "subject", "id"),
        Index("ix_operation_state", "tenant_id", "connection_id", "state", "id"),
        Index("ix_operation_message", "tenant_id", "message_id"),
        Index(
            "ix_operation_held",
            "tenant_id",
            "connection_id",
            "due",
            postgresql_where=text("state = 'held'"),
        ),
    )

    connection_id: Mapped[int]
    subject: Mapped[str]
    """``invoice:42``: kind and id of the record."""
    rank: Mapped[int]
    """Lower ranks go first: customers before invoices before payments."""
    state: Mapped[State]
    kind: Mapped[str] = mapped_column(server_default="")
    """The request it became: ``InvoiceAdd``."""
    version: Mapped[int] = mapped_column(server_default=text("0"))
    """The version of the record that the request carries."""
    fingerprint: Mapped[str] = mapped_column(server_default="")
    accounts: Mapped[list[list[Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Purpose, charge id, code and account of each amount the request carries."""
    message_id: Mapped[int | None]
    question: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The query that tells what became of an addition in doubt."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due: Mapped[dt.datetime | None]
    """Not to be tried again before this; what is held, not to be looked at again unless something changes."""
    plain: Mapped[bool] = mapped_column(server_default=text("false"))
    """QuickBooks could not read it: its next message has plain ASCII letters only."""
    code: Mapped[int | None]
    """QuickBooks' statusCode."""
    note: Mapped[str] = mapped_column(server_default="")
    """Why it is held or needs a person: a sentence that says what to do."""
    created: Mapped[Created]
    settled: Mapped[dt.datetime | None]


class Refusal(Owned, Base):
    """What QuickBooks does not let the hub read: a list, or what was booked."""

    __tablename__ = "refusal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "what"),
        to("connection", "connection_id", ondelete="CASCADE"),
    )

    connection_id: Mapped[int]
    what: Mapped[str]
    """The list, as ``ListKind`` names it, or ``booked``."""
    since: Mapped[dt.datetime]
    asked: Mapped[dt.datetime]
    """When QuickBooks was asked last."""
    code: Mapped[int]
    """QuickBooks' statusCode."""
    note: Mapped[str]
    """The sentence that says why and what to do."""


class Inbox(Owned, Base):
    """An answer too large to be taken in within its call: stored, and taken in right after."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sync_session_id"),
        to("sync_session", "sync_session_id", ondelete="CASCADE"),
    )

    sync_session_id: Mapped[int]
    text: Mapped[str]
    arrived: Mapped[Created]
