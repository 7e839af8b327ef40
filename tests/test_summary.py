"""Summarized Journal Entry Mode: spans, families, approval, late changes, reversals, closed periods."""

import pytest
from sqlalchemy import select

from hub.books.models import Link, Undoing
from hub.errors import Refused
from hub.exporters.choices import Choices
from hub.qbwc.outbox import Outbox
from hub.sandbox import people
from hub.tenants.models import (
    Approval,
    Closed,
    Control,
    Detail,
    LateChange,
    Period,
)
from hub.tenants.service import open_tenant
from tests.journal import Bookkeeper, cycle, invoice, money, pay, start


@pytest.fixture
def keeper(summary):
    start(summary)
    return Bookkeeper(summary)


def numbers(keeper):
    return [entry.number for entry in keeper.entries()]


def settle(tenant):
    """Run until nothing is left to do, and see that books and bills are one."""
    assert tenant.sync().ok
    assert tenant.sync().nothing_to_do
    assert tenant.proof().difference == 0
    assert tenant.balances() == tenant.billed()


def booked(tenant, entry):
    """The TxnID of an entry."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        return db.scalar(select(Link.object_id).filter_by(subject=f"journal_entry:{entry.id}"))


def choose_accounts(tenant, **wanted):
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        outbox = Outbox(db, opened)
        assert Choices(db, opened, outbox.connection).save(wanted)
        outbox.review()


# spans


def test_a_cycle_is_parted_at_the_end_of_the_month(summary, keeper):
    cycle(summary, "x", "2026-06-15", "2026-07-14")
    invoice(summary, "1", "10.00", "2026-06-20", within="x")
    invoice(summary, "2", "5.00", "2026-07-10", within="x")
    summary.close("x")
    assert numbers(keeper) == ["B260630-1", "B260714-1"]
    settle(summary)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period.DAY, ["B260503-1", "B260504-1", "B260601-1"]),
        (Period.WEEK, ["B260503-1", "B260510-1", "B260607-1"]),
        (Period.MONTH, ["B260531-1", "B260630-1"]),
    ],
)
def test_days_weeks_and_months_need_no_billing_cycle(summary, keeper, period, expected):
    keeper.choose(period=period)
    for number, date in enumerate(("2026-05-03", "2026-05-04", "2026-06-01")):
        invoice(summary, str(number), "10.00", date, within=None)
    assert sorted(numbers(keeper)) == expected
    settle(summary)


def test_a_week_is_parted_at_the_end_of_the_month(summary, keeper):
    keeper.choose(period=Period.WEEK)
    invoice(summary, "1", "10.00", "2026-09-29", within=None)
    invoice(summary, "2", "10.00", "2026-10-01", within=None)
    assert sorted(numbers(keeper)) == ["B260930-1", "B261004-1"]


def test_a_period_that_is_not_over_waits(summary, keeper):
    keeper.choose(period=Period.MONTH)
    invoice(summary, "1", "10.00", "2031-01-05", within=None)
    assert [entry.released for entry in keeper.entries()] == [None]
    assert summary.sync().ok
    assert summary.counts()["JournalEntry"] == 0
    assert summary.proof().unexplained == 0


def test_another_period_gathers_anew_what_was_not_sent(summary, keeper):
    invoice(summary, "1", "10.00", "2026-05-03")
    invoice(summary, "2", "10.00", "2026-05-04")
    assert numbers(keeper) == ["B260531-1"]
    keeper.choose(period=Period.DAY)
    assert numbers(keeper) == ["B260503-1", "B260504-1"]
    settle(summary)


def test_all_families_in_one_entry_where_the_tenant_wants_it(summary, keeper):
    keeper.choose(together=True)
    invoice(summary, "1", "10.00")
    pay(summary, "p", "4.00")
    summary.close("c")
    assert numbers(keeper) == ["S260531-1"]
    settle(summary)


def test_a_line_for_each_charge_where_the_tenant_wants_it(summary, keeper):
    summary.put("charges", "more", name="More", accounting_code="4010")
    keeper.choose(detail=Detail.CHARGE)
    invoice(summary, "1", "10.00")
    invoice(summary, "2", "7.00", charge="more")
    summary.close("c")
    summary.sync()
    text = summary.messages()[-1]
    assert text.count("<JournalCreditLine>") == 2
    assert " &#183; Gold</Memo>" in text
    assert " &#183; More</Memo>" in text
    settle(summary)


def test_numbers_and_memos_follow_their_templates(summary, keeper):
    keeper.choose(number_template="X{n}-{date}", memo_template="{family} in {cycle}")
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    assert numbers(keeper) == ["X1-260531"]
    assert "<Memo>billed in Cycle c</Memo>" in "".join(summary.messages())


@pytest.mark.parametrize(
    "values",
    [
        {"number_template": "{date}"},
        {"number_template": "INV-{date}-{n}"},
        {"number_template": "{what}{n}"},
        {"number_template": "abcd{date}{n}"},
        {"memo_template": "{who}"},
        {"master_customer": "a:b"},
        {"rounding_limit": money("-1")},
    ],
)
def test_settings_that_cannot_be_are_refused_and_nothing_changes(summary, keeper, values):
    with pytest.raises(Refused) as caught:
        keeper.choose(period=Period.DAY, **values)
    assert caught.value.faults[0].pointer == f"/{next(iter(values))}"
    invoice(summary, "1", "10.00")
    assert numbers(keeper) == ["B260531-1"]


# the control side


def test_accounts_receivable_stands_first_in_the_master_customers_name(summary, keeper):
    keeper.choose(control=Control.RECEIVABLE, master_customer="Billing customers")
    invoice(summary, "1", "10.00")
    pay(summary, "p", "4.00")
    summary.close("c")
    summary.sync()
    settle(summary)
    text = "".join(summary.messages())
    assert "<CustomerAdd><Name>Billing customers</Name></CustomerAdd>" in text
    assert summary.balances()["Accounts Receivable"] == money("6.00")
    payments = next(part for part in summary.messages() if "P260531-1" in part)
    after = payments[payments.index("P260531-1") :]
    assert after.index("EntityRef") < after.index("JournalDebitLine")


def test_an_entry_is_approved_once_the_master_customer_is_there(summary, keeper):
    """What is approved is what goes, and that names the customer."""
    keeper.choose(control=Control.RECEIVABLE, approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    (sentence,) = keeper.approve_all().left
    assert "Waits for the Master Customer" in sentence
    summary.sync()
    assert keeper.approve_all().left == []
    assert keeper.entries()[0].approved_as
    settle(summary)


def test_a_customer_of_that_name_is_taken_as_the_master_customer(summary, keeper):
    with summary.company() as company:
        name = company.lists.all("Customer")[0].full_name
    keeper.choose(control=Control.RECEIVABLE, master_customer=name)
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    settle(summary)
    assert "CustomerAdd" not in "".join(summary.messages())


def taxed(tenant, **more):
    invoice(tenant, "1", "10.00", taxes=[{"code": "CA", "amount": "0.75"}], **more)


def test_sales_tax_payable_stands_in_the_agencys_name(summary, keeper):
    summary.sync()
    taxed(summary)
    choose_accounts(summary, **{"tax.CA": "Sales Tax Payable"})
    summary.close("c")
    summary.sync()
    assert "wants the tax agency's name" in summary.operations()[-1][2]
    choose_accounts(summary, **{"tax_agency.": "State Board of Equalization"})
    settle(summary)
    assert summary.balances()["Sales Tax Payable"] == money("-0.75")
    assert "<FullName>State Board of Equalization</FullName>" in "".join(summary.messages())


def test_sales_tax_payable_and_accounts_receivable_do_not_share_an_entry(summary, keeper):
    keeper.choose(control=Control.RECEIVABLE)
    summary.sync()
    taxed(summary)
    choose_accounts(summary, **{"tax.CA": "Sales Tax Payable"})
    summary.sync()
    choose_accounts(summary, **{"tax_agency.": "State Board of Equalization"})
    summary.close("c")
    summary.sync()
    assert "QuickBooks takes one" in summary.operations()[-1][2]


# approval


def test_the_first_entry_waits_for_a_person_and_the_next_goes_by_itself(summary, keeper):
    keeper.choose(approval=Approval.AFTER_FIRST)
    invoice(summary, "1", "10.00")
    summary.close("c")
    assert not summary.sync().errors
    assert summary.counts()["JournalEntry"] == 0
    assert [entry.number for entry in keeper.do("waiting")] == ["B260531-1"]

    assert keeper.approve_all().left == []
    settle(summary)
    cycle(summary, "d", "2026-06-01", "2026-06-30")
    invoice(summary, "2", "10.00", "2026-06-03", within="d")
    summary.close("d")
    settle(summary)
    assert summary.counts()["JournalEntry"] == 2


def test_manual_approval_stays_manual_and_a_limit_asks_above_it(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    invoice(summary, "1", "10.00")
    summary.close("c")
    assert keeper.do("waiting")
    keeper.choose(approval=Approval.AUTOMATIC, approval_limit=money("9.99"))
    assert keeper.do("waiting")
    keeper.choose(approval_limit=money("10.00"))
    assert not keeper.do("waiting")
    settle(summary)


def test_whoever_mapped_last_does_not_approve_where_four_eyes_are_asked_for(summary, keeper):
    keeper.choose(approval=Approval.MANUAL, four_eyes=True)
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    with pytest.raises(Refused, match="four eyes"):
        keeper.approve_all()
    Bookkeeper(summary, "grace@example.com").approve_all()
    settle(summary)


def test_what_comes_after_the_approval_is_a_true_up(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    keeper.approve_all()
    invoice(summary, "2", "5.00")
    assert numbers(keeper) == ["B260531-1", "B260531-2"]
    assert [entry.number for entry in keeper.do("waiting")] == ["B260531-2"]
    keeper.approve_all()
    settle(summary)


def test_it_goes_as_it_was_approved_or_not_at_all(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    invoice(summary, "1", "10.00")
    summary.sync()
    summary.close("c")
    keeper.approve_all()
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    held = next(one for one in summary.operations() if one[0] == "journal_entry")
    assert "not what was approved" in held[2]
    entry = keeper.entries()[0]
    keeper.do("withdraw", entry.id)
    keeper.approve_all()
    settle(summary)


def test_an_approval_that_was_taken_back_waits_whatever_the_rule(summary, keeper):
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.do("withdraw", keeper.entries()[0].id)
    invoice(summary, "2", "10.00")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert len(keeper.do("waiting")) == 1
    keeper.approve_all()
    settle(summary)
    with pytest.raises(Refused, match="Reverse it instead"):
        keeper.do("withdraw", keeper.entries()[0].id)


def test_what_has_no_account_cannot_be_approved_and_the_rest_can(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    summary.put("charges", "bare", name="Bare")
    invoice(summary, "1", "10.00", charge="bare")
    pay(summary, "p", "4.00")
    summary.close("c")
    outcome = keeper.approve_all()
    assert [entry.number for entry in outcome.entries] == ["P260531-1"]
    assert "“Bare” has no accounting code" in outcome.left[0]


# late changes


def late(summary, keeper, policy):
    keeper.choose(late_change=policy)
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    invoice(summary, "1", "25.00", version=2)


def test_a_late_change_is_a_true_up(summary, keeper):
    late(summary, keeper, LateChange.TRUE_UP)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 2
    assert "true-up of B260531-1" in "".join(summary.messages())


def test_a_late_change_amends_the_entry_where_the_tenant_wants_it(summary, keeper):
    late(summary, keeper, LateChange.AMEND)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1
    assert keeper.lines("B260531-1")["Sales:Subscriptions"] == money("-25.00")
    assert "JournalEntryMod" in "".join(summary.messages())


def test_an_entry_that_somebody_edited_is_read_again_before_it_is_amended(summary, keeper):
    late(summary, keeper, LateChange.AMEND)
    with summary.company() as company:
        people.change_memo(company, booked(summary, keeper.entries()[0]), 0, "seen")
    summary.sync()
    settle(summary)


def test_a_late_change_reverses_and_posts_anew_where_the_tenant_wants_it(summary, keeper):
    late(summary, keeper, LateChange.REVERSE)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 3
    first, reversal, anew = keeper.entries()
    assert (first.undone, reversal.follows_id, anew.follows_id) == (
        Undoing.REVERSAL,
        first.id,
        first.id,
    )
    assert {entry for entry, _ in keeper.postings()} == {anew.id}


def test_a_late_change_waits_for_a_person_where_the_tenant_wants_it(summary, keeper):
    late(summary, keeper, LateChange.HOLD)
    summary.sync()
    assert summary.counts()["JournalEntry"] == 1
    assert [entry.number for entry in keeper.do("waiting")] == ["B260531-2"]
    keeper.approve_all()
    settle(summary)


def test_what_is_amended_in_a_closed_period_is_a_true_up(summary, keeper):
    keeper.choose(late_change=LateChange.AMEND)
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    keeper.choose(lock_date=keeper.entries()[0].date)
    invoice(summary, "1", "25.00", version=2)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 2
    assert "<TxnDate>2026-06-01</TxnDate>" in "".join(summary.messages())


# reversal


@pytest.mark.parametrize("how", list(Undoing))
def test_an_entry_is_undone_with_its_true_ups_and_posted_anew(summary, keeper, how):
    late(summary, keeper, LateChange.TRUE_UP)
    settle(summary)
    before = summary.balances()
    first, second = keeper.entries()
    effect = keeper.do("undo_effect", second.id)
    assert effect.amounts["Sales:Subscriptions"] == money("25.00")

    anew = keeper.do("undo", second.id, how)
    assert anew.approved is None
    assert summary.sync().ok
    assert summary.balances() == {}
    assert summary.proof().unexplained == 0
    assert {entry for entry, _ in keeper.postings()} == {anew.id}
    assert [entry.undone for entry in keeper.entries()[:2]] == [how, how]
    assert summary.sync().nothing_to_do

    keeper.approve_all()
    settle(summary)
    assert summary.balances() == before
    assert first.number != anew.number


def test_what_was_undone_is_not_undone_again(summary, keeper):
    invoice(summary, "1", "10.00")
    summary.close("c")
    with pytest.raises(Refused, match="QuickBooks has nothing of it"):
        keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    settle(summary)
    keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    with pytest.raises(Refused):
        keeper.do("undo", keeper.entries()[0].id, Undoing.VOID)
    summary.sync()
    assert summary.balances() == {}
    keeper.approve_all()
    settle(summary)
    with pytest.raises(Refused):
        keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)


def test_what_is_posted_anew_goes_where_its_charge_is_mapped_to_by_then(summary, keeper):
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    keeper.approve_all()
    settle(summary)
    assert summary.balances()["Sales:Usage"] == money("-10.00")


# rounding


def test_a_total_that_is_off_by_some_cents_goes_to_the_rounding_account(summary, keeper):
    invoice(summary, "1", "10.00", total="10.02")
    summary.close("c")
    summary.sync()
    assert "What totals are off by has no account" in summary.operations()[-1][2]
    choose_accounts(summary, **{"rounding.": "Sales:Usage"})
    settle(summary)
    assert summary.balances() == {
        "Billing Clearing": money("10.02"),
        "Sales:Subscriptions": money("-10.00"),
        "Sales:Usage": money("-0.02"),
    }


def test_rounding_above_the_limit_is_held_until_a_person_raises_it(summary, keeper):
    summary.sync()
    choose_accounts(summary, **{"rounding.": "Sales:Usage"})
    for number in range(3):
        invoice(summary, str(number), "10.00", total="10.02")
    summary.close("c")
    summary.sync()
    assert "off from their lines by 0.06" in summary.operations()[-1][2]
    keeper.choose(rounding_limit=money("0.06"))
    settle(summary)


def test_a_total_that_is_no_rounding_is_refused(summary, keeper):
    answer = summary.put(
        *("invoices", "1"),
        422,
        customer="ada",
        date="2026-05-03",
        number="1",
        total="12.00",
        lines=[{"charge": "gold", "amount": "10.00"}],
    )
    assert answer.json["errors"] == [
        {"pointer": "/total", "detail": "is 12.00, and lines and taxes add up to 10.00."}
    ]


# closed periods and the cut-over


def test_an_entry_in_a_closed_period_is_held_or_goes_to_the_first_open_day(summary, keeper):
    invoice(summary, "1", "10.00")
    keeper.choose(lock_date=keeper.entries()[0].date)
    summary.close("c")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert "your own lock date" in summary.operations()[-1][2]
    keeper.choose(closed_period=Closed.FIRST_OPEN_DAY)
    settle(summary)
    text = "".join(summary.messages())
    assert "<TxnDate>2026-06-01</TxnDate>" in text
    assert "of 2026-05-31" in text


def test_an_entry_in_a_closed_period_asks_a_person_where_the_tenant_wants_it(summary, keeper):
    summary.sync()
    invoice(summary, "1", "10.00")
    keeper.choose(closed_period=Closed.ASK, lock_date=keeper.entries()[0].date)
    summary.close("c")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert [entry.number for entry in keeper.do("waiting")] == ["B260531-1"]
    keeper.approve_all()
    settle(summary)
    assert "<TxnDate>2026-06-01</TxnDate>" in "".join(summary.messages())


def test_a_period_that_closes_after_the_rule_let_go_asks_a_person(summary, keeper):
    summary.sync()
    keeper.choose(closed_period=Closed.ASK)
    invoice(summary, "1", "10.00")
    summary.close("c")
    with summary.company() as company:
        company.prefer(ClosingDate="2026-05-31")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert "Take its approval back" in summary.operations()[-1][2]
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.approve_all()
    settle(summary)


def test_what_lies_before_the_cut_over_is_never_sent(summary, keeper):
    invoice(summary, "1", "10.00", "2026-05-03")
    invoice(summary, "2", "7.00", "2026-05-20")
    pay(summary, "p", "4.00", "2026-05-04")
    day = keeper.entries()[0].date.replace(day=10)
    before = keeper.do("before", day)
    assert [(row.kind, row.records, row.amount) for row in before] == [
        ("invoice", 1, money("10.00")),
        ("payment", 1, money("-4.00")),
    ]
    keeper.choose(cutover=day)
    summary.close("c")
    summary.sync()
    assert summary.balances() == {
        "Billing Clearing": money("7.00"),
        "Sales:Subscriptions": money("-7.00"),
    }
    assert summary.proof().unexplained == 0


# accounts


def test_an_account_that_is_wanted_is_created_by_the_next_run(summary, keeper):
    summary.sync()
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="Sales:Brand new")
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    keeper.do("create_account", "Sales:Brand new", "Income", "4999")
    keeper.do("create_account", "Sales:Brand new", "Income", "4999")
    summary.sync()
    summary.sync()
    settle(summary)
    assert summary.balances()["Sales:Brand new"] == money("-10.00")
    assert "".join(summary.messages()).count("<AccountAdd>") == 1


@pytest.mark.parametrize(
    ("name", "type_", "words"),
    [
        ("", "Income", "1 to 31"),
        ("x" * 32, "Income", "1 to 31"),
        ("Nowhere:Child", "Income", "Create that one first"),
        ("Billing Clearing", "Income", "already"),
        ("New", "NonPosting", "type of account"),
    ],
)
def test_an_account_that_cannot_be_is_refused(summary, keeper, name, type_, words):
    summary.sync()
    with pytest.raises(Refused, match=words):
        keeper.do("create_account", name, type_)
