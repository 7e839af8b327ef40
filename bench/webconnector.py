"""The calls of an update session, one by one, as fast as the server answers them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.client import Line, rate
from bench.machine import Connector
from bench.quickbooks import Instant

PAUSE = 0.05
"""Seconds between two questions whether the hub is ready; a Web Connector waits five."""


class Session:
    """One connector's update sessions, one after the other on one connection."""

    def __init__(self, line: Line, connector: Connector, quickbooks: Instant):
        self.line = line
        self._connector = connector
        self._quickbooks = quickbooks
        self.ticket = ""
        self._is_first = True
        self.trips = 0
        """Pairs of sendRequestXML and receiveResponseXML so far."""

    def poll(self) -> str:
        """Begin a session and return the verdict of authenticate."""
        self.line.text("serverVersion")
        self.line.text("clientVersion", strVersion="2.3.0.215")
        answer = self.line.call(
            "authenticate", strUserName=self._connector.username, strPassword=self._connector.password
        )
        self.ticket, self._is_first = answer[0], True
        return answer[1]

    def trip(self) -> bool:
        """Carry one message; say whether the session goes on."""
        greeting = self._quickbooks.greeting(self._connector) if self._is_first else ""
        self._is_first = False
        text = self.line.text(
            "sendRequestXML",
            ticket=self.ticket,
            strHCPResponse=greeting,
            strCompanyFileName=r"C:\Books\company.qbw",
            qbXMLCountry="US",
            qbXMLMajorVers="16",
            qbXMLMinorVers="0",
        )
        if text in ("", "NoOp"):
            said = self.line.text("getLastError", ticket=self.ticket)
            time.sleep(PAUSE)
            return said == "NoOp"
        percent = int(
            self.line.text(
                "receiveResponseXML",
                ticket=self.ticket,
                response=self._quickbooks.answer(text),
                hresult="",
                message="",
            )
        )
        self.trips += 1
        if percent < 0:
            raise RuntimeError(self.line.text("getLastError", ticket=self.ticket))
        return percent < 100

    def close(self) -> None:
        self.line.text("closeConnection", ticket=self.ticket)
        self.ticket = ""

    def run(self) -> str:
        """Run one whole session and return the verdict of authenticate."""
        verdict = self.poll()
        if verdict not in ("none", "nvu", "busy"):
            while self.trip():
                pass
        self.close()
        return verdict


def settle(port: int, connectors: Sequence[Connector], quickbooks: Instant) -> None:
    """Run sessions until there is nothing to do for anybody: lists are imported, all is booked."""

    def one(line: Line, index: int) -> int:
        for connector in connectors[index :: len(opened)]:
            session = Session(line, connector, quickbooks)
            while session.run() != "none":
                pass
        return 0

    first, *others = connectors
    opened = [Line(port) for _ in range(8)]
    try:
        session = Session(opened[0], first, quickbooks)
        while session.run() != "none":
            pass
        connectors = others
        rate(opened, 600, one)
    finally:
        for line in opened:
            line.close()
