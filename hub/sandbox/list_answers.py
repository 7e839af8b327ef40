"""List entries as QuickBooks shows them: ``AccountRet``, ``CustomerRet``, ``ItemServiceRet``, ..."""

from __future__ import annotations

from hub.sandbox import cents
from hub.sandbox.answer import Ret, boolean
from hub.sandbox.company import Company
from hub.sandbox.lists import Entry

CREDIT_TYPES = (
    *("AccountsPayable", "CreditCard", "OtherCurrentLiability", "LongTermLiability"),
    *("Equity", "Income", "OtherIncome"),
)
"""Types whose balance is shown positive when credits are larger."""

FLAT_ITEMS = ("ItemSubtotal", "ItemSalesTax", "ItemSalesTaxGroup", "ItemGroup")
"""Items that have a Name only, and no place in a tree (protocol.md C.5)."""


def ret(company: Company, entry: Entry) -> Ret:
    """Return the elements of an entry's ``Ret``, in the schema's order."""
    return [*_stamps(entry), *_SUBJECTS[entry.list](company, entry)]


def reference(entry: Entry | None) -> Ret:
    """Return the ListID and FullName of a reference."""
    return [("ListID", entry.id), ("FullName", entry.full_name)] if entry else []


def _stamps(entry: Entry) -> Ret:
    return [
        ("ListID", entry.id),
        ("TimeCreated", entry.created),
        ("TimeModified", entry.modified),
        ("EditSequence", entry.edit_sequence),
        ("Name", entry.name),
    ]


def _place(company: Company, entry: Entry) -> Ret:
    return [
        ("FullName", entry.full_name),
        ("IsActive", boolean(entry.active)),
        ("ParentRef", reference(company.lists.get(entry.list, entry.parent))),
        ("Sublevel", str(entry.sublevel)),
    ]


def _account(company: Company, account: Entry) -> Ret:
    fields = account.fields
    sign = -1 if fields["AccountType"] in CREDIT_TYPES else 1
    own = company.lists.balance(account)
    total = own + company.lists.balance_below(account)
    return [
        *_place(company, account),
        ("AccountType", fields["AccountType"]),
        ("SpecialAccountType", fields.get("SpecialAccountType")),
        ("AccountNumber", fields.get("AccountNumber")),
        ("BankNumber", fields.get("BankNumber")),
        ("Desc", fields.get("Desc")),
        ("Balance", cents.write(sign * own)),
        ("TotalBalance", cents.write(sign * total)),
        ("CurrencyRef", [("FullName", fields.get("CurrencyRef"))]),
    ]


def _customer(company: Company, customer: Entry) -> Ret:
    fields = customer.fields
    owed = cents.write(company.transactions.owed_by(customer.id))
    return [
        *_place(company, customer),
        *((name, fields.get(name)) for name in ("CompanyName", "FirstName", "LastName")),
        ("BillAddress", list(fields.get("BillAddress", {}).items())),
        ("Phone", fields.get("Phone")),
        ("Email", fields.get("Email")),
        ("Balance", owed),
        ("TotalBalance", owed),
        ("AccountNumber", fields.get("AccountNumber")),
        ("JobStatus", "None"),
        ("Notes", fields.get("Notes")),
        ("ExternalGUID", fields.get("ExternalGUID")),
        ("CurrencyRef", [("FullName", fields.get("CurrencyRef"))]),
    ]


def _item(company: Company, item: Entry) -> Ret:
    place = [("IsActive", boolean(item.active))] if item.kind in FLAT_ITEMS else _place(company, item)
    fields = item.fields
    account = reference(company.lists.get("Account", fields.get("account", "")))
    match item.kind:
        case "ItemSubtotal":
            return [*place, ("ItemDesc", fields.get("ItemDesc"))]
        case "ItemSalesTax":
            vendor = reference(company.lists.get("Vendor", fields["vendor"]))
            return [*place, ("TaxRate", fields["TaxRate"]), ("TaxVendorRef", vendor)]
        case "ItemSalesTaxGroup":
            taxes = [company.lists.get("Item", id) for id in fields["items"]]
            return [*place, *(("ItemSalesTaxRef", reference(one)) for one in taxes)]
        case "ItemDiscount":
            percent = ("DiscountRatePercent", fields.get("DiscountRatePercent"))
            return [*place, percent, ("AccountRef", account)]
        case "ItemGroup":
            members = [company.lists.get("Item", id) for id in fields["items"]]
            lines: Ret = [("ItemGroupLine", [("ItemRef", reference(one))]) for one in members]
            return [*place, ("ItemDesc", fields.get("ItemDesc")), *lines]
    code = reference(company.lists.get("SalesTaxCode", fields.get("code", "")))
    sale: Ret = [("Desc", fields.get("Desc")), ("Price", fields.get("Price")), ("AccountRef", account)]
    guid = ("ExternalGUID", fields.get("ExternalGUID"))
    return [*place, ("SalesTaxCodeRef", code), ("SalesOrPurchase", sale), guid]


def _class(company: Company, entry: Entry) -> Ret:
    return _place(company, entry)


def _payment_method(_company: Company, entry: Entry) -> Ret:
    type = ("PaymentMethodType", entry.fields["PaymentMethodType"])
    return [("IsActive", boolean(entry.active)), type]


def _tax_code(_company: Company, entry: Entry) -> Ret:
    return [
        ("IsActive", boolean(entry.active)),
        ("IsTaxable", boolean(entry.fields["IsTaxable"])),
        ("Desc", entry.fields["Desc"]),
    ]


def _terms(_company: Company, entry: Entry) -> Ret:
    due = ("StdDueDays", str(entry.fields["StdDueDays"]))
    return [("IsActive", boolean(entry.active)), due, ("DiscountPct", entry.fields.get("DiscountPct"))]


def _currency(_company: Company, entry: Entry) -> Ret:
    return [("IsActive", boolean(entry.active)), ("CurrencyCode", entry.fields["CurrencyCode"])]


def _template(_company: Company, entry: Entry) -> Ret:
    return [("IsActive", boolean(entry.active)), ("TemplateType", entry.fields["TemplateType"])]


def _name(_company: Company, entry: Entry) -> Ret:
    return [("IsActive", boolean(entry.active))]


_SUBJECTS = {
    "Account": _account,
    "Customer": _customer,
    "Item": _item,
    "Class": _class,
    "PaymentMethod": _payment_method,
    "SalesTaxCode": _tax_code,
    "Terms": _terms,
    "CustomerMsg": _name,
    "Template": _template,
    "Vendor": _name,
    "Employee": _name,
    "OtherName": _name,
    "Currency": _currency,
}
