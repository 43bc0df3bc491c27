"""Code, comments, messages, docs and report have one spelling: American."""

import re
from collections.abc import Iterator
from pathlib import Path

from fixtures import REPOSITORY

STEMS = (
    "central|character|general|initial|maxim|minim|normal|optim|organ|penal|random|real|recogn"
    "|regular|serial|standard|summar|visual"
)
BRITISH = re.compile(
    rf"\b\w*(?:behaviour|catalogue|centre|centring|colour|favour|grey|labell(?!edby|eft)|learnt"
    rf"|licence|neighbour|programme\b|cancell(?!ed'|ation)|(?:{STEMS})is(?:e|ing|ation))\w*"
    r"|\bper cent\b",
    re.IGNORECASE,
)
FOLDERS = ("config", "docs", "report/templates", "scripts", "tests", "workflow")
KINDS = {".css", ".csv", ".j2", ".js", ".md", ".py", ".sh", ".smk", ".yaml"}


def texts() -> Iterator[Path]:
    yield from (REPOSITORY / name for name in ("README.md", "Makefile", "Snakefile"))
    for folder in FOLDERS:
        for path in (REPOSITORY / folder).rglob("*"):
            if path.suffix in KINDS and path != Path(__file__):
                yield path


def test_the_spelling_is_american():
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {match[0]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in BRITISH.finditer(line.replace('"CANCELLED"', ""))
    ]
    assert not found, "\n".join(found)
