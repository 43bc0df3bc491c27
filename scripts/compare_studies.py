"""Compare two result folders: two versions of the code, machines, or configurations.

    python scripts/compare_studies.py results/quick results/mine --page report/comparison.html

As `make compare A=results/quick B=results/mine`.  The exit code is 0 if the folders could be
compared, whatever the outcome, and otherwise 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fmstudy import runtime
from fmstudy.compare import folder, page


def main(*arguments: str) -> int:
    """Write the page, and print the answers; return the exit code."""
    parser = argparse.ArgumentParser(description="Compare the results of two studies.")
    parser.add_argument("first", help="a result folder, such as results/quick")
    parser.add_argument("second", help="another one")
    parser.add_argument("--page", default="report/comparison.html", help="the file to write")
    given = parser.parse_args(arguments)
    report = Path(__file__).resolve().parents[1] / "report"
    try:
        found = page.compare(folder.load(given.first), folder.load(given.second))
        runtime.write_text(given.page, page.render(report, found))
    except (runtime.StudyError, OSError) as error:
        number = getattr(error, "errno", None)
        print(runtime.remedy(number, getattr(error, "filename", "")) or error, file=sys.stderr)
        return 1
    print(*found["sentences"], f"The page: {given.page}", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
