"""Records as plain values, for whoever reads thousands of them at a time and changes none.

Loading a record as an object of the session, its lines with it, and asking that for its fields takes
several times as long as all that is then made of it. A snapshot has the record's fields and rows under
the same names, and its ``__tablename__``; it is no instance of the record's class, though it is typed as
one. A statement for its table and one for each table of its rows fetch them all.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from hub.db import among
from hub.ledger.models import Record

R = TypeVar("R", bound=Record)

_LEFT_OUT = {"tenant_id", "digest", "created", "updated"}


class _Shape(NamedTuple):
    """How the snapshots of one model are read: its columns, the class they make, and its rows'."""

    columns: Sequence[Any]
    make: Any
    rows: Sequence[_Rows]


class _Rows(NamedTuple):
    """A table of rows that belong to a record: what they are called there, and their order."""

    name: str
    shape: _Shape
    owner: Any
    position: int
    """Where among the columns ``owner`` stands, the id of the record."""
    order: Any


def read(db: Session, model: type[R], ids: Iterable[int]) -> list[R]:
    """Return snapshots of the records of ``model`` with these ids, those that there are."""
    kind: Any = model
    shape = _shape(kind)
    wanted = list(ids)
    found = db.execute(select(*shape.columns).where(among(model.id, wanted))).all()
    owned = [_owned(db, rows, wanted) for rows in shape.rows]
    made: list[R] = [shape.make(*row, *(rows.get(row.id, ()) for rows in owned)) for row in found]
    return made


def _owned(db: Session, rows: _Rows, owners: Sequence[int]) -> dict[int, list[Any]]:
    """Return the rows of these records, in their order, by the id of the record."""
    query = select(*rows.shape.columns).where(among(rows.owner, owners)).order_by(*rows.order)
    position, make = rows.position, rows.shape.make._make
    found: dict[int, list[Any]] = {}
    for row in db.execute(query):
        found.setdefault(row[position], []).append(make(row))
    return found


@cache
def _shape(model: Any) -> _Shape:
    mapper = inspect(model)
    keys = [one.key for one in mapper.column_attrs if one.key not in _LEFT_OUT]
    rows = [_rows(one) for one in mapper.relationships]
    make_tuple: Any = namedtuple
    fields = make_tuple(model.__name__, [*keys, *(one.name for one in rows)])
    made = type(model.__name__, (fields,), {"__slots__": (), "__tablename__": model.__tablename__})
    return _Shape([getattr(model, key) for key in keys], made, rows)


def _rows(relationship: Any) -> _Rows:
    shape = _shape(relationship.mapper.class_)
    (owner,) = relationship.remote_side
    position = [column.key for column in shape.columns].index(owner.key)
    return _Rows(relationship.key, shape, owner, position, relationship.order_by)
