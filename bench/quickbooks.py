"""A QuickBooks that takes no time: additions are answered out of their own text.

What else the hub asks (the company, lists) is answered by one sandbox company, once: every
tenant's company file is its twin. A company file is only ever read by the first who asks.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.machine import Connector
from hub.sandbox.company import Company
from hub.sandbox.quickbooks import QuickBooks

LISTS = ("Customer",)
OWNER = "{11111111-2222-3333-4444-555555555555}"
FILE = "{66666666-7777-8888-9999-aaaaaaaaaaaa}"
_ADDED = re.compile(
    r'<(\w+)AddRq requestID="([^"]*)">\s*<\1Add(?: [^>]*)?>(.*?)</\1Add>\s*</\1AddRq>', re.S
)
_ANY = re.compile(r"<(?!QBXML)\w+Rq[ >/]")
_SET = re.compile(r' newMessageSetID="([^"]*)"')
_STAMP = "<TimeCreated>2026-11-01T08:00:00</TimeCreated><TimeModified>2026-11-01T08:00:00</TimeModified>"


class Instant:
    """The twins of one company file, for any number of connectors and threads."""

    def __init__(self, company: Company):
        company.stamp(OWNER, "FileID", FILE)
        self._sandbox = QuickBooks(company)
        self._greeting = self._sandbox.greet(OWNER)
        self._known: dict[str, str] = {}
        self._numbers = itertools.count(1_000_000)
        self.seconds = 0.0
        """How long it has taken all the same."""
        self.added = 0

    def greeting(self, connector: Connector) -> str:
        """Return what the connector sends with the first sendRequestXML."""
        return self._greeting.replace(OWNER, connector.owner_id).replace(FILE, connector.file_id)

    def answer(self, text: str) -> str:
        """Return the answer to a message."""
        began = time.perf_counter()
        added = _ADDED.findall(text)
        answer = self._added(text, added) if len(added) == len(_ANY.findall(text)) else self._asked(text)
        self.seconds += time.perf_counter() - began
        return answer

    def _added(self, text: str, added: list[tuple[str, str, str]]) -> str:
        self.added += len(added)
        found = _SET.search(text)
        set_id = f' newMessageSetID="{found[1]}" messageSetStatusCode="0"' if found else ""
        answers = "".join(self._one(*one) for one in added)
        return f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs{set_id}>{answers}</QBXMLMsgsRs></QBXML>'

    def _one(self, kind: str, request: str, fields: str) -> str:
        number = next(self._numbers)
        id_ = f"{number:X}-1795534555"
        head = (
            f"<{'ListID' if kind in LISTS else 'TxnID'}>{id_}</{'ListID' if kind in LISTS else 'TxnID'}>"
        )
        fields = re.sub(r"<(/?)(\w+Line)Add>", r"<\1\2Ret>", fields)
        fields = fields.replace(
            f"<{kind}LineRet>", f"<{kind}LineRet><TxnLineID>{number + 1:X}-1</TxnLineID>"
        )
        return (
            f'<{kind}AddRs requestID="{request}" statusCode="0" statusSeverity="Info" '
            f'statusMessage="Status OK"><{kind}Ret>{head}{_STAMP}<EditSequence>{number}</EditSequence>'
            f"{fields}</{kind}Ret></{kind}AddRs>"
        )

    def _asked(self, text: str) -> str:
        text = _SET.sub("", text)
        if text not in self._known:
            self._known[text] = self._sandbox.process(text)
        return self._known[text]


@contextmanager
def instant() -> Iterator[Instant]:
    """Lend such a QuickBooks. The first to ask something new must be the thread that began it."""
    with (
        TemporaryDirectory(prefix="hub-bench-") as folder,
        Company(Path(folder, "c.qbw"), name="Twin") as company,
    ):
        yield Instant(company)
