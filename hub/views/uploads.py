"""Import CSV: a file in, counts out, and a file of what is wrong.

The file of errors goes with the page as a field and comes back when it is asked for,
so nothing of an upload is kept. Sending a file twice changes nothing: its records
are known by their ids.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPNotFound
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from hub.errors import HubError, Refused
from hub.ledger import revisions, sheet
from hub.ledger.contract import KINDS
from hub.security import Permission
from hub.views.files import attached
from hub.views.page import Page, refusal

SHOWN = 100
"""How many wrong rows the page lists; the file has them all."""
LARGEST_ERRORS = 64 * 1024 * 1024


@view_defaults(route_name="uploads", renderer="hub:templates/upload.jinja2", permission=Permission.READ)
class UploadPage(Page):
    """The form, and what became of a file."""

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._shown({"kind": "customer", "partial": ""})

    def _shown(self, typed: dict[str, str]) -> dict[str, Any]:
        return {
            "typed": typed,
            "kinds": KINDS,
            "columns": {kind: list(sheet.columns(kind).values()) for kind in KINDS},
            "result": None,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE)
    def take(self) -> Any:
        typed = self.form.typed("kind", "partial")
        try:
            kind, raw = self._file()
            read = sheet.read(kind, raw)
        except HubError as error:
            refused = error if isinstance(error, Refused) else refusal("file", str(error))
            return self.again(self._shown(typed), refused)
        revisions.complete(self.db, read.records, self.tenant.currency)
        self.intake.take(read.records)
        return self._result(read, typed)

    def _file(self) -> tuple[str, bytes]:
        kind, given = self.form["kind"], self.request.POST.get("file")
        if kind not in KINDS:
            raise refusal("kind", "Choose what the file holds.")
        if not getattr(given, "filename", ""):
            raise refusal("file", "Choose a file.")
        return kind, given.file.read(sheet.LARGEST + 1)

    def _result(self, read: sheet.Sheet, typed: dict[str, str]) -> dict[str, Any]:
        wrong = read.complain()
        partial = bool(typed["partial"])
        counts = dict.fromkeys(("created", "updated", "unchanged", "refused"), 0)
        for incoming in read.records:
            counts["refused" if incoming.faults else incoming.outcome] += 1
        taken = partial or not counts["refused"]
        if not taken:
            # 422: the transaction is given up, with everything that would have been right.
            self.request.response.status_int = 422
        elif counts["created"] or counts["updated"]:
            self.room.audit(
                "CSV imported", kind=read.kind, **{name: str(n) for name, n in counts.items()}
            )
        result = {
            "kind": read.kind,
            "taken": taken,
            "counts": counts,
            "rows": len(read.rows),
            "wrong": wrong[:SHOWN],
            "more": max(0, len(wrong) - SHOWN),
            "errors": pack(read.with_errors(all_rows=not taken)) if wrong else "",
        }
        return self._shown(typed) | {"result": result}


def pack(text: str) -> str:
    """Return ``text`` in few characters, fit for a form's field."""
    return base64.b64encode(zlib.compress(text.encode("utf-8-sig"))).decode()


def unpack(field: str) -> bytes:
    """Return what ``pack`` was given.

    :raises HTTPBadRequest: when it is something else.
    """
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(base64.b64decode(field, validate=True), LARGEST_ERRORS)
    except (zlib.error, binascii.Error, ValueError):
        raise HTTPBadRequest("The file of errors could not be read. Import the file again.") from None
    return raw


@view_config(route_name="upload_errors", request_method="POST", permission=Permission.READ)
class ErrorsFile(Page):
    """The rows that were not taken, each with its error."""

    def __call__(self) -> Response:
        field = self.request.POST.get("errors", "")
        raw = unpack(field if isinstance(field, str) else "")
        return attached(raw, "not-imported.csv")


@view_config(route_name="upload_template", request_method="GET", permission=Permission.READ)
class TemplateFile(Page):
    """A file with every column of a kind, and an example."""

    def __call__(self) -> Response:
        kind = self.request.matchdict["kind"]
        if kind not in KINDS:
            raise HTTPNotFound
        return attached(sheet.template(kind).encode("utf-8-sig"), f"{kind.replace('_', '-')}s.csv")
