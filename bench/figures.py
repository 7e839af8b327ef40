"""A figure, and the table of them in ``README.md``."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Figure:
    """One row of the table: what was measured, how it came out, and what it should be."""

    what: str
    value: str
    target: str = ""
    is_met: bool | None = None

    def row(self) -> str:
        met = {None: "", True: "met", False: "**missed**"}[self.is_met]
        return f"| {self.what} | {self.value} | {self.target} | {met} |"


def at_least(what: str, ratio: float, target: float, said: str = "") -> Figure:
    """Return a figure that should be ``target`` or more."""
    return Figure(what, f"{ratio:.2f}{said and f' ({said})'}", f"≥ {target:g}", ratio >= target)


def at_most(what: str, value: float, target: float, unit: str = "", said: str = "") -> Figure:
    """Return a figure that should be ``target`` or less."""
    return Figure(
        what, f"{_short(value)}{unit}{said and f' ({said})'}", f"≤ {target:g}{unit}", value <= target
    )


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def write(figures: Iterable[Figure]) -> None:
    """Put the table of ``figures`` between the markers of the README."""
    machine = (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), "
        f"Python {platform.python_version()}, {platform.system()}"
    )
    rows = "\n".join(figure.row() for figure in figures)
    table = f"{machine}\n\n| what | measured | target | |\n|---|---|---|---|\n{rows}"
    text = README.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
    README.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text))


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def main(subject: Callable[[bool], list[Figure]]) -> None:
    """Measure one subject from the command line and print its figures."""
    parser = argparse.ArgumentParser(description=sys.modules[subject.__module__].__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, rougher figures")
    for figure in subject(parser.parse_args().quick):
        print(figure.row(), flush=True)
