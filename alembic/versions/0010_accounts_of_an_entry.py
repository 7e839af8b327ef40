"""The accounts of a journal entry in a table of their own, and the view of each posting's account.

Revision ID: 0010
Revises: 0009
Created: 2026-11-24

What was stamped posting by posting stays so; the version before this one reads that, and
what it stamps itself.
"""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"

SAME = """
    a.tenant_id = {posting}.tenant_id AND a.journal_entry_id = {posting}.journal_entry_id
    AND a.purpose = {posting}.purpose AND a.charge_id = coalesce({posting}.charge_id, 0)
    AND a.code = {posting}.code
"""

PLACED = f"""
-- Each posting with the account it is booked to: its own, or the one its journal entry books such
-- amounts to. As equals throughout, so that PostgreSQL can hash them: an entry may hold a million.
CREATE VIEW hub_placed_posting WITH (security_invoker = true) AS
SELECT p.id, p.tenant_id, p.kind, p.record_id, p.version, p.customer_id, p.billing_cycle_id, p.date,
    p.currency, p.purpose, p.charge_id, p.code, p.class_name, p.amount,
    coalesce(p.account, a.account) AS account, p.journal_entry_id, p.created
FROM posting p LEFT JOIN journal_entry_account a ON {SAME.format(posting="p")}
"""

STAMPED = f"""
UPDATE posting SET account = a.account FROM journal_entry_account a
WHERE posting.account IS NULL AND {SAME.format(posting="posting")}
"""


def unguarded(table: str, statement: str) -> None:
    """Run ``statement`` on all tenants' rows: the owner, too, is bound to its rows otherwise."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def upgrade() -> None:
    op.create_table(
        "journal_entry_account",
        sa.Column("journal_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("code", sa.String(), server_default="", nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "journal_entry_id"],
            ["journal_entry.tenant_id", "journal_entry.id"],
            name=op.f("fk_journal_entry_account_journal_entry"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_journal_entry_account_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry_account")),
        sa.UniqueConstraint(
            "tenant_id",
            "journal_entry_id",
            "purpose",
            "charge_id",
            "code",
            name=op.f("uq_journal_entry_account_slot"),
        ),
    )
    op.execute("ALTER TABLE journal_entry_account ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE journal_entry_account FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON journal_entry_account TO hub_app USING ({RULE}) WITH CHECK ({RULE})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON journal_entry_account TO hub_app")
    op.execute(PLACED)
    op.execute("GRANT SELECT ON hub_placed_posting TO hub_app")


def downgrade() -> None:
    op.execute("ALTER TABLE journal_entry_account NO FORCE ROW LEVEL SECURITY")
    unguarded("posting", STAMPED)
    op.execute("DROP VIEW hub_placed_posting")
    op.drop_table("journal_entry_account")
