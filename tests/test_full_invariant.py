"""Whatever is pushed, edited, voided and paid, and whatever goes wrong on the way: once all is sent,
QuickBooks' books are the ledger's, each document is there once, and nothing more is sent."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hub.sandbox import books, faults, people
from tests.full.bench import Bench

ZERO = Decimal("0.00")
cents = st.integers(100, 20_000).map(lambda value: Decimal(value).scaleb(-2))
plans = st.sampled_from(
    [
        faults.all_well,
        faults.whenever("Add>", faults.LOSE_ANSWER),
        faults.whenever("Add>", faults.LOSE_REQUEST),
        faults.whenever("SetCredit", faults.LOSE_ANSWER),
        faults.whenever("TxnDel", faults.UNEXPECTED_AFTER),
        faults.whenever("Mod>", faults.CRASH),
        faults.whenever("InvoiceAdd", faults.SOME_ANSWERS),
    ]
)


class Billing(RuleBasedStateMachine):
    """One tenant's billing, and a model of what it says."""

    world = None
    hierarchy = "flat"
    invoices = Bundle("invoices")
    payments = Bundle("payments")
    memos = Bundle("memos")

    def __init__(self):
        super().__init__()
        self.bench = Bench(self.world.tenant("full"))
        self.bench.choose(conflict="billing", hierarchy=self.hierarchy)
        # Where there are jobs, one is billed and its customer pays.
        self.billed = {"customer": "ada" if self.hierarchy == "flat" else "site"}
        self.bench.tenant.put("customers", "site", name="Site", parent="ada")
        self.totals = {}
        self.void = set()
        self.applied = {}
        """What a payment (``p1``) or credit memo (``c1``) is about, and which invoice it settles."""
        self.is_dirty = True

    def used(self, number):
        return sum((row[1] for row in self.applied.values() if row[2] == number), ZERO)

    def left(self, number):
        return self.totals[number] - self.used(number)

    def push_invoice(self, number, **more):
        self.is_dirty = True
        self.bench.invoice(number, str(self.totals[number]), **self.billed, **more)

    @rule(target=invoices, amount=cents)
    def bill(self, amount):
        number = str(100 + len(self.totals))
        self.totals[number] = amount
        self.push_invoice(number)
        return number

    @rule(number=invoices, amount=cents)
    def edit(self, number, amount):
        if number not in self.void:
            self.totals[number] = max(amount, self.used(number), Decimal("1.00"))
            self.push_invoice(number)

    @rule(number=invoices)
    def void_invoice(self, number):
        self.void.add(number)
        self.push_invoice(number, status="void")

    @rule(number=invoices)
    def restore(self, number):
        if number in self.void:
            self.void.discard(number)
            self.push_invoice(number)

    @rule(target=payments, number=invoices, amount=cents, over=st.booleans())
    def pay(self, number, amount, over):
        return self._settle("p", number, amount, over)

    @rule(target=memos, number=invoices, amount=cents, over=st.booleans())
    def credit(self, number, amount, over):
        return self._settle("c", number, amount, over)

    def _settle(self, letter, number, amount, over):
        name = f"{letter}{len(self.applied)}"
        part = ZERO if number in self.void else min(amount, self.left(number))
        total = amount if over or part == 0 else part
        self.applied[name] = (total, part, number)
        self._push(name)
        return name

    def _push(self, name, **more):
        self.is_dirty = True
        total, part, number = self.applied[name]
        pairs = [(number, str(part))] if part else []
        if name[0] == "p":
            self.bench.payment(name[1:], str(total), pairs, **more)
        else:
            self.bench.credit_memo(name[1:], str(total), pairs, **self.billed, **more)

    @rule(name=payments, amount=cents)
    def change_payment(self, name, amount):
        if name not in self.applied or self.applied[name][2] in self.void:
            return
        number = self.applied[name][2]
        self.applied[name] = (ZERO, ZERO, number)
        part = min(amount, self.left(number))
        self.applied[name] = (amount, part, number)
        self._push(name)

    @rule(name=st.one_of(payments, memos))
    def take_back(self, name):
        if name in self.applied:
            self._push(name, status="void")
            del self.applied[name]

    @precondition(lambda self: self.applied)
    @rule(plan=plans)
    def run(self, plan):
        self.bench.tenant.sync(plan=plan)
        self.bench.tenant.an_hour_passes()

    @rule(data=st.data())
    def meddle(self, data):
        """Somebody changes a description or deletes a payment in QuickBooks."""
        with self.bench.tenant.company() as company:
            found = company.transactions.all("Invoice") + company.transactions.all("ReceivePayment")
            if not found:
                return
            one = data.draw(st.sampled_from(found), label="meddled with")
            self.is_dirty = True
            if one.kind == "Invoice":
                people.change_memo(company, one.id, 0, "as agreed")
            else:
                people.delete_transaction(company, one.id)

    @rule()
    def drain(self):
        tenant = self.bench.tenant
        for _ in range(8):
            outcome = self.bench.read_back()
            tenant.an_hour_passes()
            self.bench.make_due()
            if "All is well" in outcome.message and outcome.message.startswith("0 booked"):
                break
        waiting = [row for row in tenant.operations() if row[1] not in ("done",)]
        note(f"left: {waiting}")
        assert waiting == [] or self._waits_rightly(waiting)
        if not waiting:
            self.compare()
            assert tenant.sync().nothing_to_do

    def _waits_rightly(self, waiting):
        """What names a void invoice waits, as the ledger itself says nothing sensible of it."""
        return all("which is void" in text for _, _, text in waiting)

    def compare(self):
        tenant = self.bench.tenant
        assert tenant.balances() == tenant.billed()
        with tenant.company() as company:
            transactions = company.transactions
            owed = sum(books.customer_balances(company).values(), ZERO)
            open_ = {}
            for invoice in transactions.all("Invoice"):
                number = invoice.ref_number.partition("-")[0]
                left = Decimal(transactions.remaining(invoice)).scaleb(-2)
                open_[number] = open_.get(number, ZERO) + left
            seen = [
                (one.kind, one.fields["ExternalGUID"])
                for kind in ("Invoice", "CreditMemo", "ReceivePayment")
                for one in transactions.all(kind)
            ]
        assert len(seen) == len(set(seen))
        billed = sum((total for number, total in self.totals.items() if number not in self.void), ZERO)
        assert owed == billed - sum((row[0] for row in self.applied.values()), ZERO)
        for number in self.totals:
            if number not in self.void:
                assert open_.get(number) == self.left(number), number

    def teardown(self):
        self.drain()


@pytest.mark.parametrize("hierarchy", ["flat", "jobs"])
def test_the_books_are_the_ledgers_whatever_happens(world, hierarchy):
    class InThisWorld(Billing):
        pass

    InThisWorld.world, InThisWorld.hierarchy = world, hierarchy
    run_state_machine_as_test(
        InThisWorld,
        settings=settings(
            max_examples=12 if hierarchy == "flat" else 6,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
