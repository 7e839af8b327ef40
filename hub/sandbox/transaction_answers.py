"""Transactions as QuickBooks shows them: ``InvoiceRet``, ``ReceivePaymentRet``, ..."""

from __future__ import annotations

from hub.sandbox import cents, currencies, sales_tax
from hub.sandbox.answer import Ret, boolean
from hub.sandbox.company import Company
from hub.sandbox.links import Link
from hub.sandbox.list_answers import reference
from hub.sandbox.sales_lines import Line
from hub.sandbox.transactions import Transaction

amount = cents.write


def answered(company: Company, id: str) -> Ret:
    """Return the ``Ret`` that answers an Add or a Mod: the whole transaction as it now is."""
    transaction = company.transactions.get(id)
    assert transaction is not None
    shown = Shown(company).ret(transaction, lines=True, links=True)
    return [(f"{transaction.kind}Ret", shown)]


class Shown:
    """Shows the transactions of one answer; what they refer to is looked up once."""

    def __init__(self, company: Company):
        self._company = company
        self._known: dict[tuple[str, str], Ret] = {}

    def ret(self, transaction: Transaction, lines: bool, links: bool = False) -> Ret:
        """Return the elements of a transaction's ``Ret``; lines and links come only on request."""
        match transaction.kind:
            case "ReceivePayment":
                return self._payment(transaction, lines)
            case "ARRefundCreditCard":
                return self._refund(transaction, lines)
            case "JournalEntry":
                return self._journal(transaction, lines)
            case "Check":
                return self._check(transaction, lines, links)
        return self._sale(transaction, lines, links)

    def _ref(self, list: str, id: str) -> Ret:
        if (list, id) not in self._known:
            self._known[list, id] = reference(self._company.lists.get(list, id)) if id else []
        return self._known[list, id]

    def _currency(self, customer: str) -> Ret:
        return currencies.shown(self._company, self._company.lists.get("Customer", customer))

    def _stamps(self, transaction: Transaction) -> Ret:
        return [
            ("TxnID", transaction.id),
            ("TimeCreated", transaction.created),
            ("TimeModified", transaction.modified),
            ("EditSequence", transaction.edit_sequence),
            ("TxnNumber", str(transaction.number)),
        ]

    def _sale(self, sale: Transaction, lines: bool, links: bool) -> Ret:
        fields = sale.fields
        remaining = self._company.transactions.remaining(sale)
        return [
            *self._stamps(sale),
            ("CustomerRef", self._ref("Customer", sale.customer)),
            ("ClassRef", self._ref("Class", fields.get("class", ""))),
            ("ARAccountRef", self._ref("Account", sale.account)),
            ("TemplateRef", self._ref("Template", fields.get("template", ""))),
            ("TxnDate", sale.date),
            ("RefNumber", sale.ref_number),
            ("BillAddress", list(fields.get("BillAddress", {}).items())),
            ("IsPending", "false"),
            *([("IsFinanceCharge", "false")] if sale.kind == "Invoice" else []),
            ("PONumber", fields.get("PONumber")),
            ("TermsRef", self._ref("Terms", fields.get("terms", ""))),
            ("DueDate", fields.get("DueDate")),
            *self._sums(sale, remaining),
            *self._currency(sale.customer),
            ("Memo", fields.get("Memo")),
            *([("IsPaid", boolean(not remaining))] if sale.kind == "Invoice" else []),
            ("CustomerMsgRef", self._ref("CustomerMsg", fields.get("message", ""))),
            ("IsToBePrinted", _flag(fields.get("IsToBePrinted", ""))),
            ("IsToBeEmailed", _flag(fields.get("IsToBeEmailed", ""))),
            ("CustomerSalesTaxCodeRef", self._ref("SalesTaxCode", fields.get("tax_code", ""))),
            ("Other", fields.get("Other")),
            ("ExternalGUID", fields.get("ExternalGUID")),
            *(self._linked(sale) if links else []),
            *((f"{sale.kind}LineRet", self._line(line)) for line in sale.lines if lines),
        ]

    def _sums(self, sale: Transaction, remaining: int) -> Ret:
        taxes = self._company.lists.special("SalesTaxPayable").id
        tax = sum(line["amount"] for line in sale.lines if line["account"] == taxes)
        tax += sales_tax.total(sale)
        shown: Ret = [
            ("Subtotal", amount(sale.total - tax)),
            ("ItemSalesTaxRef", self._ref("Item", sale.fields.get("tax_item", ""))),
            ("SalesTaxPercentage", sales_tax.percentage(self._company, sale)),
            ("SalesTaxTotal", amount(tax)),
        ]
        if sale.kind == "CreditMemo":
            return [*shown, ("TotalAmount", amount(sale.total)), ("CreditRemaining", amount(remaining))]
        applied = amount(remaining - sale.total)
        return [*shown, ("AppliedAmount", applied), ("BalanceRemaining", amount(remaining))]

    def _line(self, line: Line) -> Ret:
        return [
            ("TxnLineID", line["id"]),
            ("ItemRef", self._ref("Item", line["item"])),
            ("Desc", line["desc"]),
            ("Quantity", line["quantity"]),
            ("Rate", line["rate"]),
            ("ClassRef", self._ref("Class", line["class"])),
            ("Amount", amount(line["amount"]) if line["item"] else None),
            ("SalesTaxCodeRef", self._ref("SalesTaxCode", line["code"])),
        ]

    def _linked(self, transaction: Transaction) -> Ret:
        return [
            ("LinkedTxn", self._other_end(transaction.id, link))
            for link in self._company.transactions.links(transaction.id)
        ]

    def _other_end(self, id: str, link: Link) -> Ret:
        other = self._company.transactions.get(link.charge if link.credit == id else link.credit)
        assert other is not None
        return [
            ("TxnID", other.id),
            ("TxnType", other.kind),
            ("TxnDate", other.date),
            ("RefNumber", other.ref_number),
            ("LinkType", "AMTTYPE"),
            ("Amount", amount(-link.cents)),
        ]

    def _payment(self, payment: Transaction, lines: bool) -> Ret:
        fields = payment.fields
        return [
            *self._stamps(payment),
            ("CustomerRef", self._ref("Customer", payment.customer)),
            ("ARAccountRef", self._ref("Account", payment.account)),
            ("TxnDate", payment.date),
            ("RefNumber", payment.ref_number),
            ("TotalAmount", amount(payment.total)),
            *self._currency(payment.customer),
            ("PaymentMethodRef", self._ref("PaymentMethod", fields["method"])),
            ("Memo", fields["Memo"]),
            ("DepositToAccountRef", self._ref("Account", fields["deposit"])),
            ("UnusedPayment", amount(self._company.transactions.remaining(payment))),
            ("UnusedCredits", "0.00"),
            ("ExternalGUID", fields["ExternalGUID"]),
            *(self._applied(payment) if lines else []),
        ]

    def _applied(self, payment: Transaction) -> Ret:
        """Show each charge this payment pays, with what else it used on it."""
        links = [
            link
            for link in self._company.transactions.links(payment.id)
            if payment.id in (link.credit, link.via)
        ]
        shown: Ret = []
        for charge in dict.fromkeys(link.charge for link in links):
            paid = self._company.transactions.get(charge)
            assert paid is not None
            here = [link for link in links if link.charge == charge]
            own = sum(link.cents for link in here if link.credit == payment.id)
            applied: Ret = [
                ("TxnID", paid.id),
                ("TxnType", paid.kind),
                ("TxnDate", paid.date),
                ("RefNumber", paid.ref_number),
                ("BalanceRemaining", amount(self._company.transactions.remaining(paid))),
                ("Amount", amount(own)),
            ]
            others = [link for link in here if link.credit != payment.id]
            applied += [("LinkedTxn", self._other_end(charge, link)) for link in others]
            shown.append(("AppliedToTxnRet", applied))
        return shown

    def _refund(self, refund: Transaction, lines: bool) -> Ret:
        fields = refund.fields
        links = self._company.transactions.links(refund.id) if lines else []
        return [
            *self._stamps(refund),
            ("CustomerRef", self._ref("Customer", refund.customer)),
            ("RefundFromAccountRef", self._ref("Account", fields["source"])),
            ("ARAccountRef", self._ref("Account", refund.account)),
            ("TxnDate", refund.date),
            ("RefNumber", refund.ref_number),
            ("TotalAmount", amount(refund.total)),
            *self._currency(refund.customer),
            ("PaymentMethodRef", self._ref("PaymentMethod", fields["method"])),
            ("Memo", fields["Memo"]),
            ("ExternalGUID", fields["ExternalGUID"]),
            *(("RefundAppliedToTxnRet", self._refunded(link)) for link in links),
        ]

    def _refunded(self, link: Link) -> Ret:
        credit = self._company.transactions.get(link.credit)
        assert credit is not None
        return [
            ("TxnID", credit.id),
            ("TxnType", credit.kind),
            ("TxnDate", credit.date),
            ("RefNumber", credit.ref_number),
            ("CreditRemaining", amount(self._company.transactions.remaining(credit))),
            ("RefundAmount", amount(link.cents)),
        ]

    def _check(self, check: Transaction, lines: bool, links: bool) -> Ret:
        fields = check.fields
        return [
            *self._stamps(check),
            ("AccountRef", self._ref("Account", fields["bank"])),
            ("PayeeEntityRef", self._ref(fields["payee_list"], fields["payee"])),
            ("RefNumber", check.ref_number),
            ("TxnDate", check.date),
            ("Amount", amount(sum(line["amount"] for line in check.lines))),
            *self._currency(check.customer),
            ("Memo", fields["Memo"]),
            ("Address", list(fields["Address"].items())),
            ("IsToBePrinted", _flag(fields["IsToBePrinted"])),
            ("ExternalGUID", fields["ExternalGUID"]),
            *(self._linked(check) if links else []),
            *(("ExpenseLineRet", self._expense_line(line)) for line in check.lines if lines),
        ]

    def _expense_line(self, line: Line) -> Ret:
        return [
            ("TxnLineID", line["id"]),
            ("AccountRef", self._ref("Account", line["account"])),
            ("Amount", amount(line["amount"])),
            ("Memo", line["desc"]),
            ("CustomerRef", self._ref("Customer", line["customer"])),
            ("ClassRef", self._ref("Class", line["class"])),
        ]

    def _journal(self, entry: Transaction, lines: bool) -> Ret:
        return [
            *self._stamps(entry),
            ("TxnDate", entry.date),
            ("RefNumber", entry.ref_number),
            ("IsAdjustment", _flag(entry.fields.get("IsAdjustment", ""))),
            ("CurrencyRef", [("FullName", entry.fields.get("CurrencyRef"))]),
            ("ExchangeRate", entry.fields.get("ExchangeRate")),
            ("ExternalGUID", entry.fields.get("ExternalGUID")),
            *((line["side"], self._journal_line(line)) for line in entry.lines if lines),
        ]

    def _journal_line(self, line: Line) -> Ret:
        return [
            ("TxnLineID", line["id"]),
            ("AccountRef", self._ref("Account", line["account"])),
            ("Amount", amount(line["amount"])),
            ("Memo", line["desc"]),
            ("EntityRef", self._ref(line["entity_list"], line["entity"])),
            ("ClassRef", self._ref("Class", line["class"])),
        ]


def _flag(text: str) -> str:
    return boolean(text in ("true", "1"))
