"""What people change in QuickBooks: found where a transaction is read again, and kept with its link.

What QuickBooks says is never taken for what the hub has sent: a document that says something else
than it did when both agreed is *edited*, with what it says now beside it, until the billing's
version is booked again or a person keeps QuickBooks' own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.books import contents
from hub.books.contents import APPLIED, LINKED, Difference
from hub.books.links import STALE, Links
from hub.books.models import Connection, Link
from hub.qbwc.qbxml import Element


class Changes:
    """The changes in one connection's company file."""

    def __init__(self, db: Session, connection: Connection):
        self._db = db
        self._connection = connection
        self._links = Links(db, connection)
        self.taken_back: list[str] = []
        """The subjects whose edit somebody has taken back in QuickBooks, as far as was seen."""

    def see(self, rets: Iterable[Element], with_links: bool = False) -> list[Link]:
        """Take note of what QuickBooks says now of these transactions; return the links of those that
        somebody has edited since the hub last looked. ``with_links``: what they are linked with was
        asked for."""
        shown = {ret.get("TxnID"): ret for ret in rets if ret.get("TxnID")}
        if not shown:
            return []
        links = [link for link in self._by_object(shown) if not link.voided]
        ended = self._ended(links)
        edited: list[Link] = []
        rebooked: dict[str, Element] = {}
        for link in links:
            ret = shown[link.object_id]
            found = contents.content(ret)
            if self._is_news(link, found, ended):
                rebooked[link.subject] = ret
            if (
                link.edited
                and link.found is not None
                and link not in edited
                and link.subject in rebooked
            ):
                edited.append(link)
            linked = {LINKED: contents.linked(ret)} if with_links else {}
            link.content = {**_but_linked(link.content), **linked}
            link.edit_sequence, link.balance = ret.get("EditSequence"), contents.balance(ret)
        self._links.rebook(rebooked)
        return edited

    def _is_news(self, link: Link, found: contents.Content, ended: set[str]) -> bool:
        """Whether a transaction says something new; its link is marked accordingly."""
        if not link.content:
            link.content = found
            return False
        if not contents.differences(link.content, found, ended):
            was_edited = link.found is not None
            if was_edited:
                link.edited = link.found = None
                self.taken_back.append(link.subject)
            # What was applied to transactions that have ended is no part of it any more.
            link.content = {**found, **_only_linked(link.content)}
            return was_edited
        if link.found is not None and not contents.differences(link.found, found, ended):
            return False
        link.edited, link.found = dt.datetime.now(dt.UTC), found
        return True

    def _by_object(self, ids: Iterable[str]) -> Sequence[Link]:
        mine = Link.connection_id == self._connection.id, ~Link.missing
        return self._db.scalars(select(Link).where(*mine, Link.object_id.in_(list(ids)))).all()

    def _ended(self, links: Iterable[Link]) -> set[str]:
        """Return the ids of what these links were applied to and is voided, deleted or gone."""
        applied = {id_ for link in links for id_ in link.content.get(APPLIED, {})}
        if not applied:
            return set()
        there = Link.connection_id == self._connection.id, ~Link.missing, ~Link.voided
        query = select(Link.object_id).where(*there, Link.object_id.in_(applied))
        return applied - set(self._db.scalars(query))

    @staticmethod
    def keep(link: Link, version: int) -> None:
        """Let what QuickBooks says stand: the record counts as carried in this version."""
        link.content = link.found or link.content
        link.found, link.version = None, version
        link.edited = link.edited or dt.datetime.now(dt.UTC)

    @staticmethod
    def send(link: Link) -> None:
        """Let the billing's version be booked again, over just what is there now."""
        link.content = link.found or link.content
        link.edited = link.found = None
        link.fingerprint, link.edit_sequence = STALE, ""


def is_past(subject: str) -> bool:
    """Whether no record says how it should read: another document has taken its place, or it is the
    memo that takes such a one back. Nobody but a person puts it right."""
    return is_forerunner(subject) or subject.startswith("reversal:")


def is_forerunner(subject: str) -> bool:
    """Whether another document has taken the place of this one, so that it is never made anew."""
    return subject.startswith("superseded:")


def is_emptied(link: Link) -> bool:
    """Whether somebody has taken all amounts out of a document, as voiding it in QuickBooks does."""
    return link.found is not None and not Decimal(link.found.get("Total", "1"))


def objection(link: Link) -> str:
    """Return the sentence that says what somebody changed, and what a person can do."""
    what = contents.told(side_by_side(link)) or "something that the hub does not read"
    if is_past(link.subject) and is_emptied(link):
        cure = (
            "delete the credit memo that takes it back"
            if is_forerunner(link.subject)
            else "delete this one and make it anew"
        )
        return (
            f"Somebody changed this in QuickBooks: {what}. An invoice and the credit memo that takes it "
            f"back must cancel out. Press Try again to {cure}, or keep QuickBooks' version."
        )
    if is_past(link.subject):
        return (
            f"Somebody changed this in QuickBooks: {what}. An invoice and the credit memo that takes it "
            "back must cancel out. Change it back there, or keep QuickBooks' version."
        )
    return (
        f"Somebody changed this in QuickBooks: {what}. Keep QuickBooks' version, or press Try again to "
        "send the billing's."
    )


def side_by_side(link: Link) -> list[Difference]:
    """Return what QuickBooks says differently than when it agreed with the hub."""
    return contents.differences(link.content, link.found) if link.found is not None else []


def _but_linked(content: Mapping[str, object]) -> contents.Content:
    return {label: value for label, value in content.items() if label != LINKED}


def _only_linked(content: Mapping[str, object]) -> contents.Content:
    return {label: value for label, value in content.items() if label == LINKED}
