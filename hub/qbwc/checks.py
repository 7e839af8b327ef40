"""Whether QuickBooks still holds what it booked: a look back at the start of each session.

A company file that was restored from a backup has lost what was booked since, and nothing else
tells so. The newest thing that the hub booked is asked for; where that says nothing, as it was
deleted since, the next older ones. Where something is gone, or is there in an earlier state, all
are looked at page by page, the newest first, until a page is all right. What is missing waits
for a person: nothing is made anew unasked (protocol.md D.6).

Where QuickBooks cannot tell just now (something is locked, no word came), the session ends and
nothing is booked, as what is booked now is newer than what was lost, and would hide it from the
next look. Where it does not let the hub look (its user may not, nobody knows the code), that may
last for weeks, so booking goes on, but never as if it had been looked: the hub remembers since
when that is unchecked, and people read so (``refusals``). What can be read is looked at all the same. And
once all can be read again, nothing booked since that moment proves what was booked before it: all
of it is looked at, down to what is older. Nothing is booked twice meanwhile: an addition goes only
where QuickBooks was never sent one, or has said that it has none under its number and mark
(``doubts``); where it does not let that be asked either, the operation waits for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select, tuple_

from hub.books.links import STALE, Booking, Links
from hub.books.models import Connection, Link
from hub.db import HubSession
from hub.exporters.contract import MISSING
from hub.qbwc import imports, losses, qbxml, statuses
from hub.qbwc.doubts import LISTED
from hub.qbwc.models import SyncSession
from hub.qbwc.qbxml import Answers, Element, Request
from hub.qbwc.refusals import BOOKED, Refusals
from hub.qbwc.statuses import Action

PAGE = 100
EARLIER = (
    "QuickBooks has an earlier state of this: its company file seems to be restored from a backup. "
    "Press Try again to bring it up to date."
)
REVIVED = (
    "This is void here, and QuickBooks shows it again: its company file seems to be restored from a "
    "backup. Press Try again to void it there."
)
UNREAD = "QuickBooks could not tell whether what was booked is still there, so nothing is booked."

Step = dict[str, Any]


def agenda(db: HubSession, connection: Connection) -> list[Step]:
    """Return the step that looks back, where anything was booked."""
    if not connection.confirmed:
        return []
    booked = select(Link.id).where(*_present(connection), _MADE).limit(1)
    return [{"check": []}] if db.scalar(booked) else []


def is_check(step: Step) -> bool:
    """Whether a step of the agenda is a look back."""
    return "check" in step


class Checks:
    """The look back of one session. Its step holds the links to ask for, ``asked`` when that was done,
    ``thorough`` once anything was not as it should be, and the objects that QuickBooks has ``refused``
    to show."""

    def __init__(self, db: HubSession, connection: Connection, session: SyncSession):
        self._db = db
        self._connection = connection
        self._session = session
        self._links = Links(db, connection)
        self._refusals = Refusals(db, connection)

    def request(self) -> str:
        """Return the message that asks for the next page; the first is the newest thing alone."""
        self._session.messages += 1
        step = self._session.agenda[0]
        links = self._of(step["check"]) or self._page(_MADE, size=1)
        self._session.agenda = [
            step | {"check": [link.id for link in links], "asked": True},
            *self._session.agenda[1:],
        ]
        by_object: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_object[link.object].append(link)
        requests = [_request(object_, ours) for object_, ours in by_object.items()]
        return qbxml.message(requests, version=self._connection.company["qbxml"])

    def _of(self, ids: Sequence[int]) -> Sequence[Link]:
        if not ids:
            return []
        return self._db.scalars(select(Link).where(Link.id.in_(ids)).order_by(*_NEWEST)).all()

    def _page(self, *which: Any, size: int = PAGE) -> Sequence[Link]:
        query = select(Link).where(*_present(self._connection), *which)
        return self._db.scalars(query.order_by(*_NEWEST).limit(size)).all()

    def settle(self, answers: Answers) -> bool:
        """Take note of what is not as it was; go on with older things where anything was."""
        step = self._session.agenda[0]
        if "asked" not in step:
            # The answer about the page before comes once more.
            return False
        links = self._of(step["check"])
        rets = {
            ret.get("TxnID") or ret.get("ListID"): ret
            for answer in answers.answers
            for ret in answer.returned
        }
        refused = self._refused(links, answers)
        if self._session.error:
            return False
        step = {**step, "refused": sorted({*step.get("refused", ()), *refused})}
        readable = [link for link in links if link.object not in refused]
        found = [(link, _trouble(link, rets.get(link.object_id))) for link in readable]
        troubled = [(link, trouble) for link, trouble in found if trouble]
        self._note(troubled, rets)
        proof = [link for link in readable if _tells(link, rets.get(link.object_id))]
        is_sure = any(self._proves(link, step) for link in proof)
        more = self._more(step, links, bool(troubled)) if troubled or not is_sure else []
        rest = self._session.agenda[1:]
        if troubled and "thorough" not in step:
            rest = self._whole(rest)
        if not more and not step["refused"]:
            self._refusals.lift(BOOKED)
        self._session.agenda = [*more, *rest]
        return False

    def _proves(self, link: Link, step: Step) -> bool:
        """Whether a link that is as it should be proves that what was booked before it is there too. What
        was booked unchecked does not, except for what could be read all the time."""
        unchecked = self._refusals.get(BOOKED)
        return unchecked is None or bool(step["refused"]) or link.booked < unchecked.since

    def _refused(self, links: Sequence[Link], answers: Answers) -> set[str]:
        """Return which objects QuickBooks does not let be read, and remember that; end the session where
        it only cannot tell just now."""
        given = {answer.request_id: answer for answer in answers.answers}
        refused = set()
        for object_ in sorted({link.object for link in links}):
            answer = given.get(object_)
            status = statuses.status(answer.code, answer.text) if answer else statuses.UNANSWERED
            sentence = status.sentence(answer.text if answer else "")
            if status.action is Action.HOLD and answer is not None:
                refused.add(object_)
                self._refusals.add(BOOKED, self._session.started, answer.code, sentence)
            elif status.action is not Action.SETTLE:
                self._session.error = f"{UNREAD} {sentence}"
        return refused

    def _whole(self, steps: Sequence[Step]) -> list[Step]:
        """Let the lists be read whole, in this session or the next: what a backup has never had is in no
        list of what was deleted."""
        imports.want(self._db, self._connection)
        steps = [step for step in steps if step.get("list") != imports.DELETIONS]
        return [step | {"since": ""} if "list" in step else step for step in steps]

    def _more(self, step: Step, links: Sequence[Link], is_troubled: bool) -> list[Step]:
        """Return the step that looks on: from the newest again, at all there is, where trouble shows for
        the first time."""
        was_thorough = "thorough" in step
        which: list[Any] = [] if was_thorough or is_troubled else [_MADE]
        if was_thorough or not is_troubled:
            which.append(tuple_(Link.booked, Link.id) < (links[-1].booked, links[-1].id))
        which.append(Link.object.not_in(step["refused"]))
        found = [link.id for link in self._page(*which)]
        thorough = {"thorough": True} if was_thorough or is_troubled else {}
        return [{"check": found, "refused": step["refused"], **thorough}] if found else []

    def _note(self, troubled: Sequence[tuple[Link, str]], rets: dict[str, Element]) -> None:
        if not troubled:
            return
        missing = [link.subject for link, trouble in troubled if trouble == MISSING]
        revived = [
            Booking(link.subject, f"{link.object}Mod", 0, STALE, rets[link.object_id])
            for link, trouble in troubled
            if trouble == REVIVED
        ]
        for link, trouble in troubled:
            if trouble == EARLIER:
                # What it says there now is no person's edit.
                link.edit_sequence, link.fingerprint, link.content = "", STALE, {}
        self._db.flush()
        self._links.lose(missing)
        self._links.book(revived)
        losses.hold(self._db, self._connection, {link.subject: trouble for link, trouble in troubled})


_NEWEST = Link.booked.desc(), Link.id.desc()
_MADE = Link.fingerprint.not_in(("", STALE))
"""What the hub itself has written: it is there since it was booked, not longer."""


def _present(connection: Connection) -> tuple[Any, ...]:
    return Link.connection_id == connection.id, ~Link.missing


def _request(object_: str, links: Sequence[Link]) -> Request:
    ids = [link.object_id for link in links]
    if object_ in LISTED:
        return Request(LISTED[object_], object_, {"ListID": ids})
    fields: dict[str, Any] = {"TxnID": ids}
    if object_ != "ARRefundCreditCard":
        fields["IncludeLineItems"] = "true"
    return Request(f"{object_}Query", object_, fields)


def _trouble(link: Link, ret: Element | None) -> str:
    """Say what is not as it was, or nothing. What was voided or deleted may be gone."""
    if link.voided:
        return REVIVED if ret is not None and _counts(ret) else ""
    if ret is None:
        return MISSING
    now, then = ret.get("EditSequence"), link.edit_sequence
    earlier = now.isdecimal() and then.isdecimal() and int(now) < int(then)
    return EARLIER if earlier and link.fingerprint else ""


def _tells(link: Link, ret: Element | None) -> bool:
    """Whether something that is as it should be tells that what was booked before it is there too."""
    return ret is not None and link.fingerprint not in ("", STALE)


def _counts(ret: Element) -> bool:
    """Whether a transaction puts anything on any account."""
    amounts = [ret.get("Subtotal"), ret.get("TotalAmount")]
    amounts += [line.get("Amount") for line in ret.all("JournalDebitLine")]
    try:
        return any(Decimal(amount) for amount in amounts if amount)
    except InvalidOperation:
        return True
