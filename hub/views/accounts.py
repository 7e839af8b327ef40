"""Accounts by purpose: which account each is booked to, and accounts that QuickBooks is to create."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from hub.books.chart import KEPT_IN_ONE
from hub.books.models import ListKind
from hub.errors import Refused
from hub.exporters.choices import Choices
from hub.exporters.purposes import RULES, Slot
from hub.qbwc.journal import ACCOUNT_TYPES
from hub.security import Permission
from hub.views.journal import JournalOfTenant
from hub.views.page import Page, refusal


@view_defaults(
    route_name="accounts", renderer="hub:templates/accounts.jinja2", permission=Permission.READ
)
class AccountsPage(Page):
    """Which account, or item, each purpose is booked to."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        choices = Choices(self.db, self.tenant, self.connection)
        slots = choices.slots()
        return {
            "slots": slots,
            "typed": {slot.key: slot.chosen or slot.proposal for slot in slots},
            "connection": self.connection,
            "home": choices.chart.home,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def save(self) -> Any:
        typed: dict[str, str] = {}
        try:
            typed = {name: self.form.text(name) for name in self.request.POST if name != "csrf_token"}
            changed = Choices(self.db, self.tenant, self.connection).save(typed)
        except Refused as error:
            shown = self.show()
            return self.again(shown | {"typed": shown["typed"] | typed}, error)
        if changed:
            self.room.audit("accounts chosen", **changed)
            self.outbox.review()
        sentence = (
            "Saved. What was held for it has been looked at again."
            if changed
            else "Nothing has changed."
        )
        return self.done(sentence, "accounts")


@view_defaults(
    route_name="account_new", renderer="hub:templates/account_new.jinja2", permission=Permission.CHANGE
)
class NewAccountPage(JournalOfTenant):
    """An account that QuickBooks is to create, for a purpose or by itself."""

    @property
    def choices(self) -> Choices:
        return Choices(self.db, self.tenant, self.connection)

    def _slot(self) -> Slot | None:
        key = self.request.params.get("for", "")
        slot = self.choices.slot(key) if key else None
        return slot if slot and slot.is_account else None

    @view_config(request_method="GET")
    def show(self) -> Any:
        slot = self._slot()
        rule = RULES[slot.purpose] if slot else None
        asked = self.request.GET
        name = asked.get("name", "").replace("\0", "").strip()[:80]
        typed = {
            "name": name or self._name(slot),
            "type": rule.types[0] if rule else ACCOUNT_TYPES[0],
            "number": "",
            "currency": slot.currency if slot else "",
        }
        if typed["type"] not in KEPT_IN_ONE:
            typed["currency"] = ""
        return self._shown(slot, typed)

    def _name(self, slot: Slot | None) -> str:
        """Return what the account is probably to be called: nothing where that is taken."""
        name = (slot.chosen or slot.usual) if slot else ""
        return "" if self.journal.exporter.chart.find(ListKind.ACCOUNT, name) else name

    def _shown(self, slot: Slot | None, typed: dict[str, str]) -> dict[str, Any]:
        usable = RULES[slot.purpose].types if slot else ACCOUNT_TYPES
        types = [type_ for type_ in ACCOUNT_TYPES if type_ in usable]
        chart = self.journal.exporter.chart
        foreign = [one for one in chart.all(ListKind.CURRENCY) if not chart.is_home(one.number)]
        is_multiple = self.connection.company.get("multi_currency")
        return {
            "slot": slot,
            "typed": typed,
            "types": types,
            "home": chart.home,
            "foreign": [one for one in foreign if one.active] if is_multiple else [],
        }

    @view_config(request_method="POST")
    def create(self) -> Any:
        slot = self._slot()
        try:
            name, type_ = self.form["name"], self.form["type"]
            if slot and type_ not in RULES[slot.purpose].types:
                raise refusal("type", f"Choose a type of the list: {slot.label} takes no other.")
            wanted = self.journal.create_account(name, type_, self.form["number"], self.form["currency"])
        except Refused as error:
            typed = self.form.typed("name", "type", "number", "currency")
            return self.again(self._shown(slot, typed), error)
        if slot and slot.chosen != wanted.name:
            self.choices.choose(slot, wanted.name)
            self.room.audit("accounts chosen", **{slot.label: wanted.name})
        return self.done(
            f"QuickBooks creates “{wanted.name}” at the Web Connector's next run.", "accounts"
        )
