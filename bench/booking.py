"""Records booked a second with a QuickBooks that takes no time: 10,000 invoices of one tenant."""

from __future__ import annotations

import time

from bench import machine
from bench.client import Line
from bench.figures import Figure, at_most, main
from bench.quickbooks import instant
from bench.webconnector import Session, settle

CUSTOMERS = 500


def subject(quick: bool) -> list[Figure]:
    """Book invoices and their customers until nothing is left."""
    count = 2_000 if quick else 10_000
    with machine.database() as settings, instant() as quickbooks, machine.hub(settings, 1) as hub:
        connectors = machine.tenants(settings, ["one"])
        settle(hub.port, connectors, quickbooks)
        began = time.perf_counter()
        machine.take(settings, connectors[0], machine.invoices(count, CUSTOMERS))
        taken = (count + CUSTOMERS) / (time.perf_counter() - began)
        line = Line(hub.port)
        session = Session(line, connectors[0], quickbooks)
        quickbooks.seconds, quickbooks.added = 0.0, 0
        before = hub.cpu(), machine.postgres_cpu(settings)
        began = time.perf_counter()
        while session.run() != "none":
            pass
        seconds = time.perf_counter() - began
        web, database = hub.cpu() - before[0], machine.postgres_cpu(settings) - before[1]
        line.close()
        booked = _booked(settings)
    assert booked == quickbooks.added == count + CUSTOMERS, (booked, quickbooks.added)
    share = quickbooks.seconds / seconds
    longest = max(max(took) for took in line.took.values())
    return [
        Figure(f"records booked a second, {booked:,} in one go", f"{booked / seconds:.0f}"),
        at_most("round trips for 1,000 records", 1000 * session.trips / booked, 25),
        at_most("the longest call of it", longest, 2, " s"),
        Figure(
            "where the time goes",
            f"hub {web / seconds:.0%}, PostgreSQL {database / seconds:.0%}, the double of QuickBooks {share:.0%}",
        ),
        Figure("records taken into the ledger a second, before that", f"{taken:.0f}"),
    ]


def _booked(settings: dict[str, object]) -> int:
    with machine.connection(settings) as db:
        (count,) = db.execute("SELECT count(*) FROM link").fetchone() or (0,)
    return int(count)


if __name__ == "__main__":
    main(subject)
