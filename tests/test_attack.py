"""Whatever happens on the way, in the end the books equal the bills, and nothing is there twice.

Several Web Connectors of several tenants make their calls in any order, with mishaps on the
line, in the hub's processes, in PostgreSQL and in QuickBooks, while records keep coming. Then
it grows calm: sessions run undisturbed and somebody presses Try again where that is asked for.

Two things are left out, as nobody could put them right (protocol.md D.5): QuickBooks is not
given a message after the hub has waited an hour for it and let another computer take over, and
what people delete from the books by hand is not missed unless the hub has reason to look.

``HUB_ATTACK=1000`` makes it go on for that many examples.
"""

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from hub.sandbox import faults
from tests.attack.line import (
    DROP,
    DROP_BEFORE_COMMIT,
    KILL,
    KILL_AFTER_COMMIT,
    KILL_BEFORE_COMMIT,
    LOSE_ANSWER,
    LOSE_CALL,
    TWICE,
    Mishap,
)
from tests.attack.platform import CHANGES
from tests.attack.site import Site
from tests.world import World

EXAMPLES = int(os.environ.get("HUB_ATTACK", 8))
FEW = 3
"""Steps until QuickBooks is given the next message, where there is one."""
LOCKED = "The object could not be locked. It is in use by another user."

which = st.integers(0, 5)
cents = st.integers(1, 5000)
mishaps = st.builds(
    Mishap,
    st.sampled_from(
        [
            LOSE_ANSWER,
            LOSE_CALL,
            TWICE,
            KILL,
            KILL_AFTER_COMMIT,
            KILL_BEFORE_COMMIT,
            DROP,
            DROP_BEFORE_COMMIT,
        ]
    ),
    st.integers(1, 30),
)
TROUBLES = (
    faults.LOSE_ANSWER,
    faults.LOSE_REQUEST,
    faults.UNEXPECTED,
    faults.UNEXPECTED_AFTER,
    faults.CRASH,
    faults.MODAL_DIALOG,
    faults.UNREADABLE,
    faults.RESTART,
    faults.UNSTORED,
    faults.GARBAGE,
    faults.EMPTY,
    faults.TRUNCATED,
    faults.SOME_ANSWERS,
    faults.Refuse("Add>", 1000),
    faults.Refuse("Add>", 1000, runs=True),
    faults.Refuse("Add>", 510, "It may be there.", "Warn", runs=True),
    faults.Refuse("Invoice", 3175, LOCKED),
    faults.Refuse("Mod>", 3200, "The edit sequence is out of date."),
    faults.Refuse("Mod>", 1000, runs=True),
    faults.Refuse("Txn", 1000, runs=True),
    faults.Refuse("Query", 1000),
)
troubles = st.sampled_from(TROUBLES)


@dataclass(frozen=True)
class Go:
    """A computer goes on by some steps, and then something strikes the next one that it can."""

    computer: int
    steps: int
    strike: object = None


goes = st.lists(
    st.builds(Go, which, st.integers(0, 12), st.none() | mishaps | mishaps | troubles),
    min_size=1,
    max_size=4,
)
changes = st.lists(st.tuples(st.sampled_from(CHANGES), which, cents), min_size=2, max_size=8)
tenants = st.lists(
    st.tuples(st.sampled_from(["full", "summary"]), st.integers(1, 2), changes), min_size=2, max_size=3
)


class Attack(RuleBasedStateMachine):
    """Two tenants or three, each with a computer or two. After each event some computers go on."""

    world = None
    sites = ()

    @initialize(tenants=tenants)
    def begin(self, tenants):
        self.sites = [Site(self.world.tenant(mode), computers) for mode, computers, _ in tenants]
        for site, (_, _, changes) in zip(self.sites, tenants, strict=True):
            site.others = frozenset(one.tenant.slug for one in self.sites if one is not site)
            site.platform.make(changes)

    def site(self, number):
        return self.sites[number % len(self.sites)]

    def computer(self, number):
        computers = [computer for site in self.sites for computer in site.computers]
        return computers[number % len(computers)]

    def go(self, goes):
        for one in goes:
            computer = self.computer(one.computer)
            for _ in range(one.steps):
                if not self.step(computer):
                    break
            if isinstance(one.strike, Mishap):
                if computer.holds_message:
                    self.step(computer)
                self.step(computer, one.strike)
            elif one.strike is not None:
                for _ in range(FEW):
                    if computer.holds_message or not self.step(computer):
                        break
                self.step(computer, None, one.strike)

    def step(self, computer, *strike):
        """Let a computer do what comes next; return whether it has a session, or waits for one."""
        if computer.was_busy:
            # It knocks again when the other one has been quiet for long.
            next(site for site in self.sites if computer in site.computers).an_hour_passes()
        computer.go(*strike)
        return computer.was_busy or computer.step != computer.authenticate

    @rule(goes=goes)
    def only_go_on(self, goes):
        self.go(goes)

    @rule(number=which, changes=changes, goes=goes)
    def platform_pushes(self, number, changes, goes):
        self.site(number).platform.make(changes)
        self.go(goes)

    @rule(number=which, goes=goes)
    def an_hour_passes(self, number, goes):
        self.site(number).an_hour_passes()
        self.go(goes)

    @rule(number=which, late=which, goes=goes)
    def an_old_answer_arrives(self, number, late, goes):
        self.computer(number).deliver_late(late)
        self.go(goes)

    @rule(
        number=which,
        answer=st.sampled_from(["", "<html>", "<QBXML/>", "<QBXML><QBXMLMsgsRs/></QBXML>"]),
        goes=goes,
    )
    def garbage_arrives(self, number, answer, goes):
        self.computer(number).deliver_garbage(answer, "")
        self.go(goes)

    @rule(number=which, is_short=st.booleans(), goes=goes)
    def quickbooks_forgets(self, number, is_short, goes):
        self.site(number).company.message_sets.forget_all()
        self.computer(number).quickbooks.short_memory = is_short
        self.go(goes)

    @rule(number=which, goes=goes)
    def backup(self, number, goes):
        self.site(number).back_up()
        self.go(goes)

    @rule(number=which, goes=goes)
    def restore(self, number, goes):
        self.site(number).restore()
        self.go(goes)

    @rule(
        number=which,
        deed=st.sampled_from(
            ["rename_customer", "edit_customer", "delete_customer", "edit_transaction", "hide"]
        ),
        chosen=which,
        goes=goes,
    )
    def people_work(self, number, deed, chosen, goes):
        getattr(self.site(number), deed)(chosen)
        self.go(goes)

    @rule(number=which, deed=st.sampled_from(["try_again", "import_again"]), goes=goes)
    def staff_work(self, number, deed, goes):
        getattr(self.site(number), deed)()
        self.go(goes)

    def teardown(self):
        try:
            for site in self.sites:
                site.calm_down()
            for site in self.sites:
                site.check()
        finally:
            for site in self.sites:
                site.close()


def test_nothing_is_lost_or_booked_twice_whatever_happens(app, settings, tmp_path_factory):
    class Here(Attack):
        world = World(app, settings, tmp_path_factory.mktemp("attack"))

    run_state_machine_as_test(Here, settings=PROFILE)


PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
