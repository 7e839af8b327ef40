"""The notation in which shapes of qbXML elements are written down, and what is read from it.

It reads like Intuit's reference: one element a line, children indented, then its type and how often
it may stand.

    Name 41            text of at most 41 characters, required
    TxnDate date ?     optional          * any number          + at least one
    AccountRef ref 159 ?                 ListID (36) and FullName (159), either or both
    | ?                one of the indented alternatives, here optional
    BillAddress addr ? the address block every form shares

A name in small letters is a part: a run of elements that several requests share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

_TYPES = {
    "bool": r"true|false|1|0",
    "date": r"\d{4}-\d{2}-\d{2}",
    "moment": r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}([+-]\d{2}:\d{2})?)?)?",
    "amount": r"[+-]?\d{1,13}\.\d{2}",
    "number": r"[+-]?\d{1,10}(\.\d{1,5})?",
    "int": r"[+-]?\d+",
    "guid": r"0|\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}",
    "id": r".{1,36}",
}
PATTERNS = {name: re.compile(pattern) for name, pattern in _TYPES.items()}


@dataclass
class Shape:
    """One element: its type (or children), its longest text, and how often it may stand."""

    name: str
    type: str = ""
    limit: int = 0
    values: tuple[str, ...] = ()
    often: str = ""
    children: list[Shape] = field(default_factory=list)

    @property
    def is_choice(self) -> bool:
        return self.name == "|"

    @cached_property
    def by_name(self) -> dict[str, Shape]:
        """The elements that may stand directly inside this one."""
        found: dict[str, Shape] = {}
        for child in self.children:
            found.update(child.by_name if child.is_choice or child.is_group else {child.name: child})
        return found

    @property
    def is_group(self) -> bool:
        """A run of elements without an element of its own around it."""
        return self.name.islower()

    @cached_property
    def order(self) -> re.Pattern[str]:
        """The child names this element allows, in their order, as a pattern over ``A;B;``."""
        return re.compile("".join(child._pattern() for child in self.children))

    def _pattern(self) -> str:
        if self.is_choice:
            inner = "|".join(child._pattern() for child in self.children)
        elif self.is_group:
            inner = "".join(child._pattern() for child in self.children)
        else:
            inner = f"{self.name};"
        return f"(?:{inner}){self.often}"

    def value_fault(self, text: str) -> str | None:
        """Say what is wrong with ``text`` as this element's value, or nothing."""
        if self.values:
            return None if text in self.values else f"must be one of {', '.join(self.values)}"
        if self.type in PATTERNS and not PATTERNS[self.type].fullmatch(text):
            return f"'{text}' is not of the form QuickBooks reads here ({self.type})"
        return None


def read(source: str, parts: str) -> dict[str, Shape]:
    """Return the elements that ``source`` writes down, by name, with the ``parts`` they share.

    :raises ValueError: when a line is not of the notation.
    """
    return _read(source, _read_parts(parts))


def _lines(source: str) -> Iterator[tuple[int, list[str]]]:
    for line in source.splitlines():
        if line.strip():
            yield (len(line) - len(line.lstrip())) // 2, line.split()


def _shape(words: list[str], parts: Mapping[str, Shape]) -> Shape:
    name, *rest = words
    often = rest.pop() if rest and rest[-1] in "?*+" else ""
    if name in parts:
        return Shape(name, often=often, children=parts[name].children)
    match rest:
        case []:
            return Shape(name, often=often)
        case ["ref", limit]:
            children = [
                # An empty one takes the reference away.
                Shape("ListID", "text", 36, often="?"),
                Shape("FullName", "text", int(limit), often="?"),
            ]
            return Shape(name, "ref", often=often, children=children)
        case ["one-of", *values]:
            return Shape(name, "one-of", values=tuple(values), often=often)
        case [part] if part in parts:
            return Shape(name, "", often=often, children=parts[part].children)
        case [kind] if kind in PATTERNS:
            return Shape(name, kind, 36 if kind == "id" else 0, often=often)
        case [limit]:
            return Shape(name, "text", int(limit), often=often)
    raise ValueError(f"no such shape: {' '.join(words)}")


def _read(source: str, parts: Mapping[str, Shape]) -> dict[str, Shape]:
    top: dict[str, Shape] = {}
    stack: list[Shape] = []
    for depth, words in _lines(source):
        shape = _shape(words, parts) if depth else Shape(words[0])
        del stack[depth:]
        if stack:
            stack[-1].children.append(shape)
        else:
            top[shape.name] = shape
        stack.append(shape)
    return top


def _read_parts(source: str) -> dict[str, Shape]:
    """Parts may use parts below them, so the names are known before the lines are read."""
    parts = {words[0]: Shape(words[0]) for depth, words in _lines(source) if depth == 0}
    for name, shape in _read(source, parts).items():
        parts[name].children.extend(shape.children)
    return parts
