"""How a tenant wants its records booked one by one, in Full Synchronization mode."""

from __future__ import annotations

import enum

from sqlalchemy import UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.db import Base, Owned

USUAL_HOURS = 6
"""How often QuickBooks is read back where nobody has chosen."""


class NameRule(enum.StrEnum):
    """What a customer is called in QuickBooks."""

    NAME = "name"
    COMPANY = "company"
    """Its company; its name where it has none."""


class Unfit(enum.StrEnum):
    """What becomes of a name that QuickBooks cannot keep: too long, or with a colon."""

    ASK = "ask"
    SHORTEN = "shorten"
    """A name is made of it by the rule that the pages show; the full one stands in the notes."""


class Hierarchy(enum.StrEnum):
    """What becomes of a customer's parent."""

    FLAT = "flat"
    """It is ignored."""
    JOBS = "jobs"
    """A new customer is a job of its parent: ``Parent:Job``."""


class Clash(enum.StrEnum):
    """What becomes of a name that somebody else has in QuickBooks."""

    ASK = "ask"
    SUFFIX = "suffix"
    """The customer is saved with `` (C)`` behind its name."""


class LinkMatches(enum.StrEnum):
    """Which customers found in QuickBooks are linked without asking."""

    ALL = "all"
    SURE = "sure"
    """Those of the same account number or the same full name."""
    NONE = "none"


class Missing(enum.StrEnum):
    """What becomes of what QuickBooks does not have."""

    CREATE = "create"
    ASK = "ask"
    HOLD = "hold"


class Update(enum.StrEnum):
    """What of a customer that QuickBooks had already follows the billing."""

    NEVER = "never"
    CONTACT = "contact"
    ALL = "all"


class Edited(enum.StrEnum):
    """What becomes of a document that the billing changes after QuickBooks has it."""

    UPDATE = "update"
    """It is changed there while it is open and unpaid; else credited in full and billed anew."""
    REBILL = "rebill"
    HOLD = "hold"


class Voided(enum.StrEnum):
    """What becomes of an invoice that the billing voids after QuickBooks has it."""

    VOID = "void"
    """It is voided there; where it is paid or in a closed period, a credit memo takes it back."""
    CREDIT = "credit"
    HOLD = "hold"


class TaxDifference(enum.StrEnum):
    """What becomes of a document whose total is another one in QuickBooks."""

    HOLD = "hold"
    ADJUST = "adjust"
    """A line of the tax's item makes up for it."""


class Conflict(enum.StrEnum):
    """Whose word counts where somebody changed in QuickBooks what the billing has sent."""

    ASK = "ask"
    BILLING = "billing"
    QUICKBOOKS = "quickbooks"


class FullPolicy(Owned, Base):
    """The choices of one tenant: one row, or none as long as nothing was chosen."""

    __tablename__ = "full_policy"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    by_account_number: Mapped[bool] = mapped_column(server_default=text("true"))
    by_email: Mapped[bool] = mapped_column(server_default=text("true"))
    by_company: Mapped[bool] = mapped_column(server_default=text("true"))
    by_name: Mapped[bool] = mapped_column(server_default=text("true"))
    """How customers are found in QuickBooks, in this order."""
    link_matches: Mapped[LinkMatches] = mapped_column(server_default="sure")
    customer_missing: Mapped[Missing] = mapped_column(server_default="create")
    customer_update: Mapped[Update] = mapped_column(server_default="never")
    hierarchy: Mapped[Hierarchy] = mapped_column(server_default="flat")
    name_rule: Mapped[NameRule] = mapped_column(server_default="name")
    name_unfit: Mapped[Unfit] = mapped_column(server_default="ask")
    name_clash: Mapped[Clash] = mapped_column(server_default="ask")
    item_by_name: Mapped[bool] = mapped_column(server_default=text("true"))
    """A charge without an item is sold as the item of its own name."""
    item_missing: Mapped[Missing] = mapped_column(server_default="ask")
    item_account: Mapped[str] = mapped_column(server_default="")
    """Full name of the income account that new items get."""
    write_off_account: Mapped[str] = mapped_column(server_default="")
    """Full name of the account, such as Bad Debt, that new items get whose charge writes off."""
    item_fallback: Mapped[str] = mapped_column(server_default="")
    """Full name of the item that stands in for any that is missing; flagged wherever it does."""

    invoice_template: Mapped[str] = mapped_column(server_default="")
    credit_memo_template: Mapped[str] = mapped_column(server_default="")
    """Names of the templates by which QuickBooks prints them; empty for its usual ones."""
    customer_message: Mapped[str] = mapped_column(server_default="")
    """The entry of the Customer Message List on invoices that bring no message of their own."""
    terms_by_due_date: Mapped[bool] = mapped_column(server_default=text("true"))
    """An invoice that names no terms gets those by which it is due on its due date."""

    edited: Mapped[Edited] = mapped_column(server_default="update")
    voided: Mapped[Voided] = mapped_column(server_default="void")
    tax_difference: Mapped[TaxDifference] = mapped_column(server_default="hold")
    conflict: Mapped[Conflict] = mapped_column(server_default="ask")
    readback_hours: Mapped[int] = mapped_column(server_default=text(str(USUAL_HOURS)))
    """How often what was changed or deleted in QuickBooks is read back; 0 for never."""
    check_methods: Mapped[str] = mapped_column(server_default="check")
    """Methods, parted by commas, whose refunds are checks."""
    journal_methods: Mapped[str] = mapped_column(server_default="")
    """Methods, parted by commas, whose refunds are journal entries."""


def full_policy(db: Session, lock: bool = False) -> FullPolicy:
    """Return the choices of the tenant that ``db`` has entered; made of the defaults where there are
    none yet. ``lock`` keeps others from changing them meanwhile."""
    query = select(FullPolicy)
    query = query.with_for_update() if lock else query
    found = db.scalar(query)
    if found is None:
        # Two who come at once make one row.
        db.execute(insert(FullPolicy).on_conflict_do_nothing())
        found = db.scalars(query).one()
    return found
