"""Trainings are used only if their files are whole and agree with each other."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.runs import labels_of, train, write_labels

from fmstudy import runtime
from fmstudy.analysis.results import Runs
from fmstudy.analysis.verification import verified_runs, verify
from fmstudy.runtime import StudyError
from fmstudy.study.spec import DIVERGED, FINISHED, RunSpec

N = 20
SPEC = RunSpec("lowlevel", (5,), epochs=3, test_samples=N)
EXCHANGE = np.zeros((10, N), np.float32)  # a negative probability, the same sums
EXCHANGE[[0, 5], 5] = 1, -1
FILES = ("metrics.json", "history.csv", "predictions.npy", "weights.npz")


def check(place: Path) -> None:
    """Verify a training and read its weights, as a job does, but without the digests."""
    runs = Runs(place.parents[1])
    verify(runs, place.parent.name, int(place.name.removeprefix("seed-")), labels_of(2 * N))
    runs.arrays(place.parent.name, 1)


def refusal(place: Path) -> str:
    with pytest.raises(StudyError) as error:
        check(place)
    return str(error.value)


def edit(path: Path, key: str, value: Any) -> None:
    """Set a value, such as final.test.loss, in a JSON file."""
    content = place = json.loads(path.read_text())
    *outer, last = key.split(".")
    for name in outer:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("status", [FINISHED, DIVERGED])
def test_a_training_is_accepted_as_its_job_leaves_it(tmp_path: Path, status: str):
    check(train(tmp_path, SPEC, 1, status))


def test_files_of_several_trainings_are_read_with_the_labels_of_the_images_they_predicted(
    tmp_path: Path,
):
    places = [train(tmp_path / "runs", SPEC, seed) for seed in (1, 2)]
    files = [str(place / file) for file in FILES for place in places]
    runs, labels = verified_runs([*files, *write_labels(tmp_path, 2 * N)])
    assert runs.directory == tmp_path / "runs"
    assert labels.tolist() == labels_of(N).tolist()
    edit(places[1] / "metrics.json", "seed", 1)
    with pytest.raises(StudyError, match=re.escape(f"{places[1]}/metrics.json: seed is 1")):
        verified_runs([*files, *write_labels(tmp_path, 2 * N)])


@pytest.mark.parametrize("file", FILES)
def test_a_change_that_contradicts_nothing_is_found_by_its_digest(tmp_path: Path, file: str):
    """Such as another loss in the middle of a history, or other weights."""
    place = train(tmp_path / "runs", SPEC, 1)
    labels = write_labels(tmp_path, N)
    if file == "weights.npz":
        runtime.write_arrays(place / file, {"coefficients0": np.zeros((10, 784), np.float32)})
    elif file == "predictions.npy":
        runtime.write_array(place / file, np.load(place / file)[[*range(9), 9]] + np.float32(1e-7))
    else:
        old, new = {"history.csv": ("2,test,1", "2,test,2")}.get(file, ('"code": "', '"code": "1'))
        (place / file).write_text((place / file).read_text().replace(old, new))
    check(place)
    with pytest.raises(StudyError) as error:
        verified_runs([str(place / file), *labels])
    assert str(error.value) == (
        f"{place / file}: changed since it was made, by the digest in {place}/provenance.json."
        " Delete it and run the same command again."
    )


EDITS: dict[str, tuple[str, Any]] = {  # what is edited, and the message
    "final.test.accuracy is 0.999, but predictions.npy gives 0.05": ("final.test.accuracy", 0.999),
    "final.test.loss is 0.5, but predictions.npy gives 1.53": ("final.test.loss", 0.5),
    "final.test.loss is 1.6, but predictions.npy gives 1.53": ("final.test.loss", 1.6),
    "final.test.penalty is 0.002, but history.csv has 0.001": ("final.test.penalty", 0.002),
    "final.train.accuracy is 0.6, but history.csv has 0.5": ("final.train.accuracy", 0.6),
    "final.train.loss is not finite, but history.csv has 0.166666667": ("final.train.loss", None),
    "final is ['test', 'train', 'x'], but history.csv has ['test', 'train']": ("final.x", {}),
    "status is diverged, but history.csv has finished": ("status", DIVERGED),
    "epochs_done is 4, but history.csv has 3": ("epochs_done", 4),
    "parameters is 9, but its specification implies 3972": ("parameters", 9),
    "run is mlp-6, but its folder is that of mlp-5": ("run", "mlp-6"),
    "seed is 2, but its folder is that of 1": ("seed", 2),
    "specification is mlp-5_rate-0.1": ("specification.learning_rate", 0.1),
}


@pytest.mark.parametrize("message", EDITS)
def test_edited_metrics_are_refused_with_both_values_and_the_remedy(tmp_path: Path, message: str):
    place = train(tmp_path, SPEC, 1)
    edit(place / "metrics.json", *EDITS[message])
    found = refusal(place)
    assert found.startswith(f"{place}/metrics.json: {message}")
    assert found.endswith(f". Delete the folder {place} and run the same command again.")


def test_a_copied_training_is_refused(tmp_path: Path):
    train(tmp_path, SPEC, 2).rename(train(tmp_path, SPEC, 1).with_name("seed-3"))
    assert "seed is 2, but its folder is that of 3" in refusal(tmp_path / SPEC.name / "seed-3")


def test_a_loss_larger_than_its_probabilities_show_is_accepted_only_if_float32_hides_it(
    tmp_path: Path,
):
    place = train(tmp_path, SPEC, 1, hidden=0.0)  # the loss, from logits, is larger
    check(place)
    edit(place / "metrics.json", "final.test.loss", 50.0)
    assert "final.test.loss is 50, but predictions.npy gives 82" in refusal(place)


def test_a_finished_training_has_all_its_epochs(tmp_path: Path):
    place = train(tmp_path, SPEC, 1)
    lines = (place / "history.csv").read_text().splitlines(keepends=True)
    (place / "history.csv").write_text("".join(lines[:-2]))
    edit(place / "metrics.json", "epochs_done", 2)
    assert "epochs_done is 2, but its specification has 3" in refusal(place)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3,test,", "3,test,5", "metrics.json: final.test.loss is 1.53"),
        ("3,train,0.166666667,0.001,0.5", "3,train,nan,0.001,0.5", "metrics.json: status is"),
        ("2,train,0.2,0.001,0.5\n", "", "history.csv: damaged: epochs are missing"),
        ("2,train,0.2,0.001,0.5", "2,train,0.2,0.001", "history.csv: damaged: row 6 has 4 cells"),
        ("2,train,0.2,", "2,train,0.2e,", "history.csv: damaged: could not convert string"),
        ("penalty", "penalties", "history.csv: damaged: the header is 'epoch,split,loss,penalties"),
    ],
)
def test_an_edited_history_is_refused(tmp_path: Path, old: str, new: str, message: str):
    place = train(tmp_path, SPEC, 1)
    text = (place / "history.csv").read_text()
    assert old in text
    (place / "history.csv").write_text(text.replace(old, new))
    assert message in refusal(place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it.astype(np.float64), "expected float32 of shape (10, 20), found float64"),
        (lambda it: it[:, 1:], "expected float32 of shape (10, 20), found float32 of shape"),
        (lambda it: it.T, "expected float32 of shape (10, 20)"),
        (lambda it: 0 * it, "its columns are not probabilities"),
        (lambda it: it * np.nan, "its columns are not probabilities"),
        (lambda it: it + EXCHANGE, "its columns are not probabilities"),
    ],
)
def test_predictions_that_are_none_are_refused(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], message: str
):
    place = train(tmp_path, SPEC, 1)
    path = place / "predictions.npy"
    runtime.write_array(path, change(np.load(path)))
    assert f"{path}: {message}" in refusal(place)


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_refused_by_its_name_however_it_is_damaged(tmp_path: Path, file: str):
    place = train(tmp_path, SPEC, 1)
    path = place / file
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    lengths = [0, 1, 5, *random.integers(6, len(whole), 10), len(whole) - 2]
    damaged = [whole[:length] for length in lengths]
    damaged += [bytes(len(whole)), random.bytes(len(whole)), b"\xff\xfe" + whole, b"{}", b"[]"]
    for content in damaged:
        path.write_bytes(content)
        assert re.search(rf"^{re.escape(str(path))}: .* run the same command again", refusal(place))
    path.unlink()
    assert refusal(place) == f"{path}: not found. Run the same command again to make it."


def test_no_flipped_bit_ends_in_anything_but_a_refusal(tmp_path: Path):
    place = train(tmp_path, SPEC, 1)
    random = np.random.default_rng(6)
    for file in FILES:
        whole = (place / file).read_bytes()
        for _ in range(40):
            content = bytearray(whole)
            content[random.integers(min(len(whole), 500))] ^= 1 << random.integers(8)
            (place / file).write_bytes(content)
            try:
                check(place)
            except StudyError as error:
                assert str(place) in str(error)
        (place / file).write_bytes(whole)
