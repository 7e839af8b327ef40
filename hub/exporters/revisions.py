"""What a document takes that was changed or voided after QuickBooks had it.

It is read again first, so that what is decided rests on what QuickBooks says now. An open, unpaid
document of an open period is changed or voided itself; an invoice that is paid, or whose period is
closed, is taken back by a credit memo and billed anew beside it (product.md 3.4, by the tenant's
``FullPolicy``). What somebody has edited in QuickBooks is never written over unasked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from hub.books import changes, contents
from hub.books.chart import Chart, Objection
from hub.books.links import STALE, Links
from hub.books.models import Connection, Link
from hub.exporters import forms
from hub.exporters.contract import Errand, Held, Nothing, Outcome, Prepared, period_objection
from hub.ledger.models import Invoice
from hub.money import ZERO, plain, pretty
from hub.tenants.full_policy import (
    Conflict,
    Edited,
    FullPolicy,
    TaxDifference,
    Voided,
    full_policy,
)

REVERSAL_RANK = 35
CREDITS_RANK = 45
KEPT = (
    "QuickBooks' own version was kept, and the billing has changed since. Press Try again to send the "
    "billing's version."
)


class Revisions:
    """Decides about documents that QuickBooks has. With ``send`` a document gives way at once."""

    def __init__(self, db: Session, connection: Connection, links: Links):
        self._db = db
        self._connection = connection
        self._links = links
        self.send = False

    @cached_property
    def policy(self) -> FullPolicy:
        return full_policy(self._db)

    def objection(self, link: Link, version: int) -> Outcome | None:
        """Say that somebody has edited it in QuickBooks, where that is not the billing's to undo."""
        if link.edited is None or self.policy.conflict is Conflict.BILLING:
            return None
        if link.found is not None:
            return Held(changes.objection(link))
        if link.version >= version:
            return Nothing("QuickBooks' own version is kept.", link.version)
        return Held(KEPT)

    def invoice(self, prepared: Prepared, link: Link, record: Invoice) -> Outcome | None:
        """Return what an invoice takes that reads as ``prepared`` now; None where another document is
        to take the place of the one that QuickBooks has."""
        if objection := self.objection(link, record.version):
            return objection
        if prepared.fingerprint == link.fingerprint:
            return self._total_objection(prepared, link, record) or _same(link, record)
        if unread := self._unread(link, record):
            return unread
        if _is_said(link, prepared):
            link.fingerprint = prepared.fingerprint
            return self._total_objection(prepared, link, record) or _same(link, record)
        if held := self._held(prepared, link):
            return held
        is_changed = self.policy.edited is Edited.UPDATE and self._is_free(link)
        return prepared if is_changed else None

    def credit_memo(
        self,
        prepared: Prepared,
        link: Link,
        record: Any,
        is_overused: Callable[[Link], bool],
    ) -> Outcome:
        """Return what a credit memo takes that reads as ``prepared`` now. One that was used is deleted
        and made anew, as nothing else frees what it was used on (protocol.md C.4)."""
        if objection := self.objection(link, record.version):
            return objection
        is_same = prepared.fingerprint == link.fingerprint
        if is_same and link.version >= record.version:
            return self._total_objection(prepared, link, record) or _same(link, record)
        if unread := self._unread(link, record):
            return unread
        if (is_same or _is_said(link, prepared)) and not is_overused(link):
            link.fingerprint = prepared.fingerprint
            return _same(link, record)
        if held := self._held(prepared, link):
            return held
        if closed := self._closed(link):
            return Held(closed)
        kinds = {one[0] for one in link.content[contents.LINKED].values()}
        if kinds - {"Invoice"}:
            return Held(
                "It has changed, and a refund in QuickBooks uses it. Delete that refund there, or change "
                "the credit memo there and press Keep QuickBooks' version."
            )
        if not kinds:
            return prepared
        fields = {"TxnDelType": link.object, "TxnID": link.object_id}
        return Prepared("TxnDel", fields, record.version)

    def _total_objection(self, prepared: Prepared, link: Link, record: Any) -> Outcome | None:
        """Return what a document takes of which QuickBooks has made another total than the billing, as it
        computes tax by itself or reads an amount in its own way."""
        off = record.total - Decimal(link.content.get("Total", record.total))
        if not off or link.edited is not None:
            return None
        lines = link.content.get("Lines", [])
        is_adjusted = any(line.get("Description") == forms.ADJUSTING for line in lines)
        if self.policy.tax_difference is TaxDifference.HOLD or is_adjusted:
            return Held(
                f"QuickBooks makes {plain(record.total - off)} of it, and the billing {plain(record.total)}: "
                f"a difference of {plain(off)}. Correct it in QuickBooks and press Keep QuickBooks' "
                "version, or let a line of the tax's item make up for it (Full mode settings)."
            )
        if not link.edit_sequence:
            return forms.query(link, record.version)
        chart = Chart(self._db, self._connection)
        code = record.taxes[0].code if record.taxes else ""
        return forms.adjusted(prepared, chart, chart.tax_line(code).list_id, off)

    def _unread(self, link: Link, record: Any) -> Outcome | None:
        return None if is_read(link) else forms.query(link, record.version)

    def _held(self, prepared: Prepared, link: Link) -> Held | None:
        if self.policy.edited is not Edited.HOLD:
            return None
        return Held(
            f"It has changed since QuickBooks has it ({_told(link, prepared)}), and by your setting "
            "nothing is changed there. Change it in QuickBooks and press Keep QuickBooks' version, "
            "or choose another rule for changes."
        )

    def void(self, link: Link, record: Any) -> Outcome | None:
        """Return what voiding ``record`` takes; None where a credit memo is to take it back."""
        if objection := self.objection(link, record.version):
            return objection
        voiding = Prepared(
            "TxnVoid", {"TxnVoidType": link.object, "TxnID": link.object_id}, record.version
        )
        if record.__tablename__ != "invoice":
            closed = self._closed(link)
            return Held(closed) if closed else voiding
        if self.policy.voided is Voided.HOLD:
            return Held(
                "It is void now, and by your setting nothing is voided in QuickBooks. Do it there and "
                "press Keep QuickBooks' version, or choose another rule for voids."
            )
        if unread := self._unread(link, record):
            return unread
        if self.policy.voided is Voided.VOID and self._is_free(link):
            return voiding
        return None

    def give_way(self, link: Link, record_id: int) -> list[Errand]:
        """Let the document leave its place; return the errands that take it back."""
        if not self.send:
            return []
        if link.found is not None:
            # It goes as it is, whoever made it so.
            link.content = {**link.found, contents.LINKED: link.content.get(contents.LINKED, {})}
        self._links.supersede(link)
        if link.voided:
            return [Errand(f"credits:{record_id}", CREDITS_RANK)] if link.object == "Invoice" else []
        return [
            Errand(f"reversal:{link.id}", REVERSAL_RANK),
            Errand(f"credits:{record_id}", CREDITS_RANK),
        ]

    def _is_free(self, link: Link) -> bool:
        """Whether nothing is paid of it, and its period is open."""
        total = Decimal(there(link).get("Total", "0"))
        is_unpaid = link.balance is None or link.balance == total
        return is_unpaid and self._closed(link) is None

    def _closed(self, link: Link) -> str | None:
        date = there(link).get("Date")
        return period_objection(self._connection, dt.date.fromisoformat(date)) if date else None


def there(link: Link) -> contents.Content:
    """Return what QuickBooks says of it now."""
    return link.found if link.found is not None else link.content


def is_kept(link: Link) -> bool:
    """Whether somebody wants QuickBooks' own version of it to stand."""
    return link.edited is not None and link.found is None


def check_decided(document: Link, amount: Decimal, room: Decimal) -> None:
    """Let ``amount`` be used on a document that takes ``room`` more.

    :raises Objection: when that is too little, as somebody has changed it in QuickBooks, and nobody has said
        yet whose version counts.
    """
    if document.found is not None and document.balance is not None and amount > room:
        raise Objection(
            f"Waits for the invoice “{document.number}”: somebody has changed it in QuickBooks, so that it "
            f"takes {pretty(max(room, ZERO))} of these {pretty(amount)}. Say in the queue, at that invoice, "
            "whose version counts; if it is excluded, include it again for that."
        )


def is_read(link: Link) -> bool:
    """Whether a document was read with all its links, and nothing has happened since that the hub knows of."""
    return bool(link.edit_sequence) and contents.LINKED in link.content


def read(invoices: Sequence[Link], version: int) -> Prepared:
    """Return the request that reads some invoices again, with all that they say and are linked with."""
    wanted = {"TxnID": [one.object_id for one in invoices]}
    one = forms.query(invoices[0], version)
    return replace(one, fields={**one.fields, **wanted})


def is_standing(link: Link) -> bool:
    """Whether a document is in QuickBooks and stands for anything: people delete and void them there."""
    total = there(link).get("Total")
    return not (link.voided or link.missing) and (total is None or bool(Decimal(total)))


def ended(link: Link | None, record: Any) -> Nothing:
    """What is void and not in QuickBooks, or void there as well, has nothing to carry."""
    if link is None:
        return Nothing("It is void and was never booked.")
    link.version = record.version
    return Nothing("It is void.")


def _same(link: Link, record: Any) -> Nothing:
    link.version = record.version
    return Nothing("QuickBooks has it as it is.")


def _is_said(link: Link, prepared: Prepared) -> bool:
    """Whether a document of which nobody knew in what version it is there says all this already."""
    now = forms.told(prepared)
    if link.fingerprint != STALE or contents.differences(there(link), now, only=now):
        return False
    said = [
        (line.get("Item", [""])[0], line.get("Amount", ""), line.get("Description", ""))
        for line in there(link).get("Lines", [])
    ]
    return said == forms.lines_told(prepared)


def _told(link: Link, prepared: Prepared) -> str:
    now = forms.told(prepared)
    found = contents.differences(link.content, now, only=now)
    return contents.told(found) or "its lines"


def used_on(link: Link) -> Mapping[str, Decimal]:
    """Return how much of a credit QuickBooks said was used, by the TxnID of what it was used on."""
    return {id_: Decimal(one[1]) for id_, one in link.content.get(contents.LINKED, {}).items()}
