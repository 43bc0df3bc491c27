"""Folders of one's own: what is in them is found, split and read; anything else is refused."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fixtures.idx import idx_file
from PIL import Image, ImageFile

from fmstudy.data import dataset, folders, sets
from fmstudy.data.folders import Refused, mixed, split
from fmstudy.runtime import StudyError, read_json

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
RANDOM = np.random.default_rng(3)


def own(folder: Path | str, **settings: object) -> dict[str, object]:
    return {"name": "My leaves!", "folder": str(folder)} | settings


def refusal(config: dict[str, object]) -> tuple[str, str]:
    with pytest.raises(Refused) as error:
        sets.describe(config)
    return error.value.key, error.value.text


def idx_folder(folder: Path, *, labels: np.ndarray | None = None, test: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.repeat(np.arange(4), 30) if labels is None else labels
    for part in ("train", "t10k") if test else ("train",):
        images = np.broadcast_to(labels[:, None, None] * 20, (len(labels), 6, 9))
        (folder / IMAGES.replace("train", part)).write_bytes(idx_file(images))
        (folder / LABELS.replace("train", part)).write_bytes(idx_file(labels))
    return folder


def png_folder(folder: Path, classes: tuple[str, ...] = ("ash", "oak"), count: int = 10) -> Path:
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for place in range(count):
            pixels = np.full((5, 7), 40 * label + place, np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{place}.png")
    return folder


def read(config: dict[str, object]) -> dict[str, folders.Labeled]:
    found = sets.describe(config)
    assert found.own
    images = found.own.read(config)
    sizes = tuple(len(images[name][1]) for name in folders.SPLITS)
    assert sizes == (found.train, found.test), "the split is not the announced one"
    return images


# ---------------------------------------------------------------------------------------- found
def test_idx_files_without_a_test_split_are_split_alike_by_a_seed(tmp_path):
    config = own(idx_folder(tmp_path / "my data/raw").parent)
    found = sets.describe(config)
    assert (found.key, found.kind, found.shape) == ("my-leaves", "idx", (6, 9))
    assert (found.train, found.test, found.classes) == (96, 24, ("0", "1", "2", "3"))
    images = read(config)
    assert np.bincount(images["test"][1]).tolist() == [6] * 4
    assert all((x[:, 0, 0] == 20 * y).all() for x, y in images.values())
    other = read(config | {"split_seed": 1, "test_share": 0.5})
    assert np.bincount(other["test"][1]).tolist() == [15] * 4
    assert not np.array_equal(read(config | {"split_seed": 1})["train"][1], images["train"][1])


def test_idx_files_sorted_by_class_are_mixed_and_packed_ones_are_read(tmp_path):
    folder = idx_folder(tmp_path, test=True)
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    images = read(own(folder, classes=["a", "b", "c", "d"]))
    assert sorted(images["train"][1][:12]) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert (len(images["train"][1]), len(images["test"][1])) == (120, 120)


def test_pngs_by_class_are_read_in_gray_whatever_their_kind(tmp_path):
    folder = png_folder(tmp_path / "leaves", ("2", "10", "ash & co"), 4)
    color = np.zeros((5, 7, 4), np.uint8)
    color[..., 0], color[0, 0, 3] = 255, 255  # red, but transparent in all places but one
    Image.fromarray(color).save(folder / "2/0.png")
    Image.fromarray(np.full((5, 7), 0x8123, np.uint16)).save(folder / "2/1.png")
    Image.fromarray(np.full((5, 7), True)).save(folder / "2/2.png")
    (folder / "2/.hidden").write_text("of a file manager")
    config = own(folder)
    assert sets.describe(config).classes == ("2", "10", "ash & co")
    images = np.concatenate([x[y == 0] for x, y in read(config).values()])
    assert sorted(images[:, 0, 0]) == [3, 76, 0x81, 255]
    assert sorted(images[:, 1, 1]) == [0, 3, 0x81, 255]


def test_pngs_below_train_and_test_keep_their_split(tmp_path):
    for part, count in (("train", 6), ("test", 3)):
        png_folder(tmp_path / part, count=count)
    found = sets.describe(own(tmp_path))
    assert (found.train, found.test, found.classes) == (12, 6, ("ash", "oak"))


def test_pngs_of_several_sizes_are_refused_with_a_list_and_resized_on_demand(tmp_path):
    folder = png_folder(tmp_path)
    Image.fromarray(np.full((9, 3), 7, np.uint8)).save(folder / "oak/0.png")
    key, text = refusal(own(folder))
    assert key == "folder"
    assert f"5 x 7 (19 images, such as {folder}/ash/0.png)" in text
    assert f"9 x 3 (1 image, such as {folder}/oak/0.png)" in text
    assert "Add size: [5, 7]" in text
    assert read(own(folder, size=[4, 6]))["train"][0].shape == (16, 4, 6)


def test_the_digest_and_the_tensors_follow_the_content(tmp_path):
    folder = idx_folder(tmp_path / "data")
    for place in ("one", "again"):
        dataset.prepare(own(folder, things=["leaf", "leaves"]), tmp_path / place)
    first = read_json(tmp_path / "one/summary.json")
    assert first == read_json(tmp_path / "again/summary.json")
    assert first["set"]["things"] == ["leaf", "leaves"]
    assert (first["shape"], first["set"]["key"]) == ([6, 9], "my-leaves")
    x, y = dataset.load_tensors(tmp_path / "one", "test")
    assert (x.shape, y.shape) == ((54, 24), (4, 24))
    images = np.full((120, 6, 9), 1)
    (folder / IMAGES).write_bytes(idx_file(images))
    dataset.prepare(own(folder), tmp_path / "other")
    other = read_json(tmp_path / "other/summary.json")
    assert other["set"]["digest"] != first["set"]["digest"]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.99])
def test_every_class_is_in_both_parts_of_a_split(share):
    labels = np.repeat(np.arange(3), (2, 5, 500))
    train, test = split(labels, share, 0)
    assert {*train} | {*test} == {*range(507)}
    assert len(train) + len(test) == 507
    assert {*labels[train]} == {*labels[test]} == {0, 1, 2}


def test_every_part_of_mixed_images_has_the_classes_in_proportion():
    labels = np.repeat(np.arange(3), (10, 30, 60))
    order = mixed(labels, 0)
    assert sorted(order) == list(range(100))
    for start in range(0, 100, 20):
        counts = np.bincount(labels[order[start : start + 20]], minlength=3)
        assert np.abs(counts - [2, 6, 12]).max() <= 2


# -------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    ("config", "key", "text"),
    [
        ({"name": "Mnist2"}, "name", "Mnist2, which is none of the ready-made data sets"),
        ({"name": "mnist", "folder": "x"}, "folder", "MNIST is ready-made"),
        ({"name": "digits", "sources": ["x"]}, "sources", "Digits comes with scikit-learn"),
        ({"size": [4, 4]}, "size", "Fashion-MNIST is ready-made"),
        ({"name": "a", "folder": "x", "sources": ["y"]}, "sources", "is for ready-made"),
        ({"name": "a", "folder": "http://x/y"}, "folder", "is an address"),
        ({"name": "a", "folder": "file://[x/no"}, "folder", "does not exist: /no."),
        ({"name": "a", "folder": "x" * 300}, "folder", "File name too long"),
        ({"name": "a", "folder": "/no/such/folder"}, "folder", "does not exist: /no/such/folder"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(config, key, text):
    found = refusal(config)
    assert found[0] == key
    assert text in found[1]


def test_a_folder_with_neither_idx_files_nor_pngs_says_what_it_has(tmp_path):
    assert "It has nothing." in refusal(own(tmp_path))[1]
    (tmp_path / "notes").mkdir()
    (tmp_path / "a.csv").touch()
    assert "It has a.csv, notes." in refusal(own(tmp_path))[1]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (np.repeat([1, 2], 60), "its labels are 1, 2; they must be 0, 1, 2"),
        (np.zeros(120), "1 classes; a study needs 2 to 100"),
        (np.arange(120), "120 classes; a study needs 2 to 100"),
        (np.append(np.zeros(119), 1), "there are fewer than two images of 1;"),
    ],
)
def test_labels_that_no_study_can_use_are_refused(tmp_path, labels, text):
    assert text in refusal(own(idx_folder(tmp_path, labels=labels)))[1]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        (LABELS, b"no", "not an IDX file of unsigned bytes"),
        (LABELS, idx_file(np.zeros(7)), "has 120 images, but train-labels-idx1-ubyte 7 labels"),
        (LABELS, idx_file(np.zeros(120))[:-1], "119 values, but its header says 120"),
        (IMAGES, idx_file(np.zeros(120)), "1 dimensions, not 3"),
        (IMAGES, gzip.compress(b"x" * 99, mtime=0)[:12], "the gzip file is damaged or cut off"),
        (IMAGES, idx_file(np.zeros((120, 6, 500))), "images of 6 x 500 pixels"),
        (LABELS.replace("train", "t10k"), b"", "there is no IDX file of test images"),
        ("emnist-" + LABELS, idx_file(np.zeros(7)), "holds several data sets"),
    ],
)
def test_idx_files_that_do_not_fit_are_named(tmp_path, name, content, text):
    folder = idx_folder(tmp_path)
    (folder / name).write_bytes(content)
    assert text in refusal(own(folder))[1]


def test_an_idx_file_whose_pixels_are_cut_off_is_named(tmp_path):
    folder = idx_folder(tmp_path)
    cut = (folder / IMAGES).read_bytes()[:-5]
    (folder / IMAGES).write_bytes(cut)
    assert "6,491 bytes, but by its header 6,496; it may be cut off" in refusal(own(folder))[1]
    (folder / IMAGES).write_bytes(gzip.compress(cut, mtime=0))  # which only the job reads whole
    with pytest.raises(StudyError, match=f"{IMAGES}: 6,475 values, but its header says 6,480"):
        dataset.prepare(own(folder), tmp_path / "data")


def test_files_that_are_no_pngs_and_classes_that_do_not_match_are_named(tmp_path):
    folder = png_folder(tmp_path / "all")
    (folder / "oak/notes.txt").write_text("acorn")
    (folder / "ash/fake.png").write_bytes(b"JFIF")
    text = refusal(own(folder))[1]
    assert f"not PNGs: {folder}/ash/fake.png, {folder}/oak/notes.txt" in text
    png_folder(tmp_path / "parts/train", ("ash", "oak"))
    png_folder(tmp_path / "parts/test", ("ash", "elm"))
    assert "only train or test has elm, oak" in refusal(own(tmp_path / "parts"))[1]
    (png_folder(tmp_path / "few") / "elm").mkdir()
    assert "there are fewer than two images of elm;" in refusal(own(tmp_path / "few"))[1]
    assert (
        "has 1 names, but there are 2: ash, oak"
        in (refusal(own(png_folder(tmp_path / "named"), classes=["a"]))[1])
    )


@pytest.mark.parametrize("name", ["my {leaves}", "my <leaves>", "my\nleaves", "my \udcff"])
def test_paths_that_snakemake_takes_for_patterns_or_cannot_write_are_refused(tmp_path, name):
    folder = png_folder(tmp_path / name)
    key, text = refusal(own(folder))
    assert key == "folder"
    assert text.startswith(f"{folder}/ash/0.png: Snakemake cannot read paths with '")


def test_a_png_that_would_fill_the_memory_is_refused_by_its_header(tmp_path):
    folder = png_folder(tmp_path / "all")
    size = struct.pack(">II", 12_000, 9_000)
    (folder / "oak/big.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size)
    assert "oak/big.png: 9000 x 12000 pixels; at most 8,192" in refusal(own(folder, size=[5, 7]))[1]


@pytest.mark.parametrize("filled_up", [False, True])  # True once WeasyPrint has been imported
def test_a_damaged_png_is_named_by_the_job(filled_up, tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", filled_up)
    folder = png_folder(tmp_path / "all")
    size = struct.pack(">II5B", 7, 5, 8, 0, 0, 0, 0)
    header = b"IHDR" + size
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (folder / "oak/3.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(StudyError, match=r"3\.png: damaged: "):
        dataset.prepare(own(folder), tmp_path / "data")
