"""The commands in the documentation work: they run in order, page by page, with small studies.

CONTRIBUTING.md says how a block is marked.  The tutorial starts from a fresh clone, whose default
study is the tiny one and finished; all other pages start where the tutorial ends.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY
from fixtures.workflow import copy, edit, shrink_studies

PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
TUTORIAL = "docs/tutorial.md"
KINDS = "sh|text|yaml|diff|python"
UNTESTED = "# Untested: "

# The default study with other settings, at small size.
QUICK = """\
extends: config/config.yaml
without: [part_b, batchnorm, noise, checks, closer, claims, published, epochs, weights, sweeps]
output:
  directory: results/quick
  report: report/quick.html
  playground: report/quick-playground.html
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: its page and line, its info string, the title in it, and its text."""

    place: str
    info: str
    text: str

    @property
    def kind(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def title(self) -> str:
        found = re.fullmatch(r'\w+ title="(.+)"', self.info)
        return found[1] if found else ""

    @property
    def is_run(self) -> bool:
        changes = self.kind in ("yaml", "diff") and self.title
        return bool(changes) or (self.kind == "sh" and not self.text.startswith(UNTESTED))


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, also those in a list."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(.*)\n((?:.*\n)*?)^\1```$", text, re.MULTILINE):
        indent, info, body = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        lines = (it.removeprefix(indent) for it in body.splitlines(keepends=True))
        yield Block(f"{name_of(page)}:{line}", info, "".join(lines))


BLOCKS = {name_of(page): list(blocks_of(page)) for page in PAGES}
RUN = [name for name, blocks in BLOCKS.items() if any(it.is_run for it in blocks)]


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_says_what_it_is(name: str):
    for block in BLOCKS[name]:
        assert re.fullmatch(rf'({KINDS})( title="[^"]+")?', block.info), (
            f"{block.place}: a block must say what it is (see CONTRIBUTING.md): "
            f"```{block.info} is none of {KINDS.replace('|', ', ')}."
        )
        if UNTESTED.strip() in block.text:
            assert re.match(rf"{UNTESTED}\w.*\n", block.text), f"{block.place}: say why"
        if block.kind == "yaml":
            assert yaml.safe_load(block.text), block.place


def merge(old: object, new: object) -> object:
    """Merge groups of keys, as a person adds them to a file."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {key: merge(old[key], it) if key in old else it for key, it in new.items()}


def change(file: Path, lines: str) -> None:
    """Apply a change that is shown as a diff."""
    side = {
        sign: "".join(it[1:] for it in lines.splitlines(keepends=True) if it[0] in f" {sign}")
        for sign in "-+"
    }
    assert file.read_text(encoding="utf-8").count(side["-"]) == 1, f"{side['-']} in {file}"
    edit(file, side["-"], side["+"])


def follow(name: str, folder: Path) -> None:
    """Do what a page says, in a folder.  Fails at the first command that does."""
    ours = ("MAKE", "MFLAGS", "PYTHON", "VENV", "CORES", "FMSTUDY", "VIRTUAL_ENV")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    for block in filter(lambda it: it.is_run, BLOCKS[name]):
        file = folder / block.title
        if block.kind == "yaml":
            merged = merge(yaml.safe_load(file.read_text("utf-8")), yaml.safe_load(block.text))
            file.write_text(yaml.safe_dump(merged, sort_keys=False), encoding="utf-8")
        elif block.kind == "diff":
            change(file, block.text)
        else:
            commands = re.sub(r"^make test\b.*", "", block.text, flags=re.MULTILINE)  # is running
            if name != TUTORIAL:  # which has made that study
                commands = re.sub(r"^make new STUDY=mine\b.*", "", commands, flags=re.MULTILINE)
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", commands],
                cwd=folder, env=env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            said = f"{block.place} fails:\n{block.text}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, said


@pytest.fixture(scope="module")
def after_tutorial(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """A clone in which somebody has followed the tutorial."""
    folder = copy(finished, tmp_path_factory.mktemp("docs") / "clone")
    for name in ("Makefile", "README.md", "pyproject.toml", "requirements", "docs"):
        path = REPOSITORY / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)
    shrink_studies(folder)
    (folder / "config/quick.yaml").write_text(QUICK, encoding="utf-8")
    (folder / ".venv").symlink_to(sys.prefix)
    for script in ("make_environment", "install_system_packages"):
        (folder / f"scripts/{script}.sh").write_text("exit 0\n", encoding="utf-8")
    follow(TUTORIAL, folder)
    return folder


# Pages that compute for half a minute; what they call is tested elsewhere, too.
SLOW = {
    "README.md",
    *(f"docs/how-to/{it}.md" for it in ("add-a-model", "add-a-sweep", "run-parts-of-a-study")),
}


@pytest.mark.workflow
@pytest.mark.parametrize(
    "name", [pytest.param(it, marks=[pytest.mark.slow] if it in SLOW else []) for it in RUN]
)
def test_the_commands_of_a_page_work(name: str, after_tutorial: Path, tmp_path: Path):
    if name != TUTORIAL:
        follow(name, copy(after_tutorial, tmp_path / "clone"))
