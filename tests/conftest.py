"""What tests stand on: a PostgreSQL of their own, started when the first of them needs it.

All workers of a run share one server under a temporary directory. Each takes a lease, so the
first starts it and the last stops it. The schema is migrated once, into a template; a worker
gets a copy of that.
"""

import shutil
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from waitress import wasyncore
from waitress.server import create_server
from webtest import TestApp

from hub import application, embedded, security
from hub.db import migrate
from hub.settings import load
from hub.start_postgres import EMPTY
from tests.caller import Caller
from tests.visitor import Visitor
from tests.world import World

TEMPLATE = "migrated"
LOCK = 1


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the controller, or the one process there is
        config.hub_var = tempfile.mkdtemp(prefix="hub-tests-")


@pytest.hookimpl(optionalhook=True)  # xdist's
def pytest_configure_node(node):
    node.workerinput["hub_var"] = node.config.hub_var


def pytest_unconfigure(config):
    if hasattr(config, "hub_var"):
        shutil.rmtree(config.hub_var, ignore_errors=True)


class Server:
    """The server of this run, and the databases on it."""

    def __init__(self, url):
        self._url = make_url(url)

    def url(self, name):
        """Return the URL of the database ``name``."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def create(self, name, how=EMPTY):
        """Make the database ``name``, empty unless ``how`` says otherwise, and return its URL."""
        self.run(f'CREATE DATABASE "{name}" {how}')
        return self.url(name)

    def drop(self, name):
        self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def run(self, *statements):
        with self._connection() as connection:
            for statement in statements:
                connection.execute(statement)

    def make_template(self):
        """Migrate the template unless another worker has."""
        with self._connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            made = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
            if not made.fetchone():
                # What a crash would lose is lost anyway when the run ends.
                for name in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {name} = off")
                connection.execute("SELECT pg_reload_conf()")
                migrate(self.create(f"{TEMPLATE}_half"))
                connection.execute(f"ALTER DATABASE {TEMPLATE}_half RENAME TO {TEMPLATE}")

    def _connection(self):
        url = self._url.set(drivername="postgresql", database="postgres")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture(scope="session")
def hub_var(request):
    """The directory that stands for ``hub.var`` in all workers of this run."""
    config = request.config
    return Path(config.workerinput["hub_var"] if hasattr(config, "workerinput") else config.hub_var)


@pytest.fixture(scope="session")
def server(hub_var):
    """The PostgreSQL server, without any database but the template."""
    # A broker is named so that none is started; nothing is sent to it.
    with embedded.lent({"hub.var": str(hub_var), "celery.broker_url": "memory://"}) as settings:
        server = Server(settings["sqlalchemy.url"])
        server.make_template()
        yield server


@pytest.fixture(scope="session")
def database_url(server, request):
    """The URL of this worker's own database, with the newest schema."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    yield server.create(f"hub_{worker}", f"TEMPLATE {TEMPLATE}")
    server.drop(f"hub_{worker}")


@pytest.fixture
def empty_database_url(server, request):
    """The URL of a database without a schema, for one test."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    yield server.create(f"empty_{worker}")
    server.drop(f"empty_{worker}")


@pytest.fixture(scope="session")
def broker(hub_var):
    """The URL of a real broker, shared by the workers, for the tests that need one."""
    with embedded.lent({"hub.var": str(hub_var), "sqlalchemy.url": "not needed"}) as settings:
        yield settings["celery.broker_url"]


# The fixtures of the application follow here.


@pytest.fixture(scope="session", autouse=True)
def quick_hashes():
    """Passwords of tests are worth no protection, and there are many."""
    security.COST = 4


@pytest.fixture(scope="session")
def settings(database_url, tmp_path_factory):
    """The settings of the application under test: complete, with tasks run in place."""
    return load(
        {
            "hub.development": "true",
            "hub.var": str(tmp_path_factory.mktemp("var")),
            "hub.url": "http://localhost:6543",
            "hub.secret": "a secret of the tests that nobody else knows",
            "sqlalchemy.url": database_url,
            "celery.broker_url": "memory://",
            "celery.task_always_eager": "true",
        },
        environ={},
    )


@pytest.fixture(scope="session")
def app(settings):
    """The application as production has it, on this worker's database. What tests do is committed:
    they keep out of each other's way as tenants do."""
    return application(settings)


@pytest.fixture
def testapp(app):
    return TestApp(app)


@pytest.fixture
def served(app):
    """The address of the application behind a real web server."""
    port = embedded.free_port()
    sockets = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://localhost:{port}"
    # Who still answers wakes the thread that looks after the sockets, and nobody but that may close them.
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def world(app, settings, tmp_path):
    """A place to make tenants in, with all their doors."""
    return World(app, settings, tmp_path)


@pytest.fixture
def summary(world):
    """A tenant in Summarized Journal Entry mode."""
    return world.tenant("summary")


@pytest.fixture
def full(world):
    """A tenant in Full Synchronization mode."""
    return world.tenant("full")


@pytest.fixture(params=["summary", "full"])
def tenant(request, world):
    """A tenant, once in each mode."""
    return world.tenant(request.param)


@pytest.fixture
def enter(app):
    """Sign in as a tenant's admin; return the browser."""

    def entered(tenant):
        browser = Visitor(app)
        browser.sign_in(tenant.admin, tenant.password)
        return browser

    return entered


@pytest.fixture
def caller():
    """Set a computer up for a tenant: ``caller(tenant)``."""
    companies = []

    def made(tenant, company=None, **options):
        if company is None:
            company = tenant.company()
            companies.append(company)
        made = Caller(tenant, company, **options)
        made.stamp()
        return made

    yield made
    for company in companies:
        company.close()
