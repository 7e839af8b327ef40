"""Records from a spreadsheet: a CSV file of one kind, its columns named like the API's fields.

A column is a path: ``name``, ``bill_address.city``, ``lines.amount``. Rows with the
same ``external_id`` are one record: each adds a line, a tax or an applied amount
where it has one, and what stands only once (number, customer, date) may be left
blank after the first row, but must not differ. The column ``version`` may be left
out. Excel's ways are met half-way: UTF-8 with or without its mark or else Windows'
own letters, commas, semicolons or tabs, and ``49.5`` or ``1,234.50`` for amounts.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.errors import Fault, Refused, TooLarge
from hub.ledger import contract
from hub.ledger.intake import Incoming

LARGEST = 20 * 1024 * 1024
LONGEST_CELL = 100_000
ERROR = "error"
"""The column that we add to a file of errors; when such a file comes back, it is left out."""

_ROWS = ("lines", "taxes", "applied")
_AMOUNT = re.compile(r"(-?)(\d{1,13}|\d{1,3}(?:,\d{3})+)(?:\.(\d{0,2}))?")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Column:
    """One field of a kind of record, as a column."""

    path: str
    type: str
    """``text``, ``amount``, ``flag`` or ``number``."""
    required: bool

    @property
    def rows(self) -> str:
        """The list the field belongs to (``lines``), or nothing."""
        head, _, rest = self.path.partition(".")
        return head if rest and head in _ROWS else ""


def columns(kind: str) -> dict[str, Column]:
    """Return every column a file of ``kind`` may have, by name."""
    schema = contract.schema(kind)
    found = [Column("external_id", "text", True)]
    for name, given in schema["properties"].items():
        required = name in schema["required"] and name != "version"
        if name in _ROWS:
            item = contract.resolved(given["items"])
            for inner, inner_schema in item["properties"].items():
                must = required and inner in item.get("required", item.get("else", {}).get("required"))
                found.append(Column(f"{name}.{inner}", _type(inner_schema), must))
        elif "properties" in given:
            found += [Column(f"{name}.{inner}", "text", False) for inner in given["properties"]]
        else:
            found.append(Column(name, _type(given), required))
    return {column.path: column for column in found}


def _type(schema: dict[str, Any]) -> str:
    named = schema.get("$ref", "").rpartition("/")[2]
    resolved = contract.resolved(schema)
    if named in ("Amount", "Positive") or r"\.\d{2}$" in resolved.get("pattern", ""):
        return "amount"
    return {"boolean": "flag", "integer": "number"}.get(str(resolved.get("type")), "text")


@dataclass
class Row:
    """One row of the file that is not blank."""

    line: int
    """Where it starts in the file, from 1."""
    cells: list[str]
    complaints: list[str] = field(default_factory=list)


@dataclass
class Sheet:
    """A file that could be read: its rows, and the records they are."""

    kind: str
    header: list[str]
    rows: list[Row]
    delimiter: str
    records: list[Incoming] = field(default_factory=list)
    _rows_of: dict[int, list[Row]] = field(default_factory=dict)
    """The rows of each record, by its place among ``records`` from 1."""
    _items_of: dict[tuple[int, str], list[Row]] = field(default_factory=dict)
    """The row each line, tax or applied amount of a record stands in."""

    def complain(self) -> list[Row]:
        """Write every fault of the records into the row it belongs to; return those rows."""
        for incoming in self.records:
            for fault in incoming.faults:
                row, column = self._place(incoming, fault.pointer)
                row.complaints.append(f"{column}: {fault.sentence}" if column else fault.sentence)
        return [row for row in self.rows if row.complaints]

    def _place(self, incoming: Incoming, pointer: str) -> tuple[Row, str]:
        steps = [step for step in pointer.split("/") if step]
        rows = self._rows_of[incoming.line]
        if len(steps) > 1 and steps[0] in _ROWS and steps[1].isdecimal():
            items = self._items_of.get((incoming.line, steps[0]), [])
            index = int(steps[1])
            return items[index] if index < len(items) else rows[0], ".".join([steps[0], *steps[2:]])
        return rows[0], ".".join(steps)

    def with_errors(self, all_rows: bool) -> str:
        """Return the file again with a column ``error``: every row, or those that have one."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n")
        kept = [index for index, name in enumerate(self.header) if name != ERROR]
        writer.writerow([*(self.header[index] for index in kept), ERROR])
        wrong = {
            id(row)
            for incoming in self.records
            for row in self._rows_of[incoming.line]
            if any(row.complaints for row in self._rows_of[incoming.line])
        }
        for row in self.rows:
            if all_rows or id(row) in wrong:
                cells = [row.cells[index] if index < len(row.cells) else "" for index in kept]
                writer.writerow([*cells, " ".join(row.complaints)])
        return text.getvalue()


def read(kind: str, raw: bytes) -> Sheet:
    """Read a file of records of ``kind``; what is wrong with one record is told on that record.

    :raises TooLarge: when the file is too long.
    :raises Refused: when it cannot be read as a whole; the sentence says what to do.
    """
    text = _text(raw)
    known = columns(kind)
    delimiter = _delimiter(text, known)
    rows = list(_rows(text, delimiter))
    if not rows:
        raise Refused("The file is empty. Its first row must name the columns.")
    header = [cell.strip().lower() for cell in rows[0].cells]
    while header and not header[-1]:
        header.pop()
    _check_header(header, known)
    sheet = Sheet(kind, header, rows[1:], delimiter)
    if not sheet.rows:
        raise Refused("The file has a header and no rows below it.")
    _gather(sheet, known)
    return sheet


def _text(raw: bytes) -> str:
    if len(raw) > LARGEST:
        raise TooLarge(f"The file has {len(raw):,} bytes; {LARGEST:,} are taken. Split it.")
    if raw.startswith(b"PK\x03\x04") or raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused("This is an Excel workbook. In Excel choose Save As » CSV UTF-8, and send that.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("The file is in UTF-16. Save it as CSV UTF-8, and send that.")
    if b"\0" in raw:
        raise Refused("The file holds NUL bytes, so it is not a CSV file. Save the sheet as CSV UTF-8.")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("The letters of the file cannot be read. Save it as CSV UTF-8.")


def _delimiter(text: str, known: dict[str, Column]) -> str:
    """Return what separates the cells of the header: whatever finds most columns we know."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")

    def found(delimiter: str) -> int:
        try:
            cells = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            return 0
        return sum(cell.strip().lower() in known for cell in cells)

    return max(",;\t", key=found)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Refused(f"Line {line} cannot be read: {_reason(str(error))}") from None
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise Refused(f"Line {line} has a cell of more than {LONGEST_CELL:,} characters.")
        if any(cell.strip() for cell in cells):
            yield Row(line, cells)
        line = reader.line_num + 1


def _reason(error: str) -> str:
    if "field larger" in error:
        return f"a cell has more than {LONGEST_CELL:,} characters. Is a quotation mark missing?"
    if "end of data" in error:
        return "a quotation mark is opened and never closed."
    return "a quotation mark stands inside a cell. Write it twice, and put the cell in quotation marks."


def _check_header(header: Sequence[str], known: dict[str, Column]) -> None:
    sentences = []
    if unknown := [name for name in header if name and name not in known and name != ERROR]:
        sentences.append(f"There is no column {_quoted(unknown)}. Known are: {', '.join(known)}.")
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        sentences.append(f"Named twice: {_quoted(doubled)}. Keep one of each.")
    if "" in header:
        sentences.append(f"Column {header.index('') + 1} has no name. Name it or take it out.")
    if missing := [name for name, column in known.items() if column.required and name not in header]:
        sentences.append(f"Missing: {_quoted(missing)}. Add the column, or start from the template.")
    if sentences:
        raise Refused(" ".join(sentences), [Fault("/file", sentence) for sentence in sentences])


def _quoted(names: Sequence[str]) -> str:
    shown = [f"“{name[:60]}”" for name in names[:8]]
    return ", ".join([*shown, f"and {len(names) - 8} more"] if len(names) > 8 else shown)


def _gather(sheet: Sheet, known: dict[str, Column]) -> None:
    """Make records of the rows, in the order in which their ids first appear."""
    at = sheet.header.index("external_id")
    groups: dict[str | int, list[Row]] = defaultdict(list)
    for row in sheet.rows:
        external_id = row.cells[at].strip() if at < len(row.cells) else ""
        # Rows without an id have nothing in common.
        groups[external_id or row.line].append(row)
    for place, (key, rows) in enumerate(groups.items(), 1):
        incoming = Incoming(sheet.kind, key if isinstance(key, str) else "", {}, place)
        sheet.records.append(incoming)
        sheet._rows_of[place] = rows
        for row in rows:
            _add(sheet, incoming, row, known)


def _add(sheet: Sheet, incoming: Incoming, row: Row, known: dict[str, Column]) -> None:
    if any(cell.strip() for cell in row.cells[len(sheet.header) :]):
        incoming.refuse("", f"line {row.line} has more cells than there are columns.")
    items: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, cell in zip(sheet.header, row.cells, strict=False):
        text = cell.strip()
        if not text or name in (ERROR, "external_id"):
            continue
        column = known[name]
        value = _value(column, text, incoming)
        if column.rows:
            items[column.rows][name.partition(".")[2]] = value
        else:
            _set(incoming, column, value, row)
    for name, item in items.items():
        incoming.body.setdefault(name, []).append(item)
        sheet._items_of.setdefault((incoming.line, name), []).append(row)


def _set(incoming: Incoming, column: Column, value: Any, row: Row) -> None:
    head, _, inner = column.path.partition(".")
    place = incoming.body.setdefault(head, {}) if inner else incoming.body
    name = inner or head
    if name in place and place[name] != value:
        pointer = f"/{column.path.replace('.', '/')}"
        incoming.refuse(pointer, f"line {row.line} says otherwise than an earlier row of this record.")
        return
    place[name] = value


def _value(column: Column, text: str, incoming: Incoming) -> Any:
    if column.type == "flag":
        if text.lower() not in _TRUTH:
            incoming.refuse(f"/{column.path}", "must be true, false, yes or no.")
            return False
        return _TRUTH[text.lower()]
    if column.type == "number":
        return int(text) if re.fullmatch(r"\d{1,16}", text, re.ASCII) else text
    if column.type == "amount" and (match := _AMOUNT.fullmatch(text)) and text.isascii():
        sign, whole, cents = match.groups()
        return f"{sign}{whole.replace(',', '')}.{(cents or '').ljust(2, '0')}"
    return text


_EXAMPLES: dict[str, list[dict[str, str]]] = {
    "customer": [
        {
            "external_id": "c-1",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "bill_address.line1": "12 Mill Lane",
            "bill_address.city": "Springfield",
            "bill_address.state": "IL",
            "bill_address.postal_code": "62701",
        }
    ],
    "charge": [
        {
            "external_id": "gold",
            "name": "Gold plan",
            "accounting_code": "4010",
            "item": "Hosting:Pro",
            "price": "49.00",
            "taxable": "no",
        }
    ],
    "billing_cycle": [
        {
            "external_id": "2026-01",
            "name": "January 2026",
            "starts": "2026-01-01",
            "ends": "2026-01-31",
        }
    ],
    "invoice": [
        {
            "external_id": "i-1",
            "number": "1042",
            "customer": "c-1",
            "date": "2026-01-05",
            "due_date": "2026-01-20",
            "billing_cycle": "2026-01",
            "lines.charge": "gold",
            "lines.amount": "49.00",
            "taxes.code": "IL",
            "taxes.rate": "8.25",
            "taxes.amount": "4.04",
        },
        {
            "external_id": "i-1",
            "lines.charge": "usage",
            "lines.quantity": "1200",
            "lines.rate": "0.01",
            "lines.amount": "12.00",
        },
    ],
    "credit_memo": [
        {
            "external_id": "m-1",
            "number": "CM1042",
            "customer": "c-1",
            "date": "2026-01-15",
            "billing_cycle": "2026-01",
            "lines.charge": "usage",
            "lines.description": "Outage credit",
            "lines.amount": "12.00",
            "applied.invoice": "i-1",
            "applied.amount": "12.00",
        }
    ],
    "payment": [
        {
            "external_id": "p-1",
            "customer": "c-1",
            "date": "2026-01-12",
            "method": "Credit Card",
            "reference": "ch_1042",
            "amount": "53.04",
            "applied.invoice": "i-1",
            "applied.amount": "53.04",
        }
    ],
    "refund": [
        {
            "external_id": "r-1",
            "customer": "c-1",
            "date": "2026-01-20",
            "method": "Check",
            "reference": "5001",
            "amount": "12.00",
            "credit_memo": "m-1",
        }
    ],
}


def template(kind: str) -> str:
    """Return a file with every column of ``kind`` but the version, and an example."""
    names = [name for name in columns(kind) if name != "version"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_EXAMPLES[kind])
    return text.getvalue()
