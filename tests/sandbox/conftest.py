"""A company file, a QuickBooks that has it open, and the checks every message goes through."""

from __future__ import annotations

import pytest

from hub.qbwc import qbxml
from hub.qbwc.qbxml import Answer, Request
from hub.qbwc.shapes import SHAPES
from hub.sandbox.company import Company
from hub.sandbox.quickbooks import QuickBooks
from tests.checker import assert_valid


class Desk:
    """Someone at QuickBooks who asks in Python and checks every word that goes either way."""

    def __init__(self, company: Company, **options):
        self.company = company
        self.quickbooks = QuickBooks(company, **options)
        self.strict = True
        """Whether the requests are meant to be right, too."""

    def send(self, text: str) -> qbxml.Answers:
        if self.strict:
            assert_valid(text)
        answer = self.quickbooks.process(text)
        assert_valid(answer)
        return qbxml.parse_answers(answer)

    def ask(self, kind: str, fields=None, **attributes) -> Answer:
        """Send one request and return its answer."""
        (answer,) = self.send(qbxml.message([Request(kind, "1", fields or {}, attributes)])).answers
        assert answer.request_id == "1"
        assert answer.kind == kind
        return answer

    def do(self, kind: str, fields=None) -> qbxml.Element:
        """Send one request that must succeed and return what it answers with."""
        answer = self.ask(kind, fields)
        assert (answer.code, answer.text) == (0, "Status OK")
        return answer.returned[0]

    def add(self, kind: str, fields) -> qbxml.Element:
        return self.do(f"{kind}Add", {f"{kind}Add": ordered(kind, fields)})

    def refuse(self, kind: str, fields, code: int, words: str = "") -> None:
        """See that a request is refused with ``code`` and leaves the books as they were."""
        before = snapshot(self.company)
        answer = self.ask(kind, fields)
        assert (answer.code, answer.severity) == (code, "Error")
        assert words in answer.text
        assert snapshot(self.company) == before

    def refuse_add(self, kind: str, fields, code: int, words: str = "") -> None:
        self.refuse(f"{kind}Add", {f"{kind}Add": ordered(kind, fields)}, code, words)

    def customer(self, name: str = "Ada Ltd") -> qbxml.Element:
        return self.add("Customer", {"Name": name})

    def invoice(self, amount: str = "100.00", customer: str = "Ada Ltd", **head) -> qbxml.Element:
        if self.company.lists.named("Customer", customer) is None:
            self.customer(customer)
        return self.add(
            "Invoice",
            {
                "CustomerRef": {"FullName": customer},
                **head,
                "InvoiceLineAdd": [{"ItemRef": {"FullName": "Subscription"}, "Amount": amount}],
            },
        )

    def credit_memo(self, amount: str = "30.00", customer: str = "Ada Ltd") -> qbxml.Element:
        return self.add(
            "CreditMemo",
            {
                "CustomerRef": {"FullName": customer},
                "CreditMemoLineAdd": [{"ItemRef": {"FullName": "Subscription"}, "Amount": amount}],
            },
        )

    def payment(self, total: str, customer: str = "Ada Ltd", **how) -> qbxml.Element:
        how = how or {"IsAutoApply": "false"}
        return self.add(
            "ReceivePayment", {"CustomerRef": {"FullName": customer}, "TotalAmount": total, **how}
        )

    def look(self, kind: str, id: str) -> qbxml.Element:
        """Return a transaction as a query shows it, with its lines."""
        return self.do(f"{kind}Query", {"TxnID": id, "IncludeLineItems": "true"})

    def balance(self, account: str) -> str:
        return self.do("AccountQuery", {"FullName": account}).get("Balance")


def ordered(kind: str, fields):
    """Return the fields of an Add in the order of its shape, so that a test need not care."""
    order = list(SHAPES[f"{kind}Add"].by_name[f"{kind}Add"].by_name)
    return {name: fields[name] for name in sorted(fields, key=order.index)}


def snapshot(company: Company) -> str:
    """Return all rows of a company file but the counter of ids."""
    return "\n".join(
        line
        for line in company._file._db.iterdump()
        if not line.startswith("INSERT INTO \"fact\" VALUES('next'")
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "acme.qbw"


@pytest.fixture
def company(path):
    with Company.create(path, "Acme", "Acme Inc") as company:
        yield company


@pytest.fixture
def desk(company):
    """Somebody at a QuickBooks without sales tax, so that sales are what their lines say."""
    company.prefer(IsUsingSalesTax=False)
    return Desk(company)
