"""Names, e-mails and companies of list entries in small letters, so that customers are looked up by index.

Revision ID: 0009
Revises: 0008
Created: 2026-11-24

Generated columns: the version before this one writes as it did.
"""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEYS = {"name_key": "full_name", "email_key": "email", "company_key": "company"}
BEFORE = {"email": "lower(email)", "company": "lower(company)"}


def matched(name: str, column: str, key: str) -> None:
    """Make an index by which customers are found."""
    op.create_index(
        f"ix_list_entry_customer_{name}",
        "list_entry",
        ["tenant_id", sa.literal_column(column)],
        postgresql_where=sa.text(f"kind = 'customer' AND {key} <> ''"),
    )


def upgrade() -> None:
    for name in BEFORE:
        op.drop_index(f"ix_list_entry_customer_{name}", "list_entry")
    for key, column in KEYS.items():
        computed = sa.Computed(f"lower({column})", persisted=True)
        op.add_column("list_entry", sa.Column(key, sa.String(), computed, nullable=False))
    op.create_index("ix_list_entry_name_key", "list_entry", ["tenant_id", "kind", "name_key"])
    for key in ("email_key", "company_key"):
        matched(key, key, key)


def downgrade() -> None:
    for key in ("email_key", "company_key"):
        op.drop_index(f"ix_list_entry_customer_{key}", "list_entry")
    op.drop_index("ix_list_entry_name_key", "list_entry")
    for key in KEYS:
        op.drop_column("list_entry", key)
    for name, column in BEFORE.items():
        matched(name, column, name)
