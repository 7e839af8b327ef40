"""A bill becomes an entry in QuickBooks, end to end."""

from decimal import Decimal

from hub.demo import month


def push_month(tenant):
    records = [(kind, external_id, body) for kind, external_id, body in month("test")]
    return tenant.batch(records).json


def test_a_month_is_booked_to_the_cent(tenant):
    push_month(tenant)
    tenant.close("month")

    outcome = tenant.sync()

    assert outcome.ok, outcome
    assert outcome.errors == 0
    proof = tenant.proof()
    assert proof.difference == 0
    assert proof.waiting == []
    assert tenant.balances() == tenant.billed() != {}


def test_the_same_month_twice_changes_nothing(tenant):
    push_month(tenant)
    tenant.close("month")
    tenant.sync()
    counts, balances = tenant.counts(), tenant.balances()

    again = push_month(tenant)
    tenant.close("month")
    outcome = tenant.sync()

    assert again["unchanged"] > 0
    assert again["created"] == again["updated"] == 0
    assert outcome.ok
    assert outcome.nothing_to_do
    assert (tenant.counts(), tenant.balances()) == (counts, balances)


def test_what_is_not_sent_shows_in_the_proof(tenant):
    push_month(tenant)
    tenant.close("month")

    proof = tenant.proof()

    assert proof.difference > 0
    assert proof.unexplained == 0
    assert proof.waiting


def test_a_summary_is_one_balanced_entry_for_bills_and_one_for_payments(summary):
    summary.put("billing-cycles", "c", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    line = {"charge": "gold", "amount": "100.00"}
    discount = {"charge": "gold", "amount": "-10.00"}
    head = {"customer": "ada", "date": "2026-05-03"}
    summary.put(
        *("invoices", "i"),
        **head,
        number="1",
        billing_cycle="c",
        lines=[line, discount],
        taxes=[{"code": "NY", "amount": "7.43"}],
    )
    summary.put("payments", "p", **head, amount="97.43", applied=[{"invoice": "i", "amount": "97.43"}])
    summary.close("c")

    summary.sync()

    assert summary.counts()["JournalEntry"] == 2
    assert summary.balances() == {
        "Sales:Subscriptions": Decimal("-90.00"),
        "Sales Tax Collected": Decimal("-7.43"),
        "Undeposited Funds": Decimal("97.43"),
    }


def test_a_late_change_becomes_a_true_up(summary):
    push_month(summary)
    summary.close("month")
    summary.sync()
    before = summary.counts()["JournalEntry"]
    late = summary.get("invoices/i1").json
    summary.put(
        *("invoices", "i1"),
        **{key: late[key] for key in ("number", "customer", "date", "billing_cycle")},
        version=2,
        lines=[{"charge": "pro", "amount": "1.23"}],
    )
    assert summary.proof().difference > 0

    summary.sync()

    assert summary.counts()["JournalEntry"] == before + 1
    assert summary.proof().difference == 0
    assert summary.balances() == summary.billed()


def test_what_changes_after_it_was_booked_is_changed_in_quickbooks(full):
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    head = {"customer": "ada", "date": "2026-05-03"}

    def invoice(version, amount, **more):
        lines = [{"charge": "gold", "amount": amount}]
        full.put("invoices", "i", version=version, number="1", lines=lines, **head, **more)

    def payment(version, amount, **more):
        applied = [{"invoice": "i", "amount": amount}]
        full.put("payments", "p", version=version, amount=amount, applied=applied, **head, **more)

    invoice(1, "100.00")
    payment(1, "40.00")
    full.sync()
    invoice(2, "120.00", memo="corrected")
    payment(2, "50.00")
    full.put("customers", "ada", version=2, name="Ada", phone="555 0100")
    assert full.sync().message.endswith("booked. All is well.")
    assert full.balances() == {
        "Accounts Receivable": Decimal("70.00"),
        "Undeposited Funds": Decimal("50.00"),
        "Sales:Subscriptions": Decimal("-120.00"),
    }
    assert full.counts()["ReceivePayment"] == 1

    payment(3, "50.00", status="void")
    invoice(3, "120.00", status="void")
    assert full.sync().message.endswith("booked. All is well.")
    assert full.balances() == {}
    assert full.proof().difference == 0
    assert full.sync().nothing_to_do
