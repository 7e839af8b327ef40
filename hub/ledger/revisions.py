"""Version numbers for doors that have none of their own: a person's form, a spreadsheet.

A record that is new gets version 1. One that is here and reads the same keeps its
version, so it counts as unchanged; one that reads differently gets the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.ledger import contract, records
from hub.ledger.intake import Incoming


def complete(db: Session, batch: Sequence[Incoming], currency: str) -> None:
    """Give every record of ``batch`` that names no version the one it should have."""
    wanted: dict[str, list[Incoming]] = defaultdict(list)
    for incoming in batch:
        if isinstance(incoming.body, dict) and "version" not in incoming.body:
            wanted[incoming.kind].append(incoming)
    for kind, without in wanted.items():
        model = records.MODELS[kind]
        ids = [incoming.external_id for incoming in without if _storable(incoming.external_id)]
        query = select(model.external_id, model.version, model.digest)
        stored = {row.external_id: row for row in db.execute(query.where(model.external_id.in_(ids)))}
        for incoming in without:
            incoming.body["version"] = _version(incoming, stored.get(incoming.external_id), currency)


def _storable(external_id: Any) -> bool:
    return contract.external_id_fault(external_id) is None


def _version(incoming: Incoming, stored: Any, currency: str) -> int:
    if stored is None:
        return 1
    body = incoming.body | {"version": stored.version}
    if contract.faults(incoming.kind, body):
        return int(stored.version)
    same = records.digest(records.normal(incoming.kind, body, currency)) == stored.digest
    return int(stored.version) + (0 if same else 1)
