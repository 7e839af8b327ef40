"""protocol.md C.2, E.2 and F: how QuickBooks' lists are read, and read again."""

import re

import pytest

from hub.books import lists
from hub.books.connections import main_connection
from hub.books.models import ListImport, ListKind
from hub.qbwc import imports
from hub.qbwc.models import Refusal
from hub.sandbox import bulk, faults, people
from hub.tenants.service import open_tenant
from tests.protocol.conftest import bill, change, customers, imported, operations, rows, states


@pytest.fixture
def pages(monkeypatch):
    """Pages short enough for a test of many."""
    monkeypatch.setattr(lists, "PAGE", 100)


def again(tenant):
    """A day later the lists are read again."""
    change(tenant, "UPDATE connection SET imported = now() - interval '2 days'")
    change(tenant, "UPDATE list_import SET read = now() - interval '2 days'")


def asked(tenant, kind, since=0):
    return [message for message in tenant.messages()[since:] if f"<{kind}QueryRq" in message]


@pytest.mark.usefixtures("pages")
def test_a_long_list_comes_page_by_page(full):
    """F: Start, then Continue with the same filters, until iteratorRemainingCount is 0."""
    with full.company() as company:
        bulk.customers(company, 330)
    assert full.sync().ok
    first, *others = asked(full, "Customer")
    assert '<CustomerQueryRq requestID="customer" iterator="Start">' in first
    assert len(others) == 3
    for other in others:
        assert re.search('iterator="Continue" iteratorID="{[0-9a-f-]{36}}"', other)
    fields = {re.sub("<CustomerQueryRq [^>]*>", "", message) for message in (first, *others)}
    assert len(fields) == 1
    assert "<MaxReturned>100</MaxReturned><ActiveStatus>All</ActiveStatus>" in first
    assert len(imported(full)) == 332


def test_lists_without_an_iterator_come_in_full_answers_together(full):
    """F, C.2: AccountQuery and others have none; ActiveStatus All, or hidden ones look missing."""
    full.sync()
    (message,) = asked(full, "Account")
    assert "iterator" not in message
    assert "MaxReturned" not in message
    for kind in ("Class", "PaymentMethod", "SalesTaxCode"):
        assert f"<{kind}QueryRq" in message
    assert message.count("<ActiveStatus>All</ActiveStatus>") == 9


@pytest.mark.usefixtures("pages")
def test_an_iterator_that_quickbooks_forgot_begins_again(full):
    """F: a restart voids it: then start over."""
    with full.company() as company:
        bulk.customers(company, 330)
    customers(full, "Ada")
    outcome = full.sync(plan=faults.whenever("Continue", faults.RESTART))
    assert outcome.message == "1 booked. All is well."
    assert outcome.statuses[3391] == 1
    starts = [message for message in asked(full, "Customer") if 'iterator="Start"' in message]
    assert len(starts) == 2
    assert len(imported(full)) == 333


@pytest.mark.usefixtures("pages")
def test_an_iterator_never_outlives_its_session(full, caller):
    """F: never persist iteratorID across authenticate."""
    one = caller(full)
    bulk.customers(one.company, 330)
    one.open()
    assert one.answer(one.until("CustomerQuery")) in range(1, 100)
    assert 'iterator="Continue"' in one.ask()
    one.calls.close_connection()
    one.quickbooks.end_session()
    one.open()
    message = one.until("CustomerQuery")
    assert 'iterator="Start"' in message
    one.finish(message)
    assert len(imported(full)) == 332


def refusals(tenant):
    return [one.what for one in rows(tenant, Refusal)]


def an_hour_later(tenant):
    change(tenant, "UPDATE refusal SET asked = asked - interval '61 minutes'")


def test_a_list_that_was_refused_is_asked_for_at_once_when_a_person_imports_it(full):
    """F, D.2: whoever has given the permission presses Import, and need not wait for an hour."""
    full.sync(plan=faults.refusing("ClassQueryRq", 3260, "No permission."))
    assert refusals(full) == ["class"]
    with full.db() as db:
        found = main_connection(db, open_tenant(db, full.slug))
        imports.want_some(db, found, [ListKind.CLASS], None)
    full.sync()
    assert refusals(full) == []
    assert imported(full, "class")


@pytest.mark.parametrize("code", [3260, 3261, 3175, 7999])
def test_a_list_that_cannot_be_read_stops_nothing_else_and_is_named(full, code):
    """F, D.2: its user may not, something is locked, nobody knows the code: the others go on."""
    full.sync()
    again(full)
    customers(full, "Ada")
    outcome = full.sync(plan=faults.refusing("ClassQueryRq", code, "No permission."))
    assert outcome.ok
    assert outcome.message.startswith("1 booked, Class List not read: see ")
    # What is stored of it stays as it was.
    assert imported(full, "class")
    assert refusals(full) == ["class"]


def test_a_list_that_could_not_be_read_is_asked_for_again_after_an_hour(full):
    """F, G.1: not in every run, and never a run for it alone."""
    full.sync(plan=faults.refusing("ClassQueryRq", 3260, "No permission."))
    customers(full, "Ada")
    before = len(full.messages())
    assert full.sync().message.startswith("1 booked, Class List not read")
    assert not asked(full, "Class", before)
    an_hour_later(full)
    assert full.sync().message == "OK"
    customers(full, "Ben")
    assert full.sync().message == "1 booked. All is well."
    assert len(asked(full, "Class", before)) == 1
    assert not asked(full, "Account", before)
    assert refusals(full) == []
    assert imported(full, "class")


def test_a_person_who_asks_need_not_wait_for_a_list(full):
    """F: the permission was given, and the page says import again."""
    full.sync(plan=faults.refusing("ClassQueryRq", 3260, "No permission."))
    with full.db() as db:
        imports.want(db, main_connection(db, open_tenant(db, full.slug)))
    assert full.sync().message == "0 booked. All is well."
    assert imported(full, "class")


def test_what_needs_a_list_that_was_never_read_is_held(full):
    """F: nothing can be mapped; all else goes."""
    full.put("charges", "gold", name="Gold", item="Subscription")
    customers(full, "Ada")
    bill(full)
    outcome = full.sync(plan=faults.refusing("ItemQueryRq", 3260, "No permission."))
    assert outcome.message.startswith("1 booked, 1 held, Items List not read")
    (note,) = [one.note for one in operations(full, "invoice")]
    assert "the Items List is empty here" in note
    an_hour_later(full)
    full.a_day_passes()
    assert full.sync().message == "1 booked. All is well."


def test_deletions_that_cannot_be_read_are_seen_in_the_whole_list_next_time(full):
    """E.2, D.2: ListDeletedQuery may be refused by itself."""
    with full.company() as company:
        bulk.customers(company, 2, "Customer {}")
    full.sync()
    with full.company() as company:
        people.delete(company, "Customer", "Customer 1")
    again(full)
    assert full.sync(plan=faults.refusing("ListDeletedQueryRq", 3260, "No permission.")).ok
    assert "Customer 1" in imported(full)
    again(full)
    assert full.sync().ok
    assert "Customer 1" not in imported(full)


def test_a_list_of_a_feature_that_is_off_is_empty(full):
    """D.2 3250: the feature is switched off; nothing is wrong."""
    customers(full, "Ada")
    outcome = full.sync(plan=faults.refusing("ClassQueryRq", 3250, "Feature off."))
    assert outcome.message == "1 booked. All is well."
    assert not imported(full, "class")


# changes since


def test_the_second_time_only_what_changed_is_asked_for(full):
    """E.2: the highest TimeModified, without its offset, less an overlap, and without offset."""
    full.sync()
    (known,) = [one for one in rows(full, ListImport) if one.kind.value == "account"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", known.modified)
    before = len(full.messages())
    again(full)
    full.sync()
    (message,) = asked(full, "Account", before)
    (since,) = set(re.findall("<FromModifiedDate>([^<]*)</FromModifiedDate>", message)) or {None}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", since)
    assert since < known.modified
    assert "<ListDeletedQueryRq" in "".join(full.messages()[before:])


def test_a_summer_offset_does_not_move_the_time(full):
    """E.2: offsets in answers are wrong in summer: the text counts, not the instant."""
    assert lists.local("2026-07-01T03:00:02-05:00") == "2026-07-01T03:00:02"
    assert lists.local("2026-07-01T03:00:02-04:00") == "2026-07-01T03:00:02"
    assert lists.local("rubbish") == ""


def test_what_people_do_in_quickbooks_arrives(full):
    """E.2, C.2: renamed, hidden, shown again, new and deleted entries."""
    with full.company() as company:
        bulk.customers(company, 4, "Customer {}")
    full.sync()
    with full.company() as company:
        people.rename(company, "Customer", "Customer 1", "Renamed")
        people.hide(company, "Customer", "Customer 2")
        people.delete(company, "Customer", "Customer 3")
        bulk.customers(company, 1, "New")
    again(full)
    assert full.sync().ok
    names = set(imported(full))
    assert {"Renamed", "New", "Customer 4"} <= names
    assert not {"Customer 1", "Customer 2", "Customer 3"} & names
    with full.company() as company:
        people.show(company, "Customer", "Customer 2")
    again(full)
    full.sync()
    assert "Customer 2" in imported(full)


def test_a_renamed_account_takes_its_past_along(full):
    """E.2, C.5: ListID is the key; names change."""
    full.sync()
    with full.company() as company:
        people.rename(company, "Account", "Sales:Subscriptions", "Abonnements")
    again(full)
    full.sync()
    assert "Sales:Abonnements" in imported(full, "account")
    assert "Sales:Subscriptions" not in imported(full, "account")


def test_a_list_read_too_long_ago_is_read_whole(full):
    """C.2: QuickBooks remembers deletions for about 90 days."""
    full.sync()
    change(full, "UPDATE list_import SET whole = now() - interval '81 days'")
    before = len(full.messages())
    again(full)
    full.sync()
    since = "".join(full.messages()[before:])
    assert "<FromModifiedDate>" not in since
    assert "<ListDeletedQueryRq" not in since


def test_a_person_who_asks_gets_all_of_it(full):
    """E.2: from the beginning; what is not there any more is gone."""
    full.sync()
    before = len(full.messages())
    change(full, "UPDATE connection SET import_wanted = true")
    full.sync()
    assert "<FromModifiedDate>" not in "".join(full.messages()[before:])


@pytest.mark.parametrize("mode", ["summary", "full"])
def test_only_the_lists_that_the_mode_needs_are_read(world, mode):
    """G.1: the chart of accounts in both; customers and items in Full Synchronization only."""
    tenant = world.tenant(mode)
    tenant.sync()
    assert imported(tenant, "account")
    assert bool(imported(tenant, "customer")) is (mode == "full")
    assert states(tenant) == []
