"""How to cite the study, and an archive of its code and configuration that makes it again.

The configuration of a page is the result of several files and the command line.  Merged with the
default configuration once more, it would get back what a person took out of that, so in the archive
it replaces the default: config/config.yaml and the files that it names.
"""

from __future__ import annotations

import io
import lzma
import re
import tarfile
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from fmstudy.report.latex import escape
from fmstudy.report.pages import as_text
from fmstudy.runtime import StudyError
from fmstudy.study.configuration import NAMING_FILES
from fmstudy.study.reader import read, read_text

CONFIGURATION = "config/config.yaml"  # the file that the workflow reads by default
REPOSITORY = Path(__file__).resolve().parents[3]
# All that `make report` needs on a CPU.
CODE = (
    *("Snakefile", "Makefile", "pyproject.toml", "README.md", "LICENSE", "CITATION.cff"),
    *("workflow/**/*", "profiles/**/*", "scripts/**/*", "config/README.md"),
    *(f"report/{it}/*" for it in ("fonts", "comparison", "exports", "playground", "templates")),
    "report/text/**/*",
    *(f"requirements/{name}.txt" for name in ("apt", "study", "uv")),
)


def describe(
    config: Mapping[str, Any],
    citation: str | Path,
    files: Iterable[str | Path],
    data_set: str,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a page says on reuse.

    `config` is the merged configuration and `given` the same, if it differs, before it left out
    what is under `without`; `citation` is a file in the Citation File Format, `files` are those
    that the configuration names, in the order of NAMING_FILES, and `data_set` is its key.  Returns

    title, version, license, authors   of the citation; version and license may be None
    repository   its address, or None
    year         of the release, or None
    bibtex       the citation for LaTeX
    archive      the packed code and configuration as a URL
    folder       the folder in the archive that holds them
    size         of the archive in bytes
    config       the configuration; config/config.yaml of the archive, if nothing was left out

    Raises StudyError if a file cannot be read.
    """
    cited = read_citation(citation)
    texts = packed_files(given or config, files)
    folder = f"{data_set}-study"
    code = code_files(config.get("device", "cpu"))
    packed = _archive(
        folder, tuple({**code, **{name: it.encode() for name, it in texts.items()}}.items())
    )
    return cited | {
        "archive": f"data:application/x-xz;base64,{as_text(packed)}",
        "size": len(packed),
        "folder": folder,
        "config": texts[CONFIGURATION] if given in (None, config) else _text(config),
    }


def packed_files(config: Mapping[str, Any], files: Iterable[str | Path]) -> dict[str, str]:
    """Return the text of each file of the configuration in the archive, by path.

    Files outside the working directory move to config/, and the configuration names them there.
    """
    packed = deepcopy(dict(config))
    texts = {CONFIGURATION: ""}
    named = [group for group in NAMING_FILES if group in config]
    for group, file in zip(named, files, strict=True):
        path = PurePosixPath(config[group]["file"])
        if path.is_absolute() or ".." in path.parts or str(path) in texts:
            path = PurePosixPath("config", f"{group}{path.suffix}")
        texts[str(path)] = read_text(file)
        packed[group]["file"] = str(path)
    texts[CONFIGURATION] = _text(packed)
    return texts


def _text(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def code_files(device: str) -> dict[str, bytes]:
    """Return the content of each file of the code that a study on a device needs, by path."""
    patterns = (*CODE, "requirements/gpu.txt") if device == "gpu" else CODE
    paths = sorted({path for pattern in patterns for path in REPOSITORY.glob(pattern)})
    return {
        path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and path.suffix != ".pyc"
    }


@cache  # the page and its tests pack the same files several times
def _archive(folder: str, files: tuple[tuple[str, bytes], ...]) -> bytes:
    """Pack files below a folder; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files:
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return lzma.compress(buffer.getvalue())


def read_citation(path: str | Path) -> dict[str, Any]:
    """Read a file in the Citation File Format.

    Returns title, version, license, authors, repository, year, and bibtex as `describe` does, and
    keywords and people: the authors as the file has them.  Raises StudyError if it is no such file.
    """
    try:
        cited, _ = read(path)
        authors = [_name(author) for author in cited["authors"]]
        title = str(cited["title"])
    except (AttributeError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: not a citation file: {error!r}") from error
    if not authors:
        raise StudyError(f"{path}: not a citation file: there are no authors")
    found = {
        "title": title,
        "authors": authors,
        "people": cited["authors"],
        "keywords": [str(it) for it in cited.get("keywords") or []],
        "version": str(cited["version"]) if cited.get("version") is not None else None,
        "license": cited.get("license"),
        "repository": cited.get("repository-code") or cited.get("url"),
        "year": str(cited["date-released"])[:4] if "date-released" in cited else None,
    }
    return found | {"bibtex": _bibtex(found)}


def _name(author: Mapping[str, str]) -> str:
    return author.get("name") or f"{author['given-names']} {author['family-names']}"


def _bibtex(cited: Mapping[str, Any]) -> str:
    key = "-".join(word for word in re.findall(r"[a-z]+", cited["title"].lower())[:6] if word[4:])
    fields = {
        "author": " and ".join(f"{{{escape(author)}}}" for author in cited["authors"]),
        "title": f"{{{escape(cited['title'])}}}",
        "version": cited["version"],
        "year": cited["year"],
        "url": cited["repository"],
    }
    lines = [f'  {name} = "{value}",' for name, value in fields.items() if value]
    return "\n".join([f"@software{{{key},", *lines, "}"])
