"""One update session, call by call as the real Web Connector makes it (protocol.md A.2, A.3)."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.qbwc import qbxml
from hub.sandbox import about
from hub.sandbox.faults import LineDead
from hub.sandbox.outcome import Outcome, Progress
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.qwc import QWC, QBWCError
from hub.sandbox.refusals import RequestProcessorError
from hub.sandbox.service import Service
from hub.sandbox.transcript import Transcript

VERSION = "2.3.0.215"
NO_OP = "NoOp"
NO_OP_SECONDS = 5
OPENINGS = 3
"""How often a session with QuickBooks is tried before giving up."""


class UpdateSession:
    """One update session: the state between its calls."""

    def __init__(
        self,
        qwc: QWC,
        password: str,
        quickbooks: QuickBooks,
        service: Service,
        transcript: Transcript,
        outcome: Outcome,
        progress: Progress,
        sleep: Callable[[float], None],
    ):
        self._qwc = qwc
        self._password = password
        self._quickbooks = quickbooks
        self._transcript = transcript
        self._service = service
        self._sleep = sleep
        self._outcome = outcome
        self._progress = progress
        self._ticket = ""

    def run(self) -> None:
        self._shake_hands()
        if self._log_in():
            self._lock(f"LOCKED:SANDBOX:{time.time_ns() // 100}")
            try:
                self._converse()
            finally:
                self._lock("")
                self._quickbooks.end_session()
        self._outcome.message = (
            self._service.text("closeConnection", ticket=self._ticket) or self._outcome.message
        )
        self._progress(self._outcome.percent, self._outcome.message)

    def _lock(self, value: str) -> None:
        self._quickbooks.company.stamp(self._qwc.owner_id, "AppLock", value)

    def _shake_hands(self) -> None:
        try:
            self._outcome.server = self._service.text("serverVersion")
        except QBWCError as error:
            # The real one only notes that this call failed and goes on.
            self._progress(0, str(error))
        answer = self._service.text("clientVersion", strVersion=VERSION)
        kind, colon, text = answer.partition(":")
        if answer and not (colon and kind in ("W", "E", "O")):
            raise QBWCError(1046, f"clientVersion answered {answer!r}, which has no meaning.")
        if kind in ("E", "O"):
            raise QBWCError(1037, f"The server does not take this Web Connector: {text}")
        if kind == "W":
            # A person would be asked whether to go on; here nobody sits.
            self._progress(0, text)

    def _log_in(self) -> bool:
        """Authenticate and return whether there is work on a company file that opens."""
        qwc, outcome = self._qwc, self._outcome
        answer = self._service.strings(
            "authenticate", strUserName=qwc.username, strPassword=self._password
        )
        if len(answer) < 2:
            raise QBWCError(1012, "Index was outside the bounds of the array.")
        self._ticket, verdict = answer[0], answer[1]
        outcome.postponed, outcome.min_interval = _seconds(answer[2:3]), _seconds(answer[3:4])
        match verdict.casefold():
            case "nvu":
                outcome.code = "QBWC1040"
                outcome.last_error = f"Invalid password for {qwc.username}."
                outcome.message = outcome.last_error
            case "none":
                outcome.ok, outcome.nothing_to_do = True, True
                outcome.message = "No data exchange."
            case "busy":
                outcome.last_error = outcome.message = "Application busy."
            case _ if outcome.postponed is not None:
                outcome.ok, outcome.message = True, "Update postponed by application."
            case _:
                return self._open(verdict)
        return False

    def _open(self, path: str) -> bool:
        """Begin a session with QuickBooks, on another company file as long as the server names one."""
        while True:
            try:
                self._quickbooks.begin_session(path)
                self._outcome.code = self._outcome.last_error = ""
                return True
            except RequestProcessorError as error:
                self._outcome.code = "QBWC1013"
                self._outcome.last_error = str(error)
                self._outcome.hresults[error.hresult] += 1
                answer = self._service.text(
                    "connectionError",
                    ticket=self._ticket,
                    hresult=error.hresult,
                    message=str(error),
                )
                if answer.casefold() == "done" or self._outcome.hresults.total() >= OPENINGS:
                    return False
                path = answer

    def _converse(self) -> None:
        greeting = self._quickbooks.greet(self._qwc.owner_id)
        self._transcript.greeting(greeting)
        while True:
            text = self._next_message(greeting)
            greeting = ""
            if text in ("", NO_OP):
                if self._is_told_to_wait():
                    continue
                return
            percent = self._deliver(*self._ask_quickbooks(text))
            self._outcome.percent = max(percent, 0)
            if percent < 0:
                self._outcome.last_error = self._service.text("getLastError", ticket=self._ticket)
                return
            self._progress(percent, f"{self._outcome.requests} requests answered")
            if percent >= 100:
                self._outcome.ok = True
                return

    def _next_message(self, greeting: str) -> str:
        major, _, minor = about.VERSIONS[-1].partition(".")
        return self._service.text(
            "sendRequestXML",
            ticket=self._ticket,
            strHCPResponse=greeting,
            strCompanyFileName=str(self._quickbooks.company.path),
            qbXMLCountry=self._quickbooks.company.country,
            qbXMLMajorVers=major,
            qbXMLMinorVers=minor,
        )

    def _is_told_to_wait(self) -> bool:
        """Ask why there was no message; pause where the server only wants time."""
        self._outcome.last_error = self._service.text("getLastError", ticket=self._ticket)
        if self._outcome.last_error != NO_OP:
            return False
        self._outcome.last_error = ""
        self._sleep(NO_OP_SECONDS)
        return True

    def _ask_quickbooks(self, text: str) -> tuple[str, str, str]:
        """Return QuickBooks' answer, or "" with the hresult and the message of its refusal."""
        self._transcript.request(text)
        self._outcome.messages += 1
        try:
            answer = self._quickbooks.process(text)
        except RequestProcessorError as error:
            self._transcript.hresult(error.hresult, str(error))
            self._outcome.hresults[error.hresult] += 1
            return "", error.hresult, str(error)
        except LineDead as dead:
            raise QBWCError(1042 if dead.ran else 1041, f"The connection broke. {dead}") from None
        self._transcript.answer(answer)
        self._count(answer)
        return answer, "", ""

    def _count(self, answer: str) -> None:
        answers = qbxml.parse_answers(answer).answers
        self._outcome.requests += len(answers)
        self._outcome.statuses.update(one.code for one in answers)

    def _deliver(self, answer: str, hresult: str, message: str) -> int:
        text = self._service.text(
            "receiveResponseXML", ticket=self._ticket, response=answer, hresult=hresult, message=message
        )
        try:
            return int(text)
        except ValueError:
            raise QBWCError(1042, f"receiveResponseXML answered {text!r}, which is no number.") from None


def _seconds(texts: list[str]) -> int | None:
    return int(texts[0]) if texts and texts[0].strip().isdecimal() else None
