"""Nothing of one tenant is ever seen or moved by another: at the doors, and in the database itself."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import sessionmaker
from webtest import TestApp

from hub import db as hub_db
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import Base, HubSession
from hub.errors import Refused
from hub.ledger.models import Customer, Invoice
from hub.qbwc.models import Operation, State
from hub.sandbox import qwc as sandbox_qwc
from hub.sandbox.service import Service
from hub.tenants.models import Tenant
from hub.tenants.service import StaffRoom, open_tenant
from tests.contract import Platform
from tests.world import PASSWORD

SHARED = {"alembic_version", "support_staff", "tenant"}
"""Tables whose rows carry no tenant: of ``tenant`` each row is one."""
VIEWS = ("hub_under_way", "hub_placed_posting")
APPEND_ONLY = {"posting", "audit_entry"}
TABLES = sorted(table.name for table in Base.metadata.sorted_tables if "tenant_id" in table.columns)


@pytest.fixture
def ours(world):
    return world.tenant("full")


@pytest.fixture
def theirs(world):
    return world.tenant("full")


@pytest.fixture
def both(ours, theirs):
    """Two tenants whose records have the same ids, names and numbers; only the amounts tell them apart."""
    push(ours, "100.00", "ours")
    push(theirs, "7.00", "theirs")
    return ours, theirs


def push(tenant, amount, memo):
    head = {"customer": "ada", "date": "2026-05-03"}
    applied = [{"invoice": "i", "amount": amount}]
    records = [
        ("customer", "ada", {"name": "Ada", "email": f"ada@{memo}.example"}),
        ("charge", "gold", {"name": "Gold", "item": "Subscription", "accounting_code": "4010"}),
        ("billing_cycle", "may", {"name": "May", "starts": "2026-05-01", "ends": "2026-05-31"}),
        (
            "invoice",
            "i",
            head | {"number": "1001", "memo": memo, "lines": [{"charge": "gold", "amount": amount}]},
        ),
        ("payment", "p", head | {"amount": amount, "reference": memo, "applied": applied}),
    ]
    assert tenant.batch(records).json["created"] == len(records)


def platform(tenant):
    return Platform(TestApp(tenant.world.app), tenant.token)


def soap(tenant):
    return Service("http://localhost/qbwc", httpx.WSGITransport(app=tenant.world.app))


# At the doors


def test_the_same_ids_are_other_records_for_another_tenant(both):
    for tenant, memo, total in zip(both, ("ours", "theirs"), ("100.00", "7.00"), strict=True):
        shown = platform(tenant).call("GET", "invoices/i", status=200).json
        assert (shown["memo"], shown["total"]) == (memo, total)
        for kind in ("customers", "charges", "billing-cycles", "invoices", "payments"):
            assert len(platform(tenant).call("GET", kind).json["data"]) == 1


def test_a_token_finds_nothing_of_another_tenant(ours, theirs):
    push(theirs, "7.00", "theirs")
    mine = platform(ours)

    for address in ("customers/ada", "invoices/i", "charges/gold", "billing-cycles/may", "payments/p"):
        mine.call("GET", address, status=404)
    mine.call("POST", "billing-cycles/may/close", status=404)
    assert mine.call("GET", "invoices").json["data"] == []
    assert platform(theirs).call("GET", "billing-cycles/may").json["closed"] is None


def test_a_reference_does_not_reach_another_tenant(ours, theirs):
    push(theirs, "7.00", "theirs")
    invoice = {"version": 1, "number": "1", "customer": "ada", "date": "2026-05-03"}
    invoice["lines"] = [{"charge": "gold", "amount": "1.00"}]
    line = json.dumps(invoice | {"kind": "invoice", "external_id": "x"}).encode()

    alone = platform(ours).call("PUT", "invoices/x", json.dumps(invoice).encode(), 422)
    batch = platform(ours).call("POST", "batches?partial=true", line, 200)

    for refused in (alone, batch):
        assert {error["pointer"] for error in refused.json["errors"]} == {"/customer", "/lines/0/charge"}


def test_a_cursor_of_one_tenant_shows_the_other_its_own_rows_alone(both):
    ours, theirs = both
    ours.put("customers", "eve", name="Eve")
    cursor = platform(ours).call("GET", "customers?limit=1").json["next"]

    page = platform(theirs).call("GET", f"customers?cursor={cursor}").json

    assert "ours" not in json.dumps(page)


def test_a_username_is_one_tenants_alone(ours, theirs):
    with theirs.db() as db:
        opened = open_tenant(db, theirs.slug)
        integration = Integration(db, opened, main_connection(db, opened), "test")
        integration.connection.staff_id = None
        with pytest.raises(Refused, match="taken"):
            integration.set_up(ours.username.upper(), "another-password")
        db.rollback()
    with theirs.db() as db, pytest.raises(Refused, match="taken"):
        StaffRoom(db, open_tenant(db, theirs.slug), "test").add_person(f" {ours.admin.upper()}")


def test_a_password_opens_its_own_tenant_alone(ours, theirs):
    with theirs.db() as db:
        opened = open_tenant(db, theirs.slug)
        connection = main_connection(db, opened)
        Integration(db, opened, connection, "test").set_up(theirs.username, "their-own-password")

    def answer(username, password):
        return soap(ours).strings("authenticate", strUserName=username, strPassword=password)[1]

    assert answer(ours.username, "their-own-password") == "nvu"
    assert answer(theirs.username, PASSWORD) == "nvu"
    assert answer(ours.username, PASSWORD) == answer(theirs.username, "their-own-password") == ""


def test_a_ticket_is_good_for_its_own_tenant_alone(both):
    """What comes in under one ticket never settles what the other has under way."""
    ours, theirs = both
    theirs.sync()
    theirs.put("customers", "ada", version=2, name="Ada", phone="555 0100")
    with theirs.db() as db:
        open_tenant(db, theirs.slug)
        waiting = [operation.id for operation in db.scalars(select(Operation).filter_by(state="queued"))]
    service = soap(ours)
    ticket = service.strings("authenticate", strUserName=ours.username, strPassword=PASSWORD)[0]
    rows = "".join(
        f'<CustomerModRs requestID="{n}" statusCode="0" statusSeverity="Info" statusMessage="ok"/>'
        for n in waiting
    )

    service.text("sendRequestXML", ticket=ticket, strHCPResponse="<QBXML/>")
    service.text(
        "receiveResponseXML", ticket=ticket, response=f"<QBXML><QBXMLMsgsRs>{rows}</QBXMLMsgsRs></QBXML>"
    )
    service.text("closeConnection", ticket=ticket)

    assert waiting
    with theirs.db() as db:
        open_tenant(db, theirs.slug)
        states = {row.id: row.state for row in db.scalars(select(Operation))}
    assert {states[n] for n in waiting} == {State.QUEUED}


def test_a_qwc_file_shares_nothing_with_anothers(both):
    ours, theirs = (sandbox_qwc.parse(tenant.qwc()) for tenant in both)

    for field in ("owner_id", "file_id", "username", "app_name"):
        assert getattr(ours, field) != getattr(theirs, field)


def test_a_company_file_of_one_is_refused_by_the_connection_of_another(both):
    """Somebody restores another tenant's company file under the name of the right one."""
    ours, theirs = both
    ours.sync()
    theirs.sync()
    before = ours.balances()
    theirs.put("customers", "eve", name="Eve")
    with ours.company() as company:
        connector = theirs.connector(company)
        company.stamp(connector.qwc.owner_id, "FileID", sandbox_qwc.parse(ours.qwc()).file_id)
        outcome = connector.run()

    assert not outcome.ok
    assert ours.balances() == before


def test_many_who_sync_at_once_get_their_own_books(world):
    tenants = [world.tenant(mode) for mode in ("full", "summary", "full", "summary")]
    for number, tenant in enumerate(tenants, 1):
        push(tenant, f"{number}00.00", f"tenant {number}")
        tenant.close("may")
    start = threading.Barrier(len(tenants))

    def sync(tenant):
        start.wait()
        return tenant.sync()

    with ThreadPoolExecutor(len(tenants)) as pool:
        outcomes = list(pool.map(sync, tenants))

    for number, (tenant, outcome) in enumerate(zip(tenants, outcomes, strict=True), 1):
        assert outcome.ok, outcome
        assert tenant.proof().difference == 0
        assert tenant.balances() == tenant.billed()
        assert tenant.billed()["Sales:Subscriptions"] == -100 * number
        wire = "".join(path.read_text() for path in tenant.transcript.iterdir())
        named = set(re.findall(r"tenant (\d)", wire))
        assert named <= {str(number)}


# In the database


@pytest.fixture
def app_db(world):
    """Sessions as the application's own pool gives them."""
    return world.app.registry["session_factory"]


@pytest.fixture
def owner(database_url):
    """A connection of the owner of the schema, who sees everything."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_every_table_is_either_a_tenants_or_on_the_short_list(owner):
    query = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""
    found = set(owner.scalars(text(query)))

    assert found == {*TABLES, *SHARED, *VIEWS}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_what_whoever_asks_may_see(owner, view):
    query = "SELECT reloptions FROM pg_class WHERE oid = cast(:v AS regclass)"
    assert owner.execute(text(query), {"v": view}).scalar_one() == ["security_invoker=true"]


@pytest.mark.parametrize("table", [*TABLES, "tenant"])
def test_a_tenants_table_is_guarded(owner, table):
    query = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = cast(:t AS regclass)"
    assert owner.execute(text(query), {"t": table}).one() == (True, True)

    query = """SELECT permissive, cmd, qual, with_check FROM pg_policies
               WHERE tablename = :t AND roles && '{hub_app,public}'::name[]"""
    policies = owner.execute(text(query), {"t": table}).all()
    assert len(policies) == 1
    column = "id" if table == "tenant" else "tenant_id"
    assert policies[0].cmd == "ALL"
    assert policies[0].qual == policies[0].with_check
    assert f"({column} = " in policies[0].qual
    assert "hub.tenant" in policies[0].qual


@pytest.mark.parametrize("table", TABLES)
def test_a_tenants_rows_name_only_rows_of_the_same_tenant(owner, table):
    query = """SELECT conname, confrelid::regclass::text AS target,
                      (SELECT array_agg(a.attname ORDER BY k.n)
                       FROM unnest(conkey) WITH ORDINALITY k(num, n)
                       JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num) AS columns
               FROM pg_constraint WHERE contype = 'f' AND conrelid = cast(:t AS regclass)"""
    keys = owner.execute(text(query), {"t": table}).all()

    assert {key.target for key in keys if "tenant_id" not in key.columns} == set()
    assert [key.columns for key in keys if key.target == "tenant"] == [["tenant_id"]]
    assert all(len(key.columns) == 2 for key in keys if key.target != "tenant")


def test_the_application_is_nobody_special(app_db):
    query = """SELECT current_user, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
                      (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owned,
                      (SELECT count(*) FROM pg_proc WHERE proowner = r.oid) AS functions
               FROM pg_roles r WHERE rolname = current_user"""
    with app_db() as db:
        assert tuple(db.execute(text(query)).one()) == ("hub_app", *[False] * 5, 0, 0)
        assert db.execute(text("SELECT has_schema_privilege('public', 'CREATE')")).scalar() is False
        memberships = "SELECT count(*) FROM pg_auth_members WHERE member = 'hub_app'::regrole"
        assert db.execute(text(memberships)).scalar() == 0


def test_without_a_tenant_there_is_nothing(app_db, both):
    with app_db() as db:
        for table in [*TABLES, "tenant"]:
            assert db.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


@contextmanager
def entered(app_db, tenant):
    """Lend a session of the application that has entered ``tenant``."""
    with app_db() as db:
        db.enter(tenant.id)
        yield db


def insertion(owner, table, tenant_id):
    """Return an INSERT of a row that would be right, were it not for its tenant."""
    query = """SELECT column_name, data_type FROM information_schema.columns WHERE table_name = :t
               AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
               AND is_generated = 'NEVER'"""
    values = {"bigint": "1", "date": "'2026-01-01'", "uuid": "gen_random_uuid()", "jsonb": "'{}'"}
    columns = dict(owner.execute(text(query), {"t": table}).all())
    columns.pop("tenant_id", None)
    written = [
        "true"
        if kind == "boolean"
        else "now()"
        if kind.startswith("timestamp")
        else values.get(kind, "'1'")
        for kind in columns.values()
    ]
    names = ", ".join(["tenant_id", *columns])
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join([tenant_id, *written])})"


@pytest.mark.parametrize("table", TABLES)
def test_nobody_writes_a_row_without_a_tenant_or_into_another(app_db, owner, ours, theirs, table):
    into_another = text(insertion(owner, table, str(theirs.id)))
    without = text(insertion(owner, table, "DEFAULT"))
    with app_db() as db, pytest.raises(DBAPIError, match="row-level security"):
        db.execute(into_another)
    with entered(app_db, ours) as db, pytest.raises(DBAPIError, match="row-level security"):
        db.execute(into_another)
    with app_db() as db, pytest.raises(DBAPIError, match=r"hub\.tenant|invalid input syntax"):
        db.execute(without)


@pytest.mark.parametrize("table", sorted({*TABLES} - APPEND_ONLY))
def test_nobody_changes_or_removes_rows_of_another(app_db, both, owner, table):
    ours, theirs = both
    count = text(f"SELECT count(*) FROM {table} WHERE tenant_id = {theirs.id}")
    before = owner.execute(count).scalar()
    owner.rollback()

    with entered(app_db, ours) as db:
        for statement in (
            f"DELETE FROM {table} WHERE tenant_id = {theirs.id}",
            f"UPDATE {table} SET tenant_id = {ours.id} WHERE tenant_id = {theirs.id}",
        ):
            assert db.execute(text(statement)).rowcount == 0
        db.commit()

    assert owner.execute(count).scalar() == before


def test_no_row_is_given_away(app_db, both):
    ours, theirs = both
    given = text(f"UPDATE charge SET tenant_id = {theirs.id}")

    with entered(app_db, ours) as db, pytest.raises(DBAPIError, match="row-level security"):
        db.execute(given)


def test_an_invoice_cannot_name_a_customer_of_another_tenant(app_db, both):
    """The database refuses it even from code that has found the id out."""
    ours, theirs = both
    with entered(app_db, theirs) as db:
        customer_id = db.scalars(select(Customer.id)).one()
    with entered(app_db, ours) as db:
        db.scalars(select(Invoice)).one().customer_id = customer_id
        with pytest.raises(IntegrityError, match="fk_invoice"):
            db.flush()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET amount = amount + 1",
        "UPDATE posting SET date = date",
        "UPDATE posting SET record_id = 0",
        "DELETE FROM posting",
        "TRUNCATE posting",
        "UPDATE audit_entry SET actor = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM tenant",
        "INSERT INTO tenant (slug, name, mode) VALUES ('evil', 'Evil', 'full')",
        "DELETE FROM support_staff",
        "ALTER TABLE posting DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON posting",
        "CREATE TABLE mine (id int)",
        "COPY customer TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        "UPDATE alembic_version SET version_num = '0'",
    ],
)
def test_the_application_may_not(app_db, both, statement):
    refused = pytest.raises(DBAPIError, match=r"permission denied|must be owner")

    with entered(app_db, both[0]) as db, refused:
        db.execute(text(statement))


def test_a_connection_that_comes_back_from_the_pool_has_forgotten_its_tenant(settings, both):
    engine = hub_db.engine(settings | {"sqlalchemy.pool_size": 1, "sqlalchemy.max_overflow": 0})
    sessions = sessionmaker(engine, class_=HubSession)
    try:
        for end in ("commit", "rollback", "close"):
            with sessions() as db:
                db.enter(both[0].id)
                backend = db.execute(text("SELECT pg_backend_pid()")).scalar()
                assert db.execute(text("SELECT count(*) FROM customer")).scalar() == 1
                getattr(db, end)()
            with sessions() as db:
                assert db.execute(text("SELECT pg_backend_pid()")).scalar() == backend
                assert db.execute(text("SELECT count(*) FROM customer")).scalar() == 0
                assert not db.execute(text("SELECT current_setting('hub.tenant', true)")).scalar()
                assert db.execute(text("SELECT current_user")).scalar() == "hub_app"
    finally:
        engine.dispose()


def test_a_tenant_stays_entered_through_the_sessions_transactions_and_ends_with_it(app_db, both):
    with app_db() as db:
        db.enter(both[0].id)
        db.commit()
        assert db.scalars(select(Tenant.id)).one() == both[0].id
        db.rollback()
        db.enter(both[1].id)
        assert db.scalars(select(Tenant.id)).one() == both[1].id


def test_what_looks_across_tenants_is_a_short_list_that_strangers_cannot_call(owner):
    query = """SELECT proname, prosecdef, pg_get_userbyid(proowner) AS owner, proconfig,
                      has_function_privilege('public', p.oid, 'EXECUTE') AS public,
                      has_function_privilege('hub_app', p.oid, 'EXECUTE') AS app
               FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'public'"""
    found = {row.proname: row for row in owner.execute(text(query))}
    # These do what they do with the rights of whoever calls them.
    for name in ("hub_visit", "hub_knock"):
        own = found.pop(name)
        assert (own.prosecdef, own.public, own.app) == (False, False, True)

    assert set(found) == {
        *("hub_login", "hub_ticket", "hub_token", "hub_tenant", "hub_tenants", "hub_new_tenant")
    }
    for row in found.values():
        assert (row.prosecdef, row.owner, row.public, row.app) == (True, "hub_lookup", False, True)
        assert row.proconfig == ["search_path=public, pg_temp"]
    query = "SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = 'hub_lookup'"
    assert tuple(owner.execute(text(query)).one()) == (False, False, False)


def test_what_looks_across_tenants_answers_to_one_exact_name(app_db, both):
    def asked(call, **values):
        with app_db() as db:
            return [dict(row._mapping) for row in db.execute(text(f"SELECT * FROM {call}"), values)]

    for wrong in ("", "%", "_", both[0].username[:-1] + "%", "' OR true --", None):
        for function in ("hub_login", "hub_ticket", "hub_token"):
            assert asked(f"{function}(:wanted)", wanted=wrong) == []
        assert asked("hub_tenant(:wanted)", wanted=wrong) == [{"hub_tenant": None}]
    found = asked("hub_login(:wanted)", wanted=both[0].username)
    assert [(row["tenant_id"], row["kind"]) for row in found] == [(both[0].id, "integration")]
    assert set(asked("hub_tenants()")[0]) == {"id", "slug", "name", "mode"}
