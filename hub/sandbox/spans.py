"""The spans of time that a query's filters mean (protocol.md E.2)."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals
from hub.sandbox.company import Company

Span = tuple[str, str]
"""First and last second, local time without offset; they compare as texts."""


def changed(company: Company, request: Element, path: str = "") -> Span:
    """Return when what is asked for was last changed; ``path`` is where the filter stands."""
    return _span(company, request.get(f"{path}FromModifiedDate"), request.get(f"{path}ToModifiedDate"))


def deleted(company: Company, request: Element) -> Span:
    """Return when what is asked for was deleted."""
    filter = "DeletedDateRangeFilter"
    return _span(
        company, request.get(f"{filter}/FromDeletedDate"), request.get(f"{filter}/ToDeletedDate")
    )


def dated(request: Element) -> Span:
    """Return the first and last day of the transactions asked for."""
    after = request.get("TxnDateRangeFilter/FromTxnDate")
    return _ordered(after, request.get("TxnDateRangeFilter/ToTxnDate") or "9999")


def _span(company: Company, after: str, before: str) -> Span:
    """A bare date is its whole day, a minute all its seconds."""
    start = _moment(company, after, "T00:00:00") if after else ""
    return _ordered(start, _moment(company, before, "T23:59:59") if before else "9999")


def _moment(company: Company, text: str, time: str) -> str:
    if len(text) == len("2026-01-31"):
        return f"{text}{time}"
    return company.local(text if len(text) > len("2026-01-31T12:00") else f"{text}{time[-3:]}")


def _ordered(after: str, before: str) -> Span:
    if after > before:
        raise refusals.Refusal(3030, f'The from-date "{after}" is after the to-date "{before}".')
    return after, before
