"""SQL statements for each call, counted in one process, with messages of one and of a hundred requests.

Every statement that SQLAlchemy sends counts, the one that names the tenant too; BEGIN and COMMIT do not.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import mean
from typing import Any

import httpx
from sqlalchemy import Engine, event

from bench import machine
from bench.client import Line
from bench.figures import Figure, at_most, main
from bench.quickbooks import Instant, instant
from bench.webconnector import Session
from hub import application
from hub.qbwc import pace
from hub.sandbox import envelope

CALLS = ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection")
MOST = 4


class Inside(Line):
    """A connection to the application in this process, which counts the statements of each call."""

    def __init__(self, app: Any):
        super().__init__(0)
        self._client = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://localhost")
        self._now = 0
        self.counts: dict[str, list[int]] = defaultdict(list)
        event.listen(Engine, "before_cursor_execute", self._count)

    def post(self, body: bytes, action: str) -> tuple[int, bytes, bytes]:
        self._now = 0
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action}
        response = self._client.post("/qbwc", content=body, headers=headers)
        self.counts[action.strip('"').removeprefix(envelope.NAMESPACE)].append(self._now)
        return response.status_code, b"content-type: text/xml", response.content

    def close(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._count)
        self._client.close()

    def _count(self, *_: object) -> None:
        self._now += 1


def subject(quick: bool) -> list[Figure]:
    """Count the statements of a session's calls."""
    messages = 30 if quick else 100
    pace.paced = machine.held
    with machine.database() as settings, instant() as quickbooks:
        small = _counted(settings, quickbooks, "small", 1, messages)
        large = _counted(settings, quickbooks, "large", 100, 30)
    figures = []
    for method in CALLS:
        average = max(mean(small[method]), mean(large[method]))
        said = f"most {max(small[method])}; with 100 requests {mean(large[method]):.1f}, most {max(large[method])}"
        figures.append(at_most(f"statements for a {method}, average", average, MOST, said=said))
    return figures


def _counted(
    settings: dict[str, Any], quickbooks: Instant, name: str, batch: int, messages: int
) -> dict[str, list[int]]:
    """Return how many statements each call took while ``messages`` of ``batch`` requests went out."""
    (connector,) = machine.tenants(settings, [name])
    app = application({**settings, "celery.broker_url": "memory://"})
    line = Inside(app)
    try:
        session = Session(line, connector, quickbooks)
        while session.run() != "none":
            pass
        machine.take(settings, connector, machine.invoices(batch * messages))
        machine.hold_batch(settings, batch)
        line.counts.clear()
        while session.run() != "none":
            pass
        return line.counts
    finally:
        line.close()


if __name__ == "__main__":
    main(subject)
