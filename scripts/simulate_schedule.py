"""Predict how long a finished study would take on other numbers of cores.

    python scripts/simulate_schedule.py report/final.html --cores 2 4 8 16 64

In the folder in which the study was run, from the times that its jobs took there.
"""

import argparse
import sys

from fmstudy import jobrecords, spending
from fmstudy.runtime import StudyError

NOTE = """\
Predicted: each job as long as it took, started by Snakemake's priorities; no time between jobs.
Best order: what holds up the most first, known only afterwards. Bound: all cores busy, or the
longest chain. Busy: the share of the cores that has a job. On more cores of one machine jobs
may take longer, for they share its memory."""


def main() -> None:
    """Print the predictions for the study behind the page that the command line names."""
    parser = argparse.ArgumentParser(
        description="Predict how long a finished study would take on other numbers of cores."
    )
    parser.add_argument("page", nargs="?", default="report/final.html", help="its report")
    parser.add_argument("--cores", nargs="+", type=whole_number, default=[1, 2, 4, 8, 16, 64])
    given = parser.parse_args()
    try:
        jobs = jobrecords.of_report(jobrecords.read_jobs(), given.page)
    except StudyError as error:
        sys.exit(str(error))
    planned = spending.to_schedule(jobs, jobrecords.read_priorities())
    print(f"{spending.predictions(planned, given.cores)}\n\n{NOTE}")


def whole_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    main()
