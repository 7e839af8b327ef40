"""Files that people keep: CSV that spreadsheets read right, and the answers that files come in."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterable, Sequence

from pyramid.response import Response

_FORMULA = ("=", "+", "-", "@")
_TYPES = {"csv": ("text/csv", "utf-8"), "pdf": ("application/pdf", None)}


def csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return the rows in UTF-8 with a mark that tells Excel so; people's words in them are ``inert``."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def inert(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def attached(content: bytes, name: str) -> Response:
    """Return the answer that lets a browser keep ``content`` as a file, whose name ends in what it is."""
    content_type, charset = _TYPES[name.rpartition(".")[2]]
    response = Response(content, content_type=content_type, charset=charset)
    response.content_disposition = f'attachment; filename="{name}"'
    return response
