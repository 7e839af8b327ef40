"""Held operations wait, and what QuickBooks would not let be read is remembered.

Revision ID: 0007
Revises: 0006
Created: 2026-11-24

A new table, which the version before this one does not know, and less that it is told of work.
"""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULE = "tenant_id = nullif(current_setting('hub.tenant', true), '')::bigint"

KNOCK = """
-- Whoever has signed in: the tenant is entered, the connection locked and its last sign of life
-- written down; then what says whether there is anything to do is read. Nothing of such a call is
-- worth waiting for the disk: a session that a crash of the database forgets is opened anew.
CREATE OR REPLACE FUNCTION hub_knock(wanted_tenant bigint, wanted_staff bigint) RETURNS TABLE (
    tenant_id bigint, mode text, id bigint, confirmed timestamptz, company jsonb, company_path text,
    imported timestamptz, import_wanted boolean, "interval" bigint, paused_until timestamptz,
    live bigint, live_last_call timestamptz, live_address text, live_error text,
    has_work boolean, has_held boolean
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    knocked bigint;
BEGIN
    PERFORM set_config('hub.tenant', wanted_tenant::text, true);
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE connection c
    SET last_seen = now(), refused = NULL, refused_from = '', refused_count = 0
    WHERE c.staff_id = wanted_staff RETURNING c.id INTO knocked;
    RETURN QUERY
    SELECT t.id, t.mode::text, c.id, c.confirmed, c.company, c.company_path::text,
        c.imported, c.import_wanted, c."interval", c.paused_until,
        s.id, s.last_call, s.address::text, s.error::text,
        {work}, {held}
    FROM connection c
    JOIN tenant t ON t.id = c.tenant_id
    LEFT JOIN sync_session s
        ON s.tenant_id = c.tenant_id AND s.connection_id = c.id AND s.closed IS NULL
    WHERE c.id = knocked;
END
$$
"""
EXISTS = """EXISTS (
            SELECT FROM operation o
            WHERE o.tenant_id = c.tenant_id AND o.connection_id = c.id
              AND o.state {states} AND (o.due IS NULL OR o.due <= now())
        )"""
HELD = EXISTS.format(states="= 'held'")
KNOCK_NOW = KNOCK.format(
    work=f"{EXISTS.format(states='''IN ('queued', 'doubt', 'sent')''')} OR {HELD}", held=HELD
)
"""What is held is no work before it is due: each kind of waiting by an index of its own."""
KNOCK_BEFORE = KNOCK.format(
    work=EXISTS.format(states="IN ('queued', 'held', 'doubt', 'sent')"),
    held=HELD.replace(" AND (o.due IS NULL OR o.due <= now())", ""),
)

INDEXES = {
    "ix_operation_held": ("operation", ["tenant_id", "connection_id", "due"], "state = 'held'"),
    "ix_message_kept": (
        "message",
        ["tenant_id", "answered"],
        "answered IS NOT NULL AND text::text <> ''::text",
    ),
}


def upgrade() -> None:
    op.create_table(
        "refusal",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
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
            name=op.f("fk_refusal_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_refusal_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
        sa.UniqueConstraint(
            "tenant_id", "connection_id", "what", name=op.f("uq_refusal_tenant_id_connection_id_what")
        ),
    )
    op.execute("ALTER TABLE refusal ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE refusal FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON refusal TO hub_app USING ({RULE}) WITH CHECK ({RULE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON refusal TO hub_app")
    for name, (table, columns_, where) in INDEXES.items():
        op.create_index(name, table, columns_, postgresql_where=sa.text(where))
    op.execute(KNOCK_NOW)


def downgrade() -> None:
    op.execute(KNOCK_BEFORE)
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
    op.drop_table("refusal")
