"""A Web Connector: adds an application from its .qwc file and carries messages to QuickBooks.

One ``run`` is one update session. It never raises for what went wrong on the way: the
``Outcome`` says it, with the QBWC code and sentence a person would read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from hub.sandbox.calls import Calls
from hub.sandbox.outcome import Outcome, Progress
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.qwc import QWC, QBWCError
from hub.sandbox.service import TIMEOUT, Service
from hub.sandbox.transcript import Transcript
from hub.sandbox.update_session import UpdateSession


class WebConnector:
    """One application in the Web Connector's list, with its password typed in."""

    def __init__(
        self,
        qwc: QWC,
        password: str,
        quickbooks: QuickBooks,
        *,
        transcript: Path | None = None,
        transport: httpx.BaseTransport | None = None,
        verify: bool = True,
        timeout: float = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.qwc = qwc
        self._password = password
        self._quickbooks = quickbooks
        self._transcript = Transcript(transcript)
        self._transport = transport
        self._verify = verify
        self._timeout = timeout
        self._sleep = sleep

    @property
    def is_added(self) -> bool:
        """Whether the company file carries this application's stamp."""
        return self._stamp().casefold() == self.qwc.file_id.casefold()

    def add(self) -> None:
        """Add the application: look at its support page, then stamp the company file.

        :raises QBWCError: when the page does not answer (1003, 1004), or when the company file
            carries another stamp of the same owner (1039).
        """
        service = self._new_service()
        try:
            status = service.fetch(self.qwc.app_support)
        except httpx.HTTPError as error:
            raise QBWCError(1004, f"The support page {self.qwc.app_support} fails: {error}") from None
        finally:
            service.close()
        if status not in (200, 202):
            raise QBWCError(1003, f"The support page {self.qwc.app_support} answers {status}.")
        if self._stamp() and not self.is_added:
            raise QBWCError(
                1039,
                "Unique OwnerID/FileID pair value required: this company file was connected"
                " before, with another QWC file of the same application.",
            )
        self._quickbooks.company.stamp(self.qwc.owner_id, "FileID", self.qwc.file_id)

    def run(self, progress: Progress | None = None) -> Outcome:
        """Run one update session, adding the application first where that is still to be done."""
        outcome = Outcome()
        try:
            with self.calls() as calls:
                if not self.is_added:
                    self.add()
                UpdateSession(
                    *(self.qwc, calls, self._quickbooks, self._transcript),
                    *(outcome, progress or _silent, self._sleep),
                ).run()
        except QBWCError as error:
            outcome.ok = False
            outcome.code, outcome.last_error = error.code, error.sentence
            outcome.message = outcome.message or str(error)
        return outcome

    def calls(self) -> Calls:
        """Return the calls of this application, for whoever wants to make them one by one."""
        return Calls(self._new_service(), self.qwc, self._password)

    def run_every(
        self,
        seconds: float = 0,
        wait: Callable[[float], bool | None] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Outcome]:
        """Run again and again and yield each outcome, until ``wait`` says so or Ctrl-C.

        ``seconds`` 0 takes the interval of the .qwc file. ``wait(seconds)`` returns True to stop
        (``threading.Event().wait`` fits). The server may ask for longer pauses.
        """
        wait = wait or self._sleep
        try:
            while True:
                outcome = self.run(progress)
                yield outcome
                usual = max(seconds or self.qwc.seconds, outcome.min_interval or 0)
                if wait(usual if outcome.postponed is None else outcome.postponed):
                    return
        except KeyboardInterrupt:
            return

    def _new_service(self) -> Service:
        return Service(self.qwc.app_url, self._transport, self._verify, self._timeout)

    def _stamp(self) -> str:
        return self._quickbooks.company.stamps(self.qwc.owner_id).get("FileID", "")


def _silent(_percent: int, _sentence: str) -> None:
    return None
