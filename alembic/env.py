"""How migrations run: one process at a time, each in a transaction of its own.

``hub.db.migrate`` names the database in ``sqlalchemy.url``. Called as
``alembic -c development.ini …`` it is the database of that file's settings.
"""

import sqlalchemy as sa
from pyramid.paster import get_appsettings

import hub.books.customer_choice
import hub.books.customer_currency
import hub.books.models
import hub.ledger.models
import hub.qbwc.models
import hub.tenants.full_policy
import hub.tenants.models  # noqa: F401  the models of all packages, for autogenerate
from alembic import context
from hub import embedded
from hub.db import Base
from hub.settings import load

LOCK = 0x687562
"""The advisory lock of a run: the letters "hub"."""
LOCK_TIMEOUT = "4s"
"""How long a statement may wait for a table that is in use, before it gives up and nothing
has changed. Longer, and every query behind it would wait as well."""


def url() -> str:
    """Return the database to migrate, which the caller or the settings have named."""
    config = context.config
    if named := config.get_main_option("sqlalchemy.url"):
        return named
    return embedded.ensure(load(get_appsettings(config.config_file_name)))["sqlalchemy.url"]


def run() -> None:
    """Run the migrations that are missing, after those that another process is running."""
    engine = sa.create_engine(url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
    # The lock ends with the connection, however that ends.
    engine.dispose()


run()
