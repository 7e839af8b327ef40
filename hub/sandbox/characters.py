"""What becomes of characters on their way into a company file and out of it (protocol.md E.3).

QuickBooks Desktop keeps Windows-1252. A reference to a character beyond it is stored as
``?``; one to a character that XML forbids makes a message unreadable. Its own answers are
less careful: control characters that people pasted into a name leave it as references,
``&#x1F;``, which no XML reader has to take.
"""

from __future__ import annotations

import re

from hub.qbwc import qbxml

REFERENCE = re.compile("&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def beyond_ascii(text: str) -> bool:
    """Whether ``text`` holds a reference to a character above 127."""
    return any(_number(match) > 127 for match in REFERENCE.finditer(text))


def forbidden(text: str) -> str:
    """Return the first reference in ``text`` to a character that XML forbids, or nothing."""
    matches = (match for match in REFERENCE.finditer(text) if not _is_legal(_number(match)))
    return next((match[0] for match in matches), "")


def kept(text: str) -> str:
    """Return a message with ``?`` for every reference to a character that cannot be stored."""
    return REFERENCE.sub(lambda match: match[0] if _is_kept(_number(match)) else "?", text)


def written(text: str) -> str:
    """Return a stored text as answers have it."""
    if _CONTROL.search(text) is None:
        return qbxml.escape(text)
    parts = _CONTROL.split(text)
    references = [f"&#x{ord(char):X};" for char in _CONTROL.findall(text)]
    return "".join(
        f"{qbxml.escape(part)}{reference}"
        for part, reference in zip(parts, [*references, ""], strict=True)
    )


def _number(match: re.Match[str]) -> int:
    return int(match[1], 16) if match[1] else int(match[2])


def _is_legal(number: int) -> bool:
    return number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF


def _is_kept(number: int) -> bool:
    try:
        chr(number).encode("cp1252")
    except UnicodeEncodeError:
        return False
    return not 0x7F <= number <= 0x9F
