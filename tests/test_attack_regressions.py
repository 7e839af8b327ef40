"""What attacks have found once, told in plain calls."""

import pytest

from hub.books.connections import main_connection
from hub.qbwc import imports
from hub.qbwc.desk import Desk
from hub.qbwc.models import State
from hub.qbwc.outbox import Outbox
from hub.sandbox import faults, people
from hub.sandbox.quickbooks import QuickBooks
from hub.tenants.service import open_tenant

HEAD = {"customer": "ada", "date": "2026-05-03"}


@pytest.fixture
def ada(full):
    """A tenant that has connected once, with a customer."""
    full.sync()
    full.put("customers", "ada", name="Ada")
    return full


def map_gold(tenant, item, version=1):
    tenant.put("charges", "gold", name="Gold", item=item, version=version)


def bill(tenant, number="1", amount="10.00", version=1, **more):
    lines = [{"charge": "gold", "amount": amount}]
    tenant.put("invoices", f"i{number}", number=number, version=version, lines=lines, **HEAD | more)


def back_up(tenant):
    with tenant.company() as company:
        company.back_up(backup_of(tenant))


def restore(tenant):
    with tenant.company() as company:
        company.restore(backup_of(tenant))
    tenant.an_hour_passes()


def backup_of(tenant):
    return tenant.company_path.with_suffix(".qbb")


def try_again(tenant):
    """Press Try again on all that waits for a person; return how much that was."""
    with tenant.db() as db:
        opened = open_tenant(db, tenant.slug)
        connection = main_connection(db, opened)
        desk = Desk(db, connection)
        found = [one for state in (State.HELD, State.FAILED) for one in desk.operations(state)[0]]
        for operation in found:
            desk.again(desk.get(operation.id), Outbox(db, opened, connection))
            db.flush()
    return len(found)


def import_again(tenant):
    """Ask for the lists, which makes a session whatever waits."""
    with tenant.db() as db:
        imports.want(db, main_connection(db, open_tenant(db, tenant.slug)))


def assert_settled(tenant):
    assert {state for _, state, _ in tenant.operations()} == {"done"}, tenant.operations()
    assert tenant.proof().difference == 0, tenant.proof().as_json()
    assert tenant.balances() == tenant.billed()
    assert tenant.sync().nothing_to_do


def test_what_a_backup_has_lost_goes_where_its_charge_is_mapped_to_by_now(ada):
    map_gold(ada, "Subscription")
    back_up(ada)
    bill(ada)
    ada.sync()
    restore(ada)
    map_gold(ada, "Support", version=2)
    import_again(ada)
    ada.sync()
    assert try_again(ada) == 2
    assert ada.sync().message == "2 booked. All is well."
    assert_settled(ada)


def test_lost_books_are_noticed_though_what_was_done_last_was_to_delete(ada):
    """What was deleted is not there, with a backup put back or without; so it says nothing."""
    map_gold(ada, "Subscription")
    back_up(ada)
    bill(ada)
    payment = HEAD | {"amount": "10.00", "applied": [{"invoice": "i1", "amount": "10.00"}]}
    ada.put("payments", "p", **payment)
    ada.sync()
    ada.put("payments", "p", version=2, status="void", **payment)
    ada.sync()
    restore(ada)
    import_again(ada)
    ada.sync()
    assert try_again(ada) == 2
    ada.sync()
    assert_settled(ada)


def test_lost_books_are_noticed_though_a_customer_was_found_there_last(ada):
    """A customer that was in QuickBooks before the backup is there after it."""
    map_gold(ada, "Subscription")
    back_up(ada)
    bill(ada)
    ada.sync()
    ada.put("customers", "kern", name="Kern Lighting Warehouse")
    ada.sync()
    restore(ada)
    import_again(ada)
    ada.sync()
    assert try_again(ada) == 2
    ada.sync()
    assert_settled(ada)


def test_a_customer_that_came_back_under_its_old_name_is_not_made_twice(ada):
    ada.sync()
    back_up(ada)
    with ada.company() as company:
        people.delete(company, "Customer", "Ada")
    ada.put("customers", "ada", version=2, name="Ada Lovelace")
    ada.sync()
    restore(ada)
    assert try_again(ada) == 1
    assert ada.sync().message == "1 booked. All is well."
    assert ada.counts()["Customer"] == 3  # two are in every company
    assert_settled(ada)


def test_what_is_asked_about_already_is_not_asked_about_twice(ada):
    back_up(ada)
    ada.sync()
    restore(ada)
    import_again(ada)
    ada.sync()
    assert try_again(ada) == 1
    ada.put("customers", "ada", version=2, name="Ada", phone="555-0100")
    assert try_again(ada) == 1
    assert ada.sync().ok
    assert ada.counts()["Customer"] == 3
    assert_settled(ada)


def test_a_customer_that_only_the_list_still_knows_is_made_anew(ada):
    """What a backup has never had is in no list of what was deleted."""
    back_up(ada)
    ada.sync()
    import_again(ada)
    ada.sync()
    restore(ada)
    map_gold(ada, "Subscription")
    bill(ada)
    ada.sync()
    assert try_again(ada) == 2
    assert ada.sync().message == "2 booked. All is well."
    assert_settled(ada)


def test_an_answer_that_comes_twice_in_the_look_back_says_nothing_of_the_next_page(ada):
    map_gold(ada, "Subscription")
    bill(ada, "1")
    ada.sync()
    back_up(ada)
    bill(ada, "2")
    ada.sync()
    restore(ada)
    import_again(ada)
    with ada.company() as company:
        connector = ada.connector(company)
        calls = connector.calls()
        calls.authenticate()
        message = calls.send_request_xml(ada.greeting(company), str(company.path))
        assert "InvoiceQueryRq" in message
        answer = QuickBooks(company).process(message)
        assert calls.receive_response_xml(answer) == calls.receive_response_xml(answer)
        calls.close_connection()
    ada.sync()
    assert try_again(ada) == 1
    ada.sync()
    assert_settled(ada)


def test_nothing_is_booked_while_quickbooks_cannot_tell_what_it_has(ada):
    """What is booked later is newer than what was lost, and would hide that."""
    map_gold(ada, "Subscription")
    back_up(ada)
    bill(ada, "1")
    ada.sync()
    restore(ada)
    ada.put("customers", "ben", name="Ben")
    bill(ada, "2", customer="ben")
    import_again(ada)
    locked = faults.refusing("InvoiceQuery", 3175, "The object could not be locked.")
    assert "could not tell" in ada.sync(plan=locked).message
    ada.sync()
    assert try_again(ada) == 2
    ada.sync()
    assert_settled(ada)


def test_a_void_of_what_was_only_prepared_leaves_nothing_behind(ada):
    """Its reversal stood where the prepared request would have put it."""
    map_gold(ada, "Subscription")
    bill(ada)
    with ada.company() as company, ada.connector(company).calls() as calls:
        quickbooks = QuickBooks(company)
        calls.authenticate()
        text = calls.send_request_xml(ada.greeting(company), str(company.path))
        while "CustomerAddRq" not in text:
            calls.receive_response_xml(quickbooks.process(text))
            text = calls.send_request_xml("", str(company.path))
        calls.receive_response_xml(quickbooks.process(text))
    map_gold(ada, "Support", version=2)
    bill(ada, version=2, status="void")
    ada.an_hour_passes()
    ada.sync()
    assert_settled(ada)
    assert ada.proof().waiting == []


def test_a_customer_that_quickbooks_had_and_somebody_deleted_is_made_anew_by_a_person(ada):
    map_gold(ada, "Subscription")
    ada.put("customers", "kern", name="Kern Lighting Warehouse")
    ada.sync()
    with ada.company() as company:
        people.delete(company, "Customer", "Kern Lighting Warehouse")
    bill(ada, customer="kern")
    import_again(ada)
    ada.sync()
    assert ada.counts()["Invoice"] == 0
    assert try_again(ada)
    ada.sync()
    ada.sync()
    assert ada.counts()["Invoice"] == 1
    assert_settled(ada)
