"""The main road: tenants, their ledger, what QuickBooks holds, and the conversation."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None

OWNED = (
    "tenant",
    "api_token",
    "assignment",
    "audit_entry",
    "billing_cycle",
    "charge",
    "customer",
    "staff",
    "connection",
    "credit_memo",
    "invoice",
    "journal_entry",
    "payment",
    "credit_memo_applied",
    "credit_memo_line",
    "credit_memo_tax",
    "invoice_line",
    "invoice_tax",
    "link",
    "list_entry",
    "message",
    "payment_applied",
    "posting",
    "refund",
    "sync_session",
    "booked_line",
    "operation",
)
"""Every table of a tenant's rows: FORCE row-level security on each."""

ROLES = """
DO $$ BEGIN CREATE ROLE hub_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE hub_lookup NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT hub_app, hub_lookup TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO hub_app, hub_lookup;
"""

LOOKUPS = """
-- Whoever knocks has no tenant yet. These functions, and nothing else, look across tenants:
-- each answers one question about one exact name.
GRANT SELECT ON tenant, staff, support_staff, api_token, sync_session TO hub_lookup;
GRANT INSERT ON tenant TO hub_lookup;
CREATE POLICY lookup ON tenant FOR SELECT TO hub_lookup USING (true);
CREATE POLICY creation ON tenant FOR INSERT TO hub_lookup WITH CHECK (true);
CREATE POLICY lookup ON staff FOR SELECT TO hub_lookup USING (true);
CREATE POLICY lookup ON api_token FOR SELECT TO hub_lookup USING (true);
CREATE POLICY lookup ON sync_session FOR SELECT TO hub_lookup USING (true);

CREATE FUNCTION hub_login(wanted text)
RETURNS TABLE (kind text, tenant_id bigint, slug text, id bigint, password_hash text, active boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.kind::text, s.tenant_id, t.slug::text, s.id, s.password_hash::text, s.active
    FROM staff s JOIN tenant t ON t.id = s.tenant_id WHERE lower(s.login) = lower(wanted)
    UNION ALL
    SELECT 'support', NULL, NULL, s.id, s.password_hash::text, s.active
    FROM support_staff s WHERE lower(s.login) = lower(wanted)
    LIMIT 1
$$;

CREATE FUNCTION hub_ticket(wanted text) RETURNS TABLE (tenant_id bigint, id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.tenant_id, s.id FROM sync_session s WHERE s.ticket_digest = wanted
$$;

CREATE FUNCTION hub_token(wanted text) RETURNS TABLE (tenant_id bigint, id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.tenant_id, a.id FROM api_token a WHERE a.digest = wanted AND a.revoked IS NULL
$$;

CREATE FUNCTION hub_tenant(wanted text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.id FROM tenant t WHERE t.slug = wanted
$$;

CREATE FUNCTION hub_tenants() RETURNS TABLE (id bigint, slug text, name text, mode text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.id, t.slug::text, t.name::text, t.mode::text FROM tenant t ORDER BY t.name
$$;

CREATE FUNCTION hub_new_tenant(slug text, name text, mode text, currency text, confirm_company boolean)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO tenant (slug, name, mode, currency, confirm_company)
    VALUES (slug, name, mode, currency, confirm_company)
    ON CONFLICT DO NOTHING RETURNING id
$$;
"""

FUNCTIONS = (
    "hub_login(text)",
    "hub_ticket(text)",
    "hub_token(text)",
    "hub_tenant(text)",
    "hub_tenants()",
    "hub_new_tenant(text, text, text, text, boolean)",
)

CURRENT = "nullif(current_setting('hub.tenant', true), '')::bigint"


def isolate() -> None:
    """Give every tenant table its policy, and the application no more than it needs."""
    for statement in ROLES.strip().split(";\n"):
        op.execute(statement)
    for table in OWNED:
        column = "id" if table == "tenant" else "tenant_id"
        rule = f"{column} = {CURRENT}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO hub_app USING ({rule}) WITH CHECK ({rule})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO hub_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON support_staff TO hub_app")
    # What was posted or done is never edited: only what it was booked to may be filled in.
    op.execute("REVOKE UPDATE, DELETE ON posting, audit_entry FROM hub_app")
    op.execute("GRANT UPDATE (account, journal_entry_id) ON posting TO hub_app")
    op.execute("REVOKE INSERT, DELETE ON tenant FROM hub_app")
    op.execute(LOOKUPS)
    op.execute("GRANT CREATE ON SCHEMA public TO hub_lookup")
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} OWNER TO hub_lookup")
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO hub_app")
    op.execute("REVOKE CREATE ON SCHEMA public FROM hub_lookup")


def drop_lookups() -> None:
    """The roles stay: they belong to the server, not to this database."""
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")


def upgrade() -> None:
    op.create_table(
        "support_staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_staff")),
    )
    op.create_index(
        "uq_support_staff_login", "support_staff", [sa.literal_column("lower(login)")], unique=True
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "summary", "full", name="mode", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(), server_default="USD", nullable=False),
        sa.Column("owner_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("confirm_company", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name=op.f("ck_tenant_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "api_token",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_api_token_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_api_token_tenant_id_id")),
    )
    op.create_table(
        "assignment",
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("code", sa.String(), server_default="", nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_assignment_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "tenant_id", "purpose", "code", name=op.f("uq_assignment_tenant_id_purpose_code")
        ),
    )
    op.create_table(
        "audit_entry",
        sa.Column("moment", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_audit_entry_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_audit_entry_tenant_id_id")),
    )
    op.create_table(
        "billing_cycle",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("starts <= ends", name=op.f("ck_billing_cycle_span")),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_billing_cycle_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_cycle")),
        sa.UniqueConstraint(
            "tenant_id", "external_id", name=op.f("uq_billing_cycle_tenant_id_external_id")
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_billing_cycle_tenant_id_id")),
    )
    op.create_table(
        "charge",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("accounting_code", sa.String(), nullable=True),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("class_name", sa.String(), nullable=True),
        sa.Column("price", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("taxable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_charge_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_charge_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_charge_tenant_id_id")),
    )
    op.create_table(
        "customer",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("account_number", sa.String(), nullable=True),
        sa.Column(
            "bill_address", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_customer_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_customer_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_customer_tenant_id_id")),
    )
    op.create_table(
        "staff",
        sa.Column(
            "kind",
            sa.Enum(
                "person",
                "integration",
                name="staffkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_staff_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_staff_tenant_id_id")),
    )
    op.create_index("uq_staff_login", "staff", [sa.literal_column("lower(login)")], unique=True)
    op.create_table(
        "connection",
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("company_name", sa.String(), nullable=True),
        sa.Column("company_path", sa.String(), nullable=True),
        sa.Column("confirmed", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "company",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_wanted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff.tenant_id", "staff.id"],
            name=op.f("fk_connection_tenant_id_staff_id_staff"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_connection_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_connection_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_connection_tenant_id")),
    )
    op.create_table(
        "credit_memo",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("billing_cycle_id", sa.BigInteger(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("open", "void", name="status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("total", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("total >= 0", name=op.f("ck_credit_memo_total_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "billing_cycle_id"],
            ["billing_cycle.tenant_id", "billing_cycle.id"],
            name=op.f("fk_credit_memo_tenant_id_billing_cycle_id_billing_cycle"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_credit_memo_tenant_id_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_credit_memo_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_memo")),
        sa.UniqueConstraint(
            "tenant_id", "external_id", name=op.f("uq_credit_memo_tenant_id_external_id")
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_credit_memo_tenant_id_id")),
    )
    op.create_index("ix_credit_memo_customer", "credit_memo", ["tenant_id", "customer_id"], unique=False)
    op.create_index(
        "ix_credit_memo_cycle", "credit_memo", ["tenant_id", "billing_cycle_id"], unique=False
    )
    op.create_table(
        "invoice",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("billing_cycle_id", sa.BigInteger(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("open", "void", name="status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("total", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("total >= 0", name=op.f("ck_invoice_total_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "billing_cycle_id"],
            ["billing_cycle.tenant_id", "billing_cycle.id"],
            name=op.f("fk_invoice_tenant_id_billing_cycle_id_billing_cycle"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_invoice_tenant_id_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_invoice_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_invoice_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_invoice_tenant_id_id")),
    )
    op.create_index("ix_invoice_customer", "invoice", ["tenant_id", "customer_id"], unique=False)
    op.create_index("ix_invoice_cycle", "invoice", ["tenant_id", "billing_cycle_id"], unique=False)
    op.create_table(
        "journal_entry",
        sa.Column("billing_cycle_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "family",
            sa.Enum(
                "billing",
                "payments",
                name="family",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("corrects", sa.String(), nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("frozen", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "billing_cycle_id"],
            ["billing_cycle.tenant_id", "billing_cycle.id"],
            name=op.f("fk_journal_entry_tenant_id_billing_cycle_id_billing_cycle"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_journal_entry_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_journal_entry_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_journal_entry_tenant_id_number")),
    )
    op.create_index(
        "uq_journal_entry_gathering",
        "journal_entry",
        ["tenant_id", "billing_cycle_id", "family", "currency"],
        unique=True,
        postgresql_where=sa.text("frozen IS NULL"),
    )
    op.create_table(
        "payment",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "void", name="status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_payment_tenant_id_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_payment_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_payment_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_payment_tenant_id_id")),
    )
    op.create_index("ix_payment_customer", "payment", ["tenant_id", "customer_id"], unique=False)
    op.create_table(
        "credit_memo_applied",
        sa.Column("credit_memo_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_memo_id"],
            ["credit_memo.tenant_id", "credit_memo.id"],
            name=op.f("fk_credit_memo_applied_tenant_id_credit_memo_id_credit_memo"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoice.tenant_id", "invoice.id"],
            name=op.f("fk_credit_memo_applied_tenant_id_invoice_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_credit_memo_applied_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_memo_applied")),
    )
    op.create_index(
        "ix_credit_memo_applied_credit_memo",
        "credit_memo_applied",
        ["tenant_id", "credit_memo_id"],
        unique=False,
    )
    op.create_index(
        "ix_credit_memo_applied_invoice",
        "credit_memo_applied",
        ["tenant_id", "invoice_id"],
        unique=False,
    )
    op.create_table(
        "credit_memo_line",
        sa.Column("credit_memo_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("rate", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("class_name", sa.String(), nullable=True),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "charge_id"],
            ["charge.tenant_id", "charge.id"],
            name=op.f("fk_credit_memo_line_tenant_id_charge_id_charge"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_memo_id"],
            ["credit_memo.tenant_id", "credit_memo.id"],
            name=op.f("fk_credit_memo_line_tenant_id_credit_memo_id_credit_memo"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_credit_memo_line_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_memo_line")),
    )
    op.create_index(
        "ix_credit_memo_line_credit_memo",
        "credit_memo_line",
        ["tenant_id", "credit_memo_id"],
        unique=False,
    )
    op.create_table(
        "credit_memo_tax",
        sa.Column("credit_memo_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_memo_id"],
            ["credit_memo.tenant_id", "credit_memo.id"],
            name=op.f("fk_credit_memo_tax_tenant_id_credit_memo_id_credit_memo"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_credit_memo_tax_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_memo_tax")),
    )
    op.create_index(
        "ix_credit_memo_tax_credit_memo",
        "credit_memo_tax",
        ["tenant_id", "credit_memo_id"],
        unique=False,
    )
    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("rate", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("class_name", sa.String(), nullable=True),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "charge_id"],
            ["charge.tenant_id", "charge.id"],
            name=op.f("fk_invoice_line_tenant_id_charge_id_charge"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoice.tenant_id", "invoice.id"],
            name=op.f("fk_invoice_line_tenant_id_invoice_id_invoice"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_invoice_line_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
    )
    op.create_index("ix_invoice_line_invoice", "invoice_line", ["tenant_id", "invoice_id"], unique=False)
    op.create_table(
        "invoice_tax",
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=18, scale=5), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoice.tenant_id", "invoice.id"],
            name=op.f("fk_invoice_tax_tenant_id_invoice_id_invoice"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_invoice_tax_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_tax")),
    )
    op.create_index("ix_invoice_tax_invoice", "invoice_tax", ["tenant_id", "invoice_id"], unique=False)
    op.create_table(
        "link",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("edit_sequence", sa.String(), nullable=False),
        sa.Column("number", sa.String(), server_default="", nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("voided", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("booked", sa.DateTime(timezone=True), nullable=False),
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
            name=op.f("fk_link_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_link_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint(
            "tenant_id", "connection_id", "subject", name=op.f("uq_link_tenant_id_connection_id_subject")
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_link_tenant_id_id")),
    )
    op.create_table(
        "list_entry",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "account",
                "item",
                "customer",
                "class",
                "payment_method",
                "sales_tax_code",
                name="listkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("list_id", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), server_default="", nullable=False),
        sa.Column("special", sa.String(), server_default="", nullable=False),
        sa.Column("number", sa.String(), server_default="", nullable=False),
        sa.Column("account", sa.String(), server_default="", nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("edit_sequence", sa.String(), server_default="", nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
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
            name=op.f("fk_list_entry_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_list_entry_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_entry")),
        sa.UniqueConstraint(
            "tenant_id",
            "connection_id",
            "kind",
            "list_id",
            name=op.f("uq_list_entry_tenant_id_connection_id_kind_list_id"),
        ),
    )
    op.create_index(
        "ix_list_entry_name",
        "list_entry",
        ["tenant_id", "kind", sa.literal_column("lower(full_name)")],
        unique=False,
    )
    op.create_table(
        "message",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("set_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "outstanding",
                "answered",
                "unreadable",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("sent_in", sa.BigInteger(), nullable=True),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
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
            name=op.f("fk_message_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "tenant_id",
            "connection_id",
            "set_id",
            name=op.f("uq_message_tenant_id_connection_id_set_id"),
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_message_tenant_id_id")),
    )
    op.create_index(
        "uq_message_outstanding",
        "message",
        ["tenant_id", "connection_id"],
        unique=True,
        postgresql_where=sa.text("stage = 'outstanding'"),
    )
    op.create_table(
        "payment_applied",
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoice.tenant_id", "invoice.id"],
            name=op.f("fk_payment_applied_tenant_id_invoice_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"],
            ["payment.tenant_id", "payment.id"],
            name=op.f("fk_payment_applied_tenant_id_payment_id_payment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_payment_applied_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_applied")),
    )
    op.create_index(
        "ix_payment_applied_invoice", "payment_applied", ["tenant_id", "invoice_id"], unique=False
    )
    op.create_index(
        "ix_payment_applied_payment", "payment_applied", ["tenant_id", "payment_id"], unique=False
    )
    op.create_table(
        "posting",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("billing_cycle_id", sa.BigInteger(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "receivable",
                "income",
                "tax",
                "deposit",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("charge_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), server_default="", nullable=False),
        sa.Column("class_name", sa.String(), server_default="", nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("journal_entry_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "billing_cycle_id"],
            ["billing_cycle.tenant_id", "billing_cycle.id"],
            name=op.f("fk_posting_tenant_id_billing_cycle_id_billing_cycle"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "charge_id"],
            ["charge.tenant_id", "charge.id"],
            name=op.f("fk_posting_tenant_id_charge_id_charge"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_posting_tenant_id_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "journal_entry_id"],
            ["journal_entry.tenant_id", "journal_entry.id"],
            name=op.f("fk_posting_tenant_id_journal_entry_id_journal_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_posting_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(
        "ix_posting_journal_entry", "posting", ["tenant_id", "journal_entry_id"], unique=False
    )
    op.create_index(
        "ix_posting_open",
        "posting",
        ["tenant_id", "billing_cycle_id", "date"],
        unique=False,
        postgresql_where=sa.text("journal_entry_id IS NULL"),
    )
    op.create_index("ix_posting_record", "posting", ["tenant_id", "kind", "record_id"], unique=False)
    op.create_table(
        "refund",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_memo_id", sa.BigInteger(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "void", name="status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_memo_id"],
            ["credit_memo.tenant_id", "credit_memo.id"],
            name=op.f("fk_refund_tenant_id_credit_memo_id_credit_memo"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_refund_tenant_id_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_refund_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_refund_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_refund_tenant_id_id")),
    )
    op.create_index("ix_refund_customer", "refund", ["tenant_id", "customer_id"], unique=False)
    op.create_table(
        "sync_session",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_digest", sa.String(), nullable=False),
        sa.Column(
            "started", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "last_call", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("greeted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "agenda",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("imported", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("booked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.String(), server_default="", nullable=False),
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
            name=op.f("fk_sync_session_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_sync_session_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_session")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_sync_session_tenant_id_id")),
        sa.UniqueConstraint("ticket_digest", name=op.f("uq_sync_session_ticket_digest")),
    )
    op.create_index(
        "ix_sync_session_connection", "sync_session", ["tenant_id", "connection_id", "id"], unique=False
    )
    op.create_index(
        "uq_sync_session_live",
        "sync_session",
        ["tenant_id", "connection_id"],
        unique=True,
        postgresql_where=sa.text("closed IS NULL"),
    )
    op.create_table(
        "booked_line",
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column(
            "tenant_id",
            sa.BigInteger(),
            server_default=sa.text("current_setting('hub.tenant')::bigint"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "link_id"],
            ["link.tenant_id", "link.id"],
            name=op.f("fk_booked_line_tenant_id_link_id_link"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_booked_line_tenant_id_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booked_line")),
    )
    op.create_index("ix_booked_line_link", "booked_line", ["tenant_id", "link_id"], unique=False)
    op.create_table(
        "operation",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "held",
                "sent",
                "doubt",
                "failed",
                "done",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.String(), server_default="", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fingerprint", sa.String(), server_default="", nullable=False),
        sa.Column(
            "accounts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("question", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("settled", sa.DateTime(timezone=True), nullable=True),
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
            name=op.f("fk_operation_tenant_id_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_operation_tenant_id_message_id_message"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_operation_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_operation_tenant_id_id")),
    )
    op.create_index("ix_operation_message", "operation", ["tenant_id", "message_id"], unique=False)
    op.create_index(
        "ix_operation_next",
        "operation",
        ["tenant_id", "connection_id", "rank", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'held', 'doubt')"),
    )
    op.create_index(
        "ix_operation_state", "operation", ["tenant_id", "connection_id", "state", "id"], unique=False
    )
    op.create_index(
        "ix_operation_subject",
        "operation",
        ["tenant_id", "connection_id", "subject", "id"],
        unique=False,
    )
    op.create_index(
        "uq_operation_waiting",
        "operation",
        ["tenant_id", "connection_id", "subject"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'held', 'failed')"),
    )
    isolate()


def downgrade() -> None:
    drop_lookups()
    op.drop_index(
        "uq_operation_waiting",
        table_name="operation",
        postgresql_where=sa.text("state IN ('queued', 'held', 'failed')"),
    )
    op.drop_index("ix_operation_subject", table_name="operation")
    op.drop_index("ix_operation_state", table_name="operation")
    op.drop_index(
        "ix_operation_next",
        table_name="operation",
        postgresql_where=sa.text("state IN ('queued', 'held', 'doubt')"),
    )
    op.drop_index("ix_operation_message", table_name="operation")
    op.drop_table("operation")
    op.drop_index("ix_booked_line_link", table_name="booked_line")
    op.drop_table("booked_line")
    op.drop_index(
        "uq_sync_session_live", table_name="sync_session", postgresql_where=sa.text("closed IS NULL")
    )
    op.drop_index("ix_sync_session_connection", table_name="sync_session")
    op.drop_table("sync_session")
    op.drop_index("ix_refund_customer", table_name="refund")
    op.drop_table("refund")
    op.drop_index("ix_posting_record", table_name="posting")
    op.drop_index(
        "ix_posting_open", table_name="posting", postgresql_where=sa.text("journal_entry_id IS NULL")
    )
    op.drop_index("ix_posting_journal_entry", table_name="posting")
    op.drop_table("posting")
    op.drop_index("ix_payment_applied_payment", table_name="payment_applied")
    op.drop_index("ix_payment_applied_invoice", table_name="payment_applied")
    op.drop_table("payment_applied")
    op.drop_index(
        "uq_message_outstanding", table_name="message", postgresql_where=sa.text("stage = 'outstanding'")
    )
    op.drop_table("message")
    op.drop_index("ix_list_entry_name", table_name="list_entry")
    op.drop_table("list_entry")
    op.drop_table("link")
    op.drop_index("ix_invoice_tax_invoice", table_name="invoice_tax")
    op.drop_table("invoice_tax")
    op.drop_index("ix_invoice_line_invoice", table_name="invoice_line")
    op.drop_table("invoice_line")
    op.drop_index("ix_credit_memo_tax_credit_memo", table_name="credit_memo_tax")
    op.drop_table("credit_memo_tax")
    op.drop_index("ix_credit_memo_line_credit_memo", table_name="credit_memo_line")
    op.drop_table("credit_memo_line")
    op.drop_index("ix_credit_memo_applied_invoice", table_name="credit_memo_applied")
    op.drop_index("ix_credit_memo_applied_credit_memo", table_name="credit_memo_applied")
    op.drop_table("credit_memo_applied")
    op.drop_index("ix_payment_customer", table_name="payment")
    op.drop_table("payment")
    op.drop_index(
        "uq_journal_entry_gathering",
        table_name="journal_entry",
        postgresql_where=sa.text("frozen IS NULL"),
    )
    op.drop_table("journal_entry")
    op.drop_index("ix_invoice_cycle", table_name="invoice")
    op.drop_index("ix_invoice_customer", table_name="invoice")
    op.drop_table("invoice")
    op.drop_index("ix_credit_memo_cycle", table_name="credit_memo")
    op.drop_index("ix_credit_memo_customer", table_name="credit_memo")
    op.drop_table("credit_memo")
    op.drop_table("connection")
    op.drop_index("uq_staff_login", table_name="staff")
    op.drop_table("staff")
    op.drop_table("customer")
    op.drop_table("charge")
    op.drop_table("billing_cycle")
    op.drop_table("audit_entry")
    op.drop_table("assignment")
    op.drop_table("api_token")
    op.drop_table("tenant")
    op.drop_index("uq_support_staff_login", table_name="support_staff")
    op.drop_table("support_staff")
