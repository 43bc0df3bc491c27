"""Every fault of a file, wherever it stands, gives a message that names it, and no traceback.

The faults are tried in each place where people write YAML, those of any text also in the CSV file.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures import REPOSITORY

from fmstudy.study import claims, experiments, published, reader
from fmstudy.study.configuration import ConfigurationError
from fmstudy.workflow import arguments

MAIN = REPOSITORY / "config/config.yaml"


def check_command_line(file: Path) -> None:
    try:
        arguments.check(["report", "--configfile", str(file), "--cores", "1"])
    except SystemExit as end:
        raise ConfigurationError(end.code) from None


YAML_PLACES: dict[str, Callable[[Path], object]] = {
    "config.yaml": lambda file: reader.read_study([file], str),
    "overlay.yaml": lambda file: reader.read_study([MAIN, file], str),
    "given-by-configfile.yaml": check_command_line,
    "claims.yaml": lambda file: claims.read(file, claims.Known({}, {}, {}, {}, {}, False)),
    "batchnorm.yaml": lambda file: experiments.read(file, {}),
}
PLACES = YAML_PLACES | {"published.csv": lambda file: published.read_checked(file, {})}

BOMB = ["a: &a0 [x, x, x, x, x, x, x, x, x]"]
BOMB += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]

# The content, the line that the message must name or None, and a part of the message.
TEXTS: dict[str, tuple[bytes, int | None, str]] = {
    "NUL": (b"title: one\ntitle: a\0b\n", 2, "U+0000"),
    "escape": (b"title: a\x1b[2Jb\n", 1, "U+001B"),
    "Latin-1": ("title: one\ntitle: \u00e9\n".encode("latin-1"), 2, "Save it as UTF-8"),
    "UTF-16": ("title: one\n".encode("utf-16"), 1, "Save it as UTF-8"),
    "surrogate in bytes": (b"title: \xed\xa0\x80\n", 1, "Save it as UTF-8"),
    "large": (b"# " + b"x" * 1_000_000, None, "at most 1 MB"),
}
FAULTS: dict[str, tuple[bytes, int | None, str]] = {
    "tab": (b"data:\n\ttimeout: 3\n", 2, "Use spaces instead of tabs"),
    # accepted by PyYAML's C loader, but not by the other one, which Snakemake uses
    "tab after a colon": (b"data:\n  timeout:\t3\n", 2, "Use spaces instead of tabs"),
    "unclosed bracket": (b"title: one\nseeds: [1,\n2\n", 4, "(line 2)"),
    "unclosed quote": (b"seeds: [1]\ntitle: 'one\n", 3, "Check the quotation marks"),
    "colon in text": (b"title: Fashion: again\n", 1, "Put text that contains a colon in quotes"),
    "indentation": (b"data:\n  timeout: 3\n sources: []\n", 3, "Check the indentation"),
    "no colon": (b"seeds: [1]\ntitle\n", 3, "After a key, write a colon"),
    "empty": (b"", None, "keys and values; found nothing"),
    "only comments": (b"# title: one\n", None, "keys and values; found nothing"),
    "list": (b"- 1\n", None, "keys and values; found a list"),
    "text": (b"hello\n", None, "keys and values; found a single value"),
    "two documents": (b"title: one\n---\ntitle: two\n", 2, "found another document"),
    "list as key": (b"title: one\n? [a, b]\n: 1\n", 2, "a key must be text; found a list"),
    "group as key": (b"? {a: b}\n: 1\n", 1, "a key must be text; found a group"),
    "word as key": (b"models:\n  no: {}\n", 2, 'the key no as true or false; write "no"'),
    "number as key": (b"models:\n  300: {}\n", 2, 'as a number; write "300"'),
    "duplicate key": (b"a:\n  b: [1]\n\n  b: [2]\n", 4, "key a.b; it was already set in line 2"),
    "template": (b"__use_yte__: true\ntitle: ?1/0\n", 1, "cannot be a template"),
    "recursive alias": (b"data: &a\n  x: *a\n", 2, "an alias (*) within its own value"),
    "recursive list": (b"data: &a [1, *a]\n", 1, "an alias (*) within its own value"),
    "deep list": (b"a: 1\nb: " + b"[" * 3000 + b"]" * 3000, 2, "more than 20 levels"),
    "crash of libyaml": (b"[" * 400_000, 1, "more than 20 levels"),
    "deep groups": (b"".join(b" " * i + b"a:\n" for i in range(1000)), 21, "more than 20 levels"),
    "alias bomb": ("\n".join(BOMB).encode(), 5, "more than 50,000 values"),
    "merge bomb": ("\n".join(BOMB).replace("[", "{<<: [").replace("]", "]}").replace("x", "{b: 1}")
                   .encode(), 5, "more than 50,000 values"),
    "merge of a number": (b"data:\n  <<: 3\n", 2, "expected a mapping"),
    "unknown alias": (b"title: *none\n", 1, "found undefined alias"),
    "escaped NUL": (b'title: one\ntitle: "a\\0b"\n', 2, "U+0000"),
    "escaped escape in a key": (b'models:\n  "a\\eb": {}\n', 2, "U+001B"),
    "lone surrogate": (b'title: one\nx: "\\ud800"\n', 2, ""),
    "Python tag": (b"title: !!python/object/apply:os.getcwd []\n", 1, "tag"),
    "unknown tag": (b"title: !mine x\n", 1, "tag '!mine'"),
    "impossible date": (b"title: 2026-13-45\n", 1, "2026-13-45 is not a date; put text in quotes"),
    "no truth value": (b"title: !!bool maybe\n", 1, "maybe is not true or false"),
    "no number": (b"title: !!int ''\n", 1, "is not a number"),
    "huge number": (b"seeds: [" + b"9" * 5000 + b"]\n", 1, "is not a number"),
    "unordered map": (b"title: !!omap [a]\n", 1, "expected a mapping"),
}  # fmt: skip


def refused(place: str, file: Path) -> str:
    """The message, which is one line without anything that a terminal would not show."""
    with pytest.raises(ConfigurationError) as caught:
        PLACES[place](file)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert message.isprintable()
    assert len(message) < len(str(file)) + 200
    return message.removeprefix(str(file))


CASES = [(place, fault) for fault in TEXTS for place in PLACES]
CASES += [(place, fault) for fault in FAULTS for place in YAML_PLACES]


@pytest.mark.parametrize(("place", "fault"), CASES)
def test_faulty_file_is_named_with_the_line_and_the_remedy(tmp_path, place, fault):
    content, line, part = (TEXTS | FAULTS)[fault]
    file = tmp_path / place
    file.write_bytes(content)
    message = refused(place, file)
    assert part in message
    assert message.startswith(f", line {line}: " if line else ": ")


def make_loop(file: Path) -> None:
    file.symlink_to(file)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda file: None, "No such file or directory"),
        (Path.mkdir, "not a regular file"),
        (os.mkfifo, "not a regular file"),  # which would block
        (make_loop, "cannot be read"),
    ],
    ids=["missing", "folder", "pipe", "unreadable"],
)
def test_what_is_no_readable_file_is_named(tmp_path, place, make, part):
    make(tmp_path / place)
    assert part in refused(place, tmp_path / place)


@pytest.mark.parametrize("content", [b"", b"id,part\n", b"\0"], ids=["empty", "short", "NUL"])
def test_table_without_its_first_line_is_named(tmp_path, content):
    file = tmp_path / "published.csv"
    file.write_bytes(content)
    assert refused("published.csv", file).startswith(", line 1: ")


def test_what_yaml_offers_within_the_limits_is_read(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(
        b'\xef\xbb\xbfa: &a {x: 1, y: [2]}\r\nb: {<<: *a, x: 3}\r\nc: [*a]\r\nd: "\xc3\xa9\\n"\r\n'
    )
    content, origins = reader.read(file)
    shared = {"x": 1, "y": [2]}
    assert content == {"a": shared, "b": {"x": 3, "y": [2]}, "c": [shared], "d": "\u00e9\n"}
    assert origins["b", "x"] == f"{file}, line 2"
    assert origins.place(("b", "y")) == f"{file}, line 2"
    assert origins["d",] == f"{file}, line 4"
