"""Nothing is sent that is known to fail: it is held, with a sentence that says what to do."""

import datetime as dt

import pytest

from hub.money import plain
from hub.tenants.policies import policy_of
from hub.tenants.service import open_tenant
from tests.world import PASSWORD

HEAD = {"customer": "ada", "date": "2026-05-03"}


def bill(tenant, charge="gold", amount="10.00", number="1", version=1, **more):
    body = HEAD | {"lines": [{"charge": charge, "amount": amount}]} | more
    tenant.put("invoices", f"i{number}", number=number, version=version, **body)


@pytest.fixture
def may(tenant):
    """A tenant that has connected once, with a customer and a charge that fits both modes."""
    tenant.sync()
    tenant.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    return tenant


def held(tenant):
    return [note for _, state, note in tenant.operations() if state == "held"]


def test_a_charge_without_a_place_holds_its_records_until_it_has_one(may):
    may.put("charges", "new", name="New plan")
    bill(may, "new")
    may.close("may")
    may.sync()

    assert any(
        "The charge “New plan” has no" in note and "the Charges page" in note for note in held(may)
    )
    assert may.proof().unexplained == 0
    assert may.proof().difference > 0
    assert "JournalEntry" not in may.counts() or may.counts()["JournalEntry"] == 0
    assert may.counts()["Invoice"] == 0

    may.put("charges", "new", version=2, name="New plan", accounting_code="4020", item="Usage")
    assert not any("New plan" in note for note in held(may))
    assert may.sync().ok
    assert may.proof().difference == 0


def test_a_code_that_quickbooks_does_not_have_is_named(may):
    may.put("charges", "odd", name="Odd", accounting_code="9999", item="Nothing such")
    bill(may, "odd")
    may.close("may")
    may.sync()
    (note,) = [note for note in held(may) if "Odd" in note]
    assert (
        "“9999”, which is not in the Chart of Accounts" in note
        or "which is not in the Items List" in note
    )


def test_a_code_is_found_by_number_or_name_whatever_its_case(summary):
    summary.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("customers", "ada", name="Ada")
    for index, code in enumerate(("4010", "sales:subscriptions", "Sales:Subscriptions")):
        summary.put("charges", f"g{index}", name=f"G{index}", accounting_code=code)
        bill(summary, f"g{index}", number=str(index), billing_cycle="may")
    summary.close("may")
    summary.sync()
    assert plain(summary.balances()["Sales:Subscriptions"]) == "-30.00"


def test_a_closed_period_is_not_written_into(may):
    with may.company() as company:
        company.prefer(ClosingDate="2026-05-31")
    bill(may)
    may.close("may")
    may.sync()

    assert any(
        "in a closed period: QuickBooks' closing date is 2026-05-31" in note for note in held(may)
    )
    assert may.counts()["Invoice"] == may.counts()["JournalEntry"] == 0
    with may.company() as company:
        company.prefer(ClosingDate="2026-04-30")
    may.a_day_passes()
    may.sync()
    assert may.proof().difference == 0


def test_a_foreign_currency_is_held_apart(may):
    bill(may, number="1")
    bill(may, number="2", currency="EUR")
    may.close("may")
    may.sync()
    assert len([note for note in held(may) if "It is in EUR" in note]) == 1
    rows = {(row.currency, row.account): row for row in may.proof().rows}
    assert all(row.difference == 0 for (currency, _), row in rows.items() if currency == "USD")
    assert any(row.difference for (currency, _), row in rows.items() if currency == "EUR")


@pytest.mark.parametrize(
    ("name", "words"),
    [("A" * 42, "Name has 42 characters and QuickBooks keeps 41"), ("Parent:Child", "holds a colon")],
)
def test_a_name_that_does_not_fit_is_held_never_cut(full, name, words):
    full.put("customers", "ada", name=name)
    bill_ready(full)
    full.sync()
    assert any(words in note for note in held(full))
    assert full.counts()["Customer"] == 2


def bill_ready(tenant):
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    bill(tenant)


def test_a_class_that_quickbooks_does_not_have_is_held(may):
    with may.company() as company:
        company.prefer(IsUsingClassTracking=True)
    may.put("charges", "north", name="North", accounting_code="4010", item="Usage", **{"class": "North"})
    bill(may, "north")
    may.close("may")
    may.sync()
    tracked = may.connection().company["class_tracking"]
    assert tracked == any(
        "The class “North” is not in QuickBooks' class list" in note for note in held(may)
    )


def test_long_numbers_travel_in_the_memo(full):
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full, number="INV-2026-0000123")
    full.put("payments", "p", **HEAD, amount="1.00", reference="ch_3NxYzAbCdEfGhIjKlMnOpQ")
    assert full.sync().message == "3 booked. All is well."
    sent = "".join(full.messages())
    assert "Invoice INV-2026-0000123" in sent
    assert "ch_3NxYzAbCdEfGhIjKlMnOpQ" in sent


def test_letters_of_any_kind_survive(full):
    full.put("customers", "ada", name="Zoë Ñandú & <Söhne> “quoted” 中文 😀")
    bill_ready(full)
    assert full.sync().message == "2 booked. All is well."
    assert "".join(full.messages()).isascii()


def test_a_void_before_it_was_sent_is_never_sent(full):
    full.put("customers", "ada", name="Ada")
    bill_ready(full)
    bill(full, version=2, status="void")
    assert full.sync().message == "1 booked. All is well."
    assert full.counts()["Invoice"] == 0
    assert full.proof().difference == 0


def test_an_entry_that_cancels_out_is_not_sent(summary):
    summary.put("billing-cycles", "may", name="May", starts="2026-05-01", ends="2026-05-31")
    summary.put("customers", "ada", name="Ada")
    summary.put("charges", "gold", name="Gold", accounting_code="4010")
    bill(summary, billing_cycle="may")
    bill(summary, version=2, status="void", billing_cycle="may")
    summary.close("may")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert summary.proof().difference == 0


def test_what_was_missing_is_found_when_it_is_there_at_last(full):
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Old Plan")
    bill(full)
    full.sync()
    assert any("“Old Plan”, which is inactive in the Items List" in note for note in held(full))

    with full.company() as company, company.atomic():
        item = company.lists.named("Item", "Old Plan")
        item.active = True
        company.lists.save(item)
    full.a_day_passes()
    outcome = full.sync()

    assert outcome.message == "1 booked. All is well."


def test_a_prepared_message_that_never_left_is_looked_at_again(full):
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full)
    with full.company() as company:
        connector = full.connector(company)
        connector.add()
        quickbooks, service = connector._quickbooks, full.service()
        ticket, _ = service.strings("authenticate", strUserName=full.username, strPassword=PASSWORD)
        message = service.text("sendRequestXML", ticket=ticket, strHCPResponse=full.greeting(company))
        while "InvoiceAdd" not in message:
            answer = quickbooks.process(message)
            percent = service.text("receiveResponseXML", ticket=ticket, response=answer)
            if "CustomerAdd" in message:
                break
            message = service.text("sendRequestXML", ticket=ticket)
        assert percent != "100"
        company.prefer(ClosingDate="2026-05-31")
    full.an_hour_passes()

    full.sync()

    assert any("in a closed period" in note for note in held(full))
    assert full.counts()["Invoice"] == 0


def test_a_payment_on_what_can_never_be_paid_says_so(full):
    for name in ("ada", "ben"):
        full.put("customers", name, name=name.title())
    bill_ready(full)
    bill(full, number="2", status="void")
    applied = {"amount": "1.00", "date": "2026-05-04"}
    full.put("payments", "p1", customer="ben", applied=[{"invoice": "i1", "amount": "1.00"}], **applied)
    full.put("payments", "p2", customer="ada", applied=[{"invoice": "i2", "amount": "1.00"}], **applied)

    full.sync()

    notes = held(full)
    assert any("names the invoice “1”, which is another customer's" in note for note in notes)
    assert any("names the invoice “2”, which is void" in note for note in notes)
    assert full.counts()["ReceivePayment"] == 0


def test_what_lies_before_the_cut_over_is_not_sent_one_by_one(full):
    """It was booked by other means; whoever it belongs to is a customer all the same."""
    with full.db() as db:
        open_tenant(db, full.slug)
        policy_of(db).cutover = dt.date(2026, 5, 10)
    full.put("customers", "ada", name="Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    for number, date in (("1", "2026-05-09"), ("2", "2026-05-10")):
        lines = [{"charge": "gold", "amount": "10.00"}]
        full.put("invoices", number, number=number, customer="ada", date=date, lines=lines)
    full.sync()
    assert full.counts()["Invoice"] == 1
    assert "the cut-over" in "".join(note for _, _, note in full.operations())
    proof = full.proof()
    assert (proof.difference, proof.unexplained) == (10, 0)
    assert [share.cause.value for share in proof.shares] == ["before_cutover"]
