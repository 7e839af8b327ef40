"""Trial balance, proof and what waits for approval as text, for the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hub.books.position import Position
from hub.books.proof import Proof
from hub.exporters.drafts import Draft
from hub.money import plain, pretty, pretty_each


def books_table(report: dict[str, Any]) -> str:
    """Return a trial balance as text: accounts that moved, and the totals."""
    rows = [
        (
            row["account"],
            row["debit"] if row["debit"] != "0.00" else "",
            row["credit"] if row["credit"] != "0.00" else "",
        )
        for row in report["accounts"]
        if row["balance"] != "0.00"
    ]
    lines = [f"{report['company']}", f"{'':40}{'Debit':>14}{'Credit':>14}"]
    lines += [f"{account:40}{debit:>14}{credit:>14}" for account, debit, credit in rows]
    lines.append(f"{'Total':40}{report['debit']:>14}{report['credit']:>14}")
    counts = ", ".join(f"{count} {kind}" for kind, count in report["counts"].items() if count)
    return "\n".join([*lines, counts])


def proof_table(proof: Proof) -> str:
    """Return a proof as text: accounts, causes, delivery and position."""
    lines = [f"{'':40}{'Billed':>14}{'Booked':>14}{'Difference':>14}"]
    lines += [
        f"{row.account:40}{pretty(row.billed):>14}{pretty(row.booked):>14}{pretty(row.difference):>14}"
        for row in proof.rows
    ]
    lines.append(f"{'Difference':54}{pretty_each(proof.differences):>28}")
    for share in proof.shares:
        many = f"{share.cause.label} ({share.carriers:,})" if share.carriers else share.cause.label
        lines.append(f"  {many:52}{pretty_each(share.amounts):>28}")
    lines.append(proof.delivery.sentence)
    for position in proof.positions:
        lines += _position(position, f" in {position.currency}" if len(proof.positions) > 1 else "")
    return "\n".join(lines)


def _position(position: Position, where: str) -> list[str]:
    lines = [
        f"{what:68}{pretty(amount):>14}"
        for what, amount in (
            (f"Customers owe{where}, by the ledger", position.owed),
            ("Opening position, before the cut-over", position.opening),
            (f"{position.account}, as booked by us", position.booked),
        )
    ]
    if position.not_ours is not None and position.balance is not None and position.imported:
        what = f"  its balance in QuickBooks, read {position.imported.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(f"{what:68}{pretty(position.balance):>14}")
        lines.append(
            f"{'  of that ours, as it was booked by then':68}{pretty(position.booked_then):>14}"
        )
        lines.append(f"{'  of that not ours':68}{pretty(position.not_ours):>14}")
    elif position.is_mixed:
        lines.append(f"  its balance in QuickBooks is not of {position.currency} alone")
    else:
        lines.append("  its balance in QuickBooks is not known before accounts are imported")
    return lines


def draft_facts(draft: Draft) -> dict[str, Any]:
    """Return a journal entry as data: its lines, debits positive, and what stands in its way."""
    return {
        "number": draft.entry.number,
        "date": draft.date.isoformat(),
        "of": draft.cycle,
        "what": draft.entry.family.value,
        "currency": draft.entry.currency,
        "debits": plain(draft.debits),
        "lines": [
            {"account": line.account, "class": line.class_name, "amount": plain(line.amount)}
            for line in draft.lines
        ],
        "problems": draft.problems,
    }


def approval_table(
    name: str, rows: Sequence[dict[str, Any]], approved: Sequence[str], left: Sequence[str]
) -> str:
    """Return what waits for approval as text: each entry with its lines, and what came of it."""
    if not rows:
        return f"{name}: no journal entry waits for approval."
    lines = [name]
    for row in rows:
        state = "approved" if row["number"] in approved else "waits"
        lines.append(f"{row['number']:12}{row['date']}  {row['of']}, {row['what']}: {state}")
        for line in row["lines"]:
            amount = Decimal(line["amount"])
            debit, credit = (pretty(amount), "") if amount > 0 else ("", pretty(-amount))
            lines.append(f"  {line['account']:38}{debit:>14}{credit:>14}".rstrip())
        if row["number"] not in approved:
            lines += [f"  {problem}" for problem in row["problems"]]
    if approved:
        verb = "is" if len(approved) == 1 else "are"
        lines.append(
            f"{len(approved)} {verb} approved. What is approved goes with the Web Connector's next run."
        )
    lines += [f"Not approved: {sentence}" for sentence in left]
    if not approved and not left:
        lines.append("Approve them by number, or with --all.")
    return "\n".join(lines)
