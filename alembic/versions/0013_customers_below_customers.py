"""A customer may have a parent, and be a job of it in QuickBooks.

Revision ID: 0013
Revises: 0012
Created: 2026-11-24

All that is new has a default or may be empty.
"""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_customer_tenant_id_parent_id_customer"),
        "customer",
        "customer",
        ["tenant_id", "parent_id"],
        ["tenant_id", "id"],
    )
    op.create_index("ix_customer_parent", "customer", ["tenant_id", "parent_id"])
    op.add_column(
        "full_policy",
        sa.Column("hierarchy", sa.String(length=40), server_default="flat", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_full_policy_hierarchy"), "full_policy", "hierarchy IN ('flat', 'jobs')"
    )


def downgrade() -> None:
    op.drop_column("full_policy", "hierarchy")
    op.drop_index("ix_customer_parent", "customer")
    op.drop_column("customer", "parent_id")
