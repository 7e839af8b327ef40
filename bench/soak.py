"""A soak: two hundred connectors at once for a minute, every session with real work.

A tenth of them share their login with another, as when a PC was copied: of two at once the second
is told that the first is busy. At the end everything is booked, and nothing is stuck.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from statistics import median
from typing import Any

from bench import machine
from bench.client import Line, percentile
from bench.figures import Figure, at_most, main
from bench.machine import Connector
from bench.quickbooks import Instant, instant
from bench.webconnector import Session, settle

BATCH = 3
MESSAGES = 5
"""Messages that a session may take, so that there are many sessions."""


class Soak:
    """The connectors, and what they were answered."""

    def __init__(self, port: int, connectors: list[Connector], quickbooks: Instant):
        self._port = port
        self._connectors = connectors
        self._quickbooks = quickbooks
        self.took: dict[str, list[float]] = defaultdict(list)
        self.verdicts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.trips = 0
        self._lock = threading.Lock()

    def run(self, seconds: float) -> None:
        """Let every connector run session after session."""
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._one, args=(one, until)) for one in self._connectors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, connector: Connector, until: float) -> None:
        line = Line(self._port)
        session = Session(line, connector, self._quickbooks)
        verdicts: Counter[str] = Counter()
        while time.monotonic() < until:
            try:
                verdict = session.run()
                verdicts[verdict if verdict in ("none", "nvu", "busy") else "work"] += 1
            except Exception as error:
                self.faults.append(f"{type(error).__name__}: {error}")
            else:
                if verdict in ("busy", "none"):
                    time.sleep(1)
        line.close()
        with self._lock:
            self.verdicts += verdicts
            self.trips += session.trips
            for method, took in line.took.items():
                self.took[method] += took


def subject(quick: bool) -> list[Figure]:
    """Soak the hub, then let the rest go and look for what is left."""
    count, seconds = (40, 10.0) if quick else (200, 60.0)
    with machine.database() as settings, instant() as quickbooks:
        connectors = machine.tenants(settings, [str(number) for number in range(count - count // 10)])
        limit = {"QBWC_SESSION_MESSAGES": str(MESSAGES), "QBWC_QUIET_SECONDS": "30"}
        with machine.hub(settings, 2, is_held=True, **limit) as hub:
            settle(hub.port, connectors, quickbooks)
            machine.hold_batch(settings, BATCH)
            invoices = 60 if quick else 150
            for connector in connectors:
                machine.take(settings, connector, machine.invoices(invoices))
            memory = hub.memory()
            soak = Soak(hub.port, connectors + connectors[: count // 10], quickbooks)
            soak.run(seconds)
            grown = hub.memory() - memory
            machine.hold_batch(settings, 200)
            settle(hub.port, connectors, quickbooks)
            left = _left(settings)
            booked = _count(settings, "SELECT count(*) FROM link")
    wanted = len(connectors) * (invoices + 1)
    calls = sum(len(took) for took in soak.took.values())
    said = ", ".join(f"{name} {number}" for name, number in sorted(soak.verdicts.items()))
    figures = [
        Figure(
            f"soak of {count} connectors: calls a second", f"{calls / seconds:.0f} ({said} sessions)"
        ),
        at_most(
            "soak: calls answered with an error",
            len(soak.faults),
            0,
            said=(soak.faults or [""])[0][:200],
        ),
        at_most("soak: operations not done at the end", left, 0),
        at_most("soak: records not booked exactly once", abs(wanted - booked), 0, said=f"of {wanted:,}"),
        Figure("soak: memory growth of all web processes", f"{grown / 2**20:.0f} MB"),
    ]
    for method, took in soak.took.items():
        value = f"{1000 * median(took):.0f} / {1000 * percentile(took, 0.95):.0f} / {1000 * max(took):.0f} ms"
        met = max(took) < 2 if method != "getLastError" else None
        figures.append(Figure(f"soak: {method}, p50 / p95 / max", value, "max < 2 s", met))
    return figures


def _left(settings: dict[str, Any]) -> int:
    return _count(settings, "SELECT count(*) FROM operation WHERE state <> 'done'") + _count(
        settings, "SELECT count(*) FROM message WHERE stage = 'outstanding'"
    )


def _count(settings: dict[str, Any], query: str) -> int:
    with machine.connection(settings) as db:
        (count,) = db.execute(query).fetchone() or (0,)  # type: ignore[arg-type]
    return int(count)


if __name__ == "__main__":
    main(subject)
