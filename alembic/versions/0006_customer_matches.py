"""Customers are found in QuickBooks by more than their names, and what an import brought is counted.

Revision ID: 0006
Revises: 0005
Created: 2026-11-24

All that is new has a default. The list of customers is read whole once more, as what customers are
found by was not asked for until now.
"""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"
OLD = ("account", "item", "customer", "class", "payment_method", "sales_tax_code")
NEW = ("vendor", "employee", "other_name")
MATCHED = {"number": "number", "email": "lower(email)", "company": "lower(company)"}


def text(name: str) -> sa.Column:
    return sa.Column(name, sa.String(), server_default="", nullable=False)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def count(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


COLUMNS = {
    "list_entry": lambda: [text("email"), text("company"), flag("gone")],
    "list_import": lambda: [count("added"), count("changed"), count("gone")],
    "link": lambda: [flag("adopted")],
}


def kinds(*values: str) -> None:
    """Let lists be of these kinds."""
    listed = ", ".join(f"'{value}'" for value in values)
    for table in ("list_entry", "list_import"):
        op.drop_constraint(op.f(f"ck_{table}_listkind"), table)
        op.create_check_constraint(op.f(f"ck_{table}_listkind"), table, f"kind IN ({listed})")


def as_owner(table: str, *statements: str) -> None:
    """Run statements on the rows of all tenants."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in statements:
        op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns():
            op.add_column(table, column)
    for name, column in MATCHED.items():
        op.create_index(
            f"ix_list_entry_customer_{name}",
            "list_entry",
            ["tenant_id", sa.literal_column(column)],
            postgresql_where=sa.text(f"kind = 'customer' AND {name} <> ''"),
        )
    kinds(*OLD, *NEW)
    as_owner("list_import", "UPDATE list_import SET whole = NULL WHERE kind = 'customer'")
    as_owner("link", "UPDATE link SET adopted = true WHERE object = 'Customer' AND fingerprint = ''")
    op.create_table(
        "customer_choice",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", f"{parent}_id"],
                [f"{parent}.tenant_id", f"{parent}.id"],
                name=op.f(f"fk_customer_choice_tenant_id_{parent}_id_{parent}"),
                ondelete="CASCADE",
            )
            for parent in ("connection", "customer")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_customer_choice_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_choice")),
        sa.UniqueConstraint(
            "tenant_id",
            "connection_id",
            "customer_id",
            name=op.f("uq_customer_choice_tenant_id_connection_id_customer_id"),
        ),
    )
    op.execute("ALTER TABLE customer_choice ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE customer_choice FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON customer_choice TO hub_app USING ({RULE}) WITH CHECK ({RULE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON customer_choice TO hub_app")


def downgrade() -> None:
    op.drop_table("customer_choice")
    listed = ", ".join(f"'{kind}'" for kind in NEW)
    for table in ("list_entry", "list_import"):
        as_owner(table, f"DELETE FROM {table} WHERE kind IN ({listed})")
    kinds(*OLD)
    for name in MATCHED:
        op.drop_index(f"ix_list_entry_customer_{name}", "list_entry")
    for table, columns in COLUMNS.items():
        for column in reversed(columns()):
            op.drop_column(table, column.name)
