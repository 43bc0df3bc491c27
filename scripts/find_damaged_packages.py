"""Print the names of the packages of this environment whose installed files are incomplete.

Each package records its files and their sizes. Exits with 1 if pip is missing or damaged, because
then nothing else can be repaired. For `make setup`, so it needs the standard library only.
"""

import csv
import os
import sys
from importlib.metadata import Distribution, distributions


def is_damaged(package: Distribution) -> bool:
    """Say whether a recorded file is missing or has another size, compiled modules aside."""
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
