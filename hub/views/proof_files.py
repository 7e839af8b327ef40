"""The proof as files that an accountant keeps: CSV, and one page of paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from hub.books.by_customer import CustomerRow
from hub.books.differences import Cause
from hub.books.models import Connection
from hub.books.position import Position
from hub.books.proof import Proof
from hub.money import ZERO, plain, pretty, pretty_each
from hub.qbwc.pulse import spoken
from hub.tenants.models import Tenant
from hub.views import files
from hub.views.files import inert
from hub.views.paper import Column, Paper
from hub.views.span import in_words

HEAD = ("part", "account", "currency", "billed", "booked", "difference", "cause", "count")
CUSTOMERS_HEAD = (
    *("part", "customer", "currency", "billed", "paid", "owed", "booked", "difference"),
    "cause",
)
MOST = 24
"""How many accounts stand on the page; the CSV has them all."""


def csv(proof: Proof) -> bytes:
    """Return the accounts, the causes on each of them, the causes, the position, in UTF-8 with a mark
    that tells Excel so."""
    return files.csv(HEAD, _rows(proof))


def _rows(proof: Proof) -> Iterator[tuple[object, ...]]:
    for row in proof.rows:
        account = inert(row.account)
        amounts = plain(row.billed), plain(row.booked), plain(row.difference)
        yield "account", account, row.currency, *amounts, "", ""
        for cause in Cause:
            if amount := row.causes.get(cause):
                yield "account cause", account, row.currency, "", "", plain(amount), cause.value, ""
    for currency, amount in (proof.differences or {"": ZERO}).items():
        yield "total", "", currency, "", "", plain(amount), "", ""
    for share in proof.shares:
        for currency, amount in (share.amounts or {"": ZERO}).items():
            yield "cause", "", currency, "", "", plain(amount), share.cause.value, share.carriers
    for month in proof.months:
        amounts = plain(month.billed), plain(month.booked), plain(month.difference)
        yield f"month {month.month:%Y-%m}", inert(month.account), month.currency, *amounts, "", ""
    for position in proof.positions:
        where = inert(position.account), position.currency
        figures = plain(position.expected), plain(position.booked), plain(position.difference)
        yield "position", *where, *figures, "", ""
        yield "opening position", *where, plain(position.opening), "", "", "", ""
        if position.balance is not None and position.not_ours is not None:
            theirs = plain(position.balance), plain(position.not_ours)
            yield "balance in QuickBooks", *where, "", *theirs, "", ""
        else:
            yield f"balance in QuickBooks ({_unknown(position)})", *where, "", "", "", "", ""


def _unknown(position: Position) -> str:
    return f"not of {position.currency} alone" if position.is_mixed else "not known yet"


def customers(rows: Iterable[CustomerRow]) -> bytes:
    """Return the customers, and the causes of each, like the accounts."""
    return files.csv(CUSTOMERS_HEAD, _customer_rows(rows))


def _customer_rows(rows: Iterable[CustomerRow]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        name = inert(row.name)
        amounts = map(plain, (row.billed, row.paid, row.owed, row.booked, row.difference))
        yield "customer", name, row.currency, *amounts, ""
        for cause, amount in row.causes.items():
            yield "customer cause", name, row.currency, "", "", "", "", plain(amount), cause.value


def pdf(tenant: Tenant, connection: Connection, proof: Proof) -> bytes:
    """Return the proof as one page that can be filed."""
    paper = Paper(f"Proof of {tenant.name}", proof.moment)
    paper.heading("Proof: billed less booked")
    paper.facts(
        {
            "Tenant": tenant.name,
            "Company file": _company(connection),
            "As of": spoken(proof.moment),
            "Months": in_words(proof.span),
            "Difference": _stated(proof.differences, tenant),
            "Unexplained": _stated(proof.unexplained_each, tenant),
            "Delivery": proof.delivery.sentence,
        }
    )
    _accounts(paper, proof)
    _causes(paper, proof)
    for position in proof.positions:
        _position(paper, position)
    return paper.bytes()


def _stated(amounts: Mapping[str, Decimal], tenant: Tenant) -> str:
    """Return amounts with their currencies; one, or none at all, is in the tenant's if nothing says otherwise."""
    if len(amounts) > 1:
        return pretty_each(amounts)
    return f"{pretty_each(amounts)} {next(iter(amounts), tenant.currency)}"


def _company(connection: Connection) -> str:
    names = filter(None, (connection.company_name, connection.company_path))
    return " · ".join(names) or "none connected yet"


def _accounts(paper: Paper, proof: Proof) -> None:
    columns = [Column("Account", 2.6)] + [
        Column(title, 1, is_amount=True)
        for title in ("Billed", "Booked", "Difference", "Waiting", "Unexplained")
    ]
    # Those that differ must not be the ones that are left out.
    chosen = sorted(proof.rows, key=lambda row: not row.difference)[:MOST]
    rows = [
        (
            row.account,
            *map(pretty, (row.billed, row.booked, row.difference, row.waiting, row.unexplained)),
        )
        for row in sorted(chosen, key=lambda row: row.account)
    ]
    paper.table(columns, rows)
    if len(proof.rows) > MOST:
        paper.paragraph(f"{len(proof.rows) - MOST} more accounts without a difference are in the CSV.")


def _causes(paper: Paper, proof: Proof) -> None:
    if proof.shares:
        columns = [Column("Cause", 3), Column("How many", 1, True), Column("Amount", 1, True)]
        rows = [
            (share.cause.label, f"{share.carriers:,}", pretty_each(share.amounts))
            for share in proof.shares
        ]
        paper.table(columns, rows)


def _position(paper: Paper, position: Position) -> None:
    rows = [
        ("Customers owe, by the ledger", pretty(position.owed)),
        ("less the opening position, from before the cut-over", pretty(position.opening)),
        (f"{position.account}, as booked by us", pretty(position.booked)),
    ]
    rows += [(f"  {cause.label}", pretty(amount)) for cause, amount in position.causes.items()]
    if position.balance is not None and position.not_ours is not None and position.imported:
        read = spoken(position.imported)
        rows.append((f"{position.account}, its balance in QuickBooks, {read}", pretty(position.balance)))
        rows.append(("of that ours, as it was booked by then", pretty(position.booked_then)))
        rows.append(("of that not ours", pretty(position.not_ours)))
    else:
        rows.append((f"{position.account}, its balance in QuickBooks", _unknown(position)))
    paper.table([Column(f"Position in {position.currency}", 4), Column("Amount", 1, True)], rows)
