"""The imported lists as a place to look names up: accounts, items, classes, payment methods.

Loaded whole, in two statements: a chart has at most some thousand rows. (Customers
can be many; they are looked up where needed, in ``matching``.)
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books.models import NAMES, Assignment, Connection, ListEntry, ListKind
from hub.books.wanted import wanted

CLEARING = "Billing Clearing"
"""The clearing account that is taken where nobody has chosen another."""
TAX_ACCOUNT = "Sales Tax Collected"
TAX_ITEM = "Sales Tax"
SALES_TAX_PAYABLE = "SalesTaxPayable"
KEPT_IN_ONE = ("AccountsPayable", "AccountsReceivable", "Bank", "CreditCard")
"""The types of accounts that take amounts in their own currency only (protocol.md G)."""
TAX_GROUP = "ItemSalesTaxGroup"
COMPUTED_TAXES = ("ItemSalesTax", TAX_GROUP)
"""The types of items with which QuickBooks computes a tax by itself (protocol.md C.4)."""
PAGE = "the page Accounts by purpose"
"""Where accounts are chosen."""
MONEY_IN = "money_in"
"""The purpose under which the account is chosen of payments and refunds in a foreign currency."""
TAX_AGENCY = "tax_agency"
"""The purpose under which the vendor is chosen who is owed what stands on Sales Tax Payable."""


class Objection(Exception):
    """Why something cannot go to QuickBooks as it is: a sentence that says what to do."""


class Chart:
    """One company's lists, and the tenant's choices among them."""

    def __init__(self, db: Session, connection: Connection):
        self._db, self._connection = db, connection
        query = select(ListEntry).where(
            ListEntry.connection_id == connection.id, ListEntry.kind.not_in(NAMES)
        )
        self._entries: dict[ListKind, list[ListEntry]] = {}
        for entry in db.scalars(query.order_by(ListEntry.full_name)):
            self._entries.setdefault(entry.kind, []).append(entry)
        self._names = {
            (entry.kind, name.casefold()): entry
            for entries in self._entries.values()
            for entry in sorted(entries, key=lambda entry: (entry.active, not entry.gone))
            for name in filter(None, (entry.number, entry.full_name))
        }
        self._ids = {
            (entry.kind, entry.list_id): entry for entries in self._entries.values() for entry in entries
        }
        # The first of each by name counts, so it is written last.
        self._specials = {
            one.special: one
            for one in reversed(self.all(ListKind.ACCOUNT))
            if one.special and one.active
        }
        self._assigned = {(row.purpose, row.code): row.name for row in db.scalars(select(Assignment))}
        self._imported = connection.imported is not None
        self._home = str(connection.company.get("currency", "USD"))

    def all(self, kind: ListKind) -> list[ListEntry]:
        """Return the entries of one list, by name."""
        return self._entries.get(kind, [])

    def find(self, kind: ListKind, name: str) -> ListEntry | None:
        """Return the active entry of this full name or number, whatever its case."""
        entry = self.known(kind, name)
        return entry if entry is not None and entry.active else None

    def known(self, kind: ListKind, name: str) -> ListEntry | None:
        """Return the entry of this full name or number, whether it is active, inactive or gone."""
        return self._names.get((kind, name.strip().casefold()))

    def named_by(self, kind: ListKind, list_id: str, name: str) -> ListEntry | None:
        """Return the entry that QuickBooks refers to by id, or where it gives none by name."""
        return self._ids.get((kind, list_id)) or self.find(kind, name)

    def booked_account(self, name: str) -> ListEntry:
        """Return the account that something was booked to before.

        :raises Objection: when QuickBooks takes nothing on it any more.
        """
        if found := self.find(ListKind.ACCOUNT, name):
            return found
        raise Objection(
            f"“{name}”, where this was booked before, is inactive or gone in QuickBooks. "
            "Make it active there again, then press Try again."
        )

    def account(self, name: str, what: str, where: str) -> ListEntry:
        """Return the account called ``name``.

        :raises Objection: when it is not in the imported chart; ``what`` needs it, and ``where``
            is the page on which another is chosen.
        """
        return self._require(ListKind.ACCOUNT, name, what, where, "the Chart of Accounts")

    def item(self, name: str, what: str, where: str) -> ListEntry:
        """Return the item called ``name``; raises as ``account`` does."""
        return self._require(ListKind.ITEM, name, what, where, "the Items List")

    def _require(self, kind: ListKind, name: str, what: str, where: str, called: str) -> ListEntry:
        if found := self.find(kind, name):
            return found
        if self._imported and not self.all(kind):
            raise Objection(f"{what} waits: {called} is empty here. The page Connection says why.")
        if not self._imported:
            raise Objection(
                f"{what} waits: {called} has not been imported yet; "
                "it comes with the Web Connector's first run."
            )
        if kind is ListKind.ACCOUNT and self.is_coming(name):
            raise Objection(
                f"{what} waits for the account “{name}”, which QuickBooks is asked to create: it comes with "
                "the next run. Should QuickBooks refuse it, the page Review items queued says why."
            )
        known = self.known(kind, name)
        state = "inactive in" if known and not known.gone else "not in"
        raise Objection(f"{what} names “{name}”, which is {state} {called}. Choose another on {where}.")

    @cached_property
    def _coming(self) -> set[str]:
        """Names and numbers of the accounts that QuickBooks is to create."""
        coming = wanted(self._db, self._connection)
        return {name.casefold() for one in coming for name in (one.name, one.number) if name}

    def is_coming(self, name: str) -> bool:
        """Whether QuickBooks is asked to create an account of this name or number, which it does not have."""
        known = self.known(ListKind.ACCOUNT, name)
        return (known is None or known.gone) and name.strip().casefold() in self._coming

    def class_named(self, name: str) -> ListEntry:
        """Return the class called ``name``.

        :raises Objection: when QuickBooks does not have it.
        """
        if entry := self.find(ListKind.CLASS, name):
            return entry
        raise Objection(
            f"The class “{name}” is not in QuickBooks' class list. "
            "Add it there, or change it on the Charges page."
        )

    def clearing(self, currency: str = "") -> ListEntry:
        """Return the account that stands for what customers owe in ``currency`` (summary mode).

        :raises Objection: when QuickBooks has none, or keeps it in another currency.
        """
        name = self._assigned.get(("clearing", self._foreign(currency))) or self._clearing
        found = self.account(name, "The clearing account", "Integration Settings")
        return self.fitting(found, currency, PAGE)

    @property
    def _clearing(self) -> str:
        return self._assigned.get(("clearing", ""), CLEARING)

    def is_clearing(self, name: str) -> bool:
        """Whether this is the clearing account, in whatever currency."""
        chosen = (name for (purpose, _), name in self._assigned.items() if purpose == "clearing")
        return name in {self._clearing, *chosen}

    def _foreign(self, currency: str) -> str:
        """Return ``currency`` as a code of choices: nothing for the home currency."""
        return "" if self.is_home(currency) else currency

    def is_home(self, currency: str) -> bool:
        """Whether this is the home currency, or no currency is named."""
        return currency in ("", self._home)

    def fitting(self, account: ListEntry, currency: str, where: str) -> ListEntry:
        """Return ``account``, if amounts in ``currency`` may stand on it.

        :raises Objection: when QuickBooks keeps it in another; on ``where`` another is chosen.
        """
        if self.takes(account, currency):
            return account
        raise Objection(
            f"“{account.full_name}” is kept in {self.kept_in(account)} in QuickBooks and takes nothing in "
            f"{currency or self._home}. Choose another account on {where}."
        )

    def kept_in(self, account: ListEntry) -> str:
        """Return QuickBooks' name of the currency that an account is kept in."""
        return account.currency or self.home

    @property
    def home(self) -> str:
        """QuickBooks' name of the home currency, or its code where there is just one."""
        found = self.find(ListKind.CURRENCY, self._home)
        return found.full_name if found else self._home

    def takes(self, account: ListEntry, currency: str = "") -> bool:
        """Whether amounts in ``currency`` may stand on ``account`` (protocol.md G)."""
        wanted = self.find(ListKind.CURRENCY, currency or self._home)
        own = self.known(ListKind.CURRENCY, self.kept_in(account))
        if wanted is None or own is None or own is wanted:
            return True
        return own.number == self._home and account.type not in KEPT_IN_ONE

    def currency(self, code: str) -> ListEntry:
        """Return QuickBooks' entry of the currency ``EUR``.

        :raises Objection: when it has none.
        """
        if found := self.find(ListKind.CURRENCY, code):
            return found
        if not self.all(ListKind.CURRENCY):
            raise Objection("QuickBooks' currencies have not been imported yet; they come with a run.")
        raise Objection(
            f"QuickBooks does not use the currency {code}. Make it active there, in the Currency List, "
            "then press Try again."
        )

    def receivable(self, currency: str = "") -> ListEntry:
        """Return Accounts Receivable; where ``currency`` is not the home currency the account chosen for
        it, or else the one that is kept in it.

        :raises Objection: when QuickBooks has none.
        """
        if self.is_home(currency):
            return self._special("AccountsReceivable", "Accounts Receivable")
        name = self.currency(currency).full_name
        if chosen := self._assigned.get(("receivable", currency)):
            found = self.account(chosen, f"Accounts Receivable in {currency}", PAGE)
            return self.fitting(found, currency, PAGE)
        for account in self.usable(["AccountsReceivable"]):
            if account.currency == name:
                return account
        raise Objection(
            f"QuickBooks has no Accounts Receivable account in {currency}. Let it be created from {PAGE}; or "
            "add one there: Lists » Chart of Accounts » New, of type Accounts Receivable and currency "
            f"{name}. Then press Try again."
        )

    def deposit(self, method: str, currency: str = "") -> ListEntry:
        """Return the account that payments by ``method`` go to: Undeposited Funds unless chosen.

        :raises Objection: when what is chosen is gone, or kept in another currency.
        """
        what = f"The deposit account of “{method}”" if method else "The deposit account"
        found = self._money("deposit", method, currency, what)
        return found or self._special("UndepositedFunds", "Undeposited Funds")

    def refund(self, method: str, currency: str = "") -> ListEntry:
        """Return the account that refunds by ``method`` come from: that of its payments unless chosen;
        raises as ``deposit`` does."""
        if not any(self._assigned.get(("refund", code)) for code in (method, "")):
            return self.deposit(method, currency)
        what = f"The account of refunds by “{method}”" if method else "The account of refunds"
        return self._money("refund", method, currency, what) or self.deposit(method, currency)

    def _money(self, purpose: str, method: str, currency: str, what: str) -> ListEntry | None:
        """Return the account chosen for money by ``method``: the method's own where that takes the
        currency, or the one of the currency, or of all methods; none where nothing is chosen."""
        own = self._assigned.get((purpose, method)) if method else None
        foreign = self._assigned.get((MONEY_IN, self._foreign(currency)))
        name = own or self._assigned.get((purpose, ""))
        if foreign and not (own and self.takes(self.account(own, what, PAGE), currency)):
            return self.fitting(self.account(foreign, f"Money in {currency}", PAGE), currency, PAGE)
        if not name:
            return None
        where = PAGE if self.is_home(currency) else f"{PAGE}, for money in {currency}"
        return self.fitting(self.account(name, what, PAGE), currency, where)

    def usual(self, purpose: str, what: str) -> ListEntry:
        """Return the account chosen for ``purpose`` (``discount``, ``write_off``, ``rounding``).

        :raises Objection: when none is chosen or it is gone; ``what`` needs it.
        """
        name = self._assigned.get((purpose, ""))
        if not name:
            words = purpose.replace("_", "-")
            raise Objection(f"{what} has no account. Choose one for {words}s on {PAGE}.")
        return self.account(name, what, PAGE)

    def tax_agency(self) -> str:
        """Return the vendor in whose name tax stands on Sales Tax Payable.

        :raises Objection: when none is chosen.
        """
        if name := self._assigned.get((TAX_AGENCY, "")):
            return name
        raise Objection(f"Sales Tax Payable wants the tax agency's name. Choose the vendor on {PAGE}.")

    def tax_account(self, code: str) -> ListEntry:
        """Return the liability account for tax ``code``: chosen, or of that name, or the usual one."""
        return self._for_tax(ListKind.ACCOUNT, code, TAX_ACCOUNT)

    def tax_item(self, code: str) -> ListEntry:
        """Return the item that carries tax ``code`` on an invoice, found as ``tax_account`` is."""
        return self._for_tax(ListKind.ITEM, code, TAX_ITEM)

    def tax_place(self, code: str) -> str:
        """Return the full name of the account that tax ``code`` is on in full mode: its item's, or Sales
        Tax Payable where QuickBooks computes it; raises as ``tax_item`` does."""
        item = self.tax_item(code)
        if item.type in COMPUTED_TAXES:
            return self._special(SALES_TAX_PAYABLE, "Sales Tax Payable").full_name
        return item.account

    def tax_line(self, code: str) -> ListEntry:
        """Return the item whose line says an amount of tax ``code``: its own, or the usual one where that
        is a group, which stands on no line; raises as ``tax_item`` does."""
        item = self.tax_item(code)
        if item.type != TAX_GROUP:
            return item
        return self.item(TAX_ITEM, f"A line for tax “{code}”", PAGE)

    def sales_tax_code(self, fact: str, usual: str) -> ListEntry | None:
        """Return the sales tax code that the company file's preferences name (``taxable_code`` or
        ``untaxed_code``), or where they name none the one of its ``usual`` name."""
        named = self._ids.get((ListKind.SALES_TAX_CODE, str(self._connection.company.get(fact, ""))))
        return named if named and named.active else self.find(ListKind.SALES_TAX_CODE, usual)

    def computed_taxes(self) -> list[str]:
        """Return the codes whose tax QuickBooks computes by itself."""
        found = sorted(code for purpose, code in self._assigned if purpose == "tax")
        named = {code: self.find(ListKind.ITEM, self._assigned["tax", code]) for code in found}
        return [code for code, item in named.items() if item and item.type in COMPUTED_TAXES]

    def _for_tax(self, kind: ListKind, code: str, usual: str) -> ListEntry:
        chosen = self._assigned.get(("tax", code)) or self._assigned.get(("tax", ""))
        if not chosen:
            own = self.find(kind, code)
            if own is not None and self._fits_tax(own):
                return own
        name = chosen or usual
        look_up = self.account if kind is ListKind.ACCOUNT else self.item
        return look_up(name, f"Tax “{code}”", "Integration Settings")

    @staticmethod
    def _fits_tax(entry: ListEntry) -> bool:
        """Whether an account or item that happens to be called like a tax code can carry it."""
        if entry.kind is ListKind.ACCOUNT:
            return entry.type in ("OtherCurrentLiability", "LongTermLiability") and not entry.special
        return entry.type in ("ItemOtherCharge", "ItemService", "ItemNonInventory") and bool(
            entry.account
        )

    def _special(self, special: str, name: str) -> ListEntry:
        found = self._specials.get(special)
        return found or self.account(name, name, "Integration Settings")

    def usable(self, types: Iterable[str]) -> list[ListEntry]:
        """Return the active accounts of these types, by name."""
        wanted = set(types)
        return [entry for entry in self.all(ListKind.ACCOUNT) if entry.active and entry.type in wanted]


def pays_agency(db: Session) -> bool:
    """Whether a tax is booked to Sales Tax Payable, which wants a vendor's name."""
    chosen = select(ListEntry.id).join(
        Assignment, (Assignment.name == ListEntry.full_name) & (Assignment.purpose == "tax")
    )
    payable = ListEntry.kind == ListKind.ACCOUNT, ListEntry.special == SALES_TAX_PAYABLE
    return db.scalar(chosen.where(*payable).limit(1)) is not None
