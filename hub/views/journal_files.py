"""A journal entry as files that an accountant keeps: CSV and PDF."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from hub.books.tieout import TieOut
from hub.money import plain, pretty
from hub.qbwc.entries import Standing
from hub.tenants.models import Tenant
from hub.views import files
from hub.views.files import inert
from hub.views.paper import Column, Paper

_CELLS = ("date", "number", "account", "name", "class", "memo", "debit", "credit", "currency")


def csv(one: Standing) -> bytes:
    """Return one row for each line, in UTF-8 with a mark that tells Excel so."""
    return files.csv(_CELLS, _rows(one))


def _rows(one: Standing) -> Iterator[tuple[object, ...]]:
    for line in one.draft.lines:
        debit = plain(line.amount) if line.amount > 0 else ""
        credit = plain(-line.amount) if line.amount < 0 else ""
        words = (line.account, line.entity, line.class_name, line.memo)
        head = one.draft.date.isoformat(), inert(one.entry.number)
        yield *head, *map(inert, words), debit, credit, one.entry.currency


def pdf(tenant: Tenant, one: Standing, tie: TieOut | None, moment: dt.datetime) -> bytes:
    """Return one entry as a page that can be filed: lines, totals, tie-out, and who approved it."""
    entry, draft = one.entry, one.draft
    paper = Paper(f"Journal entry {entry.number}", moment)
    paper.heading(f"Journal entry {entry.number}")
    paper.facts(_facts(tenant, one, moment))
    rows = [
        (
            line.account,
            line.class_name,
            line.memo,
            pretty(line.amount) if line.amount > 0 else "",
            pretty(-line.amount) if line.amount < 0 else "",
        )
        for line in draft.lines
    ]
    columns = (
        Column("Account", 2.4),
        Column("Class", 1),
        Column("Memo", 2.6),
        Column("Debit", 1.1, is_amount=True),
        Column("Credit", 1.1, is_amount=True),
    )
    paper.table(columns, rows, ("Total", "", "", pretty(draft.debits), pretty(draft.credits)))
    if tie:
        paper.heading(f"Tie-out to {tie.name}", 13)
        parts = [(part.title, str(part.records), pretty(part.amount)) for part in tie.parts]
        billed = ("By the records themselves", "", pretty(tie.billed))
        paper.table(
            (Column("What", 3), Column("Records", 1, True), Column("Adds to what is owed", 1.5, True)),
            [billed, *parts],
            ("Difference", "", pretty(tie.difference)),
        )
    for problem in draft.problems:
        paper.paragraph(problem)
    return paper.bytes()


def _facts(tenant: Tenant, one: Standing, moment: dt.datetime) -> dict[str, str]:
    entry = one.entry
    facts = {
        "Tenant": tenant.name,
        "Date": one.draft.date.isoformat(),
        "What": entry.family.label,
        "Of": one.draft.cycle or f"{entry.starts} to {entry.date}",
        "Currency": entry.currency,
        "State": one.stand.label,
    }
    if entry.approved:
        who = entry.approved_by or "the tenant's rule"
        facts["Approved"] = f"{entry.approved:%Y-%m-%d %H:%M} UTC by {who}"
    if one.link:
        facts["Booked"] = f"{one.link.booked:%Y-%m-%d %H:%M} UTC, TxnID {one.link.object_id}"
    return facts | {"Written": f"{moment:%Y-%m-%d %H:%M} UTC"}
