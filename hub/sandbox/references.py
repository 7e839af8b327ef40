"""References of a request to the lists: a ListID wins over a FullName (protocol.md C.4)."""

from __future__ import annotations

import datetime as dt

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals
from hub.sandbox.company import Company
from hub.sandbox.lists import NAMES, Entry
from hub.sandbox.transactions import Transaction

LABELS = {
    "Invoice": "Invoice",
    "CreditMemo": "Credit Memo",
    "ReceivePayment": "Receive Payment",
    "ARRefundCreditCard": "Credit Card Refund",
    "Check": "Check",
    "JournalEntry": "Journal Entry",
}
"""How QuickBooks calls each kind of transaction in its sentences."""

MONEY_ACCOUNTS = ("Bank", "OtherCurrentAsset", "CreditCard")
"""Where a payment can be deposited and a refund taken from; Undeposited Funds is one of them."""


class References:
    """Looks up what one request refers to, and refuses as QuickBooks does."""

    def __init__(self, company: Company, kind: str):
        self._company = company
        self.kind = kind
        self.label = LABELS.get(kind, kind)

    def find(self, body: Element, path: str, list: str, what: str = "") -> Entry | None:
        """Return the entry that the reference at ``path`` means; None where there is no reference.

        :raises Refusal: 3140 when it is not there or not active, 3150 when it names nothing.
        """
        reference = body.find(path)
        if reference is None:
            return None
        id, name = reference.get("ListID"), reference.get("FullName")
        if not id and not name:
            raise refusals.missing_element(path)
        what = what or list
        found = self._company.lists.get(list, id) if id else self._company.lists.named(list, name)
        if found is None:
            raise refusals.invalid_reference(what, id or name, self.label)
        if not found.active:
            raise refusals.invalid_reference(
                what, found.full_name, self.label, "The specified record is not active."
            )
        return found

    def need(self, body: Element, path: str, list: str, what: str = "") -> Entry:
        """Return the entry that a reference means which the shape requires to be there."""
        found = self.find(body, path, list, what)
        assert found is not None
        return found

    def entity(self, body: Element, path: str) -> Entry | None:
        """Return the customer, vendor, employee or other name that a reference means."""
        reference = body.find(path)
        if reference is None:
            return None
        id, name = reference.get("ListID"), reference.get("FullName")
        for list in NAMES[:-1]:
            if self._company.lists.get(list, id) if id else self._company.lists.named(list, name):
                return self.find(body, path, list, "Entity")
        return self.find(body, path, NAMES[-1], "Entity")

    def posting_account(self, body: Element) -> Entry | None:
        """Return the account at ``AccountRef``, which takes postings."""
        found = self.find(body, "AccountRef", "Account")
        if found is not None and found.fields["AccountType"] == "NonPosting":
            raise refusals.invalid_reference(
                "Account", found.full_name, self.label, "A non-posting account cannot be used."
            )
        return found

    def account(self, body: Element, path: str, types: tuple[str, ...], usual: str) -> Entry:
        """Return an account of one of ``types``, or the special one ``usual`` where none is named."""
        found = self.find(body, path, "Account")
        if found is None:
            return self._company.lists.special(usual)
        if found.fields["AccountType"] not in types:
            wanted = "Accounts Receivable" if types == ("AccountsReceivable",) else " or ".join(types)
            raise refusals.invalid_reference(
                "Account", found.full_name, self.label, f"The account must be of type {wanted}."
            )
        return found

    def receivable(self, body: Element) -> Entry:
        """Return the A/R account of a sale or a payment."""
        return self.account(body, "ARAccountRef", ("AccountsReceivable",), "AccountsReceivable")

    def klass(self, body: Element) -> str:
        """Return the ListID of the class, or nothing.

        :raises Refusal: 3250 when class tracking is switched off.
        """
        if body.find("ClassRef") is not None and not self._company.preferences["IsUsingClassTracking"]:
            raise refusals.feature_off("class tracking")
        found = self.find(body, "ClassRef", "Class")
        return found.id if found else ""

    def open_date(self, body: Element, usual: str = "") -> str:
        """Return the date of the transaction, which must be after the closing date.

        :raises Refusal: 3020 for a day that is none, 3171 or 3181 for one in closed books.
        """
        date = read_date(body, "TxnDate") or usual or self._company.today()
        if self._company.is_closed(date):
            raise refusals.closed_for_new(self.label)
        return date

    def changeable(self, id: str, edit_sequence: str | None = None) -> Transaction:
        """Return the transaction that a Mod, Void or Del means.

        :raises Refusal: 3120 when it is not there, 3171 in closed books, 3200 when somebody
            changed it since.
        """
        found = self._company.transactions.get(id, self.kind)
        if found is None:
            raise refusals.not_found(id)
        if edit_sequence is not None and edit_sequence != found.edit_sequence:
            raise refusals.stale(edit_sequence)
        if self._company.is_closed(found.date):
            raise refusals.closed_for_change(self.label)
        return found


def read_date(body: Element, name: str) -> str:
    """Return the date at ``name`` as text, or nothing.

    :raises Refusal: 3020 for a day that no calendar has.
    """
    text = body.get(name)
    try:
        return dt.date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise refusals.invalid_date(name, text) from None
