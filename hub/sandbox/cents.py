"""Amounts inside the sandbox are whole cents; qbXML's own forms are read and written here."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hub.money import CENT, plain


def read(text: str) -> int:
    """Read an amount such as ``-12.50``, whose form was checked with the request."""
    return int(Decimal(text).scaleb(2))


def write(cents: int) -> str:
    """Write an amount with its two decimals."""
    return plain(Decimal(cents).scaleb(-2))


def product(quantity: Decimal, rate: Decimal) -> int:
    """Return quantity × rate, rounded half up as QuickBooks does on a line."""
    return int((quantity * rate).quantize(CENT, ROUND_HALF_UP).scaleb(2))


def share(cents: int, percent: Decimal) -> int:
    """Return ``percent`` of an amount, rounded half up."""
    return product(Decimal(cents).scaleb(-2), percent / 100)


def number(value: Decimal) -> str:
    """Write a rate, a quantity or a percentage: at most five decimals, none that say nothing."""
    text = f"{value.quantize(Decimal('0.00001'), ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
