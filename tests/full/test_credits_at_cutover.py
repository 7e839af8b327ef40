"""Credits across a cut-over, whatever comes first: used, or left open with a sentence, and never held."""

import datetime as dt

import pytest

from hub.books.connections import main_connection
from hub.exporters.credits import CREDIT_STAYS_OPEN
from hub.qbwc import cutover
from hub.qbwc.outbox import Outbox
from hub.tenants.service import StaffRoom, open_tenant
from tests.full.test_changes import all_is_proved
from tests.test_switching import switch

EARLY, CUTOVER, LATE = "2026-04-20", "2026-05-01", "2026-05-03"


@pytest.fixture
def cut_over(bench):
    """Move the cut-over as the page does."""

    def move(day=CUTOVER):
        with bench.tenant.db() as db:
            tenant = open_tenant(db, bench.tenant.slug)
            outbox = Outbox(db, tenant, main_connection(db, tenant))
            wanted = dt.date.fromisoformat(day) if day else None
            cutover.move(db, outbox, StaffRoom(db, tenant, "Ada"), wanted)

    return move


def credits(bench):
    """Return where the newest errand of credits stands, and why."""
    found = [(state, note) for kind, state, note in bench.tenant.operations() if kind == "credits"]
    return found[-1] if found else None


def settle(bench):
    for _ in range(3):
        bench.tenant.sync()
    assert bench.notes("held", "failed", "queued") == []


def test_the_cutover_comes_before_the_credit(bench, cut_over):
    cut_over()
    bench.invoice("1", "100.00", date=EARLY)
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    settle(bench)
    assert credits(bench) == ("done", CREDIT_STAYS_OPEN)


def test_the_cutover_comes_while_both_are_held(bench, cut_over):
    bench.tenant.put("charges", "odd", name="Odd", item="No such item")
    bench.invoice("1", "100.00", charge="odd", date=EARLY)
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    assert credits(bench)[0] == "held"
    cut_over()
    settle(bench)
    assert credits(bench) == ("done", CREDIT_STAYS_OPEN)
    assert bench.documents("CreditMemo") == [("7", "30.00", "30.00")]


@pytest.mark.parametrize("date", [EARLY, LATE], ids=["behind", "anew"])
def test_a_switch_to_summaries_comes_while_the_invoice_is_held(bench, date):
    bench.tenant.put("charges", "odd", name="Odd", item="No such item")
    bench.invoice("1", "100.00", charge="odd", date=date)
    bench.credit_memo("7", "30.00", [("1", "30.00")], date=EARLY)
    bench.tenant.sync()
    assert credits(bench)[0] == "held"
    switch(bench.tenant, CUTOVER)
    settle(bench)
    assert credits(bench) == ("done", CREDIT_STAYS_OPEN)


def test_the_invoice_is_dated_behind_the_cutover_later(bench, cut_over):
    cut_over()
    bench.tenant.put("charges", "odd", name="Odd", item="No such item")
    bench.invoice("1", "100.00", charge="odd")
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    bench.tenant.sync()
    bench.invoice("1", "100.00", charge="odd", date=EARLY)
    settle(bench)
    assert credits(bench) == ("done", CREDIT_STAYS_OPEN)


def test_the_invoice_is_dated_past_the_cutover_later(bench, cut_over):
    cut_over()
    bench.invoice("1", "100.00", date=EARLY)
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    settle(bench)
    bench.invoice("1", "100.00")
    settle(bench)
    assert bench.documents() == [("1", "100.00", "70.00")]
    all_is_proved(bench)


def test_the_cutover_is_moved_back_behind_the_invoice(bench, cut_over):
    cut_over()
    bench.invoice("1", "100.00", date=EARLY)
    bench.credit_memo("7", "30.00", [("1", "30.00")])
    settle(bench)
    cut_over("")
    settle(bench)
    assert bench.documents() == [("1", "100.00", "70.00")]
    all_is_proved(bench)


@pytest.mark.parametrize("first", ["cutover", "invoice"])
def test_the_credit_memo_stays_behind(bench, cut_over, first):
    if first == "cutover":
        cut_over()
    bench.invoice("1", "100.00")
    bench.credit_memo("7", "30.00", [("1", "30.00")], date=EARLY)
    if first != "cutover":
        cut_over()
    settle(bench)
    assert bench.documents() == [("1", "100.00", "100.00")]
    assert credits(bench)[0] == "done"
