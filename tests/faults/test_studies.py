"""What passes the check runs to the end: small studies of every shape."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from fixtures import studies
from fixtures.studies import Files
from fixtures.workflow import clone, snakemake
from hypothesis import HealthCheck, Phase, given, settings

from fmstudy.study.configuration import ConfigurationError
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.quantities import kind_of

pytestmark = pytest.mark.faults

RUNS = settings(
    max_examples=12,  # a third of them pass the check
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # to shrink a failure would take hours
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """A copy of the repository, in which one study after the other runs."""
    return clone(tmp_path_factory.mktemp("studies") / "study", data_folder)


@RUNS
@given(files=studies.sensible())
def test_a_study_that_passes_the_check_runs_to_the_end(directory: Path, files: Files):
    studies.write(files, directory)
    try:
        studies.check(directory)
    except ConfigurationError:
        return
    for path in (directory / "results").glob("*"):
        if path.name != "data":  # the tensors are the same for all studies
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = snakemake(directory, "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, experiment in EXPERIMENTS.items():
        path = directory / f"results/tables/bn_{name}_quantities.csv"
        for row in csv.DictReader(path.open(encoding="utf-8")) if path.exists() else ():
            kind = kind_of(row["quantity"])
            assert any(re.fullmatch(each, kind) for each in experiment.quantities), (name, kind)
