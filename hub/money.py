"""Money is ``Decimal`` in whole cents, read and written in one place.

No float ever becomes money: a float has already lost the cent that somebody
will look for.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LIMIT = Decimal("9999999999999.99")
"""The largest amount QuickBooks can hold: 13 digits before the point (protocol.md E.1)."""


def plain(value: Decimal) -> str:
    """Write an amount as every interface of the hub does: ``-12.50``."""
    return f"{value:.2f}" if value else "0.00"


def pretty(value: Decimal) -> str:
    """Write an amount for people: ``-1,234.50``."""
    return f"{value:,.2f}" if value else "0.00"


def pretty_each(amounts: Mapping[str, Decimal]) -> str:
    """Write amounts by currency for people: ``12.00`` where there is one, ``12.00 USD · 3.00 EUR`` where there
    are several, which do not add up."""
    if len(amounts) > 1:
        return " · ".join(f"{pretty(amount)} {currency}" for currency, amount in amounts.items())
    return pretty(next(iter(amounts.values()), ZERO))
