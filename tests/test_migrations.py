"""The schema: migrations make exactly what the models say, and can be taken back."""

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

import hub.books.customer_choice
import hub.books.models
import hub.ledger.models
import hub.qbwc.models
import hub.tenants.full_policy
import hub.tenants.models  # noqa: F401
from alembic import command
from hub.db import ROOT, Base, migrate


def config(url):
    made = Config()
    made.set_main_option("script_location", str(ROOT / "alembic"))
    made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return made


def test_the_models_are_what_the_migrations_make(database_url):
    engine = create_engine(database_url)
    with engine.connect() as connection:
        difference = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata
        )
    engine.dispose()
    assert difference == []


def test_down_to_nothing_and_up_again(empty_database_url):
    migrate(empty_database_url)
    command.downgrade(config(empty_database_url), "base")
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert left.scalars().all() == ["alembic_version"]
    engine.dispose()
    migrate(empty_database_url)
