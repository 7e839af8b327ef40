"""A record of a conversation: every qbXML message and its answer, each in a file of its own."""

from __future__ import annotations

from pathlib import Path


class Transcript:
    """Writes ``0001-request.xml`` and ``0001-answer.xml`` into a directory; None keeps nothing.

    An answer that opens a session has no request of the hub's (``0001-greeting.xml``); an
    hresult instead of an answer is kept as ``0001-hresult.txt``. Numbers go on from what
    the directory holds.
    """

    def __init__(self, directory: Path | None):
        self._directory = directory
        self._number = 0
        if directory:
            directory.mkdir(parents=True, exist_ok=True)
            numbers = [int(path.name[:4]) for path in directory.glob("[0-9][0-9][0-9][0-9]-*")]
            self._number = max(numbers, default=0)

    def greeting(self, text: str) -> None:
        self._next("greeting.xml", text)

    def request(self, text: str) -> None:
        self._next("request.xml", text)

    def answer(self, text: str) -> None:
        self._write("answer.xml", text)

    def hresult(self, hresult: str, sentence: str) -> None:
        self._write("hresult.txt", f"{hresult} {sentence}\n")

    def _next(self, name: str, text: str) -> None:
        self._number += 1
        self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        if self._directory:
            (self._directory / f"{self._number:04}-{name}").write_text(text, "utf-8")
