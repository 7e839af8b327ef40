"""What stands on an invoice, and how money goes back to a customer."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.books.models import Connection
from hub.exporters.contract import guid
from tests.full.test_changes import all_is_proved, drained

CHECKING = "Checking"


def test_an_invoice_says_what_the_billing_says(bench):
    bench.invoice(
        "1042",
        "100.00",
        "-12.34",
        po_number="PO-77",
        terms="Net 30",
        due_date="2026-06-02",
        message="Thank you.",
        memo="May",
    )
    bench.tenant.sync()
    (sent,) = re.findall("<InvoiceAdd>.*?</InvoiceAdd>", "".join(bench.tenant.messages()), re.DOTALL)
    for part in (
        "<PONumber>PO-77</PONumber>",
        "<TermsRef><ListID>",
        "<DueDate>2026-06-02</DueDate>",
        "<Memo>May</Memo>",
        "<Amount>-12.34</Amount>",
        "<InvoiceLineAdd><Desc>Thank you.</Desc></InvoiceLineAdd>",
    ):
        assert part in re.sub(r">\s+<", "><", sent)
    assert bench.documents() == [("1042", "87.66", "87.66")]
    assert bench.link("invoice:").content["PO number"] == "PO-77"
    all_is_proved(bench)
    drained(bench)


def test_a_change_of_what_it_says_alone_is_carried_too(bench):
    bench.invoice("1042", "100.00", message="Thank you.")
    bench.tenant.sync()
    bench.invoice("1042", "100.00", message="Thank you!", po_number="PO-77")
    bench.tenant.sync()
    link = bench.link("invoice:")
    assert link.content["PO number"] == "PO-77"
    assert link.content["Lines"][-1] == {"Description": "Thank you!"}


def test_what_the_billing_says_no_more_is_cleared_in_quickbooks(bench):
    bench.invoice("1042", "100.00", memo="May", po_number="PO-77")
    bench.tenant.sync()
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    (sent,) = re.findall("<InvoiceMod>.*?</InvoiceMod>", "".join(bench.tenant.messages()), re.DOTALL)
    assert "<PONumber></PONumber>" in sent
    assert "<Memo></Memo>" in sent
    assert not {"PO number", "Memo"} & set(bench.link("invoice:").content)
    all_is_proved(bench)
    drained(bench)


def test_terms_that_quickbooks_does_not_have_are_named(bench):
    bench.invoice("1042", "100.00", terms="Net 17")
    bench.tenant.sync()
    (note,) = bench.notes("held")
    assert "Net 17" in note


@pytest.mark.parametrize(("field", "text"), [("po_number", "P" * 26), ("terms", "T" * 32)])
def test_what_is_too_long_for_quickbooks_is_not_taken(bench, field, text):
    lines = [{"charge": "gold", "amount": "1.00"}]
    body = {"number": "1", "customer": "ada", "date": "2026-05-03", "lines": lines, field: text}
    answer = bench.tenant.put("invoices", "i1", expect=422, **body)
    assert answer.json["errors"][0]["pointer"] == f"/{field}"


def bank(bench, *methods):
    with bench.tenant.db() as db:
        from hub.books.models import Assignment
        from hub.tenants.service import open_tenant

        open_tenant(db, bench.tenant.slug)
        for method in methods:
            db.add(Assignment(purpose="refund", code=method, name=CHECKING))


def test_a_refund_by_check_is_a_check_on_its_credit_memo(bench):
    bank(bench, "check")
    bench.credit_memo("7", "30.00")
    bench.refund("r", "30.00", method="Check", credit_memo="c7")
    bench.tenant.sync()
    # The method's name is as the billing writes it.
    assert bench.tenant.counts()["Check"] + bench.tenant.counts()["ARRefundCreditCard"] == 1
    bench.refund("s", "5.00", method="check")
    bench.tenant.sync()
    assert bench.tenant.counts()["Check"] >= 1
    assert bench.owed() == "5.00"
    all_is_proved(bench)
    drained(bench)


def test_a_refund_goes_against_its_credit_memo_or_as_a_journal_entry(bench):
    bench.choose(journal_methods="wire, paper")
    bench.credit_memo("7", "30.00")
    bench.refund("r", "20.00", method="card", credit_memo="c7")
    bench.refund("s", "10.00", method="Wire", credit_memo="c7")
    bench.tenant.sync()
    counts = bench.tenant.counts()
    assert (counts["ARRefundCreditCard"], counts["JournalEntry"]) == (1, 1)
    assert bench.documents("CreditMemo") == [("7", "30.00", "10.00")]
    assert bench.owed() == "0.00"
    all_is_proved(bench)
    drained(bench)


def test_a_void_refund_by_check_is_voided(bench):
    bank(bench, "check")
    bench.credit_memo("7", "30.00")
    bench.refund("r", "30.00", method="check", credit_memo="c7")
    bench.tenant.sync()
    assert bench.documents("CreditMemo") == [("7", "30.00", "0.00")]
    bench.refund("r", "30.00", method="check", credit_memo="c7", status="void")
    bench.tenant.sync()
    assert bench.owed() == "-30.00"
    all_is_proved(bench)
    drained(bench)


@given(st.uuids(), st.text(st.characters(codec="utf-8"), max_size=20), st.integers(0, 2**62))
def test_an_external_guid_is_the_name_in_the_files_own_space(file_id, subject, version):
    """RFC 9562: version 5, by which whoever knows the file id finds the same one."""
    connection = Connection(file_id=file_id)
    name = f"{subject}:{version}" if version else subject
    assert guid(connection, subject, version) == f"{{{uuid.uuid5(file_id, name)}}}"
