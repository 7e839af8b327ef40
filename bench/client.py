"""A lean Web Connector: sends what .NET sends, byte for byte, and costs the machine little.

The client shares two cores with what it measures, so it writes to bare sockets and cuts results
out of answers with a regular expression instead of parsing them.
"""

from __future__ import annotations

import re
import select
import socket
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

from hub.sandbox import envelope
from hub.sandbox.service import USER_AGENT

PATIENCE = 0.35
"""Seconds that .NET waits for "100 Continue" before it sends the body unasked."""
TIMEOUT = 100.0
"""Seconds that .NET waits for an answer."""


class BadAnswer(Exception):
    """An answer that a Web Connector could not use."""


class Line:
    """One keep-alive connection, and how long each call on it took."""

    def __init__(self, port: int, path: str = "/qbwc", expect: bool = True):
        self._place = ("127.0.0.1", port)
        self._path = path
        self._expect = expect
        self._socket: socket.socket | None = None
        self._rest = b""
        self.took: dict[str, list[float]] = defaultdict(list)
        """Seconds of each call, by method."""

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket, self._rest = None, b""

    def call(self, method: str, **values: str) -> list[str]:
        """Call ``method`` and return the texts of its result: one, or those of an array.

        :raises BadAnswer: for a fault, another status or type, or an answer without a result.
        """
        body = envelope.write(method, values)
        began = time.perf_counter()
        status, head, answer = self.post(body, f'"{envelope.NAMESPACE}{method}"')
        self.took[method].append(time.perf_counter() - began)
        if status != 200 or b"text/xml" not in head:
            raise BadAnswer(f"{method}: {status} {answer[:300]!r}")
        return _result(method, answer)

    def text(self, method: str, **values: str) -> str:
        return self.call(method, **values)[0]

    def post(self, body: bytes, action: str) -> tuple[int, bytes, bytes]:
        """Post ``body`` and return status, head in lower case, and body of the answer."""
        head = (
            f"POST {self._path} HTTP/1.1\r\nUser-Agent: {USER_AGENT}\r\n"
            f"Content-Type: text/xml; charset=utf-8\r\nSOAPAction: {action}\r\n"
            f"Content-Length: {len(body)}\r\n"
            + ("Expect: 100-continue\r\n" if self._expect else "")
            + f"Host: localhost:{self._place[1]}\r\n\r\n"
        ).encode()
        for again in (True, False):
            try:
                return self._send(head, body)
            except (ConnectionError, BrokenPipeError):
                # A server may close a connection that has been idle; .NET opens another.
                self.close()
                if not again:
                    raise
        raise AssertionError

    def _send(self, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        line = self._socket or self._open()
        if not self._expect:
            line.sendall(head + body)
            return self._answer(line)
        line.sendall(head)
        if select.select([line], [], [], PATIENCE)[0]:
            status, answered, content = self._answer(line)
            if status != 100:
                return status, answered, content
        line.sendall(body)
        while True:
            status, answered, content = self._answer(line)
            if status != 100:
                return status, answered, content

    def _open(self) -> socket.socket:
        self._socket = socket.create_connection(self._place, timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _answer(self, line: socket.socket) -> tuple[int, bytes, bytes]:
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._more(line)
        head, _, data = data.partition(b"\r\n\r\n")
        head = head.lower()
        status = int(head[9:12])
        if status == 100:
            self._rest = data
            return status, head, b""
        if found := re.search(rb"\r\ncontent-length: *(\d+)", head):
            length = int(found[1])
            while len(data) < length:
                data += self._more(line)
            body, self._rest = data[:length], data[length:]
        else:
            body = self._chunks(line, data)
        if b"\r\nconnection: close" in head:
            self.close()
        return status, head, body

    def _chunks(self, line: socket.socket, data: bytes) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in data:
                data += self._more(line)
            size, _, data = data.partition(b"\r\n")
            length = int(size, 16)
            while len(data) < length + 2:
                data += self._more(line)
            body += data[:length]
            data = data[length + 2 :]
            if not length:
                self._rest = data
                return body

    def _more(self, line: socket.socket) -> bytes:
        data = line.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _result(method: str, answer: bytes) -> list[str]:
    text = answer.decode()
    found = re.search(
        rf"<(?:\w+:)?{method}Result(?: [^>]*)?(?:/>|>(.*?)</(?:\w+:)?{method}Result>)", text, re.S
    )
    if not found:
        raise BadAnswer(f"{method}: {text[:300]}")
    inner = found[1] or ""
    if "<" not in inner:
        return [unescape(inner)]
    strings = re.findall(
        r"<(?:\w+:)?(?:string|int)(?: [^>]*)?(?:/>|>(.*?)</(?:\w+:)?(?:string|int)>)", inner, re.S
    )
    return [unescape(one) for one in strings]


@contextmanager
def lines(port: int, count: int, **options: Any) -> Iterator[list[Line]]:
    """Lend ``count`` connections."""
    opened = [Line(port, **options) for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()


def rate(opened: list[Line], seconds: float, work: Callable[[Line, int], int]) -> float:
    """Do ``work(line, index)`` again and again on each line at once; return how many a second.

    ``work`` returns how many it did; none ends the line's part before the time is over.
    """
    done = [0] * len(opened)
    ended = [0.0] * len(opened)
    faults: list[BaseException] = []
    gate = threading.Barrier(len(opened) + 1)
    until = [0.0]

    def one(index: int) -> None:
        gate.wait()
        try:
            while time.perf_counter() < until[0]:
                count = work(opened[index], index)
                if not count:
                    break
                done[index] += count
        except BaseException as error:
            faults.append(error)
        ended[index] = time.perf_counter()

    threads = [threading.Thread(target=one, args=(index,), daemon=True) for index in range(len(opened))]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    until[0] = began + seconds
    gate.wait()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return sum(done) / (max(ended) - began)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of ``values`` lie."""
    return (
        statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
        if len(values) > 1
        else values[0]
    )
