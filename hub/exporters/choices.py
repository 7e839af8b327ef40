"""What a tenant may choose from QuickBooks' lists: accounts by purpose, and where a charge goes.

Which choices there are depends on the mode, so they are listed here, beside the exporters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from hub.books.chart import (
    CLEARING,
    COMPUTED_TAXES,
    MONEY_IN,
    SALES_TAX_PAYABLE,
    TAX_AGENCY,
    Chart,
    Objection,
    pays_agency,
)
from hub.books.models import Assignment, Connection, ListEntry, ListKind
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.exporters import exporter_for
from hub.exporters.drafts import uses_receivable
from hub.exporters.purposes import ASSETS, LIABILITIES, MONEY, RULES, Slot, meant, proposal
from hub.ledger.models import Charge, ChargeKind, Posting, Purpose
from hub.tenants.models import Mode, Tenant
from hub.tenants.policies import policy_of

_TAX_ITEMS = ("ItemOtherCharge", "ItemService", "ItemNonInventory")
_BY_CURRENCY = ("clearing", "receivable", MONEY_IN)
"""The purposes whose codes are currencies."""
_FIRST_TYPES = ("Income", "OtherIncome", "OtherCurrentLiability", "CostOfGoodsSold", "Expense")


@dataclass(frozen=True)
class ChargeField:
    """The field of a charge that says where it is booked."""

    name: str
    label: str
    kind: ListKind
    hint: str


CHARGE_FIELDS = {
    Mode.SUMMARY: ChargeField(
        "accounting_code",
        "Accounting Code",
        ListKind.ACCOUNT,
        "The income account in QuickBooks' Chart of Accounts that this charge is summed into.",
    ),
    Mode.FULL: ChargeField(
        "item",
        "Item",
        ListKind.ITEM,
        "The entry of QuickBooks' Items List that stands on the customer's invoice.",
    ),
}


class Choices:
    """One tenant's choices."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection):
        self._db = db
        self._mode = tenant.mode
        self._company = connection.company
        self._exporter = exporter_for(db, tenant, connection)
        self.chart = Chart(db, connection)
        self.charge_field = CHARGE_FIELDS[tenant.mode]

    def slots(self) -> list[Slot]:
        """Return every choice there is: by purpose, and by the codes that were billed."""
        rows = self._db.scalars(select(Assignment)).all()
        chosen = {(row.purpose, row.code): row.name for row in rows}
        found = self._clearing(chosen)
        for purpose, make in (
            (Purpose.DEPOSIT, self._deposit),
            (Purpose.REFUND, self._refund),
            (Purpose.TAX, self._tax),
        ):
            codes = self._codes(purpose, chosen)
            found += [make(code, chosen) for code in (codes if purpose is Purpose.TAX else ["", *codes])]
        for currency in self._currencies(chosen):
            found += [*self._control_in(currency, chosen), self._money_in(currency, chosen)]
        found += [*self._agency(chosen), *self._by_kind(chosen)]
        for slot in found:
            self._complete(slot)
        return found

    def slot(self, key: str) -> Slot | None:
        """Return the choice whose form field is called ``key``, if there is one."""
        return next((slot for slot in self.slots() if slot.key == key), None)

    def _codes(self, purpose: Purpose, chosen: Iterable[tuple[str, str]]) -> list[str]:
        query = select(Posting.code).where(Posting.purpose == purpose).distinct()
        billed = {code for code in self._db.scalars(query) if code}
        return sorted(billed | {code for kind, code in chosen if kind == purpose and code})

    def _clearing(self, chosen: Mapping[tuple[str, str], str]) -> list[Slot]:
        if self._mode is not Mode.SUMMARY:
            return []
        return [
            self._slot(
                ("clearing", ""),
                "Clearing account",
                "Stands for what your customers owe. Its balance in QuickBooks equals what is unpaid. "
                f"Usually an Other Current Asset account called “{CLEARING}”.",
                chosen,
                lambda: self.chart.clearing().full_name,
                self._of_currency(ASSETS, ""),
            )
        ]

    def _currencies(self, chosen: Iterable[tuple[str, str]]) -> list[str]:
        """Return the foreign currencies that were billed, where QuickBooks keeps several."""
        if not self._company.get("multi_currency"):
            return []
        billed = set(self._db.scalars(select(Posting.currency).distinct()))
        billed |= {code for purpose, code in chosen if purpose in _BY_CURRENCY and code}
        return sorted(code for code in billed if not self.chart.is_home(code))

    def _control_in(self, currency: str, chosen: Mapping[tuple[str, str], str]) -> list[Slot]:
        """Return the choice of what stands for what customers owe in a foreign currency: an account of
        that currency, or a clearing account that takes all."""
        receivables = self._of_currency(("AccountsReceivable",), currency)
        if self._mode is Mode.FULL or uses_receivable(policy_of(self._db)):
            slot = self._slot(
                ("receivable", currency),
                f"Accounts Receivable in {currency}",
                "QuickBooks keeps what is owed in each currency on an account of its own. The usual one is "
                "the first of that currency.",
                chosen,
                lambda: self.chart.receivable(currency).full_name,
                receivables,
            )
        else:
            slot = self._slot(
                ("clearing", currency),
                f"Clearing account in {currency}",
                "Only if what is owed in it is to stand on an account of its own.",
                chosen,
                lambda: self.chart.clearing(currency).full_name,
                self._of_currency(ASSETS, currency),
            )
        return [replace(slot, currency=currency)]

    def _money_in(self, currency: str, chosen: Mapping[tuple[str, str], str]) -> Slot:
        slot = self._slot(
            (MONEY_IN, currency),
            f"Payments and refunds in {currency}",
            "Where money in it is booked, but what goes by a method that has an account of its own for it. "
            "A bank account takes its own currency only.",
            chosen,
            lambda: self.chart.deposit("", currency).full_name,
            self._of_currency(MONEY, currency),
        )
        return replace(slot, currency=currency)

    def _of_currency(self, types: Iterable[str], currency: str) -> list[ListEntry]:
        """Return the active accounts of these types that take amounts in a currency."""
        return [entry for entry in self.chart.usable(types) if self.chart.takes(entry, currency)]

    def _deposit(self, method: str, chosen: Mapping[tuple[str, str], str]) -> Slot:
        label = f"Payments by {method}" if method else "Payments, all methods"
        hint = (
            "Only if these payments go to an account of their own."
            if method
            else "Where money received is booked. Usually Undeposited Funds."
        )
        return self._slot(
            ("deposit", method),
            label,
            hint,
            chosen,
            lambda: self.chart.deposit(method).full_name,
            self.chart.usable(MONEY),
        )

    def _refund(self, method: str, chosen: Mapping[tuple[str, str], str]) -> Slot:
        label = f"Refunds by {method}" if method else "Refunds, all methods"
        return self._slot(
            ("refund", method),
            label,
            "Only if money given back comes from another account than payments go to.",
            chosen,
            lambda: self.chart.refund(method).full_name,
            self.chart.usable(MONEY),
        )

    def _tax(self, code: str, chosen: Mapping[tuple[str, str], str]) -> Slot:
        if self._mode is Mode.SUMMARY:
            hint = (
                "The liability account that collects this tax. Sales Tax Payable takes one line an entry, in "
                "the tax agency's name."
            )
            options = [
                entry
                for entry in self.chart.usable(LIABILITIES)
                if entry.special in ("", SALES_TAX_PAYABLE)
            ]
        else:
            hint = (
                "An item that carries the billing's amount as a line of its own; or a sales tax item or group, "
                "with which QuickBooks computes the tax of the charges marked taxable (of all, where none is)."
            )
            options = [item for item in self.chart.all(ListKind.ITEM) if _carries_tax(item)]
        return self._slot(
            ("tax", code),
            f"Tax “{code}”",
            hint,
            chosen,
            lambda: self._tax_place(code),
            options,
            is_account=self._mode is Mode.SUMMARY,
        )

    def _agency(self, chosen: Mapping[tuple[str, str], str]) -> list[Slot]:
        """Return the choice of the tax agency, where a tax is booked to Sales Tax Payable."""
        if self._mode is not Mode.SUMMARY or not pays_agency(self._db):
            return []
        vendors = (select(ListEntry).where(ListEntry.active).filter_by(kind=ListKind.VENDOR)).order_by(
            ListEntry.full_name
        )
        return [
            self._slot(
                (TAX_AGENCY, ""),
                "Tax agency",
                "The vendor who is owed what stands on Sales Tax Payable. Vendors come with the next run.",
                chosen,
                self.chart.tax_agency,
                list(self._db.scalars(vendors)),
                is_account=False,
            )
        ]

    def _tax_place(self, code: str) -> str:
        find = self.chart.tax_account if self._mode is Mode.SUMMARY else self.chart.tax_item
        return find(code).full_name

    def _by_kind(self, chosen: Mapping[tuple[str, str], str]) -> list[Slot]:
        """Return the choices for what is no sale: they are needed only where it was billed."""
        if self._mode is not Mode.SUMMARY:
            return []
        kinds = set(self._db.scalars(select(Charge.kind).where(Charge.accounting_code.is_(None))))
        rounded = select(Posting.id).where(Posting.purpose == Purpose.ROUNDING).limit(1)
        is_rounded = self._db.scalar(rounded) is not None
        found = []
        for purpose, label, hint, is_needed in (
            (
                "discount",
                "Discounts",
                "For charges that are a discount and name no account of their own.",
                ChargeKind.DISCOUNT in kinds,
            ),
            (
                "write_off",
                "Write-offs",
                "For charges that write off what is not paid, and name no account of their own.",
                ChargeKind.WRITE_OFF in kinds,
            ),
            (
                "rounding",
                "Rounding",
                "What a document's total is off from its lines, up to the rounding limit.",
                is_rounded,
            ),
        ):
            slot = self._slot(
                (purpose, ""), label, hint, chosen, self._usual(purpose, label), self._usable(purpose)
            )
            if not slot.chosen and is_needed:
                slot.trouble = "Something waits for it: choose an account."
            elif not slot.chosen:
                slot.trouble, slot.hint = "", f"{hint} Nothing needs it so far."
            found.append(slot)
        return found

    def _usual(self, purpose: str, label: str) -> Callable[[], str]:
        return lambda: self.chart.usual(purpose, label).full_name

    def _usable(self, purpose: str) -> list[ListEntry]:
        return [entry for entry in self.chart.usable(RULES[purpose].types) if not entry.special]

    def _complete(self, slot: Slot) -> None:
        """Add what is known beyond the choice itself: its type, an account that is to come, a proposal."""
        names = {entry.full_name for entry in slot.options}
        if slot.chosen and slot.now and slot.now not in names:
            slot.trouble = f"“{slot.now}” has a type in QuickBooks that cannot be used here. Choose another account."
        name = slot.chosen or slot.usual
        if slot.trouble and not slot.now and self.chart.is_coming(name):
            slot.trouble, slot.coming = "", name
        elif slot.trouble and not slot.chosen:
            slot.proposal = proposal(slot)

    @staticmethod
    def _slot(
        key: tuple[str, str],
        label: str,
        hint: str,
        chosen: Mapping[tuple[str, str], str],
        now: Callable[[], str],
        options: list[ListEntry],
        is_account: bool = True,
    ) -> Slot:
        slot = Slot(*key, label, hint, chosen.get(key, ""), "", options=options, is_account=is_account)
        try:
            slot.now = now()
        except Objection as error:
            slot.trouble = str(error)
        return slot

    def save(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Store the choices by the names of their fields; return those that changed.

        :raises Refused: when a name is not among a field's options.
        """
        changed = {}
        for slot in self.slots():
            name = wanted.get(slot.key, slot.chosen)
            if name == slot.chosen:
                continue
            if name and name not in {entry.full_name for entry in slot.options}:
                sentence = f"“{name[:80]}” cannot be chosen for {slot.label}. Choose one of the list."
                raise Refused(sentence, [Fault(f"/{slot.key}", sentence)])
            self._store(slot, name)
            changed[slot.label] = name or "the usual one"
        return changed

    def choose(self, slot: Slot, name: str) -> None:
        """Choose an account that QuickBooks is to create."""
        self._store(slot, name)

    def _store(self, slot: Slot, name: str) -> None:
        if not name:
            own = Assignment.purpose == slot.purpose, Assignment.code == slot.code
            self._db.execute(delete(Assignment).where(*own))
            return
        values = {"purpose": slot.purpose, "code": slot.code, "name": name}
        self._db.execute(
            insert(Assignment)
            .values(values)
            .on_conflict_do_update(index_elements=["tenant_id", "purpose", "code"], set_={"name": name})
        )

    def grouped(self) -> list[tuple[str, list[ListEntry]]]:
        """Return what a charge can be booked to, by type, income first."""
        groups: dict[str, list[ListEntry]] = {}
        for entry in self.chart.all(self.charge_field.kind):
            if entry.active and not entry.special and (entry.account or entry.kind is ListKind.ACCOUNT):
                groups.setdefault(entry.type, []).append(entry)

        def order(type_: str) -> tuple[int, str]:
            known = type_ in _FIRST_TYPES
            return (_FIRST_TYPES.index(type_) if known else len(_FIRST_TYPES), type_)

        return [(spoken(type_), groups[type_]) for type_ in sorted(groups, key=order)]

    def proposal(self, charge: Charge) -> str:
        """Return what a charge is probably meant to be booked to, where it is not mapped; or nothing."""
        own = str(getattr(charge, self.charge_field.name) or "")
        if charge.kind is not ChargeKind.SALE or self.is_coming(charge) or not self.trouble(charge):
            return ""
        options = [
            entry
            for _, entries in self.grouped()
            for entry in entries
            if entry.kind is ListKind.ITEM or entry.type in _FIRST_TYPES
        ]
        fit = [entry for entry in options if not self.chart.is_clearing(entry.full_name)]
        return meant(fit, own, charge.external_id, charge.name)

    def is_coming(self, charge: Charge) -> bool:
        """Whether QuickBooks is asked to create the account that a charge names."""
        is_account = self.charge_field.kind is ListKind.ACCOUNT
        return is_account and self.chart.is_coming(charge.accounting_code or "")

    def trouble(self, charge: Charge) -> str:
        """Say why ``charge`` cannot be booked, or nothing."""
        try:
            self._exporter.account(Purpose.INCOME, charge.id, "")
        except Objection as error:
            return str(error)
        return ""


def _carries_tax(item: ListEntry) -> bool:
    is_plain = bool(item.account) and item.type in _TAX_ITEMS
    return item.active and (is_plain or item.type in COMPUTED_TAXES)


def spoken(type_: str) -> str:
    """Return one of QuickBooks' type names in words: ``OtherCurrentAsset`` is Other Current Asset."""
    words = type_.removeprefix("Item")
    return "".join(f" {char}" if char.isupper() and i else char for i, char in enumerate(words))
