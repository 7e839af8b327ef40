"""One computer: a Web Connector that makes its calls one by one, and QuickBooks on the tenant's file.

Each step is what comes next for it: a call, or QuickBooks at work. A call that gets no answer
ends the session there, without a word to the hub, as the real one's does.
"""

from __future__ import annotations

from hub.sandbox import qwc
from hub.sandbox.faults import LineDead, all_well
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.qwc import QBWCError
from hub.sandbox.refusals import RequestProcessorError
from hub.sandbox.webconnector import WebConnector
from tests.attack.line import Line
from tests.world import PASSWORD

PATIENCE = 20
"""How many calls in a row may be told to wait."""
KEPT = 6
"""How many answers of earlier sessions may still arrive."""


class Computer:
    """``address`` is where its calls come from."""

    def __init__(self, tenant, company, address):
        self.line = Line(tenant.world.app, tenant.world.settings, address)
        self.quickbooks = QuickBooks(company)
        given = qwc.parse(tenant.qwc())
        self.connector = WebConnector(
            given, PASSWORD, self.quickbooks, transport=self.line, sleep=lambda _seconds: None
        )
        self._owner = given.owner_id
        self.calls = self.connector.calls()
        self.step = self.authenticate
        self.was_busy = False
        self._greeting = self._text = ""
        self._answer = ("", "", "")
        self._waits = 0
        self.delivered = []
        """Tickets and answers, newest last, that may arrive (once more) when it is late."""

    def go(self, mishap=None, fault=None):
        """Do what comes next. ``mishap`` strikes if that is a call, ``fault`` if QuickBooks is at work."""
        self.line.mishap = mishap
        self.quickbooks.plan = (lambda _text: fault) if fault else all_well
        try:
            self.step()
        except QBWCError:
            self.give_up()
        finally:
            self.line.mishap = None
            self.quickbooks.plan = all_well

    def give_up(self):
        """The session is over here; what was on the way may still arrive."""
        self.step = self.authenticate
        self._text = ""

    @property
    def holds_message(self):
        """Whether a message has come that QuickBooks has not been given yet."""
        return self.step == self.process

    def authenticate(self):
        _, verdict, *_ = self.calls.authenticate()
        self.was_busy = verdict == "busy"
        if verdict in ("nvu", "none", "busy"):
            return
        self.quickbooks.end_session()
        self._greeting = self.quickbooks.greet(self._owner)
        self._waits = 0
        self.step = self.send

    def send(self):
        path = str(self.quickbooks.company.path)
        self._text = self.calls.send_request_xml(self._greeting, path)
        self._greeting = ""
        self.step = self.process if self._text not in ("", "NoOp") else self.ask_why

    def ask_why(self):
        self._waits += 1
        waits = self.calls.get_last_error() == "NoOp" and self._waits < PATIENCE
        self.step = self.send if waits else self.close

    def process(self):
        try:
            self._answer = (self.quickbooks.process(self._text), "", "")
        except RequestProcessorError as error:
            self._answer = ("", error.hresult, str(error))
        except LineDead:
            self.give_up()
            return
        self.delivered = [*self.delivered, (self.calls.ticket, self._answer)][-KEPT:]
        self.step = self.receive

    def receive(self):
        percent = self.calls.receive_response_xml(*self._answer)
        self.step = self.ask_why if percent < 0 else self.close if percent >= 100 else self.send

    def close(self):
        self.calls.close_connection()
        self.give_up()

    def deliver_late(self, which):
        """Let an answer of an earlier session arrive, perhaps for the second time."""
        old = [(ticket, answer) for ticket, answer in self.delivered if ticket != self.calls.ticket]
        if old:
            ticket, answer = old[which % len(old)]
            self.calls.ticket, now = ticket, self.calls.ticket
            self.calls.receive_response_xml(*answer)
            self.calls.ticket = now

    def deliver_garbage(self, answer, hresult):
        """Let something arrive in the session's name that QuickBooks never said, in place of its answer."""
        if self.holds_message:
            self.give_up()
        self.calls.receive_response_xml(answer, hresult)
