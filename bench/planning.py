"""Planning the entries of a cycle with a million postings, against a bare GROUP BY over the same rows.

Two hundred charges on as many accounts, in ten classes: two thousand lines. Planned is what a
preview shows and what a message holds, down to its text; the database has read the rows before,
for both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from bench import machine
from bench.figures import Figure, at_most, main
from hub.books.connections import main_connection
from hub.books.models import JournalEntry
from hub.db import HubSession
from hub.exporters.contract import Prepared
from hub.exporters.summary import SummaryExporter
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.tenants.models import Approval, Mode, Tenant
from hub.tenants.service import create_tenant

POSTINGS = 1_000_000
CHARGES = 200
CLASSES = 10
MOST = 2.0
INTERACTIVE = 1.0

FILL = (
    """
    INSERT INTO list_entry (connection_id, kind, list_id, full_name, type, seen)
    SELECT :connection, 'account', 'A-' || n, 'Income ' || n, 'Income', 1
    FROM generate_series(1, :charges) n
    """,
    """
    INSERT INTO list_entry (connection_id, kind, list_id, full_name, type, seen)
    VALUES (:connection, 'account', 'A-0', 'Billing Clearing', 'OtherCurrentAsset', 1)
    """,
    """
    INSERT INTO list_entry (connection_id, kind, list_id, full_name, seen)
    SELECT :connection, 'class', 'C-' || n, 'Class ' || n, 1 FROM generate_series(1, :classes) n
    """,
    """
    UPDATE connection SET imported = now(), confirmed = now(),
        company = '{"class_tracking": true, "currency": "USD"}'
    """,
    """
    INSERT INTO customer (external_id, version, digest, name, currency) VALUES ('c', 1, '', 'Ada', 'USD')
    """,
    """
    INSERT INTO charge (external_id, version, digest, name, accounting_code)
    SELECT 'x-' || n, 1, '', 'Charge ' || n, 'Income ' || n FROM generate_series(1, :charges) n
    """,
    """
    INSERT INTO billing_cycle (external_id, version, digest, name, starts, ends, closed)
    VALUES ('may', 1, '', 'May', '2026-05-01', '2026-05-31', now())
    """,
    """
    INSERT INTO journal_entry (
        billing_cycle_id, starts, date, family, currency, number, released, approved)
    SELECT id, starts, ends, 'billing', 'USD', 'B260531-1', now(), now() FROM billing_cycle
    """,
    """
    INSERT INTO posting (
        kind, record_id, version, customer_id, billing_cycle_id, date, currency, purpose, charge_id,
        class_name, amount, journal_entry_id)
    SELECT 'invoice', n / 2, 1, customer.id, billing_cycle.id, '2026-05-01'::date + n % 31, 'USD',
        CASE n % 2 WHEN 0 THEN 'receivable' ELSE 'income' END,
        CASE n % 2 WHEN 1 THEN charges.ids[1 + (n / 2) % :charges] END,
        CASE n % 2 WHEN 1 THEN 'Class ' || 1 + (n / 2 / :charges) % :classes ELSE '' END,
        CASE n % 2 WHEN 0 THEN 1 ELSE -1 END * (1 + (n / 2) % 997) / 100.0,
        journal_entry.id
    FROM generate_series(0, :postings - 1) n, customer, billing_cycle, journal_entry,
        (SELECT array_agg(id ORDER BY id) AS ids FROM charge) charges
    """,
)

BARE = text(
    """
    SELECT purpose, charge_id, code, class_name, account, sum(amount) FROM posting
    WHERE journal_entry_id = :entry GROUP BY purpose, charge_id, code, class_name, account
    """
)


def fill(db: HubSession, postings: int) -> int:
    """Make a tenant with one entry of so many postings; return the entry's id."""
    tenant = create_tenant(
        db, "Planning", Mode.SUMMARY, confirm_company=True, approval=Approval.AUTOMATIC
    )
    values = {
        "connection": main_connection(db, tenant).id,
        "postings": postings,
        "charges": CHARGES,
        "classes": CLASSES,
    }
    for statement in FILL:
        db.execute(text(statement), values)
    return db.query(JournalEntry).one().id


def best(act: Callable[[], Any], runs: int) -> float:
    """Return the median of how many seconds ``act`` takes."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def subject(quick: bool) -> list[Figure]:
    """Measure planning and preview."""
    postings = POSTINGS // 10 if quick else POSTINGS
    runs = 3 if quick else 7
    with machine.database() as settings, machine.session(settings) as db:
        with db.begin():
            entry_id = fill(db, postings)
            tenant_id = db.info["tenant_id"]
        with machine.connection(settings) as owner:
            owner.execute("VACUUM ANALYZE posting")
        db.enter(tenant_id)
        with db.begin():
            connection = main_connection(db, db.get_one(Tenant, tenant_id))

            def plan() -> None:
                exporter = SummaryExporter(db, connection)
                subject = f"journal_entry:{entry_id}"
                outcome = exporter.prepare([subject], send=False)[subject]
                assert isinstance(outcome, Prepared)
                assert len(qbxml.written(Request(outcome.kind, "1", outcome.fields))) > 100_000

            def preview() -> None:
                exporter = SummaryExporter(db, connection)
                draft = exporter.drafts([db.get_one(JournalEntry, entry_id)])[entry_id]
                assert draft.debits == draft.credits
                assert len(draft.lines) == CHARGES * CLASSES + 1

            def bare() -> None:
                assert len(db.execute(BARE, {"entry": entry_id}).all()) == CHARGES * CLASSES + 1

            bare()
            pairs = [(best(bare, 1), best(plan, 1)) for _ in range(runs)]
            ratio = statistics.median(planned / grouped for grouped, planned in pairs)
            seconds = best(preview, runs)
    said = f"{statistics.median(planned for _, planned in pairs):.2f} s"
    return [
        at_most(f"planning {postings:,} postings / bare GROUP BY", ratio, MOST, said=said),
        at_most("preview of that cycle", seconds, INTERACTIVE, " s"),
    ]


if __name__ == "__main__":
    main(subject)
