"""Two demonstration tenants, one for each mode, with a month of plausible billing.

Everything goes the way of real data: records through the intake, the Web Connector
over HTTP, QuickBooks in a company file of its own.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub import embedded
from hub.books.connections import main_connection
from hub.books.integration import Integration
from hub.db import HubSession, unit
from hub.errors import HubError
from hub.exporters import proof_for
from hub.ledger.intake import Incoming, Intake
from hub.ledger.shelf import Shelf
from hub.money import ZERO, plain
from hub.qbwc import qwc
from hub.qbwc.outbox import Outbox
from hub.report import books_table, proof_table
from hub.sandbox import books
from hub.sandbox import qwc as sandbox_qwc
from hub.sandbox.company import Company
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.webconnector import WebConnector
from hub.settings import directory
from hub.tenants.models import Approval, Mode
from hub.tenants.service import StaffRoom, add_support, create_tenant, open_tenant

SUPPORT = "support@hub.example"
CUSTOMERS = 40


@dataclass(frozen=True)
class Tenant:
    """One demonstration tenant."""

    name: str
    slug: str
    mode: Mode
    admin: str


TENANTS = (
    Tenant("Northwind Telecom", "northwind-telecom", Mode.SUMMARY, "nora@northwind.example"),
    Tenant("Harbor Hosting", "harbor-hosting", Mode.FULL, "henry@harbor.example"),
)

Say = Callable[[str], object]


class Finished(BaseException):
    """The demonstration is over; ``difference`` is what the books are off."""

    def __init__(self, difference: Decimal):
        super().__init__()
        self.difference = difference


def show(settings: dict[str, Any], url: str, say: Say, once: bool) -> None:
    """Set the demonstration up on the first start, carry it through, and show its proof.

    :raises Finished: when ``once``, instead of going on.
    """
    difference = ZERO
    with embedded.lent(settings) as lent:
        logins = _logins(lent, say)
        for tenant in TENANTS:
            difference += _carry(lent | {"hub.url": url}, tenant, logins, say)
    if once:
        raise Finished(difference)
    say(f"\nThe hub answers at {url}. Sign in as:")
    for name, password in logins["people"].items():
        say(f"  {name:28} {password}")
    say("Ctrl-C stops it; what is stored stays.")


def _logins(settings: dict[str, Any], say: Say) -> Any:
    """Return the demonstration's logins, made on the first start and kept beside its files."""
    kept = directory(settings, "demo") / "logins.json"
    if kept.exists():
        return json.loads(kept.read_text())
    say("First start: making two demonstration tenants with a month of billing …")
    logins: dict[str, Any] = {"people": {}, "connectors": {}}
    with unit(settings) as db:
        for tenant in TENANTS:
            password, connector = _make(db, tenant)
            logins["people"][tenant.admin] = password
            logins["connectors"][tenant.slug] = connector
    with unit(settings) as db:
        logins["people"][SUPPORT] = add_support(db, SUPPORT)
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(logins, indent=2))
    return logins


def _make(db: HubSession, tenant: Tenant) -> tuple[str, str]:
    """Make one tenant; return its admin's password and its Web Connector's."""
    made = create_tenant(
        db,
        tenant.name,
        tenant.mode,
        confirm_company=True,
        actor="demonstration",
        approval=Approval.AUTOMATIC,
    )
    if made.slug != tenant.slug:
        raise HubError(
            f"The tenant {tenant.slug} exists, but not from a demonstration; use another --var."
        )
    room = StaffRoom(db, made, "demonstration")
    _, password = room.add_person(tenant.admin)
    connector = f"{tenant.slug}-{random.SystemRandom().randrange(10**12):012}"
    Integration(db, made, main_connection(db, made), "demonstration").set_up(
        f"{made.slug}-qb", connector
    )
    outbox = Outbox(db, made)
    batch = [
        Incoming(kind, external_id, body, line)
        for line, (kind, external_id, body) in enumerate(month(tenant.slug), 1)
    ]
    Intake(db, made, outbox).take(batch)
    wrong = [fault for incoming in batch for fault in incoming.faults]
    if wrong:
        raise HubError(f"The demonstration's data were refused: {wrong[0].pointer} {wrong[0].sentence}")
    outbox.close(Shelf(db, "billing_cycle").get("month"), room)
    return password, connector


def _carry(settings: dict[str, Any], tenant: Tenant, logins: Any, say: Say) -> Decimal:
    """Run one Web Connector session for ``tenant``, show its books and proof; return the difference."""
    folder = directory(settings, "demo")
    path = folder / f"{tenant.slug}.qwc"
    with unit(settings) as db:
        opened = open_tenant(db, tenant.slug)
        integration = Integration(db, opened, main_connection(db, opened), "demonstration")
        text = qwc.document(settings, opened, integration.connection, integration.login())
    path.write_text(text, "ascii")
    with Company(folder / f"{tenant.slug}.qbw", name=tenant.name) as company:
        password = logins["connectors"][tenant.slug]
        connector = WebConnector(sandbox_qwc.load(path), password, QuickBooks(company))
        outcome = connector.run()
        if not outcome.ok:
            raise HubError(
                f"{tenant.name}: the Web Connector ended with {outcome.code} {outcome.last_error}"
            )
        report = books.report(company)
    with unit(settings) as db:
        proof = proof_for(db, open_tenant(db, tenant.slug))
    say(f"\n— {tenant.name}: {tenant.mode.label} —")
    say(f"\nTrial balance in QuickBooks: {books_table(report)}")
    say(f"\nThe hub's proof: {tenant.name}\n{proof_table(proof)}")
    return proof.difference + _off(report, proof)


def _off(report: dict[str, Any], proof: Any) -> Decimal:
    """Return by how much the company file's own trial balance differs from what was billed."""
    billed = {row.account: row.billed for row in proof.rows}
    balances = {row["account"]: Decimal(row["balance"]) for row in report["accounts"]}
    accounts = billed.keys() | balances.keys()
    return sum((abs(billed.get(name, ZERO) - balances.get(name, ZERO)) for name in accounts), ZERO)


FIRST = ("Ada", "Ben", "Clara", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Inés", "Jürgen")
LAST = ("Abbott", "Bauer", "Castillo", "Dupré", "Eriksen", "Fontaine", "García", "Hansen")
FIRMS = ("Bakery", "Dental", "Cycles", "Law", "Motors", "Press", "Studio", "Supply")
STREETS = ("Elm Street", "Harbor Road", "Main Street", "Mill Lane", "Station Avenue")

CHARGES = (
    ("basic", "Basic plan", "4010", "Hosting:Basic", "19.95"),
    ("pro", "Pro plan", "4010", "Hosting:Pro", "49.95"),
    ("usage", "Usage", "4020", "Usage", None),
    ("setup", "Setup fee", "4030", "Setup Fee", "99.00"),
    ("support", "Priority support", "Sales:Support", "Support", "80.00"),
    ("loyalty", "Loyalty discount", "Discounts Given", "Discount", None),
)


def last_month(today: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the month before ``today``."""
    ends = today.replace(day=1) - dt.timedelta(days=1)
    return ends.replace(day=1), ends


Records = Iterator[tuple[str, str, dict[str, Any]]]


def month(seed: str) -> Records:
    """Yield a month of billing as kind, external id and body: the same for the same ``seed``."""
    draw = random.Random(seed)
    starts, ends = last_month(dt.datetime.now(dt.UTC).date())
    span = {"name": f"{starts:%B %Y}", "starts": str(starts), "ends": str(ends)}
    yield "billing_cycle", "month", {"version": 1, **span}
    for id_, name, code, item, price in CHARGES:
        body = {"version": 1, "name": name, "accounting_code": code, "item": item, "class": "Online"}
        yield "charge", id_, body | ({"price": price} if price else {})
    for index in range(CUSTOMERS):
        yield from _customer(draw, index, starts, ends)


def _customer(draw: random.Random, index: int, starts: dt.date, ends: dt.date) -> Records:
    first, last = FIRST[index % len(FIRST)], LAST[index % len(LAST)]
    firm = f"{last} {FIRMS[(index // 3) % len(FIRMS)]}" if index % 3 == 0 else ""
    yield (
        "customer",
        f"c{index}",
        {
            "version": 1,
            "name": f"{firm or f'{first} {last}'} {1001 + index}",
            "company": firm,
            "first_name": first,
            "last_name": last,
            "email": f"customer{index}@example.com",
            "account_number": str(1001 + index),
            "bill_address": {
                "line1": f"{draw.randrange(1, 999)} {draw.choice(STREETS)}",
                "city": "Springfield",
                "state": "IL",
                "postal_code": "62701",
            },
        },
    )
    day = starts + dt.timedelta(days=draw.randrange(20))
    lines = _lines(draw)
    taxed = sum((Decimal(line["amount"]) for line in lines), ZERO)
    tax = (taxed * Decimal("0.0825")).quantize(Decimal("0.01"))
    total = taxed + tax
    invoice = {
        "version": 1,
        "number": f"{1001 + index}-{starts:%y%m}",
        "customer": f"c{index}",
        "date": str(day),
        "due_date": str(day + dt.timedelta(days=15)),
        "billing_cycle": "month",
        "lines": lines,
        "taxes": [{"code": "IL", "rate": "8.25", "amount": plain(tax)}],
        "status": "void" if index % 17 == 16 else "open",
    }
    yield "invoice", f"i{index}", invoice
    if invoice["status"] == "open":
        yield from _settlement(draw, index, day, ends, total)


def _lines(draw: random.Random) -> list[dict[str, Any]]:
    plan, price = draw.choice((("basic", Decimal("19.95")), ("pro", Decimal("49.95"))))
    lines = [{"charge": plan, "quantity": "1", "rate": plain(price), "amount": plain(price)}]
    if draw.random() < 0.6:
        used = draw.randrange(50, 4000)
        amount = (used * Decimal("0.013")).quantize(Decimal("0.01"))
        lines.append(
            {"charge": "usage", "quantity": str(used), "rate": "0.013", "amount": plain(amount)}
        )
    if draw.random() < 0.2:
        lines.append({"charge": "setup", "amount": "99.00"})
    if draw.random() < 0.3:
        lines.append(
            {"charge": "loyalty", "amount": "-5.00", "description": "Thank you for a year with us"}
        )
    return lines


def _settlement(draw: random.Random, index: int, day: dt.date, ends: dt.date, total: Decimal) -> Records:
    """How an invoice is settled: paid in full, in part, over, credited, or not at all."""
    paid = min(ends, day + dt.timedelta(days=draw.randrange(1, 9)))
    method = draw.choice(("Credit Card", "ACH", "Check"))
    head = {"version": 1, "customer": f"c{index}", "date": str(paid)}
    way = index % 8
    if way in (0, 1, 2, 3, 4):
        amount = {3: (total / 2).quantize(Decimal("0.01")), 4: total + Decimal("10.00")}.get(way, total)
        applied = [{"invoice": f"i{index}", "amount": plain(min(amount, total))}]
        yield (
            "payment",
            f"p{index}",
            head
            | {
                "method": method,
                "reference": f"ch_{draw.randrange(10**9):09}",
                "amount": plain(amount),
                "applied": applied,
            },
        )
    if way == 5:
        yield (
            "credit_memo",
            f"m{index}",
            head
            | {
                "number": f"CM{1001 + index}",
                "billing_cycle": "month",
                "lines": [{"charge": "usage", "amount": "12.00", "description": "Outage credit"}],
                "taxes": [{"code": "IL", "rate": "8.25", "amount": "0.99"}],
            },
        )
        if index % 2:
            yield (
                "refund",
                f"r{index}",
                head
                | {
                    "method": "Check",
                    "reference": str(5000 + index),
                    "amount": "12.99",
                    "credit_memo": f"m{index}",
                },
            )
