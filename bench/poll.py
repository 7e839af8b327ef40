"""Idle polls: what a thousand Web Connectors with nothing to do cost, against bare Spyne.

A poll is serverVersion, clientVersion, authenticate (answered "none") and closeConnection.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from bench import machine
from bench.client import Line, lines, rate
from bench.figures import Figure, at_least, at_most, main
from bench.machine import Connector
from bench.quickbooks import instant
from bench.webconnector import settle

PROCESSES = 2
CONNECTIONS = 8


def polls(connectors: list[Connector]) -> Callable[[Line, int], int]:
    """Return the work of one poll of the connector whose turn it is on a line."""

    def one(line: Line, index: int) -> int:
        connector = connectors[index % len(connectors)]
        line.text("serverVersion")
        line.text("clientVersion", strVersion="2.3.0.215")
        ticket, verdict = line.call(
            "authenticate", strUserName=connector.username, strPassword=connector.password
        )[:2]
        assert verdict in ("none", connector.username), verdict
        line.text("closeConnection", ticket=ticket)
        return 1

    return one


def warm(port: int, connectors: list[Connector]) -> None:
    """Let every process check every password against its hash once: a digest is kept from then on."""
    for _ in range(6):
        with lines(port, CONNECTIONS) as opened:
            work = polls(connectors)
            for index, line in enumerate(opened):
                for turn in range(len(connectors)):
                    work(line, index + turn)


def subject(quick: bool) -> list[Figure]:
    """Measure polls of the hub and of bare Spyne by turns."""
    seconds, turns = (1.0, 3) if quick else (2.5, 7)
    with machine.database() as settings, instant() as quickbooks:
        connectors = machine.tenants(settings, [str(number) for number in range(CONNECTIONS)])
        with machine.hub(settings, PROCESSES) as hub, machine.echo(PROCESSES) as echo:
            settle(hub.port, connectors, quickbooks)
            found: dict[tuple[str, int], list[float]] = {}
            authenticate: list[float] = []
            cpu: list[float] = []
            warm(hub.port, connectors)
            warm(echo.port, connectors)
            for count in (1, CONNECTIONS):
                for _ in range(turns):
                    for server in (hub, echo):
                        with lines(server.port, count) as opened:
                            before = server.cpu() + machine.postgres_cpu(settings)
                            polls_a_second = rate(opened, seconds, polls(connectors))
                            used = server.cpu() + machine.postgres_cpu(settings) - before
                            found.setdefault((server.name, count), []).append(polls_a_second)
                            if server is hub and count == 1:
                                authenticate += opened[0].took["authenticate"]
                            if server is hub and count > 1:
                                cpu.append(1000 * used / (polls_a_second * seconds * 4))
    figures = []
    for count in (1, CONNECTIONS):
        ours, floor = found["hub", count], found["Spyne alone", count]
        ratio = median(a / b for a, b in zip(ours, floor, strict=True))
        said = f"{median(ours):.0f} against {median(floor):.0f} polls a second"
        figures.append(at_least(f"idle polls, {count} at once, against bare Spyne", ratio, 0.5, said))
    figures.append(at_most("authenticate repeated, median", 1000 * median(authenticate), 5, " ms"))
    figures.append(
        Figure("processor time for a call of a poll, PostgreSQL included", f"{median(cpu):.2f} ms")
    )
    return figures


if __name__ == "__main__":
    main(subject)
