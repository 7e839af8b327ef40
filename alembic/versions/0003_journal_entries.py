"""Journal entries: policies, approval, corrections, lines as sent; what a charge is; balances.

Revision ID: 0003
Revises: 0002
Created: 2026-11-24

All that is new is nullable or has a default, except that an entry now says when it starts.
"""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('hub.tenant', true), '')::bigint"
GATHERING = ["tenant_id", "billing_cycle_id", "family", "currency"]
FAMILIES = ("billing", "payments")
PURPOSES = ("receivable", "income", "tax", "deposit")


def words(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def text(name: str, default: str = "") -> sa.Column:
    return sa.Column(name, sa.String(), server_default=default, nullable=False)


def choice(name: str, of: str, *values: str, default: str) -> sa.Column:
    return sa.Column(name, words(*values, name=of), server_default=default, nullable=False)


COLUMNS = {
    "charge": lambda: [choice("kind", "chargekind", "sale", "discount", "write_off", default="sale")],
    "list_entry": lambda: [sa.Column("balance", sa.Numeric(15, 2), nullable=True)],
    "journal_entry": lambda: [
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column(
            "correction", words("true_up", "reversal", "repost", name="correction"), nullable=True
        ),
        sa.Column("follows_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        moment("released"),
        moment("approved"),
        text("approved_by"),
        text("approved_as"),
        sa.Column("undone", words("reversal", "void", name="undoing"), nullable=True),
    ],
}
"""New columns, by table; made anew at each call, as a column belongs to one table alone."""

FILL = """
UPDATE journal_entry SET
    starts = (SELECT c.starts FROM billing_cycle c WHERE c.id = journal_entry.billing_cycle_id),
    released = created, approved = created,
    correction = CASE WHEN corrects IS NOT NULL THEN 'true_up' END,
    follows_id = (
        SELECT f.id FROM journal_entry f
        WHERE f.tenant_id = journal_entry.tenant_id AND f.number = journal_entry.corrects
    )
"""


def owned(name: str, *columns: sa.Column | sa.Constraint) -> None:
    """Make a tenant's table behind its policy."""
    op.create_table(
        name,
        *columns,
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f(f"fk_{name}_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    rule = f"tenant_id = {CURRENT}"
    op.execute(f"CREATE POLICY tenant ON {name} TO hub_app USING ({rule}) WITH CHECK ({rule})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO hub_app")


def allow(table: str, column: str, name: str, *values: str) -> None:
    """Let ``column`` be one of ``values``."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def unguarded(table: str, statement: str) -> None:
    """Run ``statement`` on every tenant's rows: the owner of a table has no tenant."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def policy() -> None:
    owned(
        "policy",
        choice("period", "period", "cycle", "day", "week", "month", default="cycle"),
        choice("detail", "detail", "account", "charge", default="account"),
        flag("together"),
        choice("control", "control", "clearing", "receivable", default="clearing"),
        text("master_customer", "Billing customers"),
        text("number_template", "{family}{date}-{n}"),
        text("memo_template", "{cycle} · {number}{correction}"),
        choice("approval", "approval", "manual", "after_first", "automatic", default="after_first"),
        sa.Column("approval_limit", sa.Numeric(15, 2), nullable=True),
        flag("four_eyes"),
        choice("late_change", "latechange", "true_up", "amend", "reverse", "hold", default="true_up"),
        choice("closed_period", "closed", "hold", "first_open_day", "ask", default="hold"),
        sa.Column("lock_date", sa.Date(), nullable=True),
        sa.Column("rounding_limit", sa.Numeric(15, 2), server_default=sa.text("0.05"), nullable=False),
        sa.Column("cutover", sa.Date(), nullable=True),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_policy_tenant_id")),
    )
    op.execute("ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY")
    # Who books by itself today goes on so.
    unguarded("policy", "INSERT INTO policy (tenant_id, approval) SELECT id, 'automatic' FROM tenant")
    op.execute("ALTER TABLE tenant FORCE ROW LEVEL SECURITY")


def upgrade() -> None:
    policy()
    for table, columns in COLUMNS.items():
        for column in columns():
            op.add_column(table, column)
    op.execute("ALTER TABLE billing_cycle NO FORCE ROW LEVEL SECURITY")
    unguarded("journal_entry", FILL)
    op.execute("ALTER TABLE billing_cycle FORCE ROW LEVEL SECURITY")
    op.alter_column("journal_entry", "starts", nullable=False)
    op.alter_column("journal_entry", "billing_cycle_id", nullable=True)
    op.drop_column("journal_entry", "corrects")
    op.create_foreign_key(
        op.f("fk_journal_entry_tenant_id_follows_id_journal_entry"),
        "journal_entry",
        "journal_entry",
        ["tenant_id", "follows_id"],
        ["tenant_id", "id"],
    )
    op.drop_index("uq_journal_entry_gathering", "journal_entry")
    op.create_index(
        "uq_journal_entry_gathering",
        "journal_entry",
        [*GATHERING[:2], "starts", *GATHERING[2:]],
        unique=True,
        postgresql_where=sa.text("frozen IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    allow("journal_entry", "family", "family", *FAMILIES, "credits", "together")
    allow("posting", "purpose", "purpose", *PURPOSES, "refund", "rounding")
    owned(
        "journal_entry_line",
        sa.Column("journal_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        text("class_name"),
        sa.Column("amount", sa.Numeric(15, 2), nullable=False),
        text("memo"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "journal_entry_id"],
            ["journal_entry.tenant_id", "journal_entry.id"],
            name=op.f("fk_journal_entry_line_tenant_id_journal_entry_id_journal_entry"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_journal_entry_line_entry", "journal_entry_line", ["tenant_id", "journal_entry_id"]
    )
    owned(
        "wanted_account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        text("number"),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_wanted_account_tenant_id_id")),
    )


def downgrade() -> None:
    for table in ("wanted_account", "journal_entry_line", "policy"):
        op.drop_table(table)
    for statement in (
        "DELETE FROM journal_entry WHERE billing_cycle_id IS NULL",
        "UPDATE journal_entry SET family = 'payments' WHERE family NOT IN ('billing', 'payments')",
    ):
        unguarded("journal_entry", statement)
    unguarded("posting", "UPDATE posting SET purpose = 'deposit' WHERE purpose = 'refund'")
    allow("posting", "purpose", "purpose", *PURPOSES)
    allow("journal_entry", "family", "family", *FAMILIES)
    op.drop_index("uq_journal_entry_gathering", "journal_entry")
    op.add_column("journal_entry", sa.Column("corrects", sa.String(), nullable=True))
    op.alter_column("journal_entry", "billing_cycle_id", nullable=False)
    for table, columns in COLUMNS.items():
        for column in columns():
            op.drop_column(table, column.name)
    op.create_index(
        "uq_journal_entry_gathering",
        "journal_entry",
        GATHERING,
        unique=True,
        postgresql_where=sa.text("frozen IS NULL"),
    )
