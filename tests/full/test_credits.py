"""Credit memos are used on the invoices that they name, and on no other."""

import pytest

from hub.sandbox import faults
from tests.full.test_changes import all_is_proved, drained


def test_a_credit_memo_is_used_on_its_invoices(bench):
    bench.invoice("1", "100.00")
    bench.invoice("2", "50.00")
    bench.credit_memo("7", "90.00", [("1", "60.00"), ("2", "20.00")])
    bench.tenant.sync()

    assert bench.documents() == [("1", "100.00", "40.00"), ("2", "50.00", "30.00")]
    assert bench.documents("CreditMemo") == [("7", "90.00", "10.00")]
    all_is_proved(bench)
    drained(bench)


def test_credit_and_payment_settle_an_invoice_together(bench):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.payment("p", "70.00", [("1", "70.00")])
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00")]
    drained(bench)


def test_a_credit_applied_later_is_used_later(bench):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00")
    bench.tenant.sync()
    bench.credit_memo("7", "30.00", [("1", "25.00")])
    bench.tenant.sync()
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "70.00")]
    assert bench.documents("CreditMemo") == [("7", "30.00", "0.00")]
    drained(bench)


def test_a_credit_that_moves_to_another_invoice_leaves_the_first(bench):
    bench.invoice("1", "100.00")
    bench.invoice("2", "50.00")
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    bench.credit_memo("7", "30.00", [("2", "30.00")])
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "100.00"), ("2", "50.00", "20.00")]
    assert bench.documents("CreditMemo") == [("7", "30.00", "0.00")]
    all_is_proved(bench)
    drained(bench)


def test_a_void_credit_memo_frees_its_invoice(bench):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    bench.credit_memo("7", "30.00", [("1", "30.00")], status="void")
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "100.00")]
    all_is_proved(bench)
    drained(bench)


def test_a_credit_stays_where_its_invoice_is_billed_anew(bench):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    bench.invoice("1", "90.00")
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00"), ("1-2", "90.00", "60.00")]
    all_is_proved(bench)
    drained(bench)


@pytest.mark.parametrize("fault", [faults.LOSE_REQUEST, faults.LOSE_ANSWER, faults.UNEXPECTED_AFTER])
@pytest.mark.parametrize("short_memory", [False, True])
def test_a_credit_is_set_once_whatever_becomes_of_the_answer(bench, fault, short_memory):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "20.00")])
    bench.tenant.sync(plan=faults.whenever("SetCredit", fault, times=2), short_memory=short_memory)
    for _ in range(3):
        bench.tenant.an_hour_passes()
        bench.make_due()
        bench.tenant.sync(short_memory=short_memory)
    assert bench.documents() == [("1", "100.00", "80.00")]
    assert bench.documents("CreditMemo") == [("7", "30.00", "10.00")]
    drained(bench)


@pytest.mark.parametrize("fault", [faults.LOSE_REQUEST, faults.LOSE_ANSWER, faults.UNEXPECTED_AFTER])
@pytest.mark.parametrize("short_memory", [False, True])
def test_a_credit_memo_is_made_anew_whatever_becomes_of_its_deletion(bench, fault, short_memory):
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "20.00")])
    bench.tenant.sync()
    bench.credit_memo("7", "40.00", [("1", "10.00")])
    bench.tenant.sync(plan=faults.whenever("<TxnDelRq", fault, times=2), short_memory=short_memory)
    for _ in range(3):
        bench.tenant.an_hour_passes()
        bench.make_due()
        bench.tenant.sync(short_memory=short_memory)
    assert bench.notes("held", "failed") == []
    assert bench.documents() == [("1", "100.00", "90.00")]
    assert bench.documents("CreditMemo") == [("7", "40.00", "30.00")]
    all_is_proved(bench)
    drained(bench)


@pytest.mark.parametrize("fault", [faults.LOSE_REQUEST, faults.LOSE_ANSWER, faults.UNEXPECTED_AFTER])
def test_a_payment_is_made_anew_whatever_becomes_of_its_deletion(bench, fault):
    bench.invoice("1", "100.00")
    bench.payment("p", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    bench.payment("p", "40.00", [("1", "40.00")])
    bench.tenant.sync(plan=faults.whenever("<TxnDelRq", fault, times=2), short_memory=True)
    for _ in range(3):
        bench.tenant.an_hour_passes()
        bench.make_due()
        bench.tenant.sync(short_memory=True)
    assert bench.notes("held", "failed") == []
    assert bench.documents() == [("1", "100.00", "60.00")]
    assert len(bench.documents("ReceivePayment")) == 1
    all_is_proved(bench)
    drained(bench)


def test_a_payment_over_several_invoices_keeps_its_rest_visible(bench):
    bench.invoice("1", "100.00")
    bench.invoice("2", "50.00")
    bench.payment("p", "200.00", [("1", "100.00"), ("2", "30.00")])
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00"), ("2", "50.00", "20.00")]
    assert bench.link("payment:").balance == 70
    drained(bench)
