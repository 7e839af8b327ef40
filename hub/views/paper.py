"""Pages of paper: what an accountant files, as PDF.

The fonts are those every reader has: a letter outside Windows' own set, in which QuickBooks
keeps its names as well, is written as ``?``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout
from fpdf.fonts import FontFace

MARGIN = 18
INK, MUTED, SHADE = (24, 28, 36), (88, 96, 110), (241, 243, 247)
_PLAIN = str.maketrans({"−": "-", "→": "->", "\N{NO-BREAK SPACE}": " "})


class Column(NamedTuple):
    """One column of a table: its title, its share of the width, and whether it holds amounts."""

    title: str
    share: float = 1
    is_amount: bool = False


class Paper:
    """A document written from top to bottom, A4, whose pages say what they are and their number.

    ``moment`` is the instant its figures are of: the same figures give the same bytes.
    """

    def __init__(self, title: str, moment: dt.datetime):
        self._pdf = _Sheets(title, moment)

    def heading(self, text: str, size: int = 18) -> None:
        self._pdf.write_text(text, size, style="B")

    def paragraph(self, text: str) -> None:
        self._pdf.write_text(text, 10)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Write each fact on a line of its own, its name before it."""
        for name, value in facts.items():
            self._pdf.pen(10, MUTED)
            self._pdf.cell(48, 5.5, _text(name))
            self._pdf.pen(10)
            self._pdf.multi_cell(0, 5.5, _text(value), new_x="LMARGIN", new_y="NEXT", align="L")
        self._pdf.ln(3)

    def table(
        self, columns: Sequence[Column], rows: Iterable[Sequence[str]], total: Sequence[str] = ()
    ) -> None:
        """Write rows of text under titles that each page repeats, and ``total`` in bold."""
        self._pdf.pen(9)
        with self._pdf.table(
            width=self._pdf.epw,
            col_widths=[column.share for column in columns],
            text_align=[Align.R if column.is_amount else Align.L for column in columns],
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
            line_height=5,
            padding=1,
        ) as table:
            for cells in ([column.title for column in columns], *rows):
                table.row([_text(cell) for cell in cells])
            if total:
                table.row([_text(cell) for cell in total], style=FontFace(emphasis="BOLD"))
        self._pdf.ln(4)

    def bytes(self) -> bytes:
        """Return the document as it is written so far."""
        return bytes(self._pdf.output())


class _Sheets(FPDF):
    def __init__(self, title: str, moment: dt.datetime):
        super().__init__(format="A4")
        self.core_fonts_encoding = "windows-1252"
        self.set_margin(MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN)
        self.set_title(title)
        self.set_lang("en")
        self.set_creation_date(moment)
        self.add_page()

    def footer(self) -> None:
        self.set_y(4 - MARGIN)
        self.pen(8, MUTED)
        self.cell(0, 4, _text(f"{self.title} – page {self.page_no()} of {{nb}}"), align="R")

    def pen(self, size: int, color: tuple[int, int, int] = INK, style: str = "") -> None:
        self.set_font("Helvetica", style, size)
        self.set_text_color(*color)

    def write_text(self, text: str, size: int, style: str = "") -> None:
        self.pen(size, style=style)
        self.multi_cell(0, size * 0.5, _text(text), new_x="LMARGIN", new_y="NEXT", align="L")
        self.ln(2)


def _text(text: str) -> str:
    encoding = "windows-1252"
    return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
