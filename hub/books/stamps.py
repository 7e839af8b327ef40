"""Which account each posting was booked to, written into it when its request is made.

From then on the posting stays there, whatever its charge is mapped to later, and a
correction that turns it round goes to the same account. A request that QuickBooks
refuses takes its stamps back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

ANY_VERSION = 2**62


class Carried(NamedTuple):
    """What one request carries: of which subject and version, and its accounts."""

    subject: str
    version: int
    accounts: Sequence[Sequence[Any]]
    """Purpose, charge id, code, and the account of each amount."""


def stamp(db: Session, carried: Iterable[Carried]) -> None:
    """Write the accounts into the postings that have none yet."""
    _run(db, carried, "UPDATE posting SET account = v.account {rows} AND posting.account IS NULL")


def move(db: Session, carried: Iterable[Carried]) -> None:
    """After a change of the whole document: its postings, old and new, are where it now says. An amended
    journal entry leaves what it held where that was, and says so; only what is new has been stamped."""
    documents = [one for one in carried if not one.subject.startswith("journal_entry:")]
    _run(db, documents, "UPDATE posting SET account = v.account {rows}")


def clear(db: Session, carried: Iterable[Carried], connection_id: int) -> None:
    """Take back the stamps of what was not booked, and of later versions that turn it round; what turns
    round something that is booked keeps its place."""
    unbooked = [one._replace(version=ANY_VERSION) for one in carried]
    statement = f"UPDATE posting SET account = NULL {{rows}} {_UNBOOKED}"
    _run(db, unbooked, statement, connection=connection_id)
    follow(db, [one.subject for one in unbooked if not one.subject.startswith("journal_entry:")])


def erase(db: Session, subjects: Sequence[str]) -> None:
    """Take back all stamps of records of which nothing is booked any more: made anew, they go where
    their charges are mapped to by then. What an entry carries stays where it is."""
    if subjects:
        db.execute(text(_ERASE), followed(subjects))


def follow(db: Session, subjects: Sequence[str]) -> None:
    """Let what turns a booked posting round stand where that stands, also when it was made while
    nobody knew yet where that would be."""
    if subjects:
        db.execute(text(FOLLOW), followed(subjects))


def followed(subjects: Iterable[str]) -> dict[str, Any]:
    """Return the records among ``subjects`` as ``FOLLOW`` reads them."""
    pairs = [subject.partition(":") for subject in subjects]
    rows = [{"kind": kind, "id": int(id_)} for kind, _, id_ in pairs if kind != "journal_entry"]
    return {
        "followed": json.dumps(rows),
        "followed_kinds": list({row["kind"] for row in rows}),
        "followed_ids": [row["id"] for row in rows],
    }


_UNBOOKED = """
    AND posting.account = v.account
    AND (posting.journal_entry_id IS NOT NULL OR NOT EXISTS (
        SELECT FROM link WHERE link.connection_id = :connection
          AND link.subject = v.kind || ':' || v.id AND link.version >= posting.version))
    AND (posting.journal_entry_id IS NULL OR NOT EXISTS (
        SELECT FROM posting booked
        JOIN link ON link.connection_id = :connection
          AND link.subject = 'journal_entry:' || booked.journal_entry_id
        WHERE booked.kind = posting.kind AND booked.record_id = posting.record_id
          AND booked.journal_entry_id <> posting.journal_entry_id
          AND booked.account = posting.account AND booked.purpose = posting.purpose
          AND booked.code = posting.code AND booked.charge_id IS NOT DISTINCT FROM posting.charge_id))
"""
"""A document that is booked in this version or a later one keeps its stamps; and what turns round
something that another entry has booked stays where that stands."""

_ROWS = """
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS v(
        kind text, id bigint, version bigint, purpose text, charge_id bigint, code text, account text)
    WHERE posting.purpose = v.purpose AND posting.code = v.code
      AND coalesce(posting.charge_id, 0) = coalesce(v.charge_id, 0)
"""
"""Compared as equals, so that PostgreSQL can hash them: an entry may hold a million postings."""
_OF_ENTRY = """
    AND posting.journal_entry_id = v.id AND posting.journal_entry_id = ANY(cast(:ids AS bigint[]))
"""
_OF_RECORD = """
    AND posting.journal_entry_id IS NULL AND posting.version <= v.version
    AND posting.kind = v.kind AND posting.kind = ANY(cast(:kinds AS text[]))
    AND posting.record_id = v.id AND posting.record_id = ANY(cast(:ids AS bigint[]))
"""
"""The ids are there twice: so PostgreSQL, who cannot know how few they are, looks for just these."""
_COLUMNS = ("kind", "id", "version", "purpose", "charge_id", "code", "account")

FOLLOW = """
    UPDATE posting SET account = booked.account
    FROM jsonb_to_recordset(cast(:followed AS jsonb)) AS v(kind text, id bigint)
    JOIN posting booked ON booked.kind = v.kind AND booked.record_id = v.id
    WHERE posting.kind = v.kind AND posting.kind = ANY(cast(:followed_kinds AS text[]))
      AND posting.record_id = v.id AND posting.record_id = ANY(cast(:followed_ids AS bigint[]))
      AND posting.account IS NULL
      AND booked.account IS NOT NULL AND booked.purpose = posting.purpose
      AND booked.code = posting.code AND booked.charge_id IS NOT DISTINCT FROM posting.charge_id
"""
"""The statement of ``follow``, which is part of another where something is booked."""

_ERASE = """
    UPDATE posting SET account = NULL
    FROM jsonb_to_recordset(cast(:followed AS jsonb)) AS v(kind text, id bigint)
    WHERE posting.kind = v.kind AND posting.kind = ANY(cast(:followed_kinds AS text[]))
      AND posting.record_id = v.id AND posting.record_id = ANY(cast(:followed_ids AS bigint[]))
      AND posting.journal_entry_id IS NULL
"""


def _run(db: Session, carried: Iterable[Carried], statement: str, **values: Any) -> None:
    """Run ``statement`` for journal entries and for records, whichever there are."""
    entries: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for one in carried:
        kind, _, id_ = one.subject.partition(":")
        rows = entries if kind == "journal_entry" else records
        for account in one.accounts:
            rows.append(dict(zip(_COLUMNS, (kind, int(id_), one.version, *account), strict=True)))
    for rows, which in ((entries, _OF_ENTRY), (records, _OF_RECORD)):
        if rows:
            query = text(statement.format(rows=f"{_ROWS} {which}"))
            known = {"ids": [row["id"] for row in rows], "kinds": list({row["kind"] for row in rows})}
            db.execute(query, {"rows": json.dumps(rows), **known, **values})
