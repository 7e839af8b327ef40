"""The imports of one session: its agenda of QuickBooks lists, read page by page.

A list that was read whole once is asked for what changed since, and for what was deleted
(protocol.md E.2). A step of the agenda is a list, or the deletions of several; it keeps what
an iterator needs, which lives as long as its session (protocol.md F).

A list that QuickBooks does not let be read stops nothing else (``refusals``): what is stored of
it stays as it was, and what needs more of it is held by the exporter. Where QuickBooks does not
say what was deleted, the next import reads the lists whole, which tells as well.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from sqlalchemy import update

from hub.books import lists
from hub.books.models import Connection, ListImport, ListKind
from hub.db import HubSession
from hub.qbwc import qbxml, refusals, statuses
from hub.qbwc.losses import missed
from hub.qbwc.models import SyncSession
from hub.qbwc.qbxml import Answer, Answers, Request
from hub.qbwc.refusals import Refusals
from hub.qbwc.statuses import Action, Status

log = logging.getLogger(__name__)

EVERY = dt.timedelta(hours=24)
FEATURE_OFF = 3250
"""A list of a feature that is switched off in QuickBooks is an empty list."""
DELETIONS = "deleted"

Step = dict[str, Any]


def due(connection: Connection) -> bool:
    """Whether the lists are to be read again."""
    last = connection.imported
    return connection.import_wanted or last is None or last < dt.datetime.now(dt.UTC) - EVERY


def want(db: HubSession, connection: Connection) -> None:
    """Let all lists be read from their beginning at the next session."""
    connection.import_wanted = True
    lists.Progress(db, connection).forget()
    refusals.forget(db, connection)


def want_some(
    db: HubSession, connection: Connection, kinds: Iterable[ListKind], since: dt.date | None
) -> None:
    """Let some lists be read at the next session: from their beginning, or what was changed ``since``
    that day in lists that were read whole before. What QuickBooks would not let be read is asked for
    again as well."""
    kinds = list(kinds)
    connection.import_wanted = True
    lists.Progress(db, connection).ask(kinds, since)
    refusals.forget(db, connection, kinds)


def agenda(db: HubSession, connection: Connection, kinds: Iterable[ListKind]) -> list[Step]:
    """Return the steps that read those of ``kinds`` whose turn it is: all once a day, and sooner those
    that QuickBooks would not let be read. What an earlier session has read before it was cut short is
    not read again."""
    refused = Refusals(db, connection)
    if not due(connection):
        again = [kind for kind in kinds if refused.is_due(kind)]
        return _steps(lists.Progress(db, connection), again) if again else []
    progress = lists.Progress(db, connection)
    wanted = [kind for kind in kinds if progress.is_due(kind, EVERY) or refused.is_due(kind)]
    steps = _steps(progress, [kind for kind in wanted if not refused.rests(kind)])
    if not steps:
        _complete(connection)
    return steps


def news(db: HubSession, connection: Connection, kinds: Iterable[ListKind]) -> list[Step]:
    """Return the steps that read what is new in ``kinds``, as far as QuickBooks may be asked."""
    refused = Refusals(db, connection)
    kinds = [kind for kind in kinds if not refused.rests(kind)]
    return _steps(lists.Progress(db, connection), kinds)


def _steps(progress: lists.Progress, kinds: Iterable[ListKind]) -> list[Step]:
    """What changed in a list since it was read last, and what was deleted; a list never read, or one
    asked for by a person, from its beginning, and before the others."""
    steps: list[Step] = [{"list": kind.value, "since": progress.since(kind)} for kind in kinds]
    since = {step["list"]: step["since"] for step in steps if step["since"]}
    if since:
        steps.append({"list": DELETIONS, "since": since})
    return sorted(steps, key=lambda step: bool(step["since"]))


def _complete(connection: Connection) -> None:
    connection.imported = dt.datetime.now(dt.UTC)
    connection.import_wanted = False


class Imports:
    """What one session still has to import."""

    def __init__(self, db: HubSession, connection: Connection, session: SyncSession):
        self._db = db
        self._connection = connection
        self._session = session

    @cached_property
    def _refusals(self) -> Refusals:
        return Refusals(self._db, self._connection)

    def request(self) -> str:
        """Return the message that asks for the next page, or for all that comes in one answer."""
        steps = self._session.agenda
        together = [step for step in steps if not _is_iterated(step)]
        steps = steps[:1] if _is_iterated(steps[0]) else together
        self._session.messages += 1
        requests = [_request(step) for step in steps]
        return qbxml.message(requests, version=self._connection.company["qbxml"])

    def settle(self, answers: Answers) -> bool:
        """Store what came; return whether that was the last of the agenda."""
        left = {step["list"]: step for step in self._session.agenda}
        for answer in answers.answers:
            if answer.request_id in left:
                self._settle_one(answer, left)
        self._session.agenda = list(left.values())
        if left:
            return False
        if due(self._connection):
            _complete(self._connection)
        return True

    def _settle_one(self, answer: Answer, left: dict[str, Step]) -> None:
        step = left[answer.request_id]
        status = statuses.status(answer.code, answer.text)
        readable = status.action is Action.SETTLE or answer.code == FEATURE_OFF
        if not readable and "iterator" in step and "again" not in step:
            # An iterator ends with QuickBooks' session, and a QuickBooks that was started anew has
            # forgotten it (protocol.md F).
            left[answer.request_id] = {"list": step["list"], "since": step["since"], "again": True}
        elif not readable:
            self._refused(answer, status, step)
            del left[answer.request_id]
        elif answer.request_id == DELETIONS:
            self._session.imported += 1
            kinds = [ListKind(kind) for kind in step["since"]]
            gone = lists.remove(self._db, self._connection, answer.returned, kinds)
            missed(self._db, self._connection, gone)
            del left[DELETIONS]
        else:
            self._page(ListKind(answer.request_id), step, answer, left)

    def _refused(self, answer: Answer, status: Status, step: Step) -> None:
        said = {"connection": self._connection.id, "list": answer.request_id, "code": answer.code}
        log.warning("list not readable", extra=said)
        if answer.request_id == DELETIONS:
            mine = ListImport.connection_id == self._connection.id, ListImport.kind.in_(step["since"])
            anew = update(ListImport).where(*mine).values(whole=None)
            self._db.execute(anew, execution_options={"synchronize_session": False})
            return
        sentence = status.sentence(answer.text)
        self._refusals.add(answer.request_id, self._session.started, answer.code, sentence)

    def _page(self, kind: ListKind, step: Step, answer: Answer, left: dict[str, Step]) -> None:
        seen = self._session.id
        news = lists.News(*step.get("news", ())).with_more(
            lists.store(self._db, self._connection, kind, answer.taken(), seen)
        )
        if answer.remaining and answer.iterator_id:
            left[kind.value] = {**step, "iterator": answer.iterator_id, "news": list(news)}
            return
        del left[kind.value]
        self._session.imported += 1
        self._refusals.lift(kind)
        if not step["since"]:
            gone = lists.finish(self._db, self._connection, kind, seen)
            missed(self._db, self._connection, gone)
            news = news._replace(gone=len(gone))
        lists.Progress(self._db, self._connection).reached(kind, news, not step["since"])


def _is_iterated(step: Step) -> bool:
    return step["list"] != DELETIONS and ListKind(step["list"]) in lists.ITERATED


def _request(step: Step) -> Request:
    if step["list"] == DELETIONS:
        since = {ListKind(kind): start for kind, start in step["since"].items()}
        kind, fields = lists.deleted_query(since)
        return Request(kind, DELETIONS, fields)
    kind, fields, attributes = lists.query(
        ListKind(step["list"]), step["since"], step.get("iterator", "")
    )
    return Request(kind, step["list"], fields, attributes)
