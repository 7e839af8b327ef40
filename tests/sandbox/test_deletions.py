"""What people rename, hide and delete in QuickBooks, and how a program finds out."""

import datetime as dt

import pytest

from hub.errors import HubError
from hub.sandbox import people
from hub.sandbox.company import Company
from tests.sandbox.conftest import Desk

ZONE = dt.timezone(dt.timedelta(hours=-5))


@pytest.fixture
def times():
    """The clock: the last of these is now, five hours behind Greenwich."""
    return [dt.datetime(2026, 1, 10, 9, 0, 0, tzinfo=ZONE)]


@pytest.fixture
def clocked(tmp_path, times):
    with Company(tmp_path / "clocked.qbw", "Clocked", clock=lambda: times[-1]) as company:
        yield Desk(company)


def deleted(desk, kinds, **window):
    filter = {"DeletedDateRangeFilter": window} if window else {}
    return desk.ask("ListDeletedQuery", {"ListDelType": kinds, **filter})


@pytest.mark.parametrize(
    ("list", "kind", "name"),
    [
        ("Account", "Account", "Rent"),
        ("Item", "ItemService", "Hosting:Pro"),
        ("Item", "ItemOtherCharge", "Late Fee"),
        ("Class", "Class", "West"),
        ("Terms", "StandardTerms", "Net 60"),
        ("Customer", "Customer", "Kern Lighting Warehouse"),
        ("Employee", "Employee", "Dan T. Miller"),
    ],
)
def test_what_people_delete_can_be_asked_for(clocked, times, list, kind, name):
    entry = clocked.company.lists.named(list, name)
    times.append(times[-1] + dt.timedelta(hours=1))
    people.delete(clocked.company, list, name)
    (gone,) = deleted(clocked, ["SalesTaxCode", kind]).returned
    assert gone.get("ListDelType") == kind
    assert (gone.get("ListID"), gone.get("FullName")) == (entry.id, name)
    assert gone.get("TimeCreated") == "2026-01-10T09:00:00-05:00"
    assert gone.get("TimeDeleted") == "2026-01-10T10:00:00-05:00"
    assert deleted(clocked, ["SalesTaxCode"]).code == 1


def test_nothing_deleted_is_1_and_some_elements_are_enough(clocked):
    assert deleted(clocked, ["Customer"]).code == 1
    people.delete(clocked.company, "Class", "West")
    answer = clocked.ask("ListDeletedQuery", {"ListDelType": "Class", "IncludeRetElement": "ListID"})
    assert [one.name for one in answer.returned[0]] == ["ListID"]
    counted = clocked.ask("ListDeletedQuery", {"ListDelType": "Class"}, metaData="MetaDataOnly")
    assert (counted.returned, counted.element.attributes["retCount"]) == ([], "1")


def test_deletions_are_asked_for_by_their_local_time(clocked, times):
    people.delete(clocked.company, "Class", "West")
    assert deleted(clocked, ["Class"], FromDeletedDate="2026-01-10T09:00:00").code == 0
    assert deleted(clocked, ["Class"], FromDeletedDate="2026-01-10T09:00:01").code == 1
    assert (
        deleted(clocked, ["Class"], FromDeletedDate="2026-01-10", ToDeletedDate="2026-01-10").code == 0
    )
    assert deleted(clocked, ["Class"], ToDeletedDate="2026-01-09").code == 1


def test_deletions_are_told_for_ninety_days(clocked, times):
    people.delete(clocked.company, "Class", "West")
    times.append(times[-1] + dt.timedelta(days=90))
    assert deleted(clocked, ["Class"]).code == 0
    times.append(times[-1] + dt.timedelta(days=1))
    assert deleted(clocked, ["Class"]).code == 1


def test_deleted_transactions_can_be_asked_for(clocked):
    kept, first, second = (clocked.invoice(RefNumber=number) for number in ("1", "2", "3"))
    clocked.do("TxnDel", {"TxnDelType": "Invoice", "TxnID": first.get("TxnID")})
    people.delete_transaction(clocked.company, second.get("TxnID"))
    answer = clocked.ask("TxnDeletedQuery", {"TxnDelType": ["Invoice", "JournalEntry"]})
    shown = [(one.get("TxnDelType"), one.get("TxnID"), one.get("RefNumber")) for one in answer.returned]
    assert shown == [("Invoice", first.get("TxnID"), "2"), ("Invoice", second.get("TxnID"), "3")]
    assert clocked.ask("TxnDeletedQuery", {"TxnDelType": "JournalEntry"}).code == 1
    assert clocked.ask("InvoiceQuery", {"TxnID": kept.get("TxnID")}).code == 0


def test_what_is_in_use_cannot_be_deleted(desk):
    desk.invoice()
    for list, name in (("Customer", "Ada Ltd"), ("Item", "Subscription"), ("Account", "Sales")):
        with pytest.raises(HubError):
            people.delete(desk.company, list, name)
    with pytest.raises(HubError):
        people.delete(desk.company, "Customer", "Nobody")
    with pytest.raises(HubError):
        people.delete_transaction(desk.company, "1-1")


def test_a_renamed_account_takes_those_below_along(desk):
    before = desk.do("AccountQuery", {"FullName": "Sales:Usage"})
    renamed = people.rename(desk.company, "Account", "Sales", "Revenue")
    assert desk.ask("AccountQuery", {"FullName": ["Sales", "Sales:Usage"]}).code == 500
    after = desk.do("AccountQuery", {"FullName": "revenue:usage"})
    assert after.get("ListID") == before.get("ListID")
    assert after.get("ParentRef/FullName") == "Revenue"
    assert renamed.edit_sequence != desk.company.lists.get("Account", after.get("ListID")).edit_sequence


def test_hidden_entries_are_shown_on_request_only(desk):
    hidden = people.hide(desk.company, "Customer", "Kern Lighting Warehouse")
    assert len(desk.ask("CustomerQuery").returned) == 1
    assert len(desk.ask("CustomerQuery", {"ActiveStatus": "All"}).returned) == 2
    shown = people.show(desk.company, "Customer", "Kern Lighting Warehouse")
    assert shown.edit_sequence != hidden.edit_sequence


def test_an_edit_by_a_person_makes_the_edit_sequence_old(desk):
    customer = desk.customer()
    people.edit(desk.company, "Customer", "Ada Ltd", Phone="555-0100")
    mod = {"ListID": customer.get("ListID"), "EditSequence": customer.get("EditSequence")}
    desk.refuse("CustomerMod", {"CustomerMod": mod | {"Phone": "1"}}, 3200)
    invoice = desk.invoice(RefNumber="1")
    edited = people.edit_transaction(
        desk.company, invoice.get("TxnID"), Memo="as agreed", ref_number="2"
    )
    assert edited.edit_sequence != invoice.get("EditSequence")
    assert desk.do("InvoiceQuery", {"RefNumber": "2"}).get("Memo") == "as agreed"
