"""Charges: what is sold, and where QuickBooks books it."""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from typing import Any

from pyramid.view import view_config, view_defaults

from hub.books.models import ListKind
from hub.errors import Conflict, Fault, Refused
from hub.exporters.choices import Choices
from hub.exporters.contract import Errand, Held
from hub.exporters.full import RANKS
from hub.exporters.items import Items
from hub.ledger.models import Charge, ChargeKind
from hub.ledger.register import Register
from hub.security import Permission
from hub.views.page import Page, refusal, whole

_FIELDS = (
    *("external_id", "name", "charge_kind", "description", "price"),
    *("accounting_code", "item", "class"),
)
_PRICE = re.compile(r"(-?)\$?(\d{1,13}|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?", re.ASCII)


CHARGE_KINDS = {
    ChargeKind.SALE: "Something sold",
    ChargeKind.DISCOUNT: "A discount",
    ChargeKind.WRITE_OFF: "A write-off",
}


def price(text: str) -> str:
    """Read an amount as people type it: ``49``, ``$49.5`` or ``1,200.00``.

    :raises Refused: when it is none.
    """
    match = _PRICE.fullmatch(text)
    if text and not match:
        raise refusal("price", "Write an amount such as 49.00.")
    return f"{match[1]}{match[2].replace(',', '')}.{(match[3] or '').ljust(2, '0')}" if match else ""


class ChargeForm(Page):
    """What the two pages share."""

    @cached_property
    def choices(self) -> Choices:
        return Choices(self.db, self.tenant, self.connection)

    @property
    def register(self) -> Register:
        return Register(self.db, "charge")

    def options(self) -> dict[str, Any]:
        return {
            "field": self.choices.charge_field,
            "kinds": CHARGE_KINDS,
            "groups": self.choices.grouped(),
            "classes": [entry for entry in self.choices.chart.all(ListKind.CLASS) if entry.active],
            "connection": self.connection,
        }

    def body(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Return the charge as the form has it; ``kept`` is what the form does not show."""
        own = self.choices.charge_field.name
        given = {
            "name": self.form["name"],
            "charge_kind": self.form["charge_kind"],
            "description": self.form.text("description", 4000, lines=True),
            "price": price(self.form["price"]),
            own: self.form[own],
            "class": self.form["class"],
            "taxable": self.form.flag("taxable"),
        }
        if not given["name"]:
            raise refusal("name", "Give the charge a name.")
        return {name: value for name, value in (kept | given).items() if value not in ("", None)}

    def typed(self) -> dict[str, Any]:
        return self.form.typed(*_FIELDS) | {"taxable": self.form.flag("taxable")}


@view_defaults(route_name="charges", renderer="hub:templates/charges.jinja2", permission=Permission.READ)
class ChargesPage(ChargeForm):
    """All charges, whether each is mapped, and a form for a new one."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        empty = dict.fromkeys(_FIELDS, "") | {"taxable": False}
        return self._shown(empty | {"external_id": f"charge-{secrets.token_hex(3)}"})

    def _shown(self, typed: dict[str, Any]) -> dict[str, Any]:
        charges = self.register.all()
        return {
            "typed": typed,
            "charges": [
                (charge, self.choices.trouble(charge), self.choices.is_coming(charge))
                for charge in charges
            ],
            **self.options(),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def create(self) -> Any:
        try:
            external_id = self.form.text("external_id", 100)
            body = self.body({}) | {"version": 1}
            taken = self.intake.take_one("charge", external_id, body)
        except Conflict:
            sentence = "There is a charge with this id already. Choose another id, or edit that charge."
            return self.again(self._shown(self.typed()), refusal("external_id", sentence))
        except Refused as error:
            return self.again(self._shown(self.typed()), error)
        if taken.outcome == "created":
            self.room.audit("charge created", charge=external_id)
        return self.done(f"The charge “{taken.record.name}” is saved.", "charges")


@view_defaults(route_name="charge", renderer="hub:templates/charge.jinja2", permission=Permission.READ)
class ChargePage(ChargeForm):
    """One charge."""

    @cached_property
    def charge(self) -> Charge:
        charge: Charge = self.register.get(whole(self.request.matchdict["id"]))
        return charge

    @property
    def lacks_item(self) -> bool:
        """Whether an item could be created for it in QuickBooks."""
        if self.choices.charge_field.kind is not ListKind.ITEM or not self.connection.imported:
            return False
        return Items(self.db, self.connection).are_lacking(self.choices.chart, self.charge)

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        charge = self.charge
        return self._shown(
            {
                "external_id": charge.external_id,
                "name": charge.name,
                "charge_kind": charge.kind.value,
                "description": charge.description or "",
                "price": "" if charge.price is None else f"{charge.price:.2f}",
                "accounting_code": charge.accounting_code or "",
                "item": charge.item or "",
                "class": charge.class_name or "",
                "taxable": charge.taxable,
            }
        )

    def _shown(self, typed: dict[str, Any]) -> dict[str, Any]:
        own, proposal = self.choices.charge_field.name, self.choices.proposal(self.charge)
        if self.request.method == "GET" and not typed[own]:
            typed[own] = proposal
        seen = self.form.text("version") or str(self.charge.version)
        return {
            "typed": typed,
            "charge": self.charge,
            "lacks_item": self.lacks_item,
            "version": seen,
            "trouble": self.choices.trouble(self.charge),
            "proposal": proposal,
            "is_coming": self.choices.is_coming(self.charge),
            **self.options(),
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def save(self) -> Any:
        charge = self.charge
        other = "item" if self.choices.charge_field.name == "accounting_code" else "accounting_code"
        try:
            seen = self.form["version"]
            if not seen.isdecimal() or len(seen) > 15:
                raise Refused("The form is out of date. Reload the page and try again.")
            body = self.body({other: getattr(charge, other)}) | {"version": int(seen) + 1}
            taken = self.intake.take_one("charge", charge.external_id, body)
        except Conflict:
            sentence = (
                "Somebody has changed this charge since you opened it. Reload the page to see how."
            )
            return self.again(self._shown(self.typed()), Refused(sentence, [Fault("/name", sentence)]))
        except Refused as error:
            return self.again(self._shown(self.typed()), error)
        if taken.outcome == "updated":
            self.room.audit("charge changed", charge=charge.external_id)
        return self.done(f"The charge “{taken.record.name}” is saved.", "charges")

    @view_config(route_name="charge_item", request_method="POST", permission=Permission.CHANGE)
    def create_item(self) -> Any:
        """Let QuickBooks have a service item for it."""
        charge = self.charge
        if not self.lacks_item:
            return self.done(f"There is an item for “{charge.name}” already.", "charge", id=charge.id)
        subject = f"charge:{charge.id}"
        self.outbox.put([Errand(subject, RANKS["charge"])])
        self.room.audit("item to be created", charge=charge.external_id)
        outcome = self.outbox.exporter.prepare([subject], send=False).get(subject)
        if isinstance(outcome, Held):
            return self.done(f"The item waits. {outcome.sentence}", "charge", id=charge.id)
        sentence = f"An item for “{charge.name}” is created at the Web Connector's next run."
        return self.done(sentence, "charge", id=charge.id)
