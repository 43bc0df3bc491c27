"""A digest of the code that a script uses: what Snakemake needs to know when to run it again.

Snakemake sees that a script has changed, but not that a module has which the script imports.
So each rule carries, as a parameter, a digest of the library modules that its script imports,
directly or through each other.  Comments, layout and docstrings do not count: to correct a word
must not cost half an hour of training.  All Pythons that the study runs on give the same digest.
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
MEMORY = Path(".snakemake/digests.json")  # of the directory in which the study is run


class Source(NamedTuple):
    """What matters of a file of Python: what it imports of the library, and its code.

    imports   the modules that it may import, such as `engines.cost`; not all of them need exist,
              because the text does not tell a module from a name in it
    code      a digest (64 hexadecimal digits) that comments, layout and docstrings do not change;
              empty if there is nothing else, as in the `__init__` of our packages
    """

    imports: tuple[str, ...]
    code: str


def digest(script: str, *modules: str) -> str:
    """Give the digest (16 hexadecimal digits) of the library modules that a script uses.

    `script` is the name of a file in scripts/, without its .py; `modules` are those that it
    imports by a name which a parameter gives, such as `experiments.shift.run`.
    """
    return _short(f"{name} {_module(name).code}\n" for name in modules_of(script, *modules))


def of_study() -> str:
    """Give the digest (16 hexadecimal digits) of all code: scripts, library, rules, templates.

    The configuration is not in it.  Equal digests and equal configurations make equal reports
    from equal results.  `PYTHONPATH=scripts python -m fmstudy.workflow.digest` prints it.
    """
    root = SCRIPTS.parent
    code = [
        (path.relative_to(SCRIPTS).as_posix(), source.code) for path, source in _sources().items()
    ]
    files = [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]
    files += (path for path in (root / "report/templates").rglob("*") if path.is_file())
    texts = [
        (path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in files
        if path.exists()
    ]
    return _short(f"{name}\n{text}\n" for name, text in sorted(code) + sorted(texts))


def modules_of(script: str, *modules: str) -> list[str]:
    """Give the names of the library's modules that a script imports, directly or not, sorted.

    A package, which Python imports with each module in it, counts if its `__init__` has code.
    """
    found = {name: _module(name) for name in modules}
    waiting = {*_sources()[SCRIPTS / f"{script}.py"].imports, *_on_the_way_to(modules)}
    waiting.update(*(source.imports for source in found.values()))
    while waiting:
        name = waiting.pop()
        source = _sources().get(_path(name))
        if source and name not in found:
            found[name] = source
            waiting.update(source.imports)
    return sorted(name for name, source in found.items() if source.code)


def _short(texts: Iterator[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def _module(name: str) -> Source:
    return _sources()[_path(name)]


def _path(module: str) -> Path:
    return SCRIPTS / PACKAGE / f"{module.replace('.', '/')}.py"


# ------------------------------------------------------------------------- reading the files
@cache
def _sources() -> dict[Path, Source]:
    """Every script and every module of the library.

    To read them all takes a second, each time that the workflow is looked at.  So what was found
    is kept, by the files' contents, where Snakemake keeps what it must know the next time.
    """
    paths = [*sorted(SCRIPTS.glob("*.py")), *sorted((SCRIPTS / PACKAGE).rglob("*.py"))]
    known = _remembered()
    found: dict[str, Source] = {}
    keys = {}
    for path in paths:
        text = path.read_bytes()
        # Another way to make digests, which this very file is, makes them all anew.
        key = keys[path] = hashlib.sha256(_own_text() + text).hexdigest()
        found[key] = known.get(key) or _read(text, path)
    if found != known:
        _remember(found)
    return {path: found[key] for path, key in keys.items()}


@cache
def _own_text() -> bytes:
    return Path(__file__).read_bytes()


def _remembered() -> dict[str, Source]:
    try:
        content = json.loads(MEMORY.read_text(encoding="utf-8"))
        return {key: Source(tuple(imports), code) for key, (imports, code) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # there is none, or it is damaged
        return {}


def _remember(found: dict[str, Source]) -> None:
    """Keep what was found, if Snakemake has made its place already and it may be written to."""
    if MEMORY.parent.is_dir():
        with suppress(OSError):
            runtime.write_text(MEMORY, json.dumps(found))


def _read(text: bytes, path: Path) -> Source:
    tree = ast.parse(text, filename=str(path))
    imports = sorted(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node, clean=False) is not None
            node.body = node.body[1:] if documented else node.body
    code = hashlib.sha256(repr(_plain(tree)).encode()).hexdigest() if tree.body else ""
    return Source(tuple(imports), code)


def _imports(tree: ast.Module) -> set[str]:
    """Every module that the imports may mean, with the packages on the way to it."""
    dotted: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            dotted |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            dotted |= {alias.name for alias in node.names}
    ours = [name for name in dotted if name.partition(".")[0] == PACKAGE]
    return _on_the_way_to(name.partition(".")[2] for name in ours)


def _on_the_way_to(modules: Iterable[str]) -> set[str]:
    """The modules, and the `__init__` of every package that Python imports before them."""
    found: set[str] = set()
    for name in modules:
        parts = name.split(".")
        ways = [".".join(parts[: length + 1]) for length in range(len(parts))]
        found |= {"__init__", *ways, *(f"{way}.__init__" for way in ways)}
    return found


def _plain(node: object) -> object:
    """The tree in tuples and lists, without empty fields, which differ between Pythons."""
    if isinstance(node, ast.AST):
        filled = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return type(node).__name__, *((name, _plain(value)) for name, value in filled)
    return [_plain(item) for item in node] if isinstance(node, list) else node


if __name__ == "__main__":
    print(of_study())
