"""Finds and reads users' own images: IDX files, or one folder of PNGs per class.

`scan` finds them, from names and headers alone; `Found.read` reads and splits them in the job.
"""

from __future__ import annotations

import os
import re
import struct
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fmstudy.data.idx import LONGEST_HEADER, idx_shape, parse_idx, plain_size, read_idx
from fmstudy.runtime import StudyError, log

SPLITS = ("train", "test")
MOST_CLASSES = 100  # which figures and tables can still show
LONGEST_SIDE = 128  # pixels; weights grow with the number of pixels
LONGEST_PNG = 8192  # pixels of a side before resizing; larger ones need gigabytes
TEST_SHARE, SPLIT_SEED = 0.2, 0

Labeled = tuple[np.ndarray, np.ndarray]  # images (n, rows, columns) and labels (n,), uint8

_IDX = re.compile(
    r"(?P<prefix>.*?)(?P<split>train|t10k|test)?[-_.]?(?P<what>images|labels)[-_.]idx[13][-_.]ubyte"
    r"(\.gz)?",
    re.IGNORECASE,
)
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_NO_IMAGES = {"thumbs.db", "desktop.ini"}  # of file managers, beside hidden files
# What no path may contain: Snakemake's placeholders, and what its files cannot hold.
_UNUSABLE = re.compile("[{}<>\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Refused(Exception):
    """A key of the configuration `data` cannot be what it is; the text says why."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(key, text)
        self.key, self.text = key, text


class Found(NamedTuple):
    """The images in a folder.

    kind     idx or images (PNGs)
    shape    rows and columns of an image, after resizing
    classes  names of the classes, by label
    labels   (n,) of each split that the folder has: train and test, or train alone
    files    of each split: the IDX files of images and labels, or a PNG per label
    resized  whether PNGs are resized to `shape`
    """

    kind: str
    shape: tuple[int, int]
    classes: tuple[str, ...]
    labels: Mapping[str, np.ndarray]
    files: Mapping[str, Sequence[Path]]
    resized: bool

    def counts(self, config: Mapping[str, Any]) -> tuple[int, int]:
        """Return the numbers of training and test images, after the split."""
        if "test" in self.labels:
            return len(self.labels["train"]), len(self.labels["test"])
        train, test = split(self.labels["train"], *_split_of(config))
        return len(train), len(test)

    def read(self, config: Mapping[str, Any]) -> dict[str, Labeled]:
        """Read all images, in the order in which the study uses them.

        Raises StudyError with what is wrong with a file.
        """
        share, seed = _split_of(config)
        read = _read_idx if self.kind == "idx" else self._read_pngs
        found = {name: (read(paths), self.labels[name]) for name, paths in self.files.items()}
        if "test" in found:
            # Parts of the images, and those held out for validation, have all classes alike.
            order = {name: mixed(labels, seed) for name, (_, labels) in found.items()}
            return {name: (x[order[name]], y[order[name]]) for name, (x, y) in found.items()}
        images, labels = found["train"]
        places = dict(zip(SPLITS, split(labels, share, seed), strict=True))
        log.info("split by seed %d: %s", seed, {key: len(it) for key, it in places.items()})
        return {name: (images[place], labels[place]) for name, place in places.items()}

    def _read_pngs(self, paths: Sequence[Path]) -> np.ndarray:
        from PIL import Image

        images = np.empty((len(paths), *self.shape), dtype=np.uint8)
        colored = []
        for place, path in enumerate(paths):
            try:
                with open_image(path, ("PNG",)) as png:
                    gray, is_color = _gray(png)
            except Exception as error:  # damaged bytes make Pillow raise errors of many types
                raise StudyError(f"{path}: damaged: {error}. Repair or remove it.") from error
            colored += [path] if is_color else []
            if (gray.height, gray.width) != self.shape:
                gray = gray.resize(self.shape[::-1], Image.Resampling.BILINEAR)
            images[place] = np.asarray(gray)
        if colored:
            log.info("%d of %d PNGs are in color; converted to gray, such as %s",
                     len(colored), len(paths), colored[0])  # fmt: skip
        return images


@contextmanager
def open_image(path: str | Path, formats: tuple[str, ...]) -> Iterator[Any]:
    """Open an image with Pillow, and refuse one that is cut off.

    WeasyPrint, once imported, lets Pillow fill up what is missing, in the whole process.
    """
    from PIL import Image, ImageFile

    allowed, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with Image.open(path, formats=formats) as image:
            yield image
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = allowed


def _gray(png: Any) -> tuple[Any, bool]:
    """Return a PNG in 8-bit gray, transparent pixels black, and whether it was in color."""
    from PIL import Image

    if png.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(png).astype(np.uint32) >> 8).astype(np.uint8)), False
    if png.mode in ("1", "L"):
        return png.convert("L"), False
    color = png.convert("RGBA")
    black = Image.new("RGBA", png.size, (0, 0, 0, 255))
    flat = Image.alpha_composite(black, color).convert("RGB")
    values = np.asarray(flat)
    is_color = bool((values != values[..., :1]).any())
    return flat.convert("L"), is_color


# --------------------------------------------------------------------------------------- split
def _split_of(config: Mapping[str, Any]) -> tuple[float, int]:
    return config.get("test_share", TEST_SHARE), config.get("split_seed", SPLIT_SEED)


def split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of training and test images: of each class the same share, by a seed.

    labels: (n,).  Each class has at least one image in both.  The order is that of `mixed`.
    """
    random = np.random.default_rng([seed, len(labels)])
    is_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = random.permutation(np.flatnonzero(labels == label))
        is_test[places[: min(max(1, round(share * len(places))), len(places) - 1)]] = True
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return train[mixed(labels[train], seed)], test[mixed(labels[test], seed)]


def mixed(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return an order, drawn by a seed, in which every part has each class in its proportion."""
    random = np.random.default_rng([seed, len(labels), 1])
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        place[own] = (random.permutation(len(own)) + random.uniform(size=len(own))) / len(own)
    return place.argsort(kind="stable")


# ---------------------------------------------------------------------------------------- scan
def local_path(place: str) -> Path | None:
    """Return the folder that a source names: a path, also with ~, or a file:// address."""
    if address := re.match("file:(//[^/]*)?", place, re.IGNORECASE):
        return Path(urllib.request.url2pathname(place[address.end() :] or "/"))
    is_address = re.match("[a-z][a-z0-9+.-]+://", place, re.IGNORECASE)
    return None if is_address else Path(os.path.expanduser(place))


def places(folder: Path) -> list[Path]:
    """Return a folder and the folders `raw` in and below it, as torchvision makes them."""
    below = sorted(it / "raw" for it in folder.iterdir()) if folder.is_dir() else []
    return [it for it in (folder, folder / "raw", *below) if it.is_dir()]


def scan(config: Mapping[str, Any]) -> Found:
    """Find the images in the folder that the configuration `data` names.

    Raises Refused if they are not what a study needs.
    """
    folder = local_path(config["folder"])
    if folder is None:
        raise Refused("folder", "is an address; download the files and name their folder.")
    try:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise Refused("folder", f"{what}: {folder.absolute()}.")
        found = _scan_idx(folder, config) or _scan_pngs(folder, config)
    except OSError as error:
        raise Refused("folder", f"cannot be read: {error}.") from error
    if found is None:
        raise Refused(
            "folder",
            f"{folder}: neither IDX files, such as train-images-idx3-ubyte(.gz) and "
            "train-labels-idx1-ubyte(.gz), nor folders of PNGs, one per class (also below train "
            f"and test). It has {_list(it.name for it in sorted(folder.iterdir())) or 'nothing'}.",
        )
    _check(found, folder)
    return found


def _check(found: Found, folder: Path) -> None:
    for path in (path for paths in found.files.values() for path in paths):
        if character := _UNUSABLE.search(str(path)):
            raise Refused(
                "folder",
                f"{path}: Snakemake cannot read paths with {character[0]!a}; rename the file or "
                "its folder.",
            )
    if not 2 <= len(found.classes) <= MOST_CLASSES:
        raise Refused(
            "folder",
            f"{folder}: {len(found.classes)} classes; a study needs 2 to {MOST_CLASSES}.",
        )
    if max(found.shape) > LONGEST_SIDE or min(found.shape) < 2:
        remedy = "Make them smaller" if found.kind == "idx" else "Add size: [28, 28]"
        raise Refused(
            "folder" if found.kind == "idx" else "size",
            f"{folder}: images of {_size(found.shape)} pixels; a study of dense nets takes 2 to "
            f"{LONGEST_SIDE} in each direction. {remedy}.",
        )
    needed = 1 if "test" in found.labels else 2
    for name, labels in found.labels.items():
        counts = np.bincount(labels, minlength=len(found.classes))
        few = [it for it, count in zip(found.classes, counts, strict=True) if count < needed]
        if few:
            what = f"no {name} image" if needed == 1 else "fewer than two images"
            raise Refused(
                "folder",
                f"{folder}: there {'is' if needed == 1 else 'are'} {what} of {_list(few)}; every "
                "class needs at least one for training and one for testing.",
            )


def _scan_idx(folder: Path, config: Mapping[str, Any]) -> Found | None:
    """Find IDX files; None if there are none."""
    groups: dict[tuple[Path, str], dict[tuple[str, str], Path]] = {}
    for place in places(folder):
        for path in sorted(place.iterdir(), reverse=True):  # a file before its .gz
            if (name := _IDX.fullmatch(path.name)) and path.is_file():
                part = "test" if (name["split"] or "").lower() in ("t10k", "test") else "train"
                group = groups.setdefault((place, name["prefix"].lower()), {})
                group[part, name["what"].lower()] = path
    if not groups:
        return None
    if len(groups) > 1:
        sets = [str(next(iter(group.values()))) for group in groups.values()]
        raise Refused("folder", f"holds several data sets, with {_list(sets)}; name one's folder.")
    [found] = groups.values()
    shapes, labels, files = {}, {}, {}
    for part in SPLITS:
        pair = [found.get((part, what)) for what in ("images", "labels")]
        if pair == [None, None] and part == "test":
            continue
        if None in pair:
            missing = "images" if pair[0] is None else "labels"
            raise Refused("folder", f"{folder}: there is no IDX file of {part} {missing}.")
        images, its_labels = (it for it in pair if it is not None)
        shapes[part], labels[part] = _headers(images, its_labels)
        files[part] = (images, its_labels)
    if len(set(shapes.values())) > 1:
        sizes = " and ".join(map(_size, shapes.values()))
        raise Refused("folder", f"{folder}: training and test images have {sizes} pixels.")
    if "size" in config:
        raise Refused("size", "resizes PNGs; images of IDX files have one size. Drop it.")
    return Found(
        "idx", shapes["train"], _names(labels, config, folder), labels, files, resized=False
    )


def _headers(images: Path, labels: Path) -> tuple[tuple[int, int], np.ndarray]:
    """Return rows and columns of the images in an IDX file, and the labels in another."""
    for path, dimensions in ((images, 3), (labels, 1)):
        try:
            shape = idx_shape(read_idx(path, LONGEST_HEADER))
            if len(shape) != dimensions:
                raise ValueError(f"{len(shape)} dimensions, not {dimensions}")
            if dimensions == 3:
                count, rows, columns = shape
            else:
                values = parse_idx(read_idx(path))
        except ValueError as error:
            raise Refused("folder", f"{path}: {error}.") from error
    whole = LONGEST_HEADER + count * rows * columns
    size = plain_size(images)
    if size not in (None, whole):
        text = f"{size:,} bytes, but by its header {whole:,}; it may be cut off"
        raise Refused("folder", f"{images}: {text}.")
    if len(values) != count:
        text = f"has {count:,} images, but {labels.name} {len(values):,} labels"
        raise Refused("folder", f"{images}: {text}.")
    return (rows, columns), values


def _names(
    labels: Mapping[str, np.ndarray], config: Mapping[str, Any], folder: Path
) -> tuple[str, ...]:
    """Return the names of the classes of IDX files, whose labels count from 0."""
    seen = sorted({int(label) for part in labels.values() for label in np.unique(part)})
    if seen != list(range(len(seen))):
        raise Refused(
            "folder", f"{folder}: its labels are {_list(seen)}; they must be 0, 1, 2 and so on."
        )
    return _given_names(config, list(map(str, seen)))


def _given_names(config: Mapping[str, Any], default: Sequence[str]) -> tuple[str, ...]:
    names = tuple(config.get("classes", default))
    if len(names) != len(default):
        raise Refused(
            "classes", f"has {len(names)} names, but there are {len(default)}: {_list(default)}."
        )
    return names


def _scan_pngs(folder: Path, config: Mapping[str, Any]) -> Found | None:
    """Find one folder of PNGs per class, also below `train` and `test`; None if there are none."""
    below = {part: folder / part for part in SPLITS if (folder / part).is_dir()}
    if not below or {*_folders(folder)} != {*below.values()}:
        below = {"train": folder}
    elif "train" not in below:
        raise Refused("folder", f"{folder}: there is no folder train beside test.")
    by_class = {part: _folders(top) for part, top in below.items()}
    if not by_class["train"]:
        return None
    names = {part: [it.name for it in found] for part, found in by_class.items()}
    if differing := set(names["train"]) ^ set(names.get("test", names["train"])):
        raise Refused("folder", f"{folder}: only train or test has {_list(sorted(differing))}.")
    files: dict[str, list[Path]] = {}
    labels = {}
    sizes: Counter[tuple[int, int]] = Counter()
    example: dict[tuple[int, int], Path] = {}
    wrong: list[Path] = []
    for part, classes in by_class.items():
        files[part], own = [], []
        for label, top in enumerate(classes):
            for path in sorted(it for it in top.iterdir() if not _is_hidden(it)):
                if (shape := png_shape(path)) is None:
                    wrong.append(path)
                    continue
                if max(shape) > LONGEST_PNG:
                    text = f"{path}: {_size(shape)} pixels; at most {LONGEST_PNG:,} in each "
                    raise Refused("folder", f"{text}direction can be resized. Make it smaller.")
                sizes[shape] += 1
                example.setdefault(shape, path)
                files[part].append(path)
                own.append(label)
        labels[part] = np.array(own, dtype=np.uint8 if len(classes) <= 256 else np.int64)
    if not sizes:
        return None
    if wrong:
        raise Refused(
            "folder",
            f"{folder}: not PNGs: {_list(map(str, wrong))}. Convert them, or move them away.",
        )
    if len(sizes) > 1 and "size" not in config:
        listed = [
            f"{_size(shape)} ({count:,} image{'s'[: count - 1]}, such as {example[shape]})"
            for shape, count in sizes.most_common()
        ]
        usual = list(sizes.most_common(1)[0][0])
        raise Refused(
            "folder",
            f"{folder}: the PNGs have {len(sizes)} sizes, rows x columns: {_list(listed)}. Add "
            f"size: {usual}, for example, to resize them all.",
        )
    shape = tuple(config["size"]) if "size" in config else next(iter(sizes))
    return Found(
        "images",
        (int(shape[0]), int(shape[1])),
        _given_names(config, names["train"]),
        labels,
        files,
        resized=len(sizes) > 1 or shape not in sizes,
    )


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "__")) or path.name.lower() in _NO_IMAGES


def _folders(top: Path) -> list[Path]:
    """Return the folders in a folder, by name; 10 comes after 9."""
    found = [it for it in top.iterdir() if it.is_dir() and not _is_hidden(it)]

    def place(it: Path) -> tuple[bool, int, str]:
        number = int(it.name) if it.name.isdecimal() else 0
        return not it.name.isdecimal(), number, it.name

    return sorted(found, key=place)


def png_shape(path: Path) -> tuple[int, int] | None:
    """Return rows and columns of a PNG, from its first 24 bytes; None if this is no PNG."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        header = file.read(24)
    if len(header) < 24 or not header.startswith(_PNG_MAGIC) or header[12:16] != b"IHDR":
        return None
    columns, rows = struct.unpack(">II", header[16:])
    return rows, columns


def _read_idx(paths: Sequence[Path]) -> np.ndarray:
    path = paths[0]
    try:
        return parse_idx(read_idx(path))
    except ValueError as error:
        raise StudyError(f"{path}: {error}. Replace the file, then run it again.") from error


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"


def _list(entries: Iterable[Any]) -> str:
    """List up to five entries, and count the others."""
    every = list(map(str, entries))
    more = f" and {len(every) - 5} more" if len(every) > 5 else ""
    return ", ".join(every[:5]) + more
