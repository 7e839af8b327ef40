"""What an exporter is, and the values it speaks in.

An exporter alone knows how its mode looks in QuickBooks. It is asked three things:
what has to be carried when the ledger changed (errands), how an errand reads as a
request right now, and which account an amount belongs to. It never sends anything.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hub.books.chart import Objection
from hub.books.models import Connection, ListKind
from hub.ledger.models import BillingCycle, Purpose
from hub.qbwc.shapes import Fields, too_long
from hub.tenants.models import Policy


@dataclass(frozen=True)
class Errand:
    """One subject (``invoice:42``) whose present state QuickBooks should have."""

    subject: str
    rank: int
    """Lower ranks go first."""


@dataclass(frozen=True)
class Prepared:
    """An errand as the request it is right now."""

    kind: str
    fields: Fields
    version: int
    accounts: Sequence[Sequence[Any]] = ()
    """Purpose, charge id, code and account of each amount in it."""
    more: Sequence[Errand] = ()
    """Errands that it makes, as other documents follow from it."""
    note: str = ""
    """What a person should know about it, in a sentence."""
    usual: Sequence[str] = ()
    """Elements that follow from the tenant's settings and not from the record. Another setting is no
    change of the record, so they are no part of the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """What it says, to tell a change from none; what QuickBooks gave us is no part of that. It tells
        as well which references a record names, so that they can be taken away again."""
        body = self.fields.get(self.kind, self.fields)
        said = _said({name: value for name, value in body.items() if name not in self.usual})
        named = [name for name in CLEARABLE if name in said]
        return " ".join((hashlib.sha256(_encoded(said).encode()).hexdigest(), *named))


CLEARABLE = ("TermsRef", "CustomerMsgRef")
"""References that a change may empty. Where nobody has named them, they are QuickBooks' own choice."""
CLEARED: Fields = {"ListID": ""}

_encoded = json.JSONEncoder(check_circular=False).encode

_GIVEN = {"TxnID", "ListID", "EditSequence", "ExternalGUID"}
_LINES = {"InvoiceLineMod": "InvoiceLineAdd", "CreditMemoLineMod": "CreditMemoLineAdd"}
"""A line says the same whether its document is added or changed."""


def _said(body: Fields) -> dict[str, Any]:
    # What was emptied says no more than what never was there.
    said = {
        name: value for name, value in body.items() if name not in _GIVEN and value not in ("", CLEARED)
    }
    for changed, added in _LINES.items():
        if lines := said.pop(changed, None):
            said[added] = [
                {name: value for name, value in line.items() if name != "TxnLineID"} for line in lines
            ]
    return said


@dataclass(frozen=True)
class Held:
    """An errand that cannot go, and the sentence that says why and what to do."""

    sentence: str
    more: Sequence[Errand] = ()
    """Errands that have to be done first, and nobody has put yet."""


@dataclass(frozen=True)
class Nothing:
    """An errand that has nothing to carry any more."""

    reason: str
    version: int = 0
    accounts: Sequence[Sequence[Any]] = ()
    """As in ``Prepared``, of amounts that cancel each other out."""
    more: Sequence[Errand] = ()


Outcome = Prepared | Held | Nothing


class Exporter(Protocol):
    """How one mode of export looks in QuickBooks."""

    @property
    def lists(self) -> Sequence[ListKind]:
        """The lists this mode imports."""

    def recorded(self, kind: str, changed: Sequence[Any]) -> list[Errand]:
        """Return the errands that ``changed`` records of ``kind`` make."""

    def closed(self, cycle: BillingCycle) -> list[Errand]:
        """Return the errands that closing ``cycle`` makes."""

    def ripe(self) -> list[Errand]:
        """Return the errands that the passing of time makes."""

    def prepare(self, subjects: Sequence[str], send: bool) -> Mapping[str, Outcome]:
        """Return what each errand is right now; with ``send`` it goes out in this transaction. A
        customer that QuickBooks has already is linked either way."""

    def account(self, purpose: Purpose, charge_id: int | None, code: str, currency: str = "") -> str:
        """Return the full name of the account an amount in ``currency`` (none is the home currency)
        belongs to.

        :raises Objection: when it has none yet, or one that is kept in another currency.
        """


_UNSET = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48
"""The bits that tell how an id was made (RFC 9562)."""


def guid(connection: Connection, subject: str, version: int = 0) -> str:
    """Return the ExternalGUID by which an object is known as ours: the same for the same subject."""
    name = f"{subject}:{version}" if version else subject
    digest = hashlib.sha1(connection.file_id.bytes + name.encode(), usedforsecurity=False).digest()
    # uuid.uuid5, which takes three times as long for the same; every document has one.
    value = int.from_bytes(digest[:16], "big") & _UNSET | _VERSION_5
    text = f"{value:032x}"
    return f"{{{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}}}"


def number(text: str, limit: int, letter: str, record_id: int) -> str:
    """Return ``text`` as a RefNumber, or where it is longer than ``limit`` a short one of our own,
    one of its kind for the tenant; the full number then stands in the memo (protocol.md D.5)."""
    return text if len(text) <= limit else letter + _base32(record_id)


def _base32(value: int) -> str:
    size = (value.bit_length() + 7) // 8 or 1
    return base64.b32hexencode(value.to_bytes(size, "big")).decode().rstrip("=")


MISSING = (
    "QuickBooks does not have this any more: somebody deleted it there, or restored a backup. "
    "Press Try again to book it anew, or void it here."
)
"""Why something that was booked once, and is gone, waits for a person."""


def fits(prepared: Prepared) -> Outcome:
    """Return ``prepared``, or hold it when a text is longer than QuickBooks keeps."""
    faults = too_long(prepared.kind, prepared.fields)
    if not faults:
        return prepared
    return Held(" ".join(f"{fault.sentence}. Shorten it." for fault in faults))


def books_closed(connection: Connection, policy: Policy) -> dt.date | None:
    """Return the last day of the closed period: QuickBooks' closing date or the tenant's own lock date,
    whichever is later; None where all is open."""
    closing = connection.company.get("closing_date")
    days = [policy.lock_date, dt.date.fromisoformat(closing) if closing else None]
    return max((day for day in days if day), default=None)


def period_objection(connection: Connection, date: Any) -> str | None:
    """Say that ``date`` lies in a period that QuickBooks has closed, or nothing."""
    closing = connection.company.get("closing_date")
    if closing and date.isoformat() <= closing:
        return (
            f"Its date {date} is in a closed period: QuickBooks' closing date is {closing}. "
            "Ask whoever keeps the books to open the period in QuickBooks, then press Try again."
        )
    return None


def check_bookable(connection: Connection, currency: str, date: dt.date) -> None:
    """Let what is in ``currency`` and booked on ``date`` pass.

    :raises Objection: when the company file does not keep the currency, or the period is closed.
    """
    for objection in (currency_objection(connection, currency), period_objection(connection, date)):
        if objection:
            raise Objection(objection)


def first_open_day(connection: Connection, date: dt.date) -> dt.date:
    """Return ``date``, or where its period is closed the first day after that."""
    closing = connection.company.get("closing_date")
    closed = dt.date.fromisoformat(closing) if closing else dt.date.min
    return date if date > closed else closed + dt.timedelta(days=1)


def currency_objection(connection: Connection, currency: str) -> str | None:
    """Say that the company file keeps one currency, and another than ``currency``, or nothing."""
    home = connection.company.get("currency", "USD")
    if currency == home or connection.company.get("multi_currency"):
        return None
    return (
        f"It is in {currency} and the company file keeps its books in {home}. "
        f"Bill it in {home}, or book it by hand. {SEVERAL}"
    )


SEVERAL = (
    "Or let QuickBooks keep several currencies (Edit » Preferences » Multiple Currencies), which cannot "
    "be undone there, and press Try again after the Web Connector's next run."
)
