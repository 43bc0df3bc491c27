"""Show how far a running study is: what runs, each training's epochs, and what is left.

For a second terminal, in the folder where the study runs; `watch python scripts/show_progress.py`
shows it all the time.
"""

import argparse
import time
from pathlib import Path

STALE = 60.0  # seconds without news after which a run no longer goes on, or hangs

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument(
    "logs", nargs="?", default="logs", type=Path, help="where the logs are (default: %(default)s)"
)
found = sorted(
    parser.parse_args().logs.rglob("progress.txt"), key=lambda path: path.stat().st_mtime
)
if not found:
    parser.exit(
        1, "No run has said how far it is: none was started here, or it is just beginning.\n"
    )
silent = time.time() - found[-1].stat().st_mtime
print(found[-1].read_text(encoding="utf-8"), end="")
if silent > STALE:
    print(f"Nothing was heard since then: {silent / 60:.0f} minutes.")
