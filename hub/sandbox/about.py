"""HostQuery, CompanyQuery, PreferencesQuery: what the Web Connector tells before all else.

The Web Connector sends these three itself and passes the answer on with its first call
(protocol.md A.6).
"""

from __future__ import annotations

from hub.qbwc.qbxml import Element, Request, message
from hub.sandbox import currencies, sales_tax
from hub.sandbox.answer import Ret, boolean
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry

PRODUCT = "QuickBooks Enterprise Solutions Sandbox"
VERSIONS = (
    "1.1",
    "2.0",
    "3.0",
    "4.0",
    "5.0",
    "6.0",
    "7.0",
    "8.0",
    "9.0",
    "10.0",
    "11.0",
    "12.0",
    "13.0",
    "14.0",
    "15.0",
    "16.0",
)
"""The qbXML versions spoken here: those of QuickBooks 2023."""


def greeting(owner: str) -> str:
    """Return the message the Web Connector opens each session with."""
    return message(
        [
            Request("HostQuery", "0"),
            Request("CompanyQuery", "1", {"OwnerID": owner}),
            Request("PreferencesQuery", "2"),
        ]
    )


def host(company: Company, _request: Element) -> Ret:
    shown: Ret = [
        ("ProductName", PRODUCT),
        ("MajorVersion", "33"),
        ("MinorVersion", "0"),
        ("Country", company.country),
        *(("SupportedQBXMLVersion", version) for version in VERSIONS),
        ("IsAutomaticLogin", "false"),
        ("QBFileMode", "SingleUser"),
    ]
    return [("HostRet", shown)]


def company(company: Company, request: Element) -> Ret:
    """Answer with the names, and with the stamps of the applications asked for."""
    shown: Ret = [
        ("IsSampleCompany", boolean(company.is_sample)),
        ("CompanyName", company.name),
        ("LegalCompanyName", company.legal_name),
    ]
    for owner in request.all("OwnerID"):
        for name, value in company.stamps(owner.text).items():
            stamp: Ret = [("OwnerID", owner.text), ("DataExtName", name), ("DataExtType", "STR255TYPE")]
            shown.append(("DataExtRet", [*stamp, ("DataExtValue", value)]))
    return [("CompanyRet", shown)]


def preferences(company: Company, _request: Element) -> Ret:
    chosen = company.preferences
    accounting: Ret = [
        ("IsUsingAccountNumbers", boolean(chosen["IsUsingAccountNumbers"])),
        ("IsRequiringAccounts", "true"),
        ("IsUsingClassTracking", boolean(chosen["IsUsingClassTracking"])),
        ("IsUsingAuditTrail", "true"),
        ("IsAssigningJournalEntryNumbers", "true"),
        ("ClosingDate", chosen["ClosingDate"]),
    ]
    currency: Ret = [("IsMultiCurrencyOn", boolean(chosen["IsMultiCurrencyOn"]))]
    if chosen["IsMultiCurrencyOn"]:
        currency.append(("HomeCurrencyRef", [("FullName", currencies.HOME)]))
    sales: Ret = [
        ("IsTrackingReimbursedExpensesAsIncome", "false"),
        ("IsAutoApplyingPayments", boolean(chosen["IsAutoApplyingPayments"])),
    ]
    access: Ret = [("IsAutomaticLoginAllowed", "true"), ("IsPersonalDataAccessAllowed", "false")]
    shown: Ret = [
        ("AccountingPreferences", accounting),
        ("MultiCurrencyPreferences", currency),
        ("SalesAndCustomersPreferences", sales),
        ("SalesTaxPreferences", _sales_tax(company) if chosen["IsUsingSalesTax"] else None),
        ("CurrentAppAccessRights", access),
    ]
    return [("PreferencesRet", shown)]


def _sales_tax(company: Company) -> Ret:
    """Its codes are the first of each kind, whatever people call them."""
    codes = company.lists.all("SalesTaxCode")
    taxable = next((one for one in codes if one.fields["IsTaxable"]), None)
    untaxed = next((one for one in codes if not one.fields["IsTaxable"]), None)
    return [
        ("DefaultItemSalesTaxRef", _named(sales_tax.usual(company))),
        ("PaySalesTax", "Quarterly"),
        ("DefaultTaxableSalesTaxCodeRef", _named(taxable)),
        ("DefaultNonTaxableSalesTaxCodeRef", _named(untaxed)),
    ]


def _named(found: Entry | None) -> Ret:
    return [("ListID", found.id), ("FullName", found.full_name)] if found else []
