"""The choices of Full Synchronization mode: customers and items.

Revision ID: 0004
Revises: 0003
Created: 2026-11-24

A new table, which the version before this one does not know.
"""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"


def choice(name: str, default: str, *values: str) -> sa.Column:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, server_default=default, nullable=False)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("true"), nullable=False)


def name(column: str) -> sa.Column:
    return sa.Column(column, sa.String(), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "full_policy",
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        flag("by_account_number"),
        flag("by_email"),
        flag("by_company"),
        flag("by_name"),
        choice("link_matches", "sure", "all", "sure", "none"),
        choice("customer_missing", "create", "create", "ask", "hold"),
        choice("customer_update", "never", "never", "contact", "all"),
        choice("name_rule", "name", "name", "company"),
        choice("name_unfit", "ask", "ask", "shorten"),
        choice("name_clash", "ask", "ask", "suffix"),
        flag("item_by_name"),
        choice("item_missing", "ask", "create", "ask", "hold"),
        name("item_account"),
        name("item_fallback"),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_full_policy_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_full_policy")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_full_policy_tenant_id")),
    )
    op.execute("ALTER TABLE full_policy ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE full_policy FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON full_policy TO hub_app USING ({RULE}) WITH CHECK ({RULE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON full_policy TO hub_app")


def downgrade() -> None:
    op.drop_table("full_policy")
