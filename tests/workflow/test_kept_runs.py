"""The studies kept beside the default one run to the end, at small size."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from fixtures import REPOSITORY
from fixtures.workflow import SMALL, clone, shrink_studies, snakemake

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """A clone of the repository with the kept studies at small size."""
    there = clone(tmp_path_factory.mktemp("kept"), data_folder)
    shrink_studies(there)
    return there


def test_every_kept_study_has_a_small_size():
    listed = subprocess.run(
        ["git", "ls-files", "config/studies"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {Path(it).parent.name for it in listed.stdout.splitlines()} == {*SMALL}


@pytest.mark.parametrize("name", SMALL)
def test_a_kept_study_makes_its_pages_and_says_nothing_of_other_studies(folder: Path, name: str):
    configuration = f"config/studies/{name}/config.yaml"
    done = snakemake(folder, "--cores", "2", "--configfile", configuration)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / f"report/{name}.pdf").stat().st_size > 10_000
    assert (folder / f"report/{name}-playground.html").exists() == (name == "digits")
    record = json.loads((folder / f"results/{name}/study.json").read_text(encoding="utf-8"))
    assert {"title", "data", "models", "sweeps"} <= set(record["configuration"])
    page = (folder / f"report/{name}.html").read_text(encoding="utf-8").partition("<main")[2]
    words = re.sub(r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    body = words.partition("Cite, rerun, and reuse")[0]
    assert not re.search(r"\b(the source|claims?|Part [ABC]|batch normalization)\b", body)
    assert bool(re.search(r"garment|Fashion-MNIST", body)) == (name == "learning-rate")
    again = snakemake(folder, "--cores", "1", "--configfile", configuration)
    assert "Nothing to be done" in again.stdout + again.stderr
