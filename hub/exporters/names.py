"""What customers are called in QuickBooks: at most 41 letters, no colon, nobody else's name.

A name that does not fit is never cut silently. Either a person gives another one, or the tenant
wants it made by the rule of ``shortened``, and then the full name stands in the customer's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.exporters.contract import number
from hub.ledger.models import Customer
from hub.qbwc.letters import storable
from hub.tenants.full_policy import NameRule

LIMIT = 41
_SUFFIX = re.compile(r"(?<=.) \(C( \d+)?\)$")
_BREAK = re.compile(r"[\t\r\n]")
RULE = (
    "A colon becomes “ - ”, a tab or line break a blank. A name of more than 41 letters is cut after a "
    "word and ends in “~” and a short number of its own. The full name stands in the customer's notes. "
    "A customer who is billed in a second currency is a second customer in QuickBooks, called "
    "“Name (EUR)”; the currency is never cut."
)


def by_rule(customer: Customer, rule: NameRule) -> str:
    """Return what ``customer`` is to be called, whether that fits or not."""
    return (customer.company or customer.name) if rule is NameRule.COMPANY else customer.name


def objection(name: str) -> str:
    """Say why QuickBooks cannot keep ``name``, or nothing."""
    stored = storable(name)
    if ":" in stored:
        return f"The name “{name}” holds a colon, which QuickBooks reads as parent and child."
    if _BREAK.search(stored):
        return f"The name “{name}” holds a tab or a line break, which QuickBooks takes in no name."
    if len(stored) > LIMIT:
        return f"Name has {len(stored)} characters and QuickBooks keeps {LIMIT}: “{name}”."
    return ""


def shortened(name: str, customer_id: int) -> str:
    """Return ``name`` as ``RULE`` makes it fit; one that fits stays as it is."""
    plain = _plain(name)
    return plain if plain and len(plain) <= LIMIT else _with_tail(plain, customer_id)


def in_currency(name: str, currency: str) -> str:
    """Return what a customer is called in a currency besides its own, whether that fits or not."""
    return f"{name} ({currency})"


def variants_in_currency(name: str, currency: str, customer_id: int) -> list[str]:
    """Return names that fit for a customer in a currency besides its own, the best first; each ends in
    the currency, which is never cut."""
    tail = f" ({currency})"
    room = LIMIT - len(tail)
    plain = _plain(name)
    own = _with_tail(plain, customer_id, room)
    return [f"{plain}{tail}", f"{own}{tail}"] if plain and len(plain) <= room else [f"{own}{tail}"]


def variants(name: str, customer_id: int) -> Iterator[str]:
    """Yield what tells ``name`` from one that is in use: `` (C)``, `` (C 2)`` and so on behind it, and
    last what is nobody else's."""
    plain = _SUFFIX.sub("", _plain(name))
    for number_ in range(1, 10):
        suffix = " (C)" if number_ == 1 else f" (C {number_})"
        if len(plain) + len(suffix) <= LIMIT:
            yield f"{plain}{suffix}"
    yield _with_tail(plain, customer_id)


def _plain(name: str) -> str:
    return " ".join(re.sub(r"\s*:+\s*", " - ", storable(name)).split()).strip("- ")


def _with_tail(plain: str, customer_id: int, limit: int = LIMIT) -> str:
    tail = number(plain, -1, "~", customer_id)
    room = limit - len(tail) - 1
    words = plain[: room + 1].rpartition(" ")[0]
    # A long last word is cut as well: most of the room is worth more than whole words.
    kept = plain if len(plain) <= room else words if len(words) > room // 2 else plain[:room]
    return f"{kept.rstrip(' -')} {tail}".strip()
