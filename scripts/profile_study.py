"""Print where every core-second of a finished study went, from Snakemake's notes and the jobs' own.

    python scripts/profile_study.py report/final.html

In the folder in which the study was run.
"""

import argparse
import sys

from fmstudy import jobrecords, spending
from fmstudy.runtime import StudyError


def main() -> None:
    """Print the profile of the study behind the page that the command line names."""
    parser = argparse.ArgumentParser(
        description="Print where every core-second of a finished study went."
    )
    parser.add_argument("page", nargs="?", default="report/final.html", help="its report")
    page = parser.parse_args().page
    everything = jobrecords.read_jobs()
    try:
        jobs = jobrecords.of_report(everything, page)
    except StudyError as error:
        sys.exit(str(error))
    found = spending.spending(jobs, everything, jobrecords.read_invocations())
    print(spending.as_text(found, page, len(jobs)))


if __name__ == "__main__":
    main()
