"""What people change, void and delete in QuickBooks, and how a program reads it back."""

import datetime as dt

import pytest

from hub.errors import HubError
from hub.sandbox import people
from hub.sandbox.company import Company
from tests.sandbox.conftest import Desk, snapshot
from tests.sandbox.test_checks import check
from tests.sandbox.test_checks import line as expense
from tests.sandbox.test_journal import CLEARING, SALES, entry, line

ZONE = dt.timezone(dt.timedelta(hours=-5))


@pytest.fixture
def times():
    """The clock: the last of these is now."""
    return [dt.datetime(2026, 1, 10, 9, 0, 0, tzinfo=ZONE)]


@pytest.fixture
def clocked(tmp_path, times):
    with Company(tmp_path / "clocked.qbw", "Clocked", clock=lambda: times[-1]) as company:
        company.prefer(IsUsingSalesTax=False)
        yield Desk(company)


def booked(desk, amount="10.00", **head):
    return desk.add("JournalEntry", entry([line(CLEARING, amount)], [line(SALES, amount)], **head)).get(
        "TxnID"
    )


def changed_since(desk, kind, moment, **more):
    filter = {"ModifiedDateRangeFilter": {"FromModifiedDate": moment}}
    return desk.ask(f"{kind}Query", {**filter, **more})


def test_an_entry_changed_by_people_is_read_back(clocked, times):
    id, other = booked(clocked, RefNumber="B1"), booked(clocked, RefNumber="B2")
    before = clocked.look("JournalEntry", id)
    times.append(times[-1] + dt.timedelta(hours=1))
    people.change_amounts(clocked.company, id, "12.00", "12.00")
    people.change_memo(clocked.company, id, 1, "as agreed")
    people.edit_transaction(clocked.company, id, date="2026-01-09", ref_number="B1a")
    (after,) = changed_since(
        clocked, "JournalEntry", "2026-01-10T09:30:00", IncludeLineItems="true"
    ).returned
    assert after.get("TxnID") == id != other
    assert after.get("EditSequence") > before.get("EditSequence")
    assert (after.get("TxnDate"), after.get("RefNumber")) == ("2026-01-09", "B1a")
    assert after.get("JournalDebitLine/Amount") == "12.00"
    assert after.get("JournalCreditLine/Memo") == "as agreed"
    assert clocked.balance(CLEARING) == "22.00"


def test_an_entry_out_of_balance_is_not_kept(desk):
    id = booked(desk)
    before = snapshot(desk.company)
    with pytest.raises(HubError, match="not in balance"):
        people.change_amounts(desk.company, id, "12.00")
    assert snapshot(desk.company) == before


def test_an_invoice_lowered_by_people_frees_its_payment(clocked, times):
    invoice = clocked.invoice("100.00").get("TxnID")
    paid = clocked.payment("100.00", AppliedToTxnAdd=[{"TxnID": invoice, "PaymentAmount": "100.00"}])
    times.append(times[-1] + dt.timedelta(hours=1))
    people.change_amounts(clocked.company, invoice, "80.00")
    (now,) = changed_since(clocked, "Invoice", "2026-01-10T10:00:00", IncludeLineItems="true").returned
    assert now.get("InvoiceLineRet/Amount") == now.get("Subtotal") == "80.00"
    assert (now.get("BalanceRemaining"), now.get("IsPaid")) == ("0.00", "true")
    (payment,) = changed_since(clocked, "ReceivePayment", "2026-01-10T10:00:00").returned
    assert (payment.get("TxnID"), payment.get("UnusedPayment")) == (paid.get("TxnID"), "20.00")


def test_the_rate_follows_the_amount_that_is_typed(desk):
    desk.customer()
    sold = {"ItemRef": {"FullName": "Subscription"}, "Quantity": "4", "Amount": "40.00"}
    invoice = desk.add("Invoice", {"CustomerRef": {"FullName": "Ada Ltd"}, "InvoiceLineAdd": [sold]})
    people.change_amounts(desk.company, invoice.get("TxnID"), "50.00")
    shown = desk.look("Invoice", invoice.get("TxnID")).find("InvoiceLineRet")
    assert [shown.get(name) for name in ("Quantity", "Rate", "Amount")] == ["4", "12.5", "50.00"]


def test_a_payment_changed_by_people_opens_its_invoice_again(desk):
    invoice = desk.invoice("100.00").get("TxnID")
    apply = [{"TxnID": invoice, "PaymentAmount": "100.00"}]
    payment = desk.payment("100.00", AppliedToTxnAdd=apply).get("TxnID")
    people.change_amounts(desk.company, payment, "70.00")
    assert desk.look("ReceivePayment", payment).get("AppliedToTxnRet/Amount") == "70.00"
    assert desk.look("Invoice", invoice).get("BalanceRemaining") == "30.00"
    people.void_transaction(desk.company, payment)
    voided = desk.look("ReceivePayment", payment)
    assert (voided.get("TotalAmount"), voided.get("Memo")) == ("0.00", "VOID:")
    assert desk.look("Invoice", invoice).get("IsPaid") == "false"
    people.delete_transaction(desk.company, payment)
    assert desk.ask("ReceivePaymentQuery", {"TxnID": payment}).code == 500


@pytest.mark.parametrize("kind", ["JournalEntry", "Invoice", "CreditMemo"])
def test_what_people_void_stays_without_amounts(desk, kind):
    desk.customer()
    made = {
        "JournalEntry": lambda: booked(desk),
        "Invoice": lambda: desk.invoice().get("TxnID"),
        "CreditMemo": lambda: desk.credit_memo().get("TxnID"),
    }
    id = made[kind]()
    desk.company.prefer(ClosingDate="2099-12-31")
    people.void_transaction(desk.company, id)
    amounts = [one.get("Amount") for one in desk.look(kind, id) if "Line" in one.name]
    assert set(amounts) == {"0.00"}
    assert desk.balance("Sales:Subscriptions") == desk.balance(SALES) == "0.00"


def test_what_people_delete_is_reported_once_and_is_gone(desk):
    entry_id, invoice = booked(desk, RefNumber="B1"), desk.invoice(RefNumber="1").get("TxnID")
    payment = desk.payment("5.00").get("TxnID")
    for id in (entry_id, invoice, payment):
        people.delete_transaction(desk.company, id)
    kinds = ["JournalEntry", "Invoice", "ReceivePayment"]
    gone = desk.ask("TxnDeletedQuery", {"TxnDelType": kinds}).returned
    assert [(one.get("TxnDelType"), one.get("TxnID")) for one in gone] == [
        ("JournalEntry", entry_id),
        ("Invoice", invoice),
        ("ReceivePayment", payment),
    ]


def test_amounts_of_a_refund_or_check_are_nobodys_to_change(desk):
    given = check([expense("Rent", "1.00", "")], "")
    id = desk.add("Check", given).get("TxnID")
    with pytest.raises(HubError, match="Check"):
        people.change_amounts(desk.company, id, "2.00")


@pytest.mark.parametrize("kind", ["JournalEntry", "Invoice", "ReceivePayment"])
def test_what_changed_comes_page_by_page(clocked, times, kind):
    make = {
        "JournalEntry": lambda: booked(clocked),
        "Invoice": lambda: clocked.invoice().get("TxnID"),
        "ReceivePayment": lambda: clocked.payment("1.00").get("TxnID"),
    }
    clocked.customer()
    ids = [make[kind]() for _ in range(5)]
    times.append(times[-1] + dt.timedelta(minutes=5))
    for id in ids[1:]:
        people.edit_transaction(clocked.company, id, Memo="seen")
    window = {"ModifiedDateRangeFilter": {"FromModifiedDate": "2026-01-10T09:01:00"}}
    question = {"MaxReturned": "3", **window}
    first = clocked.ask(f"{kind}Query", question, iterator="Start")
    rest = clocked.ask(f"{kind}Query", question, iterator="Continue", iteratorID=first.iterator_id)
    shown = [one.get("TxnID") for one in (*first.returned, *rest.returned)]
    assert (shown, first.remaining, rest.remaining) == (ids[1:], 1, 0)


def test_links_come_on_request(desk):
    invoice = desk.invoice("100.00").get("TxnID")
    apply = [{"TxnID": invoice, "PaymentAmount": "40.00"}]
    payment = desk.payment("40.00", AppliedToTxnAdd=apply).get("TxnID")
    plain = desk.do("InvoiceQuery", {"TxnID": invoice})
    assert plain.find("LinkedTxn") is None
    linked = desk.do("InvoiceQuery", {"TxnID": invoice, "IncludeLinkedTxns": "true"})
    assert (linked.get("LinkedTxn/TxnID"), linked.get("LinkedTxn/TxnType")) == (
        payment,
        "ReceivePayment",
    )


def test_accounts_tell_their_balances_with_and_without_those_below(desk):
    booked(desk, "10.00")
    desk.add("JournalEntry", entry([line(CLEARING, "3.00")], [line("Sales", "3.00")]))
    fields = ["FullName", "Balance", "TotalBalance"]
    asked = {"FullName": [CLEARING, "Sales", SALES], "IncludeRetElement": fields}
    answer = desk.ask("AccountQuery", asked)
    assert [tuple(one.get(name) for name in fields) for one in answer.returned] == [
        (CLEARING, "13.00", "13.00"),
        ("Sales", "3.00", "13.00"),
        (SALES, "10.00", "10.00"),
    ]
