"""Payments and refunds in full mode: what of them is for which document, and what a changed one takes.

QuickBooks cannot void a payment, so a void one is deleted. One that has changed is deleted and added
anew, as nothing else frees what it no longer pays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.books import contents
from hub.books.chart import Objection
from hub.books.links import Links
from hub.books.models import Connection, Link
from hub.db import among
from hub.exporters import forms
from hub.exporters.contract import Errand, Nothing, Outcome, Prepared, check_bookable
from hub.exporters.credits import billed_to, planned
from hub.exporters.jobs import Owners
from hub.exporters.parents import Parents
from hub.exporters.revisions import (
    CREDITS_RANK,
    Revisions,
    check_decided,
    ended,
    is_kept,
    is_read,
    is_standing,
    read,
    there,
)
from hub.exporters.taken import elsewhere
from hub.ledger import chargebacks
from hub.ledger.models import Payment, PaymentApplied, Refund, Status
from hub.money import ZERO, pretty

CHARGED_BACK_RANK = 65
"""A payment that was charged back is used on the chargeback, once that is there."""
FREED_RANK = 49
"""A payment that another one's chargeback was taken from gives way before that one goes."""


def charged_back(db: Session, connection: Connection, refund_ids: Sequence[int]) -> list[str]:
    """Return the subjects of the payments that QuickBooks has used on these refunds, whichever payments
    they name by now."""
    values = {"connection": connection.id, "refunds": [f"refund:{id_}" for id_ in refund_ids]}
    return list(db.scalars(_CHARGED_BACK, values))


_CHARGED_BACK = text(
    """
    SELECT DISTINCT payment.subject
    FROM link refund JOIN link payment ON payment.connection_id = refund.connection_id
        AND payment.object = 'ReceivePayment' AND payment.content->'Applied' ? refund.object_id
    WHERE refund.connection_id = :connection AND refund.subject = ANY(:refunds) AND NOT payment.voided
    """
)


def paid(db: Session, invoice_ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """Return the payments that name each of these invoices, by id; void ones left out."""
    found: dict[int, list[int]] = {id_: [] for id_ in invoice_ids}
    if found:
        query = (
            select(PaymentApplied.invoice_id, PaymentApplied.payment_id)
            .join(Payment, Payment.id == PaymentApplied.payment_id)
            .where(among(PaymentApplied.invoice_id, invoice_ids), Payment.status == Status.OPEN)
            .order_by(Payment.id)
        )
        for invoice_id, payment_id in db.execute(query):
            found[invoice_id].append(payment_id)
    return found


class Payments:
    """What each of some payments and refunds takes right now."""

    def __init__(
        self,
        db: Session,
        connection: Connection,
        links: Links,
        revisions: Revisions,
    ):
        self._db = db
        self._connection = connection
        self._links = links
        self._revisions = revisions
        self._parents = Parents(db, links, {})
        self._owners: Owners | None = None
        self._taken: Mapping[int, list[Refund]] = {}
        self._chargebacks: Mapping[str, Link] = {}
        self._elsewhere: set[tuple[str, int]] = set()
        self._memos: Mapping[str, Link] = {}

    def load(
        self, ids: Sequence[int], parents: Parents, owners: Owners | None, cutover: dt.date | None
    ) -> None:
        """Fetch what was charged back of the payments ``ids``, and what of ``parents`` the books hold
        otherwise than as documents; ``owners`` know whose job each record is where customers are jobs."""
        self._parents, self._owners = parents, owners
        self._taken = chargebacks.of(self._db, ids)
        taken = [f"refund:{one.id}" for some in self._taken.values() for one in some]
        self._chargebacks = self._links.of(taken) if taken else {}
        self._elsewhere = elsewhere(self._db, parents.unlinked(), cutover)
        former = [link for links in parents.former.values() for link in links]
        self._memos = self._links.of(f"reversal:{link.id}" for link in former) if ids else {}

    def payment(self, places: forms.Places, payment: Payment) -> Outcome:
        """Return what ``payment`` takes, after ``load``.

        :raises Objection: when it cannot be booked, or not yet.
        """
        link = self._parents.linked.get(f"payment:{payment.id}")
        if link is not None and (objection := self._revisions.objection(link, payment.version)):
            return objection
        if payment.status is Status.VOID:
            outcome = self._void(link, payment, "TxnDel")
            return replace(outcome, more=self._freed(payment)) if link is not None else outcome
        check_bookable(self._connection, payment.currency, payment.date)
        if self._owners:
            self._owners.check(payment)
        is_new = link is None or link.voided
        documents = self._documents(payment)
        unread = [one for one in documents if not is_read(one)]
        if unread and (is_new or any(is_kept(one) for one in unread)):
            return read(unread, payment.version)
        customer = self._parents.customer(payment)
        allocated = self._allocated(payment, customer, link)
        prepared = forms.payment(places, self._connection, payment, customer, allocated)
        if link is None or link.voided:
            self._outdate(documents)
            note, more = self._unapplied(payment, allocated), self._freed(payment)
            return replace(prepared, note=note, more=more) if note or more else prepared
        return self._anew(prepared, link, payment)

    def refund(self, places: forms.Places, refund: Refund) -> Outcome:
        """Return what ``refund`` takes, after ``load``.

        :raises Objection: when it cannot be booked, or not yet.
        """
        link = self._parents.linked.get(f"refund:{refund.id}")
        if link is not None and (objection := self._revisions.objection(link, refund.version)):
            return objection
        if refund.status is Status.VOID:
            return self._void(link, refund, "TxnVoid")
        check_bookable(self._connection, refund.currency, refund.date)
        is_early = ("credit_memo", refund.credit_memo_id) in self._elsewhere
        memo = (
            self._parents.link("credit_memo", refund.credit_memo_id, refund)
            if refund.credit_memo_id and not is_early
            else None
        )
        customer = self._parents.customer(refund)
        prepared = forms.refund(places, self._connection, refund, customer, memo)
        if link is None or link.voided:
            id_ = refund.payment_id
            taken = [Errand(f"payment:{id_}", CHARGED_BACK_RANK)] if id_ is not None else []
            return replace(prepared, more=taken)
        return self._anew(prepared, link, refund)

    def _void(self, link: Link | None, record: Payment | Refund, kind: str) -> Prepared | Nothing:
        if link is None or link.voided:
            return ended(link, record)
        check_bookable(self._connection, record.currency, record.date)
        fields = {f"{kind}Type": link.object, "TxnID": link.object_id}
        return Prepared(kind, fields, record.version)

    def _unapplied(self, payment: Payment, allocated: Sequence[tuple[Link, Decimal]]) -> str:
        """Say what of a payment stays unapplied, although it names invoices for it."""
        return " ".join(filter(None, (self._of_early(payment), self._of_kept(payment, allocated))))

    def _of_kept(self, payment: Payment, allocated: Sequence[tuple[Link, Decimal]]) -> str:
        """Say what of a payment is for invoices that take less as somebody has made them in QuickBooks."""
        used = sum((amount for document, amount in allocated if document.object == "Invoice"), ZERO)
        if used == payment.amount:
            return ""
        wanted = [
            amount
            for row, amount in chargebacks.kept(payment, self._taken.get(payment.id, []))
            if ("invoice", row.invoice_id) not in self._elsewhere
        ]
        short = sum(wanted, ZERO) - used
        if not short:
            return ""
        return (
            f"{pretty(short)} of it stays unapplied, as QuickBooks' own version of an invoice is kept and takes "
            "no more: use it there on what else is open."
        )

    def _of_early(self, payment: Payment) -> str:
        """Say what of a payment is for invoices that were booked before the cut-over."""
        early = [row.amount for row in payment.applied if ("invoice", row.invoice_id) in self._elsewhere]
        if not early:
            return ""
        return (
            f"{pretty(sum(early, ZERO))} of it is for what was billed before the cut-over, of which there is no "
            "invoice in QuickBooks. It stays unapplied: use it there on the customer's opening balance."
        )

    def _freed(self, payment: Payment) -> list[Errand]:
        """Return the errands that use what is left of reversals on what a payment does not pay, or not any
        more."""
        invoices = {row.invoice_id for row in payment.applied}
        return [
            Errand(f"credits:{id_}", CREDITS_RANK)
            for id_ in sorted(invoices)
            if f"invoice:{id_}" in self._parents.former
        ]

    def _documents(self, payment: Payment) -> list[Link]:
        """Return the documents of those of its invoices whose place others have taken, or that somebody has
        changed in QuickBooks."""
        subjects = {f"invoice:{row.invoice_id}": None for row in payment.applied}
        return [document for subject in subjects for document in self._rested_on(subject)]

    def _rested_on(self, subject: str) -> list[Link]:
        if subject in self._parents.former:
            return [*self._former(subject), *self._current(subject)]
        return [one for one in self._current(subject) if one.edited is not None]

    def _former(self, subject: str) -> list[Link]:
        return [one for one in self._parents.former.get(subject, ()) if is_standing(one)]

    def _current(self, subject: str) -> list[Link]:
        link = self._parents.linked.get(subject)
        return [] if link is None or link.voided or link.missing else [link]

    def _allocated(
        self, payment: Payment, customer: str, link: Link | None
    ) -> list[tuple[Link, Decimal]]:
        """Return what of a payment goes to which document. Where others have taken an invoice's place, it
        goes first to what is open of these, or stays there; but not where it has moved to another customer.
        Where QuickBooks' version of an invoice is kept, what that does not take stays unapplied.

        :raises Objection: when an invoice is not in QuickBooks, or takes too little.
        """
        taken = self._taken.get(payment.id, [])
        found = [self._used_on_chargeback(one, payment) for one in taken]
        found = [(chargeback, part) for chargeback, part in found if part]
        for row, amount in chargebacks.kept(payment, taken):
            if ("invoice", row.invoice_id) in self._elsewhere:
                continue
            subject = f"invoice:{row.invoice_id}"
            left = amount
            if subject in self._parents.former:
                on_former = list(self._on_former(subject, amount, customer, link))
                found += on_former
                left -= sum((part for _, part in on_former), ZERO)
            if left:
                current = self._parents.link("invoice", row.invoice_id, payment)
                part = self._on_current(subject, current, left, link)
                if part > 0:
                    found.append((current, part))
        return found

    def _on_former(
        self, subject: str, amount: Decimal, customer: str, link: Link | None
    ) -> Iterator[tuple[Link, Decimal]]:
        """Yield what the documents whose place another has taken have of ``amount``."""
        room = self._room(subject, link)
        for former in self._former(subject):
            part = min(amount, room[former.id])
            if part > 0 and billed_to(former) == customer:
                yield former, part
                amount -= part

    def _on_current(self, subject: str, current: Link, left: Decimal, link: Link | None) -> Decimal:
        """Return what of ``left`` the document of an invoice takes.

        :raises Objection: when it takes too little, as its forerunner is gone or somebody has changed it.
        """
        if subject not in self._parents.former and current.edited is None:
            return left
        room = self._room(subject, link)[current.id]
        if link is None or link.voided:
            check_decided(current, left, room)
        if subject in self._parents.former and left > room:
            self._check_forerunners(subject)
        return min(left, room) if is_kept(current) else left

    def _room(self, subject: str, link: Link | None) -> Mapping[int, Decimal]:
        """Return how much of a payment each document of an invoice takes, by the id of its link: what it
        has of it where it is booked, else what is open once all credits are used."""
        former, current = self._former(subject), self._current(subject)
        if link is not None and not link.voided:
            paid = link.content.get(contents.APPLIED, {})
            before = {
                one.id: Decimal(paid.get(one.object_id, {}).get("Amount", "0"))
                for one in (*former, *current)
            }
            # Somebody may have changed it in QuickBooks, so that it takes less.
            room = {one.id: min(before[one.id], Decimal(there(one).get("Total", "0"))) for one in former}
            return room | {one.id: before[one.id] + (one.balance or ZERO) for one in current}
        room = {one.id: one.balance or ZERO for one in (*former, *current)}
        for use in planned(former, current[0] if current else None, self._memos):
            room[use.place.id] -= use.amount
        return room

    def _check_forerunners(self, subject: str) -> None:
        """Let a payment wait whose invoice is gone from QuickBooks while what takes that back is there.

        :raises Objection: when it is so.
        """
        for former in self._parents.former[subject]:
            memo = self._memos.get(f"reversal:{former.id}")
            if memo is not None and is_standing(memo) and not is_standing(former):
                raise Objection(
                    f"The invoice “{former.number}”, which this paid, is gone from QuickBooks, and the credit "
                    f"memo “{memo.number}” that takes it back is still there. Press Try again at the invoice's "
                    "forerunner in the queue, or delete that memo in QuickBooks."
                )

    def _outdate(self, documents: Sequence[Link]) -> None:
        """Let what a payment is about to pay be read again before another payment rests on it."""
        if self._revisions.send:
            for document in documents:
                document.edit_sequence = ""

    def _used_on_chargeback(self, chargeback: Refund, payment: Payment) -> tuple[Link, Decimal]:
        """Return the link of a chargeback, and what of ``payment`` it takes: no more than somebody has made
        of it who wants that kept."""
        link = self._chargeback(chargeback, payment)
        total = Decimal(there(link).get("Total", "0")) if is_kept(link) else chargeback.amount
        return link, min(chargeback.amount, total)

    def _chargeback(self, chargeback: Refund, payment: Payment) -> Link:
        """Return the link of a chargeback, on which the payment that it took back is used.

        :raises Objection: when the payment cannot be used on it, or not yet.
        """
        called = f"the chargeback “{chargeback.reference or chargeback.external_id}”"
        if chargeback.customer_id != payment.customer_id:
            raise Objection(
                f"{called.capitalize()} is another customer's. Correct its customer or payment."
            )
        if sum(one.amount for one in self._taken[payment.id]) > payment.amount:
            raise Objection("More than the payment was charged back. Correct or void a chargeback.")
        link = self._chargebacks.get(f"refund:{chargeback.id}")
        if link is None or link.voided or link.missing:
            raise Objection(f"Waits for {called}, which is not in QuickBooks yet.")
        return link

    def _anew(self, prepared: Prepared, link: Link, record: Payment | Refund) -> Outcome:
        """A changed payment or refund is deleted; the outbox then asks again and it is added anew,
        so nothing of it stays on invoices that it no longer pays."""
        if prepared.fingerprint == link.fingerprint:
            link.version = record.version
            return Nothing("QuickBooks has it as it is.")
        fields = {"TxnDelType": link.object, "TxnID": link.object_id}
        return Prepared("TxnDel", fields, record.version)
