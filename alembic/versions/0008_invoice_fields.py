"""What an invoice may say besides its lines: PO number, terms, and a message to the customer.

Revision ID: 0008
Revises: 0007
Created: 2026-11-24

Three nullable columns, which the version before this one does not know.
"""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FIELDS = ("po_number", "terms", "message")


def upgrade() -> None:
    for name in FIELDS:
        op.add_column("invoice", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    for name in FIELDS:
        op.drop_column("invoice", name)
