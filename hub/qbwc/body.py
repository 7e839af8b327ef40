"""The bytes of a call, as they come through a network: packed or not, and bounded.

A small packed body may hold more than any memory, so it is counted while it is unpacked.
"""

from __future__ import annotations

import zlib

from hub.errors import Refused, TooLarge

LARGEST = 64 * 1024 * 1024
"""Bytes of a message, once it is unpacked (protocol.md A.7)."""
_TOO_LARGE = f"The message is larger than {LARGEST // 1024 // 1024} MB."
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""How zlib is told what it unpacks."""


def unpacked(body: bytes, coding: str) -> bytes:
    """Return ``body`` as it was before ``coding``, the Content-Encoding of HTTP, was done to it.

    :raises TooLarge: when it would have more than ``LARGEST`` bytes.
    :raises Refused: when the coding is unknown, or the body is not what it says.
    """
    if len(body) > LARGEST:
        raise TooLarge(_TOO_LARGE)
    # What was done last is undone first.
    for name in reversed([part.strip().lower() for part in coding.split(",")]):
        if name in ("gzip", "x-gzip"):
            body = _inflated(body, _GZIP)
        elif name == "deflate":
            # Some write it without the frame that the standard asks for.
            body = _inflated(body, _ZLIB if body[:1] == b"\x78" else _BARE)
        elif name not in ("", "identity"):
            raise Refused(
                "The message is packed in a way that is not read here: send it as it is, or gzip."
            )
    return body


def _inflated(body: bytes, bits: int) -> bytes:
    parts, room = [], LARGEST
    try:
        while body:
            stream = zlib.decompressobj(bits)
            parts.append(stream.decompress(body, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise TooLarge(_TOO_LARGE)
            if not stream.eof:
                raise Refused("The packed message is cut off.")
            # A gzip file may be several, one after the other.
            body = stream.unused_data
    except zlib.error:
        raise Refused("The message is not packed as its Content-Encoding says.") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
