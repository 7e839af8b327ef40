"""What operations are about, in words: ``invoice:42`` is “Invoice 1042”."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.customer_currency import CustomerCurrency
from hub.books.models import JournalEntry, Link, WantedAccount
from hub.ledger import records
from hub.ledger.models import Customer

_MODELS: dict[str, type[Any]] = {
    **records.MODELS,
    "journal_entry": JournalEntry,
    "wanted_account": WantedAccount,
}


@dataclass(frozen=True)
class Label:
    """The subject of an operation, as people know it."""

    kind: str
    id: int
    title: str
    name: str = ""
    """What a customer is called."""
    cycle_id: int | None = None
    """A journal entry's billing cycle."""


def labels(db: Session, subjects: Iterable[str]) -> dict[str, Label]:
    """Return the label of each subject, with one statement a kind."""
    wanted: dict[str, set[int]] = defaultdict(set)
    subjects = set(subjects)
    for subject in subjects:
        kind, _, id_ = subject.partition(":")
        if (kind in _MODELS or kind == "customer_currency") and id_.isdecimal():
            wanted[kind].add(int(id_))
    followed = _followed(db, subjects)
    for of, _ in followed.values():
        kind, _, id_ = of.partition(":")
        wanted[kind].add(int(id_))
        subjects.add(of)
    found = {subject: Label("", 0, _unknown(subject)) for subject in subjects}
    for kind, ids in wanted.items():
        if kind not in _MODELS:
            continue
        model = _MODELS[kind]
        for record in db.scalars(select(model).where(model.id.in_(ids))):
            cycle = record.billing_cycle_id if kind == "journal_entry" else None
            name = getattr(record, "name", "")
            found[f"{kind}:{record.id}"] = Label(kind, record.id, _title(kind, record), name, cycle)
    found |= _in_currencies(db, wanted["customer_currency"])
    for subject, (of, words) in followed.items():
        label = found[of]
        found[subject] = replace(label, title=words.format(label.title[:1].lower() + label.title[1:]))
    return found


def _in_currencies(db: Session, ids: set[int]) -> dict[str, Label]:
    """Return the labels of customers in currencies besides their own."""
    if not ids:
        return {}
    query = select(CustomerCurrency, Customer.name).join(
        Customer, Customer.id == CustomerCurrency.customer_id
    )
    return {
        f"customer_currency:{one.id}": Label(
            "customer", one.customer_id, f"Customer {name} in {one.currency}", name
        )
        for one, name in db.execute(query.where(CustomerCurrency.id.in_(ids)))
    }


FOLLOWING = {
    "credits": "Credits used on {}",
    "reversal": "Credit memo that takes back {}",
    "superseded": "Forerunner of {}",
}
"""What follows from a record, by the kind of its subject."""


def _followed(db: Session, subjects: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return of which record's subject each of those is that follow from one, and what it is called."""
    found = {}
    former: dict[int, list[str]] = defaultdict(list)
    for subject in subjects:
        kind, _, id_ = subject.partition(":")
        if kind == "credits":
            found[subject] = (f"invoice:{id_}", FOLLOWING[kind])
        elif kind in FOLLOWING:
            former[int(id_)].append(subject)
    if former:
        query = select(Link.id, Link.formerly).where(Link.id.in_(former), Link.formerly != "")
        for row in db.execute(query):
            for one in former[row.id]:
                found[one] = (row.formerly, FOLLOWING[one.partition(":")[0]])
    return found


def _title(kind: str, record: Any) -> str:
    if kind == "wanted_account":
        return f"New account {record.name}"
    noun = (record.kind if kind == "refund" else kind).replace("_", " ").capitalize()
    for name in ("number", "name", "reference"):
        if text := getattr(record, name, None):
            return f"{noun} {text}"
    return f"{noun} {record.external_id}"


def _unknown(subject: str) -> str:
    return subject.partition(":")[0].replace("_", " ").capitalize() or "In no billing cycle yet"
