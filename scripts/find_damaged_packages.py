"""Print the names of installed packages with missing or damaged files.

Each package records its files and their sizes.  The exit code is 1 if pip is missing or damaged,
because then nothing can be repaired.  `make setup` runs this, so it uses only the standard library.
"""

import csv
import os
import sys
from importlib.metadata import Distribution, distributions


def is_damaged(package: Distribution) -> bool:
    """Return whether a recorded file, except for .pyc files, is missing or has another size."""
    record = package.read_text("RECORD")
    if not record or not package.read_text("INSTALLER"):  # the installation was interrupted
        return True
    folder = str(package.locate_file(""))
    for name, _, size in csv.reader(record.splitlines()):
        if not name.endswith(".pyc"):
            try:
                found = os.stat(os.path.join(folder, name)).st_size
            except OSError:
                return True
            if size and int(size) != found:
                return True
    return False


packages = {package.name: package for package in distributions()}
damaged = sorted(name for name, package in packages.items() if is_damaged(package))
print(*damaged)
sys.exit("pip" in damaged or "pip" not in packages)
