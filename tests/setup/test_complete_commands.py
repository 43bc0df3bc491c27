"""Whether the commands that people read can be run as they stand."""

import re
import subprocess

from fixtures import REPOSITORY

# Options with which Snakemake runs nothing, or that say how many jobs run at a time.
COMPLETE = re.compile(
    r"\s(--cores|-c\d|--(workflow-)?profile|-n|--dry-run|--unlock|--lint|--dag|--rulegraph|--report"
    r"|--list-target-rules|--list-rules|--containerize)\b"
)


def test_every_snakemake_command_names_the_number_of_cores():
    files = subprocess.run(
        ["git", "ls-files", "*.md", "*.yaml", "*.yml", "*.smk", "Snakefile", "*/Snakefile", "*.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    found = {}
    for file in files:
        if not file.startswith("tests/") and file != "CHANGELOG.md":
            text = (REPOSITORY / file).read_text(encoding="utf-8").replace("\\\n", " ")
            found[file] = re.findall(r"`(snakemake [^`]+)`", text)
            found[file] += re.findall(r"^#? *(snakemake (?!import\b).+)", text, re.M)
    commands = [(file, command) for file, commands in found.items() for command in commands]
    assert len(commands) > 20
    assert [it for it in commands if not COMPLETE.search(it[1])] == []
