"""Letters as QuickBooks Desktop keeps them: Windows-1252, no control characters; pure.

What lies beyond becomes its nearest plain letters before a length is counted or a
message is written, so that what is counted is what is sent (protocol.md E.3).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def legal(text: str) -> str:
    """Return ``text`` without the characters that XML forbids."""
    return _ILLEGAL.sub("", text)


def storable(text: str) -> str:
    """Return ``text`` as QuickBooks Desktop can keep it: Windows-1252, no control characters."""
    if text.isascii() and text.isprintable():
        return text
    text = legal(unicodedata.normalize("NFC", text))
    return "".join(char if _in_cp1252(char) else _plainer(char) for char in text)


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``fields`` of a request in ASCII letters alone, for a QuickBooks that cannot read references above
    127 (protocol.md E.3): ``ë`` as ``e``, a dash as ``-``, what has no plain letter as ``?``."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(char if char.isascii() else _plainer(char) for char in value.translate(_SIGNS))
    return plain(value) if isinstance(value, Mapping) else [_plain(one) for one in value]


_SIGNS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‹›´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
        **dict.fromkeys("·•", "-"),
        "€": "EUR",
        "£": "GBP",
        "ß": "ss",
        "Æ": "AE",
        "æ": "ae",
        "Ø": "O",
        "ø": "o",
        "Œ": "OE",
        "œ": "oe",
        "Đ": "D",
        "Ð": "D",
        "ð": "d",
        "Þ": "Th",
        "þ": "th",
        "ł": "l",
        "Ł": "L",
    }
)
"""Signs that NFKD does not take apart, in plain letters."""


def _in_cp1252(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return not "\x7f" <= char <= "\x9f"


def _plainer(char: str) -> str:
    letters = unicodedata.normalize("NFKD", char.translate(_SIGNS))
    return "".join(letter for letter in letters if letter.isascii() and letter.isprintable()) or "?"
