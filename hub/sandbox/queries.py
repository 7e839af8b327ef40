"""Queries: which entries or transactions are meant, and how many come at once.

Asked for by id or name, what is missing gives 500 beside what was found; asked for by
anything else, nothing found is 1 (protocol.md C.2). Active entries only is the default.
What a query means is looked up as ids; only what goes into its answer is read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence

from hub.qbwc.qbxml import Element
from hub.sandbox import about, list_answers, spans, transaction_answers
from hub.sandbox.answer import Answer, Ret
from hub.sandbox.company import Company
from hub.sandbox.iterators import Iterators
from hub.sandbox.lists import NAMES
from hub.sandbox.transactions import KINDS, Filter

ABOUT: dict[str, Callable[[Company, Element], Ret]] = {
    "HostQuery": about.host,
    "CompanyQuery": about.company,
    "PreferencesQuery": about.preferences,
}
DELETED = {
    "ListDeleted": ("ListDelType", "ListID", "FullName"),
    "TxnDeleted": ("TxnDelType", "TxnID", "RefNumber"),
}
ACTIVE = {"ActiveOnly": (True,), "InactiveOnly": (False,), "All": (True, False)}
ITERATED = ("Customer", "Item", "Vendor", "Entity", *KINDS)
"""What can be asked for in pieces; the other lists come whole (protocol.md C.2, F)."""

NOTHING = "A query request did not find a matching object in QuickBooks"
SOME_MISSING = (
    'The query request has not been fully completed. There was a required element ("{}") '
    "that could not be found in QuickBooks."
)


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
        if subject in DELETED:
            return self._tell_deleted(subject, request, answer)
        ids, missing = self._meant(subject, request)
        ids = self._piece(request, answer, ids)
        if missing:
            answer.code, answer.severity = 500, "Warn"
            answer.message = SOME_MISSING.format(missing[0])
        elif not ids:
            answer.code, answer.message = 1, NOTHING
        answer.attributes["retCount"] = str(len(ids))
        if request.attributes.get("metaData") != "MetaDataOnly":
            answer.children = self._shown(subject, request, ids)

    def _tell_deleted(self, subject: str, request: Element, answer: Answer) -> None:
        type, id, name = DELETED[subject]
        kinds = [element.text for element in request.all(type)]
        gone = self._company.deletions.of(kinds, spans.deleted(self._company, request))
        if not gone:
            answer.code, answer.message = 1, NOTHING
        answer.attributes["retCount"] = str(len(gone))
        for one in gone if request.attributes.get("metaData") != "MetaDataOnly" else ():
            shown: Ret = [(type, one.kind), (id, one.id), ("TimeCreated", one.created)]
            shown += [("TimeDeleted", one.deleted), (name, one.name)]
            answer.children.append((f"{subject}Ret", _only(request, shown)))

    def _shown(self, subject: str, request: Element, ids: Sequence[str]) -> Ret:
        shown = transaction_answers.Shown(self._company)
        lines = request.get("IncludeLineItems") in ("true", "1")
        links = request.get("IncludeLinkedTxns") in ("true", "1")
        if subject in KINDS:
            found = self._company.transactions.chosen(subject, ids)
            return [(f"{subject}Ret", _only(request, shown.ret(one, lines, links))) for one in found]
        entries = self._company.lists.chosen(_lists(subject), ids)
        return [
            (f"{one.kind}Ret", _only(request, list_answers.ret(self._company, one))) for one in entries
        ]

    def _piece(self, request: Element, answer: Answer, ids: list[str]) -> list[str]:
        """Return what of ``ids`` goes into this answer, by iterator or cut to MaxReturned."""
        size = int(request.get("MaxReturned") or sys.maxsize)
        match request.attributes.get("iterator"):
            case "Start":
                iterator, ids = self.iterators.start(ids, size)
            case "Continue":
                iterator = request.attributes.get("iteratorID", "")
                ids = self.iterators.go_on(iterator, size)
            case "Stop":
                self.iterators.stop(request.attributes.get("iteratorID", ""))
                return []
            case _:
                return ids[:size]
        answer.attributes["iteratorRemainingCount"] = str(self.iterators.remaining(iterator))
        answer.attributes["iteratorID"] = iterator
        return ids

    def _meant(self, subject: str, request: Element) -> tuple[list[str], list[str]]:
        """Return the ids that the filters mean, and which ids or names were asked for in vain."""
        if request.attributes.get("iterator") in ("Continue", "Stop"):
            return [], []
        for filter, look in self._looks(subject).items():
            if asked := [element.text for element in request.all(filter)]:
                found, missing = _sorted_out(asked, look)
                # Numbers are a filter: where none is found, it found nothing (1, not 500).
                return found, missing if found or not filter.startswith("RefNumber") else []
        if subject in KINDS:
            return self._company.transactions.meant(subject, self._filter(request)), []
        span = spans.changed(self._company, request)
        active = ACTIVE[request.get("ActiveStatus", "ActiveOnly")]
        return self._company.lists.changed(_lists(subject), active, span), []

    def _looks(self, subject: str) -> dict[str, Callable[[str], list[str]]]:
        """Return how the ids of what is asked for by one value are found, by element."""
        lists, transactions = self._company.lists, self._company.transactions
        if subject in KINDS:
            return {
                "TxnID": lambda id: [one.id for one in transactions.chosen(subject, [id])],
                "RefNumber": lambda text: [
                    one.id for one in transactions.numbered(subject, text, exact=False)
                ],
                "RefNumberCaseSensitive": lambda text: [
                    one.id for one in transactions.numbered(subject, text, exact=True)
                ],
            }
        return {
            "ListID": lambda id: [one.id for one in lists.chosen(_lists(subject), [id])],
            "FullName": lambda name: [
                found.id for list in _lists(subject) if (found := lists.named(list, name))
            ],
        }

    def _filter(self, request: Element) -> Filter:
        names = None
        if request.find("EntityFilter") is not None:
            names = [element.text for element in request.all("EntityFilter/ListID")]
            for element in request.all("EntityFilter/FullName"):
                holder = self._company.lists.name_holder(element.text)
                names += [holder.id] if holder else []
        return Filter(
            spans.changed(self._company, request, "ModifiedDateRangeFilter/"),
            spans.dated(request),
            _like(
                request.get("RefNumberFilter/MatchCriterion"), request.get("RefNumberFilter/RefNumber")
            ),
            names,
        )


def _lists(subject: str) -> tuple[str, ...]:
    return NAMES if subject == "Entity" else (subject,)


def _like(criterion: str, text: str) -> tuple[str, ...]:
    if not criterion:
        return ()
    plain = re.sub(r"([\\%_])", r"\\\1", text)
    return ({"StartsWith": f"{plain}%", "EndsWith": f"%{plain}"}.get(criterion, f"%{plain}%"),)


def _sorted_out(asked: Sequence[str], look: Callable[[str], list[str]]) -> tuple[list[str], list[str]]:
    found: dict[str, None] = {}
    missing = []
    for text in asked:
        here = look(text)
        found.update(dict.fromkeys(here))
        if not here:
            missing.append(text)
    return list(found), missing


def _only(request: Element, ret: Ret | str | None) -> Ret | str | None:
    """Return what IncludeRetElement leaves of an object; nothing named is everything."""
    names = {element.text for element in request.all("IncludeRetElement")}
    if not names or not isinstance(ret, list):
        return ret
    return [(name, value) for name, value in ret if name in names]
