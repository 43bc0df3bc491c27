"""The studies kept beside the default one run to the end, at small size."""

import json
import re
from pathlib import Path

import pytest
from fixtures import REPOSITORY
from fixtures.workflow import clone, edit, snakemake

pytestmark = pytest.mark.workflow

# One seed, and as few epochs and values as make every figure and table.
SMALL = {
    "digits": [
        ("seeds: [1, 2, 3]", "seeds: [1]"),
        ("epochs: 150", "epochs: 15"),
        ("epochs: 20", "epochs: 2"),
        ("values: [0.0001, 0.001, 0.01, 0.1]", "values: [0.001, 0.01]"),
    ],
    "learning-rate": [
        ("train_samples: 6000", "train_samples: 300"),
        ("test_samples: 2000", "test_samples: 100"),
        ("seeds: [1, 2]", "seeds: [1]"),
        ("epochs: 60", "epochs: 3"),
        *[("values: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]", "values: [0.001, 0.1]")] * 3,
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """A clone of the repository with the kept studies at small size."""
    there = clone(tmp_path_factory.mktemp("kept"), data_folder)
    for name, changes in SMALL.items():
        for old, new in changes:
            edit(there / f"config/studies/{name}/config.yaml", old, new)
    return there


@pytest.mark.parametrize("name", SMALL)
def test_a_kept_study_makes_its_pages_and_says_nothing_of_other_studies(folder: Path, name: str):
    assert {it.name for it in (REPOSITORY / "config/studies").iterdir()} == {*SMALL}
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
