"""Whatever is pushed, edited, voided and paid, whatever somebody does in QuickBooks and decides in the
queue, and whatever goes wrong on the way: QuickBooks' books are the ledger's, but for what somebody
wants otherwise, which the proof names to the cent; each document is there once, and nothing more is sent."""

import os
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from hub.books.differences import Cause
from hub.books.models import Link
from hub.ledger.models import CreditMemo, Invoice, Payment, Refund
from hub.qbwc.models import State
from hub.sandbox import books, faults, people
from hub.tenants.service import open_tenant
from tests.full.bench import DATE, Bench
from tests.full.person import Person

EXAMPLES = int(os.environ.get("HUB_EXAMPLES", "0"))
"""How many others are tried than the same few of every run."""
ZERO = Decimal("0.00")
CLOSED = "2026-05-31"
LATER = "2026-06-03"
KINDS = {
    **{"Invoice": 1, "CreditMemo": -1, "ReceivePayment": -1},
    **{"ARRefundCreditCard": 1, "JournalEntry": 1},
}
"""What is in QuickBooks, and whether it adds to what a customer owes."""
WRITES = ("Add>", "Mod>", "<TxnDelRq", "<TxnVoidRq")
ON_PURPOSE = {Cause.EXCLUDED, Cause.HELD, Cause.CLOSED_PERIOD, Cause.EDITED, Cause.DELETED, Cause.FAILED}
cents = st.integers(100, 20_000).map(lambda value: Decimal(value).scaleb(-2))
dates = st.sampled_from([DATE, DATE, LATER])
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
    """Ada alone is billed, or her job Site as well."""
    invoices = Bundle("invoices")
    payments = Bundle("payments")
    memos = Bundle("memos")
    refunds = Bundle("refunds")

    def __init__(self):
        super().__init__()
        self.bench = Bench(self.world.tenant("full"))
        self.person = Person(self.bench.tenant)
        self.totals = {}
        self.customers = {}
        """Who is billed with an invoice, and who gave a payment or is given what else there is."""
        self.void = set()
        self.dates = {}
        self.applied = {}
        """What a payment (``p1``) or credit memo (``c1``) is about, and which invoice it settles."""
        self.returned = {}
        """What a refund (``r1``) of a credit memo or a chargeback of a payment is about, and of which."""
        self.last_word = "retry"

    @initialize(
        conflict=st.sampled_from(["billing", "quickbooks", "ask", "ask"]),
        last_word=st.sampled_from(["keep", "retry"]),
    )
    def begin(self, conflict, last_word):
        self.bench.choose(conflict=conflict, hierarchy=self.hierarchy)
        if self.hierarchy == "jobs":
            self.bench.tenant.put("customers", "site", name="Site", parent="ada")
        self.conflict, self.last_word = conflict, last_word

    # the billing

    def used(self, number):
        return sum((self.part(name) for name, row in self.applied.items() if row[2] == number), ZERO)

    def part(self, name):
        """What of a payment or credit memo settles its invoice; of a payment what was not charged back."""
        total, part, _ = self.applied[name]
        return min(part, total - self.given_back(name)) if name[0] == "p" else part

    def given_back(self, name):
        return sum((row[0] for row in self.returned.values() if row[1] == name), ZERO)

    def left(self, number):
        return self.totals[number] - self.used(number)

    def push_invoice(self, number, **more):
        more |= {"date": self.dates[number], "customer": self.customers[number]}
        self.bench.invoice(number, str(self.totals[number]), **more)

    def _customer(self, is_job):
        return "site" if is_job and self.hierarchy == "jobs" else "ada"

    @rule(target=invoices, amount=cents, date=dates, is_job=st.booleans())
    def bill(self, amount, date, is_job):
        number = str(100 + len(self.totals))
        self.totals[number], self.dates[number] = amount, date
        self.customers[number] = self._customer(is_job)
        self.push_invoice(number)
        return number

    @rule(number=invoices, amount=cents)
    def edit(self, number, amount):
        if number not in self.void:
            self.totals[number] = max(amount, self.used(number), Decimal("1.00"))
            self.push_invoice(number)

    @precondition(lambda self: self.hierarchy == "jobs")
    @rule(number=invoices, is_job=st.booleans())
    def move(self, number, is_job):
        """The billing corrects whose an invoice is that nothing settles."""
        if number not in self.void and not self.used(number):
            self.customers[number] = self._customer(is_job)
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

    @rule(
        target=payments,
        number=invoices,
        amount=cents,
        over=st.booleans(),
        date=dates,
        by_parent=st.booleans(),
    )
    def pay(self, number, amount, over, date, by_parent):
        return self._settle("p", number, amount, over, date, by_parent)

    @rule(target=memos, number=invoices, amount=cents, over=st.booleans(), date=dates)
    def credit(self, number, amount, over, date):
        return self._settle("c", number, amount, over, date)

    def _settle(self, letter, number, amount, over, date, by_parent=False):
        name = f"{letter}{len(self.dates)}"
        self.customers[name] = "ada" if by_parent else self.customers[number]
        part = ZERO if number in self.void else min(amount, self.left(number))
        total = amount if over or part == 0 else part
        self.applied[name], self.dates[name] = (total, part, number), date
        self._push(name)
        return name

    def _push(self, name, **more):
        total, part, number = self.applied[name]
        pairs = [(number, str(part))] if part else []
        send = self.bench.payment if name[0] == "p" else self.bench.credit_memo
        more |= {"date": self.dates[name], "customer": self.customers[name]}
        send(name[1:], str(total), pairs, **more)

    @rule(name=payments, amount=cents)
    def change_payment(self, name, amount):
        if name not in self.applied or self.applied[name][2] in self.void:
            return
        number = self.applied[name][2]
        if self.customers[name] not in ("ada", self.customers[number]):
            return
        self.applied[name] = (ZERO, ZERO, number)
        part = min(amount, self.left(number))
        self.applied[name] = (max(amount, self.given_back(name)), part, number)
        self._push(name)

    @rule(name=st.one_of(payments, memos))
    def take_back(self, name):
        if name in self.applied:
            for refund in [one for one, row in self.returned.items() if row[1] == name]:
                self._take_refund_back(refund)
            self._push(name, status="void")
            del self.applied[name]

    @rule(target=refunds, name=st.one_of(payments, memos), amount=cents, date=dates)
    def give_back(self, name, amount, date):
        """A credit memo is refunded, or a payment charged back."""
        if name not in self.applied:
            return multiple()
        total, part, _ = self.applied[name]
        most = total - self.given_back(name) - (part if name[0] == "c" else ZERO)
        if most <= 0:
            return multiple()
        refund = f"r{len(self.dates)}"
        self.returned[refund], self.dates[refund] = (min(amount, most), name), date
        self.customers[refund] = self.customers[name]
        self._push_refund(refund)
        return refund

    @rule(refund=refunds)
    def take_refund_back(self, refund):
        if refund in self.returned:
            self._take_refund_back(refund)

    def _take_refund_back(self, refund):
        self._push_refund(refund, status="void")
        del self.returned[refund]

    def _push_refund(self, refund, **more):
        amount, name = self.returned[refund]
        of = {"credit_memo": name} if name[0] == "c" else {"refund_kind": "chargeback", "payment": name}
        more |= {"date": self.dates[refund], "customer": self.customers[refund]}
        self.bench.refund(refund[1:], str(amount), **of, **more)

    # QuickBooks

    @precondition(lambda self: self.applied or self.totals)
    @rule(plan=plans)
    def run(self, plan):
        self.bench.tenant.sync(plan=plan)
        self.bench.tenant.an_hour_passes()

    @rule(
        data=st.data(),
        what=st.sampled_from(["amounts", "amounts", "memo", "delete", "void"]),
        amount=cents,
    )
    def meddle(self, data, what, amount):
        """Somebody changes, voids or deletes a document in QuickBooks."""
        with self.bench.tenant.company() as company:
            found = [one for kind in KINDS for one in company.transactions.all(kind)]
            if not found:
                return
            one = found[data.draw(st.integers(0, len(found) - 1), label="which")]
            note(f"{what} of {one.kind} {one.ref_number}")
            if what == "delete":
                people.delete_transaction(company, one.id)
            elif what == "void" or one.kind not in people.SAVES or one.kind == "JournalEntry":
                people.void_transaction(company, one.id)
            elif what == "memo" and one.lines:
                people.change_memo(company, one.id, 0, "as agreed")
            else:
                people.change_amounts(company, one.id, str(amount))

    @rule(date=st.sampled_from(["", CLOSED]))
    def close_the_books(self, date):
        self._close(date)

    def _close(self, date):
        with self.bench.tenant.company() as company:
            company.prefer(ClosingDate=date)

    # a person

    @rule(
        data=st.data(),
        button=st.sampled_from(["keep", "retry", "exclude", "include"]),
        along=st.booleans(),
    )
    def decide(self, data, button, along):
        states = [State.EXCLUDED] if button == "include" else [State.HELD, State.FAILED, State.QUEUED]
        found = self.person.waiting(*states)
        if button == "keep":
            found = [one for one in found if one.is_edited]
        if found:
            one = found[data.draw(st.integers(0, len(found) - 1), label="which")]
            note(f"{button}: {one}")
            self.person.press(one, button, **({"dependants": "1"} if along else {}))

    # what must hold

    @rule()
    def drain(self):
        """Nothing is sent twice, and whatever is not there has a name."""
        self._run_on()
        self._nothing_more_is_sent()
        proof = self.bench.tenant.proof()
        assert proof.unexplained == 0, proof.as_json()
        assert {share.cause for share in proof.shares} <= ON_PURPOSE, proof.as_json()
        self._booked_is_there(proof)

    def _run_on(self, decide=lambda: False):
        """Run until nothing more happens, with somebody who decides in between."""
        for _ in range(10):
            outcome = self.bench.read_back()
            self.bench.tenant.an_hour_passes()
            self.bench.make_due()
            if not decide() and outcome.message.startswith("0 booked"):
                break

    def _nothing_more_is_sent(self):
        before = len(self.bench.tenant.messages())
        self.bench.tenant.sync()
        for text in self.bench.tenant.messages()[before:]:
            assert not any(word in text for word in WRITES), text

    def _booked_is_there(self, proof):
        """What the proof says to be booked on each account is in QuickBooks, to the cent."""
        booked = {row.account: row.booked for row in proof.rows if row.booked}
        assert self.bench.tenant.balances() == booked

    def _decide_all(self):
        """Include everything again, and say whose version stands of what was edited."""
        is_done = False
        for one in self.person.waiting(State.EXCLUDED, State.FAILED, State.HELD):
            if one.state is State.EXCLUDED:
                is_done |= self.person.press(one, "include")
            elif one.is_edited:
                note(f"{self.last_word}: {one}")
                is_done |= self.person.press(one, self.last_word)
            elif one.state is State.FAILED or "Press Try again to book it anew" in one.note:
                # What is gone is held where its record has changed meanwhile.
                is_done |= self.person.press(one, "retry")
        return is_done

    def teardown(self):
        self.drain()
        self._close("")
        self._run_on(self._decide_all)
        waiting = self.person.waiting()
        note(f"left: {waiting}")
        # What names a void invoice waits, as the ledger itself says nothing sensible of it.
        assert all("which is void" in one.note for one in waiting), waiting
        self.compare(waiting)
        self._nothing_more_is_sent()

    def compare(self, waiting):
        proof = self.bench.tenant.proof()
        kept, owner, names = self._links()
        note(f"kept: {kept}")
        assert not kept or self.conflict != "billing"
        assert proof.unexplained == 0, proof.as_json()
        stuck = {names[one.subject.replace("credits:", "invoice:")] for one in waiting}
        on_purpose = {Cause.EDITED, *([Cause.HELD] if stuck else [])}
        assert {share.cause for share in proof.shares} <= on_purpose, proof.as_json()
        kept |= stuck
        assert kept or not proof.shares
        self._booked_is_there(proof)
        with self.bench.tenant.company() as company:
            transactions = company.transactions
            seen = [one for kind in KINDS for one in transactions.all(kind)]
            owed = books.customer_balances(company)
            called = {one.id: one.full_name for one in company.lists.all("Customer")}
            open_ = {one.id: Decimal(transactions.remaining(one)).scaleb(-2) for one in seen}
        marks = [one.fields["ExternalGUID"] for one in seen]
        assert len(marks) == len(set(marks))
        billed = self._billed()
        there = Counter()
        unpaid = dict.fromkeys(self.totals, ZERO)
        for one in seen:
            name = owner[one.id]
            there[called.get(one.customer, "Ada"), name] += KINDS[one.kind] * Decimal(one.total).scaleb(
                -2
            )
            if one.kind == "Invoice":
                unpaid[name] += open_[one.id]
        off = {key: billed[key] - there[key] for key in {*billed, *there} if billed[key] != there[key]}
        assert {name for _, name in off} <= kept, (off, kept)
        for customer in owed:
            of_customer = sum(amount for (whose, _), amount in billed.items() if whose == customer)
            edited = sum(amount for (whose, _), amount in off.items() if whose == customer)
            assert owed[customer] == of_customer - edited, customer
        edited = sum(off.values(), ZERO)
        causes = {
            row.account: sum((row.causes.get(one, ZERO) for one in on_purpose), ZERO)
            for row in proof.rows
        }
        assert causes.get("Accounts Receivable", ZERO) == edited
        for number in self.totals:
            mine = {number, *(name for name, row in self.applied.items() if row[2] == number)}
            mine |= {name for name, row in self.returned.items() if row[1] in mine}
            if number not in self.void and not mine & kept:
                assert unpaid[number] == self.left(number), number

    def _billed(self):
        """Return what each record adds to what a customer owes, by the billing: by customer and name."""
        found = Counter()
        for number, total in self.totals.items():
            found[self._place(number), number] = ZERO if number in self.void else total
        for name, (total, *_) in self.applied.items():
            found[self._place(name), name] = -total
        for name, (amount, of) in self.returned.items():
            found[self._place(of), name] = amount
        return found

    def _place(self, name):
        """Return on whose account it stands: a payment is on the account of what it pays."""
        _, part, number = self.applied.get(name, (ZERO, ZERO, ""))
        customer = self.customers[number if part else name]
        return {"ada": "Ada", "site": "Ada:Site"}[customer]

    def _links(self):
        """Return which records stand in QuickBooks in its own version, whose each TxnID is, and what the
        model calls each subject."""
        with self.bench.tenant.db() as db:
            open_tenant(db, self.bench.tenant.slug)
            names = {}
            for model in (Invoice, CreditMemo, Payment, Refund):
                for row in db.execute(select(model.id, model.external_id)):
                    # Invoices are called by their numbers here.
                    names[f"{model.__tablename__}:{row.id}"] = row.external_id.removeprefix("i")
            links = db.scalars(select(Link)).all()
            subjects = {f"reversal:{one.id}": one.formerly for one in links if one.formerly}
            whose = {
                one.object_id: one.formerly or subjects.get(one.subject, one.subject) for one in links
            }
            edited = {whose[one.object_id] for one in links if one.edited and not one.missing}
        owner = {id_: names[subject] for id_, subject in whose.items() if subject in names}
        return {names[subject] for subject in edited if subject in names}, owner, names


@pytest.mark.parametrize("shape", ["flat", "jobs"])
def test_the_books_are_the_ledgers_whatever_happens(world, shape):
    class InThisWorld(Billing):
        hierarchy = shape

    InThisWorld.world = world
    run_state_machine_as_test(
        InThisWorld,
        settings=settings(
            max_examples=EXAMPLES or 10,
            derandomize=not EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            # What fails is short enough to read, and looking for a shorter one takes an hour.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
