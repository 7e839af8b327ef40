"""One update session, call by call as the real Web Connector makes it (protocol.md A.2, A.3)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from hub.sandbox.calls import Calls
from hub.sandbox.faults import LineDead
from hub.sandbox.outcome import Outcome, Progress
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.qwc import QWC, QBWCError
from hub.sandbox.refusals import RequestProcessorError
from hub.sandbox.transcript import Transcript

NO_OP = "NoOp"
NO_OP_SECONDS = 5
NO_OPS = 120
"""How often in a row the server may want time before the double gives up; the real one waits on."""
OPENINGS = 3
"""How often a session with QuickBooks is tried before giving up."""

_STATUS = re.compile(r'<\w+Rs [^>]*\bstatusCode="(\d+)"')


class UpdateSession:
    """One update session: the state between its calls."""

    def __init__(
        self,
        qwc: QWC,
        calls: Calls,
        quickbooks: QuickBooks,
        transcript: Transcript,
        outcome: Outcome,
        progress: Progress,
        sleep: Callable[[float], None],
    ):
        self._qwc = qwc
        self._calls = calls
        self._quickbooks = quickbooks
        self._transcript = transcript
        self._sleep = sleep
        self._outcome = outcome
        self._progress = progress
        self._no_ops = 0

    def run(self) -> None:
        self._shake_hands()
        if self._log_in():
            self._lock(f"LOCKED:SANDBOX:{time.time_ns() // 100}")
            try:
                self._converse()
            finally:
                self._lock("")
                self._quickbooks.end_session()
        self._outcome.message = self._calls.close_connection() or self._outcome.message
        self._progress(self._outcome.percent, self._outcome.message)

    def _lock(self, value: str) -> None:
        self._quickbooks.company.stamp(self._qwc.owner_id, "AppLock", value)

    def _shake_hands(self) -> None:
        try:
            self._outcome.server = self._calls.server_version()
        except QBWCError as error:
            # The real one only notes that this call failed and goes on.
            self._progress(0, str(error))
        answer = self._calls.client_version()
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
        _ticket, verdict, *answer = self._calls.authenticate()
        outcome.postponed, outcome.min_interval = _seconds(answer[:1]), _seconds(answer[1:2])
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
                outcome.ok = True
            case _:
                return self._open(verdict)
        if outcome.postponed is not None:
            outcome.message = "Update postponed by application."
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
                answer = self._calls.connection_error(error.hresult, str(error))
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
            self._no_ops = 0
            percent = self._calls.receive_response_xml(*self._ask_quickbooks(text))
            self._outcome.percent = max(percent, 0)
            if percent < 0:
                self._outcome.last_error = self._calls.get_last_error()
                return
            self._progress(percent, f"{self._outcome.requests} requests answered")
            if percent >= 100:
                self._outcome.ok = True
                return

    def _next_message(self, greeting: str) -> str:
        company = self._quickbooks.company
        return self._calls.send_request_xml(greeting, str(company.path), company.country)

    def _is_told_to_wait(self) -> bool:
        """Ask why there was no message; pause where the server only wants time."""
        self._outcome.last_error = self._calls.get_last_error()
        self._no_ops += 1
        if self._outcome.last_error != NO_OP or self._no_ops >= NO_OPS:
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
        codes = [int(code) for code in _STATUS.findall(answer)]
        self._outcome.requests += len(codes)
        self._outcome.statuses.update(codes)


def _seconds(texts: list[str]) -> int | None:
    """Return a pause the server asks for; none, and one of 0 seconds, is no pause."""
    return int(texts[0]) or None if texts and texts[0].strip().isdecimal() else None
