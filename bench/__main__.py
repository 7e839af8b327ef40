"""``python -m bench``: measure every subject and write the figures into ``README.md``."""

from __future__ import annotations

import argparse
import time
import traceback

from bench import booking, full, large, planning, poll, scale, soak, trips
from bench.figures import Figure, write

SUBJECTS = (poll, trips, booking, planning, full, scale, large, soak)


def main() -> None:
    """Measure; a subject that fails is named in the table, and the others are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter runs; nothing is written"
    )
    quick = parser.parse_args().quick
    figures = []
    failed = False
    for module in SUBJECTS:
        name = module.__name__.removeprefix("bench.")
        began = time.monotonic()
        try:
            found = module.subject(quick)
        except Exception:
            traceback.print_exc()
            found, failed = [Figure(name, "could not be measured", is_met=False)], True
        print(
            f"{name}: {time.monotonic() - began:.0f} s",
            *(one.row() for one in found),
            sep="\n",
            flush=True,
        )
        figures += found
    if not quick:
        write(figures)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
