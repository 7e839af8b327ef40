"""Planning 50,000 invoices and payments of 10,000 customers, against bare lxml on the same elements.

Planned is all that a message takes: which records go, what QuickBooks has of them, the requests and
their text, stored. Bare lxml makes the same elements and writes them, and knows nothing.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

import psutil
from lxml import etree
from sqlalchemy import event, select, text

from bench import machine
from bench.figures import Figure, at_most, main
from hub import CYCLES
from hub.books.connections import main_connection
from hub.db import HubSession
from hub.qbwc.messages import Messages
from hub.qbwc.models import Message
from hub.qbwc.outbox import Outbox
from hub.tenants.models import Mode, Tenant
from hub.tenants.service import create_tenant

DOCUMENTS = 50_000
PER_CUSTOMER = 5
MOST = 3.0
STATEMENTS = 40
GROWTH = 40.0
"""Megabytes."""

FILL = (
    """
    INSERT INTO list_entry (connection_id, kind, list_id, full_name, type, special, account, seen)
    VALUES
        (:connection, 'account', 'A-1', 'Accounts Receivable', 'AccountsReceivable',
            'AccountsReceivable', '', 1),
        (:connection, 'account', 'A-2', 'Undeposited Funds', 'OtherCurrentAsset', 'UndepositedFunds', '', 1),
        (:connection, 'account', 'A-3', 'Sales', 'Income', '', '', 1),
        (:connection, 'item', 'I-1', 'Subscription', 'ItemService', '', 'Sales', 1),
        (:connection, 'sales_tax_code', 'S-1', 'Non', '', '', '', 1)
    """,
    """
    UPDATE connection SET imported = now(), confirmed = now(), batch = 500,
        company = '{"currency": "USD", "qbxml": "13.0"}'
    """,
    """
    INSERT INTO customer (external_id, version, digest, name, currency)
    SELECT 'c' || n, 1, '', 'Customer ' || n, 'USD' FROM generate_series(1, :customers) n
    """,
    """
    INSERT INTO charge (external_id, version, digest, name, item)
    VALUES ('gold', 1, '', 'Gold', 'Subscription')
    """,
    """
    INSERT INTO invoice (external_id, version, digest, number, customer_id, date, currency, status, total)
    SELECT 'i' || n, 1, '', 'B' || n, customers.ids[1 + n % :customers], '2026-05-03', 'USD', 'open', 30
    FROM generate_series(1, :invoices) n, (SELECT array_agg(id ORDER BY id) AS ids FROM customer) customers
    """,
    """
    INSERT INTO invoice_line (position, invoice_id, charge_id, amount, description)
    SELECT p, invoice.id, charge.id, 10, 'Gold plan, part ' || p
    FROM invoice, charge, generate_series(0, 2) p
    """,
    """
    INSERT INTO payment (external_id, version, digest, customer_id, date, amount, currency, status)
    SELECT 'p' || id, 1, '', customer_id, date, total, 'USD', 'open' FROM invoice WHERE id % 2 = 0
    """,
    """
    INSERT INTO payment_applied (position, payment_id, invoice_id, amount)
    SELECT 0, payment.id, invoice.id, invoice.total
    FROM invoice JOIN payment ON payment.external_id = 'p' || invoice.id
    """,
    """
    INSERT INTO link (connection_id, subject, object, object_id, edit_sequence, version, fingerprint, booked)
    SELECT :connection, 'customer:' || id, 'Customer', '8-' || id, '1', 1, 'x', now() FROM customer
    UNION ALL
    SELECT :connection, 'invoice:' || id, 'Invoice', '9-' || id, '1', 1, 'x', now()
    FROM invoice WHERE id % 2 = 0
    """,
    """
    INSERT INTO operation (connection_id, subject, rank, state)
    SELECT :connection, 'invoice:' || id, 30, 'queued' FROM invoice WHERE id % 2 = 1
    UNION ALL
    SELECT :connection, 'payment:' || id, 50, 'queued' FROM payment
    """,
)


def fill(db: HubSession, documents: int) -> None:
    """Make a tenant with so many invoices and payments that wait."""
    tenant = create_tenant(db, "Full", Mode.FULL, confirm_company=True)
    values = {
        "connection": main_connection(db, tenant).id,
        "customers": documents // PER_CUSTOMER,
        "invoices": documents,
    }
    for statement in FILL:
        db.execute(text(statement), values)


def copied(element: Any) -> Any:
    """Make an element anew, and all that is in it."""
    made = etree.Element(element.tag, dict(element.attrib))
    made.text = element.text
    for inner in element:
        made.append(copied(inner))
    return made


def serialised(texts: Sequence[str]) -> float:
    """Return the seconds that bare lxml takes to make the elements of ``texts`` and to write them."""
    read = [etree.fromstring(one.encode()) for one in texts]
    began = time.perf_counter()
    for one in read:
        etree.tostring(copied(one), encoding="US-ASCII")
    return time.perf_counter() - began


def subject(quick: bool) -> list[Figure]:
    """Measure planning, and after each planning bare lxml on what it has made."""
    gc.set_threshold(*CYCLES)
    documents = DOCUMENTS // 10 if quick else DOCUMENTS
    counted = [0]
    memory: list[int] = []
    with machine.database() as settings, machine.session(settings) as db:
        with db.begin():
            fill(db, documents)
            tenant_id = db.info["tenant_id"]
        with machine.connection(settings) as owner:
            owner.execute("VACUUM ANALYZE")
        event.listen(
            db.get_bind(), "after_cursor_execute", lambda *_: counted.__setitem__(0, counted[0] + 1)
        )
        most, seconds, bare, messages, last, planned = 0, 0.0, 0.0, 0, 0, True
        while planned:
            db.enter(tenant_id)
            with db.begin():
                tenant = db.get_one(Tenant, tenant_id)
                counted[0], began = 0, time.perf_counter()
                outbox = Outbox(db, tenant, main_connection(db, tenant))
                planned = Messages(db, outbox).plan().first is not None
                db.flush()
                seconds += time.perf_counter() - began
                most = max(most, counted[0])
            db.expunge_all()
            memory.append(psutil.Process().memory_info().rss)
            db.enter(tenant_id)
            with db.begin():
                made = db.execute(select(Message.id, Message.text).where(Message.id > last)).all()
            bare += serialised([one.text for one in made])
            messages += len(made)
            last = max((one.id for one in made), default=last)
            del made
    grown = (memory[-1] - memory[min(2, len(memory) - 1)]) / 2**20
    said = f"{seconds:.2f} s, {messages:,} messages"
    return [
        at_most(
            f"planning {documents:,} invoices and payments / bare lxml", seconds / bare, MOST, said=said
        ),
        at_most("statements of one planning", most, STATEMENTS),
        at_most("memory that planning them grows by", grown, GROWTH, " MB"),
    ]


if __name__ == "__main__":
    main(subject)
