"""ItemServiceAdd, ClassAdd, PaymentMethodAdd, StandardTermsAdd; names across all lists of names."""

import pytest

from hub.sandbox.lists import NAMES


def service(name="Backup", account="Sales:Hosting", **rest):
    sale = {"Desc": "Nightly backup", "Price": "9.90", "AccountRef": {"FullName": account}}
    return {"Name": name, "SalesOrPurchase": sale, **rest}


def test_a_service_item_is_added_listed_and_sold(desk):
    guid = "{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b0a01}"
    rest = {"SalesTaxCodeRef": {"FullName": "Non"}, "ExternalGUID": guid}
    added = desk.add("ItemService", service(ParentRef={"FullName": "Hosting"}, **rest))
    assert added.get("FullName") == "Hosting:Backup"
    assert added.get("SalesOrPurchase/AccountRef/FullName") == "Sales:Hosting"
    assert (added.get("SalesTaxCodeRef/FullName"), added.get("ExternalGUID")) == ("Non", guid)
    assert desk.do("ItemQuery", {"ListID": added.get("ListID")}).xml() == added.xml()
    desk.customer()
    line = {"ItemRef": {"ListID": added.get("ListID")}, "Quantity": "2"}
    invoice = desk.add("Invoice", {"CustomerRef": {"FullName": "Ada Ltd"}, "InvoiceLineAdd": [line]})
    assert invoice.get("InvoiceLineRet/Desc") == "Nightly backup"
    assert invoice.get("InvoiceLineRet/Amount") == "19.80"
    assert desk.balance("Sales:Hosting") == "19.80"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        (service("Support"), 3100, "in use"),
        (service("Promotion"), 3100, "in use"),
        (service(ParentRef={"FullName": "Nowhere"}), 3130, "Nowhere"),
        (service(account="Nowhere"), 3140, "Nowhere"),
        (service(account="Accounts Receivable"), 3140, "cannot be sold"),
        (service(account="Undeposited Funds"), 3140, "cannot be sold"),
        (service(account="Sales Tax Payable"), 3140, "cannot be sold"),
        (service(SalesTaxCodeRef={"FullName": "Off"}), 3140, "Off"),
        ({"Name": "Backup", "SalesOrPurchase": {"Price": "1.00"}}, 3150, "AccountRef"),
    ],
)
def test_service_items_that_are_refused(desk, fields, code, words):
    desk.refuse_add("ItemService", fields, code, words)


def test_a_service_item_has_a_name_without_a_colon(desk):
    desk.strict = False
    desk.refuse_add("ItemService", service("a:b"), 3090, "colon")


def test_a_class_is_added_and_used(desk):
    added = desk.add("Class", {"Name": "North", "ParentRef": {"FullName": "East"}})
    assert added.get("FullName") == "East:North"
    assert desk.do("ClassQuery", {"FullName": "east:north"}).xml() == added.xml()
    desk.refuse_add("Class", {"Name": "north", "ParentRef": {"FullName": "East"}}, 3100)
    desk.add("Class", {"Name": "North", "IsActive": "false"})
    desk.company.prefer(IsUsingClassTracking=False)
    desk.refuse_add("Class", {"Name": "South"}, 3250, "class tracking")


def test_a_payment_method_is_added(desk):
    added = desk.add("PaymentMethod", {"Name": "Direct Debit", "PaymentMethodType": "ECheck"})
    assert desk.do("PaymentMethodQuery", {"FullName": "Direct Debit"}).xml() == added.xml()
    assert desk.add("PaymentMethod", {"Name": "Barter"}).get("PaymentMethodType") == "Other"
    desk.refuse_add("PaymentMethod", {"Name": "cash"}, 3100)


def test_terms_are_added_and_move_the_due_date(desk):
    added = desk.add("StandardTerms", {"Name": "Net 10", "StdDueDays": "10"})
    assert desk.do("TermsQuery", {"FullName": "Net 10"}).xml() == added.xml()
    terms = {"TermsRef": {"FullName": "Net 10"}}
    assert desk.invoice(TxnDate="2026-01-01", **terms).get("DueDate") == "2026-01-11"
    desk.refuse_add("StandardTerms", {"Name": "net 10"}, 3100)
    desk.refuse_add("StandardTerms", {"Name": "Past", "StdDueDays": "-1"}, 3210)


@pytest.mark.parametrize("list", NAMES)
def test_a_name_of_any_list_is_found_and_taken(desk, list):
    name = desk.company.lists.add(list, "Zed").name
    found = desk.do("EntityQuery", {"FullName": "ZED"})
    assert (found.name, found.get("Name")) == (f"{list}Ret", name)
    assert desk.do("EntityQuery", {"ListID": found.get("ListID")}).xml() == found.xml()
    desk.refuse_add("Customer", {"Name": "zed"}, 3100, "in use")
    kristy = desk.do("CustomerQuery", {"FullName": "Abercrombie, Kristy"})
    stamps = {"ListID": kristy.get("ListID"), "EditSequence": kristy.get("EditSequence")}
    desk.refuse("CustomerMod", {"CustomerMod": stamps | {"Name": "Zed"}}, 3100, "in use")


@pytest.mark.parametrize(
    ("kind", "field", "most", "rest"),
    [
        ("ItemService", "Name", 31, service()),
        ("Class", "Name", 31, {}),
        ("PaymentMethod", "Name", 31, {}),
        ("StandardTerms", "Name", 31, {}),
        ("Customer", "Notes", 4095, {"Name": "Bea"}),
    ],
)
def test_a_text_is_no_longer_than_its_field(desk, kind, field, most, rest):
    assert desk.add(kind, rest | {field: "x" * most}).get(field) == "x" * most
    desk.strict = False
    desk.refuse_add(kind, rest | {field: "x" * (most + 1)}, 3070, f'in the field "{field}" is too long')


@pytest.mark.parametrize(
    ("kind", "most", "longest"), [("Customer", 41, 209), ("Class", 31, 159), ("ItemService", 31, 159)]
)
def test_a_full_name_has_five_levels_and_no_more(desk, kind, most, longest):
    rest = service() if kind == "ItemService" else {}
    for letter in "vwxyz":
        added = desk.add(kind, rest | {"Name": letter * most})
        rest |= {"ParentRef": {"ListID": added.get("ListID")}}
    assert len(added.get("FullName")) == longest
    desk.refuse_add(kind, rest | {"Name": "u"}, 3210, "five levels")
