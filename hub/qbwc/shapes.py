"""The shape of every qbXML request the hub sends: order, types, lengths.

QuickBooks reads a request strictly: one element out of its place and the whole
message is refused (0x80040400, protocol.md C.1). So the shapes are written down
once, in a notation of their own (``notation``).

Only what the hub sends is listed; an element that is not here is not sent.
Lengths and order are QuickBooks Desktop's, qbXML 13.0 (protocol.md C.3, E.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.errors import Fault
from hub.qbwc.letters import storable
from hub.qbwc.notation import Shape, read

LIST_KINDS = (
    *(
        "Account",
        "Class",
        "Currency",
        "Customer",
        "Employee",
        "OtherName",
        "PaymentMethod",
        "SalesTaxCode",
    ),
    *("CustomerMsg", "StandardTerms", "DateDrivenTerms", "Vendor"),
    *("ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemDiscount", "ItemSubtotal"),
    *("ItemSalesTax", "ItemSalesTaxGroup", "ItemGroup", "ItemPayment", "ItemInventory"),
    *("ItemInventoryAssembly", "ItemFixedAsset"),
)
"""The kinds of list entries whose deletion can be asked for; items go by their kind (C.2)."""

ACCOUNT_TYPES = (
    *("AccountsPayable", "AccountsReceivable", "Bank", "CostOfGoodsSold", "CreditCard", "Equity"),
    *("Expense", "FixedAsset", "Income", "LongTermLiability", "NonPosting", "OtherAsset"),
    *("OtherCurrentAsset", "OtherCurrentLiability", "OtherExpense", "OtherIncome"),
)
"""The types an account can be of (protocol.md C.3); of NonPosting none can be added."""

METHOD_TYPES = (
    *("AmericanExpress", "Cash", "Check", "DebitCard", "Discover", "ECheck", "GiftCard"),
    *("MasterCard", "Other", "OtherCreditCard", "Visa"),
)
"""The types a payment method can be of."""

TRANSACTION_KINDS = (
    *("ARRefundCreditCard", "Check", "CreditMemo", "Invoice", "JournalEntry", "ReceivePayment"),
)
"""The kinds of transactions the hub knows; all but ReceivePayment can be voided (C.3)."""

REQUESTS = f"""
HostQuery
  IncludeRetElement 50 *

CompanyQuery
  IncludeRetElement 50 *
  OwnerID guid *

PreferencesQuery
  IncludeRetElement 50 *

AccountQuery
  list-filter

AccountAdd
  AccountAdd
    Name 31
    IsActive bool ?
    ParentRef ref 159 ?
    AccountType one-of {" ".join(ACCOUNT_TYPES)}
    AccountNumber 7 ?
    BankNumber 25 ?
    Desc 200 ?
    CurrencyRef ref 64 ?

ItemQuery
  list-filter

ItemServiceAdd
  ItemServiceAdd
    Name 31
    IsActive bool ?
    ParentRef ref 159 ?
    SalesTaxCodeRef ref 3 ?
    SalesOrPurchase
      Desc 4095 ?
      Price number ?
      AccountRef ref 159 ?
    ExternalGUID guid ?

CustomerQuery
  list-filter

ClassQuery
  list-filter

ClassAdd
  ClassAdd
    Name 31
    IsActive bool ?
    ParentRef ref 159 ?

PaymentMethodQuery
  list-filter

PaymentMethodAdd
  PaymentMethodAdd
    Name 31
    IsActive bool ?
    PaymentMethodType one-of {" ".join(METHOD_TYPES)} ?

SalesTaxCodeQuery
  list-filter

TermsQuery
  list-filter

CustomerMsgQuery
  list-filter

TemplateQuery
  IncludeRetElement 50 *

StandardTermsAdd
  StandardTermsAdd
    Name 31
    IsActive bool ?
    StdDueDays int ?

CurrencyQuery
  list-filter

VendorQuery
  list-filter

EmployeeQuery
  list-filter

OtherNameQuery
  list-filter

EntityQuery
  | ?
    ListID id +
    FullName 209 +
    list-range
  IncludeRetElement 50 *

ListDeletedQuery
  ListDelType one-of {" ".join(LIST_KINDS)} +
  DeletedDateRangeFilter ?
    FromDeletedDate moment ?
    ToDeletedDate moment ?
  IncludeRetElement 50 *

CustomerAdd
  CustomerAdd
    Name 41
    IsActive bool ?
    ParentRef ref 209 ?
    CompanyName 41 ?
    FirstName 25 ?
    LastName 25 ?
    BillAddress addr ?
    Phone 21 ?
    Email 1023 ?
    AccountNumber 99 ?
    Notes 4095 ?
    ExternalGUID guid ?
    CurrencyRef ref 64 ?

CustomerMod
  CustomerMod
    ListID id
    EditSequence 16
    Name 41 ?
    IsActive bool ?
    CompanyName 41 ?
    FirstName 25 ?
    LastName 25 ?
    BillAddress addr ?
    Phone 21 ?
    Email 1023 ?
    AccountNumber 99 ?
    Notes 4095 ?

InvoiceAdd
  InvoiceAdd
    CustomerRef ref 209
    ClassRef ref 159 ?
    ARAccountRef ref 159 ?
    TemplateRef ref 31 ?
    TxnDate date ?
    RefNumber 11 ?
    BillAddress addr ?
    PONumber 25 ?
    TermsRef ref 31 ?
    DueDate date ?
    ItemSalesTaxRef ref 31 ?
    Memo 4095 ?
    CustomerMsgRef ref 101 ?
    IsToBePrinted bool ?
    IsToBeEmailed bool ?
    CustomerSalesTaxCodeRef ref 3 ?
    Other 29 ?
    ExternalGUID guid ?
    InvoiceLineAdd *
      sales-line

InvoiceMod
  InvoiceMod
    TxnID id
    EditSequence 16
    CustomerRef ref 209 ?
    ClassRef ref 159 ?
    ARAccountRef ref 159 ?
    TemplateRef ref 31 ?
    TxnDate date ?
    RefNumber 11 ?
    BillAddress addr ?
    PONumber 25 ?
    TermsRef ref 31 ?
    DueDate date ?
    ItemSalesTaxRef ref 31 ?
    Memo 4095 ?
    CustomerMsgRef ref 101 ?
    IsToBePrinted bool ?
    IsToBeEmailed bool ?
    CustomerSalesTaxCodeRef ref 3 ?
    Other 29 ?
    SetCredit *
      CreditTxnID id
      AppliedAmount amount
      Override bool ?
    InvoiceLineMod *
      TxnLineID id
      sales-line

CreditMemoAdd
  CreditMemoAdd
    CustomerRef ref 209
    ClassRef ref 159 ?
    ARAccountRef ref 159 ?
    TemplateRef ref 31 ?
    TxnDate date ?
    RefNumber 11 ?
    BillAddress addr ?
    PONumber 25 ?
    TermsRef ref 31 ?
    DueDate date ?
    ItemSalesTaxRef ref 31 ?
    Memo 4095 ?
    CustomerMsgRef ref 101 ?
    IsToBePrinted bool ?
    IsToBeEmailed bool ?
    CustomerSalesTaxCodeRef ref 3 ?
    Other 29 ?
    ExternalGUID guid ?
    CreditMemoLineAdd +
      sales-line

CreditMemoMod
  CreditMemoMod
    TxnID id
    EditSequence 16
    CustomerRef ref 209 ?
    ClassRef ref 159 ?
    ARAccountRef ref 159 ?
    TemplateRef ref 31 ?
    TxnDate date ?
    RefNumber 11 ?
    BillAddress addr ?
    PONumber 25 ?
    TermsRef ref 31 ?
    DueDate date ?
    ItemSalesTaxRef ref 31 ?
    Memo 4095 ?
    CustomerMsgRef ref 101 ?
    IsToBePrinted bool ?
    IsToBeEmailed bool ?
    CustomerSalesTaxCodeRef ref 3 ?
    Other 29 ?
    CreditMemoLineMod *
      TxnLineID id
      sales-line

ReceivePaymentAdd
  ReceivePaymentAdd
    CustomerRef ref 209
    ARAccountRef ref 159 ?
    TxnDate date ?
    RefNumber 20 ?
    TotalAmount amount ?
    PaymentMethodRef ref 31 ?
    Memo 4095 ?
    DepositToAccountRef ref 159 ?
    ExternalGUID guid ?
    |
      IsAutoApply bool
      AppliedToTxnAdd +
        TxnID id
        PaymentAmount amount ?
        SetCredit *
          CreditTxnID id
          AppliedAmount amount

ARRefundCreditCardAdd
  ARRefundCreditCardAdd
    CustomerRef ref 209
    RefundFromAccountRef ref 159 ?
    ARAccountRef ref 159 ?
    TxnDate date ?
    RefNumber 11 ?
    PaymentMethodRef ref 31 ?
    Memo 4095 ?
    ExternalGUID guid ?
    RefundAppliedToTxnAdd +
      TxnID id
      RefundAmount amount

CheckAdd
  CheckAdd
    AccountRef ref 159
    PayeeEntityRef ref 209 ?
    RefNumber 11 ?
    TxnDate date ?
    Memo 4095 ?
    Address addr ?
    IsToBePrinted bool ?
    ExternalGUID guid ?
    ApplyCheckToTxnAdd *
      TxnID id
      Amount amount ?
    ExpenseLineAdd *
      AccountRef ref 159 ?
      Amount amount ?
      Memo 4095 ?
      CustomerRef ref 209 ?
      ClassRef ref 159 ?

JournalEntryAdd
  JournalEntryAdd
    TxnDate date ?
    RefNumber 11 ?
    IsAdjustment bool ?
    CurrencyRef ref 64 ?
    ExchangeRate number ?
    ExternalGUID guid ?
    | +
      JournalDebitLine
        journal-line
      JournalCreditLine
        journal-line

JournalEntryMod
  JournalEntryMod
    TxnID id
    EditSequence 16
    TxnDate date ?
    RefNumber 11 ?
    IsAdjustment bool ?
    CurrencyRef ref 64 ?
    ExchangeRate number ?
    JournalLineMod *
      TxnLineID id
      JournalLineType one-of Debit Credit ?
      AccountRef ref 159 ?
      Amount amount ?
      Memo 4095 ?
      EntityRef ref 209 ?
      ClassRef ref 159 ?

InvoiceQuery
  linked-filter

CreditMemoQuery
  linked-filter

ReceivePaymentQuery
  transaction-filter

JournalEntryQuery
  transaction-filter

ARRefundCreditCardQuery
  transaction-filter

CheckQuery
  linked-filter

TxnDeletedQuery
  TxnDelType one-of {" ".join(TRANSACTION_KINDS)} +
  DeletedDateRangeFilter ?
    FromDeletedDate moment ?
    ToDeletedDate moment ?
  IncludeRetElement 50 *

TxnVoid
  TxnVoidType one-of {" ".join(TRANSACTION_KINDS[:-1])}
  TxnID id

TxnDel
  TxnDelType one-of {" ".join(TRANSACTION_KINDS)}
  TxnID id
"""

PARTS = """
list-filter
  | ?
    ListID id +
    FullName 209 +
    list-range
  IncludeRetElement 50 *
  OwnerID guid *

list-range
  MaxReturned int ?
  ActiveStatus one-of ActiveOnly InactiveOnly All ?
  FromModifiedDate moment ?
  ToModifiedDate moment ?

transaction-filter
  transaction-choice
  IncludeLineItems bool ?
  IncludeRetElement 50 *

linked-filter
  transaction-choice
  IncludeLineItems bool ?
  IncludeLinkedTxns bool ?
  IncludeRetElement 50 *

transaction-choice
  | ?
    TxnID id +
    RefNumber 20 +
    RefNumberCaseSensitive 20 +
    transaction-range

transaction-range
  MaxReturned int ?
  | ?
    ModifiedDateRangeFilter
      FromModifiedDate moment ?
      ToModifiedDate moment ?
    TxnDateRangeFilter
      FromTxnDate date ?
      ToTxnDate date ?
  EntityFilter ?
    |
      ListID id +
      FullName 209 +
  RefNumberFilter ?
    MatchCriterion one-of StartsWith Contains EndsWith
    RefNumber 20

sales-line
  ItemRef ref 159 ?
  Desc 4095 ?
  Quantity number ?
  Rate number ?
  ClassRef ref 159 ?
  Amount amount ?
  SalesTaxCodeRef ref 3 ?

journal-line
  AccountRef ref 159
  Amount amount
  Memo 4095 ?
  EntityRef ref 209 ?
  ClassRef ref 159 ?

addr
  Addr1 41 ?
  Addr2 41 ?
  Addr3 41 ?
  Addr4 41 ?
  Addr5 41 ?
  City 31 ?
  State 21 ?
  PostalCode 13 ?
  Country 31 ?
"""

ATTRIBUTES = {"requestID", "iterator", "iteratorID", "metaData"}


SHAPES: dict[str, Shape] = read(REQUESTS, PARTS)
"""The shape of each request, by its kind (``InvoiceAdd``)."""

KEYED = (dict, Mapping)
"""What has children, as ``isinstance`` is asked: nearly all are dicts, which is told much faster."""
Fields = Mapping[str, Any]
"""The body of a request: a plain mapping in the format's own order. A string is an
element's text, a mapping its children, a sequence the element repeated."""


def too_long(kind: str, fields: Fields) -> list[Fault]:
    """List every text of ``fields`` that is longer than QuickBooks keeps for it, counted as it is
    written: ``№`` is two letters there."""
    found: list[Fault] = []
    _measure(SHAPES[kind], fields, (), found)
    return found


def _measure_text(shape: Shape, text: str, path: Sequence[str], found: list[Fault]) -> None:
    length = len(storable(text))
    if length > shape.limit:
        kept = f"{shape.name} has {length} characters and QuickBooks keeps {shape.limit}: “{text}”"
        found.append(Fault("".join(f"/{name}" for name in path), kept))


def _measure(shape: Shape, fields: Fields, path: tuple[str, ...], found: list[Fault]) -> None:
    by_name = shape.by_name
    for name, value in fields.items():
        inner = by_name[name]
        # Nearly all are single texts, and tens of thousands of them are measured at a time.
        if isinstance(value, str):
            # Only other letters than ASCII's can become more of them.
            if inner.limit and (len(value) > inner.limit or not value.isascii()):
                _measure_text(inner, value, (*path, name), found)
        elif isinstance(value, KEYED):
            _measure(inner, value, (*path, name), found)
        else:
            for one in value:
                if isinstance(one, KEYED):
                    _measure(inner, one, (*path, name), found)
                else:
                    _measure(shape, {name: one}, path, found)
