"""What becomes of a document that the billing changes or voids after QuickBooks has it."""

import pytest

from hub.sandbox import faults, people


def all_is_proved(bench):
    proof = bench.tenant.proof()
    assert (proof.difference, proof.unexplained) == (0, 0)
    assert bench.tenant.balances() == bench.tenant.billed()


def drained(bench):
    """Nothing is left to send, and a second run sends nothing."""
    outcome = bench.tenant.sync()
    assert outcome.nothing_to_do, outcome.message


def test_an_open_and_unpaid_invoice_is_changed_itself(bench):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "80.00", "5.00")
    bench.tenant.sync()

    assert bench.documents() == [("1042", "85.00", "85.00")]
    assert "InvoiceMod" in bench.tenant.messages()[-1]
    all_is_proved(bench)
    drained(bench)


def test_a_paid_invoice_is_credited_in_full_and_billed_anew(bench):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()

    assert bench.documents() == [("1042", "100.00", "0.00"), ("1042-2", "80.00", "20.00")]
    assert bench.documents("CreditMemo") == [("1042-C", "100.00", "0.00")]
    assert bench.owed() == "20.00"
    all_is_proved(bench)
    drained(bench)


def test_the_payment_of_an_invoice_billed_anew_can_change_and_go(bench):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()

    bench.payment("p", "70.00", [("1042", "70.00")])
    bench.tenant.sync()
    assert bench.documents() == [("1042", "100.00", "0.00"), ("1042-2", "80.00", "10.00")]
    all_is_proved(bench)

    bench.payment("p", "70.00", [("1042", "70.00")], status="void")
    bench.tenant.sync()
    assert bench.owed() == "80.00"
    all_is_proved(bench)
    drained(bench)


def test_a_tenant_may_have_every_change_credited_and_billed_anew(bench):
    bench.choose(edited="rebill")
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "80.00")
    bench.tenant.sync()
    bench.invoice("1042", "70.00")
    bench.tenant.sync()

    assert bench.documents() == [
        ("1042", "100.00", "0.00"),
        ("1042-2", "80.00", "0.00"),
        ("1042-3", "70.00", "70.00"),
    ]
    all_is_proved(bench)
    drained(bench)


def test_a_tenant_may_have_changes_held_with_the_difference_shown(bench):
    bench.choose(edited="hold")
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "80.00", date="2026-05-04")
    bench.tenant.sync()

    (note,) = bench.notes("held")
    assert "Date 2026-05-03 → 2026-05-04; Total 100.00 → 80.00" in note
    assert bench.documents() == [("1042", "100.00", "100.00")]
    assert bench.tenant.proof().unexplained == 0


def test_an_unpaid_invoice_that_is_void_is_voided(bench):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    bench.invoice("1042", "100.00", status="void")
    bench.tenant.sync()

    assert bench.documents() == [("1042", "0.00", "0.00")]
    all_is_proved(bench)
    drained(bench)


def test_a_paid_invoice_that_is_void_is_taken_back_by_a_credit_memo(bench):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "100.00", status="void")
    bench.tenant.sync()

    assert bench.documents() == [("1042", "100.00", "0.00")]
    assert bench.documents("CreditMemo") == [("1042-C", "100.00", "60.00")]
    assert bench.owed() == "-60.00"
    all_is_proved(bench)
    drained(bench)


def test_a_void_takes_its_payment_along_where_that_is_void_too(bench):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "100.00", status="void")
    bench.payment("p", "60.00", [("1042", "60.00")], status="void")
    bench.tenant.sync()

    assert bench.documents() == [("1042", "0.00", "0.00")]
    assert bench.documents("ReceivePayment") == bench.documents("CreditMemo") == []
    assert bench.tenant.balances() == {}
    drained(bench)


@pytest.mark.parametrize("paid", [False, True])
def test_what_is_open_again_after_a_void_goes_as_another_invoice(bench, paid):
    bench.invoice("1042", "100.00")
    if paid:
        bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.invoice("1042", "100.00", status="void")
    bench.tenant.sync()
    bench.invoice("1042", "100.00")
    bench.tenant.sync()

    assert bench.documents()[-1] == ("1042-2", "100.00", "40.00" if paid else "100.00")
    assert "Takes the place of 1042" in "".join(bench.tenant.messages())
    all_is_proved(bench)
    drained(bench)


def test_a_void_in_a_closed_period_is_a_credit_memo_on_the_first_open_day(bench):
    bench.invoice("1042", "100.00")
    bench.tenant.sync()
    with bench.tenant.company() as company:
        company.prefer(ClosingDate="2026-05-31")
    bench.invoice("1042", "100.00", status="void")
    bench.tenant.sync()

    assert bench.documents("CreditMemo") == [("1042-C", "100.00", "100.00")]
    assert "<TxnDate>2026-06-01</TxnDate>" in "".join(bench.tenant.messages())
    (note,) = bench.notes("held")
    assert "Until then the credit stays open beside it" in note
    assert bench.owed() == "0.00"
    all_is_proved(bench)


def test_a_number_with_its_suffix_stays_within_eleven_characters(bench):
    bench.choose(edited="rebill")
    bench.invoice("INV-2026001", "100.00")
    bench.tenant.sync()
    bench.invoice("INV-2026001", "80.00")
    bench.tenant.sync()

    (_, (number, total, _)) = bench.documents()
    assert len(number) <= 11
    assert number.endswith("-2")
    assert total == "80.00"
    assert "Invoice INV-2026001 " in "".join(bench.tenant.messages())
    all_is_proved(bench)


def test_an_invoice_billed_anew_can_be_void_with_all_that_was_paid(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "40.00", [("1", "40.00")])
    bench.tenant.sync()
    bench.invoice("1", "120.00")
    bench.payment("p", "50.00", [("1", "50.00")])
    bench.tenant.sync()
    bench.payment("p", "50.00", [("1", "50.00")], status="void")
    bench.invoice("1", "120.00", status="void")
    bench.tenant.sync()

    assert all(left == "0.00" for _, _, left in bench.documents() + bench.documents("CreditMemo"))
    assert bench.tenant.balances() == {}
    drained(bench)


def test_a_paid_invoice_moves_to_another_customer_with_its_payment(bench):
    bench.invoice("1042", "100.00")
    bench.payment("p", "60.00", [("1042", "60.00")])
    bench.tenant.sync()
    bench.tenant.put("customers", "bob", name="Bob")
    bench.invoice("1042", "100.00", customer="bob")
    bench.payment("p", "60.00", [("1042", "60.00")], customer="bob")
    for _ in range(2):
        bench.tenant.sync()

    assert bench.notes("held", "failed") == []
    assert bench.documents() == [("1042", "100.00", "0.00"), ("1042-2", "100.00", "40.00")]
    assert [left for _, _, left in bench.documents("CreditMemo")] == ["0.00"]
    assert bench.owed() == "0.00"
    all_is_proved(bench)
    drained(bench)


def test_a_document_that_was_lost_goes_where_its_charge_is_sold_now_though_an_account_was_renamed(bench):
    bench.tenant.sync()
    bench.invoice("1042", "100.00")
    bench.tenant.sync(plan=faults.whenever("<InvoiceAdd>", faults.LOSE_REQUEST))
    with bench.tenant.company() as company:
        people.rename(company, "Account", "Sales:Subscriptions", "Subs")
    bench.tenant.put("charges", "gold", version=2, name="Gold", item="Usage")
    bench.tenant.a_day_passes()
    for _ in range(2):
        bench.tenant.an_hour_passes()
        bench.tenant.sync()

    assert bench.documents() == [("1042", "100.00", "100.00")]
    all_is_proved(bench)
    drained(bench)
