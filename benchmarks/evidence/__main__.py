"""`python -m benchmarks.evidence [--runs 2000] [TABLE …]`: simulations of all that decides.

Prints each case beside its limits; the exit code is 1 when one is missed. The runs are many and
the same each time; `make unit` runs the same tables with fewer.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.evidence.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table {unknown[0]!r}; choose from: {', '.join(TABLES)}")
    missed = 0
    for name in chosen.tables or TABLES:
        started = time.process_time()
        rows = TABLES[name](chosen.runs)
        print(f"\n{name}, {chosen.runs} runs, {time.process_time() - started:.0f} s of CPU")
        print(f"{'':<68}{'measured':>10}{'limits':>20}{'stated':>9}")
        for row in rows:
            print(row)
            missed += not row.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
