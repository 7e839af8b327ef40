"""What could book a cent twice, not at all or unapproved in Summarized Journal Entry Mode."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from hub.books.connections import main_connection
from hub.books.models import Undoing
from hub.errors import Refused
from hub.exporters import exporter_for
from hub.exporters.contract import Errand
from hub.exporters.summary import RANK
from hub.qbwc import readback
from hub.qbwc.desk import Desk
from hub.qbwc.models import Operation, State
from hub.qbwc.outbox import Outbox
from hub.qbwc.rulings import Rulings
from hub.sandbox import faults, people
from hub.tenants.models import Approval, Closed, LateChange, Period
from hub.tenants.service import open_tenant
from tests.journal import Bookkeeper, invoice, money, start
from tests.test_summary import late, numbers, settle


@pytest.fixture
def keeper(summary):
    start(summary)
    return Bookkeeper(summary)


def test_an_approval_that_was_taken_back_waits_after_other_settings_too(summary, keeper):
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.choose(memo_template="{number}")
    keeper.choose(period=Period.DAY)
    summary.sync()
    assert summary.counts()["JournalEntry"] == 0
    assert [entry.number for entry in keeper.do("waiting")] == ["B260503-1"]
    keeper.approve_all()
    settle(summary)


def test_what_was_reversed_waits_for_a_person_after_another_period_too(summary, keeper):
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    keeper.choose(period=Period.DAY)
    summary.sync()
    assert summary.balances() == {}
    keeper.approve_all()
    settle(summary)


def test_settings_change_while_an_approved_true_up_follows_what_was_taken_back(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    keeper.approve_all()
    invoice(summary, "2", "5.00")
    keeper.approve_all()
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.choose(approval_limit=money("1.00"))
    keeper.approve_all()
    settle(summary)


def test_an_entry_of_which_an_amendment_leaves_nothing_is_voided(summary, keeper):
    keeper.choose(late_change=LateChange.AMEND)
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    invoice(summary, "1", "10.00", version=2, status="void")
    settle(summary)
    assert summary.balances() == {}
    invoice(summary, "2", "7.00")
    settle(summary)
    keeper.do("undo", keeper.entries()[-1].id, Undoing.REVERSAL)
    summary.sync()
    assert summary.balances() == {}
    keeper.approve_all()
    settle(summary)


@pytest.mark.parametrize("how", list(Undoing))
def test_a_true_up_that_cancels_out_does_not_keep_its_entry_from_being_undone(summary, keeper, how):
    late(summary, keeper, LateChange.TRUE_UP)
    invoice(summary, "1", "10.00", version=3)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1
    keeper.do("undo", keeper.entries()[0].id, how)
    summary.sync()
    assert summary.balances() == {}
    assert summary.proof().unexplained == 0
    keeper.approve_all()
    settle(summary)


def test_an_entry_that_quickbooks_has_is_never_made_anew_by_taking_its_amendment_back(summary, keeper):
    late(summary, keeper, LateChange.AMEND)
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.choose(memo_template="{number}")
    summary.sync()
    assert summary.balances()["Billing Clearing"] == money("10.00")
    assert summary.proof().unexplained == 0
    keeper.approve_all()
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1


def test_an_amendment_above_the_limit_waits_for_a_person(summary, keeper):
    keeper.choose(approval_limit=money("20.00"))
    late(summary, keeper, LateChange.AMEND)
    summary.sync()
    assert summary.balances()["Billing Clearing"] == money("10.00")
    assert [entry.number for entry in keeper.do("waiting")] == ["B260531-1"]
    keeper.approve_all()
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1


def test_an_amendment_goes_as_it_was_approved_or_not_at_all(summary, keeper):
    keeper.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync()
    keeper.approve_all()
    settle(summary)
    invoice(summary, "1", "25.00", version=2)
    keeper.approve_all()
    settle(summary)
    invoice(summary, "2", "5.00", charge="use")
    keeper.approve_all()
    summary.put("charges", "use", version=2, name="Usage", accounting_code="4010")
    summary.sync()
    assert summary.balances()["Billing Clearing"] == money("25.00")
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.approve_all()
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1


def test_an_amended_entry_books_a_charge_where_it_booked_it_before(summary, keeper):
    keeper.choose(late_change=LateChange.AMEND)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    assert summary.sync().ok
    before = summary.balances()
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    invoice(summary, "1", "30.00", version=2)
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1
    assert summary.balances() == {account: 3 * amount for account, amount in before.items()}


def test_a_late_change_of_what_was_refused_goes_where_that_goes_in_the_end(summary, keeper):
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    refusal = faults.refusing("<JournalEntryAdd>", 3180, times=9)

    def changed_under_way(words):
        if "<JournalEntryAdd>" in words and len(keeper.entries()) == 1:
            invoice(summary, "1", "25.00", version=2)
        return refusal(words)

    summary.sync(plan=changed_under_way)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    for entry in keeper.entries():
        keeper.do("withdraw", entry.id)
    keeper.approve_all()
    settle(summary)
    assert len(summary.balances()) == 2


def test_what_quickbooks_refused_can_be_taken_back_and_approved_anew(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    entry = keeper.entries()[0]
    summary.sync(plan=faults.refusing("<JournalEntryAdd>", 3180))
    assert summary.operations()[-1][1] == "failed"
    keeper.do("withdraw", entry.id)
    keeper.approve_all()
    settle(summary)


def test_what_quickbooks_refused_and_is_tried_again_can_be_taken_back(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    entry = keeper.entries()[0]
    summary.sync(plan=faults.refusing("<JournalEntryAdd>", 3180))
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    with summary.db() as db:
        Outbox(db, open_tenant(db, summary.slug)).put([Errand(f"journal_entry:{entry.id}", RANK)])
    assert "not what was approved" in summary.operations()[-1][2]
    keeper.do("withdraw", entry.id)
    keeper.approve_all()
    settle(summary)


def test_what_quickbooks_may_have_booked_is_not_taken_back(summary, keeper):
    invoice(summary, "1", "10.00")
    summary.close("c")
    summary.sync(plan=faults.whenever("<JournalEntryAdd>", faults.LOSE_ANSWER))
    with pytest.raises(Refused, match="on its way"):
        keeper.do("withdraw", keeper.entries()[0].id)
    summary.an_hour_passes()
    settle(summary)


def test_settings_that_change_while_an_entry_is_sent_book_nothing_twice(summary, keeper):
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    entry = keeper.entries()[0]
    with ThreadPoolExecutor(1) as pool:
        with summary.db() as db:
            opened = open_tenant(db, summary.slug)
            exporter = exporter_for(db, opened, main_connection(db, opened))
            exporter.prepare([f"journal_entry:{entry.id}"], send=True)
            db.flush()
            changing = pool.submit(keeper.choose, period=Period.DAY)
            with pytest.raises(TimeoutError):
                changing.result(0.7)
        changing.result()
    assert numbers(keeper) == ["B260531-1"]
    assert {found for found, _ in keeper.postings()} == {entry.id}


def test_an_amendment_does_not_move_an_entry_out_of_a_period_closed_since(summary, keeper):
    keeper.choose(closed_period=Closed.FIRST_OPEN_DAY)
    late(summary, keeper, LateChange.AMEND)
    keeper.choose(lock_date=keeper.entries()[0].date)
    summary.sync()
    assert "2026-06-01" not in "".join(summary.messages())
    keeper.choose(lock_date=None)
    settle(summary)


@pytest.mark.parametrize("how", list(Undoing))
def test_nothing_is_posted_anew_while_what_it_takes_the_place_of_stands(summary, keeper, how):
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    keeper.do("undo", keeper.entries()[0].id, how)
    words = "<TxnVoidRq" if how is Undoing.VOID else "<JournalEntryAdd>"
    summary.sync(plan=faults.refusing(words, 3180, times=9))
    keeper.approve_all()
    words = words if how is Undoing.VOID else "reversal of"
    for _ in range(2):
        summary.sync(plan=faults.refusing(words, 3180, times=9))
    assert summary.balances()["Billing Clearing"] == money("10.00")
    (held,) = [note for subject, state, note in summary.operations() if state == "held"]
    assert "Waits until B260531-1 is taken back in QuickBooks" in held
    again(summary)
    for _ in range(2):
        summary.sync()
    settle(summary)


def again(tenant):
    """Press Try again for whatever was refused."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        connection = main_connection(db, opened)
        failed = db.scalars(select(Operation.id).where(Operation.state == State.FAILED)).all()
        Desk(db, connection).again_chosen(failed, Outbox(db, opened, connection))


def test_a_repost_goes_whole_to_where_its_charge_is_mapped_now(summary, keeper):
    keeper.choose(late_change=LateChange.REVERSE)
    invoice(summary, "1", "10.00")
    summary.close("c")
    settle(summary)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    invoice(summary, "1", "25.00", version=2)
    settle(summary)
    assert summary.balances() == {"Billing Clearing": money("25.00"), "Sales:Usage": money("-25.00")}


@pytest.mark.parametrize("how", list(Undoing))
def test_what_a_waiting_true_up_turned_round_goes_with_the_repost(summary, keeper, how):
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "30.00")
    summary.close("c")
    keeper.approve_all()
    settle(summary)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    invoice(summary, "1", "55.00", version=2)
    keeper.do("undo", keeper.entries()[0].id, how)
    keeper.approve_all()
    settle(summary)
    assert summary.balances() == {"Billing Clearing": money("55.00"), "Sales:Usage": money("-55.00")}


def test_a_repost_that_waits_for_a_person_is_explained(summary, keeper):
    keeper.choose(late_change=LateChange.REVERSE, approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    settle(summary)
    invoice(summary, "1", "25.00", version=2)
    proof = summary.proof()
    assert proof.difference
    assert proof.unexplained == 0
    assert {share.cause.value for share in proof.shares} == {"not_sent"}
    keeper.approve_all()
    settle(summary)


def test_a_refused_entry_is_free_of_its_accounts_though_one_was_renamed_meanwhile(summary, keeper):
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    summary.sync(plan=faults.whenever("<JournalEntryAdd>", faults.LOSE_REQUEST))
    with summary.company() as company:
        people.rename(company, "Account", "Sales:Subscriptions", "Subs")
    summary.a_day_passes()
    refuse = faults.refusing("<JournalEntryAdd>", 3180, times=9)
    summary.sync(plan=refuse)
    summary.an_hour_passes()
    summary.sync(plan=refuse)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.approve_all()
    settle(summary)
    assert "Sales:Usage" in summary.balances()


def test_an_amendment_that_quickbooks_refused_can_be_taken_back_and_approved_anew(summary, keeper):
    keeper.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    settle(summary)
    invoice(summary, "2", "5.00", charge="use")
    keeper.approve_all()
    summary.sync(plan=faults.refusing("<JournalEntryMod>", 3180, times=9))
    summary.put("charges", "use", version=2, name="Usage", accounting_code="4010")
    again(summary)
    summary.sync()
    assert "is not what was approved" in summary.operations()[-1][2]
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.approve_all()
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1
    assert summary.balances() == {
        "Billing Clearing": money("15.00"),
        "Sales:Subscriptions": money("-15.00"),
    }


def keep(tenant):
    """Keep QuickBooks' version of the one thing that somebody edited there."""
    with tenant.db() as db:
        connection = main_connection(db, open_tenant(db, tenant.slug))
        operation = db.scalars(select(Operation).where(Operation.state == State.FAILED)).one()
        Rulings(db, connection, "Ada").keep(operation)


@pytest.mark.parametrize("first", [keep, again, None], ids=["kept", "sent", "undecided"])
@pytest.mark.parametrize("edit", ["change_amounts", "void_transaction"])
@pytest.mark.parametrize("how", list(Undoing))
def test_what_is_undone_is_what_quickbooks_has_whatever_somebody_made_of_it(
    summary, keeper, how, edit, first
):
    invoice(summary, "1", "100.00")
    summary.close("c")
    settle(summary)
    with summary.company() as company:
        (entry,) = company.transactions.all("JournalEntry")
        amounts = ["150.00", "150.00"] if edit == "change_amounts" else []
        getattr(people, edit)(company, entry.id, *amounts)
    with summary.db() as db:
        readback.want(db, main_connection(db, open_tenant(db, summary.slug)))
    summary.sync()
    if first:
        first(summary)
        summary.sync()
    keeper.do("undo", keeper.entries()[0].id, how)
    summary.sync()
    assert summary.balances() == {}
    keeper.approve_all()
    for _ in range(2):
        again(summary)
        summary.sync()
    settle(summary)
    assert summary.balances()["Billing Clearing"] == money("100.00")


def test_of_an_entry_whose_change_somebody_has_undone_there_is_nothing_to_decide(summary, keeper):
    invoice(summary, "1", "100.00")
    summary.close("c")
    settle(summary)
    for amount in ("150.00", "100.00"):
        with summary.company() as company:
            (entry,) = company.transactions.all("JournalEntry")
            people.change_amounts(company, entry.id, amount, amount)
        summary.read_back()
    summary.sync()
    assert summary.operations()[-1][1:] == ("done", "QuickBooks has it.")
    assert not any("<JournalEntryModRq" in text for text in summary.messages())
    assert not any(state in ("failed", "held") for _, state, _ in summary.operations())
    settle(summary)


@pytest.mark.parametrize("how", list(Undoing))
def test_an_entry_whose_emptying_was_refused_is_taken_back_and_undone(summary, keeper, how):
    keeper.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    settle(summary)
    invoice(summary, "1", "10.00", version=2, status="void")
    keeper.approve_all()
    summary.sync(plan=faults.refusing("<TxnVoidRq", 3180, times=9))
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.do("undo", keeper.entries()[0].id, how)
    keeper.approve_all()
    settle(summary)
    assert summary.balances() == {}


def amended(summary, keeper, refused=False):
    """An entry of 10.00 whose amendment by 5.00 waits for a person, or was refused and taken back."""
    keeper.choose(approval=Approval.MANUAL, late_change=LateChange.AMEND)
    summary.sync()
    invoice(summary, "1", "10.00")
    summary.close("c")
    keeper.approve_all()
    settle(summary)
    invoice(summary, "2", "5.00", charge="use")
    if refused:
        keeper.approve_all()
        summary.sync(plan=faults.refusing("<JournalEntryMod>", 3180, times=9))
        keeper.do("withdraw", keeper.entries()[0].id)


@pytest.mark.parametrize("how", list(Undoing))
@pytest.mark.parametrize("refused", [False, True], ids=["waits", "refused"])
def test_an_entry_whose_amendment_waits_is_undone_as_quickbooks_has_it(summary, keeper, how, refused):
    amended(summary, keeper, refused)
    entry = keeper.entries()[0]
    effect = keeper.do("undo_effect", entry.id)
    assert effect.amounts["Billing Clearing"] == money("-10.00")
    keeper.do("undo", entry.id, how)
    summary.sync()
    assert summary.balances() == {}
    assert summary.proof().unexplained == 0
    assert keeper.lines(entry.number)["Billing Clearing"] == money("10.00")
    assert entry.id not in [one.id for one in keeper.do("waiting")]
    assert keeper.do("approve", [entry.id]).entries == []
    keeper.approve_all()
    settle(summary)
    assert summary.balances()["Billing Clearing"] == money("15.00")


def test_what_comes_while_an_amendment_waits_goes_with_it(summary, keeper):
    amended(summary, keeper)
    invoice(summary, "3", "7.00")
    assert [entry.version for entry in keeper.entries()] == [2]
    keeper.approve_all()
    settle(summary)
    assert summary.counts()["JournalEntry"] == 1


def test_a_repost_of_what_a_person_took_back_waits_for_a_person(summary, keeper):
    amended(summary, keeper, refused=True)
    keeper.choose(approval=Approval.AUTOMATIC, late_change=LateChange.REVERSE)
    invoice(summary, "3", "7.00")
    summary.sync()
    assert summary.balances()["Billing Clearing"] == money("10.00")
    assert summary.proof().unexplained == 0
    keeper.approve_all()
    settle(summary)
    assert summary.balances()["Billing Clearing"] == money("22.00")


def test_what_stands_in_the_way_of_undoing_is_named_with_what_helps(summary, keeper):
    amended(summary, keeper)
    keeper.approve_all()
    with pytest.raises(Refused, match="does not have B260531-1 as approved"):
        keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    summary.sync(plan=faults.refusing("<JournalEntryMod>", 3180, times=9))
    keeper.do("withdraw", keeper.entries()[0].id)
    keeper.do("undo", keeper.entries()[0].id, Undoing.REVERSAL)
    keeper.approve_all()
    settle(summary)


@pytest.mark.parametrize("how", list(Undoing))
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"period": Period.MONTH}, {"period": Period.WEEK}),
        ({"period": Period.WEEK}, {"period": Period.CYCLE}),
        ({"together": True}, {"together": False}),
    ],
    ids=["week", "cycle", "apart"],
)
def test_what_is_undone_goes_where_an_entry_of_another_span_turns_it_round(
    summary, keeper, how, before, after
):
    keeper.choose(**before)
    summary.sync()
    invoice(summary, "1", "100.00", "2026-05-12")
    summary.close("c")
    settle(summary)
    keeper.choose(**after)
    summary.put("charges", "gold", version=2, name="Gold", accounting_code="4020")
    invoice(summary, "1", "120.00", "2026-05-12", version=2)
    settle(summary)
    keeper.do("undo", keeper.entries()[0].id, how)
    summary.sync()
    keeper.approve_all()
    settle(summary)
    assert summary.balances() == {"Billing Clearing": money("120.00"), "Sales:Usage": money("-120.00")}
