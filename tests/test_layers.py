"""The library's packages lie in layers: each imports only what its docstring says.

The last sentence of each package's docstring is the table, such as "Imports `data` and `study`.";
besides, all may import the modules beside the packages, which import nothing.

Two rows are wider than one might expect.  `experiments` may import `checks`, because one experiment
holds Keras' moving statistics against the reference in float64.  `checks` may import all of
`analysis`, because it puts its statistics, calibration and verdicts to the test.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from fixtures import REPOSITORY

LIBRARY = REPOSITORY / "scripts/fmstudy"


def name_of(path: Path) -> str:
    """A module's name within the library, such as `engines.cost`; a package has its own."""
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}
PACKAGES = [path.parent.name for path in sorted(LIBRARY.glob("*/__init__.py"))]


def imports(path: Path) -> Iterator[str]:
    """The modules of the library that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == LIBRARY.name:
                yield rest if rest in MODULES else rest.rpartition(".")[0]


def allowed(package: str) -> set[str]:
    """What a package may import, by its docstring."""
    docstring = ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8")))
    [sentence] = re.findall(r"^Imports (.*)\.\Z", str(docstring), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", sentence))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_its_docstring_says(package: str):
    beside = {name for name in MODULES if "." not in name} - set(PACKAGES)
    for name, path in MODULES.items():
        if name.partition(".")[0] == package:
            found = {module.partition(".")[0] for module in imports(path)}
            assert found <= {package} | allowed(package) | beside, name


def test_imports_point_downwards_only():
    """By the docstrings no package lies above itself; nor does a module, by what is imported."""
    TopologicalSorter({package: allowed(package) for package in PACKAGES}).prepare()
    TopologicalSorter({name: set(imports(path)) for name, path in MODULES.items()}).prepare()


def test_what_lies_beside_the_packages_imports_nothing():
    beside = set(MODULES) - set(PACKAGES)
    for name in (name for name in beside if "." not in name):
        assert list(imports(MODULES[name])) == [], name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_holds_words_and_no_code(package: str):
    """Every job imports some, and must not start later for what it does not use."""
    body = ast.parse(MODULES[package].read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
