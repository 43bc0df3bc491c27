"""The targets `exports` and `bundle` of a finished study, made for real."""

import zipfile
from pathlib import Path

import onnx
import pytest
from fixtures import crates
from fixtures.workflow import Planner, copy, snakemake

from fmstudy.exports import bundle

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study with its exports and its bundle."""
    study = copy(finished, tmp_path_factory.mktemp("exports") / "study")
    done = snakemake(study, "exports", "bundle", "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return study


def test_every_model_is_exported_and_nothing_is_left_to_do(exported: Path, planner: Planner):
    folder = exported / "results/exports"
    names = {"softmax", "A", "B-L2", "keras-2", "keras-2-BN"}
    files = {f"{name}.{ending}" for name in names for ending in ("keras", "onnx", "md")}
    assert {it.name for it in folder.iterdir() if it.suffix} == files | {"README.md"}
    said = {it.key: it.value for it in onnx.load(folder / "B-L2.onnx").metadata_props}
    assert said["title"] == "L2 <script>alert(1)</script> & $x$"
    assert "<script>" not in (folder / "B-L2.md").read_text(encoding="utf-8")
    assert planner.planned(exported, "exports", "bundle") == {}


def test_a_bundle_is_valid_and_its_code_runs_the_study_again(
    exported: Path, planner: Planner, tmp_path: Path
):
    path, unpacked = exported / "results/bundle.zip", tmp_path / "unpacked"
    done = crates.validate(path, tmp_path, "required")
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(path) as archive:
        archive.extractall(unpacked)
    for name in ("report/final.html", "results/tables/part_a.csv", "results/exports/A.onnx"):
        assert (unpacked / name).read_bytes() == (exported / name).read_bytes()
    assert not list(unpacked.rglob("*.pyc")) and (unpacked / bundle.METADATA).exists()
    (unpacked / "data").symlink_to(exported / "data")
    planned = planner.planned(unpacked)
    trainings = list(exported.glob("results/runs/*/seed-*"))
    assert planned["train_lowlevel"] + planned["train_keras"] == len(trainings)
