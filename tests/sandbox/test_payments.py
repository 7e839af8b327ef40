import pytest

from hub.qbwc import qbxml
from hub.qbwc.qbxml import Request
from hub.sandbox.refusals import ParseError

ADA = {"FullName": "Ada Ltd"}


def applied(invoice, amount):
    return {"AppliedToTxnAdd": [{"TxnID": invoice.get("TxnID"), "PaymentAmount": amount}]}


def paying(total, *applied, **rest):
    return {"CustomerRef": ADA, "TotalAmount": total, **rest, "AppliedToTxnAdd": list(applied)}


def to(invoice, amount):
    return {"TxnID": invoice.get("TxnID"), "PaymentAmount": amount}


@pytest.fixture
def invoice(desk):
    return desk.invoice("100.00")


def test_a_payment_pays_an_invoice(desk, invoice):
    payment = desk.add(
        "ReceivePayment",
        paying(
            "60.00",
            to(invoice, "50.00"),
            RefNumber="PAY-2026-000009001",
            PaymentMethodRef={"FullName": "Visa"},
            Memo="thanks",
            DepositToAccountRef={"FullName": "Checking"},
        ),
    )
    assert payment.get("UnusedPayment") == "10.00"
    assert payment.get("AppliedToTxnRet/BalanceRemaining") == "50.00"
    assert payment.get("AppliedToTxnRet/Amount") == "50.00"
    shown = desk.look("Invoice", invoice.get("TxnID"))
    assert (shown.get("AppliedAmount"), shown.get("BalanceRemaining")) == ("-50.00", "50.00")
    assert shown.get("EditSequence") != invoice.get("EditSequence")
    assert desk.balance("Checking") == "60.00"
    assert desk.balance("Accounts Receivable") == "40.00"


def test_the_total_may_be_left_out(desk, invoice):
    payment = desk.add("ReceivePayment", {"CustomerRef": ADA, **applied(invoice, "100.00")})
    assert payment.get("TotalAmount") == "100.00"
    assert payment.get("DepositToAccountRef/FullName") == "Undeposited Funds"


def test_auto_apply_prefers_the_exact_amount_then_the_oldest(desk):
    old, exact = desk.invoice("80.00", TxnDate="2026-01-01"), desk.invoice("50.00", TxnDate="2026-02-01")
    payment = desk.payment("50.00", IsAutoApply="true")
    assert payment.get("AppliedToTxnRet/TxnID") == exact.get("TxnID")
    new = desk.invoice("50.00", TxnDate="2026-03-01")
    payment = desk.payment("100.00", IsAutoApply="1")
    paid = {one.get("TxnID"): one.get("Amount") for one in payment.all("AppliedToTxnRet")}
    assert paid == {old.get("TxnID"): "80.00", new.get("TxnID"): "20.00"}


def test_an_unapplied_payment_is_a_credit(desk, invoice):
    payment = desk.payment("40.00")
    assert payment.get("UnusedPayment") == "40.00"
    credit = {"CreditTxnID": payment.get("TxnID"), "AppliedAmount": "40.00"}
    given = {"TxnID": invoice.get("TxnID"), "PaymentAmount": "10.00", "SetCredit": [credit]}
    second = desk.add("ReceivePayment", paying("10.00", given))
    assert second.get("AppliedToTxnRet/BalanceRemaining") == "50.00"
    assert second.get("AppliedToTxnRet/LinkedTxn/TxnID") == payment.get("TxnID")
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "0.00"


def test_a_credit_memo_alone_can_pay(desk, invoice):
    memo = desk.credit_memo("100.00")
    credit = {"CreditTxnID": memo.get("TxnID"), "AppliedAmount": "100.00"}
    given = {"TxnID": invoice.get("TxnID"), "SetCredit": [credit]}
    desk.add("ReceivePayment", paying("0.00", given))
    assert desk.look("Invoice", invoice.get("TxnID")).get("IsPaid") == "true"


def test_payments_that_are_refused(desk, invoice):
    def refuse(fields, code, words=""):
        desk.refuse_add("ReceivePayment", fields, code, words)

    other = desk.invoice("10.00", "Bob")
    refuse(paying("129.43", to(invoice, "129.43")), 3210, "cannot pay more than the amount due")
    refuse(paying("50.00", to(invoice, "60.00")), 3210, "more than the payment")
    refuse(paying("10.00", to(other, "10.00")), 3120)
    refuse(paying("10.00", {"TxnID": "9-9", "PaymentAmount": "10.00"}), 3120, "9-9")
    refuse(paying("20.00", to(invoice, "10.00"), to(invoice, "10.00")), 3210, "twice")
    refuse(paying("20.00", {"TxnID": invoice.get("TxnID")}), 3180, "empty")
    refuse(paying("-1.00", to(invoice, "1.00")), 3210)
    refuse(paying("1.00", to(invoice, "-1.00")), 3210)
    refuse({"CustomerRef": ADA, "IsAutoApply": "true"}, 3180, "empty")
    refuse(paying("1.00", to(invoice, "1.00"), PaymentMethodRef={"FullName": "Shells"}), 3140)
    refuse(paying("1.00", to(invoice, "1.00"), DepositToAccountRef={"FullName": "Rent"}), 3140, "type")
    desk.payment("100.00", IsAutoApply="true")
    refuse(paying("1.00", to(invoice, "1.00")), 3120, "paid already")


def test_a_payment_and_its_invoice_share_an_account(desk, invoice, company):
    with company.atomic():
        company.lists.add("Account", "Second A/R", AccountType="AccountsReceivable")
    second = {"FullName": "Second A/R"}
    given = paying("1.00", to(invoice, "1.00"), ARAccountRef=second)
    desk.refuse_add("ReceivePayment", given, 3210, "same A/R account")


def refunding(*credits, **rest):
    given = [{"TxnID": credit.get("TxnID"), "RefundAmount": amount} for credit, amount in credits]
    return {"CustomerRef": ADA, **rest, "RefundAppliedToTxnAdd": given}


def test_a_refund_gives_credits_back(desk, invoice):
    memo, payment = desk.credit_memo("30.00"), desk.payment("20.00")
    refund = desk.add(
        "ARRefundCreditCard",
        refunding(
            (memo, "30.00"),
            (payment, "5.00"),
            RefundFromAccountRef={"FullName": "Checking"},
            RefNumber="R1",
            PaymentMethodRef={"FullName": "Visa"},
        ),
    )
    assert refund.get("TotalAmount") == "35.00"
    kinds = [one.get("TxnType") for one in refund.all("RefundAppliedToTxnRet")]
    assert kinds == ["CreditMemo", "ReceivePayment"]
    assert desk.look("CreditMemo", memo.get("TxnID")).get("CreditRemaining") == "0.00"
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "15.00"
    assert desk.balance("Checking") == "-35.00"
    assert desk.look("ARRefundCreditCard", refund.get("TxnID")).xml() == refund.xml()


def test_refunds_that_are_refused(desk, invoice):
    memo = desk.credit_memo("30.00")
    desk.refuse_add("ARRefundCreditCard", refunding((memo, "30.01")), 3210, "remaining credit")
    desk.refuse_add("ARRefundCreditCard", refunding((memo, "0.00")), 3210)
    desk.refuse_add("ARRefundCreditCard", refunding((invoice, "1.00")), 3120)
    desk.add("ARRefundCreditCard", refunding((memo, "30.00")))
    desk.refuse_add("ARRefundCreditCard", refunding((memo, "1.00")), 3120, "used already")


def void(kind, ret):
    return {"TxnVoidType": kind, "TxnID": ret.get("TxnID")}


def test_a_voided_invoice_stays_without_amounts_and_frees_its_payment(desk, invoice):
    payment = desk.payment("100.00", IsAutoApply="true")
    answer = desk.ask("TxnVoid", void("Invoice", invoice))
    assert answer.element.get("TxnID") == invoice.get("TxnID")
    shown = desk.look("Invoice", invoice.get("TxnID"))
    assert (shown.get("BalanceRemaining"), shown.get("Memo")) == ("0.00", "VOID:")
    assert shown.get("InvoiceLineRet/Amount") == "0.00"
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "100.00"
    assert desk.balance("Sales:Subscriptions") == "0.00"
    assert desk.balance("Accounts Receivable") == "-100.00"
    assert desk.ask("TxnVoid", void("Invoice", invoice)).code == 0


def test_a_voided_refund_gives_the_credit_back(desk):
    desk.customer()
    memo = desk.credit_memo("30.00")
    refund = desk.add("ARRefundCreditCard", refunding((memo, "30.00")))
    desk.do("TxnVoid", void("ARRefundCreditCard", refund))
    assert desk.look("CreditMemo", memo.get("TxnID")).get("CreditRemaining") == "30.00"
    assert desk.balance("Undeposited Funds") == "0.00"


def test_a_payment_can_be_deleted_only(desk, invoice):
    memo = desk.credit_memo("10.00")
    credit = {"CreditTxnID": memo.get("TxnID"), "AppliedAmount": "10.00"}
    given = {**to(invoice, "90.00"), "SetCredit": [credit]}
    payment = desk.add("ReceivePayment", paying("90.00", given))
    gone = desk.ask("TxnDel", {"TxnDelType": "ReceivePayment", "TxnID": payment.get("TxnID")})
    assert gone.code == 0
    assert desk.look("Invoice", invoice.get("TxnID")).get("BalanceRemaining") == "100.00"
    assert desk.look("CreditMemo", memo.get("TxnID")).get("CreditRemaining") == "10.00"
    assert desk.ask("ReceivePaymentQuery", {"TxnID": payment.get("TxnID")}).code == 500
    desk.refuse("TxnDel", {"TxnDelType": "ReceivePayment", "TxnID": payment.get("TxnID")}, 3120)


def test_voiding_needs_the_right_kind(desk, invoice):
    desk.refuse("TxnVoid", void("CreditMemo", invoice), 3120)


def test_a_payment_cannot_even_be_asked_to_be_void(desk, invoice):
    payment = desk.payment("1.00")
    with pytest.raises(ParseError):
        desk.quickbooks.process(
            qbxml.message([Request("TxnVoid", "1", void("ReceivePayment", payment))])
        )
