"""A digest of the code that a script uses: what Snakemake needs to know when to run it again.

Snakemake sees that a script has changed, but not that a module has which the script imports.
So each rule carries, as a parameter, a digest of the library modules that its script imports,
directly or through each other.  Comments, layout and docstrings do not count: to correct a word
must not cost half an hour of training.  All Pythons that the study runs on give the same digest.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
PACKAGE = Path(__file__).resolve().parent.name


def digest(script: str, *modules: str) -> str:
    """Give the digest (16 hexadecimal digits) of the library modules that a script uses.

    `script` is the name of a file in scripts/, without its .py; `modules` are those that it
    imports by a name which a parameter gives.
    """
    text = "".join(f"{name}\n{_code(name)}\n" for name in modules_of(script, *modules))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def of_study() -> str:
    """Give the digest (16 hexadecimal digits) of all code: scripts, library, rules, templates.

    The configuration is not in it.  Equal digests and equal configurations make equal reports
    from equal results.  `PYTHONPATH=scripts python -m fmstudy.digest` prints it.
    """
    root = SCRIPTS.parent
    code = [(path.stem, repr(_plain(_tree(path)))) for path in SCRIPTS.glob("*.py")]
    code += [(path.stem, _code(path.stem)) for path in (SCRIPTS / PACKAGE).glob("*.py")]
    files = [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]
    files += (path for path in (root / "report/templates").rglob("*") if path.is_file())
    texts = [
        (path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in files
        if path.exists()
    ]
    whole = "".join(f"{name}\n{text}\n" for name, text in sorted(code) + sorted(texts))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def of_rules() -> str:
    """Give the digest of the rules' own text, which decides with the configuration on the jobs."""
    root = SCRIPTS.parent
    files = [root / "Snakefile", *sorted((root / "workflow/rules").glob("*.smk"))]
    text = "".join(path.read_text(encoding="utf-8") for path in files if path.exists())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def modules_of(script: str, *modules: str) -> list[str]:
    """Give the names of the library's modules that a script imports, directly or not, sorted."""
    found: set[str] = set()
    waiting = _imports(_tree(SCRIPTS / f"{script}.py")) | set(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= _imported_by(name)
    return sorted(found)


@cache
def _imported_by(name: str) -> frozenset[str]:
    """The modules that a module of the library imports itself; most scripts share most of them."""
    return frozenset(_imports(_module(name)))


def _imports(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            names.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            dotted = (alias.name for alias in node.names)
            names |= {name.split(".")[1] for name in dotted if name.startswith(f"{PACKAGE}.")}
    return names


@cache
def _module(name: str) -> ast.Module:
    return _tree(SCRIPTS / PACKAGE / f"{name}.py")


@cache
def _code(name: str) -> str:
    """The module's code without comments, layout and docstrings."""
    tree = _tree(SCRIPTS / PACKAGE / f"{name}.py")
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node, clean=False) is not None
            node.body = node.body[1:] if documented else node.body
    return repr(_plain(tree))


def _plain(node: object) -> object:
    """The tree in tuples and lists, without empty fields, which differ between Pythons."""
    if isinstance(node, ast.AST):
        filled = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return type(node).__name__, *((name, _plain(value)) for name, value in filled)
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


if __name__ == "__main__":
    print(of_study())
