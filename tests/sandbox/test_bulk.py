"""A company file of many years: answers in pieces, books that balance."""

from hub.sandbox import books, bulk
from tests.sandbox.test_queries import page


def test_many_customers_and_invoices_are_there_at_once(desk):
    made = bulk.customers(desk.company, 1500)
    bulk.invoices(desk.company, made, 2000, "B{:05}")
    assert books.counts(desk.company)["Customer"] == 1502
    assert books.counts(desk.company)["Invoice"] == 2000
    report = books.report(desk.company)
    assert report["debit"] == report["credit"] == "98000.00"
    assert str(books.customer_balances(desk.company)["Customer 000500"]) == "98.00"
    last = desk.do("InvoiceQuery", {"RefNumber": "b02000", "IncludeLineItems": "true"})
    assert last.get("CustomerRef/FullName") == "Customer 000500"
    assert (last.get("BalanceRemaining"), last.get("InvoiceLineRet/Amount")) == ("49.00", "49.00")
    desk.invoice("1.00", "Customer 000001")


def test_an_iterator_goes_through_all_of_them_once(desk):
    bulk.customers(desk.company, 1200)
    answer, seen = page(desk, 500, iterator="Start")
    while answer.remaining:
        answer, more = page(desk, 500, iterator="Continue", iteratorID=answer.iterator_id)
        seen += more
    assert len(set(seen)) == len(seen) == 1202
    assert desk.ask("CustomerQuery", metaData="MetaDataOnly").element.attributes["retCount"] == "1202"


def test_more_ids_can_be_asked_for_than_one_statement_takes(desk):
    ids = [one.id for one in bulk.customers(desk.company, 1100)]
    answer = desk.ask("CustomerQuery", {"ListID": ids[::-1], "IncludeRetElement": "ListID"})
    assert [one.get("ListID") for one in answer.returned] == ids[::-1]
