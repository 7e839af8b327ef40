"""The database: base of all models, the tenant of a session, one session for a request.

Isolation is the database's job. Every tenant table carries ``tenant_id`` with FORCE
row-level security, and a transaction sees the rows of the tenant named by the setting
``hub.tenant`` alone; no tenant, no rows. The setting is made at the start of every
transaction and ends with it, so a pooled connection carries nothing over.
"""

from __future__ import annotations

import datetime as dt
import enum
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pyramid_retry
from alembic.config import Config
from psycopg.types.array import ListDumper
from pyramid.config import Configurator
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Engine,
    Enum,
    ForeignKey,
    Identity,
    MetaData,
    Numeric,
    String,
    any_,
    create_engine,
    event,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from zope.sqlalchemy import datamanager

from alembic import command

ROOT = Path(__file__).resolve().parent.parent
ROLE = "hub_app"
"""The role every statement of the application runs as: owns nothing, bypasses nothing."""

IDLE = 20.0
"""Seconds after which a connection is asked whether it still stands."""

Key = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
Money = Annotated[Decimal, mapped_column(Numeric(15, 2))]
Created = Annotated[dt.datetime, mapped_column(server_default=func.now())]
Document = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    """The base of every model: constraint names, and how Python's types are stored."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        dt.datetime: DateTime(timezone=True),
        int: BigInteger,
        str: String,
        enum.StrEnum: Enum(
            enum.StrEnum,
            native_enum=False,
            create_constraint=True,
            length=40,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


class Owned:
    """A row of one tenant. The database fills the tenant in and refuses any other."""

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("tenant.id", ondelete="CASCADE"),
        server_default=text("current_setting('hub.tenant')::bigint"),
    )
    id: Mapped[Key]


class HubSession(Session):
    """A SQLAlchemy session that knows whose rows it may see."""

    def enter(self, tenant_id: int) -> None:
        """From here on, in this transaction and the next, see the rows of ``tenant_id`` alone."""
        self.info["tenant_id"] = tenant_id
        if self.in_transaction():
            _set_tenant(self.connection(), tenant_id)

    def entered(self, tenant_id: int) -> None:
        """A function of the database has entered ``tenant_id`` in this transaction."""
        self.info["tenant_id"] = tenant_id


def among(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether ``column`` is one of ``values``: a single parameter, however many they are, where a
    statement with one for each could not hold more than 65,535."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def _set_tenant(connection: Any, tenant_id: int) -> None:
    connection.execute(text("SELECT set_config('hub.tenant', :id, true)"), {"id": str(tenant_id)})


@event.listens_for(HubSession, "after_begin")
def _begin(session: HubSession, transaction: Any, connection: Any) -> None:
    if tenant_id := session.info.get("tenant_id"):
        _set_tenant(connection, tenant_id)


@event.listens_for(HubSession, "after_begin")
@event.listens_for(HubSession, "after_attach")
def _join(session: HubSession, *_: Any) -> None:
    """Make the session part of its request's transaction, if it is a request's. Statements written as
    text are seen by nobody, so what is not known to have changed nothing has. (zope.sqlalchemy.register
    sets up seven listeners for each session, which costs as much as half a statement.)"""
    if manager := session.info.get("tm"):
        datamanager.join_transaction(session, datamanager.STATUS_CHANGED, manager)


def engine(settings: Mapping[str, Any]) -> Engine:
    """Return the engine for ``sqlalchemy.url``; each connection takes the application's role."""
    made = create_engine(
        settings["sqlalchemy.url"],
        pool_size=settings.get("sqlalchemy.pool_size", 10),
        max_overflow=settings.get("sqlalchemy.max_overflow", 20),
        # What a statement carries is a tenant's, and an error goes into the log.
        hide_parameters=True,
    )

    @event.listens_for(made, "connect")
    def take_role(connection: Any, record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET ROLE {ROLE}")
        connection.autocommit = False
        connection.adapters.register_dumper(list, _Lists)

    _look_after(made)
    return made


class _Lists(ListDumper):
    """How a list of numbers or texts goes to the database: in one go, where the driver's own way asks
    each element by itself, which for thousands of ids takes longer than finding their rows."""

    def dump(self, obj: list[Any]) -> Any:
        kinds = set(map(type, obj))
        if kinds == {int}:
            return f"{{{','.join(map(str, obj))}}}".encode()
        if kinds == {str}:
            quoted = '","'.join(one.replace("\\", "\\\\").replace('"', '\\"') for one in obj)
            return f'{{"{quoted}"}}'.encode()
        return super().dump(obj)


def _look_after(made: Engine) -> None:
    """See that a connection that has lain idle still stands before it is lent. One that was used just
    now is not asked, as that costs every call a round trip; if it breaks, the request is retried."""

    @event.listens_for(made, "checkin")
    def lay_down(connection: Any, record: Any) -> None:
        record.info["idle since"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def take_up(connection: Any, record: Any, _: Any) -> None:
        since = record.info.get("idle since")
        if since is None or time.monotonic() - since < IDLE:
            return
        try:
            made.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error


def migrate(url: str) -> None:
    """Bring the database at ``url`` to the newest schema; several processes may try at once."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def request_session(request: Any) -> HubSession:
    """Return the session of ``request``, part of its transaction."""
    session: HubSession = request.registry["session_factory"]()
    session.info["tm"] = request.tm
    request.add_finished_callback(lambda _request: session.close())
    return session


def includeme(config: Configurator) -> None:
    """Give every request ``request.db`` and a transaction that ends with it."""
    settings = config.get_settings()
    settings["tm.manager_hook"] = "pyramid_tm.explicit_manager"
    # Who asks is looked up where somebody wants to know: a Web Connector has no session.
    settings["tm.annotate_user"] = "false"
    settings["tm.commit_veto"] = "pyramid_tm.default_commit_veto"
    config.include("pyramid_tm")
    config.include("pyramid_retry")
    # Of two that bring the same new record at once, one runs into its unique key; tried again, it
    # finds the record and is told what became of it.
    pyramid_retry.mark_error_retryable(IntegrityError)
    # A connection that broke: the next try has a new one.
    pyramid_retry.mark_error_retryable(OperationalError)
    config.registry["session_factory"] = sessionmaker(engine(settings), class_=HubSession)
    config.add_request_method(request_session, "db", reify=True)


@contextmanager
def unit(settings: Mapping[str, Any]) -> Iterator[HubSession]:
    """Lend a session outside of any request: committed at the end of the block, or not at all."""
    made = engine(settings)
    try:
        with HubSession(made) as db, db.begin():
            yield db
    finally:
        made.dispose()
