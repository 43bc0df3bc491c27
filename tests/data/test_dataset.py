"""Verified files become tensors and a description; anything else is refused, and leaves nothing."""

import hashlib
import runpy
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures import REPOSITORY
from fixtures.idx import idx_file

from fmstudy.data import dataset, sets
from fmstudy.data.identity import Identity
from fmstudy.data.idx import parse_idx
from fmstudy.runtime import StudyError, read_json

SCRIPTS = REPOSITORY / "scripts"
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = sets.IDX


def test_the_idx_reader_gives_values_in_their_shape_and_order_and_reads_big_endian_sizes():
    values = parse_idx(idx_file(np.arange(24).reshape(2, 3, 4)))
    assert values.dtype == np.uint8
    assert values.tolist() == np.arange(24).reshape(2, 3, 4).tolist()
    assert parse_idx(bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)).shape == (258,)


def small_set() -> dict[str, np.ndarray]:
    """A hundred training images, ten of each class, and twenty test images."""
    random = np.random.default_rng(7)
    return {
        TRAIN_IMAGES: random.integers(0, 256, (100, 28, 28)),
        TRAIN_LABELS: random.permutation(np.arange(100) % 10),
        TEST_IMAGES: random.integers(0, 256, (20, 28, 28)),
        TEST_LABELS: np.arange(20) % 10,
    }


def store(directory: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write IDX files to a directory."""
    directory.mkdir()
    for name, array in arrays.items():
        (directory / name).write_bytes(idx_file(array))
    return directory


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The small set in the place of Fashion-MNIST."""
    arrays = small_set()
    source = store(tmp_path / "idx", arrays)
    files = {
        name: Identity(len(idx_file(it)), hashlib.sha256(idx_file(it)).hexdigest())
        for name, it in arrays.items()
    }
    small = replace(sets.FASHION_MNIST, files=files)
    monkeypatch.setitem(sets.READY_MADE, small.name, small)

    def prepare(destination: Path) -> None:
        kept = tmp_path / "resources"
        dataset.prepare({}, destination, resources=kept, sources=[str(source)])

    prepare(tmp_path / "data")
    return SimpleNamespace(arrays=arrays, files=files, data=tmp_path / "data", prepare=prepare)


# --- prepare -------------------------------------------------------------------------------


def test_tensors_are_features_major_scaled_and_one_hot(prepared):
    x, y = np.load(prepared.data / "x_train.npy"), np.load(prepared.data / "y_train.npy")
    images, labels = prepared.arrays[TRAIN_IMAGES], prepared.arrays[TRAIN_LABELS]
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((784, 100), "float32", (10, 100), "float32")
    assert x.flags.c_contiguous
    assert y.flags.c_contiguous
    for column in (0, 41, 99):
        expected = images[column].reshape(784).astype(np.float32) / np.float32(255)
        assert np.array_equal(x[:, column], expected)
    assert np.array_equal(y.argmax(axis=0), labels)
    assert np.array_equal(y.sum(axis=0), np.ones(100))
    assert np.array_equal(np.unique(y), [0, 1])
    assert np.load(prepared.data / "x_test.npy").shape == (784, 20)
    assert np.load(prepared.data / "y_test.npy").shape == (10, 20)


def test_summary_agrees_with_the_images(prepared):
    summary = read_json(prepared.data / "summary.json")
    labels = prepared.arrays[TRAIN_LABELS]
    assert summary["classes"] == list(sets.FASHION_MNIST.classes)
    found = prepared.files[TEST_LABELS]
    assert summary["files"][TEST_LABELS] == {"size": found.size, "sha256": found.sha256}
    assert (summary["shape"], summary["white"]) == ([28, 28], 255)
    assert summary["set"]["things"] == ["garment", "garments"]
    assert len(summary["set"]["digest"]) == 64
    assert summary["train"]["samples"] == 100
    assert summary["train"]["class_counts"] == [10] * 10
    assert summary["test"]["class_counts"] == [2] * 10
    pixels = prepared.arrays[TRAIN_IMAGES] / 255
    expected = {"mean": pixels.mean(), "standard_deviation": pixels.std()}
    assert summary["train"]["pixels"] == pytest.approx(expected)
    held_out = summary["validation"]
    assert (held_out["share"], held_out["first"], held_out["samples"]) == (0.2, 80, 20)
    assert held_out["class_counts"] == [int(np.sum(labels[80:] == k)) for k in range(10)]


def test_pictures_agree_with_the_images(prepared):
    pictures = np.load(prepared.data / "summary.npz", allow_pickle=False)
    images, labels = prepared.arrays[TRAIN_IMAGES], prepared.arrays[TRAIN_LABELS]
    pixels = images / 255
    assert np.allclose(pictures["mean_image"], pixels.mean(axis=0), rtol=1e-6)
    assert np.allclose(pictures["variance_image"], pixels.var(axis=0), rtol=1e-6)
    assert pictures["mean_image"].dtype == pictures["variance_image"].dtype == np.float32
    assert pictures["sample_images"].dtype == np.uint8
    for k in range(10):
        own = images[labels == k]
        assert np.allclose(pictures["class_mean_images"][k], own.mean(axis=0) / 255, rtol=1e-6)
        assert np.array_equal(pictures["sample_images"][k], own[:8])


def test_the_same_files_give_the_same_bytes(prepared, tmp_path):
    prepared.prepare(tmp_path / "again")
    names = sorted(path.name for path in prepared.data.iterdir())
    assert len(names) == 6
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (prepared.data / name).read_bytes()


def test_a_place_that_cannot_be_written_is_named(prepared, tmp_path):
    (tmp_path / "taken").write_text("a file where a directory should be")
    with pytest.raises(FileExistsError, match="taken"):
        prepared.prepare(tmp_path / "taken")


# --- load ----------------------------------------------------------------------------------


def test_tensors_are_mapped_read_only(prepared):
    x, y = dataset.load_tensors(prepared.data, "train")
    assert isinstance(x, np.memmap)
    assert (x.shape, y.shape) == ((784, 100), (10, 100))
    with pytest.raises(ValueError, match="read-only"):
        x[0, 0] = 1


def test_samples_are_counted_from_the_first(prepared):
    x, y = dataset.load_tensors(prepared.data, "test", samples=7)
    all_x, all_y = dataset.load_tensors(prepared.data, "test")
    assert np.array_equal(x, all_x[:, :7])
    assert np.array_equal(y, all_y[:, :7])


@pytest.mark.parametrize("samples", [0, -1, 21])
def test_more_samples_than_there_are_is_an_error(prepared, samples):
    with pytest.raises(
        StudyError, match=f"{samples} test samples are configured, but only 20 exist"
    ):
        dataset.load_tensors(prepared.data, "test", samples=samples)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((784, 20)), "float64 of shape (784, 20)"),
        (np.zeros((20, 784), np.float32), "float32 of shape (20, 784)"),
        (np.zeros(784, np.float32), "float32 of shape (784,)"),
        (np.zeros((784, 20), np.float32, order="F"), "Fortran order"),
        (np.zeros((784, 19), np.float32), "its values have changed"),
    ],
)
def test_tensors_of_another_kind_are_refused(prepared, array, reason):
    np.save(prepared.data / "x_test.npy", array)
    with pytest.raises(StudyError) as error:
        dataset.load_tensors(prepared.data, "test")
    assert reason in str(error.value)


@pytest.mark.parametrize("length", [0, 5, 100, 1000])
def test_a_cut_off_tensor_is_refused(prepared, length):
    path = prepared.data / "x_test.npy"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StudyError, match=r"x_test.npy: damaged: .* Delete it and run"):
        dataset.load_tensors(prepared.data, "test")


@pytest.mark.parametrize(("name", "image"), [("y_train", 1499), ("x_train", 1000), ("x_test", 3)])
def test_a_changed_value_is_refused_if_it_is_used(tmp_path, name, image):
    """Label 7, say, or a flipped bit; jobs that use fewer images do not pay for the others."""
    arrays = small_set()
    arrays[TRAIN_IMAGES] = np.tile(arrays[TRAIN_IMAGES], (15, 1, 1))
    arrays[TRAIN_LABELS] = np.tile(arrays[TRAIN_LABELS], 15)
    own = {"name": "mine", "folder": str(store(tmp_path / "idx", arrays))}
    dataset.prepare(own, tmp_path / "data")
    tensor = np.load(tmp_path / f"data/{name}.npy")
    tensor.view(np.uint32)[7, image] ^= 1
    np.save(tmp_path / f"data/{name}.npy", tensor)
    split = name.removeprefix("x_").removeprefix("y_")
    for samples in (None, image + 1):
        with pytest.raises(StudyError, match=f"{name}.npy: its values .* Delete it and run"):
            dataset.load_tensors(tmp_path / "data", split, samples)
    if image >= 1000:
        dataset.load_tensors(tmp_path / "data", split, 1000)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"digests": 3}', '{"digests": {}}'])
def test_a_summary_without_digests_is_refused(prepared, content):
    (prepared.data / "summary.json").write_text(content)
    with pytest.raises(StudyError, match=r"summary.json: damaged: .* Delete it and run"):
        dataset.load_tensors(prepared.data, "test")


def test_a_missing_tensor_is_named(prepared):
    (prepared.data / "y_test.npy").unlink()
    with pytest.raises(StudyError, match=r"y_test.npy: not found. Run the same command"):
        dataset.load_tensors(prepared.data, "test")


class Trap:
    """Writes a file if it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


def test_a_pickle_is_refused_and_not_run(prepared, tmp_path):
    trap = np.array([Trap(str(tmp_path / "mark"))], dtype=object)
    np.save(prepared.data / "x_test.npy", trap, allow_pickle=True)
    with pytest.raises(StudyError, match=r"x_test.npy"):
        dataset.load_tensors(prepared.data, "test")
    assert not (tmp_path / "mark").exists()


# --- the real data -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory, data_folder):
    """The real data, fetched and prepared as the rule does it, by the rule's own script."""
    root = tmp_path_factory.mktemp("real")
    rule = SimpleNamespace(
        params=SimpleNamespace(data={}, sources=[str(data_folder)], timeout=5),
        output=SimpleNamespace(x_train=str(root / "data" / "x_train.npy")),
        log=[str(root / "prepare_dataset.log")],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        runpy.run_path(str(SCRIPTS / "prepare_dataset.py"), {"snakemake": rule})
    yield root
    shutil.rmtree(root)  # a quarter of a gigabyte


def test_the_real_data_are_what_their_authors_say(real):
    summary = read_json(real / "data" / "summary.json")
    assert (summary["train"]["samples"], summary["test"]["samples"]) == (60_000, 10_000)
    assert summary["train"]["class_counts"] == [6000] * 10
    assert summary["test"]["class_counts"] == [1000] * 10
    x, _ = dataset.load_tensors(real / "data", "train")
    assert np.mean(x, dtype=float) == pytest.approx(0.2860, abs=5e-5)
    assert np.std(x, dtype=float) == pytest.approx(0.3530, abs=5e-5)


def test_keras_holds_out_classes_that_are_almost_balanced(real):
    held_out = read_json(real / "data" / "summary.json")["validation"]
    assert held_out["samples"] == 12_000
    assert sum(held_out["class_counts"]) == 12_000
    assert all(abs(count - 1200) < 60 for count in held_out["class_counts"])


def test_the_real_tensors_load(real):
    x, y = dataset.load_tensors(real / "data", "train")
    assert (x.shape, y.shape) == ((784, 60_000), (10, 60_000))
    assert y[:, :4].argmax(axis=0).tolist() == [9, 0, 0, 3]
    _, y = dataset.load_tensors(real / "data", "test")
    assert y[:, :3].argmax(axis=0).tolist() == [9, 2, 1]


def test_the_log_says_where_a_file_came_from(real, data_folder):
    text = (real / "prepare_dataset.log").read_text()
    assert f"{data_folder / TEST_LABELS}: found, 10,008 bytes" in text


# --- the digits ----------------------------------------------------------------------------


def test_the_digits_of_scikit_learn_are_split_alike_and_are_as_described(tmp_path, monkeypatch):
    dataset.prepare({"name": "digits"}, tmp_path / "data")
    summary, digits = read_json(tmp_path / "data/summary.json"), sets.DIGITS
    assert (summary["train"]["samples"], summary["test"]["samples"]) == (digits.train, digits.test)
    assert summary["test"]["class_counts"] == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    x, y = dataset.load_tensors(tmp_path / "data", "train")
    assert (x.shape, y.shape, x.max()) == ((64, 1438), (10, 1438), 1)
    assert set(np.unique(x * 16)) == set(range(17))
    monkeypatch.setattr(dataset, "DIGITS_SHA256", "another")
    with pytest.raises(StudyError, match="scikit-learn's digits are not the ones"):
        dataset.prepare({"name": "digits"}, tmp_path / "data")
