"""product.md (c), protocol.md A.3: what is held is looked at when something changes, not at every poll."""

import pytest
from webtest import TestApp

from hub.sandbox import bulk, faults
from tests.protocol.conftest import bill, change, customers, operations, pauses_pass, pay, states


@pytest.fixture
def held(full):
    """A tenant with an invoice over an item that QuickBooks does not have, held and looked at."""
    full.put("charges", "gold", name="Gold", item="Nothing such")
    customers(full, "Ada")
    bill(full)
    assert full.sync().message.startswith("1 booked, 1 held")
    return full


def browse(tenant):
    browser = TestApp(tenant.world.app, extra_environ={"REMOTE_ADDR": f"10.2.{tenant.id % 250}.1"})
    form = browser.get("/sign-in").form
    form["login"], form["password"] = tenant.admin, tenant.password
    form.submit(status=303)
    return browser


def add_item(tenant, name="Nothing such"):
    """Somebody gives the item in QuickBooks that name."""
    with tenant.company() as company, company.atomic():
        item = company.lists.named("Item", "Old Plan")
        item.name, item.active = name, True
        company.lists.save(item)


def test_a_poll_with_held_records_alone_finds_nothing_to_do(held, caller):
    """A.3: none, poll after poll."""
    one = caller(held)
    assert [one.knock()[0] for _ in range(3)] == ["none"] * 3
    assert states(held, "invoice") == ["held"]


def test_what_is_held_anew_is_looked_at_once(held, caller):
    """QuickBooks may have by now what the hub has not read."""
    bill(held, "2")
    one = caller(held)
    assert one.open().finish()[1].startswith("0 booked, 2 held")
    assert one.knock()[0] == "none"


def test_a_day_later_it_is_looked_at_again(held, caller):
    """Whatever was put right in QuickBooks is found without anybody's doing."""
    add_item(held)
    assert caller(held).knock()[0] == "none"
    held.a_day_passes()
    assert held.sync().message == "1 booked. All is well."


def test_try_again_makes_the_next_run_look_in_quickbooks(held):
    """A person put it right there, and says so."""
    add_item(held)
    (invoice,) = operations(held, "invoice")
    page = browse(held).get(f"/t/{held.slug}/queue?state=held")
    page.forms[f"retry-{invoice.id}"].submit(status=303)
    assert held.sync().message == "1 booked. All is well."


def test_a_charge_that_is_mapped_frees_what_was_held_for_it(held):
    """A mapping was saved."""
    held.put("charges", "gold", version=2, name="Gold", item="Subscription")
    assert held.sync().message == "1 booked. All is well."


def test_a_list_that_is_imported_frees_what_was_held_for_it(held, caller):
    """A list was read, for whatever reason."""
    add_item(held)
    change(held, "UPDATE connection SET imported = now() - interval '2 days'")
    change(held, "UPDATE list_import SET read = now() - interval '2 days'")
    assert held.sync().message == "1 booked. All is well."
    assert caller(held).knock()[0] == "none"


def test_a_closing_date_that_moved_frees_what_was_held_for_it(full, caller):
    """The company's facts are read with every session (A.6)."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    with full.company() as company:
        company.prefer(ClosingDate="2026-05-31")
    assert full.sync().message.startswith("1 booked, 1 held")
    with full.company() as company:
        company.prefer(ClosingDate="")
    assert caller(full).knock()[0] == "none"
    customers(full, "Ben")
    assert full.sync().message == "2 booked. All is well."


def test_what_waits_for_a_parent_goes_in_the_session_that_books_it(full, again):
    """An invoice whose customer QuickBooks refused, and the payment on it."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    pay(full)
    refused = faults.refusing("CustomerAddRq", 3140, "No such terms.")
    assert full.sync(plan=refused).message.startswith("0 booked, 1 need you, 2 held")
    assert full.sync().message == "OK"
    again(full)
    assert full.sync().message == "3 booked. All is well."


def test_what_waits_for_a_parent_goes_when_that_is_tried_again_by_itself(full):
    """D.2 3176: the parent rests for minutes, and the children were looked at meanwhile."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    locked = faults.refusing("CustomerAddRq", 3175, "It is locked.", times=2)
    full.sync(plan=locked)
    assert states(full, "invoice") == ["held"]
    pauses_pass(full)
    change(full, "UPDATE operation SET due = now() + interval '1 day' WHERE state = 'held'")
    full.sync()
    assert set(states(full)) == {"done"}


def test_what_waits_for_a_parent_that_turns_out_to_be_there_goes_with_it(full):
    """The customer has that name in QuickBooks, so it is linked and nothing is sent for it."""
    full.sync()
    customers(full, "Ada")
    full.put("charges", "gold", name="Gold", item="Subscription")
    bill(full)
    change(full, "UPDATE operation SET due = now() + interval '1 day' WHERE state = 'held'")
    assert states(full, "invoice") == ["held"]
    with full.company() as company:
        bulk.customers(company, 1, "Ada")
    full.sync()
    assert set(states(full)) == {"done"}


def test_other_records_that_go_leave_alone_what_is_held(held):
    """What is held stays so until its own reason may be gone."""
    (before,) = operations(held, "invoice")
    held.put("charges", "silver", name="Silver", item="Subscription")
    change(held, "UPDATE operation SET due = :due WHERE state = 'held'", due=before.due)
    change(
        held,
        "UPDATE operation SET state = 'held', note = :note WHERE state = 'queued'",
        note=before.note,
    )
    bill(held, "2", lines=[{"charge": "silver", "amount": "1.00"}])
    assert held.sync().message.startswith("1 booked, 1 held")
    assert operations(held, "invoice")[0].due == before.due
