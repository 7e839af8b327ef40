"""Changes after export: what QuickBooks holds of a document, read back; records that are excluded.

Revision ID: 0005
Revises: 0004
Created: 2026-11-24

All that is new is nullable or has a default, so the version before this one runs beside it.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"
STATES = ("queued", "held", "sent", "doubt", "failed", "done")
WAITING = ("queued", "held", "failed")

UNDER_WAY = """
-- The operations that a message carries and whose fate is open; ``superseded`` is one whose record
-- waits again already in a newer version, or was excluded meanwhile.
CREATE VIEW hub_under_way WITH (security_invoker = true) AS
SELECT o.tenant_id, o.message_id, o.id, o.subject, o.rank, o.state, o.kind, o.version, o.fingerprint,
    o.accounts, o.question, o.attempts, o.plain, o.question IS NOT NULL AS was_asked,
    EXISTS (
        SELECT FROM operation w
        WHERE w.tenant_id = o.tenant_id AND w.connection_id = o.connection_id
          AND w.subject = o.subject AND w.id <> o.id AND w.state IN ({waiting})
    ) AS superseded
FROM operation o WHERE o.state IN ('sent', 'doubt')
"""


def listed(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


def choice(name: str, of: str, default: str, *values: str) -> sa.Column:
    kind = sa.Enum(*values, name=of, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, server_default=default, nullable=False)


def words(name: str, default: str = "") -> sa.Column:
    return sa.Column(name, sa.String(), server_default=default, nullable=False)


COLUMNS = {
    "link": lambda: [
        words("formerly"),
        sa.Column(
            "content",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("balance", sa.Numeric(15, 2), nullable=True),
        sa.Column("edited", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    ],
    "full_policy": lambda: [
        choice("edited", "edited", "update", "update", "rebill", "hold"),
        choice("voided", "voided", "void", "void", "credit", "hold"),
        choice("tax_difference", "taxdifference", "hold", "hold", "adjust"),
        choice("conflict", "conflict", "ask", "ask", "billing", "quickbooks"),
        sa.Column("readback_hours", sa.BigInteger(), server_default=sa.text("6"), nullable=False),
        words("check_methods", "check"),
        words("journal_methods"),
    ],
}
"""New columns, by table; made anew at each call, as a column belongs to one table alone."""


def waiting(*more: str) -> None:
    """Let one operation of a subject wait, in one of these states."""
    op.drop_index("uq_operation_waiting", "operation")
    op.create_index(
        "uq_operation_waiting",
        "operation",
        ["tenant_id", "connection_id", "subject"],
        unique=True,
        postgresql_where=sa.text(f"state IN ({listed(*WAITING, *more)})"),
    )
    op.drop_constraint(op.f("ck_operation_state"), "operation")
    op.create_check_constraint(
        op.f("ck_operation_state"), "operation", f"state IN ({listed(*STATES, *more)})"
    )
    op.execute("DROP VIEW hub_under_way")
    op.execute(UNDER_WAY.format(waiting=listed(*WAITING, *more)))
    op.execute("GRANT SELECT ON hub_under_way TO hub_app")


def readback() -> None:
    op.create_table(
        "readback",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        words("modified"),
        sa.Column("read", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["connection.tenant_id", "connection.id"],
            name=op.f("fk_readback_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_readback_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readback")),
        sa.UniqueConstraint(
            "tenant_id",
            "connection_id",
            "object",
            name=op.f("uq_readback_tenant_id_connection_id_object"),
        ),
    )
    op.execute("ALTER TABLE readback ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE readback FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON readback TO hub_app USING ({RULE}) WITH CHECK ({RULE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON readback TO hub_app")


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns():
            op.add_column(table, column)
    op.create_index("ix_link_object", "link", ["tenant_id", "connection_id", "object_id"])
    op.create_index(
        "ix_link_formerly",
        "link",
        ["tenant_id", "connection_id", "formerly"],
        postgresql_where=sa.text("formerly <> ''"),
    )
    readback()
    waiting("excluded")


def downgrade() -> None:
    op.execute("ALTER TABLE operation NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE operation SET state = 'failed' WHERE state = 'excluded'")
    op.execute("ALTER TABLE operation FORCE ROW LEVEL SECURITY")
    waiting()
    op.drop_table("readback")
    op.drop_index("ix_link_formerly", "link")
    op.drop_index("ix_link_object", "link")
    for table, columns in COLUMNS.items():
        for column in columns():
            op.drop_column(table, column.name)
