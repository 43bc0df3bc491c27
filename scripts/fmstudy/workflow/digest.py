"""Computes a digest of the code that a script uses, so that Snakemake knows when to rerun it.

Snakemake knows a script by its modification time, and the modules that it imports not at all.  So
each rule has, as a parameter, a digest of its script and of the library modules that it imports,
directly or indirectly, and `made` turns off the trigger by time.  Comments, layout, docstrings, and
the version of Python do not affect the digest: correcting a word must not cost half an hour of
training.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fmstudy import runtime

SCRIPTS = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).resolve().parents[1].name
CACHE = Path(".snakemake/digests.json")  # in the working directory


class Source(NamedTuple):
    """The relevant parts of a Python file.

    imports   the modules of the library that it may import, such as `engines.cost`; some may not
              exist, because imports of modules and of names in modules look alike
    code      its digest (64 hexadecimal digits); empty for a file without code
    """

    imports: tuple[str, ...]
    code: str


def digest(script: str, *modules: str) -> str:
    """Return the digest (16 hexadecimal digits) of a script and the library modules that it uses.

    `script` is the name of a file in scripts/, without .py; `modules` are modules that it imports
    by the name in a parameter, such as `experiments.shift.run`.
    """
    used = ((name, _module(name)) for name in modules_of(script, *modules))
    sources = [(script, _sources()[SCRIPTS / f"{script}.py"]), *used]
    return _hash(f"{name} {source.code}\n" for name, source in sources)


def study_digest() -> str:
    """Return the digest (16 hexadecimal digits) of all code: scripts, library, rules, templates.

    It excludes the configuration.  Equal digests and configurations make equal reports from equal
    results.  `PYTHONPATH=scripts python -m fmstudy.workflow.digest` prints it.
    """
    root = SCRIPTS.parent
    code = sorted(
        (path.relative_to(SCRIPTS).as_posix(), source.code) for path, source in _sources().items()
    )
    texts = sorted(
        (path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for files in (
            "Snakefile",
            "workflow/rules/*.smk",
            *(f"report/{folder}/**/*" for folder in ("exports", "playground", "templates", "text")),
        )
        for path in root.glob(files)
        if path.is_file()
    )
    return _hash(f"{name}\n{text}\n" for name, text in code + texts)


def modules_of(script: str, *modules: str) -> list[str]:
    """Return the sorted names of the library's modules that a script imports, even indirectly.

    Packages, which Python imports with each of their modules, count if their `__init__` has code.
    """
    found = {name: _module(name) for name in modules}  # KeyError if there is no such module
    waiting = {*_sources()[SCRIPTS / f"{script}.py"].imports, *_with_packages(modules)}
    waiting.update(*(source.imports for source in found.values()))
    while waiting:
        name = waiting.pop()
        if name not in found and _path(name) in _sources():
            found[name] = _module(name)
            waiting.update(found[name].imports)
    return sorted(name for name, source in found.items() if source.code)


def _hash(texts: Iterator[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def _module(name: str) -> Source:
    return _sources()[_path(name)]


def _path(module: str) -> Path:
    return SCRIPTS / PACKAGE / f"{module.replace('.', '/')}.py"


@cache
def _sources() -> dict[Path, Source]:
    """Read every script and every module of the library.

    Parsing them all takes a second each time that the workflow is parsed.  So the results are
    cached, by the files' contents, in Snakemake's own folder, if it exists and is writable.
    """
    known: dict[str, Source] = {}
    with suppress(OSError, ValueError, TypeError, AttributeError):  # missing or damaged
        content = json.loads(CACHE.read_text(encoding="utf-8"))
        known = {key: Source(tuple(imports), code) for key, (imports, code) in content.items()}
    own = Path(__file__).read_bytes()  # changes of the algorithm invalidate the cache
    sources, found = {}, {}
    for path in (*SCRIPTS.glob("*.py"), *(SCRIPTS / PACKAGE).rglob("*.py")):
        text = path.read_bytes()
        key = hashlib.sha256(own + text).hexdigest()
        sources[path] = found[key] = known.get(key) or _read(text, path)
    if found != known and CACHE.parent.is_dir():
        with suppress(OSError):
            runtime.write_text(CACHE, json.dumps(found))
    return sources


def _read(text: bytes, path: Path) -> Source:
    tree = ast.parse(text, filename=str(path))
    imports = sorted(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node, clean=False) is not None
            node.body = node.body[1:] if documented else node.body
    code = hashlib.sha256(repr(_structure(tree)).encode()).hexdigest() if tree.body else ""
    return Source(tuple(imports), code)


def _imports(tree: ast.Module) -> set[str]:
    """Return every module that the imports may refer to, with its packages."""
    dotted: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            dotted |= {origin + alias.name for alias in node.names}
    split = (name.partition(".") for name in dotted)
    return _with_packages(module for package, _, module in split if package == PACKAGE)


def _with_packages(modules: Iterable[str]) -> set[str]:
    """Return the modules and the `__init__` of every package that contains them."""
    found: set[str] = set()
    for name in modules:
        parts = name.split(".")
        ways = [".".join(parts[: length + 1]) for length in range(len(parts))]
        found |= {"__init__", *ways, *(f"{way}.__init__" for way in ways)}
    return found


def _structure(node: object) -> object:
    """Convert a tree to tuples and lists, without empty fields, which depend on the version."""
    if isinstance(node, ast.AST):
        filled = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return type(node).__name__, *((name, _structure(value)) for name, value in filled)
    return [_structure(item) for item in node] if isinstance(node, list) else node


if __name__ == "__main__":
    print(study_digest())
