"""CheckAdd: refunds by check, and the credits they are taken from."""

import pytest

ADA, AGENCY = "Ada Ltd", "State Board of Equalization"
AR, AP, BANK = "Accounts Receivable", "Accounts Payable", "Checking"


def line(account=AR, amount="30.00", customer=ADA, **rest):
    named = {"CustomerRef": {"FullName": customer}} if customer else {}
    return {"AccountRef": {"FullName": account}, "Amount": amount, **rest, **named}


def check(lines, payee=ADA, **rest):
    named = {"PayeeEntityRef": {"FullName": payee}} if payee else {}
    return {"AccountRef": {"FullName": BANK}, **named, **rest, "ExpenseLineAdd": lines}


def owed(desk):
    return desk.do("CustomerQuery", {"FullName": ADA}).get("Balance")


def test_a_refund_by_check_takes_up_the_credit(desk):
    desk.customer()
    memo = desk.credit_memo("30.00")
    given = check(
        [line(Memo="Refund")],
        RefNumber="R1",
        TxnDate="2026-01-31",
        Memo="Refund of a credit memo",
        Address={"Addr1": "Main St 1", "City": "Boston"},
        IsToBePrinted="true",
        ExternalGUID="{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b0c01}",
        ApplyCheckToTxnAdd=[{"TxnID": memo.get("TxnID"), "Amount": "30.00"}],
    )
    added = desk.add("Check", given)
    assert (added.get("Amount"), added.get("RefNumber")) == ("30.00", "R1")
    assert added.get("PayeeEntityRef/FullName") == ADA
    assert added.get("ExternalGUID") == given["ExternalGUID"]
    assert added.get("LinkedTxn/TxnID") == memo.get("TxnID")
    assert added.get("ExpenseLineRet/CustomerRef/FullName") == ADA
    assert desk.look("CreditMemo", memo.get("TxnID")).get("CreditRemaining") == "0.00"
    assert (desk.balance(BANK), owed(desk)) == ("-30.00", "0.00")
    found = desk.do("CheckQuery", {"RefNumber": "r1", "IncludeLineItems": "true"})
    assert found.get("ExpenseLineRet/Amount") == "30.00"


def test_an_overpayment_is_given_back_as_far_as_it_goes(desk):
    desk.customer()
    payment = desk.payment("20.00")
    apply = [{"TxnID": payment.get("TxnID")}]
    check_id = desk.add("Check", check([line()], ApplyCheckToTxnAdd=apply)).get("TxnID")
    assert desk.look("ReceivePayment", payment.get("TxnID")).get("UnusedPayment") == "0.00"
    memo = desk.credit_memo("10.00")
    credit = {"CreditTxnID": memo.get("TxnID"), "AppliedAmount": "10.00"}
    paid = desk.payment("0.00", AppliedToTxnAdd=[{"TxnID": check_id, "SetCredit": [credit]}])
    assert paid.get("AppliedToTxnRet/TxnType") == "Check"
    assert paid.get("AppliedToTxnRet/BalanceRemaining") == "0.00"
    assert owed(desk) == "0.00"


def test_a_check_may_pay_anything_to_anybody(desk):
    desk.add("Check", check([line("Rent", "5.00", ""), line("Software", "-1.00", "")], payee=""))
    desk.add("Check", check([line(AP, "7.00", "")], payee=AGENCY))
    assert (desk.balance(BANK), desk.balance("Rent"), desk.balance(AP)) == ("-11.00", "5.00", "-7.00")


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (check([]), 3180, "empty"),
        (check([line("Rent", "-1.00", "")]), 3210, "positive"),
        (check([line(customer="")]), 3180, "choose a customer on its line"),
        (check([line(customer="Kern Lighting Warehouse")]), 3180, "choose a customer on its line"),
        (check([line()], payee=AGENCY), 3180, "a customer as the payee"),
        (check([line()], payee=""), 3180, "a customer as the payee"),
        (check([line(AP, "1.00", "")]), 3180, "a vendor as the payee"),
        (check([line(), line()]), 3180, "more than one"),
        (check([line(), line(AP, "1.00", "")]), 3180, "more than one"),
        (check([line("Estimates", "1.00", "")]), 3140, "non-posting"),
        (check([line("Nowhere", "1.00", "")]), 3140, "Nowhere"),
        (check([{"Amount": "1.00"}]), 3150, "AccountRef"),
        (check([line("Rent")]) | {"AccountRef": {"FullName": "Sales"}}, 3140, "type Bank"),
        (check([line()], payee="Nobody"), 3140, "Nobody"),
        (check([line()], ApplyCheckToTxnAdd=[{"TxnID": "1-1"}]), 3120, "1-1"),
    ],
)
def test_checks_that_are_refused(desk, given, code, words):
    desk.customer()
    desk.refuse_add("Check", given, code, words)


def test_no_more_is_given_back_than_there_is(desk):
    desk.customer()
    memo = desk.credit_memo("20.00").get("TxnID")
    for amount, check_amount, words in (
        ("20.01", "30.00", "remaining credit"),
        ("20.00", "10.00", "amount due"),
        ("-1.00", "30.00", "remaining credit"),
    ):
        apply = [{"TxnID": memo, "Amount": amount}]
        given = check([line(amount=check_amount)], ApplyCheckToTxnAdd=apply)
        desk.refuse_add("Check", given, 3210, words)


def test_a_void_check_frees_the_credit_and_a_deleted_one_is_gone(desk):
    desk.customer()
    memo = desk.credit_memo("30.00").get("TxnID")
    id = desk.add("Check", check([line()], ApplyCheckToTxnAdd=[{"TxnID": memo}])).get("TxnID")
    desk.do("TxnVoid", {"TxnVoidType": "Check", "TxnID": id})
    voided = desk.look("Check", id)
    assert (voided.get("Amount"), voided.get("Memo")) == ("0.00", "VOID:")
    assert desk.look("CreditMemo", memo).get("CreditRemaining") == "30.00"
    assert (desk.balance(BANK), owed(desk)) == ("0.00", "-30.00")
    desk.do("TxnDel", {"TxnDelType": "Check", "TxnID": id})
    assert desk.ask("CheckQuery", {"TxnID": id}).code == 500
    assert desk.do("TxnDeletedQuery", {"TxnDelType": "Check"}).get("TxnID") == id


def test_closed_books_take_no_check(desk):
    desk.company.prefer(ClosingDate="2026-01-31")
    desk.refuse_add("Check", check([line("Rent", "1.00", "")], "", TxnDate="2026-01-31"), 3181)
