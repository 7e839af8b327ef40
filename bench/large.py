"""Large texts: one answer of 40 MB, and an import of 50,000 customers, against bare lxml.

Bare lxml parses the same SOAP message and the qbXML inside it, in a process of its own, and keeps
nothing; the hub also stores what it read.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import machine
from bench.client import Line
from bench.figures import Figure, at_most, main
from bench.quickbooks import Instant, instant
from bench.webconnector import Session, settle
from hub.sandbox import envelope

LARGE = 40 * 2**20
MOST = 3
PARSE = """
import sys, time
from pathlib import Path
from lxml import etree

def status(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) * 1024

texts = [Path(name).read_bytes() for name in sys.argv[1:]]
parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
Path("/proc/self/clear_refs").write_text("5")
before, began = status("VmRSS"), time.perf_counter()
for text in texts:
    inner = etree.fromstring(text, parser).findtext(".//{http://developer.intuit.com/}response")
    etree.fromstring(inner.encode(), parser)
print(time.perf_counter() - began, status("VmHWM") - before)
"""


class Many:
    """Answers the customer query with as many customers as it is told, a page at a time."""

    def __init__(self, quickbooks: Instant, count: int, page: int):
        self._quickbooks = quickbooks
        self._count = count
        self._page = page
        self.texts: list[str] = []
        """What it has answered."""

    def greeting(self, connector: machine.Connector) -> str:
        return self._quickbooks.greeting(connector)

    def answer(self, text: str) -> str:
        found = re.search(r'<CustomerQueryRq requestID="([^"]*)"[^>]*>', text)
        if not found:
            return self._quickbooks.answer(text)
        asked = re.search(r"<MaxReturned>(\d+)<", text)
        page = self._page or int(asked[1] if asked else self._count)
        answered = sum(one.count("<CustomerRet>") for one in self.texts)
        these = range(answered, min(answered + page, self._count))
        rest = self._count - these.stop if these else 0
        answer = (
            '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>'
            f'<CustomerQueryRs requestID="{found[1]}" statusCode="0" statusSeverity="Info" '
            f'statusMessage="Status OK" iteratorRemainingCount="{rest}" iteratorID="{{1-2-3}}" '
            f'retCount="{len(these)}">{"".join(map(_customer, these))}</CustomerQueryRs>'
            "</QBXMLMsgsRs></QBXML>"
        )
        self.texts.append(answer)
        return answer


def _customer(number: int) -> str:
    name = f"Customer {number:06} Müller &amp; Söhne"
    return (
        f"<CustomerRet><ListID>8{number:07X}-1795534555</ListID>"
        "<TimeCreated>2026-11-01T08:00:00</TimeCreated><TimeModified>2026-11-01T08:00:00</TimeModified>"
        f"<EditSequence>1795534555</EditSequence><Name>{name}</Name><FullName>{name}</FullName>"
        f"<IsActive>true</IsActive><Sublevel>0</Sublevel><CompanyName>{name}</CompanyName>"
        f"<BillAddress><Addr1>{number} Station Avenue</Addr1><City>Springfield</City><State>IL</State>"
        "<PostalCode>62701</PostalCode></BillAddress><Phone>555-0100</Phone>"
        f"<Email>customer{number}@example.com</Email><Balance>0.00</Balance>"
        "<TotalBalance>0.00</TotalBalance><JobStatus>None</JobStatus></CustomerRet>"
    )


def subject(quick: bool) -> list[Figure]:
    """Import the customers in one large answer, and page by page."""
    large = LARGE // (8 if quick else 1)
    count = large // len(_customer(0).encode())
    figures = _imported(f"an answer of {large / 2**20:.0f} MB", count, page=count)
    many = 5_000 if quick else 50_000
    return figures + _imported(f"an import of {many:,} customers", many, page=0)


def _imported(what: str, count: int, page: int) -> list[Figure]:
    with machine.database() as settings, instant() as quickbooks, machine.hub(settings, 1) as hub:
        first, second = machine.tenants(settings, ["first", "second"])
        settle(hub.port, [first], quickbooks)
        many: Any = Many(quickbooks, count, page)
        line = Line(hub.port)
        session = Session(line, second, many)
        hub.forget_peak()
        memory = hub.peak()
        began = time.perf_counter()
        while session.run() != "none":
            pass
        seconds = time.perf_counter() - began
        grown = hub.peak() - memory
        line.close()
        with machine.connection(settings) as db:
            query = "SELECT count(*) FROM list_entry WHERE kind = 'customer'"
            (stored,) = db.execute(query).fetchone() or (0,)
    assert stored >= count, stored
    bare_seconds, bare_memory = _bare(many.texts)
    longest = max(max(took) for took in line.took.values())
    said = f"{seconds:.1f} s against {bare_seconds:.1f} s"
    said_memory = f"{grown / 2**20:.0f} MB against {bare_memory / 2**20:.0f} MB"
    return [
        at_most(f"{what}: time against bare lxml", seconds / bare_seconds, MOST, said=said),
        at_most(f"{what}: memory against bare lxml", grown / bare_memory, MOST, said=said_memory),
        at_most(f"{what}: the longest call", longest, 2, " s"),
    ]


def _bare(texts: list[str]) -> tuple[float, int]:
    """Return the seconds and bytes that lxml needs for the same messages."""
    with TemporaryDirectory(prefix="hub-bench-") as folder:
        names = []
        for number, text in enumerate(texts):
            values = {"ticket": "t", "response": text, "hresult": "", "message": ""}
            names.append(Path(folder, str(number)))
            names[-1].write_bytes(envelope.write("receiveResponseXML", values))
        command = [sys.executable, "-c", PARSE, *map(str, names)]
        seconds, memory = subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.split()
    return float(seconds), max(int(memory), 1)


if __name__ == "__main__":
    main(subject)
