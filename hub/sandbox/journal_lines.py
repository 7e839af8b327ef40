"""The lines of a journal entry, as an Add gives them and as a Mod changes them.

Amounts are positive on both sides. A Mod that has lines must have all of them: what it
leaves out of a line stays, a line it leaves out is deleted, -1 is a new one (protocol.md
C.3, G).
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.qbwc.qbxml import Element
from hub.sandbox import cents, refusals
from hub.sandbox.company import Company
from hub.sandbox.references import References
from hub.sandbox.sales_lines import NEW, Line

SIDES = ("JournalDebitLine", "JournalCreditLine")


class JournalLines:
    """Reads the lines of one journal entry."""

    def __init__(self, company: Company, references: References):
        self._company = company
        self._references = references

    def read(self, body: Element) -> list[Line]:
        """Return the lines of an Add, in the order of the request."""
        return [self._line(one, {}, one.name) for one in body if one.name in SIDES]

    def changed(self, given: Sequence[Element], kept: Sequence[Line]) -> list[Line]:
        """Return the lines of a Mod, each beginning with the one of ``kept`` that it names.

        :raises Refusal: 3120 for a line that is not of this entry, 3150 for a new one that lacks its
            side, account or amount.
        """
        before = {line["id"]: line for line in kept}
        lines = []
        for one in given:
            id = one.get("TxnLineID")
            if id != NEW and id not in before:
                raise refusals.not_found(id)
            old = before.pop(id, {})
            for name in ("JournalLineType", "AccountRef", "Amount") if not old else ():
                if one.find(name) is None:
                    raise refusals.missing_element(name)
            type = one.get("JournalLineType")
            lines.append(self._line(one, old, f"Journal{type}Line" if type else old["side"]))
        return lines

    def _line(self, given: Element, old: Line, side: str) -> Line:
        entity = self._references.entity(given, "EntityRef")
        return {
            "id": old.get("id") or self._company.new_line_id(),
            "side": side,
            "account": self._account(given, old),
            "amount": _amount(given, old),
            "desc": given.get("Memo") if given.find("Memo") is not None else old.get("desc", ""),
            "entity": entity.id if entity else old.get("entity", ""),
            "entity_list": entity.list if entity else old.get("entity_list", ""),
            "class": self._references.klass(given) or old.get("class", ""),
        }

    def _account(self, given: Element, old: Line) -> str:
        account = self._references.posting_account(given)
        return account.id if account else str(old["account"])


def signed(line: Line) -> int:
    """Return the cents of a line, debits positive."""
    return int(line["amount"]) * (1 if line["side"] == "JournalDebitLine" else -1)


def _amount(given: Element, old: Line) -> int:
    text = given.get("Amount")
    if not text:
        return int(old["amount"])
    if cents.read(text) < 0:
        raise refusals.invalid_value("Amount", text, "Amounts must be positive on both sides.")
    return cents.read(text)
