"""Which account each posting was booked to, kept when its request is made.

From then on the posting stays there, whatever its charge is mapped to later, and a
correction that turns it round goes to the same account. A document's postings carry
their accounts themselves. A journal entry, which may hold a million, keeps the account
of each purpose, charge and code once, for all its postings and all its versions; only
what turns round an amount of another entry is stamped itself. A request that QuickBooks
refuses takes its accounts back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
    """Keep the accounts of what has none yet."""
    documents, entries = _rows(carried)
    _stamp(db, documents, "UPDATE posting SET account = v.account {rows} AND posting.account IS NULL")
    if entries:
        db.execute(text(_PLACE), {"rows": json.dumps(entries)})


def move(db: Session, carried: Iterable[Carried]) -> None:
    """After a change of the whole document: its postings, old and new, are where it now says. A journal
    entry leaves what it held where that was, and says so."""
    _stamp(db, _rows(carried)[0], "UPDATE posting SET account = v.account {rows}")


def clear(db: Session, carried: Iterable[Carried], connection_id: int) -> None:
    """Take back the accounts of what was not booked, and of what turns it round; what turns round
    something that is booked keeps its place."""
    documents, entries = _rows(one._replace(version=ANY_VERSION) for one in carried)
    statement = f"UPDATE posting SET account = NULL {{rows}} {_UNBOOKED}"
    _stamp(db, documents, statement, connection=connection_id)
    follow(db, [f"{row['kind']}:{row['id']}" for row in documents])
    if entries:
        ids = list({row["id"] for row in entries})
        values = {"rows": json.dumps(entries), "ids": ids, "connection": connection_id}
        db.execute(text(_DISPLACE), values)


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


def loosen(db: Session, entry_ids: Sequence[int]) -> None:
    """Let what turns round an amount that no other entry has booked any more go where the rest of its
    entry goes: what it turned round has been taken back, and is in the same entry now."""
    db.execute(text(_LOOSEN), {"ids": list(entry_ids)})


def meet(db: Session, entry_id: int) -> None:
    """Let what an entry holds, and another one turns round, go where that turns it round."""
    db.execute(text(_MEET), {"id": entry_id})


def followed(subjects: Iterable[str]) -> dict[str, Any]:
    """Return the records among ``subjects`` as ``FOLLOW`` reads them."""
    pairs = [subject.partition(":") for subject in subjects]
    rows = [{"kind": kind, "id": int(id_)} for kind, _, id_ in pairs if kind != "journal_entry"]
    return {
        "followed": json.dumps(rows),
        "followed_kinds": list({row["kind"] for row in rows}),
        "followed_ids": [row["id"] for row in rows],
    }


_LOOSEN = """
    UPDATE posting SET account = NULL
    WHERE posting.journal_entry_id = ANY(:ids) AND posting.account IS NOT NULL AND NOT EXISTS (
        SELECT FROM hub_placed_posting booked
        WHERE booked.kind = posting.kind AND booked.record_id = posting.record_id
          AND booked.purpose = posting.purpose AND booked.code = posting.code
          AND booked.charge_id IS NOT DISTINCT FROM posting.charge_id
          AND booked.account = posting.account
          AND booked.journal_entry_id IS NOT NULL
          AND booked.journal_entry_id <> posting.journal_entry_id)
"""

_MEET = """
    UPDATE posting SET account = met.account
    FROM (
        SELECT DISTINCT ON (held.id) held.id, turned.account
        FROM posting held JOIN posting turned ON turned.version > held.version
          AND turned.kind = held.kind AND turned.record_id = held.record_id
          AND turned.purpose = held.purpose AND turned.code = held.code
          AND turned.charge_id IS NOT DISTINCT FROM held.charge_id
          AND turned.date = held.date AND turned.class_name = held.class_name
          AND turned.amount * held.amount < 0 AND turned.account IS NOT NULL
          AND turned.journal_entry_id <> held.journal_entry_id
        WHERE held.journal_entry_id = :id AND held.account IS NULL
        ORDER BY held.id, turned.version, turned.id
    ) met
    WHERE posting.id = met.id
"""

_UNBOOKED = """
    AND NOT EXISTS (
        SELECT FROM posting booked
        WHERE booked.kind = posting.kind AND booked.record_id = posting.record_id
          AND booked.purpose = posting.purpose AND booked.code = posting.code
          AND booked.charge_id IS NOT DISTINCT FROM posting.charge_id
          AND booked.account = posting.account AND booked.journal_entry_id IS NULL
          AND (
              EXISTS (
                  SELECT FROM link WHERE link.connection_id = :connection
                    AND link.subject = v.kind || ':' || v.id AND link.version >= booked.version)
              OR EXISTS (
                  SELECT FROM link WHERE link.connection_id = :connection AND link.formerly <> ''
                    AND link.formerly = v.kind || ':' || v.id AND link.version >= booked.version)))
"""
"""What the document booked, or one whose place it has taken, keeps its stamp, and so does what turns that
round; whatever the account is called by now, as it may have been renamed since the request was made."""

_CARRIED = """
    SELECT c.kind, c.id, c.version, one->>0 AS purpose, coalesce((one->>1)::bigint, 0) AS charge_id,
        one->>2 AS code, one->>3 AS account
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS c(kind text, id bigint, version bigint, accounts jsonb),
        jsonb_array_elements(c.accounts) AS one
"""

_ROWS = f"""
    FROM ({_CARRIED}) v
    WHERE posting.purpose = v.purpose AND posting.code = v.code
      AND coalesce(posting.charge_id, 0) = v.charge_id
      AND posting.journal_entry_id IS NULL AND posting.version <= v.version
      AND posting.kind = v.kind AND posting.kind = ANY(cast(:kinds AS text[]))
      AND posting.record_id = v.id AND posting.record_id = ANY(cast(:ids AS bigint[]))
"""
"""The ids are there twice: so PostgreSQL, who cannot know how few they are, looks for just these."""

_PLACE = f"""
    INSERT INTO journal_entry_account (journal_entry_id, purpose, charge_id, code, account)
    SELECT id, purpose, charge_id, code, account FROM ({_CARRIED}) v
    ON CONFLICT (tenant_id, journal_entry_id, purpose, charge_id, code) DO NOTHING
"""

_DISPLACE = f"""
    WITH gone AS (
        DELETE FROM journal_entry_account a USING ({_CARRIED}) v
        WHERE a.journal_entry_id = v.id AND a.purpose = v.purpose AND a.charge_id = v.charge_id
          AND a.code = v.code
        RETURNING a.journal_entry_id, a.purpose, a.charge_id, a.code, a.account
    )
    UPDATE posting SET account = NULL
    FROM gone JOIN posting lost ON lost.journal_entry_id = gone.journal_entry_id
      AND lost.journal_entry_id = ANY(cast(:ids AS bigint[]))
      AND lost.account IS NULL AND lost.purpose = gone.purpose AND lost.code = gone.code
      AND coalesce(lost.charge_id, 0) = gone.charge_id
    WHERE posting.journal_entry_id > lost.journal_entry_id
      AND posting.account = gone.account AND posting.kind = lost.kind
      AND posting.record_id = lost.record_id AND posting.purpose = lost.purpose
      AND posting.code = lost.code AND coalesce(posting.charge_id, 0) = gone.charge_id
      AND NOT EXISTS (
        SELECT FROM link WHERE link.connection_id = :connection
          AND link.subject = 'journal_entry:' || posting.journal_entry_id)
"""
"""What turns round an amount of an entry lies in a later one, which is not booked before it. Whatever the
account is called by now: it may have been renamed since the request was made."""

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


def _rows(carried: Iterable[Carried]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the accounts of documents and those of journal entries."""
    documents: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for one in carried:
        if one.accounts:
            kind, _, id_ = one.subject.partition(":")
            rows = entries if kind == "journal_entry" else documents
            rows.append({"kind": kind, "id": int(id_), "version": one.version, "accounts": one.accounts})
    return documents, entries


def _stamp(db: Session, rows: Sequence[Mapping[str, Any]], statement: str, **values: Any) -> None:
    if rows:
        known = {"ids": [row["id"] for row in rows], "kinds": list({row["kind"] for row in rows})}
        query = text(statement.format(rows=_ROWS))
        db.execute(query, {"rows": json.dumps(rows), **known, **values})
