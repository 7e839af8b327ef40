"""The Web Connector's calls, each on its own, as one application makes them (protocol.md A.1).

``UpdateSession`` makes them in the right order. Whoever makes them one by one may leave
out, repeat, reorder and corrupt them::

    calls = connector.calls()
    calls.authenticate()
    text = calls.send_request_xml(quickbooks.greet(connector.qwc.owner_id))
    calls.receive_response_xml(quickbooks.process(text))
"""

from __future__ import annotations

from types import TracebackType

from hub.sandbox import about
from hub.sandbox.qwc import QWC, QBWCError
from hub.sandbox.service import Service

VERSION = "2.3.0.215"


class Calls:
    """The calls of one application. ``ticket`` is the last one given, or any other put there.

    :raises QBWCError: each call, when it gets no answer that the Web Connector understands.
    """

    def __init__(self, service: Service, qwc: QWC, password: str):
        self.service = service
        self.ticket = ""
        self._qwc = qwc
        self._password = password

    def __enter__(self) -> Calls:
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.service.close()

    def server_version(self) -> str:
        return self.service.text("serverVersion")

    def client_version(self, version: str = VERSION) -> str:
        return self.service.text("clientVersion", strVersion=version)

    def authenticate(self) -> list[str]:
        """Sign in; return the ticket, the verdict and the seconds that may follow, and keep the ticket."""
        answer = self.service.strings(
            "authenticate", strUserName=self._qwc.username, strPassword=self._password
        )
        if len(answer) < 2:
            raise QBWCError(1012, "Index was outside the bounds of the array.")
        self.ticket = answer[0]
        return answer

    def send_request_xml(self, greeting: str = "", path: str = "", country: str = "US") -> str:
        """Ask for the next message; ``greeting`` is what ``QuickBooks.greet`` says, once a session."""
        major, _, minor = about.VERSIONS[-1].partition(".")
        return self.service.text(
            "sendRequestXML",
            ticket=self.ticket,
            strHCPResponse=greeting,
            strCompanyFileName=path,
            qbXMLCountry=country,
            qbXMLMajorVers=major,
            qbXMLMinorVers=minor,
        )

    def receive_response_xml(self, answer: str, hresult: str = "", message: str = "") -> int:
        """Deliver an answer, or the hresult that came instead; return the percentage done."""
        text = self.service.text(
            "receiveResponseXML", ticket=self.ticket, response=answer, hresult=hresult, message=message
        )
        try:
            return int(text)
        except ValueError:
            raise QBWCError(1042, f"receiveResponseXML answered {text!r}, which is no number.") from None

    def connection_error(self, hresult: str, message: str) -> str:
        return self.service.text("connectionError", ticket=self.ticket, hresult=hresult, message=message)

    def get_last_error(self) -> str:
        return self.service.text("getLastError", ticket=self.ticket)

    def close_connection(self) -> str:
        return self.service.text("closeConnection", ticket=self.ticket)
