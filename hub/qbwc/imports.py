"""The imports of one session: its agenda of QuickBooks lists, read page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from hub.books import lists
from hub.books.models import Connection, ListKind
from hub.db import HubSession
from hub.qbwc import qbxml, statuses
from hub.qbwc.models import SyncSession
from hub.qbwc.statuses import Action

EVERY = dt.timedelta(hours=24)
FEATURE_OFF = 3250
"""A list of a feature that is switched off in QuickBooks is an empty list."""


def due(connection: Connection) -> bool:
    """Whether the lists are to be read again."""
    last = connection.imported
    return connection.import_wanted or last is None or last < dt.datetime.now(dt.UTC) - EVERY


def agenda(kinds: Iterable[ListKind]) -> list[dict[str, str]]:
    """Return the steps that read ``kinds``."""
    return [{"list": kind.value} for kind in kinds]


class Imports:
    """What one session still has to import. Iterators live as long as their session (protocol.md F)."""

    def __init__(self, db: HubSession, connection: Connection, session: SyncSession):
        self._db = db
        self._connection = connection
        self._session = session

    def request(self) -> str:
        """Return the message that asks for the next page, or for all lists that come in one answer."""
        steps = self._session.agenda
        if ListKind(steps[0]["list"]) in lists.ITERATED:
            steps = steps[:1]
        else:
            steps = [step for step in steps if ListKind(step["list"]) not in lists.ITERATED]
        requests = []
        for step in steps:
            kind, fields, attributes = lists.query(ListKind(step["list"]), step.get("iterator", ""))
            requests.append(qbxml.Request(kind, step["list"], fields, attributes))
        return qbxml.message(requests, version=self._connection.company["qbxml"])

    def settle(self, answers: qbxml.Answers) -> bool:
        """Store what came; return whether that was the last of the agenda."""
        left = {step["list"]: step for step in self._session.agenda}
        for answer in answers.answers:
            if answer.request_id in left:
                self._settle_one(answer, left)
        self._session.imported += len(self._session.agenda) - len(left)
        self._session.agenda = list(left.values())
        if left:
            return False
        if not self._session.error:
            self._connection.imported = dt.datetime.now(dt.UTC)
            self._connection.import_wanted = False
        return True

    def _settle_one(self, answer: qbxml.Answer, left: dict[str, dict[str, str]]) -> None:
        kind = ListKind(answer.request_id)
        status = statuses.status(answer.code, answer.text)
        if status.action is not Action.SETTLE and answer.code != FEATURE_OFF:
            # What is stored stays as it was; the next session reads the lists again.
            self._session.error = f"The list of {kind.replace('_', ' ')}s could not be read. {status.sentence(answer.text)}"
            del left[kind.value]
            return
        lists.store(self._db, self._connection, kind, answer.returned, self._session.id)
        if answer.remaining and answer.iterator_id:
            left[kind.value] = {"list": kind.value, "iterator": answer.iterator_id}
        else:
            del left[kind.value]
            lists.finish(self._db, self._connection, kind, self._session.id)
