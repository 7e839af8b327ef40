"""What a Web Connector is told about its own version, before it signs in.

It goes on unless the hub says otherwise: a window that a warning opens blocks the screen of a PC
that nobody sits at (protocol.md A.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Version = tuple[int, ...]

_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}", re.ASCII)


def read(text: str) -> Version | None:
    """Return ``2.3.0.215`` as numbers, or nothing where the text is no version."""
    text = text.strip()
    return tuple(int(part) for part in text.split(".")) if _VERSION.fullmatch(text) else None


def answer(version: str, settings: Mapping[str, Any]) -> str:
    """Return ``""`` to go on, ``W:…`` to warn, ``E:…`` to stop, or ``O:2.3`` to name the version wanted.

    ``version`` is what the Web Connector says of itself; what cannot be read is accepted.
    """
    oldest, act = settings["qbwc.oldest_client"], settings["qbwc.old_client"]
    wanted, given = read(oldest or ""), read(version)
    if act == "accept" or wanted is None or given is None or _padded(given) >= _padded(wanted):
        return ""
    name = ".".join(str(part) for part in given)
    sentence = f"This QuickBooks Web Connector is version {name}; {settings['hub.name']} "
    if act == "warn":
        return f"W:{sentence}recommends {oldest} or newer. Install the newest from Intuit."
    if act == "refuse":
        return f"E:{sentence}needs {oldest} or newer. Install the newest from Intuit, then run again."
    return f"O:{'.'.join(str(part) for part in wanted[:2])}"


def _padded(version: Version) -> Version:
    return version + (0,) * (4 - len(version))
