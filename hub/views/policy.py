"""Journal entry settings: how summaries are made, approved and corrected; looked at before they are
saved."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from pyramid.view import view_config, view_defaults

from hub.errors import Refused
from hub.qbwc.entries import Stand
from hub.qbwc.journal import check_policy
from hub.security import Permission
from hub.tenants.models import Approval, Closed, Control, Detail, LateChange, Mode, Period, Policy
from hub.views.journal import JournalOfTenant
from hub.views.page import refusal

_AMOUNT = re.compile(r"\$?(\d{1,13}|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?", re.ASCII)
FARTHEST = dt.timedelta(days=62)
"""How far ahead a cut-over may lie (product.md C2)."""

CHOICES: dict[str, dict[Any, str]] = {
    "period": {
        Period.CYCLE: "Each billing cycle, when it is closed",
        Period.DAY: "Each day",
        Period.WEEK: "Each week, Monday to Sunday",
        Period.MONTH: "Each month",
    },
    "detail": {
        Detail.ACCOUNT: "One for each account",
        Detail.CHARGE: "One for each account and charge",
    },
    "control": {
        Control.CLEARING: "A clearing account",
        Control.RECEIVABLE: "Accounts Receivable, in a Master Customer's name",
    },
    "approval": {
        Approval.MANUAL: "A person approves each",
        Approval.AFTER_FIRST: "A person approves the first; the rest goes by itself",
        Approval.AUTOMATIC: "All go by themselves",
    },
    "late_change": {
        LateChange.TRUE_UP: "A true-up: the difference in an entry of its own",
        LateChange.AMEND: "Change the entry in QuickBooks while its period is open, else a true-up",
        LateChange.REVERSE: "Reverse the entry and book it anew",
        LateChange.HOLD: "A true-up that waits for a person",
    },
    "closed_period": {
        Closed.HOLD: "Hold it until the period is opened",
        Closed.FIRST_OPEN_DAY: "Book it on the first open day; its memo says of when it is",
        Closed.ASK: "Ask: once a person has approved it, book it on the first open day",
    },
}
"""What can be chosen, in words."""

LABELS = {
    "period": "What makes an entry",
    "detail": "Lines",
    "together": "One entry for all that was billed, paid and credited",
    "control": "What stands for the money customers owe",
    "master_customer": "Master Customer",
    "number_template": "Number",
    "memo_template": "Memo on each line",
    "approval": "Approval",
    "approval_limit": "Approval limit",
    "four_eyes": "Four eyes",
    "late_change": "Late changes",
    "closed_period": "An entry dated in a closed period",
    "lock_date": "Your own lock date",
    "rounding_limit": "Rounding limit",
    "cutover": "Cut-over date",
}
_FLAGS = ("together", "four_eyes")
_AMOUNTS = ("approval_limit", "rounding_limit")
_LONG = {"memo_template": 3000}


def amount(name: str, text: str) -> Decimal | None:
    """Read an amount as people type it; nothing where there is none.

    :raises Refused: when it is no amount.
    """
    if not text:
        return None
    match = _AMOUNT.fullmatch(text)
    if not match:
        raise refusal(name, "Write an amount such as 5,000.00.")
    return Decimal(f"{match[1].replace(',', '')}.{(match[2] or '').ljust(2, '0')}")


def day(name: str, text: str) -> dt.date | None:
    """Read a day; nothing where there is none.

    :raises Refused: when it is no day.
    """
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise refusal(name, "Write a day that exists as YYYY-MM-DD.") from None


def cutover_day(text: str, today: dt.date) -> dt.date | None:
    """Read a cut-over; nothing where there is none.

    :raises Refused: when it is no day, or one too far ahead.
    """
    read = day("cutover", text)
    if read and read > today + FARTHEST:
        raise refusal("cutover", f"The cut-over may lie at most {FARTHEST.days} days ahead.")
    return read


@view_defaults(route_name="policy", renderer="hub:templates/policy.jinja2", permission=Permission.READ)
class PolicyPage(JournalOfTenant):
    """The form, the effect of what was chosen, and saving it."""

    @cached_property
    def labels(self) -> dict[str, str]:
        """The settings that are chosen here: in full mode the cut-over has a page of its own."""
        left_out = set() if self.tenant.mode is Mode.SUMMARY else {"cutover"}
        return {name: label for name, label in LABELS.items() if name not in left_out}

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        if not self.has_entries:
            return {"is_full": True, "effect": None}
        return self._shown(self._typed())

    def _typed(self) -> dict[str, str]:
        """Return the form's fields as they stand."""
        return {name: _as_typed(name, getattr(self.journal.policy, name)) for name in self.labels}

    def _shown(self, typed: Mapping[str, str], effect: Any = None) -> dict[str, Any]:
        fields = self._fields(typed["number_template"])
        return {
            "is_full": False,
            "typed": typed,
            "choices": CHOICES,
            "labels": self.labels,
            "fields": fields,
            "examples": {name: _filled(typed[name], values) for name, values in fields.items()},
            "closing": self.connection.company.get("closing_date"),
            "effect": effect,
        }

    def _fields(self, number_template: str) -> dict[str, dict[str, str]]:
        """Return what the parts of each template stand for in an example."""
        ends = self.now.date().replace(day=1) - dt.timedelta(days=1)
        number = {"family": "B", "date": f"{ends:%y%m%d}", "n": "1"}
        made = _filled(number_template, number)
        memo = {
            "cycle": f"{ends:%B %Y}",
            "number": made,
            "correction": "",
            "family": "billed",
            "from": ends.replace(day=1).isoformat(),
            "to": ends.isoformat(),
            "tenant": self.tenant.name,
        }
        return {"number_template": number, "memo_template": memo}

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def take(self) -> Any:
        if not self.has_entries:
            return self.done("There are no journal entries in this mode.", "policy")
        typed = _given(self.form.typed(*self.labels))
        if self.form["step"] == "back":
            return self._shown(typed)
        try:
            values = self._values()
            check_policy(values)
            changes = _changes(self.journal.policy, values)
            if self.form["step"] == "save":
                self.journal.change_policy(**values)
        except Refused as error:
            return self.again(self._shown(typed), error)
        if not changes:
            return self.done("Nothing has changed.", "policy")
        if self.form["step"] == "save":
            return self.done("Saved. What has not been sent or approved is made anew by it.", "journal")
        return self._shown(typed, self._effect(values, changes))

    def _values(self) -> dict[str, Any]:
        """Read the form.

        :raises Refused: when something in it cannot be read, or is not to be.
        """
        values: dict[str, Any] = {}
        for name, choices in CHOICES.items():
            kinds = {kind.value: kind for kind in choices}
            if self.form[name] not in kinds:
                raise refusal(name, "Choose one of the list.")
            values[name] = kinds[self.form[name]]
        values |= {name: self.form.flag(name) for name in _FLAGS}
        values |= {name: amount(name, self.form[name]) for name in _AMOUNTS}
        values["lock_date"] = day("lock_date", self.form["lock_date"])
        for name in ("master_customer", "number_template", "memo_template"):
            values[name] = self.form.text(name, _LONG.get(name, 200))
        if values["rounding_limit"] is None:
            raise refusal("rounding_limit", "Write an amount of 0.00 or more.")
        if "cutover" in self.labels:
            values["cutover"] = cutover_day(self.form["cutover"], self.now.date())
        if values["together"] and values["control"] is Control.RECEIVABLE:
            sentence = (
                "On Accounts Receivable what was billed, paid and credited needs entries of their own: "
                "QuickBooks takes one such line in an entry."
            )
            raise refusal("together", sentence)
        return values

    def _effect(self, values: Mapping[str, Any], changes: list[Any]) -> dict[str, Any]:
        counts = self.entries.counts()
        cutover = values.get("cutover")
        return {
            "changes": changes,
            "anew": counts[Stand.GATHERING] + counts[Stand.WAITING],
            "stays": counts[Stand.UNDER_WAY] + counts[Stand.BOOKED] + counts[Stand.UNDONE],
            "cutover": cutover,
            "before": self.journal.before(cutover) if cutover else [],
            "to_receivable": values["control"] is Control.RECEIVABLE,
        }


def _as_typed(name: str, value: Any) -> str:
    if name in _FLAGS:
        return "yes" if value else ""
    if value is None:
        return ""
    return f"{value:.2f}" if name in _AMOUNTS else str(value)


def _given(typed: dict[str, str]) -> dict[str, str]:
    return {name: ("yes" if value else "") if name in _FLAGS else value for name, value in typed.items()}


def _changes(policy: Policy, values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what becomes different: its label, what it was and what it will be."""
    return [
        (LABELS[name], _said(name, getattr(policy, name)), _said(name, value))
        for name, value in values.items()
        if value != getattr(policy, name)
    ]


def _said(name: str, value: Any) -> str:
    if name in CHOICES:
        return CHOICES[name][value]
    if name in _FLAGS:
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:,.2f}" if name in _AMOUNTS else str(value)


def _filled(template: str, fields: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: fields.get(match[1], match[0]), template)
