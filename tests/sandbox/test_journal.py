import pytest

from hub.qbwc.statuses import status

CLEARING, SALES, TAX = "Billing Clearing", "Sales:Hosting", "Sales Tax Payable"
AR, AP = "Accounts Receivable", "Accounts Payable"
AGENCY = "State Board of Equalization"


def line(account, amount, name="", **rest):
    entity = {"EntityRef": {"FullName": name}} if name else {}
    return {"AccountRef": {"FullName": account}, "Amount": amount, **entity, **rest}


def entry(debits, credits, **head):
    return {**head, "JournalDebitLine": debits, "JournalCreditLine": credits}


def test_an_entry_is_posted(desk):
    added = desk.add(
        "JournalEntry",
        entry(
            [line(CLEARING, "110.00", Memo="Summary"), line("Sales:Setup Fees", "5.00")],
            [line(SALES, "105.00", ClassRef={"FullName": "East"}), line(TAX, "10.00", AGENCY)],
            TxnDate="2026-01-31",
            RefNumber="B260131-1",
            IsAdjustment="false",
            ExternalGUID="{7d9d0d0e-0d7a-5b34-9f58-0f6f3c9b0131}",
        ),
    )
    assert added.get("RefNumber") == "B260131-1"
    assert [one.get("Amount") for one in added.all("JournalDebitLine")] == ["110.00", "5.00"]
    assert added.all("JournalCreditLine")[1].get("EntityRef/FullName") == AGENCY
    assert desk.balance(CLEARING) == "110.00"
    assert desk.balance("Sales:Setup Fees") == "-5.00"
    assert desk.look("JournalEntry", added.get("TxnID")).xml() == added.xml()


def test_sides_may_alternate(desk):
    text = (
        '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError">'
        '<JournalEntryAddRq requestID="1"><JournalEntryAdd>'
        "<JournalCreditLine><AccountRef><FullName>Rent</FullName></AccountRef><Amount>1.00</Amount>"
        "</JournalCreditLine><JournalDebitLine><AccountRef><FullName>Checking</FullName></AccountRef>"
        "<Amount>3.00</Amount></JournalDebitLine><JournalCreditLine><AccountRef><FullName>Rent</FullName>"
        "</AccountRef><Amount>2.00</Amount></JournalCreditLine></JournalEntryAdd></JournalEntryAddRq>"
        "</QBXMLMsgsRq></QBXML>"
    )
    added = desk.send(text).answers[0].returned[0]
    sides = [one.name for one in added if one.name.startswith("Journal")]
    assert sides == ["JournalCreditLine", "JournalDebitLine", "JournalCreditLine"]


@pytest.mark.parametrize(
    ("debits", "credits", "code", "words"),
    [
        ([line(CLEARING, "1.00")], [line(SALES, "1.01")], 3180, "not in balance"),
        ([line(CLEARING, "-1.00")], [line(SALES, "-1.00")], 3210, "positive"),
        ([line("Nowhere", "1.00")], [line(SALES, "1.00")], 3140, '"Nowhere" in the Journal Entry'),
        ([line("Estimates", "1.00")], [line(SALES, "1.00")], 3140, "non-posting"),
        ([line(AR, "1.00")], [line(SALES, "1.00")], 3180, "customer"),
        ([line(AR, "1.00", AGENCY)], [line(SALES, "1.00")], 3180, "customer"),
        ([line(AP, "1.00")], [line(SALES, "1.00")], 3180, "vendor"),
        ([line(CLEARING, "1.00")], [line(TAX, "1.00")], 3180, "vendor"),
        (
            [line(AR, "1.00", "Kern Lighting Warehouse")],
            [line(TAX, "1.00", AGENCY)],
            3180,
            "more than one",
        ),
        (
            [line(AR, "1.00", "Kern Lighting Warehouse")],
            [line(AP, "1.00", AGENCY)],
            3180,
            "more than one",
        ),
        (
            [line(AR, "1.00", "Kern Lighting Warehouse"), line(AR, "1.00", "Kern Lighting Warehouse")],
            [line(SALES, "2.00")],
            3180,
            "more than one",
        ),
        ([line(CLEARING, "1.00", "Nobody")], [line(SALES, "1.00")], 3140, "Nobody"),
    ],
)
def test_entries_that_are_refused(desk, debits, credits, code, words):
    desk.refuse_add("JournalEntry", entry(debits, credits), code, words)


def test_currencies_are_off(desk):
    given = entry([line(CLEARING, "1.00")], [line(SALES, "1.00")], CurrencyRef={"FullName": "Euro"})
    desk.refuse_add("JournalEntry", given, 3250, "currencies")


def test_currencies_can_be_on(desk):
    desk.company.prefer(IsMultiCurrencyOn=True)
    preferences = desk.do("PreferencesQuery").find("MultiCurrencyPreferences")
    assert preferences.get("HomeCurrencyRef/FullName") == "US Dollar"
    given = entry([line(CLEARING, "1.00")], [line(SALES, "1.00")], ExchangeRate="1.0")
    desk.add("JournalEntry", given)


def test_closed_books_take_no_entry(desk):
    desk.company.prefer(ClosingDate="2025-12-31")
    given = entry([line(CLEARING, "1.00")], [line(SALES, "1.00")], TxnDate="2025-12-31")
    desk.refuse_add("JournalEntry", given, 3181)


def test_several_tax_lines_are_fine(desk):
    taxes = [line(TAX, "1.00", AGENCY), line(TAX, "2.00", AGENCY)]
    desk.add("JournalEntry", entry([line(CLEARING, "3.00")], taxes))
    assert desk.balance(TAX) == "3.00"


def test_what_an_entry_charges_a_customer_can_be_paid(desk):
    kern = "Kern Lighting Warehouse"
    added = desk.add("JournalEntry", entry([line(AR, "40.00", kern)], [line(SALES, "40.00")]))
    assert desk.do("CustomerQuery", {"FullName": kern}).get("Balance") == "40.00"
    given = {"AppliedToTxnAdd": [{"TxnID": added.get("TxnID"), "PaymentAmount": "40.00"}]}
    payment = desk.payment("40.00", kern, **given)
    assert payment.get("AppliedToTxnRet/TxnType") == "JournalEntry"
    assert desk.do("CustomerQuery", {"FullName": kern}).get("Balance") == "0.00"


def test_an_entry_can_be_voided_and_deleted(desk):
    added = desk.add("JournalEntry", entry([line(CLEARING, "3.00")], [line(SALES, "3.00")]))
    id = added.get("TxnID")
    desk.do("TxnVoid", {"TxnVoidType": "JournalEntry", "TxnID": id})
    assert desk.look("JournalEntry", id).get("JournalDebitLine/Amount") == "0.00"
    assert desk.balance(CLEARING) == "0.00"
    desk.do("TxnDel", {"TxnDelType": "JournalEntry", "TxnID": id})
    assert desk.ask("JournalEntryQuery", {"TxnID": id}).code == 500


EURO = {"CurrencyRef": {"FullName": "euro"}, "ExchangeRate": "1.08"}


def foreign(desk, name, type):
    desk.company.prefer(IsMultiCurrencyOn=True)
    given = {"Name": name, "AccountType": type, "CurrencyRef": {"FullName": "Euro"}}
    return desk.add("Account", given)


def test_an_entry_has_one_currency(desk):
    assert foreign(desk, "Euro Bank", "Bank").get("CurrencyRef/FullName") == "Euro"
    added = desk.add("JournalEntry", entry([line("Euro Bank", "1.00")], [line(SALES, "1.00")], **EURO))
    assert added.get("CurrencyRef/FullName") == "Euro"
    assert added.get("ExchangeRate") == "1.08"
    stamps = {"TxnID": added.get("TxnID"), "EditSequence": added.get("EditSequence")}
    after = desk.do("JournalEntryMod", {"JournalEntryMod": {**stamps, "ExchangeRate": "1.09"}})
    assert (after.get("CurrencyRef/FullName"), after.get("ExchangeRate")) == ("Euro", "1.09")
    stamps["EditSequence"] = after.get("EditSequence")
    home = {"CurrencyRef": {"FullName": "US Dollar"}}
    desk.refuse("JournalEntryMod", {"JournalEntryMod": {**stamps, **home}}, 3140, "currency")


@pytest.mark.parametrize(
    ("debit", "head", "words"),
    [
        ("Euro Bank", {}, "account is Euro and that of the transaction is US Dollar"),
        ("Euro Bank", {"CurrencyRef": {"FullName": "Swiss Franc"}}, "transaction is Swiss Franc"),
        ("Checking", EURO, "account is US Dollar and that of the transaction is Euro"),
        (CLEARING, {"CurrencyRef": {"FullName": "Ducat"}}, '"Ducat"'),
        (CLEARING, {"CurrencyRef": {"ListID": "8-1"}}, '"8-1"'),
    ],
)
def test_currencies_that_do_not_go_together_are_refused(desk, debit, head, words):
    foreign(desk, "Euro Bank", "Bank")
    given = entry([line(debit, "1.00")], [line(SALES, "1.00")], **head)
    desk.refuse_add("JournalEntry", given, 3140, words)


def test_a_foreign_account_needs_currencies_switched_on(desk):
    given = {"Name": "Euro", "AccountType": "Bank", "CurrencyRef": {"FullName": "Euro"}}
    desk.refuse_add("Account", given, 3250, "currencies")


@pytest.mark.parametrize(
    ("debits", "credits"),
    [
        ([line(TAX, "1.00", "Dan T. Miller")], [line(SALES, "1.00")]),
        ([line(AP, "1.00", "Kern Lighting Warehouse")], [line(SALES, "1.00")]),
    ],
)
def test_a_vendor_is_a_vendor_and_nobody_else(desk, debits, credits):
    desk.refuse_add("JournalEntry", entry(debits, credits), 3180, "vendor in the Name field")


@pytest.mark.parametrize(
    ("debits", "slug"),
    [
        ([line(AR, "1.00")], "receivable-without-customer"),
        ([line("Euro Bank", "1.00")], "currency"),
        ([line(CLEARING, "2.00")], "unbalanced"),
        ([line(AR, "0.50", "Kern Lighting Warehouse")] * 2, "two-receivables"),
    ],
)
def test_what_quickbooks_says_leads_to_the_cause(desk, debits, slug):
    foreign(desk, "Euro Bank", "Bank")
    given = {"JournalDebitLine": debits, "JournalCreditLine": [line(SALES, "1.00")]}
    answer = desk.ask("JournalEntryAdd", {"JournalEntryAdd": given})
    assert status(answer.code, answer.text).slug == slug
