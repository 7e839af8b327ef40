"""Currencies are imported, and a customer has a second one in QuickBooks for a second currency.

Revision ID: 0012
Revises: 0011
Created: 2026-11-24

All that is new has a default. Accounts and customers are read whole once more, as their currency was
not asked for until now.
"""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"
OLD = (
    *("account", "item", "customer", "class", "payment_method", "sales_tax_code"),
    *("vendor", "employee", "other_name", "terms", "customer_message", "template"),
)
NEW = ("currency",)


def kinds(*values: str) -> None:
    """Let lists be of these kinds."""
    listed = ", ".join(f"'{value}'" for value in values)
    for table in ("list_entry", "list_import"):
        op.drop_constraint(op.f(f"ck_{table}_listkind"), table)
        op.create_check_constraint(op.f(f"ck_{table}_listkind"), table, f"kind IN ({listed})")


def as_owner(table: str, statement: str) -> None:
    """Run a statement on the rows of all tenants."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def upgrade() -> None:
    kinds(*OLD, *NEW)
    op.add_column("list_entry", sa.Column("currency", sa.String(), server_default="", nullable=False))
    as_owner("list_import", "UPDATE list_import SET whole = NULL WHERE kind IN ('account', 'customer')")
    op.create_table(
        "customer_currency",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_customer_currency_tenant_id_customer_id_customer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_customer_currency_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_currency")),
        sa.UniqueConstraint(
            "tenant_id",
            "customer_id",
            "currency",
            name=op.f("uq_customer_currency_tenant_id_customer_id_currency"),
        ),
    )
    op.execute("ALTER TABLE customer_currency ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE customer_currency FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON customer_currency TO hub_app USING ({RULE}) WITH CHECK ({RULE})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON customer_currency TO hub_app")


def downgrade() -> None:
    op.drop_table("customer_currency")
    op.drop_column("list_entry", "currency")
    listed = ", ".join(f"'{kind}'" for kind in NEW)
    for table in ("list_entry", "list_import"):
        as_owner(table, f"DELETE FROM {table} WHERE kind IN ({listed})")
    kinds(*OLD)
