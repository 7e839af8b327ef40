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

EXAMPLES = int(os.environ.get("HUB_ATTACK", 12))
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
troubles = st.sampled_from(
    [
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
    ]
)


class Attack(RuleBasedStateMachine):
    """Two tenants or three, each with a computer or two."""

    world = None
    sites = ()

    @initialize(
        tenants=st.lists(
            st.tuples(st.sampled_from(["full", "summary"]), st.integers(1, 2)), min_size=2, max_size=3
        )
    )
    def begin(self, tenants):
        self.sites = [Site(self.world.tenant(mode), computers) for mode, computers in tenants]
        for site in self.sites:
            site.others = frozenset(one.tenant.slug for one in self.sites if one is not site)

    def site(self, number):
        return self.sites[number % len(self.sites)]

    def computer(self, number):
        computers = [computer for site in self.sites for computer in site.computers]
        return computers[number % len(computers)]

    @rule(
        number=which,
        steps=st.integers(1, 15),
        at=st.integers(1, 15),
        mishap=st.none() | mishaps,
        fault=st.none() | troubles,
    )
    def go(self, number, steps, at, mishap, fault):
        """Let a computer go on by some steps, with a mishap or a fault at one of them."""
        computer = self.computer(number)
        for step in range(1, steps + 1):
            if computer.was_busy:
                next(site for site in self.sites if computer in site.computers).an_hour_passes()
            strikes = step == min(at, steps)
            computer.go(mishap if strikes else None, fault if strikes else None)

    @rule(
        number=which,
        changes=st.lists(st.tuples(st.sampled_from(CHANGES), which, cents), min_size=1, max_size=6),
    )
    def platform_pushes(self, number, changes):
        platform = self.site(number).platform
        for change, *values in changes:
            getattr(platform, change)(*values)

    @rule(number=which)
    def an_hour_passes(self, number):
        self.site(number).an_hour_passes()

    @rule(number=which, late=which)
    def an_old_answer_arrives(self, number, late):
        self.computer(number).deliver_late(late)

    @rule(
        number=which, answer=st.sampled_from(["", "<html>", "<QBXML/>", "<QBXML><QBXMLMsgsRs/></QBXML>"])
    )
    def garbage_arrives(self, number, answer):
        self.computer(number).deliver_garbage(answer, "")

    @rule(number=which, is_short=st.booleans())
    def quickbooks_forgets(self, number, is_short):
        self.site(number).company.message_sets.forget_all()
        self.computer(number).quickbooks.short_memory = is_short

    @rule(number=which)
    def backup(self, number):
        self.site(number).back_up()

    @rule(number=which)
    def restore(self, number):
        self.site(number).restore()

    @rule(
        number=which,
        deed=st.sampled_from(
            ["rename_customer", "edit_customer", "delete_customer", "edit_transaction", "hide"]
        ),
        chosen=which,
    )
    def people_work(self, number, deed, chosen):
        getattr(self.site(number), deed)(chosen)

    @rule(number=which, deed=st.sampled_from(["try_again", "import_again"]))
    def staff_work(self, number, deed):
        getattr(self.site(number), deed)()

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
