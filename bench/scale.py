"""One web process against two: how the calls a second grow, and what a call costs.

The load and PostgreSQL share the machine's cores with the hub: on two cores two processes cannot
have one each. The processor time of a call says what a machine with cores to spare would show.
"""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from bench import machine
from bench.client import lines, rate
from bench.figures import Figure, at_least, main
from bench.poll import CONNECTIONS, polls, warm
from bench.quickbooks import instant
from bench.webconnector import settle


def subject(quick: bool) -> list[Figure]:
    """Measure polls with one process and with two, by turns."""
    seconds, turns = (1.0, 3) if quick else (2.5, 5)
    with machine.database() as settings, instant() as quickbooks, ExitStack() as stack:
        connectors = machine.tenants(settings, [str(number) for number in range(CONNECTIONS)])
        servers = {count: stack.enter_context(machine.hub(settings, count)) for count in (1, 2)}
        settle(servers[1].port, connectors, quickbooks)
        found: dict[int, list[float]] = {1: [], 2: []}
        web: dict[int, list[float]] = {1: [], 2: []}
        database: dict[int, list[float]] = {1: [], 2: []}
        for server in servers.values():
            warm(server.port, connectors)
        for _ in range(turns):
            for count, server in servers.items():
                with lines(server.port, CONNECTIONS) as opened:
                    before = server.cpu(), machine.postgres_cpu(settings)
                    result = 4 * rate(opened, seconds, polls(connectors))
                    web[count].append((server.cpu() - before[0]) / result / seconds)
                    database[count].append(
                        (machine.postgres_cpu(settings) - before[1]) / result / seconds
                    )
                found[count].append(result)
    ratio = median(two / one for one, two in zip(found[1], found[2], strict=True))
    said = f"{median(found[1]):.0f} to {median(found[2]):.0f} a second"
    return [
        at_least("calls a second, one web process to two", ratio, 1.7, said),
        *(
            Figure(
                f"processor time of a call, {count} web process{'es' if count > 1 else ''}",
                f"{1000 * median(web[count]):.2f} ms, and PostgreSQL {1000 * median(database[count]):.2f} ms",
            )
            for count in (1, 2)
        ),
    ]


if __name__ == "__main__":
    main(subject)
