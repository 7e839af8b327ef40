"""protocol.md D.6: a company file that was restored from a backup, and entries that people deleted."""

import pytest

from hub.qbwc.models import Refusal
from hub.sandbox import bulk, faults, people
from tests.protocol.conftest import (
    FILLED,
    bill,
    customers,
    fill,
    operations,
    pay,
    rows,
    states,
)

MISSING = "QuickBooks no longer has this"


@pytest.fixture
def backed_up(full, tmp_path):
    """A tenant with everything booked, and a backup of the company file from before that."""
    full.sync()
    with full.company() as company:
        company.back_up(tmp_path / "backup.qbb")
    fill(full)
    assert full.sync().ok
    full.backup = tmp_path / "backup.qbb"
    return full


def back_up(tenant):
    with tenant.company() as company:
        company.back_up(tenant.backup)


def restore(tenant):
    with tenant.company() as company:
        company.restore(tenant.backup)


def tell(tenant, name="Cleo"):
    """A record of its own wakes the connector."""
    customers(tenant, name)
    return tenant.sync()


def held(tenant):
    return sorted(
        one.subject.partition(":")[0] for one in operations(tenant) if one.state.value == "failed"
    )


def test_what_a_backup_lacks_waits_for_a_person(backed_up):
    """D.6: exported here, missing there: ask the user, never recreate."""
    restore(backed_up)
    outcome = tell(backed_up)
    assert outcome.message.startswith("1 booked, 8 need you")
    assert held(backed_up) == sorted(
        ["customer", "customer", "credit_memo", "invoice", "invoice", "payment", "refund", "refund"]
    )
    assert backed_up.counts()["Invoice"] == 0
    assert backed_up.counts()["Customer"] == 3
    assert not any("Add" in message for message in backed_up.messages()[-1:] if "Cleo" not in message)


def test_try_again_books_what_is_missing_once(backed_up, again):
    """D.6: the person has said that it is to be made anew."""
    restore(backed_up)
    tell(backed_up)
    for _ in range(6):
        if not again(backed_up):
            break
        backed_up.sync()
    counts = backed_up.counts()
    assert {kind: counts[kind] for kind in FILLED} == FILLED | {"Customer": 5}
    assert backed_up.proof().difference == 0


def test_try_again_finds_what_came_back(backed_up, again):
    """D.6, D.5: the newer file was put back before anybody pressed."""
    newer = backed_up.backup.with_name("newer.qbb")
    with backed_up.company() as company:
        company.back_up(newer)
    restore(backed_up)
    tell(backed_up)
    with backed_up.company() as company:
        company.restore(newer)
    for _ in range(6):
        if not again(backed_up):
            break
        backed_up.sync()
    counts = backed_up.counts()
    assert {kind: counts[kind] for kind in list(FILLED)[1:]} == dict(list(FILLED.items())[1:])
    assert not held(backed_up)


def test_try_again_books_beside_what_somebody_made_instead(backed_up, again):
    """D.6, D.5: another entry has the number by now: the person reads so, and decides."""
    restore(backed_up)
    tell(backed_up)
    with backed_up.company() as company:
        (ada,) = bulk.customers(company, 1, "Ada")
        bulk.invoices(company, [ada], 1)
    again(backed_up)
    backed_up.sync()
    notes = [one.note for one in operations(backed_up, "invoice") if one.state.value == "failed"]
    assert any("another entry numbered 1" in note for note in notes)
    for _ in range(6):
        if not again(backed_up):
            break
        backed_up.sync()
    assert not held(backed_up)
    # The customer that somebody made by that name is taken to be the same one.
    assert backed_up.counts()["Customer"] == 5
    assert backed_up.counts()["Invoice"] == 3


def test_a_change_that_a_backup_lacks_waits_and_is_made_anew(backed_up, again):
    """D.6: it is there, in an earlier state."""
    back_up(backed_up)
    bill(backed_up, "2", "Ben", "12.00", version=2)
    assert backed_up.sync().message == "1 booked. All is well."
    restore(backed_up)
    tell(backed_up)
    (note,) = [one.note for one in operations(backed_up) if one.state.value == "failed"]
    assert "an earlier state of this" in note
    again(backed_up)
    backed_up.sync()
    assert not held(backed_up)
    assert backed_up.counts()["Invoice"] == 2
    assert backed_up.proof().difference == 0


def test_a_void_that_a_backup_lacks_waits_and_is_voided_anew(backed_up, again):
    """D.6: void here, and counted again there."""
    back_up(backed_up)
    bill(backed_up, "2", "Ben", "7.50", version=2, status="void")
    assert backed_up.sync().message == "1 booked. All is well."
    restore(backed_up)
    tell(backed_up)
    assert backed_up.proof().difference != 0
    (note,) = [one.note for one in operations(backed_up) if one.state.value == "failed"]
    assert "This is void here, and QuickBooks shows it again" in note
    again(backed_up)
    backed_up.sync()
    assert not held(backed_up)
    assert backed_up.proof().difference == 0


def test_a_deleted_payment_that_a_backup_has_waits_and_is_deleted_anew(backed_up, again):
    """D.6: a payment cannot be voided, so it was deleted; the backup has it again."""
    back_up(backed_up)
    pay(backed_up, "1", "Ada", version=2, status="void")
    assert backed_up.sync().message == "1 booked. All is well."
    restore(backed_up)
    tell(backed_up)
    again(backed_up)
    backed_up.sync()
    assert not held(backed_up)
    assert backed_up.counts()["ReceivePayment"] == 0
    assert backed_up.proof().difference == 0


def test_a_backup_that_lacks_nothing_is_no_matter(backed_up):
    """D.6: one look at the newest thing is enough."""
    back_up(backed_up)
    restore(backed_up)
    assert tell(backed_up).message == "1 booked. All is well."
    look_back = [
        message for message in backed_up.messages() if "<TxnID>" in message and "Query" in message
    ]
    assert look_back


def test_what_a_person_deleted_is_not_made_anew(backed_up, again):
    """D.2 3120 and 500: deleted there: ask the user."""
    bill(backed_up, "1", "Ada", "12.00", version=2)
    with backed_up.company() as company:
        invoice = next(one for one in company.transactions.all("Invoice") if one.ref_number == "1")
        payment = next(iter(company.transactions.all("ReceivePayment")))
        people.delete_transaction(company, payment.id)
        people.delete_transaction(company, invoice.id)
    backed_up.sync()
    assert "invoice" in held(backed_up)
    assert backed_up.counts()["Invoice"] == 1
    again(backed_up)
    backed_up.sync()
    assert backed_up.counts()["Invoice"] == 2


def test_what_a_person_changed_meanwhile_is_read_again_and_changed(backed_up):
    """D.2 3200: EditSequence out of date: read again, apply our change, send once more."""
    with backed_up.company() as company:
        people.edit(company, "Customer", "Ada", Phone="555-0199")
    customers(backed_up, "Ada", version=2, email="ada@example.com")
    outcome = backed_up.sync()
    assert outcome.message == "1 booked. All is well."
    assert outcome.statuses[3200] == 1
    with backed_up.company() as company:
        ada = company.lists.named("Customer", "Ada")
    assert (ada.fields["Phone"], ada.fields["Email"]) == ("555-0199", "ada@example.com")
    assert set(states(backed_up)) == {"done"}


def denied(words):
    """The user of QuickBooks may not look at these."""
    return faults.refusing(words, 3260, "No permission.", times=50)


def unchecked(tenant):
    return [one.what for one in rows(tenant, Refusal)] == ["booked"]


def test_a_look_back_that_is_not_allowed_stops_nothing_and_is_named(backed_up):
    """D.2 3260: that may last for weeks; booking goes on, and people read that nobody has looked."""
    customers(backed_up, "Cleo")
    outcome = backed_up.sync(plan=denied("Query"))
    assert outcome.ok
    assert outcome.message.startswith("1 booked, what was booked before not checked: see ")
    assert unchecked(backed_up)
    assert tell(backed_up, "Dan").message == "1 booked. All is well."
    assert not unchecked(backed_up)


def test_a_backup_restored_while_nobody_could_look_is_found_when_they_can(backed_up, again):
    """D.6: what was booked unchecked is newer than what was lost, and must not hide it."""
    restore(backed_up)
    for name in ("Cleo", "Dan"):
        customers(backed_up, name)
        assert backed_up.sync(plan=denied("Query")).message.startswith(
            "1 booked, what was booked before not"
        )
    assert not held(backed_up)
    outcome = tell(backed_up, "Eve")
    assert outcome.message.startswith("1 booked, 8 need you")
    assert not unchecked(backed_up)
    for _ in range(6):
        if not again(backed_up):
            break
        backed_up.sync()
    assert backed_up.proof().difference == 0
    assert {kind: backed_up.counts()[kind] for kind in FILLED} == FILLED | {"Customer": 7}


def test_what_can_be_read_tells_of_a_backup_although_other_things_cannot(backed_up):
    """D.6: its user may look at payments, and not at invoices."""
    restore(backed_up)
    customers(backed_up, "Cleo")
    outcome = backed_up.sync(plan=denied("InvoiceQuery"))
    assert "6 need you" in outcome.message
    assert "invoice" not in held(backed_up)
    assert unchecked(backed_up)
    outcome = tell(backed_up, "Dan")
    assert "8 need you" in outcome.message
    assert held(backed_up).count("invoice") == 2
    assert not unchecked(backed_up)


def test_a_look_back_that_cannot_tell_just_now_still_stops_everything(backed_up):
    """D.2 3175: the next run can look, so nothing is booked before."""
    restore(backed_up)
    customers(backed_up, "Cleo")
    locked = faults.refusing("Query", 3175, "It is locked.")
    assert "could not tell" in backed_up.sync(plan=locked).message
    assert not unchecked(backed_up)
    assert states(backed_up, "customer")[-1] == "queued"
