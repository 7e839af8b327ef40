"""Credits: memos that take a document back, and what of a credit is used on which invoice.

A credit is used on an invoice by an ``InvoiceMod`` with ``SetCredit``, which makes no transaction of
its own, adds to what was used before, and cannot be taken back but with the credit itself
(protocol.md C.4). So the invoice is read with all its links first, only what is missing is set, and
the EditSequence sees to it that this is never done twice.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books import changes
from hub.books.chart import Chart, Objection
from hub.books.links import Links
from hub.books.models import Connection, Link
from hub.db import among
from hub.exporters import forms
from hub.exporters.contract import (
    MISSING,
    Errand,
    Held,
    Nothing,
    Outcome,
    Prepared,
    first_open_day,
    period_objection,
)
from hub.exporters.parents import excluded, waits_for
from hub.exporters.revisions import (
    CREDITS_RANK,
    REVERSAL_RANK,
    check_decided,
    is_kept,
    is_read,
    is_standing,
    read,
    there,
    used_on,
)
from hub.exporters.taken import elsewhere
from hub.ledger import snapshots
from hub.ledger.models import CreditMemo, CreditMemoApplied, Invoice, Status
from hub.money import ZERO, plain
from hub.tenants.policies import policy_of

CREDIT_STAYS_OPEN = (
    "The invoice is dated before the cut-over or summed up in a journal entry, so it is no document that "
    "a credit could be used on. The credit stays open on the customer's account: use it in QuickBooks on "
    "what stands there for the invoice."
)
NO_CREDIT = (
    "No credit is used on it. What is dated before the cut-over or summed up in a journal entry is no "
    "document that could be."
)


class _Use(NamedTuple):
    """What of a credit is to be used on a document."""

    credit: Link
    document: Link
    amount: Decimal


class Reversals:
    """The credit memos that take back what other documents stand for now."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links

    def prepare(self, ids: Sequence[int], chart: Chart) -> dict[str, Outcome]:
        """Return what each of them is, by subject: ``reversal:7`` takes back ``superseded:7``."""
        if not ids:
            return {}
        taken_back = self._db.scalars(select(Link).where(among(Link.id, ids))).all()
        own = self._links.of(f"reversal:{id_}" for id_ in ids)
        found: dict[str, Outcome] = {}
        for link in taken_back:
            subject = f"reversal:{link.id}"
            found[subject] = self._outcome(subject, link, own.get(subject), chart)
        return found

    def _outcome(self, subject: str, link: Link, own: Link | None, chart: Chart) -> Outcome:
        is_there = own is not None and not (own.voided or own.missing)
        if own is not None and is_there and not (is_standing(link) and is_standing(own)):
            # A void one is made anew, where there is still anything that it takes back.
            return self._deleted(own)
        if own is not None and is_there:
            return _as_it_is(own)
        if not is_standing(link):
            if own is not None and own.missing:
                own.voided, own.missing = True, False
            return Nothing("What it took back is gone from QuickBooks.", 1)
        if own is not None and own.missing:
            return Held(MISSING)
        try:
            date = first_open_day(self._connection, dt.date.fromisoformat(link.content["Date"]))
            prepared = forms.reversal(self._connection, chart, subject, link, date)
        except Objection as error:
            return Held(str(error))
        return replace(prepared, more=_uses(link))

    def _deleted(self, own: Link) -> Outcome:
        date = dt.date.fromisoformat(there(own)["Date"])
        if objection := period_objection(self._connection, date):
            return Held(objection)
        return Prepared("TxnDel", {"TxnDelType": own.object, "TxnID": own.object_id}, 1)


class Forerunners:
    """The documents whose place others have taken. Nothing is to be done about ``superseded:7``, unless
    somebody has changed it in QuickBooks, or removed it: then what takes it back goes as well."""

    def __init__(self, db: Session, links: Links):
        self._db = db
        self._links = links

    def prepare(self, ids: Sequence[int]) -> dict[str, Outcome]:
        """Return what each of them is, by subject."""
        if not ids:
            return {}
        former = self._db.scalars(select(Link).where(among(Link.id, ids))).all()
        memos = self._links.of(f"reversal:{link.id}" for link in former)
        return {
            f"superseded:{link.id}": _as_former(link, memos.get(f"reversal:{link.id}"))
            for link in former
        }


def _as_former(link: Link, memo: Link | None) -> Outcome:
    if is_standing(link):
        return _as_it_is(link)
    if link.missing:
        # That is settled now, however often QuickBooks tells that it was deleted.
        link.voided, link.missing = True, False
    if memo is None or not is_standing(memo):
        return Nothing("Neither it nor what took it back stands in QuickBooks.", link.version)
    reversal = Errand(f"reversal:{link.id}", REVERSAL_RANK)
    return Nothing("The credit memo that takes it back is deleted too.", link.version, more=[reversal])


def _as_it_is(link: Link) -> Outcome:
    """Say what stands in the way of leaving a document as it is in QuickBooks."""
    if link.found is not None:
        return Held(changes.objection(link))
    return Nothing("QuickBooks has it.", link.version)


def _uses(former: Link) -> list[Errand]:
    """Return the errand that uses the memo which takes an invoice back on what is open of it."""
    kind, _, id_ = former.formerly.partition(":")
    return [Errand(f"credits:{id_}", CREDITS_RANK)] if kind == "invoice" else []


class Planned(NamedTuple):
    """What of the memo that takes a document back is to be used, and where."""

    former: Link
    place: Link
    amount: Decimal


def planned(
    former: Sequence[Link], current: Link | None, memos: Mapping[str, Link]
) -> Iterator[Planned]:
    """Yield where the memos (by subject) that take back ``former`` documents of one invoice are to be used:
    each on what is open of its document, and what is left of it on the ``current`` one; where there is
    none, on what else is open. All documents are to have been read; a memo that is not there counts as
    not used yet, and of one that is there no more is used than it has, whatever somebody has made of it."""
    places = [current] if current is not None else list(former)
    documents = [*former, *_present(current)]
    open_ = {one.id: one.balance or ZERO for one in documents}
    for link in former:
        memo = memos.get(f"reversal:{link.id}")
        used = (used_on(one).get(memo.object_id, ZERO) for one in documents) if memo else ()
        total = Decimal(link.content["Total"])
        left = (min(total, _total(memo)) if memo else total) - sum(used, ZERO)
        for place in (link, *(one for one in places if one is not link)):
            part = min(left, open_[place.id])
            if part > 0 and billed_to(place) == billed_to(link):
                yield Planned(link, place, part)
                left -= part
                open_[place.id] -= part


class Credits:
    """The credits used on some invoices: ``credits:42`` is what is used on invoice 42."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links

    def prepare(self, invoice_ids: Sequence[int]) -> dict[str, Outcome]:
        """Return what is to be set on each invoice right now, one of its documents at a time."""
        if not invoice_ids:
            return {}
        subjects = [f"invoice:{id_}" for id_ in invoice_ids]
        invoices = snapshots.read(self._db, Invoice, invoice_ids)
        self._former = self._links.former(subjects)
        rows = self._rows(invoice_ids)
        memos = [f"credit_memo:{row.credit_memo_id}" for row in rows]
        former = [link for links in self._former.values() for link in links]
        reversals = [f"reversal:{link.id}" for link in former if not link.voided]
        self._linked = self._links.of([*subjects, *memos, *reversals])
        lacking = [
            one for one in (*subjects, *memos) if one not in self._linked and one not in self._former
        ]
        self._excluded = excluded(self._db, lacking)
        named = [(kind, int(id_)) for kind, _, id_ in (one.partition(":") for one in lacking)]
        cutover = policy_of(self._db).cutover
        self._elsewhere = {f"{kind}:{id_}" for kind, id_ in elsewhere(self._db, named, cutover)}
        wanted: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            if f"credit_memo:{row.credit_memo_id}" not in self._elsewhere:
                wanted[row.invoice_id].append(row)
        found: dict[str, Outcome] = {}
        for invoice in invoices:
            try:
                found[f"credits:{invoice.id}"] = self._outcome(invoice, wanted[invoice.id])
            except Objection as error:
                found[f"credits:{invoice.id}"] = Held(str(error))
        return found

    def _rows(self, invoice_ids: Sequence[int]) -> Sequence[Any]:
        query = (
            select(
                CreditMemoApplied.invoice_id,
                CreditMemoApplied.credit_memo_id,
                CreditMemoApplied.amount,
                CreditMemo.number,
                CreditMemo.customer_id,
            )
            .join(CreditMemo, CreditMemo.id == CreditMemoApplied.credit_memo_id)
            .where(among(CreditMemoApplied.invoice_id, invoice_ids), CreditMemo.status == Status.OPEN)
            .order_by(CreditMemoApplied.credit_memo_id)
        )
        return self._db.execute(query).all()

    def _outcome(self, invoice: Invoice, rows: Sequence[Any]) -> Outcome:
        subject = f"invoice:{invoice.id}"
        current = self._linked.get(subject)
        if current is not None and (current.voided or current.missing):
            current = None
        former = [link for link in self._former.get(subject, []) if is_standing(link)]
        documents = [*former, *_present(current)]
        if not former and not rows:
            return Nothing(NO_CREDIT, invoice.version)
        if subject in self._elsewhere:
            return Nothing(CREDIT_STAYS_OPEN, invoice.version)
        if invoice.status is Status.OPEN and current is None:
            called = f"the invoice “{invoice.number}”"
            raise Objection(waits_for(called, self._excluded.get(subject)))
        if unread := [one for one in documents if not is_read(one)]:
            return read(unread, invoice.version)
        uses = [*self._of_reversals(former, current), *self._of_memos(invoice, rows, documents)]
        for document in documents:
            mine = [use for use in uses if use.document is document and use.amount > 0]
            if mine := list(_within(document, mine)):
                return self._set(document, mine, invoice.version)
        return Nothing("Every credit is used as billed.", invoice.version)

    def _of_reversals(self, former: Sequence[Link], current: Link | None) -> Iterable[_Use]:
        memos = {
            (subject := f"reversal:{link.id}"): self._credit(
                subject, f"the credit memo for “{link.number}”"
            )
            for link in former
        }
        for use in planned(former, current, memos):
            yield _Use(memos[f"reversal:{use.former.id}"], use.place, use.amount)

    def _of_memos(
        self, invoice: Invoice, rows: Sequence[Any], documents: Sequence[Link]
    ) -> Iterable[_Use]:
        if invoice.status is Status.VOID or not documents:
            return
        for row in rows:
            if row.customer_id != invoice.customer_id:
                raise Objection(
                    f"The credit memo “{row.number}” is another customer's. Correct the customer or what "
                    "it is applied to."
                )
            memo = self._credit(f"credit_memo:{row.credit_memo_id}", f"the credit memo “{row.number}”")
            used = sum((used_on(one).get(memo.object_id, ZERO) for one in documents), ZERO)
            most = min(row.amount, _total(memo)) if is_kept(memo) else row.amount
            yield _Use(memo, documents[-1], most - used)

    def _credit(self, subject: str, called: str) -> Link:
        link = self._linked.get(subject)
        if link is None or link.voided:
            raise Objection(waits_for(called, self._excluded.get(subject)))
        if link.missing:
            raise Objection(f"Waits for {called}, which QuickBooks does not have any more.")
        return link

    def _set(self, document: Link, uses: Sequence[_Use], version: int) -> Outcome:
        date = dt.date.fromisoformat(document.content["Date"])
        if objection := period_objection(self._connection, date):
            return Held(f"{objection} Until then the credit stays open beside it.")
        fields = {
            "TxnID": document.object_id,
            "EditSequence": document.edit_sequence,
            "SetCredit": [
                {"CreditTxnID": use.credit.object_id, "AppliedAmount": plain(use.amount)} for use in uses
            ],
        }
        return Prepared("InvoiceMod", {"InvoiceMod": fields}, version)


def _within(document: Link, uses: Iterable[_Use]) -> Iterator[_Use]:
    """Yield what of ``uses`` a document takes: one that somebody has kept as it is in QuickBooks may take
    less than the billing says."""
    open_ = document.balance or ZERO
    for use in uses:
        check_decided(document, use.amount, open_)
        part = min(use.amount, open_) if is_kept(document) else use.amount
        if part > 0:
            yield use._replace(amount=part)
            open_ -= part


def credited(db: Session, invoice_ids: Sequence[int]) -> set[int]:
    """Return those of the invoices on which credit memos are to be used."""
    if not invoice_ids:
        return set()
    query = (
        select(CreditMemoApplied.invoice_id)
        .join(CreditMemo)
        .where(among(CreditMemoApplied.invoice_id, invoice_ids), CreditMemo.status == Status.OPEN)
    )
    return set(db.scalars(query.distinct()))


def _present(link: Link | None) -> list[Link]:
    return [] if link is None else [link]


def _total(link: Link) -> Decimal:
    return Decimal(there(link)["Total"])


def billed_to(link: Link) -> str:
    """Return the ListID of the customer whose document it is in QuickBooks."""
    return str(there(link).get("Customer", [""])[0])


def owners(former: Mapping[str, Sequence[Link]], linked: Mapping[str, Link]) -> dict[str, str]:
    """Return which invoice (its subject) each document is of, by TxnID."""
    found = {link.object_id: subject for subject, link in linked.items() if link.object == "Invoice"}
    return found | {link.object_id: subject for subject, links in former.items() for link in links}
