"""Summarized Journal Entry Mode, whatever happens: each cent in one entry that stands, all entries balanced."""

import itertools
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hub.books.models import Correction, Undoing
from hub.errors import Refused
from hub.sandbox import faults
from hub.tenants.models import Approval, Closed, Control, Detail, LateChange, Period
from tests.journal import Bookkeeper, invoice, keep_euros, pay, start
from tests.protocol.conftest import passes

CENTS = st.integers(1, 99_999).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
DAYS = st.integers(1, 31).map(lambda day: f"2026-05-{day:02}")
CURRENCIES = st.sampled_from(["USD", "EUR"])
LOSSES = {
    "requests lost": faults.LOSE_REQUEST,
    "answers lost": faults.LOSE_ANSWER,
}


class Books(RuleBasedStateMachine):
    """One tenant's months, pushed, changed, approved, reversed and carried in any order."""

    world = None

    @initialize(
        period=st.sampled_from(Period),
        together=st.booleans(),
        detail=st.sampled_from(Detail),
        control=st.sampled_from(Control),
        late=st.sampled_from(LateChange),
        approval=st.sampled_from(Approval),
        several=st.booleans(),
    )
    def begin(self, period, together, detail, control, late, approval, several):
        self.tenant = self.world.tenant("summary")
        self.several = several
        if several:
            keep_euros(self.tenant)
        self.keeper = Bookkeeper(self.tenant)
        self.names = itertools.count(1)
        self.invoices = {}
        self.payments = {}
        self.is_closed = False
        start(self.tenant)
        self.keeper.choose(
            period=period,
            together=together,
            detail=detail,
            control=control,
            late_change=late,
            approval=approval,
        )
        self.tenant.sync()

    def priced(self, currency):
        """What a record says of its currency; where QuickBooks keeps one alone it is the home currency."""
        return {"currency": currency if self.several else "USD"}

    @rule(amount=CENTS, date=DAYS, charge=st.sampled_from(["gold", "use"]), currency=CURRENCIES)
    def bill(self, amount, date, charge, currency):
        name = f"i{next(self.names)}"
        invoice(self.tenant, name, amount, date, charge=charge, **self.priced(currency))
        self.invoices[name] = (1, date, amount, charge)

    @precondition(lambda self: self.invoices)
    @rule(data=st.data(), amount=CENTS, charge=st.sampled_from(["gold", "use"]), currency=CURRENCIES)
    def change(self, data, amount, charge, currency):
        name = data.draw(st.sampled_from(sorted(self.invoices)))
        version, date, *_ = self.invoices[name]
        more = self.priced(currency)
        invoice(self.tenant, name, amount, date, version + 1, charge, **more)
        self.invoices[name] = (version + 1, date, amount, charge)

    @precondition(lambda self: self.invoices)
    @rule(data=st.data())
    def void(self, data):
        name = data.draw(st.sampled_from(sorted(self.invoices)))
        version, date, amount, charge = self.invoices.pop(name)
        invoice(self.tenant, name, amount, date, version + 1, charge, status="void")

    @rule(amount=CENTS, date=DAYS, method=st.sampled_from([None, "Check", "Visa"]), currency=CURRENCIES)
    def paid(self, amount, date, method, currency):
        more = self.priced(currency) | ({"method": method} if method else {})
        pay(self.tenant, f"p{next(self.names)}", amount, date, **more)

    @rule(amount=CENTS, date=DAYS)
    def credit(self, amount, date):
        name = f"c{next(self.names)}"
        lines = [{"charge": "gold", "amount": amount}]
        self.tenant.put(
            *("credit-memos", name),
            number=name,
            customer="ada",
            date=date,
            billing_cycle="c",
            lines=lines,
        )
        self.tenant.put("refunds", f"r{name}", customer="ada", date=date, amount=amount)

    @rule()
    def close(self):
        self.tenant.close("c")
        self.is_closed = True

    @rule(
        values=st.fixed_dictionaries(
            {},
            optional={
                "period": st.sampled_from(Period),
                "together": st.booleans(),
                "late_change": st.sampled_from(LateChange),
                "approval": st.sampled_from(Approval),
                "closed_period": st.sampled_from(Closed),
            },
        )
    )
    def choose(self, values):
        self.keeper.choose(**values)
        # The same choice again changes nothing.
        assert self.keeper.choose(**values) == {}

    @rule()
    def approve(self):
        self.keeper.do("approve", [entry.id for entry in self.keeper.do("waiting")])

    @precondition(lambda self: self.keeper.entries())
    @rule(data=st.data())
    def withdraw(self, data):
        entry = data.draw(st.sampled_from(self.keeper.entries()))
        try:
            self.keeper.do("withdraw", entry.id)
        except Refused:
            assert entry.approved

    @precondition(lambda self: self.keeper.entries())
    @rule(data=st.data(), how=st.sampled_from(Undoing))
    def undo(self, data, how):
        entry = data.draw(st.sampled_from(self.keeper.entries()))
        # What is not booked cannot be undone.
        with suppress(Refused):
            self.keeper.do("undo", entry.id, how)

    @rule(loss=st.sampled_from([None, *sorted(LOSSES)]))
    def carry(self, loss):
        if loss:
            self.tenant.sync(plan=faults.whenever("<JournalEntry", LOSSES[loss]))
        else:
            self.tenant.sync()

    @invariant()
    def each_posting_stands_in_one_entry(self):
        if not hasattr(self, "keeper"):
            return
        standing = {
            entry.id
            for entry in self.keeper.entries()
            if not entry.undone and entry.correction is not Correction.REVERSAL
        }
        entries = {entry for entry, _ in self.keeper.postings()}
        assert entries <= standing

    @invariant()
    def each_entry_balances(self):
        if not hasattr(self, "keeper"):
            return
        for draft in self.keeper.drafts().values():
            assert sum((line.amount for line in draft.lines), Decimal(0)) == 0
        sent = defaultdict(Decimal)
        for entry, lines in self.keeper.all_lines().items():
            sent[entry] += sum(lines, Decimal(0))
        assert not any(sent.values())

    def drain(self):
        """Approve and carry until nothing is left to do."""
        for _ in range(8):
            self.keeper.do("approve", [entry.id for entry in self.keeper.do("waiting")])
            passes(self.tenant, "1 hour")
            if self.tenant.sync().nothing_to_do and not self.keeper.do("waiting"):
                return
        raise AssertionError(f"never at rest: {self.tenant.operations()}")

    def teardown(self):
        if not hasattr(self, "keeper"):
            return
        self.tenant.close("c")
        self.drain()
        proof = self.tenant.proof()
        assert proof.difference == 0, proof
        billed = defaultdict(Decimal)
        for row in proof.rows:
            assert row.billed == row.booked, row
            billed[row.account] += row.billed
        assert self.tenant.balances() == {place: amount for place, amount in billed.items() if amount}
        assert not any(position.difference for position in proof.positions)
        before = [(entry.id, entry.number) for entry in self.keeper.entries()]
        self.keeper.ripen()
        assert [(entry.id, entry.number) for entry in self.keeper.entries()] == before


@pytest.mark.parametrize("examples", [12])
def test_whatever_happens_books_equal_bills(world, examples):
    Books.world = world
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        ),
    )
