"""Full Synchronization mode: customers, invoices, payments, one by one.

An errand means "QuickBooks should have this record as it is now". What that takes
is decided when its message is built: a record without a link is added, a linked
one that reads differently is changed, a void one is voided (a payment, which
QuickBooks cannot void, is deleted). Items are found by name, never made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.chart import Chart, Objection
from hub.books.links import Links
from hub.books.models import NAMES, Connection, Link, ListEntry, ListKind
from hub.exporters import forms
from hub.exporters.charges import Charges
from hub.exporters.contract import (
    MISSING,
    Errand,
    Held,
    Nothing,
    Outcome,
    Prepared,
    currency_objection,
    fits,
    period_objection,
)
from hub.exporters.customers import Customers
from hub.exporters.items import item_of
from hub.exporters.parents import Parents
from hub.ledger.models import (
    BillingCycle,
    CreditMemo,
    Customer,
    Invoice,
    Payment,
    Purpose,
    Refund,
    Status,
)

RANKS = {"customer": 10, "invoice": 30, "credit_memo": 40, "payment": 50, "refund": 60}
_MODELS: dict[str, type[Any]] = {
    "customer": Customer,
    "invoice": Invoice,
    "credit_memo": CreditMemo,
    "payment": Payment,
    "refund": Refund,
}


class FullExporter:
    """Writes each record as the QuickBooks object of the same name."""

    lists = (
        ListKind.ACCOUNT,
        ListKind.ITEM,
        ListKind.CLASS,
        ListKind.PAYMENT_METHOD,
        ListKind.SALES_TAX_CODE,
        *NAMES,
    )

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._links = Links(db, connection)
        self._charges = Charges(db)
        self._customers = Customers(db, connection, self._links)
        self._chart: Chart | None = None
        self._build: dict[str, Callable[[Any], Outcome]] = {
            "customer": self._customer,
            "invoice": self._document,
            "credit_memo": self._document,
            "payment": self._payment,
            "refund": self._refund,
        }
        self._parents = Parents(db, self._links, {})
        self._linked: Mapping[str, Link] = {}

    @property
    def chart(self) -> Chart:
        self._chart = self._chart or Chart(self._db, self._connection)
        return self._chart

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """Every record goes to QuickBooks by itself, except what only the hub knows of."""
        if kind not in RANKS:
            return []
        return [Errand(f"{kind}:{record.id}", RANKS[kind]) for record in changed]

    def closed(self, cycle: BillingCycle) -> list[Errand]:
        """A billing cycle's close books nothing here: its records went by themselves."""
        return []

    def ripe(self) -> list[Errand]:
        """Nothing waits for a day to be over."""
        return []

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        """Return what each record takes right now, with a number of statements that is constant."""
        wanted: dict[str, list[int]] = defaultdict(list)
        for subject in subjects:
            kind, _, id_ = subject.partition(":")
            wanted[kind].append(int(id_))
        records = {
            f"{kind}:{record.id}": record
            for kind, ids in wanted.items()
            for record in self._db.scalars(select(_MODELS[kind]).where(_MODELS[kind].id.in_(ids)))
        }
        self._load(records)
        return {subject: self._outcome(subject, record) for subject, record in records.items()}

    def _load(self, records: Mapping[str, Any]) -> None:
        """Fetch what building these records needs: links, parents, charges, namesakes."""
        self._parents = Parents(self._db, self._links, records)
        self._linked = self._parents.linked
        self._charges.load(
            line.charge_id for record in records.values() for line in getattr(record, "lines", ())
        )
        customers = [record for record in records.values() if isinstance(record, Customer)]
        self._customers.load(customers, self._linked)

    def _outcome(self, subject: str, record: Any) -> Outcome:
        link = self._linked.get(subject)
        if link is not None and link.missing:
            return _gone(link, record)
        try:
            outcome = self._build[subject.partition(":")[0]](record)
        except Objection as error:
            return Held(str(error))
        return fits(outcome) if isinstance(outcome, Prepared) else outcome

    def _check(self, record: Any) -> None:
        for objection in (
            currency_objection(self._connection, record.currency),
            period_objection(self._connection, record.date),
        ):
            if objection:
                raise Objection(objection)

    def _customer(self, customer: Customer) -> Outcome:
        return self._customers.outcome(customer, self._linked.get(f"customer:{customer.id}"))

    def _unless_same(self, prepared: Prepared, link: Link, record: Any) -> Outcome:
        if prepared.fingerprint != link.fingerprint:
            return prepared if link.edit_sequence else forms.query(link, record.version)
        link.version = record.version
        return Nothing("QuickBooks has it as it is.")

    def _document(self, document: Any) -> Outcome:
        """An invoice or credit memo."""
        kind = document.__tablename__
        link = self._linked.get(f"{kind}:{document.id}")
        if document.status is Status.VOID:
            return self._void(link, document, "TxnVoid")
        self._check(document)
        if link is not None and link.voided:
            return Held(
                f"“{document.number}” was voided in QuickBooks and is open again here; QuickBooks "
                "cannot take a void back. Void it here too, and bill it anew as another invoice."
            )
        customer = self._parents.link("customer", document.customer_id, document)
        prepared = forms.document(self, self._connection, document, customer, link)
        return prepared if link is None else self._unless_same(prepared, link, document)

    def _void(self, link: Link | None, record: Any, kind: str) -> Outcome:
        if link is None:
            return Nothing("It is void and was never booked.")
        if link.voided:
            link.version = record.version
            return Nothing("It is void.")
        self._check(record)
        fields = {f"{kind}Type": link.object, "TxnID": link.object_id}
        return Prepared(kind, fields, record.version)

    def _payment(self, payment: Payment) -> Outcome:
        link = self._linked.get(f"payment:{payment.id}")
        if payment.status is Status.VOID:
            return self._void(link, payment, "TxnDel")
        self._check(payment)
        prepared = forms.payment(
            self,
            self._connection,
            payment,
            self._parents.link("customer", payment.customer_id, payment),
            [
                (self._parents.link("invoice", row.invoice_id, payment), row.amount)
                for row in payment.applied
            ],
        )
        if link is None or link.voided:
            return prepared
        return self._anew(prepared, link, payment)

    def _anew(self, prepared: Prepared, link: Link, record: Any) -> Outcome:
        """A changed payment or refund is deleted; the outbox then asks again and it is added anew,
        so nothing of it stays on invoices that it no longer pays."""
        same = self._unless_same(prepared, link, record)
        if isinstance(same, Nothing):
            return same
        fields = {"TxnDelType": link.object, "TxnID": link.object_id}
        return Prepared("TxnDel", fields, record.version)

    def _refund(self, refund: Refund) -> Outcome:
        link = self._linked.get(f"refund:{refund.id}")
        if refund.status is Status.VOID:
            return self._void(link, refund, "TxnVoid")
        self._check(refund)
        memo = (
            self._parents.link("credit_memo", refund.credit_memo_id, refund)
            if refund.credit_memo_id
            else None
        )
        customer = self._parents.link("customer", refund.customer_id, refund)
        prepared = forms.refund(self, self._connection, refund, customer, memo)
        if link is None or link.voided:
            return prepared
        return self._anew(prepared, link, refund)

    def item_of(self, charge_id: int) -> ListEntry:
        """Return the item a charge is sold as.

        :raises Objection: when it has none.
        """
        return item_of(self.chart, self._charges[charge_id])

    def charge_text(self, charge_id: int) -> str:
        """Return what an invoice line says when it has no description of its own."""
        charge = self._charges[charge_id]
        return charge.description or charge.name

    def class_of(self, charge_id: int, name: str | None) -> ListEntry | None:
        """Return the class of a line, where QuickBooks tracks classes.

        :raises Objection: when QuickBooks does not have it.
        """
        name = name or self._charges[charge_id].class_name
        if not name or not self._connection.company.get("class_tracking"):
            return None
        return self.chart.class_named(name)

    def account(self, purpose: Purpose, charge_id: int | None, code: str) -> str:
        """Return the account an amount belongs to: that of its item, or by purpose."""
        if purpose is Purpose.RECEIVABLE:
            return self.chart.receivable().full_name
        if purpose is Purpose.TAX:
            return self.chart.tax_item(code).account
        if purpose is Purpose.DEPOSIT:
            return self.chart.deposit(code).full_name
        if purpose is Purpose.REFUND:
            return self.chart.refund(code).full_name
        return self.item_of(charge_id or 0).account


def _gone(link: Link, record: Any) -> Outcome:
    """What QuickBooks had and has no more waits for a person, unless it is void here as well."""
    if getattr(record, "status", Status.OPEN) is Status.VOID:
        return Nothing("It is void, and gone from QuickBooks.", record.version)
    return Held(MISSING)
