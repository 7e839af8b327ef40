"""Terms, customer messages and templates; lines of text; chargebacks; what write-offs go to.

Revision ID: 0011
Revises: 0010
Created: 2026-11-24

All that is new has a default or may be empty. Lists that were never read come with the next run.
"""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OLD = (
    *("account", "item", "customer", "class", "payment_method", "sales_tax_code"),
    *("vendor", "employee", "other_name"),
)
NEW = ("terms", "customer_message", "template")
NAMES = ("invoice_template", "credit_memo_template", "customer_message", "write_off_account")
LINES = ("invoice_line", "credit_memo_line")


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
    op.add_column("list_entry", sa.Column("due_days", sa.BigInteger(), nullable=True))
    for name in NAMES:
        op.add_column("full_policy", sa.Column(name, sa.String(), server_default="", nullable=False))
    op.add_column(
        "full_policy",
        sa.Column("terms_by_due_date", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    for table in LINES:
        op.alter_column(table, "charge_id", nullable=True)
    op.add_column(
        "refund", sa.Column("kind", sa.String(length=40), server_default="refund", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_refund_refundkind"), "refund", "kind IN ('refund', 'chargeback')"
    )
    op.add_column("refund", sa.Column("payment_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_refund_tenant_id_payment_id_payment"),
        "refund",
        "payment",
        ["tenant_id", "payment_id"],
        ["tenant_id", "id"],
    )
    op.create_index("ix_refund_payment", "refund", ["tenant_id", "payment_id"])
    as_owner("connection", "UPDATE connection SET import_wanted = true")


def downgrade() -> None:
    op.drop_index("ix_refund_payment", "refund")
    op.drop_column("refund", "payment_id")
    op.drop_column("refund", "kind")
    for table in LINES:
        as_owner(table, f"DELETE FROM {table} WHERE charge_id IS NULL")
        op.alter_column(table, "charge_id", nullable=False)
    op.drop_column("full_policy", "terms_by_due_date")
    for name in reversed(NAMES):
        op.drop_column("full_policy", name)
    op.drop_column("list_entry", "due_days")
    listed = ", ".join(f"'{kind}'" for kind in NEW)
    for table in ("list_entry", "list_import"):
        as_owner(table, f"DELETE FROM {table} WHERE kind IN ({listed})")
    kinds(*OLD)
