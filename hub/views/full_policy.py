"""Full mode settings: how records go to QuickBooks one by one.

A setting is one line of ``SECTIONS``: its column in ``FullPolicy``, label, hint, and what can be chosen.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyramid.view import view_config, view_defaults
from sqlalchemy import select

from hub.books.chart import Chart
from hub.books.models import ListKind
from hub.errors import Refused
from hub.exporters import names
from hub.exporters.items import UNSOLD
from hub.exporters.jobs import children
from hub.exporters.purposes import RULES
from hub.ledger.models import Charge
from hub.security import Permission
from hub.tenants.full_policy import (
    Clash,
    Conflict,
    Edited,
    FullPolicy,
    Hierarchy,
    LinkMatches,
    Missing,
    NameRule,
    TaxDifference,
    Unfit,
    Update,
    Voided,
    full_policy,
)
from hub.tenants.models import Mode
from hub.views.page import Page, refusal


class Kind(enum.StrEnum):
    """How a setting is asked for."""

    CHOICE = "choice"
    FLAG = "flag"
    LIST = "list"
    """One of an imported list's entries, or none."""
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class Setting:
    """One setting of the form."""

    name: str
    """Its column in ``FullPolicy``."""
    label: str
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    """What can be chosen, and how that is called."""
    kind: Kind = Kind.CHOICE
    entries: str = ""
    """Which list: ``income`` for its accounts, ``write_off`` for those of write-offs, ``items`` for what can
    be sold, ``messages`` to customers, or templates by what they are for."""

    def read(self, text: str, options: Sequence[str]) -> Any:
        """Return what was typed as the column has it.

        :raises Refused: when it cannot be that.
        """
        if self.kind is Kind.FLAG:
            return bool(text)
        if self.kind is Kind.NUMBER:
            if not (text.isascii() and text.isdecimal() and len(text) <= 4):
                raise refusal(self.name, f"{self.label}: write a whole number.")
            return int(text)
        if self.kind is Kind.CHOICE:
            if text not in self.choices:
                raise refusal(self.name, f"{self.label}: choose one of the list.")
            return next(value for value in self.choices if value == text)
        if self.kind is Kind.LIST and text and text not in options:
            raise refusal(self.name, f"{self.label}: “{text[:80]}” is not in the list. Choose another.")
        return text


FOUND = (
    "Customers of QuickBooks are looked through by these marks, in this order. The first that finds "
    "anybody decides; the others choose among those found."
)
SECTIONS: dict[str, tuple[Setting, ...]] = {
    "Customers": (
        Setting("by_account_number", "By account number", FOUND, kind=Kind.FLAG),
        Setting("by_email", "By e-mail", kind=Kind.FLAG),
        Setting("by_company", "By company", kind=Kind.FLAG),
        Setting("by_name", "By exact full name", kind=Kind.FLAG),
        Setting(
            "link_matches",
            "When just one is found",
            "What is not linked at once waits on the page Customer matches.",
            {
                LinkMatches.SURE: "Link by account number or full name; propose by e-mail or company",
                LinkMatches.ALL: "Link it",
                LinkMatches.NONE: "Propose it",
            },
        ),
        Setting(
            "customer_missing",
            "When none is found",
            "Its invoices wait until it is in QuickBooks.",
            {
                Missing.CREATE: "Create it",
                Missing.ASK: "Ask on the page Customer matches",
                Missing.HOLD: "Wait until somebody enters it in QuickBooks",
            },
        ),
        Setting(
            "customer_update",
            "Customers that QuickBooks had already",
            "What of their details follows your billing. Those that the hub has created follow in full.",
            {
                Update.NEVER: "Leave as they are",
                Update.CONTACT: "Update name of contact, address, phone and e-mail",
                Update.ALL: "Update everything",
            },
        ),
        Setting(
            "hierarchy",
            "Customers that have a parent",
            "Counts for new customers. Those that QuickBooks has stay where they are, whatever you choose "
            "here or change in your billing: move them in QuickBooks. A payment goes to the job whose "
            "invoices it pays. A job billed in a second currency is a customer beside the others there, as "
            "QuickBooks keeps a customer and its jobs in one currency.",
            {
                Hierarchy.FLAT: "Flat: each is a customer of its own, and its parent is ignored",
                Hierarchy.JOBS: "Parent:job: each is a job of its parent, which goes first",
            },
        ),
        Setting(
            "name_rule",
            "Name of a new customer",
            choices={
                NameRule.NAME: "Its name",
                NameRule.COMPANY: "Its company; its name if it has none",
            },
        ),
        Setting(
            "name_unfit",
            "When QuickBooks cannot keep the name",
            names.RULE,
            {Unfit.ASK: "Ask on the page Customer matches", Unfit.SHORTEN: "Make it fit by this rule"},
        ),
        Setting(
            "name_clash",
            "When somebody has the name",
            "Customers, vendors, employees and other names share one set of names in QuickBooks.",
            {
                Clash.ASK: "Ask on the page Customer matches",
                Clash.SUFFIX: "Save it with “ (C)” behind its name",
            },
        ),
    ),
    "Items": (
        Setting(
            "item_by_name",
            "A charge without an item is sold as the item of its own name",
            kind=Kind.FLAG,
        ),
        Setting(
            "item_missing",
            "When QuickBooks does not have the item",
            "A new one is a service item.",
            {
                Missing.ASK: "Ask on the page of the charge",
                Missing.CREATE: "Create it",
                Missing.HOLD: "Wait until somebody enters it in QuickBooks",
            },
        ),
        Setting(
            "item_account",
            "Income account of new items",
            "Needed where items are created.",
            kind=Kind.LIST,
            entries="income",
        ),
        Setting(
            "write_off_account",
            "Account of new items that write off",
            "For charges of the kind write_off, such as Bad Debt. A write-off is a credit memo with such a charge, "
            "applied to its invoice.",
            kind=Kind.LIST,
            entries="write_off",
        ),
        Setting(
            "item_fallback",
            "Fallback item",
            "Stands in for any item that is missing and not created. Records that use it say so.",
            kind=Kind.LIST,
            entries="items",
        ),
    ),
    "Invoices and credit memos": (
        Setting(
            "terms_by_due_date",
            "An invoice without terms gets those by which it is due on its due date",
            "Of the Terms List: thirty days after the invoice's date are Net 30. Where none fit, the due date "
            "goes alone.",
            kind=Kind.FLAG,
        ),
        Setting(
            "customer_message",
            "Message to the customer",
            "Of the Customer Message List, on every invoice that brings none of its own.",
            kind=Kind.LIST,
            entries="messages",
        ),
        Setting(
            "invoice_template",
            "Template of invoices",
            "By which QuickBooks prints them. None leaves it to QuickBooks.",
            kind=Kind.LIST,
            entries="Invoice",
        ),
        Setting(
            "credit_memo_template", "Template of credit memos", kind=Kind.LIST, entries="CreditMemo"
        ),
    ),
    "Changes": (
        Setting(
            "edited",
            "When an invoice or credit memo changes that QuickBooks has",
            "What is paid, or in a closed period, is never changed itself.",
            {
                Edited.UPDATE: "Change it while open and unpaid; else credit it in full and bill anew",
                Edited.REBILL: "Always credit it in full and bill anew",
                Edited.HOLD: "Hold it, with the difference shown",
            },
        ),
        Setting(
            "voided",
            "When an invoice is void that QuickBooks has",
            choices={
                Voided.VOID: "Void it; where it is paid or its period closed, take it back by a credit memo",
                Voided.CREDIT: "Always take it back by a credit memo",
                Voided.HOLD: "Hold it",
            },
        ),
        Setting(
            "conflict",
            "When somebody changes or deletes in QuickBooks what came from your billing",
            "Until it is decided, nothing is written over.",
            {
                Conflict.ASK: "Ask, with both versions shown",
                Conflict.BILLING: "Your billing counts: book its version again",
                Conflict.QUICKBOOKS: "QuickBooks counts: keep what is there",
            },
        ),
        Setting(
            "readback_hours",
            "Hours between two looks for such changes",
            "0 for never.",
            kind=Kind.NUMBER,
        ),
        Setting(
            "tax_difference",
            "When QuickBooks' total of a document is another one",
            choices={
                TaxDifference.HOLD: "Say so and wait",
                TaxDifference.ADJUST: "Make up for it by a line of the tax's item",
            },
        ),
        Setting(
            "check_methods",
            "Refunds that are checks",
            "Payment methods, parted by commas, whose refunds come from a bank account.",
            kind=Kind.TEXT,
        ),
        Setting(
            "journal_methods",
            "Refunds that are journal entries",
            "Payment methods, parted by commas. All others are refunds of their credit memo.",
            kind=Kind.TEXT,
        ),
    ),
}
_INCOME = ("Income", "OtherIncome")


@view_defaults(
    route_name="full_policy", renderer="hub:templates/full_policy.jinja2", permission=Permission.READ
)
class FullPolicyPage(Page):
    """The form of all settings."""

    @cached_property
    def policy(self) -> FullPolicy:
        return full_policy(self.db, lock=self.request.method == "POST")

    @cached_property
    def options(self) -> dict[str, list[str]]:
        """What can be chosen of the imported lists, by what a setting calls them."""
        chart = Chart(self.db, self.connection)
        items = [one for one in chart.all(ListKind.ITEM) if one.active and one.account]
        templates = [one for one in chart.all(ListKind.TEMPLATE) if one.active]
        messages = [one for one in chart.all(ListKind.CUSTOMER_MESSAGE) if one.active]
        return {
            "": [],
            "income": [entry.full_name for entry in chart.usable(_INCOME)],
            "write_off": [entry.full_name for entry in chart.usable(RULES["write_off"].types)],
            "items": [one.full_name for one in items if one.type not in UNSOLD],
            "messages": [one.full_name for one in messages],
            **{
                kind: [one.full_name for one in templates if one.type == kind]
                for kind in ("Invoice", "CreditMemo")
            },
        }

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        typed = {one.name: getattr(self.policy, one.name) for one in _all()}
        return {
            "is_used": Mode.FULL in self.modes,
            "is_left": self.tenant.mode is not Mode.FULL,
            "sections": SECTIONS,
            "options": self.options,
            "typed": {name: "" if value is False else str(value) for name, value in typed.items()},
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def save(self) -> Any:
        given: dict[str, str] = {}
        try:
            given = {one.name: self.form.text(one.name) for one in _all()}
            wanted = {one.name: one.read(given[one.name], self._known(one)) for one in _all()}
            _check(wanted)
        except Refused as error:
            shown = self.show()
            return self.again(shown | {"typed": shown["typed"] | given}, error)
        labels = {one.name: one.label for one in _all()}
        changed = {
            labels[name]: _said(value)
            for name, value in wanted.items()
            if getattr(self.policy, name) != value
        }
        for name, value in wanted.items():
            setattr(self.policy, name, value)
        if changed:
            self.db.flush()
            if labels["hierarchy"] in changed:
                self.outbox.recorded("customer", children(self.db, self.connection))
            self.room.audit("full mode settings changed", **changed)
            # Charges may be created as items from now on; then all that was held is looked at again.
            self.outbox.recorded("charge", self.db.scalars(select(Charge)).all())
        sentence = (
            "Saved. What was held for it has been looked at again."
            if changed
            else "Nothing has changed."
        )
        return self.done(sentence, "full_policy")

    def _known(self, setting: Setting) -> list[str]:
        """Return what may be chosen; what was chosen before may stay, whatever became of it."""
        return [*self.options[setting.entries], str(getattr(self.policy, setting.name))]


def _all() -> list[Setting]:
    return [one for settings in SECTIONS.values() for one in settings]


def _check(wanted: Mapping[str, Any]) -> None:
    """:raises Refused: when settings do not go together."""
    marks = ("by_account_number", "by_email", "by_company", "by_name")
    if not any(wanted[mark] for mark in marks):
        raise refusal(marks[0], "Tick at least one mark by which customers are found.")
    if wanted["item_missing"] == Missing.CREATE and not wanted["item_account"]:
        raise refusal("item_account", "Choose the income account that new items get.")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
