"""Full Synchronization mode: customers, invoices, payments, one by one.

An errand means "QuickBooks should have this record as it is now". What that takes
is decided when its message is built: a record without a link is added, a linked
one that reads differently is changed, a void one is voided (a payment, which
QuickBooks cannot void, is deleted). Customers, items, credits, payments and refunds
have modules of their own.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from hub.books import contents
from hub.books.chart import Chart, Objection
from hub.books.customer_currency import subjects_of
from hub.books.links import STALE, Links
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
    check_bookable,
    first_open_day,
    fits,
)
from hub.exporters.credits import Credits, Forerunners, Reversals, credited, owners
from hub.exporters.customers import Customers
from hub.exporters.doubles import Doubles
from hub.exporters.items import Items
from hub.exporters.jobs import Owners, levels
from hub.exporters.parents import CHARGE_RANK, CUSTOMER_RANK, Parents, Waits
from hub.exporters.payments import CHARGED_BACK_RANK, FREED_RANK, Payments, charged_back, paid
from hub.exporters.revisions import CREDITS_RANK, Revisions, ended, used_on
from hub.exporters.stationery import Stationery
from hub.ledger import snapshots
from hub.ledger.models import (
    BillingCycle,
    Charge,
    CreditMemo,
    Customer,
    Invoice,
    Payment,
    Purpose,
    Refund,
    Status,
)
from hub.ledger.postings import rounding
from hub.money import ZERO, pretty
from hub.tenants.policies import policy_of

RANKS = {
    "customer": CUSTOMER_RANK,
    "charge": CHARGE_RANK,
    "invoice": 30,
    "credit_memo": 40,
    "payment": 50,
    "refund": 60,
}
ENDING = {"refund": 20, "payment": 22, "credit_memo": 24}
"""What is void goes before the documents that it was used on, so that these are free."""
_MODELS: dict[str, type[Any]] = {
    "customer": Customer,
    "charge": Charge,
    "invoice": Invoice,
    "credit_memo": CreditMemo,
    "payment": Payment,
    "refund": Refund,
}


class FullExporter:
    """Writes each record as the QuickBooks object of the same name."""

    _lists = (
        ListKind.ACCOUNT,
        ListKind.ITEM,
        ListKind.CLASS,
        ListKind.PAYMENT_METHOD,
        ListKind.SALES_TAX_CODE,
        ListKind.TERMS,
        ListKind.CUSTOMER_MESSAGE,
        ListKind.TEMPLATE,
        *NAMES,
    )

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._links = Links(db, connection)
        self._charges = Charges(db)
        self._customers = Customers(db, connection, self._links)
        self._items = Items(db, connection)
        self._revisions = Revisions(db, connection, self._links)
        self._payments = Payments(db, connection, self._links, self._revisions)
        self._parents = Parents(db, self._links, {})
        self._linked: Mapping[str, Link] = {}
        self._credited: set[int] = set()
        self._paid: Mapping[int, Sequence[int]] = {}

    @property
    def lists(self) -> Sequence[ListKind]:
        """The lists this mode imports: the currencies where there are several."""
        return (*self._lists, *([ListKind.CURRENCY] if self._is_multiple else []))

    @cached_property
    def chart(self) -> Chart:
        return Chart(self._db, self._connection)

    @cached_property
    def stationery(self) -> Stationery:
        return Stationery(self.chart, self._revisions.policy)

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """Every record goes to QuickBooks by itself, except what only the hub knows of."""
        if kind not in RANKS or (kind == "charge" and not self._items.are_created):
            return []
        # What QuickBooks has is read again before it is changed.
        self._links.outdate(
            f"{kind}:{record.id}"
            for record in changed
            if kind in ("invoice", "credit_memo") and getattr(record, "version", 2) > 1
        )
        if kind == "customer" and self._customers.have_jobs:
            errands = self._generations(changed)
        else:
            errands = [Errand(f"{kind}:{record.id}", _rank(kind, record)) for record in changed]
        if kind == "refund":
            # Where all records are planned anew just their ids are known, and payments come by themselves.
            known = [getattr(one, "payment_id", None) for one in changed]
            taken = [payment_id for payment_id in known if payment_id is not None]
            before = charged_back(self._db, self._connection, [one.id for one in changed])
            errands += [Errand(subject, FREED_RANK) for subject in before]
            errands += [Errand(f"payment:{id_}", CHARGED_BACK_RANK) for id_ in taken]
        if kind == "customer" and self._is_multiple:
            doubles = subjects_of(self._db, [record.id for record in changed])
            errands += [Errand(subject, CUSTOMER_RANK) for subject in doubles]
        return errands + [use for record in changed for use in self._uses(record, kind)]

    def _generations(self, changed: Sequence[Customer]) -> list[Errand]:
        """Return the errands of customers, parents first, and of the jobs whose turn depends on them."""
        found = levels(self._db, self._connection, [one.id for one in changed])
        return [Errand(f"customer:{id_}", RANKS["customer"] + level) for id_, level in found.items()]

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
        self._revisions.send = send
        made: dict[str, Outcome] = {
            **Forerunners(self._db, self._links).prepare(wanted.pop("superseded", [])),
            **Credits(self._db, self._connection, self._links).prepare(wanted.pop("credits", [])),
            **Reversals(self._db, self._connection, self._links).prepare(
                wanted.pop("reversal", []), self.chart
            ),
        }
        doubles = wanted.pop("customer_currency", [])
        made |= Doubles(self._db, self._connection, self._links).prepare(doubles, self.chart)
        records = {
            f"{kind}:{record.id}": record
            for kind, ids in wanted.items()
            for record in snapshots.read(self._db, _MODELS[kind], ids)
        }
        self._load(records)
        return made | {subject: self._outcome(subject, record) for subject, record in records.items()}

    def _load(self, records: Mapping[str, Any]) -> None:
        """Fetch what building these records needs: links, parents, charges, namesakes."""
        owners = Owners(self._db, self._links, records) if self._customers.have_jobs else None
        self._parents = Parents(
            self._db,
            self._links,
            records,
            self._connection if self._is_multiple else None,
            owners.found if owners else None,
        )
        self._linked = self._parents.linked
        self._charges.load(
            line.charge_id
            for record in records.values()
            for line in getattr(record, "lines", ())
            if line.charge_id is not None
        )
        customers = [one for subject, one in records.items() if subject.startswith("customer:")]
        self._customers.load(customers, self._parents)
        payments = [one.id for subject, one in records.items() if subject.startswith("payment:")]
        self._payments.load(payments, self._parents, owners, self._cutover)
        invoices = [one.id for subject, one in records.items() if subject.startswith("invoice:")]
        links = {id_: self._linked.get(f"invoice:{id_}") for id_ in invoices}
        self._credited = credited(self._db, [id_ for id_, link in links.items() if link is None])
        stale = [id_ for id_, link in links.items() if link is not None and link.fingerprint == STALE]
        self._paid = paid(self._db, stale)

    def _outcome(self, subject: str, record: Any) -> Outcome:
        link = self._linked.get(subject)
        if link is not None and link.missing:
            return _gone(link, record)
        if link is None and self._is_before_cutover(record):
            return Nothing(
                f"It is dated before {self._cutover}, the cut-over: it was booked by other means."
            )
        try:
            outcome = self._built(record)
        except Objection as error:
            outcome = Held(str(error), error.more if isinstance(error, Waits) else ())
        # Whatever becomes of this record, it is not said of the next one.
        stood_in = self._items.note()
        if not isinstance(outcome, Prepared):
            return outcome
        if stood_in:
            outcome = replace(outcome, note=" ".join(filter(None, (outcome.note, stood_in))))
        return fits(outcome)

    def _built(self, record: Any) -> Outcome:
        # A table of bound methods would be a circle, and keep all that was read until Python looks for circles.
        match record.__tablename__:
            case "payment":
                return self._payments.payment(self, record)
            case "refund":
                return self._payments.refund(self, record)
            case "customer":
                return self._customers.outcome(record, self._linked.get(f"customer:{record.id}"))
            case "charge":
                return self._items.outcome(self.chart, record)
        return self._document(record)

    def _is_before_cutover(self, record: Any) -> bool:
        date = getattr(record, "date", None)
        return self._cutover is not None and date is not None and date < self._cutover

    @property
    def _is_multiple(self) -> bool:
        """Whether the company file keeps several currencies."""
        return bool(self._connection.company.get("multi_currency"))

    @cached_property
    def _cutover(self) -> dt.date | None:
        return policy_of(self._db).cutover

    def _document(self, document: Any) -> Outcome:
        """An invoice or credit memo."""
        subject = f"{document.__tablename__}:{document.id}"
        link = self._linked.get(subject)
        if link is not None and link.voided and not link.version:
            # It was deleted to be made anew.
            link = None
        if document.status is Status.VOID:
            return self._void_document(link, document)
        turns = len(self._parents.former.get(subject, ()))
        if link is not None and not link.voided:
            outcome = self._changed(document, link, turns)
            if outcome is not None:
                return outcome
        is_next = link is not None
        prepared = self._form(document, None, turns + is_next)
        more = self._revisions.give_way(link, document.id) if link is not None else []
        if document.__tablename__ == "invoice" and (turns or document.id in self._credited):
            # What was left of the memos that took its forerunners back is used on it; so are those that
            # found no document to be used on before.
            more = [*more, Errand(f"credits:{document.id}", CREDITS_RANK)]
        more = [*more, *self._uses(document), *self._settling(document)]
        return replace(prepared, more=more) if more else prepared

    def _changed(self, document: Any, link: Link, turns: int) -> Outcome | None:
        prepared = self._form(document, link, turns)
        if document.__tablename__ == "invoice":
            changed = self._revisions.invoice(prepared, link, document)
            if isinstance(changed, Prepared) and changed.kind == "InvoiceMod":
                return replace(changed, more=self._settling(document))
            return changed
        outcome = self._revisions.credit_memo(
            prepared, link, document, lambda read: self._is_overused(document, read)
        )
        if isinstance(outcome, Held):
            return outcome
        return replace(outcome, more=self._uses(document))

    def _form(self, document: Any, link: Link | None, turn: int) -> Prepared:
        """Return an invoice's or credit memo's request; what takes the place of another may be booked
        on the first open day."""
        date = first_open_day(self._connection, document.date) if turn else document.date
        check_bookable(self._connection, document.currency, date)
        if off := rounding(document):
            raise Objection(
                f"Its total is {pretty(off)} more than its lines and taxes, which QuickBooks adds up itself. "
                "Send it with a line for the rest."
            )
        customer = self._parents.customer(document)
        return forms.document(self, self._connection, document, customer, link, forms.Turn(turn, date))

    def _void_document(self, link: Link | None, document: Any) -> Outcome:
        if link is None or link.voided:
            return ended(link, document)
        outcome = self._revisions.void(link, document)
        if outcome is not None:
            return outcome
        more = self._revisions.give_way(link, document.id)
        return Nothing("A credit memo takes it back.", document.version, more=more)

    def _settling(self, document: Any) -> list[Errand]:
        """Return the errands of what settles an invoice that is to be as billed again: as somebody had made
        it in QuickBooks it may have taken less."""
        if document.id not in self._paid or document.__tablename__ != "invoice":
            return []
        payments = [Errand(f"payment:{id_}", RANKS["payment"]) for id_ in self._paid[document.id]]
        return [Errand(f"credits:{document.id}", CREDITS_RANK), *payments]

    @staticmethod
    def _uses(document: Any, kind: str = "credit_memo") -> list[Errand]:
        """Return the errands that use a credit memo on its invoices."""
        is_void = getattr(document, "status", Status.OPEN) is Status.VOID
        applied = () if is_void or kind != "credit_memo" else getattr(document, "applied", ())
        return [Errand(f"credits:{row.invoice_id}", CREDITS_RANK) for row in applied]

    def _is_overused(self, memo: CreditMemo, link: Link) -> bool:
        """Whether QuickBooks has used a credit memo on an invoice of ours for more than it names."""
        owner = owners(self._parents.former, self._linked)
        left = {f"invoice:{row.invoice_id}": row.amount for row in memo.applied}
        for id_, amount in used_on(link).items():
            if id_ in owner:
                left[owner[id_]] = left.get(owner[id_], ZERO) - amount
            elif link.content[contents.LINKED][id_][0] == "Invoice":
                left[id_] = -amount
        return any(amount < 0 for amount in left.values())

    def item_of(self, charge_id: int) -> ListEntry:
        """Return the item a charge is sold as.

        :raises Objection: when it has none.
        """
        return self._items.of(self.chart, self._charges[charge_id])

    def item_note(self) -> str:
        """Return which items have stood in since this was last asked."""
        return self._items.note()

    def is_refunded_by_check(self, method: str) -> bool:
        """Whether refunds by ``method`` are checks."""
        return _is_among(method, self._revisions.policy.check_methods)

    def is_refunded_by_journal(self, method: str) -> bool:
        """Whether refunds by ``method`` are journal entries."""
        return _is_among(method, self._revisions.policy.journal_methods)

    def charge_text(self, charge_id: int) -> str:
        """Return what an invoice line says when it has no description of its own."""
        charge = self._charges[charge_id]
        return charge.description or charge.name

    def is_taxable(self, charge_id: int) -> bool:
        """Whether a charge is marked as taxable, which counts where QuickBooks computes the tax."""
        return self._charges[charge_id].taxable

    def class_of(self, charge_id: int, name: str | None) -> ListEntry | None:
        """Return the class of a line, where QuickBooks tracks classes.

        :raises Objection: when QuickBooks does not have it.
        """
        name = name or self._charges[charge_id].class_name
        if not name or not self._connection.company.get("class_tracking"):
            return None
        return self.chart.class_named(name)

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str = "") -> str:
        """Return the account an amount belongs to: that of its item, or by purpose."""
        if purpose is Purpose.RECEIVABLE:
            return self.chart.receivable(currency).full_name
        if purpose is Purpose.TAX:
            return self.chart.tax_place(code)
        if purpose is Purpose.DEPOSIT:
            return self.chart.deposit(code, currency).full_name
        if purpose is Purpose.REFUND:
            return self.chart.refund(code, currency).full_name
        if purpose is Purpose.ROUNDING:
            return self.chart.usual("rounding", "What totals are off by").full_name
        return self.item_of(charge_id or 0).account


def _is_among(method: str, listed: str) -> bool:
    """Whether a payment method is one of those ``listed``, parted by commas."""
    named = {name.strip().casefold() for name in listed.split(",")} - {""}
    return method.strip().casefold() in named


def _rank(kind: str, record: Any) -> int:
    is_void = getattr(record, "status", Status.OPEN) is Status.VOID
    return ENDING.get(kind, RANKS[kind]) if is_void else RANKS[kind]


def _gone(link: Link, record: Any) -> Outcome:
    """What QuickBooks had and has no more waits for a person, unless it is void here as well."""
    if getattr(record, "status", Status.OPEN) is Status.VOID:
        return Nothing("It is void, and gone from QuickBooks.", record.version)
    return Held(MISSING)
