"""The data sets that a study may use: ready-made sets and users' own folders.

The workflow calls `describe` when it is parsed, so it reads names and headers of files only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fmstudy.data import folders
from fmstudy.data.identity import Identity

IDX = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
SIZES = (47_040_016, 60_008, 7_840_016, 10_008)  # bytes, of all sets in the form of MNIST's
TIMEOUT = 30.0  # seconds without a byte before a download is abandoned


@dataclass(frozen=True)
class DataSet:
    """A data set, as far as it is known before its files are read.

    key          for paths, such as fashion-mnist
    kind         idx, digits (of scikit-learn) or images (PNGs)
    shape        rows and columns of an image
    classes      names of the classes, by label
    train, test  numbers of images
    white        the largest pixel; tensors hold pixels divided by it
    things       what an image shows: one, and many of them
    references   keys of works that the report lists
    files        the identities of the files that a ready-made set is fetched from
    sources      where these are, by default
    own          the files in a user's own folder
    """

    key: str
    name: str
    kind: str
    shape: tuple[int, int]
    classes: tuple[str, ...]
    train: int
    test: int
    white: int = 255
    things: tuple[str, str] = ("image", "images")
    references: tuple[str, ...] = ()
    license: str = ""
    url: str = ""
    files: Mapping[str, Identity] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    own: folders.Found | None = None

    @property
    def features(self) -> int:
        """Pixels of an image."""
        return self.shape[0] * self.shape[1]


def _like_mnist(key: str, name: str, hashes: tuple[str, ...], gz: bool, **more: Any) -> DataSet:
    kind = "gz_sha256" if gz else "sha256"
    files = {
        file: Identity(size, **{kind: known})
        for file, size, known in zip(IDX, SIZES, hashes, strict=True)
    }
    more["sources"] = (f"data/{key}", *more["sources"])
    return DataSet(key, name, "idx", (28, 28), train=60_000, test=10_000, files=files, **more)


FASHION_MNIST = _like_mnist(
    "fashion-mnist",
    "Fashion-MNIST",
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    gz=False,
    # The authors' names for the labels: https://github.com/zalandoresearch/fashion-mnist#labels
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    things=("garment", "garments"),
    references=("xiao2017",),
    license="MIT",
    url="https://github.com/zalandoresearch/fashion-mnist",
    sources=(
        "/usr/share/datasets/fashion-mnist",  # Debian and Ubuntu: package dataset-fashion-mnist
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
)
# Where the hashes of MNIST and KMNIST are from: docs/how-to/choose-a-data-set.md.
MNIST = _like_mnist(
    "mnist",
    "MNIST",
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    gz=False,
    classes=tuple("0123456789"),
    things=("digit", "digits"),
    references=("lecun1998",),
    url="http://yann.lecun.com/exdb/mnist/",
    sources=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
)
KMNIST = _like_mnist(
    "kmnist",
    "KMNIST",
    (
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
    gz=True,
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    things=("character", "characters"),
    references=("clanuwat2018",),
    license="CC BY-SA 4.0",
    url="http://codh.rois.ac.jp/kmnist/",
    sources=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
)
DIGITS = DataSet(
    "digits",
    "Digits",
    "digits",
    (8, 8),
    tuple("0123456789"),
    train=1438,
    test=359,
    white=16,
    things=("digit", "digits"),
    references=("alpaydin1998",),
    license="CC BY 4.0",
    url="https://doi.org/10.24432/C50P49",
)
READY_MADE = {it.name: it for it in (FASHION_MNIST, MNIST, KMNIST, DIGITS)}
OF_A_FOLDER = ("classes", "test_share", "split_seed", "size", "things")


def describe(config: Mapping[str, Any]) -> DataSet:
    """Describe the data set of the configuration `data`, whose types are checked.

    Raises folders.Refused, with the key and what to do, if there is no such set, if a key is not
    for this one, or if a user's own folder does not hold what a study needs.
    """
    name = config.get("name", FASHION_MNIST.name)
    known = {it.lower(): it for it in READY_MADE}
    ready = READY_MADE.get(known.get(name.lower(), ""))
    if "folder" not in config:
        if ready is None:
            raise folders.Refused(
                "name",
                f"is {name}, which is none of the ready-made data sets ({', '.join(READY_MADE)}). "
                "For data of your own, add their folder, such as folder: data/mine.",
            )
        for key in OF_A_FOLDER:
            if key in config:
                raise folders.Refused(
                    key, f"is for data of your own, in a folder; {ready.name} is ready-made."
                )
        if not ready.files and "sources" in config:
            raise folders.Refused("sources", f"{ready.name} comes with scikit-learn; drop it.")
        return ready
    if ready:
        raise folders.Refused(
            "folder",
            f"is for data of your own, but {ready.name} is ready-made, and its content is "
            "verified. Choose another name, or list the folder under sources.",
        )
    if "sources" in config:
        raise folders.Refused("sources", "is for ready-made data sets; drop it, or folder.")
    own = folders.scan(config)
    train, test = own.counts(config)
    return DataSet(
        re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "own",
        name,
        own.kind,
        own.shape,
        own.classes,
        train,
        test,
        things=tuple(config.get("things", DataSet.things)),
        own=own,
    )
