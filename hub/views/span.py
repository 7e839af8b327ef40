"""The months that a page of the proof is about, from its address or from a command."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from pyramid.httpexceptions import HTTPNotFound

from hub.books.differences import EVERYTHING, Span
from hub.errors import Refused
from hub.views.page import Form, Page, refusal


class SpanPage(Page):
    """What pages of the proof share: the months that they are about."""

    @property
    def typed(self) -> dict[str, str]:
        return Form(self.request.GET).typed("from", "to")

    def span(self) -> Span:
        """Return the days from the first month to the last; open where none is named.

        :raises Refused: when one is no month, or the last lies before the first.
        """
        return months(self.typed["from"], self.typed["to"])

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The months as they were typed; none where they are refused."""
        try:
            self.span()
        except Refused:
            return {}
        return {name: text for name, text in self.typed.items() if text}

    def query(self, **more: str) -> str:
        """Return the months, and more, as an address has them; with its question mark."""
        parts = self.chosen | {name: text for name, text in more.items() if text}
        return f"?{urlencode(parts)}" if parts else ""

    def within(self, show: Callable[[Span], dict[str, Any]]) -> dict[str, Any]:
        """Show the months that were typed; where they are refused, all of them and what is wrong."""
        try:
            span = self.span()
        except Refused as error:
            return self.again(show(EVERYTHING), error)
        return show(span)

    def needed_span(self) -> Span:
        try:
            return self.span()
        except Refused as error:
            raise HTTPNotFound(str(error)) from None


def months(first: str, last: str) -> Span:
    """Return the days from the first month to the last, both as ``2026-05`` or as the day it begins or
    ends with; open where one is empty.

    :raises Refused: when one is no month, or the last lies before the first.
    """
    starts, ends = _month("from", first.strip()), _month("to", last.strip())
    if starts and ends and ends < starts:
        raise refusal("to", "The last month lies before the first.")
    return Span(starts, ends and _last_day(ends))


def in_words(span: Span) -> str:
    """Return the months of a span as a sentence goes on with them: “May 2026 to June 2026”."""
    first, last = (day and f"{day:%B %Y}" for day in (span.starts, span.ends))
    if first and last:
        return f"{first} alone" if first == last else f"{first} to {last}"
    if first or last:
        return f"from {first} on" if first else f"up to {last}"
    return "all that was ever billed"


def _month(field: str, text: str) -> dt.date | None:
    if not text:
        return None
    try:
        if len(text) != 10:
            return dt.date.fromisoformat(f"{text}-01")
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise refusal(field, f"“{text}” is no month. Write it as 2026-05.") from None
    month = day.replace(day=1)
    if day != (month if field == "from" else _last_day(month)):
        edge = "first day, as 2026-05-01" if field == "from" else "last day, as 2026-05-31"
        raise refusal(field, f"The proof is of whole months: {text} is not a month's {edge}.")
    return month


def _last_day(month: dt.date) -> dt.date:
    if (month.year, month.month) == (dt.MAXYEAR, 12):
        return dt.date.max
    return (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
