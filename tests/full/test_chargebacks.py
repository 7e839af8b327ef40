"""What the customer's bank has taken back is open again, and what is written off is closed."""

import pytest

from tests.full.person import Person
from tests.full.test_changes import all_is_proved, drained
from tests.journal import start
from tests.views.test_walls import check


def chargeback(bench, name, amount, payment, **more):
    bench.refund(name, amount, refund_kind="chargeback", payment=f"p{payment}", **more)


def test_a_charged_back_payment_leaves_its_invoice_open(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.tenant.sync()
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    bench.tenant.sync()

    assert bench.documents() == [("1", "100.00", "100.00")]
    assert bench.documents("ReceivePayment") == [("p", "100.00", "0.00")]
    assert bench.documents("JournalEntry") == [("cb", "100.00", "0.00")]
    assert bench.owed() == "100.00"
    assert "Chargeback" in "".join(bench.tenant.messages())
    assert "Undeposited Funds" not in bench.tenant.balances()
    all_is_proved(bench)
    drained(bench)


def test_what_was_charged_back_can_be_paid_again(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    bench.payment("q", "100.00", [("1", "100.00")])
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00")]
    assert bench.owed() == "0.00"
    all_is_proved(bench)
    drained(bench)


def test_part_of_a_payment_charged_back_opens_the_last_of_its_invoices(bench):
    bench.invoice("1", "60.00")
    bench.invoice("2", "30.00")
    bench.payment("p", "100.00", [("1", "60.00"), ("2", "30.00")])
    bench.tenant.sync()
    chargeback(bench, "cb", "25.00", "p")
    bench.tenant.sync()
    bench.tenant.sync()
    # Ten were used on nothing and are gone first.
    assert bench.documents() == [("1", "60.00", "0.00"), ("2", "30.00", "15.00")]
    assert bench.owed() == "15.00"
    all_is_proved(bench)
    drained(bench)


def test_a_chargeback_that_was_won_pays_the_invoice_again(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "100.00")]
    chargeback(bench, "cb", "100.00", "p", status="void")
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00")]
    assert bench.owed() == "0.00"
    all_is_proved(bench)
    drained(bench)


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_chargeback_that_was_of_another_payment_lets_the_first_one_pay_again(bench, is_sent):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.tenant.sync()
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    bench.invoice("2", "100.00")
    bench.payment("q", "100.00", [("2", "100.00")])
    if is_sent:
        bench.tenant.sync()
    chargeback(bench, "cb", "100.00", "q")
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00"), ("2", "100.00", "100.00")]
    assert bench.documents("JournalEntry") == [("cb", "100.00", "0.00")]
    assert bench.owed() == "100.00"
    assert bench.notes("held", "failed") == []
    all_is_proved(bench)
    drained(bench)


@pytest.mark.parametrize("conflict", ["billing", "ask"])
def test_a_chargeback_that_somebody_deleted_is_made_anew_and_takes_the_payment_again(bench, conflict):
    bench.choose(conflict=conflict)
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    bench.do("delete_transaction", "JournalEntry", "cb")
    person = Person(bench.tenant)
    for _ in range(3):
        bench.read_back()
        for one in person.waiting():
            person.press(one, "retry")
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "100.00")]
    assert bench.documents("JournalEntry") == [("cb", "100.00", "0.00")]
    assert bench.documents("ReceivePayment") == [("p", "100.00", "0.00")]
    assert bench.owed() == "100.00"
    all_is_proved(bench)
    drained(bench)


def test_a_payment_that_is_deposited_says_what_to_do_before_it_is_charged_back(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.tenant.sync()
    bench.do("deposit", "ReceivePayment", "p")
    chargeback(bench, "cb", "100.00", "p")
    bench.tenant.sync()
    (note,) = bench.notes("failed")
    assert "This payment is in a deposit in QuickBooks." in note
    assert "Delete the deposit there, then press Try again." in note
    # The books are right meanwhile, and what is due waits with the chargeback.
    assert bench.owed() == "100.00"

    bench.do("delete_deposit", "ReceivePayment", "p")
    person = Person(bench.tenant)
    (one,) = person.waiting()
    person.press(one, "retry")
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "100.00")]
    assert bench.owed() == "100.00"
    all_is_proved(bench)
    drained(bench)


def test_a_chargeback_without_its_payment_is_owed_again_by_the_customer(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.refund("cb", "100.00", refund_kind="chargeback")
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00")]
    assert bench.documents("JournalEntry") == [("cb", "100.00", "100.00")]
    assert bench.owed() == "100.00"
    all_is_proved(bench)
    drained(bench)


def test_more_than_was_paid_cannot_be_charged_back(bench):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    bench.tenant.sync()
    chargeback(bench, "cb", "60.00", "p")
    chargeback(bench, "cd", "60.00", "p")
    bench.tenant.sync()
    assert "More than the payment was charged back. Correct or void a chargeback." in bench.notes("held")
    chargeback(bench, "cd", "60.00", "p", status="void")
    bench.make_due()
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "60.00")]
    assert bench.notes("held") == []
    all_is_proved(bench)
    drained(bench)


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("credit_memo", {"refund_kind": "chargeback", "credit_memo": "c7"}),
        ("payment", {"payment": "pp"}),
        ("payment", {"refund_kind": "chargeback", "payment": "nobody"}),
        ("refund_kind", {"refund_kind": "stolen"}),
    ],
)
def test_what_makes_no_sense_is_not_taken(bench, field, more):
    bench.credit_memo("7", "5.00")
    bench.payment("p", "5.00")
    body = {"customer": "ada", "date": "2026-05-03", "amount": "5.00"} | more
    answer = bench.tenant.put("refunds", "r1", expect=422, **body)
    assert [one["pointer"] for one in answer.json["errors"]] == [f"/{field}"]


def test_the_pages_tell_what_was_charged_back(bench, browser):
    bench.invoice("1", "100.00")
    bench.payment("p", "100.00", [("1", "100.00")])
    chargeback(bench, "cb", "40.00", "p")
    assert bench.tenant.get("refunds/rcb").json["refund_kind"] == "chargeback"
    assert bench.tenant.get("refunds/rcb").json["payment"] == "pp"
    page = browser.get(f"/t/{bench.tenant.slug}/records/invoices").click("^1$")
    check(page)
    words = page.html.main.get_text(" ", strip=True)
    assert "Settled of 100.00 60.00" in words
    page = page.click("Chargeback cb")
    check(page)
    assert "Chargeback cb" in page.html.h1.text
    words = page.html.main.get_text(" ", strip=True)
    assert "Chargeback: the customer's bank has taken it back" in words
    assert "Payment p" in words


def test_a_chargeback_is_called_one_wherever_it_is_listed(bench, browser):
    bench.payment("p", "100.00")
    chargeback(bench, "cb", "40.00", "p")
    bench.refund("cash", "5.00")
    here = f"/t/{bench.tenant.slug}"
    queue = browser.get(f"{here}/queue").html.main.get_text(" ", strip=True)
    bench.tenant.sync()
    page = browser.get(f"{here}/records/refunds")
    check(page)
    assert page.html.h1.text == "Refunds and chargebacks"
    assert page.html.find("nav", {"aria-label": "Main"}).find("a", string="Refunds and chargebacks")
    kinds = {row.th.text: row.find_all("td")[2].text for row in page.html.tbody.find_all("tr")}
    assert kinds == {"cb": "Chargeback", "cash": "Refund"}
    proof = browser.get(f"{here}/proof/customers").click("^Ada$").html.main.get_text(" ", strip=True)
    for words in (queue, proof):
        assert "Chargeback cb" in words
        assert "Refund cash" in words
        assert "Refund cb" not in words


def test_a_chargeback_in_a_summary_goes_back_on_clearing(summary):
    start(summary)
    summary.put("customers", "ada", name="Ada")
    body = {"customer": "ada", "date": "2026-05-03"}
    summary.put("payments", "p", amount="40.00", **body)
    summary.put("refunds", "cb", amount="40.00", refund_kind="chargeback", payment="p", **body)
    summary.close("c")
    summary.sync()
    assert summary.balances() == {}
    assert summary.proof().difference == 0


def write_off(bench, item="Bad Debt"):
    bench.tenant.put("charges", "bad", name="Bad Debt", charge_kind="write_off", item=item)


def test_a_write_off_closes_its_invoice_to_the_account_of_write_offs(bench):
    bench.choose(item_missing="create", item_account="Sales", write_off_account="Bad Debt")
    write_off(bench)
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "0", [("1", "100.00")], lines=[{"charge": "bad", "amount": "100.00"}])
    bench.tenant.sync()
    bench.tenant.sync()
    assert bench.documents() == [("1", "100.00", "0.00")]
    assert bench.tenant.balances() == {"Bad Debt": 100, "Sales:Subscriptions": -100}
    all_is_proved(bench)
    drained(bench)


def test_a_write_off_waits_for_its_account(bench):
    bench.choose(item_missing="create", item_account="Sales")
    write_off(bench)
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "0", [("1", "100.00")], lines=[{"charge": "bad", "amount": "100.00"}])
    bench.tenant.sync()
    sentence = "New items that write off need an account. Choose it on the page Full mode settings."
    assert sentence in bench.notes("held")
    assert bench.documents() == [("1", "100.00", "100.00")]
