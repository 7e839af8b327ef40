"""An account that QuickBooks is to create may be kept in a foreign currency.

Revision ID: 0014
Revises: 0013
Created: 2026-11-30

The new column has a default.
"""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "wanted_account", sa.Column("currency", sa.String(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("wanted_account", "currency")
