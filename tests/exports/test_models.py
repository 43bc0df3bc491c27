"""A model's files: they predict what its training did, need nothing of ours, and stay the same."""

import io
import json
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from fixtures import exports as made
from fixtures.runs import leave

from fmstudy import runtime
from fmstudy.exports import keras_file, models
from fmstudy.predict.layers import trained_layers
from fmstudy.runtime import StudyError

pytestmark = pytest.mark.usefixtures("one_thread")

KINDS = [
    ("lowlevel", {"bias": bias, "batch_norm": batch_norm, "activation": activation})
    for bias, batch_norm, activation in [
        ("scalar", "none", "relu"),
        ("vector", "none", "sigmoid"),
        ("scalar", "before", "sigmoid"),
        ("vector", "before", "relu"),
        ("scalar", "after", "relu"),
        ("vector", "after", "sigmoid"),
    ]
]
KINDS += [
    ("keras", {"dropout": dropout, "batch_norm": batch_norm, "activation": activation})
    for dropout, batch_norm, activation in [
        (0.0, "none", "sigmoid"),
        (0.3, "none", "relu"),
        (0.3, "before", "sigmoid"),
        (0.0, "before", "relu"),
        (0.3, "after", "relu"),
        (0.0, "after", "sigmoid"),
    ]
]
KINDS += [(engine, {"hidden": ()}) for engine in ("lowlevel", "keras")]


@pytest.fixture(params=KINDS, ids=str)
def exported(request: pytest.FixtureRequest, tmp_path: Path):
    """A model of each kind, its files, and the predictions (classes, n) of the reference."""
    engine, settings = request.param
    given = made.model(engine, **settings, bn_epsilon=0.01)
    expected = made.train(tmp_path, given)
    [found] = made.export(tmp_path, given)
    return given, found, expected


def test_files_predict_what_the_reference_does_and_have_the_parts_of_the_model(exported, tmp_path):
    given, found, expected = exported
    path, spec = tmp_path / "net.keras", given["spec"]
    path.write_bytes(found.files["keras"])
    model = keras.saving.load_model(path)  # safe mode, no objects of ours
    images = made.images()[:, : made.IMAGES].T.reshape(-1, *made.SHAPE)
    np.testing.assert_allclose(model.predict(images, verbose=0).T, expected, rtol=0, atol=1e-6)
    session = onnxruntime.InferenceSession(found.files["onnx"])
    [answers] = session.run(["probabilities"], {"image": images})
    np.testing.assert_allclose(answers.T, expected, rtol=0, atol=1e-6)
    assert max(found.differences.values()) <= 1e-6
    names = [type(layer).__name__ for layer in model.layers]
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    operators = [node.op_type for node in onnx.load_from_string(found.files["onnx"]).graph.node]
    hidden = len(spec["hidden"])
    for kind, operator, number in [
        ("Dense", "Gemm", hidden + 1),
        ("BatchNormalization", "BatchNormalization", hidden * (spec["batch_norm"] != "none")),
        ("Dropout", "Dropout", hidden * (spec["dropout"] > 0)),
    ]:
        assert names.count(kind) == number
        assert operators.count(operator) == number * (operator != "Dropout")
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [
        spec["dropout"]
    ] * names.count("Dropout")


def test_the_same_model_gives_the_same_bytes(tmp_path: Path):
    given = made.model("keras", dropout=0.3, batch_norm="after")
    made.train(tmp_path, given)
    [first], [second] = made.export(tmp_path, given), made.export(tmp_path, given)
    assert first.files == second.files
    with zipfile.ZipFile(io.BytesIO(first.files["keras"])) as archive:
        assert {it.date_time for it in archive.infolist()} == {runtime.EARLIEST}
        config = archive.read("config.json").decode()
        assert json.loads(archive.read("metadata.json"))["date_saved"].startswith("1980")
    # Keras writes addresses in memory here, which differ from process to process.
    shared = set(map(int, re.findall(r'"shared_object_id": (\d+)', config)))
    assert shared == set(range(len(shared)))


def test_an_onnx_file_says_what_it_is_and_takes_any_number_of_images(tmp_path: Path):
    given = made.model("lowlevel")
    made.train(tmp_path, given)
    [found] = made.export(tmp_path, given)
    model = onnx.load_from_string(found.files["onnx"])
    onnx.checker.check_model(model, full_check=True)
    said = {it.key: it.value for it in model.metadata_props}
    assert json.loads(said["classes"])[:2] == ["T-shirt/top", "Trouser"]
    expected = {"title": "A net", "seed": "1", "data_set": "Fashion-MNIST", "data_license": "MIT"}
    expected |= {"license": "MIT", "version": made.CITATION["version"]}
    assert said.items() >= expected.items()
    assert said["study"].startswith("A study ")
    assert "" not in said.values()
    session = onnxruntime.InferenceSession(found.files["onnx"])
    [given_], [answer] = session.get_inputs(), session.get_outputs()
    assert (given_.name, given_.type, given_.shape) == (
        "image",
        "tensor(float)",
        ["n", *made.SHAPE],
    )
    assert (answer.name, answer.type, answer.shape) == ("probabilities", "tensor(float)", ["n", 10])
    for n in (1, 5):
        [answers] = session.run(None, {"image": np.zeros((n, *made.SHAPE), np.float32)})
        assert answers.shape == (n, 10)


@pytest.mark.parametrize("wrong", [3e-5, np.nan])
def test_files_that_predict_anything_else_are_refused(tmp_path: Path, wrong: float):
    given = made.model("lowlevel")
    made.train(tmp_path, given)
    path = tmp_path / given["run"] / "seed-1/predictions.npy"
    stored = np.load(path)
    stored[3, 4] += wrong
    np.save(path, stored)
    with pytest.raises(StudyError, match=r"seed-1: the \.keras file .* Delete the folder") as error:
        made.export(tmp_path, given)
    assert "predictions.npy" in str(error.value)


@pytest.mark.parametrize("file", ["keras", "onnx"])
def test_both_files_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str):
    given = made.model("lowlevel")
    made.train(tmp_path, given)
    module = getattr(models, f"{file}_file")
    original = module.predict

    def a_little_off(content, images):
        found = original(content, images)
        return (found[0] + 1e-4, found[1]) if file == "keras" else found + 1e-4

    monkeypatch.setattr(module, "predict", a_little_off)
    with pytest.raises(StudyError, match=rf"the \.{file} file .* 1\.0e-04, more than 1\.0e-05"):
        made.export(tmp_path, given)


def test_files_may_differ_by_what_single_precision_cannot_tell_apart():
    assert models.tolerance(np.array([[0.5, -1.0]])) == 1e-5
    assert models.tolerance(np.array([[3.0, -35.0]])) == 16 * 2.0**-18  # 32 and the next number


def test_a_model_is_its_first_finished_training_and_without_one_it_has_no_files(tmp_path: Path):
    twice, lost = made.model("lowlevel", seeds=(1, 2)), made.model("lowlevel", hidden=(3,))
    leave(tmp_path, twice["run"], 1, status="diverged")
    made.train(tmp_path, twice, seed=2)
    leave(tmp_path, lost["run"], 1, status="diverged")
    assert [(it.model, it.seed) for it in made.export(tmp_path, twice, lost)] == [(twice, 2)]


def test_images_of_any_number_are_predicted_in_chunks(tmp_path: Path, monkeypatch):
    given = made.model("lowlevel")
    expected = made.train(tmp_path, given)
    monkeypatch.setattr(keras_file, "CHUNK", 5)
    runs = made.Runs(tmp_path)
    layers = trained_layers(given["spec"], runs.arrays(given["run"], 1))
    images = made.images()[:, : made.IMAGES].T.reshape(-1, *made.SHAPE)
    found, logits = keras_file.predict(keras_file.build(given["spec"], layers, made.SHAPE), images)
    np.testing.assert_allclose(found.T, expected, rtol=0, atol=1e-6)
    exponentials = np.exp(logits.astype(float)).T
    assert exponentials / exponentials.sum(axis=0) == pytest.approx(expected, abs=1e-6)
