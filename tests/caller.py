"""A Web Connector whose calls a test makes one by one."""

import httpx

from hub.sandbox import qwc
from hub.sandbox.calls import Calls
from hub.sandbox.quickbooks import QuickBooks
from hub.sandbox.service import Service
from tests.checker import assert_valid
from tests.world import PASSWORD


class Caller:
    """One computer with QuickBooks and a Web Connector; its stamp is in the company file."""

    def __init__(self, tenant, company, address="127.0.0.1", password=PASSWORD, **quickbooks):
        self.tenant = tenant
        self.company = company
        self.quickbooks = QuickBooks(company, **quickbooks)
        self.qwc = qwc.parse(tenant.qwc())
        transport = httpx.WSGITransport(app=tenant.world.app, remote_addr=address)
        service = Service(f"{tenant.world.settings['hub.url']}/qbwc", transport)
        self.calls = Calls(service, self.qwc, password)
        self._is_first = True

    def stamp(self):
        self.company.stamp(self.qwc.owner_id, "FileID", self.qwc.file_id)

    def knock(self):
        """Authenticate; return what came beside the ticket."""
        self._is_first = True
        _ticket, *answer = self.calls.authenticate()
        return answer

    def open(self):
        verdict, *_ = self.knock()
        assert verdict not in ("none", "busy", "nvu"), verdict
        self.quickbooks.begin_session(verdict)
        return self

    def ask(self):
        """Return the next message, held against the external checker."""
        greeting = self.quickbooks.greet(self.qwc.owner_id) if self._is_first else ""
        self._is_first = False
        path, country = str(self.quickbooks.company.path), self.quickbooks.company.country
        message = self.calls.send_request_xml(greeting, path, country)
        if message not in ("", "NoOp"):
            assert_valid(message)
        return message

    def answer(self, message):
        """Let QuickBooks carry a message out; return the percentage."""
        return self.calls.receive_response_xml(self.quickbooks.process(message))

    def until(self, words):
        """Go on up to a message with ``words``, and return it unanswered."""
        while words not in (message := self.ask()):
            assert message not in ("", "NoOp"), self.calls.get_last_error()
            assert self.answer(message) in range(100), f"The session ended without {words}."
        return message

    def finish(self, message=""):
        """Answer ``message`` and all that follow; return the percentages and the last sentence."""
        percents = []
        while message := message or self.ask():
            percents.append(self.answer(message))
            if percents[-1] not in range(100):
                break
            message = ""
        self.quickbooks.end_session()
        return percents, self.calls.close_connection()
