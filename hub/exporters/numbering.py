"""The RefNumber of a journal entry: made of the tenant's template, one of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.books.models import Family, JournalEntry
from hub.errors import Fault, Refused
from hub.tenants.models import Policy

MOST = 11
"""QuickBooks keeps so many characters of a RefNumber (protocol.md E.4)."""

FIELDS = ("family", "date", "n")
_LETTERS = {
    Family.BILLING: "B",
    Family.PAYMENTS: "P",
    Family.CREDITS: "C",
    Family.TOGETHER: "S",
}
_FIELD = re.compile(r"\{(\w*)\}")


class Numbering:
    """Numbers for one tenant's new journal entries."""

    def __init__(self, db: Session, policy: Policy):
        self._db = db
        self._policy = policy

    def number(self, entries: Iterable[JournalEntry]) -> None:
        """Give each entry the lowest free number; all of a kind share one count."""
        rows = list(entries)
        if not rows:
            return
        stems = [self._stem(entry) for entry in rows]
        taken = set(self._taken(stems))
        for entry, (before, after) in zip(rows, stems, strict=True):
            n = 1
            while (number := f"{before}{n}{after}") in taken:
                n += 1
            taken.add(number)
            entry.number = number

    def _stem(self, entry: Any) -> tuple[str, str]:
        """Return what stands before and after the count."""
        filled = self._policy.number_template.replace("{family}", _LETTERS[entry.family]).replace(
            "{date}", f"{entry.date:%y%m%d}"
        )
        before, _, after = filled.partition("{n}")
        return before, after

    def _taken(self, stems: Iterable[tuple[str, str]]) -> Iterable[str]:
        like = [JournalEntry.number.startswith(before, autoescape=True) for before, _ in set(stems)]
        return self._db.scalars(select(JournalEntry.number).where(or_(*like)))


def check(template: str) -> None:
    """See that a template makes numbers that fit and can be told apart.

    :raises Refused: with what to change.
    """
    unknown = [name for name in _FIELD.findall(template) if name not in FIELDS]
    shown = _FIELD.sub("", template)
    size = len(shown) + len("260930") * template.count("{date}") + template.count("{family}") + 2
    if unknown or "{" in shown or "}" in shown:
        sentence = "The number template knows {family}, {date} and {n} only; take the rest out."
    elif template.count("{n}") != 1:
        sentence = "The number template needs {n} once, the count that tells two entries apart."
    elif size > MOST:
        sentence = (
            f"The number template makes numbers of {size} characters, with a count of two digits; "
            f"QuickBooks keeps {MOST}. Shorten it."
        )
    elif not shown.isascii() or not shown.isprintable():
        sentence = "The number template may hold plain letters, digits and signs only."
    else:
        return
    raise Refused(sentence, [Fault("/number_template", sentence)])
