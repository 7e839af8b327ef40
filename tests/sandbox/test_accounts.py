import pytest

from hub.sandbox.refusals import ParseError


def test_an_account_is_added_and_listed(desk):
    added = desk.add(
        "Account",
        {
            "Name": "Prepaid Plans",
            "ParentRef": {"FullName": "Sales"},
            "AccountType": "Income",
            "AccountNumber": "4070",
            "Desc": "Plans paid in advance",
        },
    )
    assert added.get("FullName") == "Sales:Prepaid Plans"
    assert added.get("ParentRef/FullName") == "Sales"
    assert (added.get("Balance"), added.get("IsActive")) == ("0.00", "true")
    listed = {one.get("ListID"): one for one in desk.ask("AccountQuery").returned}
    assert listed[added.get("ListID")].xml() == added.xml()


def test_an_added_account_can_be_posted_to(desk):
    id = desk.add("Account", {"Name": "Clearing", "AccountType": "OtherCurrentAsset"}).get("ListID")
    line = {"AccountRef": {"ListID": id}, "Amount": "5.00"}
    income = {"AccountRef": {"FullName": "Sales"}, "Amount": "5.00"}
    desk.add("JournalEntry", {"JournalDebitLine": line, "JournalCreditLine": income})
    assert desk.balance("Clearing") == "5.00"


def test_an_account_may_begin_inactive(desk):
    desk.add("Account", {"Name": "Old", "IsActive": "false", "AccountType": "Bank"})
    assert "Old" not in {one.get("Name") for one in desk.ask("AccountQuery").returned}


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"Name": "checking", "AccountType": "Bank"}, 3100, "in use"),
        (
            {"Name": "Usage", "ParentRef": {"FullName": "sales"}, "AccountType": "Income"},
            *(3100, "Sales:Usage"),
        ),
        ({"Name": "A:B", "AccountType": "Bank"}, 3090, "colon"),
        ({"Name": "A", "ParentRef": {"FullName": "No"}, "AccountType": "Bank"}, 3130, '"No"'),
        ({"Name": "A", "ParentRef": {"ListID": "8-1"}, "AccountType": "Bank"}, 3130, '"8-1"'),
        (
            {"Name": "A", "ParentRef": {"FullName": "Sales"}, "AccountType": "Bank"},
            *(3180, "parent's type, Income"),
        ),
        ({"Name": "A", "AccountType": "NonPosting"}, 3210, "non-posting"),
        (
            {"Name": "A", "AccountType": "Bank", "AccountNumber": "4000"},
            3180,
            "account number is already",
        ),
        ({"Name": "A" * 32, "AccountType": "Bank"}, 3070, "too long"),
    ],
)
def test_accounts_that_are_refused(desk, fields, code, words):
    desk.strict = False
    desk.refuse_add("Account", fields, code, words)


def test_an_unknown_type_of_account_is_not_even_read(desk):
    desk.strict = False
    with pytest.raises(ParseError):
        desk.add("Account", {"Name": "A", "AccountType": "Savings"})
