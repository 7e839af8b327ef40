"""protocol.md D.1, D.2 and D.3: what follows from every status code."""

import pytest

from hub.qbwc import statuses
from hub.qbwc.fates import TRIES
from hub.qbwc.statuses import Action, Outcome
from hub.sandbox import faults
from tests.protocol.conftest import (
    bill,
    customers,
    operations,
    passes,
    pauses_pass,
    states,
)

UNLISTED = [2000, 3001, 3099, 3333, 8999, 9100, 9199, 9200, 12345]
CODES = sorted({*statuses.STATUSES, *UNLISTED})
TABLE = {code: statuses.status(code) for code in CODES}


def codes(*actions, outcome=None):
    return pytest.mark.parametrize(
        "code",
        [
            code
            for code, row in TABLE.items()
            if row.action in actions and outcome in (None, row.outcome)
        ],
    )


@pytest.fixture
def tenant(shared):
    yield shared
    passes(shared, "1 hour")


def struck(tenant, name, code, sentence="It says so.", runs=False, times=1, **options):
    """Sync a customer called ``name`` who is answered with ``code``, and another one."""
    customers(tenant, name, f"{name} too")
    request = "<CustomerAddRq"
    plan = faults.refusing(f"<Name>{name}</Name>", code, sentence, runs=runs, times=times)
    return tenant.sync(plan=lambda text: plan(text) if request in text else None, **options)


def newest(tenant, name):
    """The newest operations of ``name`` and of who was in the same message."""
    *_, one, two = operations(tenant, "customer")
    return one, two


def is_there(tenant, name):
    with tenant.company() as company:
        return company.lists.named("Customer", name) is not None


@codes(Action.HOLD)
def test_a_refusal_holds_its_record_and_the_others_go_on(tenant, code):
    """D.2 FIX, STOP, BUG and unlisted: show the text to the user, park the object, go on."""
    name = f"Held {code}"
    outcome = struck(tenant, name, code, "Something particular.")
    assert outcome.ok
    one, two = newest(tenant, name)
    assert one.state.value == "failed"
    row = TABLE[code]
    assert one.note == row.sentence("Something particular.")
    assert "QuickBooks says: “Something particular.”" in one.note
    assert two.state.value == "done"
    assert not is_there(tenant, name)
    assert is_there(tenant, f"{name} too")


@codes(Action.RETRY)
def test_what_is_busy_goes_again_later(tenant, code):
    """D.2 RETRY: next session, with growing pauses; 3230 and 3231 at once, so many times."""
    name = f"Busy {code}"
    struck(tenant, name, code, times=1)
    one, two = newest(tenant, name)
    assert two.state.value == "done"
    if code in statuses.NOT_PROCESSED:
        assert (one.state.value, one.attempts) == ("done", 2)
    else:
        assert one.state.value in ("queued", "done")
        pauses_pass(tenant)
        tenant.sync()
        assert newest(tenant, name)[0].state.value == "done"
    assert is_there(tenant, name)


@codes(Action.LOOK_UP, outcome=Outcome.UNKNOWN)
@pytest.mark.parametrize("runs", [True, False])
def test_what_may_have_happened_is_looked_up_first(tenant, code, runs):
    """D.2 510, 1000 and D.1: the write may have happened: query before any resend."""
    name = f"Perhaps {code} {runs}"
    outcome = struck(tenant, name, code, runs=runs)
    assert outcome.ok
    assert f"<FullName>{name}</FullName>" in "".join(tenant.messages())
    with tenant.company() as company:
        found = [one for one in company.lists.all("Customer") if one.name == name]
    assert len(found) == 1
    assert {one.state.value for one in operations(tenant, "customer")[-2:]} == {"done"}


@codes(Action.SETTLE)
def test_done_without_a_word_of_the_object_is_looked_up(tenant, code):
    """D.1: below 1000 is done; what QuickBooks made is read where it did not show it."""
    name = f"Shown {code}"
    outcome = struck(tenant, name, code, runs=True)
    assert outcome.ok
    assert is_there(tenant, name)
    assert f"<FullName>{name}</FullName>" in "".join(tenant.messages())
    assert operations(tenant, "customer")[-1].state.value == "done"


@codes(Action.LOOK_UP, outcome=Outcome.NOT_BOOKED)
def test_what_refers_to_something_gone_waits_for_a_person(tenant, code):
    """D.2 REQUERY of an addition: nothing of its own can be read again."""
    name = f"Gone {code}"
    assert struck(tenant, name, code).ok
    one, _ = newest(tenant, name)
    # A name whose owner has given it up meanwhile is tried again.
    is_free = code == statuses.NAME_TAKEN
    assert one.state.value == ("done" if is_free else "failed")
    assert is_there(tenant, name) == is_free


# retries


LOCKS = [
    "The list has been modified by another user.",
    "The Customers internals could not be locked.",
    "QuickBooks failed to acquire the lock.",
    "This list element is in use.",
]


@pytest.mark.parametrize("text", LOCKS)
@pytest.mark.parametrize("code", [3170, 3180])
def test_lock_texts_go_again(tenant, code, text):
    """D.2: texts that mean "send again", whatever the code."""
    name = f"Lock {code} {LOCKS.index(text)}"
    assert struck(tenant, name, code, text).ok
    pauses_pass(tenant)
    tenant.sync()
    assert is_there(tenant, name)


def test_retries_are_spaced_and_bounded(full):
    """D.2: a retry budget with growing pauses, then it needs attention; others keep going."""
    full.sync()
    customers(full, "Ada")
    plan = faults.refusing("<Name>Ada</Name>", 3175, "In use.", times=100)
    pauses = []
    for _ in range(3 * TRIES):
        if full.sync(plan=plan).nothing_to_do:
            (one,) = operations(full)
            if one.state.value == "failed":
                break
            assert full.sync().nothing_to_do
            pauses.append(one.attempts)
            pauses_pass(full)
    (one,) = operations(full)
    assert (one.state.value, one.attempts, one.code) == ("failed", TRIES, 3175)
    assert "Somebody has this record open in QuickBooks." in one.note
    assert pauses == [2, 3, 4]


def test_the_pauses_grow(full):
    """D.2: at first at once, then after 5, 15 and 60 minutes."""
    full.sync()
    customers(full, "Ada")
    plan = faults.refusing("<Name>Ada</Name>", 3175, "In use.", times=100)
    minutes = []
    while states(full) != ["failed"]:
        full.sync(plan=plan)
        (one,) = operations(full)
        if one.due:
            minutes.append(round((one.due - one.settled).total_seconds() / 60))
            pauses_pass(full)
    assert minutes == [5, 15, 60]


# what has to be read again


@pytest.mark.parametrize("code", [510, 1000, 1500])
@pytest.mark.parametrize("change", [True, False])
def test_a_fate_that_stays_unknown_waits_for_a_person(booked, code, change):
    """D.2 1000: RETRY once after the check of D.4; not for ever."""
    if change:
        bill(booked, amount="12.00", version=2)
    else:
        bill(booked, "2")
    plan = faults.refusing("<InvoiceModRq" if change else "<InvoiceAddRq", code, "So it is.", times=100)
    outcome = booked.sync(plan=plan)
    assert outcome.messages < 20
    one = operations(booked, "invoice")[-1]
    assert one.state.value == "failed"
    assert one.note == statuses.status(code).sentence("So it is.")
    assert booked.counts()["Invoice"] == 1


@pytest.fixture
def booked(full):
    """A tenant with a customer and an invoice in QuickBooks."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    assert full.sync().message == "2 booked. All is well."
    return full


@pytest.mark.parametrize("code", [3200, 3240, 3000, 1000, 510])
@pytest.mark.parametrize("kind", ["Customer", "Invoice"])
def test_a_change_that_is_out_of_date_is_read_again_and_sent_again(booked, kind, code):
    """D.2 3200, 3240: REQUERY, re-apply our change, resend once or twice."""
    if kind == "Customer":
        customers(booked, "Ada", version=2, phone="555-0100")
    else:
        bill(booked, amount="12.00", version=2)
    outcome = booked.sync(plan=faults.refusing(f"<{kind}ModRq", code))
    assert outcome.message == "1 booked. All is well."
    before, query, after = booked.messages()[-3:]
    assert (f"<{kind}ModRq" in before, f"<{kind}QueryRq" in query, f"<{kind}ModRq" in after) == (
        True,
        True,
        True,
    )
    assert booked.proof().difference == 0


def test_what_stays_out_of_date_waits_for_a_person(booked):
    """D.2 3200: once or twice, not for ever."""
    customers(booked, "Ada", version=2, phone="555-0100")
    assert booked.sync(plan=faults.refusing("<CustomerModRq", 3200, times=100)).ok
    one = operations(booked, "customer")[-1]
    assert (one.state.value, one.attempts <= 2 * TRIES) == ("failed", True)


@pytest.mark.parametrize("code", [500, 3120])
def test_a_change_of_what_is_gone_waits_for_a_person(booked, code):
    """D.2 3120, 500: deleted or renamed: ask the user."""
    bill(booked, amount="12.00", version=2)
    outcome = booked.sync(plan=faults.refusing("<InvoiceModRq", code))
    assert outcome.message.startswith("0 booked, 1 need you")
    assert "somebody deleted it there" in operations(booked, "invoice")[-1].note
    assert booked.counts()["Invoice"] == 1


@pytest.mark.parametrize("code", [500, 3120])
def test_a_void_of_what_is_gone_is_done(booked, code):
    """D.2 3120: what was to be void is no more."""
    bill(booked, version=2, status="void")
    outcome = booked.sync(plan=faults.refusing("<TxnVoidRq", code))
    assert outcome.message == "1 booked. All is well."


# names


def test_a_name_that_is_ours_already_is_adopted(tenant):
    """D.2 3100: link if it is the same customer; here our own, from a try that nobody knows of."""
    assert struck(tenant, "Own", 3100, "The name is already in use.", runs=True).ok
    assert operations(tenant, "customer")[-1].state.value == "done"
    with tenant.company() as company:
        assert sum(one.name == "Own" for one in company.lists.all("Customer")) == 1


@pytest.mark.parametrize("holder", ["Customer", "Vendor"])
def test_a_name_that_somebody_has_since_is_adopted_or_held(full, caller, holder):
    """D.2 3100: EntityQuery tells whose it is: a customer is linked, a vendor needs a person."""
    full.sync()
    with full.company() as company, company.atomic():
        company.lists.add(holder, "Made Since")
    customers(full, "Made Since")
    outcome = full.sync()
    (one,) = operations(full)
    assert "<EntityQueryRq" in "".join(full.messages())
    if holder == "Customer":
        assert outcome.message.startswith(("0 booked", "1 booked"))
        assert one.state.value == "done"
        assert "Linked to the customer “Made Since”" in one.note
    else:
        assert one.state.value == "held"
        assert one.note.startswith("The name “Made Since” is already used in QuickBooks by a vendor.")


def test_a_name_that_a_vendor_is_known_to_have_is_never_sent(full, caller):
    """C.4: customers, vendors, employees and other names share one set of names."""
    full.sync()
    customers(full, "State Board of Equalization")
    full.sync()
    (one,) = operations(full)
    assert one.state.value == "held"
    assert "by a vendor" in one.note
    assert "<CustomerAddRq" not in "".join(full.messages())


def test_a_number_that_is_taken_is_looked_up(booked):
    """D.2, e3: the words say that it may be ours: it is asked for before anything else."""
    bill(booked, "2")
    plan = faults.refusing("<InvoiceAddRq", 3180, "Duplicate number: the number is already used.")
    outcome = booked.sync(plan=plan)
    assert outcome.ok
    assert booked.counts()["Invoice"] in (1, 2)
    assert states(booked, "invoice")[-1] in ("done", "failed")
