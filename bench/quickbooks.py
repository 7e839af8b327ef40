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
from decimal import Decimal
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
_LOOKED_UP = re.compile(
    r'<(\w+)QueryRq requestID="([^"]*)">\s*((?:<(?:Txn|List)ID>[^<]*</(?:Txn|List)ID>\s*)+)', re.S
)
_ANY = re.compile(r"<(?!QBXML)\w+Rq[ >/]")
_OK = 'statusCode="0" statusSeverity="Info" statusMessage="Status OK"'
_AMOUNT = re.compile(r"<Amount>([^<]+)<")
_SET = re.compile(r' newMessageSetID="([^"]*)"')
_STAMP = "<TimeCreated>2026-11-01T08:00:00</TimeCreated><TimeModified>2026-11-01T08:00:00</TimeModified>"


class Instant:
    """The twins of one company file, for any number of connectors and threads."""

    def __init__(self, company: Company):
        company.stamp(OWNER, "FileID", FILE)
        self._sandbox = QuickBooks(company)
        self._greeting = self._sandbox.greet(OWNER)
        self._known: dict[str, str] = {}
        self._sets: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._numbers = itertools.count(1_000_000)
        self.seconds = 0.0
        """How long it has taken all the same."""
        self.added = 0

    def greeting(self, connector: Connector) -> str:
        """Return what the connector sends with the first sendRequestXML."""
        return self._greeting.replace(OWNER, connector.owner_id).replace(FILE, connector.file_id)

    def answer(self, text: str) -> str:
        """Return the answer to a message; one whose set was answered before is answered alike
        (protocol.md D.4)."""
        began = time.perf_counter()
        found = _SET.search(text)
        set_id = found[1] if found else ""
        added = _ADDED.findall(text)
        requests = len(_ANY.findall(text))
        if set_id in self._sets:
            answer = self._sets[set_id]
        elif "oldMessageSetID" in text:
            answer = _message(set_id, "9002", "")
        elif len(added) == requests:
            self.added += len(added)
            answer = _message(set_id, "0", "".join(self._one(*one) for one in added))
            if set_id:
                self._sets[set_id] = answer
        elif len(looked_up := _LOOKED_UP.findall(text)) == requests:
            answer = _message("", "", "".join(self._found(*one) for one in looked_up))
        else:
            answer = self._asked(text)
        self.seconds += time.perf_counter() - began
        return answer

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
        total = sum(map(Decimal, _AMOUNT.findall(fields)))
        if kind == "Invoice":
            # The hub compares it with the billing's.
            fields = f"<Subtotal>{total}</Subtotal>{fields}"
        self._kept[id_] = (
            f"<{kind}Ret>{head}{_STAMP}<EditSequence>{number}</EditSequence>{fields}</{kind}Ret>"
        )
        return f'<{kind}AddRs requestID="{request}" {_OK}>{self._kept[id_]}</{kind}AddRs>'

    def _found(self, kind: str, request: str, ids: str) -> str:
        """Return those of the records with ``ids`` that were added here; none has ever gone."""
        kept = "".join(self._kept[one] for one in re.findall(r">([^<]+)<", ids))
        return f'<{kind}QueryRs requestID="{request}" {_OK}>{kept}</{kind}QueryRs>'

    def _asked(self, text: str) -> str:
        text = _SET.sub("", text)
        if text not in self._known:
            self._known[text] = self._sandbox.process(text)
        return self._known[text]


def _message(set_id: str, status: str, answers: str) -> str:
    attributes = f' newMessageSetID="{set_id}" messageSetStatusCode="{status}"' if set_id else ""
    return f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs{attributes}>{answers}</QBXMLMsgsRs></QBXML>'


@contextmanager
def instant() -> Iterator[Instant]:
    """Lend such a QuickBooks. The first to ask something new must be the thread that began it."""
    with (
        TemporaryDirectory(prefix="hub-bench-") as folder,
        Company(Path(folder, "c.qbw"), name="Twin") as company,
    ):
        yield Instant(company)
