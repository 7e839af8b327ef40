import re

import pytest

from tests.sandbox.conftest import Desk


def test_a_new_company_holds_a_chart_of_accounts(desk):
    answer = desk.ask("AccountQuery", {"ActiveStatus": "All"})
    accounts = {ret.get("FullName"): ret for ret in answer.returned}
    assert accounts["Sales:Subscriptions"].get("AccountNumber") == "4010"
    assert accounts["Sales:Subscriptions"].get("ParentRef/FullName") == "Sales"
    assert accounts["Undeposited Funds"].get("SpecialAccountType") == "UndepositedFunds"
    assert {ret.get("Balance") for ret in answer.returned} == {"0.00"}
    assert answer.element.attributes["retCount"] == str(len(accounts))


def test_ids_look_like_quickbooks_own(desk):
    customer, invoice = desk.customer(), desk.invoice()
    assert re.fullmatch(r"8000[0-9A-F]{4}-\d{10}", customer.get("ListID"))
    assert re.fullmatch(r"[0-9A-F]+-\d{10}", invoice.get("TxnID"))


def test_every_list_answers(desk):
    for kind in ("Item", "Customer", "Class", "PaymentMethod", "SalesTaxCode"):
        assert desk.ask(f"{kind}Query", {"ActiveStatus": "All"}).returned


def test_items_come_in_their_kinds(desk):
    answer = desk.ask("ItemQuery", {"ActiveStatus": "All"})
    kinds = {ret.name for ret in answer.returned}
    assert kinds == {
        *("ItemServiceRet", "ItemOtherChargeRet", "ItemNonInventoryRet", "ItemDiscountRet"),
        *("ItemSubtotalRet", "ItemSalesTaxRet", "ItemSalesTaxGroupRet", "ItemGroupRet"),
    }
    basic = next(ret for ret in answer.returned if ret.get("FullName") == "Hosting:Basic")
    assert basic.get("SalesOrPurchase/AccountRef/FullName") == "Sales:Hosting"


def test_inactive_entries_are_left_out_unless_asked_for(desk):
    names = [ret.get("Name") for ret in desk.ask("ItemQuery").returned]
    assert "Old Plan" not in names
    inactive = desk.ask("ItemQuery", {"ActiveStatus": "InactiveOnly"}).returned
    assert [ret.get("Name") for ret in inactive] == ["Old Plan"]
    assert desk.do("ItemQuery", {"FullName": "old plan"}).get("IsActive") == "false"


def test_a_customer_is_added_with_everything(desk):
    fields = {
        "Name": "Café Nord €",
        "IsActive": "true",
        "CompanyName": "Café Nord",
        "FirstName": "Ida",
        "LastName": "Berg",
        "BillAddress": {"Addr1": "Main St 1", "City": "Boston", "State": "MA"},
        "Phone": "555-0100",
        "Email": "ida@example.org",
        "AccountNumber": "1001",
        "ExternalGUID": "{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b1001}",
    }
    added = desk.add("Customer", fields)
    assert added.get("Name") == "Café Nord €"
    assert added.get("BillAddress/City") == "Boston"
    assert added.get("ExternalGUID") == fields["ExternalGUID"]
    assert added.get("Balance") == "0.00"
    assert desk.do("CustomerQuery", {"FullName": "CAFÉ NORD €"}).xml() == added.xml()


@pytest.mark.parametrize("name", ["Abercrombie, Kristy", "state board of equalization", "DAN T. MILLER"])
def test_a_name_is_used_once_among_all_names(desk, name):
    desk.refuse_add("Customer", {"Name": name}, 3100, "already in use")


def test_a_name_holds_no_colon(desk):
    desk.strict = False
    desk.refuse_add("Customer", {"Name": "Acme:Berlin"}, 3090, "colon")


def test_a_customer_has_a_name(desk):
    desk.refuse_add("Customer", {"Name": ""}, 3150, "Name")


def test_a_text_may_be_as_long_as_quickbooks_keeps_it_and_no_longer(desk):
    assert desk.customer("x" * 41).get("Name") == "x" * 41
    desk.strict = False
    desk.refuse_add("Customer", {"Name": "y" * 42}, 3070, 'in the field "Name" is too long')
    desk.refuse_add("Customer", {"Name": "z", "BillAddress": {"City": "c" * 32}}, 3070, "City")


def test_a_mod_changes_what_it_names_and_clears_what_is_empty(desk):
    first = desk.add("Customer", {"Name": "Ada", "Phone": "1", "Email": "a@example.org"})
    changed = desk.do(
        "CustomerMod",
        {"CustomerMod": _head(first) | {"Name": "Ada Ltd", "IsActive": "false", "Phone": ""}},
    )
    assert changed.get("FullName") == "Ada Ltd"
    assert changed.get("IsActive") == "false"
    assert changed.find("Phone") is None
    assert changed.get("Email") == "a@example.org"
    assert changed.get("EditSequence") != first.get("EditSequence")


def test_a_mod_with_an_old_edit_sequence_is_refused(desk):
    first = desk.customer()
    desk.do("CustomerMod", {"CustomerMod": _head(first) | {"Phone": "1"}})
    desk.refuse("CustomerMod", {"CustomerMod": _head(first) | {"Phone": "2"}}, 3200, "out-of-date")


def test_a_mod_of_nobody_is_refused(desk):
    fields = {"ListID": "80000001-1", "EditSequence": "1"}
    desk.refuse("CustomerMod", {"CustomerMod": fields}, 3120, "cannot be found")


def test_a_mod_cannot_take_a_name_but_keep_its_own(desk):
    first = desk.customer()
    desk.refuse("CustomerMod", {"CustomerMod": _head(first) | {"Name": "Dan T. Miller"}}, 3100)
    desk.do("CustomerMod", {"CustomerMod": _head(first) | {"Name": "ADA LTD"}})


def test_a_file_is_the_same_after_it_is_opened_again(path, company):
    Desk(company).customer()
    company.close()
    with type(company)(path) as again:
        assert again.name == "Acme"
        assert again.legal_name == "Acme Inc"
        assert Desk(again).ask("CustomerQuery", {"FullName": "Ada Ltd"}).code == 0


def _head(ret):
    return {"ListID": ret.get("ListID"), "EditSequence": ret.get("EditSequence")}
