"""Round trips: sendRequestXML and receiveResponseXML, one small addition each, durable in PostgreSQL.

Against bare Spyne on the same web server, and against two peers that keep everything in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from bench import machine, peers, statements
from bench.client import Line, lines, rate
from bench.echo import ANSWER, REQUEST
from bench.figures import Figure, at_least, main
from bench.machine import Connector, Server
from bench.poll import warm
from bench.quickbooks import Instant, instant
from bench.webconnector import Session, settle

PROCESSES = 2
CONNECTIONS = 8

Work = Callable[[Line, int], int]


def ours(connectors: list[Connector], quickbooks: Instant) -> Work:
    """Return the work of one round trip of a connector; a session that has ended is begun anew."""
    sessions: dict[int, Session] = {}

    def one(line: Line, index: int) -> int:
        session = sessions.setdefault(index, Session(line, connectors[index], quickbooks))
        session.line = line
        if not session.ticket and session.poll() == "none":
            return 0
        if not session.trip():
            session.close()
        return 1

    return one


def theirs() -> Work:
    """Return the work of one round trip with a server that says nothing of interest."""
    tickets: dict[int, str] = {}

    def one(line: Line, index: int) -> int:
        if index not in tickets:
            tickets[index] = line.text("authenticate", strUserName="peer", strPassword="secret")
        request = line.text(
            "sendRequestXML",
            ticket=tickets[index],
            strHCPResponse="",
            strCompanyFileName="",
            qbXMLCountry="US",
            qbXMLMajorVers="16",
            qbXMLMinorVers="0",
        )
        assert "CustomerQueryRq" in request, request
        line.text("receiveResponseXML", ticket=tickets[index], response=ANSWER, hresult="", message="")
        return 1

    return one


def subject(quick: bool) -> list[Figure]:
    """Measure all servers by turns, one connection and then eight."""
    seconds, turns = (1.0, 3) if quick else (2.0, 5)
    waiting = 200 + int(100 * seconds * turns)
    with ExitStack() as stack:
        settings = stack.enter_context(machine.database())
        quickbooks = stack.enter_context(instant())
        connectors = machine.tenants(settings, [str(number) for number in range(CONNECTIONS)])
        hub = stack.enter_context(machine.hub(settings, PROCESSES, is_held=True))
        echo = stack.enter_context(machine.echo(PROCESSES))
        others = stack.enter_context(peers.serving(REQUEST))
        settle(hub.port, connectors, quickbooks)
        warm(hub.port, connectors)
        machine.hold_batch(settings, 1)
        for number, connector in enumerate(connectors):
            machine.take(settings, connector, machine.invoices(waiting * (1 if number else 4)))
        work: dict[str, Work] = {hub.name: ours(connectors, quickbooks)}
        work |= {server.name: theirs() for server in (echo, *others)}
        figures = [
            Figure(
                "durable commits of one row, one connection", f"{machine.commits(settings):.0f} a second"
            )
        ]
        for count in (1, CONNECTIONS):
            found: dict[str, list[float]] = {}
            calls: dict[str, list[float]] = {}
            for turn in range(turns + 1):
                for server in (hub, echo, *others):
                    path = peers.PATHS.get(server.name, "/qbwc")
                    with lines(server.port, count, path=path) as opened:
                        result = rate(opened, seconds if turn else 0.3, work[server.name])
                    if turn:
                        found.setdefault(server.name, []).append(result)
                    if turn and server is hub:
                        for line in opened:
                            for method, took in line.took.items():
                                calls.setdefault(method, []).extend(took)
            figures += _compared(hub, found, count)
            figures.append(_times(calls, count))
    return [*figures, *statements.subject(quick)]


def _compared(hub: Server, found: dict[str, list[float]], count: int) -> list[Figure]:
    mine = found.pop(hub.name)
    spyne = found["Spyne alone"]
    figures = []
    for name, other in found.items():
        ratio = median(a / b for a, b in zip(mine, other, strict=True))
        said = f"{median(mine):.0f} against {median(other):.0f} a second"
        what = f"round trips, {count} connection{'s' if count > 1 else ''}, against {name}"
        if name == "Spyne alone":
            figures.append(at_least(what, ratio, 0.4 if count == 1 else 0.6, said))
        elif count == 1:
            figures.append(Figure(what, f"{ratio:.2f} ({said})"))
        else:
            figures.append(at_least(what, ratio, 1.0, said))
            ratio = median(a / b for a, b in zip(spyne, other, strict=True))
            figures.append(Figure(f"of that, what bare Spyne does against {name}", f"{ratio:.2f}"))
    return figures


def _times(calls: dict[str, list[float]], count: int) -> Figure:
    said = ", ".join(
        f"{method} {1000 * median(calls[method]):.1f} ms"
        for method in ("sendRequestXML", "receiveResponseXML")
        if method in calls
    )
    return Figure(f"median time of a call, {count} connection{'s' if count > 1 else ''}", said)


if __name__ == "__main__":
    main(subject)
