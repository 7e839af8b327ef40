"""Queries: which entries or transactions are meant, and how many come at once.

Asked for by id or name, what is missing gives 500 beside what was found; asked for by
anything else, nothing found is 1 (protocol.md C.2). Active entries only is the default.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from hub.qbwc.qbxml import Element
from hub.sandbox import about, list_answers, refusals, transaction_answers
from hub.sandbox.answer import Answer, Ret
from hub.sandbox.company import Company
from hub.sandbox.iterators import Iterators
from hub.sandbox.lists import Entry
from hub.sandbox.transactions import KINDS, Transaction

ABOUT: dict[str, Callable[[Company, Element], Ret]] = {
    "HostQuery": about.host,
    "CompanyQuery": about.company,
    "PreferencesQuery": about.preferences,
}
ITERATED = ("Customer", "Item", *KINDS)
"""What can be asked for in pieces; the other lists come whole (protocol.md C.2, F)."""

NOTHING = "A query request did not find a matching object in QuickBooks"
SOME_MISSING = (
    'The query request has not been fully completed. There was a required element ("{}") '
    "that could not be found in QuickBooks."
)

Found = Entry | Transaction


class Queries:
    """The queries of one session with a company file."""

    def __init__(self, company: Company):
        self._company = company
        self.iterators = Iterators()

    def answer(self, request: Element, answer: Answer) -> None:
        """Fill in the answer to one query."""
        if answer.kind in ABOUT:
            answer.children = [
                (name, _only(request, ret)) for name, ret in ABOUT[answer.kind](self._company, request)
            ]
            return
        subject = answer.kind.removesuffix("Query")
        found, missing = self._found(subject, request)
        found = self._piece(request, answer, subject, found)
        if missing:
            answer.code, answer.severity = 500, "Warn"
            answer.message = SOME_MISSING.format(missing[0])
        elif not found:
            answer.code, answer.message = 1, NOTHING
        answer.attributes["retCount"] = str(len(found))
        if request.attributes.get("metaData") != "MetaDataOnly":
            answer.children = self._shown(subject, request, found)

    def _shown(self, subject: str, request: Element, found: Sequence[Found]) -> Ret:
        shown = transaction_answers.Shown(self._company)
        lines = request.get("IncludeLineItems") in ("true", "1")
        children: Ret = []
        for one in found:
            children.append((f"{one.kind}Ret", _only(request, self._ret(shown, one, lines))))
        return children

    def _ret(self, shown: transaction_answers.Shown, one: Found, lines: bool) -> Ret:
        if isinstance(one, Entry):
            return list_answers.ret(self._company, one)
        return shown.ret(one, lines)

    def _piece(self, request: Element, answer: Answer, subject: str, found: list[Found]) -> list[Found]:
        """Return what of ``found`` goes into this answer, by iterator or cut to MaxReturned."""
        size = int(request.get("MaxReturned") or sys.maxsize)
        match request.attributes.get("iterator"):
            case "Start":
                id, ids = self.iterators.start([one.id for one in found], size)
            case "Continue":
                id = request.attributes.get("iteratorID", "")
                ids = self.iterators.go_on(id, size)
            case "Stop":
                self.iterators.stop(request.attributes.get("iteratorID", ""))
                return []
            case _:
                return found[:size]
        answer.attributes["iteratorRemainingCount"] = str(self.iterators.remaining(id))
        answer.attributes["iteratorID"] = id
        return [one for one in map(self._getter(subject), ids) if one is not None]

    def _getter(self, subject: str) -> Callable[[str], Found | None]:
        if subject in KINDS:
            return lambda id: self._company.transactions.get(id, subject)
        return lambda id: self._company.lists.get(subject, id)

    def _found(self, subject: str, request: Element) -> tuple[list[Found], list[str]]:
        """Return what the filters mean, and which ids or names were asked for in vain."""
        if request.attributes.get("iterator") in ("Continue", "Stop"):
            return [], []
        get = self._getter(subject)
        for filter in ("ListID", "TxnID"):
            if ids := [element.text for element in request.all(filter)]:
                return _sorted_out(ids, lambda id: [one for one in [get(id)] if one is not None])
        if names := [element.text for element in request.all("FullName")]:
            named = self._company.lists.named
            return _sorted_out(names, lambda name: [one for one in [named(subject, name)] if one])
        for filter, exact in (("RefNumber", False), ("RefNumberCaseSensitive", True)):
            if numbers := [element.text for element in request.all(filter)]:
                numbered = partial(self._numbered, subject, exact)
                found, missing = _sorted_out(numbers, numbered)
                return found, missing if found else []
        if subject in KINDS:
            window = _window(request, "ModifiedDateRangeFilter/")
            return [one for one in self._company.transactions.all(subject) if _inside(one, window)], []
        return self._listed(subject, request), []

    def _numbered(self, kind: str, exact: bool, text: str) -> list[Found]:
        return [*self._company.transactions.numbered(kind, text, exact)]

    def _listed(self, subject: str, request: Element) -> list[Found]:
        window = _window(request, "")
        wanted = {"ActiveOnly": (True,), "InactiveOnly": (False,), "All": (True, False)}
        active = wanted[request.get("ActiveStatus", "ActiveOnly")]
        entries = self._company.lists.all(subject)
        return [one for one in entries if one.active in active and _inside(one, window)]


def _sorted_out(
    asked: Sequence[str], look: Callable[[str], Sequence[Found]]
) -> tuple[list[Found], list[str]]:
    found: dict[str, Found] = {}
    missing = []
    for text in asked:
        here = look(text)
        found.update({one.id: one for one in here})
        if not here:
            missing.append(text)
    return list(found.values()), missing


def _window(request: Element, path: str) -> tuple[str, str]:
    """Return the span of local time asked for; a bare date is its whole day (protocol.md E.2)."""
    after, before = request.get(f"{path}FromModifiedDate"), request.get(f"{path}ToModifiedDate")
    start = f"{after}T00:00:00"[:19] if len(after) == 10 else f"{after}:00"[:19]
    end = f"{before}T23:59:59"[:19] if len(before) == 10 else f"{before}:59"[:19]
    window = (start if after else "", end if before else "9999")
    if window[0] > window[1]:
        raise refusals.Refusal(3030, f'The from-date "{after}" is after the to-date "{before}".')
    return window


def _inside(one: Found, window: tuple[str, str]) -> bool:
    return window[0] <= one.modified[:19] <= window[1]


def _only(request: Element, ret: Ret | str | None) -> Ret | str | None:
    """Return what IncludeRetElement leaves of an object; nothing named is everything."""
    names = {element.text for element in request.all("IncludeRetElement")}
    if not names or not isinstance(ret, list):
        return ret
    return [(name, value) for name, value in ret if name in names]
