"""The request processor: a text of requests in, a text of answers out.

It reads as strictly as QuickBooks (order, types, characters: the shapes), carries out
each request wholly or not at all, and commits a message and the memory of it in one
transaction. So a lost process leaves either nothing of a message, or all of it together
with the answer that will be given again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hub.errors import QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Element, Requests
from hub.qbwc.shapes import SHAPES, Shape
from hub.sandbox import (
    about,
    customers,
    faults,
    journal,
    message_sets,
    payments,
    refunds,
    refusals,
    removal,
    sales,
)
from hub.sandbox.answer import Answer, Ret
from hub.sandbox.company import Company
from hub.sandbox.queries import ITERATED, Queries

CHANGES: dict[str, Callable[[Company, Element], Ret]] = {
    "CustomerAdd": customers.add,
    "CustomerMod": customers.modify,
    "InvoiceAdd": sales.add_invoice,
    "InvoiceMod": sales.modify_invoice,
    "CreditMemoAdd": sales.add_credit_memo,
    "CreditMemoMod": sales.modify_credit_memo,
    "ReceivePaymentAdd": payments.add,
    "ARRefundCreditCardAdd": refunds.add,
    "JournalEntryAdd": journal.add,
    "TxnVoid": removal.void,
    "TxnDel": removal.delete,
}
LONGEST_REQUEST_ID = 50


class QuickBooks:
    """QuickBooks with one company file open.

    ``plan`` says what goes wrong (``faults``). ``unopenable`` is an hresult with which no
    session begins, such as 0x80040408 for a QuickBooks that does not start. With
    ``short_memory`` a remembered answer comes back as ``ErrorRecovery`` (protocol.md C.5).
    """

    def __init__(
        self,
        company: Company,
        plan: faults.Plan = faults.all_well,
        unopenable: str = "",
        short_memory: bool = False,
    ):
        self.company = company
        self.plan = plan
        self.unopenable = unopenable
        self.short_memory = short_memory
        self._queries = Queries(company)

    def begin_session(self, path: str = "") -> None:
        """Open a session on the company file at ``path``; "" is the one that is open.

        :raises RequestProcessorError: when there can be no session (protocol.md A.5).
        """
        if self.unopenable:
            raise refusals.RequestProcessorError(self.unopenable, "Could not start QuickBooks.")
        if path and os.path.normcase(path) != os.path.normcase(str(self.company.path)):
            raise refusals.RequestProcessorError(
                "0x8004040A",
                "A QuickBooks company data file is already open and it is not the one requested.",
            )
        self.end_session()

    def end_session(self) -> None:
        """Close the session; its iterators are void."""
        self._queries.iterators.clear()

    def greet(self, owner: str) -> str:
        """Answer the Web Connector's own first message, about which nothing goes wrong."""
        return self._process(about.greeting(owner))

    def process(self, text: str) -> str:
        """Carry out a message.

        :raises RequestProcessorError: when there is no answer but an hresult; a ``ParseError``
            when the message could not be read, so that nothing of it was run.
        :raises LineDead: when the plan loses the message or its answer.
        """
        mishap = self.plan(text)
        if mishap is None:
            return self._process(text)
        if mishap.kills or mishap.runs:
            self._process(text, mishap.kills)
        if mishap.hresult:
            raise refusals.RequestProcessorError(mishap.hresult, mishap.sentence)
        raise faults.LineDead(mishap.runs)

    def _process(self, text: str, kills: bool = False) -> str:
        requests = _read(text)
        ran = False

        def run() -> list[Answer]:
            nonlocal ran
            ran = True
            return self._run(requests)

        with self.company.atomic():
            answer = self.company.message_sets.recall_or_run(requests, text, run)
            if kills:
                os._exit(9)
        return answer if ran or not self.short_memory else message_sets.shortened(answer)

    def _run(self, requests: Requests) -> list[Answer]:
        answers: list[Answer] = []
        for request in requests.requests:
            failed = any(answer.severity == "Error" for answer in answers)
            stopped = failed and requests.on_error == "stopOnError"
            answers.append(self._answer(request, stopped))
        return answers

    def _answer(self, request: Element, stopped: bool) -> Answer:
        kind = request.name.removesuffix("Rq")
        answer = Answer(kind, request.attributes.get("requestID", ""))
        try:
            if stopped:
                raise refusals.not_processed()
            self._carry_out(kind, request, answer)
        except refusals.Refusal as refusal:
            answer.code, answer.severity, answer.message = (
                refusal.code,
                refusal.severity,
                refusal.message,
            )
            answer.children = []
        return answer

    def _carry_out(self, kind: str, request: Element, answer: Answer) -> None:
        if len(answer.request_id) > LONGEST_REQUEST_ID:
            answer.request_id = ""
            raise refusals.Refusal(
                1060, "The request ID is invalid; its maximum length is 50 characters."
            )
        _check_lengths(SHAPES[kind], request)
        if kind in CHANGES:
            with self.company.attempt():
                answer.children = CHANGES[kind](self.company, request)
        else:
            self._queries.answer(request, answer)


def _read(text: str) -> Requests:
    try:
        requests = qbxml.parse_requests(text)
    except QBXMLError as error:
        raise ParseError(
            f"QuickBooks found an error when parsing the provided XML text stream. {error}"
        ) from None
    if requests.version not in about.VERSIONS:
        raise ParseError(f"qbXML version {requests.version} is not supported.", "0x80040423")
    for request in requests.requests:
        _check_attributes(request)
    return requests


def _check_attributes(request: Element) -> None:
    """See that only queries that have iterators are asked for one, and rightly."""
    subject = request.name.removesuffix("QueryRq")
    iterator = request.attributes.get("iterator")
    named = "iteratorID" in request.attributes
    if iterator is None and not named:
        return
    if (
        subject not in ITERATED
        or iterator not in ("Start", "Continue", "Stop")
        or named == (iterator == "Start")
    ):
        raise ParseError(f"{request.name} cannot have such an iterator.")


def _check_lengths(shape: Shape, element: Element) -> None:
    """See that no text is longer than QuickBooks keeps for it (protocol.md E.4).

    :raises Refusal: 3070, for this request alone.
    """
    for child in element:
        inner = shape.by_name[child.name]
        if inner.limit and len(child.text) > inner.limit:
            raise refusals.too_long(child.name, child.text)
        _check_lengths(inner, child)


ParseError = refusals.ParseError
