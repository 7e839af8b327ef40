"""What an accountant would try: the books stay right when everything around them changes."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from hub.books.connections import main_connection
from hub.qbwc import imports
from hub.sandbox import faults
from hub.tenants.service import open_tenant
from tests.test_holds import HEAD, bill, held


@pytest.fixture
def booked(tenant):
    """A tenant whose invoice of 100.00 has been booked."""
    return book(tenant)


def book(tenant):
    tenant.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    bill(tenant, amount="100.00", billing_cycle="may")
    tenant.close("may")
    assert tenant.sync().ok
    return tenant


def remap(tenant, version, code, item):
    tenant.put("charges", "gold", version=version, name="Gold", accounting_code=code, item=item)


def assert_right(tenant):
    proof = tenant.proof()
    assert proof.difference == 0, proof.as_json()
    assert proof.waiting == []
    assert tenant.balances() == tenant.billed()


def test_a_charge_that_moves_to_another_account_takes_its_corrections_along(booked):
    for version, code, item, amount in (
        (2, "4020", "Usage", "130.00"),
        (3, "4030", "Setup Fee", "150.00"),
    ):
        remap(booked, version, code, item)
        bill(booked, amount=amount, version=version, billing_cycle="may")
        booked.sync()
        assert_right(booked)
    assert booked.balances()["Sales:Setup Fees"] == Decimal("-150.00")
    assert "Sales:Subscriptions" not in booked.balances()


def test_a_memo_changed_after_a_charge_moved_is_booked_as_quickbooks_has_it(full):
    book(full)
    remap(full, 2, None, "Usage")
    bill(full, amount="100.00", version=2, memo="typo", billing_cycle="may")
    full.sync()
    assert_right(full)


def test_a_change_while_the_answer_is_lost_turns_round_what_was_booked(tenant):
    tenant.sync()
    tenant.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    bill(tenant, amount="100.00", billing_cycle="may")
    tenant.close("may")
    first = tenant.operations()[0][0]
    words = "JournalEntryAdd" if first == "journal_entry" else "InvoiceAdd"
    tenant.sync(plan=faults.whenever(words, faults.LOSE_ANSWER))
    remap(tenant, 2, "4020", "Usage")
    bill(tenant, amount="100.00", version=2, status="void", billing_cycle="may")
    tenant.an_hour_passes()

    tenant.sync()

    assert_right(tenant)
    assert tenant.balances() == {}


@pytest.mark.parametrize("late", ["nothing", "a memo", "a void"])
def test_an_addition_of_unknown_fate_is_asked_about_and_never_doubled(full, late):
    full.sync()
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full, amount="100.00")
    with full.company() as company:
        connector = full.connector(company)
        process = connector._quickbooks.process

        def muddle(text):
            if "InvoiceQueryRq" in text:
                raise faults.LineDead(ran=False)
            answer = process(text)
            if "InvoiceAddRq" in text:
                answer = answer.replace('statusCode="0"', 'statusCode="1000"')
            return answer

        connector._quickbooks.process = muddle
        connector.run()
    full.an_hour_passes()
    if late == "a memo":
        bill(full, amount="100.00", version=2, memo="typo")
    if late == "a void":
        bill(full, amount="100.00", version=2, status="void")

    full.sync()

    assert full.counts()["Invoice"] == 1
    assert_right(full)
    assert full.balances() == ({} if late == "a void" else full.billed())
    assert full.sync().nothing_to_do


def test_an_answer_that_only_says_it_was_booked_is_read_again(tenant):
    tenant.sync()
    tenant.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    bill(tenant, amount="100.00", billing_cycle="may")
    tenant.close("may")
    tenant.sync(plan=faults.whenever("Add", faults.LOSE_ANSWER))
    tenant.an_hour_passes()

    assert tenant.sync(short_memory=True).ok

    assert_right(tenant)
    assert tenant.counts()["Invoice"] + tenant.counts()["JournalEntry"] == 1


def test_a_refund_that_comes_back_is_booked_again(full):
    full.put("customers", "ada", name="Ada")
    for version, status in enumerate(("open", "void", "open"), 1):
        full.put("refunds", "r", version=version, amount="10.00", status=status, **HEAD)
        full.sync()
        assert_right(full)
    assert full.balances()["Accounts Receivable"] == Decimal("10.00")


def test_two_customers_of_one_name_stay_two(full):
    book(full)
    full.put("customers", "ada2", name="ADA")
    bill(full, number="2", customer="ada2")
    import_again(full)

    full.sync()

    assert any("belongs to another customer of yours" in note for note in held(full))
    assert full.counts()["Invoice"] == 1


def import_again(tenant):
    with tenant.db() as db:
        imports.want(db, main_connection(db, open_tenant(db, tenant.slug)))


def change_account(tenant, full_name, /, **changes):
    with tenant.company() as company, company.atomic():
        account = company.lists.named("Account", full_name)
        for field, value in changes.items():
            setattr(account, field, value)
        company.lists.save(account)
    import_again(tenant)


def test_an_account_renamed_in_quickbooks_keeps_its_past(summary):
    book(summary)
    change_account(summary, "Discounts Given", name="Rebates", full_name="Rebates")
    change_account(summary, "Billing Clearing", name="Control", full_name="Control")
    summary.sync()
    assert_right(summary)

    bill(summary, amount="100.00", version=2, status="void", billing_cycle="may")
    summary.sync()
    assert "Control" in str([row.account for row in summary.proof().rows])


def test_an_account_retired_in_quickbooks_is_asked_back(summary):
    book(summary)
    change_account(summary, "Sales:Subscriptions", active=False)
    bill(summary, amount="100.00", version=2, status="void", billing_cycle="may")
    summary.sync()
    assert any("Make it active there again" in note for note in held(summary))

    change_account(summary, "Sales:Subscriptions", active=True)
    summary.sync()
    assert_right(summary)


def test_a_true_up_of_a_closed_period_goes_to_the_first_open_day(summary):
    book(summary)
    with summary.company() as company:
        company.prefer(ClosingDate="2026-05-31")
    bill(summary, amount="80.00", version=2, billing_cycle="may")

    assert summary.sync().message == "1 booked. All is well."

    assert_right(summary)
    sent = summary.messages()[-1]
    assert "<TxnDate>2026-06-01</TxnDate>" in sent
    assert "true-up of B260531-1" in sent


def test_a_void_of_what_somebody_deleted_in_quickbooks_is_done(full):
    book(full)
    with full.company() as company:
        quickbooks = full.connector(company)._quickbooks
        link = next(iter(transaction_ids(full)))
        quickbooks.process(DELETE.format(link))
    bill(full, amount="100.00", version=2, status="void", billing_cycle="may")
    assert full.sync().message.endswith("All is well.")
    assert_right(full)


DELETE = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError">'
    '<TxnDelRq requestID="1"><TxnDelType>Invoice</TxnDelType><TxnID>{}</TxnID></TxnDelRq>'
    "</QBXMLMsgsRq></QBXML>"
)


def transaction_ids(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        return list(db.scalars(text("SELECT object_id FROM link WHERE object = 'Invoice'")))


def test_what_was_void_before_it_was_sent_waits_for_nothing(full):
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full, amount="100.00")
    bill(full, amount="130.00", version=2)
    bill(full, amount="130.00", version=3, status="void")
    full.sync()
    assert_right(full)


@pytest.mark.parametrize("code", ["Billing Clearing", "Accounts Receivable", "Sales Tax Payable"])
def test_a_control_account_takes_no_income(summary, code):
    summary.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code=code)
    bill(summary, billing_cycle="may")
    summary.close("may")
    summary.sync()
    assert any("which is no income account" in note for note in held(summary))
