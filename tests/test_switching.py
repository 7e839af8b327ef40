"""Switching modes, there and back: nothing is booked twice, nothing gets lost, and the plan said so."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.books.connections import main_connection
from hub.errors import Refused
from hub.qbwc.desk import STUCK
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox
from hub.qbwc.rulings import Rulings
from hub.qbwc.switching import Switching
from hub.sandbox import faults, people
from hub.tenants.full_policy import Hierarchy, Missing, full_policy
from hub.tenants.models import Approval, LateChange
from hub.tenants.service import open_tenant
from tests.full.bench import Bench
from tests.full.person import Person
from tests.journal import Bookkeeper, keep_euros
from tests.world import World


def switch(tenant, cutover=None, seen=None):
    """Switch by the plan; return it."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        switching = Switching(db, opened, main_connection(db, opened), "ada@example.com")
        plan = switching.plan(cutover and dt.date.fromisoformat(cutover))
        return switching.switch(plan.cutover, seen or plan.seen)


def begin(tenant):
    tenant.put("customers", "ada", name="Ada")
    tenant.put("charges", "gold", name="Gold", accounting_code="4010", item="Subscription")
    tenant.sync()
    for name, starts, ends in (
        ("may", "2026-05-01", "2026-05-31"),
        ("june", "2026-06-01", "2026-06-30"),
    ):
        tenant.put("billing-cycles", name, name=name, starts=starts, ends=ends)


def bill(tenant, name, amount, date, version=1, **more):
    lines = [{"charge": "gold", "amount": amount}]
    body = {"customer": "ada", "number": name, "date": date, "lines": lines, "version": version}
    tenant.put("invoices", name, **(body | more))


def pay(tenant, name, amount, date, invoice, version=1, **more):
    applied = [{"invoice": invoice, "amount": amount}]
    body = {"customer": "ada", "date": date, "amount": amount, "applied": applied, "version": version}
    tenant.put("payments", name, **(body | more))


def settle(tenant, off="0.00"):
    """Run until nothing is left to do; then books and bills differ by ``off``, with a cause."""
    for _ in range(3):
        tenant.sync()
    proof = tenant.proof()
    assert proof.unexplained == 0, proof.as_json()
    assert proof.difference == Decimal(off), proof.as_json()["causes"]
    assert sum(share.amount for share in proof.shares) == Decimal(off)
    assert tenant.sync().nothing_to_do
    if not proof.difference:
        assert tenant.balances() == tenant.billed()


def may_in_summary(tenant):
    begin(tenant)
    bill(tenant, "1", "100.00", "2026-05-03")
    pay(tenant, "p1", "30.00", "2026-05-20", "1")
    tenant.close("may")
    settle(tenant)


def may_in_full(tenant):
    begin(tenant)
    bill(tenant, "1", "100.00", "2026-05-03")
    pay(tenant, "p1", "30.00", "2026-05-20", "1")
    settle(tenant)


def test_from_summary_to_full_nothing_is_sent_again(summary):
    may_in_summary(summary)
    plan = switch(summary)
    assert str(plan.cutover) == "2026-05-21"
    assert [(one.customer, one.amount) for one in plan.owed] == [("Ada", Decimal("70.00"))]
    assert plan.accounts == {"USD": ("Billing Clearing", "Accounts Receivable")}
    bill(summary, "2", "50.00", "2026-06-02")
    settle(summary)
    counts = summary.counts()
    assert (counts["JournalEntry"], counts["Invoice"], counts["ReceivePayment"]) == (2, 1, 0)


def test_a_payment_for_an_older_invoice_arrives_unapplied(summary):
    may_in_summary(summary)
    switch(summary)
    pay(summary, "p2", "70.00", "2026-06-05", "1")
    settle(summary)
    assert summary.counts()["ReceivePayment"] == 1
    assert any(
        "use it there on the customer's opening balance" in one[2] for one in summary.operations()
    )


def test_a_credit_for_an_older_invoice_stays_open(summary):
    may_in_summary(summary)
    switch(summary)
    lines = [{"charge": "gold", "amount": "10.00"}]
    body = {"customer": "ada", "number": "C1", "date": "2026-06-03", "lines": lines}
    summary.put("credit-memos", "c1", **body, applied=[{"invoice": "1", "amount": "10.00"}])
    refund = {"customer": "ada", "date": "2026-06-04", "amount": "10.00", "credit_memo": "c1"}
    settle(summary)
    summary.put("refunds", "r1", **refund)
    settle(summary)
    assert summary.counts()["CreditMemo"] == 1


def test_what_a_switch_left_to_be_finished_is_finished_after_other_settings_too(summary):
    begin(summary)
    keeper = Bookkeeper(summary)
    keeper.choose(approval=Approval.MANUAL)
    bill(summary, "1", "100.00", "2026-05-03", billing_cycle="may")
    summary.close("may")
    switch(summary, "2026-06-01")
    bill(summary, "2", "7.00", "2026-06-03")
    for _ in range(2):
        summary.sync()
    plan = switch(summary, "2026-07-01")
    assert [part.place for part in plan.parts if part.amount == 100] == ["finishing"]
    keeper.choose(memo_template="{number}")
    keeper.approve_all()
    settle(summary)


def test_what_an_entry_has_and_lies_in_no_cycle_any_more_waits_for_one(summary):
    may_in_summary(summary)
    switch(summary)
    bill(summary, "1", "120.00", "2026-07-03", version=2)
    for _ in range(3):
        summary.sync()
    proof = summary.proof()
    assert proof.unexplained == 0, proof.as_json()
    assert {share.cause.value for share in proof.shares} == {"not_sent"}


@pytest.mark.parametrize(
    "change",
    [{"amount": "120.00"}, {"status": "void"}, {"date": "2026-06-07"}],
    ids=["amount", "void", "later"],
)
def test_a_late_change_of_what_an_entry_has_is_a_true_up(summary, change):
    may_in_summary(summary)
    switch(summary, "2026-06-01")
    bill(summary, "1", **{"amount": "100.00", "date": "2026-05-03", "version": 2} | change)
    summary.close("june")
    settle(summary)
    assert summary.counts()["Invoice"] == 0


@pytest.mark.parametrize(
    "change",
    [{"amount": "120.00"}, {"status": "void"}, {"date": "2026-06-07"}],
    ids=["amount", "void", "later"],
)
def test_a_late_change_of_a_document_is_made_in_the_document(full, change):
    begin(full)
    bill(full, "1", "100.00", "2026-05-03")
    settle(full)
    plan = switch(full, "2026-06-01")
    assert plan.accounts == {"USD": ("Accounts Receivable", "Billing Clearing")}
    bill(full, "1", **{"amount": "100.00", "date": "2026-05-03", "version": 2} | change)
    full.close("june")
    settle(full)
    assert (full.counts()["JournalEntry"], full.counts()["Invoice"]) == (0, 1)


def test_from_full_to_summary_what_is_dated_later_is_summed_up(full):
    may_in_full(full)
    switch(full, "2026-06-01")
    bill(full, "2", "50.00", "2026-06-02")
    pay(full, "p2", "70.00", "2026-06-05", "1")
    full.close("june")
    settle(full)
    counts = full.counts()
    assert (counts["JournalEntry"], counts["Invoice"], counts["ReceivePayment"]) == (2, 1, 1)


def test_what_gathers_is_finished_in_its_entry_or_goes_anew(summary):
    may_in_summary(summary)
    bill(summary, "2", "40.00", "2026-06-02")
    bill(summary, "3", "60.00", "2026-06-20")
    plan = switch(summary, "2026-06-10")
    assert [(part.place, part.amount) for part in plan.parts if part.kind == "invoice"] == [
        ("anew", Decimal("60.00")),
        ("booked", Decimal("100.00")),
        ("finishing", Decimal("40.00")),
    ]
    summary.close("june")
    settle(summary)
    assert (summary.counts()["JournalEntry"], summary.counts()["Invoice"]) == (3, 1)


@pytest.mark.parametrize("late", [LateChange.AMEND, LateChange.TRUE_UP])
def test_a_late_change_that_waits_is_still_to_be_finished(summary, late):
    may_in_summary(summary)
    keeper = Bookkeeper(summary)
    keeper.choose(late_change=late, approval=Approval.MANUAL)
    bill(summary, "1", "120.00", "2026-05-03", version=2)
    plan = switch(summary)
    assert [(part.place, part.amount) for part in plan.parts if part.kind == "invoice"] == [
        ("finishing", Decimal("120.00"))
    ]
    keeper.approve_all()
    settle(summary)


def test_an_entry_in_which_all_cancels_out_is_finished(summary):
    begin(summary)
    bill(summary, "1", "100.00", "2026-05-03")
    bill(summary, "1", "100.00", "2026-05-03", version=2, status="void")
    pay(summary, "p1", "30.00", "2026-05-20", "1")
    summary.close("may")
    settle(summary)
    assert {part.place for part in switch(summary).parts} == {"booked"}


def test_what_neither_mode_has_stays_behind_with_a_name(full):
    may_in_full(full)
    full.put("charges", "odd", name="Odd", item="No such item")
    lines = [{"charge": "odd", "amount": "9.00"}]
    full.put("invoices", "9", customer="ada", number="9", date="2026-05-25", lines=lines)
    plan = switch(full, "2026-06-01")
    assert [(part.records, part.amount) for part in plan.of("behind")] == [(1, Decimal("9.00"))]
    full.close("may")
    settle(full, off="9.00")
    assert [share.cause.value for share in full.proof().shares] == ["before_cutover"]


def test_what_was_excluded_stays_out(full):
    may_in_full(full)
    bill(full, "2", "50.00", "2026-06-02")
    with full.db() as db:
        open_tenant(db, full.slug)
        for one in db.query(Operation).filter(Operation.state == State.QUEUED):
            one.state = State.EXCLUDED
    switch(full, "2026-06-01")
    full.close("june")
    settle(full, off="50.00")
    assert [share.cause.value for share in full.proof().shares] == ["excluded"]


def test_what_was_excluded_before_the_switch_joins_an_entry_once_it_is_included(full):
    begin(full)
    bill(full, "1", "100.00", "2026-05-03")
    rule(full, "exclude", with_dependants=False)
    switch(full, "2026-05-01")
    full.close("may")
    full.sync()
    assert full.balances() == {}
    rule(full, "include")
    settle(full)
    assert full.counts()["JournalEntry"] == 1
    assert full.counts()["Invoice"] == 0


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_what_somebody_deleted_stays_a_document_when_it_is_made_anew_after_the_cut_over(full, mode):
    bench = Bench(full)
    bench.invoice("1042", "100.00")
    settle(full)
    bench.do("delete_transaction", "Invoice", "1042")
    bench.read_back()
    if mode == "summary":
        switch(full, "2026-06-01")
    else:
        Bookkeeper(full).choose(cutover=dt.date(2026, 6, 1))
    person = Person(full)
    (one,) = person.waiting()
    assert person.press(one, "retry")
    settle(full)
    assert bench.documents() == [("1042", "100.00", "100.00")]
    assert full.counts()["JournalEntry"] == 0


def test_what_was_excluded_and_is_dated_before_the_cutover_is_said_to_be_in_no_entry(full):
    begin(full)
    bill(full, "1", "100.00", "2026-05-03")
    rule(full, "exclude", with_dependants=False)
    pay(full, "p1", "30.00", "2026-05-20", "1", applied=[])
    full.sync()
    switch(full, "2026-06-01")
    rule(full, "include")
    full.close("may")
    settle(full, off="100.00")
    assert [share.cause.value for share in full.proof().shares] == ["before_cutover"]
    assert next(note for kind, _, note in full.operations() if kind == "invoice") == (
        "It is dated before 2026-06-01, the cut-over: it was booked by other means."
    )


def test_what_lies_in_no_entry_yet_is_said_to_be_summed_up(full):
    begin(full)
    bill(full, "1", "100.00", "2026-07-03")
    rule(full, "exclude", with_dependants=False)
    pay(full, "p1", "30.00", "2026-05-20", "1", applied=[])
    full.sync()
    switch(full, "2026-06-01")
    rule(full, "include")
    full.sync()
    assert "sums it up" in next(note for kind, _, note in full.operations() if kind == "invoice")
    full.put("billing-cycles", "july", name="july", starts="2026-07-01", ends="2026-07-31")
    full.close("july")
    settle(full)


def waiting(tenant):
    """What is left in the outbox."""
    return [one for one in tenant.operations() if one[1] != "done"]


def test_a_document_moves_to_a_customer_that_was_new_when_the_mode_was_switched(full):
    may_in_full(full)
    full.put("customers", "bob", name="Bob")
    bill(full, "1", "100.00", "2026-05-03", version=2, customer="bob")
    pay(full, "p1", "30.00", "2026-05-20", "1", version=2, customer="bob")
    switch(full, "2026-06-01")
    settle(full)
    assert waiting(full) == []
    with full.company() as company:
        bob = company.lists.named("Customer", "Bob")
        assert company.transactions.owed_by(bob.id) == 7000


def test_a_document_bills_a_charge_that_is_new_after_the_switch(full):
    choose(full, item_missing=Missing.CREATE, item_account="Sales:Subscriptions")
    may_in_full(full)
    switch(full, "2026-06-01")
    full.put("charges", "new", name="New", accounting_code="4010", item="New item")
    lines = [{"charge": "new", "amount": "100.00"}]
    bill(full, "1", "100.00", "2026-05-03", version=2, lines=lines)
    settle(full)
    assert waiting(full) == []


def test_a_document_moves_to_a_job_whose_parent_is_new_after_the_switch(full):
    choose(full, hierarchy=Hierarchy.JOBS)
    may_in_full(full)
    switch(full, "2026-06-01")
    full.put("customers", "firm", name="Firm")
    full.put("customers", "site", name="Site", parent="firm")
    bill(full, "1", "100.00", "2026-05-03", version=2, customer="site")
    pay(full, "p1", "30.00", "2026-05-20", "1", version=2, customer="site")
    settle(full)
    assert waiting(full) == []
    with full.company() as company:
        assert company.lists.named("Customer", "Firm:Site")


def choose(tenant, **values):
    """Choose how documents are made."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        policy = full_policy(db, lock=True)
        for name, value in values.items():
            setattr(policy, name, value)


def credit(tenant, name, date, invoice, version=1):
    lines = [{"charge": "gold", "amount": "10.00"}]
    body = {"customer": "ada", "number": name, "date": date, "lines": lines, "version": version}
    applied = [{"invoice": invoice, "amount": "10.00"}] if invoice else []
    tenant.put("credit-memos", name, **body, applied=applied)


def test_a_credit_that_is_summed_up_waits_for_no_memo(full):
    may_in_full(full)
    bill(full, "2", "50.00", "2026-06-02")
    credit(full, "c1", "2026-06-03", "1")
    credit(full, "c2", "2026-06-03", "2")
    switch(full, "2026-06-01")
    full.close("june")
    settle(full)
    assert waiting(full) == []


def test_a_credit_memo_on_an_invoice_that_is_summed_up_stays_open(full):
    may_in_full(full)
    credit(full, "c1", "2026-05-25", None)
    settle(full)
    switch(full, "2026-06-01")
    bill(full, "2", "50.00", "2026-06-02")
    credit(full, "c1", "2026-05-25", "2", version=2)
    full.close("june")
    settle(full)
    assert waiting(full) == []
    assert any("credit stays open" in note for _, _, note in full.operations())


def test_a_customer_in_another_currency_is_not_made_for_what_is_summed_up(full):
    keep_euros(full)
    may_in_full(full)
    bill(full, "2", "50.00", "2026-06-02", currency="EUR")
    full.sync(plan=faults.refusing("<CustomerAdd>", 3180, times=9))
    assert [kind for kind, _, _ in waiting(full)] == ["invoice", "customer_currency"]
    switch(full, "2026-06-01")
    full.sync()
    assert waiting(full) == []
    assert full.counts()["Customer"] == 3


def rule(tenant, how, **more):
    """Exclude the one invoice, or include it again."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        connection = main_connection(db, opened)
        operation = db.query(Operation).where(Operation.subject.like("invoice:%")).one()
        rulings = Rulings(db, connection, "Ada")
        if how == "include":
            rulings.include(operation, Outbox(db, opened, connection))
        else:
            rulings.exclude(operation, **more)


def test_a_day_with_something_booked_on_it_is_refused_with_one_that_works(summary):
    may_in_summary(summary)
    with pytest.raises(Refused, match="earliest cut-over is 2026-05-21"):
        switch(summary, "2026-05-20")
    with pytest.raises(Refused, match="still to come"):
        switch(summary, "2099-01-01")


def test_a_day_far_ahead_with_something_booked_on_it_is_refused_with_what_to_do(full):
    may_in_full(full)
    bill(full, "9", "10.00", "2099-01-01")
    settle(full)
    with pytest.raises(Refused, match="2099-01-02, which is still to come; for an earlier"):
        switch(full)
    bill(full, "9", "10.00", "2026-05-22", version=2)
    assert str(switch(full).cutover) == "2026-05-23"
    settle(full)


def test_a_plan_that_is_another_by_now_is_refused(summary):
    may_in_summary(summary)
    with pytest.raises(Refused, match="Something has changed since you looked"):
        switch(summary, "2026-06-01", seen="another")


def test_there_and_back_again(full):
    may_in_full(full)
    switch(full, "2026-06-01")
    bill(full, "2", "50.00", "2026-06-02")
    full.close("june")
    settle(full)
    switch(full, "2026-07-01")
    bill(full, "3", "25.00", "2026-07-02")
    bill(full, "1", "110.00", "2026-05-03", version=2)
    bill(full, "2", "55.00", "2026-06-02", version=2)
    pay(full, "p3", "55.00", "2026-07-03", "2")
    pay(full, "p4", "70.00", "2026-07-03", "1")
    settle(full)
    counts = full.counts()
    assert counts["JournalEntry"] == 2


days = st.dates(dt.date(2026, 5, 1), dt.date(2026, 7, 31)).map(str)
amounts = st.integers(1, 50000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")


@st.composite
def spells(draw):
    """Some pushes: each a new invoice or payment, or another version of one."""
    acts = []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from("abcd"))
        what = draw(st.sampled_from(["bill", "bill", "pay"]))
        status = draw(st.sampled_from(["open", "open", "void"]))
        acts.append((what, name, draw(amounts), draw(days), status))
    return acts


@pytest.mark.parametrize("mode", ["summary", "full"])
@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    first=[("bill", "c", "0.01", "2026-05-01", "open")],
    second=[("bill", "c", "0.01", "2026-05-01", "open")],
    third=[],
    gone=[0],
)
@given(first=spells(), second=spells(), third=spells(), gone=st.lists(st.integers(0, 9), max_size=2))
def test_whatever_is_pushed_around_two_switches_is_booked_once(
    app, settings, tmp_path_factory, mode, first, second, third, gone
):
    """Also where somebody deletes something in QuickBooks before a switch, and has it made anew after."""
    tenant = World(app, settings, tmp_path_factory.mktemp("switch")).tenant(mode)
    begin(tenant)
    tenant.put("billing-cycles", "july", name="july", starts="2026-07-01", ends="2026-07-31")
    versions = {}
    for number, spell in enumerate((first, second, third)):
        if number:
            delete(tenant, gone[number - 1 : number])
            switch(tenant)
        for what, name, amount, date, status in spell:
            version = versions[what, name] = versions.get((what, name), 0) + 1
            if what == "bill":
                bill(tenant, name, amount, date, version, status=status)
            else:
                body = {"customer": "ada", "date": date, "amount": amount, "version": version}
                tenant.put("payments", name, **body, status=status)
        if number == 1:
            for cycle in ("may", "june", "july"):
                tenant.close(cycle)
        for _ in range(3):
            tenant.sync()
        try_again(tenant)
        proof = tenant.proof()
        assert proof.unexplained == 0, proof.as_json()
        assert {share.cause.value for share in proof.shares} <= {"before_cutover", "not_sent"}
        assert tenant.sync().nothing_to_do


def delete(tenant, numbers):
    """Let somebody delete a transaction in QuickBooks, and the hub find that."""
    with tenant.company() as company:
        there = [
            one
            for kind in ("JournalEntry", "ReceivePayment", "Invoice")
            for one in company.transactions.all(kind)
        ]
        for number in numbers:
            if there:
                people.delete_transaction(company, there[number % len(there)].id)
    tenant.read_back()


def try_again(tenant):
    """Press Try again wherever somebody is asked to."""
    person = Person(tenant)
    for one in person.waiting(*STUCK):
        person.press(one, "retry")
    for _ in range(3):
        tenant.sync()
