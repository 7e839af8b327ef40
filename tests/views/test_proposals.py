"""What seems to be meant by a charge or a purpose is proposed, and taken when it is saved."""

import pytest
from sqlalchemy import text

from hub.books.models import ListEntry, ListKind
from hub.exporters.purposes import Slot, meant, proposal
from hub.tenants.service import open_tenant
from tests.journal import Bookkeeper


def account(full_name, type_="Income", number=""):
    return ListEntry(kind=ListKind.ACCOUNT, full_name=full_name, type=type_, number=number)


CHART = [
    account("Sales", number="4000"),
    account("Sales:Subscriptions", number="4010"),
    account("Sales:Setup Fees", number="4030"),
    account("Consulting Income", number="4100"),
]


@pytest.mark.parametrize(
    ("code", "name", "wanted"),
    [
        ("4030", "Whatever", "Sales:Setup Fees"),
        ("4030-US", "Whatever", "Sales:Setup Fees"),
        ("40301", "Whatever", ""),
        ("setup fees", "Whatever", "Sales:Setup Fees"),
        ("", "Gold subscription", "Sales:Subscriptions"),
        ("", "Subscription sales", "Sales:Subscriptions"),
        ("", "One-time setup fee", "Sales:Setup Fees"),
        ("", "Consulting", ""),
        ("", "Gold", ""),
        ("", "½ — %", ""),
        ("   ", "", ""),
    ],
)
def test_a_charge_means_an_account_by_number_name_or_words(code, name, wanted):
    assert meant(CHART, code, name) == wanted


def slot(purpose, *options, code=""):
    return Slot(purpose, code, "", "", "", "", options=[*options])


def test_the_type_that_is_usual_for_a_purpose_comes_first():
    clearing = [
        account("Clearing A", "OtherCurrentLiability"),
        account("Clearing B", "OtherCurrentAsset"),
    ]
    assert proposal(slot("clearing", *clearing)) == "Clearing B"
    named = [*clearing, account("Clearing C", "OtherAsset", "77")]
    assert proposal(slot("clearing", *named, code="77")) == "Clearing C"


def test_the_only_bank_account_is_where_money_goes():
    bank, card = account("Hausbank", "Bank"), account("Card", "CreditCard")
    assert proposal(slot("deposit", bank, card)) == "Hausbank"
    assert proposal(slot("deposit", bank, account("Other", "Bank"))) == ""
    assert proposal(slot("rounding", account("Rent", "Expense"))) == ""


def charge_page(browser, tenant, name):
    return browser.get(f"/t/{tenant.slug}/charges").click(name)


def form_of(page):
    return next(form for form in page.forms.values() if "charge_kind" in form.fields)


def test_a_charge_without_a_code_is_saved_with_what_is_proposed(summary, enter):
    summary.sync()
    summary.put("charges", "gold", name="Gold subscription")
    browser = enter(summary)
    page = charge_page(browser, summary, "Gold subscription")
    assert "Proposed: <b>Sales:Subscriptions</b>. Save takes it." in page.text
    form_of(page).submit().follow()
    page = charge_page(browser, summary, "Gold subscription")
    assert "Mapped" in page
    assert "Proposed" not in page


def test_a_code_that_is_not_in_the_chart_stays_until_a_person_chooses(summary, enter):
    summary.sync()
    summary.put("charges", "gold", name="Gold", accounting_code="4010-US")
    page = charge_page(enter(summary), summary, "Gold")
    assert "Proposed: <b>Sales:Subscriptions</b>." in page.text
    assert "Save takes it" not in page
    assert form_of(page)["accounting_code"].value == "4010-US"


def test_an_item_is_proposed_in_full_mode(full, enter):
    full.sync()
    full.put("charges", "gold", name="Late fees of May")
    page = charge_page(enter(full), full, "Late fees of May")
    assert "Proposed: <b>Late Fee</b>. Save takes it." in page.text


def test_an_account_on_its_way_is_said_to_come_with_the_next_run(summary, enter):
    summary.sync()
    keeper = Bookkeeper(summary)
    keeper.do("create_account", "New Sales", "Income", "4999")
    for name, code in (("Gold", "New Sales"), ("Silver", "4999"), ("Brass", "4998")):
        summary.put("charges", name.lower(), name=name, accounting_code=code)
    browser = enter(summary)
    for name, code in (("Gold", "New Sales"), ("Silver", "4999")):
        page = charge_page(browser, summary, name)
        assert f"waits for the account “{code}”, which QuickBooks is asked to create" in page
        assert f"{code} (created at the next run)" in page
        assert "On its way" in page
        assert "Not mapped" not in page
    assert "1 charge is not mapped" in browser.get(f"/t/{summary.slug}/charges")
    assert "names “4998”, which is not in the Chart of Accounts" in charge_page(
        browser, summary, "Brass"
    )
    summary.sync()
    assert "Not mapped" not in charge_page(browser, summary, "Gold")
    with summary.db() as db:
        open_tenant(db, summary.slug)
        db.execute(text("UPDATE list_entry SET active = false, gone = true WHERE number = '4999'"))
    page = charge_page(browser, summary, "Gold")
    assert "which is not in the Chart of Accounts" in page
