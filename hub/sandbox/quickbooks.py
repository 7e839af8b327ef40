"""The request processor: a text of requests in, a text of answers out.

It reads as strictly as QuickBooks (order, types, characters: the shapes), carries out
each request wholly or not at all, and commits a message and the memory of it in one
transaction. So a lost process leaves either nothing of a message, or all of it together
with the answer that will be given again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from hub.qbwc.qbxml import Element, Requests
from hub.qbwc.shapes import SHAPES
from hub.sandbox import (
    about,
    accounts,
    additions,
    checks,
    customers,
    faults,
    hresults,
    journal,
    message_sets,
    payments,
    reading,
    refunds,
    refusals,
    removal,
    sales,
)
from hub.sandbox.answer import Answer, Ret
from hub.sandbox.company import Company
from hub.sandbox.queries import Queries

CHANGES: dict[str, Callable[[Company, Element], Ret]] = {
    "AccountAdd": accounts.add,
    "ClassAdd": additions.add_class,
    "ItemServiceAdd": additions.add_service,
    "PaymentMethodAdd": additions.add_method,
    "StandardTermsAdd": additions.add_terms,
    "CustomerAdd": customers.add,
    "CustomerMod": customers.modify,
    "InvoiceAdd": sales.add_invoice,
    "InvoiceMod": sales.modify_invoice,
    "CreditMemoAdd": sales.add_credit_memo,
    "CreditMemoMod": sales.modify_credit_memo,
    "ReceivePaymentAdd": payments.add,
    "ARRefundCreditCardAdd": refunds.add,
    "CheckAdd": checks.add,
    "JournalEntryAdd": journal.add,
    "JournalEntryMod": journal.modify,
    "TxnVoid": removal.void,
    "TxnDel": removal.delete,
}
LONGEST_REQUEST_ID = 50


class QuickBooks:
    """QuickBooks with one company file open.

    ``plan`` says what goes wrong (``faults``). ``unopenable`` is an hresult with which no
    session begins, such as 0x80040408 for a QuickBooks that does not start. With
    ``short_memory`` a remembered answer comes back as ``ErrorRecovery`` (protocol.md C.5).
    With ``ascii_only`` no message with a reference to a character above 127 can be read
    (protocol.md E.3). Each request takes ``seconds``, which ``sleep`` lets pass.
    """

    def __init__(
        self,
        company: Company,
        plan: faults.Plan = faults.all_well,
        unopenable: str = "",
        short_memory: bool = False,
        ascii_only: bool = False,
        seconds: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.company = company
        self.plan = plan
        self.unopenable = unopenable
        self.short_memory = short_memory
        self.ascii_only = ascii_only
        self.seconds = seconds
        self._sleep = sleep
        self._own = company
        self._is_closed = False
        self._queries = Queries(company)

    def begin_session(self, path: str = "") -> None:
        """Open a session on the company file at ``path``; "" is the one that is open.

        Where people closed theirs, QuickBooks opens the file at ``path`` for the session.

        :raises RequestProcessorError: when there can be no session (protocol.md A.5).
        """
        if self.unopenable:
            raise _refused(self.unopenable)
        wanted = Path(path).absolute() if path else self.company.path
        if self._is_closed and not path:
            raise _refused("0x80040416")
        if self._is_closed and not wanted.is_file():
            raise _refused("0x80040403")
        is_other = os.path.normcase(wanted) != os.path.normcase(self.company.path)
        if is_other and not self._is_closed:
            raise _refused("0x8004040A")
        self.end_session()
        if is_other:
            self._take(Company(wanted))

    def end_session(self) -> None:
        """Close the session, and the file where it was opened for it; iterators are void."""
        if self.company is not self._own:
            self.company.close()
        self._take(self._own)

    def close_company(self) -> None:
        """Close the company file, as a person does: sessions must name the one to open."""
        self._is_closed = True

    def open_company(self, company: Company) -> None:
        """Open a company file, as a person does: no session on another one begins."""
        self.end_session()
        self._own = company
        self._is_closed = False
        self._take(company)

    def _take(self, company: Company) -> None:
        self.company = company
        self._queries = Queries(company)

    def greet(self, owner: str) -> str:
        """Answer the Web Connector's own first message, about which nothing goes wrong."""
        return self._process(about.greeting(owner))

    def process(self, text: str) -> str:
        """Carry out a message.

        :raises RequestProcessorError: when there is no answer but an hresult; a ``ParseError``
            when the message could not be read, so that nothing of it was run.
        :raises LineDead: when the plan loses the message or its answer.
        """
        fault = self.plan(text)
        match fault:
            case faults.Mishap():
                self._fail(text, fault)
            case faults.Garble():
                return fault.change(self._process(text))
            case faults.Restart():
                self._queries.iterators.clear()
        return self._process(text, fault)

    def _fail(self, text: str, mishap: faults.Mishap) -> NoReturn:
        if mishap.kills or mishap.runs:
            self._process(text, mishap)
        if mishap.hresult:
            raise refusals.RequestProcessorError(mishap.hresult, mishap.sentence)
        raise faults.LineDead(mishap.runs)

    def _process(self, text: str, fault: faults.Fault | None = None) -> str:
        requests = reading.read(text, self.ascii_only)
        ran = False

        def run() -> list[Answer]:
            nonlocal ran
            ran = True
            return self._run(requests, fault)

        with self.company.atomic():
            stores = not isinstance(fault, faults.Unstored)
            answer = self.company.message_sets.recall_or_run(requests, text, run, stores)
            if isinstance(fault, faults.Mishap) and fault.kills:
                os._exit(9)
        if ran and self.seconds:
            self._sleep(self.seconds * len(requests.requests))
        return answer if ran or not self.short_memory else message_sets.shortened(answer)

    def _run(self, requests: Requests, fault: faults.Fault | None) -> list[Answer]:
        answers: list[Answer] = []
        failed = False
        for request in requests.requests:
            answer = self._answer(request, failed and requests.on_error == "stopOnError", fault)
            failed = failed or answer.severity == "Error"
            answers.append(answer)
        return answers

    def _answer(self, request: Element, stopped: bool, fault: faults.Fault | None) -> Answer:
        kind = request.name.removesuffix("Rq")
        answer = Answer(kind, request.attributes.get("requestID", ""))
        try:
            if stopped:
                raise refusals.not_processed()
            match fault:
                case faults.Refuse(words) if words in request.xml():
                    if fault.runs:
                        self._carry_out(kind, request, answer)
                    raise refusals.Refusal(fault.code, fault.sentence, fault.severity)
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
        reading.check_lengths(SHAPES[kind], request)
        if kind in CHANGES:
            with self.company.attempt():
                answer.children = CHANGES[kind](self.company, request)
        else:
            self._queries.answer(request, answer)


def _refused(hresult: str) -> refusals.RequestProcessorError:
    return refusals.RequestProcessorError(
        hresult, hresults.SENTENCES.get(hresult, "QuickBooks cannot be reached.")
    )
