"""Finding customers among those that QuickBooks has, by account number, e-mail, company and name.

What is found is weighed: an account number counts for more than all that comes after it, and so
on down. So the first mark in that order that finds anybody decides, and the later ones choose
among those whom it finds. It is one statement, however many customers are looked for.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.books.models import Connection


class Mark(enum.StrEnum):
    """What a customer is known by, the weightiest first."""

    ACCOUNT_NUMBER = "account_number"
    EMAIL = "email"
    COMPANY = "company"
    NAME = "name"

    @property
    def label(self) -> str:
        return {"account_number": "account number", "email": "e-mail", "name": "full name"}.get(
            self.value, self.value
        )


WEIGHTS = {Mark.ACCOUNT_NUMBER: 8, Mark.EMAIL: 4, Mark.COMPANY: 2, Mark.NAME: 1}
SHOWN = 5
"""How many of those who match equally well are named."""


@dataclass(frozen=True)
class Wanted:
    """A customer that is looked for."""

    id: int
    name: str
    """What it is to be called in QuickBooks."""
    account_number: str = ""
    email: str = ""
    company: str = ""
    currency: str = ""
    """QuickBooks' name of the currency that the customer must be kept in; empty where there is just
    one."""


@dataclass(frozen=True)
class Candidate:
    """A customer that QuickBooks has."""

    list_id: str
    full_name: str
    edit_sequence: str
    number: str
    email: str
    company: str


@dataclass(frozen=True)
class Holder:
    """Who has a name in QuickBooks: a customer, a vendor, an employee or another name."""

    kind: str
    full_name: str
    active: bool
    is_linked: bool
    """It belongs to another customer of the tenant."""


@dataclass(frozen=True)
class Match:
    """What was found for one customer."""

    mark: Mark | None = None
    """What those found have in common with it."""
    candidates: Sequence[Candidate] = field(default=())
    """Those that match best and belong to nobody yet, at most ``SHOWN``."""
    many: int = 0
    """How many they are."""
    rivals: int = 0
    """How many other customers that are looked for match one of them as well."""
    holder: Holder | None = None
    """Who has its name."""

    @property
    def only(self) -> Candidate | None:
        """The one that matches, if there is just one and for this customer alone."""
        return self.candidates[0] if self.many == 1 and not self.rivals else None


def find(
    db: Session, connection: Connection, wanted: Iterable[Wanted], marks: Iterable[Mark]
) -> Mapping[int, Match]:
    """Return what is found for each of ``wanted`` by these ``marks``, by id."""
    rows = [one.__dict__ for one in wanted]
    if not rows:
        return {}
    values = {
        "connection": connection.id,
        "home": connection.company.get("currency", "USD"),
        "rows": json.dumps(rows),
        "shown": SHOWN,
        **{mark.value: WEIGHTS[mark] if mark in set(marks) else 0 for mark in Mark},
    }
    return {row.id: _match(row) for row in db.execute(_FIND, values)}


def _match(row: Any) -> Match:
    return Match(
        _mark(row.score),
        [Candidate(**one) for one in row.candidates or ()],
        row.many,
        row.rivals,
        Holder(**row.holder) if row.holder else None,
    )


def _mark(score: int | None) -> Mark | None:
    return next((mark for mark in Mark if (score or 0) >= WEIGHTS[mark]), None)


_LINKED = """
    EXISTS (
        SELECT FROM link l WHERE l.connection_id = :connection AND l.object_id = e.list_id
          AND l.object = 'Customer' AND NOT l.missing
    )
"""
_FOUND = " UNION ALL ".join(
    f"""
        SELECT w.id, e.id AS entry_id, cast(:{mark} AS int) AS weight
        FROM wanted w JOIN list_entry e ON {condition}
        WHERE :{mark} > 0 AND {mine} AND e.connection_id = :connection
          AND e.kind = 'customer' AND e.active
          AND (w.currency = '' OR w.currency = coalesce(nullif(e.currency, ''), (
            SELECT c.full_name FROM list_entry c
            WHERE c.connection_id = :connection AND c.kind = 'currency' AND c.number = :home LIMIT 1)))
    """
    for mark, condition, mine in (
        (
            Mark.ACCOUNT_NUMBER,
            "e.number = w.account_number AND e.number <> ''",
            "w.account_number <> ''",
        ),
        (Mark.EMAIL, "e.email_key = lower(w.email) AND e.email_key <> ''", "w.email <> ''"),
        (Mark.COMPANY, "e.company_key = lower(w.company) AND e.company_key <> ''", "w.company <> ''"),
        (Mark.NAME, "e.name_key = lower(w.name)", "w.name <> ''"),
    )
)
_FIND = text(
    f"""
    WITH wanted AS (
        SELECT v.* FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
            id bigint, name text, account_number text, email text, company text,
            currency text)
    ), found AS ({_FOUND}), scored AS (
        SELECT f.id, f.entry_id, sum(f.weight) AS score
        FROM found f JOIN list_entry e ON e.id = f.entry_id
        WHERE NOT {_LINKED}
        GROUP BY f.id, f.entry_id
    ), ranked AS (
        SELECT *, max(score) OVER (PARTITION BY id) AS best FROM scored
    ), best AS (
        SELECT id, entry_id, score,
            row_number() OVER (PARTITION BY id ORDER BY entry_id) AS position,
            count(*) OVER (PARTITION BY entry_id) - 1 AS rivals
        FROM ranked WHERE score = best
    ), held AS (
        SELECT DISTINCT ON (w.id) w.id, jsonb_build_object(
            'kind', e.kind, 'full_name', e.full_name, 'active', e.active, 'is_linked', {_LINKED}
        ) AS holder
        FROM wanted w JOIN list_entry e ON e.name_key = lower(w.name)
        WHERE e.connection_id = :connection AND NOT e.gone
          AND e.kind IN ('customer', 'vendor', 'employee', 'other_name')
        ORDER BY w.id, e.active DESC
    )
    SELECT w.id, b.score, coalesce(b.many, 0) AS many, coalesce(b.rivals, 0) AS rivals, b.candidates,
        h.holder
    FROM wanted w
    LEFT JOIN (
        SELECT best.id, max(score) AS score, count(*) AS many, max(rivals) AS rivals,
            jsonb_agg(jsonb_build_object(
                'list_id', e.list_id, 'full_name', e.full_name, 'edit_sequence', e.edit_sequence,
                'number', e.number, 'email', e.email, 'company', e.company
            ) ORDER BY e.full_name, e.id) FILTER (WHERE position <= :shown) AS candidates
        FROM best JOIN list_entry e ON e.id = best.entry_id
        GROUP BY best.id
    ) b ON b.id = w.id
    LEFT JOIN held h ON h.id = w.id
    """
)


def held_names(db: Session, connection: Connection, names: Iterable[str]) -> set[str]:
    """Return those of ``names`` that somebody has in QuickBooks, in small letters."""
    values = {"connection": connection.id, "names": [name.lower() for name in names]}
    return set(db.scalars(_HELD, values))


_HELD = text(
    """
    SELECT name_key FROM list_entry
    WHERE connection_id = :connection AND NOT gone AND name_key = ANY(:names)
      AND kind IN ('customer', 'vendor', 'employee', 'other_name')
    """
)
