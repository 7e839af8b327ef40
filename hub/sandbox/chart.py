"""What a new company file holds: the books of a small service firm, before its first sale.

The names are examples to map and to test with; the special accounts (A/R, Undeposited
Funds, Sales Tax Payable, ...) are those QuickBooks makes itself.
"""

from __future__ import annotations

from typing import Any

from hub.sandbox.lists import Entry, Lists

ACCOUNTS = """
1000 Bank                  Checking
1010 Bank                  Savings
1100 AccountsReceivable    Accounts Receivable        = AccountsReceivable
1150 OtherCurrentAsset     Billing Clearing
1200 OtherCurrentAsset     Undeposited Funds          = UndepositedFunds
1300 OtherCurrentAsset     Prepaid Expenses
1500 FixedAsset            Office Equipment
2000 AccountsPayable       Accounts Payable           = AccountsPayable
2050 CreditCard            Company Card
2100 OtherCurrentLiability Customer Deposits
2200 OtherCurrentLiability Sales Tax Payable          = SalesTaxPayable
2250 OtherCurrentLiability Sales Tax Collected
2300 OtherCurrentLiability Unearned Revenue
3000 Equity                Opening Balance Equity     = OpeningBalanceEquity
3100 Equity                Owner's Equity
3900 Equity                Retained Earnings          = RetainedEarnings
4000 Income                Sales
4010 Income                Sales:Subscriptions
4020 Income                Sales:Usage
4030 Income                Sales:Setup Fees
4040 Income                Sales:Hosting
4050 Income                Sales:Support
4060 Income                Sales:Late Fees
4100 Income                Consulting Income
4200 Income                Service Income
4800 Income                Discounts Given
4900 Income                Sales Returns
6000 Expense               Bank Service Charges
6100 Expense               Bad Debt
6200 Expense               Merchant Fees
6300 Expense               Rent
6400 Expense               Software
7000 OtherIncome           Interest Income
9000 NonPosting            Estimates                  = Estimates
"""
"""One account a line: number, type, full name, and what QuickBooks itself uses it for."""

SERVICES = """
Subscription   Sales:Subscriptions   49.00
Usage          Sales:Usage           0.10
Setup Fee      Sales:Setup Fees      99.00
Hosting        Sales:Hosting         0.00
Hosting:Basic  Sales:Hosting         19.95
Hosting:Pro    Sales:Hosting         49.95
Support        Sales:Support         80.00
Consulting     Consulting Income     120.00
Discount       Discounts Given       0.00
Old Plan       Service Income        15.00
"""
"""Service items: full name, income account, price. ``Old Plan`` is inactive; ``Discount`` is a
service that may be sold at a negative amount, unlike ``Promotion``, a true discount item."""

METHODS = {
    "Cash": "Cash",
    "Check": "Check",
    "Credit Card": "OtherCreditCard",
    "ACH": "ECheck",
    "American Express": "AmericanExpress",
    "Discover": "Discover",
    "MasterCard": "MasterCard",
    "Visa": "Visa",
    "Other": "Other",
}

TAXES = {"State Tax": "7.5", "County Tax": "1.25"}
"""Sales tax items, and their rates."""

HOME = "US Dollar"
CURRENCIES = {
    HOME: "USD",
    "Australian Dollar": "AUD",
    "British Pound Sterling": "GBP",
    "Canadian Dollar": "CAD",
    "Euro": "EUR",
    "Japanese Yen": "JPY",
    "Mexican Peso": "MXN",
    "Swiss Franc": "CHF",
}
"""What currencies there are once several are in use, and their codes."""

CLASSES = ("East", "West", "Online", "Online:Partners")
TERMS = {"Due on receipt": 0, "Net 15": 15, "Net 30": 30, "Net 60": 60}
MESSAGES = ("Thank you for your business.", "We appreciate your prompt payment.")
TEMPLATES = {
    "Intuit Product Invoice": "Invoice",
    "Intuit Service Invoice": "Invoice",
    "Custom Credit Memo": "CreditMemo",
}
CUSTOMERS = ("Abercrombie, Kristy", "Kern Lighting Warehouse")
VENDOR, EMPLOYEE, OTHER_NAME = "State Board of Equalization", "Dan T. Miller", "Petty Cash Custodian"


def fill(lists: Lists) -> None:
    """Put what a new company file holds into its empty lists."""
    _accounts(lists)
    _names(lists)
    for method, type in METHODS.items():
        lists.add("PaymentMethod", method, PaymentMethodType=type)
    for terms, days in TERMS.items():
        lists.add("Terms", terms, "StandardTerms", StdDueDays=days)
    for message in MESSAGES:
        lists.add("CustomerMsg", message)
    for template, type in TEMPLATES.items():
        lists.add("Template", template, TemplateType=type)
    lists.add("SalesTaxCode", "Tax", IsTaxable=True, Desc="Taxable Sales")
    lists.add("SalesTaxCode", "Non", IsTaxable=False, Desc="Non-Taxable Sales")
    for name in CLASSES:
        parent, short = _placed(lists, "Class", name)
        lists.add("Class", short, parent=parent)
    _items(lists)


def add_currencies(lists: Lists) -> None:
    """Put the currencies into the list, as QuickBooks does when several are switched on."""
    for name, code in CURRENCIES.items() if not lists.count("Currency") else ():
        lists.add("Currency", name, CurrencyCode=code)


def _placed(lists: Lists, list: str, full_name: str) -> tuple[Entry | None, str]:
    above, _, name = full_name.rpartition(":")
    return lists.named(list, above), name


def _accounts(lists: Lists) -> None:
    for line in ACCOUNTS.strip().splitlines():
        number, type, rest = line.split(maxsplit=2)
        full_name, _, special = (part.strip() for part in rest.partition("="))
        parent, name = _placed(lists, "Account", full_name)
        fields: dict[str, Any] = {"AccountType": type, "AccountNumber": number}
        if special:
            fields["SpecialAccountType"] = special
        lists.add("Account", name, parent=parent, **fields)


def _names(lists: Lists) -> None:
    for name in CUSTOMERS:
        lists.add("Customer", name, CompanyName=name)
    lists.add("Vendor", VENDOR)
    lists.add("Employee", EMPLOYEE)
    lists.add("OtherName", OTHER_NAME)


def _items(lists: Lists) -> None:
    for line in SERVICES.strip().splitlines():
        full_name, account, price = (part.strip() for part in line.split("  ") if part.strip())
        _sold(lists, "ItemService", full_name, account, price)
    _sold(lists, "ItemOtherCharge", "Sales Tax", "Sales Tax Collected", "0.00", "Non")
    _sold(lists, "ItemOtherCharge", "Late Fee", "Sales:Late Fees", "25.00", "Non")
    _sold(lists, "ItemNonInventory", "Starter Kit", "Service Income", "35.00")
    lists.add("Item", "Promotion", "ItemDiscount", account=_id(lists, "Account", "Discounts Given"))
    lists.add(
        *("Item", "Ten Percent Off", "ItemDiscount"),
        account=_id(lists, "Account", "Discounts Given"),
        DiscountRatePercent="10",
    )
    lists.add("Item", "Subtotal", "ItemSubtotal", ItemDesc="Subtotal")
    for tax, rate in TAXES.items():
        lists.add("Item", tax, "ItemSalesTax", TaxRate=rate, vendor=_id(lists, "Vendor", VENDOR))
    taxes = [_id(lists, "Item", tax) for tax in TAXES]
    lists.add("Item", "State and County", "ItemSalesTaxGroup", items=taxes)
    members = [_id(lists, "Item", name) for name in ("Hosting:Basic", "Support")]
    lists.add("Item", "Welcome Bundle", "ItemGroup", ItemDesc="Hosting with support", items=members)


def _sold(lists: Lists, kind: str, full_name: str, account: str, price: str, code: str = "Tax") -> None:
    parent, name = _placed(lists, "Item", full_name)
    lists.add(
        *("Item", name, kind, parent, full_name != "Old Plan"),
        account=_id(lists, "Account", account),
        Price=price,
        code=_id(lists, "SalesTaxCode", code),
    )


def _id(lists: Lists, list: str, full_name: str) -> str:
    found = lists.named(list, full_name)
    assert found is not None, full_name
    return found.id
