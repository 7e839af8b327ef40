"""The conversation: messages made ahead, sessions that ask, imports that go on where they ended.

Revision ID: 0002
Revises: 0001
Created: 2026-11-24

All that is new is nullable or has a default, so the version before this one runs beside it.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('hub.tenant', true), '')::bigint"
NEW_TABLES = ("list_import", "inbox")

VISIT = """
-- Whoever comes with a ticket: the tenant it is of is entered; the connection and the session are
-- locked, in this order, for the rest of the transaction; and what a call needs to know is read.
CREATE FUNCTION hub_visit(wanted text) RETURNS TABLE (
    tenant_id bigint, mode text, connection_id bigint, confirmed timestamptz, batch bigint, company jsonb,
    session_id bigint, started timestamptz, last_call timestamptz, closed timestamptz, greeted boolean,
    agenda jsonb, imported bigint, booked bigint, refused bigint, planned bigint, messages bigint,
    preparing boolean, asked bigint, error text,
    outstanding bigint, set_id text, sent_in bigint, known boolean, seconds float8,
    prepared bigint, has_inbox boolean, operations jsonb
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ticket record;
BEGIN
    SELECT * INTO ticket FROM hub_ticket(wanted);
    IF ticket.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('hub.tenant', ticket.tenant_id::text, true);
    PERFORM FROM connection c
    JOIN sync_session s ON s.connection_id = c.id AND s.tenant_id = c.tenant_id
    WHERE s.id = ticket.id FOR NO KEY UPDATE OF c, s;
    RETURN QUERY
    SELECT t.id, t.mode::text, c.id, c.confirmed, c.batch, c.company,
        s.id, s.started, s.last_call, s.closed, s.greeted, s.agenda, s.imported, s.booked, s.refused,
        s.planned, s.messages, s.preparing, s.asked, s.error::text,
        m.id, m.set_id::text, m.sent_in, m.known,
        extract(epoch FROM clock_timestamp() - m.sent)::float8,
        (
            SELECT min(p.id) FROM message p
            WHERE p.tenant_id = c.tenant_id AND p.connection_id = c.id AND p.stage = 'prepared'
        ),
        EXISTS (SELECT FROM inbox i WHERE i.tenant_id = s.tenant_id AND i.sync_session_id = s.id),
        (
            SELECT jsonb_agg(to_jsonb(o) ORDER BY o.id) FROM hub_under_way o
            WHERE o.tenant_id = m.tenant_id AND o.message_id = m.id
        )
    FROM sync_session s
    JOIN connection c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
    JOIN tenant t ON t.id = s.tenant_id
    LEFT JOIN message m
        ON m.tenant_id = c.tenant_id AND m.connection_id = c.id AND m.stage = 'outstanding'
    WHERE s.id = ticket.id;
END
$$
"""

UNDER_WAY = """
-- The operations that a message carries and whose fate is open; ``superseded`` is one whose record
-- waits again already in a newer version.
CREATE VIEW hub_under_way WITH (security_invoker = true) AS
SELECT o.tenant_id, o.message_id, o.id, o.subject, o.rank, o.state, o.kind, o.version, o.fingerprint,
    o.accounts, o.question, o.attempts, o.plain, o.question IS NOT NULL AS was_asked,
    EXISTS (
        SELECT FROM operation w
        WHERE w.tenant_id = o.tenant_id AND w.connection_id = o.connection_id
          AND w.subject = o.subject AND w.id <> o.id AND w.state IN ('queued', 'held', 'failed')
    ) AS superseded
FROM operation o WHERE o.state IN ('sent', 'doubt')
"""

KNOCK = """
-- Whoever has signed in: the tenant is entered, the connection locked and its last sign of life
-- written down; then what says whether there is anything to do is read. Nothing of such a call is
-- worth waiting for the disk: a session that a crash of the database forgets is opened anew.
CREATE FUNCTION hub_knock(wanted_tenant bigint, wanted_staff bigint) RETURNS TABLE (
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
        EXISTS (
            SELECT FROM operation o
            WHERE o.tenant_id = c.tenant_id AND o.connection_id = c.id
              AND o.state IN ('queued', 'held', 'doubt', 'sent')
              AND (o.due IS NULL OR o.due <= now())
        ),
        EXISTS (
            SELECT FROM operation o
            WHERE o.tenant_id = c.tenant_id AND o.connection_id = c.id AND o.state = 'held'
        )
    FROM connection c
    JOIN tenant t ON t.id = c.tenant_id
    LEFT JOIN sync_session s
        ON s.tenant_id = c.tenant_id AND s.connection_id = c.id AND s.closed IS NULL
    WHERE c.id = knocked;
END
$$
"""
FUNCTIONS = ("hub_visit(text)", "hub_knock(bigint, bigint)")

TROUBLES = ("no_company", "unstamped", "wrong_file", "moved", "sample", "country", "quickbooks")
STAGES = ("outstanding", "answered", "unreadable")
LISTS = ("account", "item", "customer", "class", "payment_method", "sales_tax_code")


def words(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def document(name: str, default: str) -> sa.Column:
    kind = postgresql.JSONB(astext_type=sa.Text())
    return sa.Column(name, kind, server_default=sa.text(default), nullable=False)


def moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


COLUMNS = {
    "connection": lambda: [
        sa.Column("trouble", words(*TROUBLES, name="trouble"), nullable=True),
        document("paths", "'[]'"),
        document("found", "'{}'"),
        moment("refused"),
        sa.Column("refused_from", sa.String(), server_default="", nullable=False),
        number("refused_count"),
        moment("paused_until"),
        sa.Column("interval", sa.BigInteger(), nullable=True),
    ],
    "link": lambda: [flag("missing")],
    "sync_session": lambda: [
        sa.Column("address", sa.String(), server_default="", nullable=False),
        number("planned"),
        number("messages"),
        flag("preparing"),
        sa.Column("asked", sa.BigInteger(), nullable=True),
    ],
    "message": lambda: [number("size"), flag("known"), moment("sent")],
    "operation": lambda: [moment("due"), flag("plain")],
}
"""New columns, by table; made anew at each call, as a column belongs to one table alone."""


def owned(name: str, parent: str, *columns: sa.Column) -> None:
    """Make a tenant's table whose rows belong to a row of ``parent``, behind its policy."""
    key = f"{parent}_id"
    op.create_table(
        name,
        sa.Column(key, sa.BigInteger(), nullable=False),
        *columns,
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", key],
            [f"{parent}.tenant_id", f"{parent}.id"],
            name=op.f(f"fk_{name}_tenant_id_{key}_{parent}"),
            ondelete="CASCADE",
        ),
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


def stages(*values: str) -> None:
    """Let a message's stage be one of ``values``."""
    op.drop_constraint(op.f("ck_message_stage"), "message")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f("ck_message_stage"), "message", f"stage IN ({listed})")


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns():
            op.add_column(table, column)
    stages(*STAGES, "prepared", "lost")
    # Until now a message that was prepared and not sent was told by the session it lacked.
    for table, change in (
        ("message", "SET stage = 'prepared' WHERE stage = 'outstanding' AND sent_in IS NULL"),
        ("message", "SET sent = created WHERE sent_in IS NOT NULL"),
        ("connection", "SET paths = jsonb_build_array(company_path) WHERE confirmed IS NOT NULL"),
    ):
        # The owner of a table has no tenant, and would change no row.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"UPDATE {table} {change}")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.create_index(
        "ix_message_prepared",
        "message",
        ["tenant_id", "connection_id", "id"],
        postgresql_where=sa.text("stage = 'prepared'"),
    )
    owned(
        "list_import",
        "connection",
        sa.Column("kind", words(*LISTS, name="listkind"), nullable=False),
        sa.Column("modified", sa.String(), server_default="", nullable=False),
        moment("whole"),
        moment("read"),
    )
    op.create_unique_constraint(
        op.f("uq_list_import_tenant_id_connection_id_kind"),
        "list_import",
        ["tenant_id", "connection_id", "kind"],
    )
    owned(
        "inbox",
        "sync_session",
        sa.Column("text", sa.String(), nullable=False),
        sa.Column(
            "arrived", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.create_unique_constraint(
        op.f("uq_inbox_tenant_id_sync_session_id"), "inbox", ["tenant_id", "sync_session_id"]
    )
    # To pack forty megabytes that stay for seconds would take longer than to write them.
    op.execute("ALTER TABLE inbox ALTER COLUMN text SET STORAGE EXTERNAL")
    op.execute(UNDER_WAY)
    op.execute("GRANT SELECT ON hub_under_way TO hub_app")
    op.execute(VISIT)
    op.execute(KNOCK)
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO hub_app")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW hub_under_way")
    for table in NEW_TABLES:
        op.drop_table(table)
    op.drop_index("ix_message_prepared", "message")
    op.execute("ALTER TABLE message NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE message SET stage = 'answered' WHERE stage IN ('prepared', 'lost')")
    op.execute("ALTER TABLE message FORCE ROW LEVEL SECURITY")
    stages(*STAGES)
    for table, columns in COLUMNS.items():
        for column in columns():
            op.drop_column(table, column.name)
