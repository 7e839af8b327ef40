"""The memory of message sets: the same text under the same id is never run twice.

The rules are protocol.md D.4's: ``newMessageSetID`` names the set to remember,
``oldMessageSetID`` one to forget, both alike without requests ask what became of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from hub.qbwc import qbxml
from hub.qbwc.qbxml import Requests
from hub.sandbox import answer
from hub.sandbox.file import CompanyFile

LONGEST_ID = 24

UNKNOWN_OLD = "600"
OTHER_CONTENT = "9001"
NO_STORED_ANSWER = "9002"
ID_TOO_LONG = "9004"
NOT_STORED = "9005"


class MessageSets:
    """The message sets one company file remembers."""

    def __init__(self, file: CompanyFile):
        self._file = file

    def forget_all(self) -> None:
        """Lose the memory of every set: how long a real one lasts nobody knows (protocol.md D.4)."""
        self._file.run("DELETE FROM message_set")

    def recall_or_run(
        self,
        requests: Requests,
        text: str,
        run: Callable[[], list[answer.Answer]],
        stores: bool = True,
    ) -> str:
        """Return the stored answer to ``text`` or, where there is none, run it and store its answer.

        Where that cannot be stored (not ``stores``) the answer is given all the same, under 9005.
        """
        new, old = requests.set_id, requests.old_set_id
        if max(len(new), len(old)) > LONGEST_ID:
            return _about(new, ID_TOO_LONG)
        if new and new == old and not requests.requests:
            return self._stored(new) or _about(new, NO_STORED_ANSWER)
        if stored := self._stored(new):
            same = self._checksum(new) == _checksum(text)
            return stored if same else _about(new, OTHER_CONTENT)
        if new and not requests.requests and not old:
            return _about(new, NO_STORED_ANSWER)
        forgotten = self._forget(old)
        if old and not new:
            if not requests.requests:
                return _about("", "0" if forgotten else UNKNOWN_OLD)
            return answer.message(run())
        if new and not stores:
            return answer.message(run(), newMessageSetID=new, messageSetStatusCode=NOT_STORED)
        return self._run(new, text, run)

    def _run(self, id: str, text: str, run: Callable[[], list[answer.Answer]]) -> str:
        if not id:
            return answer.message(run())
        result = answer.message(run(), newMessageSetID=id, messageSetStatusCode="0")
        self._file.run("INSERT INTO message_set VALUES (?, ?, ?)", id, _checksum(text), result)
        return result

    def _stored(self, id: str) -> str:
        rows = self._file.rows("SELECT answer FROM message_set WHERE id = ?", id)
        return str(rows[0]["answer"]) if rows else ""

    def _checksum(self, id: str) -> str:
        return str(self._file.rows("SELECT checksum FROM message_set WHERE id = ?", id)[0]["checksum"])

    def _forget(self, id: str) -> bool:
        found = bool(self._stored(id))
        self._file.run("DELETE FROM message_set WHERE id = ?", id)
        return found


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _about(id: str, status: str) -> str:
    attributes = {"newMessageSetID": id} if id else {}
    return answer.message([], **attributes, messageSetStatusCode=status)


def shortened(text: str) -> str:
    """Return an answer as QuickBooks may give it back from memory: ``ErrorRecovery`` for each object
    (protocol.md C.5)."""
    answers = qbxml.parse_answers(text)
    return answer.message(
        [
            answer.Answer(one.kind, one.request_id, one.code, one.severity, one.text, {}, _recovery(one))
            for one in answers.answers
        ],
        newMessageSetID=answers.set_id,
        messageSetStatusCode=str(answers.set_code),
    )


def _recovery(one: qbxml.Answer) -> answer.Ret:
    if not one.returned or one.kind.startswith("Txn"):
        return [(element.name, element.text) for element in one.returned]
    ret = one.returned[0]
    names = ("ListID", "TxnID", "TxnNumber", "EditSequence", "ExternalGUID")
    return [("ErrorRecovery", [(name, ret.get(name)) for name in names])]
