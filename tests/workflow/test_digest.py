"""Editing code runs again what uses it, and nothing else; editing words runs nothing again."""

import ast
import shutil
from modulefinder import ModuleFinder
from pathlib import Path

import pytest
from fixtures import as_windows_saves

from fmstudy.study.experiments import EXPERIMENTS, module_of
from fmstudy.workflow import digest as digests
from fmstudy.workflow.digest import digest, modules_of

LIBRARY = {
    "alone": "def alone():\n    return 1\n",
    "bottom": '''"""The lowest module."""

LIMIT = 3
RATE = 0.5
NAMES = ("a", b"c", 2j)
CHECKED = True


def double(x):
    """Twice x."""
    return 2 * x
''',
    "middle": "from fmstudy.bottom import double\n\n\ndef four(x):\n    return double(double(x))\n",
    "late": "def f():\n    from fmstudy import middle\n\n    return middle\n",
    "ring_a": "import fmstudy.ring_b\n",
    "ring_b": "import json\nfrom fmstudy import ring_a\nfrom collections import abc\n",
    "room.__init__": '"""A package, as ours are: nothing but words."""\n',
    "room.first": "from fmstudy.bottom import double\n",
    "room.second": "from fmstudy.room import first\n",
    "room.third": "THIRD = 3\n",
    "hall.__init__": "from fmstudy.room import third\n\nSIZE = third.THIRD\n",
    "hall.stage": "STAGE = 1\n",
}
SCRIPTS = {
    "use_middle": "import os\nfrom fmstudy import alone\nfrom fmstudy.middle import four\n",
    "use_bottom": "import fmstudy.bottom as b\n",
    "use_late": "with open('x'):\n    from fmstudy import late\n",
    "use_ring": "from fmstudy.ring_a import anything\n",
    "use_room": "from fmstudy.room import second\n",
    "use_name": "from fmstudy.room.first import double\n",
    "use_dotted": "import fmstudy.room.third\n",
    "use_hall": "from fmstudy.hall import SIZE\n",
    "use_stage": "from fmstudy.hall.stage import STAGE\n",
    "use_nothing": "import json\n",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small library of its own, in place of ours; gives the folder of its modules."""
    (tmp_path / "fmstudy").mkdir()
    for name, code in LIBRARY.items():
        path = file_of(tmp_path / "fmstudy", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    for name, code in SCRIPTS.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setattr(digests, "SCRIPTS", tmp_path)
    monkeypatch.setattr(digests, "CACHE", tmp_path / "memory" / "digests.json")
    forget()
    yield tmp_path / "fmstudy"
    forget()


def file_of(library: Path, module: str) -> Path:
    """The file of a module, given as `package.module`."""
    return library / f"{module.replace('.', '/')}.py"


def forget():
    """Read the modules again, as the next run of the workflow does."""
    digests._sources.cache_clear()


def after(tree: Path, module: str, old: str, new: str, script: str = "use_middle") -> str:
    """The digest of a script after an edit of a module."""
    path = file_of(tree, module)
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    forget()
    return digest(script)


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("use_middle", ["alone", "bottom", "middle"]),
        ("use_bottom", ["bottom"]),
        ("use_late", ["bottom", "late", "middle"]),
        ("use_ring", ["ring_a", "ring_b"]),
        ("use_room", ["bottom", "room.first", "room.second"]),
        ("use_name", ["bottom", "room.first"]),
        ("use_dotted", ["room.third"]),
        ("use_hall", ["hall.__init__", "room.third"]),
        ("use_stage", ["hall.__init__", "hall.stage", "room.third"]),
        ("use_nothing", []),
    ],
)
def test_modules_are_found_however_they_are_imported(tree, script, modules):
    assert modules_of(script) == modules


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Twice x.", "The double of x."),
        ('"""The lowest module."""\n\n', ""),
        ("LIMIT = 3\n", "\n\n\nLIMIT = 3  # why it is three\n"),
        ("return 2 * x", "return (2\n        * x)"),
    ],
    ids=["docstring", "no docstring", "comment", "layout"],
)
def test_edited_words_and_layout_do_not_count(tree, old, new):
    before = digest("use_middle")
    assert len(before) == 16
    assert after(tree, "bottom", old, new) == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        *(("bottom", "2 * x", "3 * x"), ("bottom", "LIMIT = 3", "LIMIT = 4")),
        *(("bottom", "LIMIT = 3", 'LIMIT = "3"'), ("bottom", "RATE = 0.5", "RATE = 0.25")),
        *(("bottom", '"a"', '"b"'), ("bottom", 'b"c"', 'b"d"'), ("bottom", "2j", "3j")),
        ("bottom", "CHECKED = True", "CHECKED = False"),
        ("middle", "double(double(x))", "double(x)"),
        ("alone", "return 1", "return 1.0"),
    ],
)
def test_edited_code_counts(tree, module, old, new):
    before = digest("use_middle")
    assert after(tree, module, old, new) != before


def test_line_ends_and_a_byte_order_mark_do_not_count(tree):
    before = digest("use_middle")
    for path in tree.rglob("*.py"):
        path.write_bytes(as_windows_saves(path.read_bytes()))
    forget()
    assert digest("use_middle") == before


def test_edited_code_of_the_script_itself_counts_but_not_its_words(tree):
    before = digest("use_middle")
    script = tree.parent / "use_middle.py"
    script.write_text("# a remark\n" + script.read_text())
    forget()
    assert digest("use_middle") == before
    script.write_text(script.read_text() + "print(os)\n")
    forget()
    assert digest("use_middle") != before


def test_edited_code_does_not_count_for_scripts_that_do_not_use_it(tree):
    before = digest("use_bottom")
    assert after(tree, "middle", "double(double(x))", "x", script="use_bottom") == before


def test_code_in_the_init_of_a_package_counts_for_all_that_use_one_of_its_modules(tree):
    before, without = digest("use_dotted"), digest("use_bottom")
    (tree / "room/__init__.py").write_text('"""Other words."""\n\n# a remark\n')
    forget()
    assert digest("use_dotted") == before
    (tree / "room/__init__.py").write_text("from fmstudy import alone\n")
    forget()
    assert modules_of("use_dotted") == ["alone", "room.__init__", "room.third"]
    assert digest("use_dotted") != before
    assert digest("use_bottom") == without


def test_a_module_that_a_parameter_names_exists(tree):
    with pytest.raises(KeyError, match="nowhere"):
        digest("use_nothing", "room.nowhere")


def test_modules_that_a_parameter_names_count_with_all_that_they_import(tree):
    assert modules_of("use_nothing", "middle") == ["bottom", "middle"]
    assert modules_of("use_bottom", "ring_a") == ["bottom", "ring_a", "ring_b"]
    assert modules_of("use_nothing", "hall.stage") == modules_of("use_stage")
    before = digest("use_nothing", "middle")
    assert before != digest("use_nothing")
    path = tree / "bottom.py"
    path.write_text(path.read_text().replace("2 * x", "3 * x"))
    forget()
    assert digest("use_nothing", "middle") != before


def test_modules_that_a_parameter_names_do_not_count_for_those_with_others(tree):
    before = digest("use_nothing", "ring_a")
    assert digest("use_nothing", "alone") != before
    (tree / "alone.py").write_text("def alone():\n    return 2\n")
    forget()
    assert digest("use_nothing", "ring_a") == before


def test_what_was_read_is_not_read_again(tree, monkeypatch):
    digests.CACHE.parent.mkdir()
    before, study_digest = digest("use_middle"), digests.study_digest()
    with monkeypatch.context() as nothing_read:
        nothing_read.setattr(digests, "_read", None)
        forget()
        assert (digest("use_middle"), digests.study_digest()) == (before, study_digest)
    assert after(tree, "bottom", "2 * x", "3 * x") != before
    assert after(tree, "bottom", "3 * x", "2 * x") == before


def test_a_damaged_memory_is_made_anew(tree):
    digests.CACHE.parent.mkdir()
    before = digest("use_middle")
    for damaged in ('{"a": ', "[1, 2]", '{"a": 3}', '{"a": ["b", "c", "d"]}'):
        digests.CACHE.write_text(damaged)
        forget()
        assert digest("use_middle") == before
        assert digests.CACHE.read_text() != damaged


def imported_by(script: str, *modules: str) -> set[str]:
    """The library's modules that a script imports, as Python's own module finder sees them."""
    finder = ModuleFinder(path=[str(digests.SCRIPTS)])  # so it follows nothing but our own code
    finder.load_file(str(digests.SCRIPTS / f"{script}.py"))
    for module in modules:
        finder.import_hook(f"fmstudy.{module}")
    ours = {name for name in finder.modules if name.startswith("fmstudy.")}
    packages = {name for name in ours if finder.modules[name].__path__}  # which have no code
    return {name.removeprefix("fmstudy.") for name in ours - packages}


@pytest.mark.parametrize(
    "uses",
    [
        ("train", "engines.full_batch"),
        ("train", "engines.keras_models"),
        ("run_experiment", "experiments.shift.run"),
    ],
)
def test_no_module_that_python_would_import_is_left_out(uses):
    expected = imported_by(*uses)
    assert len(expected) > 5
    assert set(modules_of(*uses)) == expected


def test_each_engine_is_trained_again_for_its_own_code_only():
    lowlevel, keras = (
        set(modules_of("train", "engines.full_batch")),
        set(modules_of("train", "engines.keras_models")),
    )
    shared = {"engines.initial", "engines.records", "study.spec"}
    own = {"engines.full_batch", "engines.batchnorm", "engines.lowlevel"}
    assert shared | own <= lowlevel
    assert shared | {"engines.keras_models"} <= keras
    assert "engines.keras_models" not in lowlevel
    assert not own & keras
    packages = {name.partition(".")[0] for name in lowlevel | keras}
    assert packages == {"data", "study", "engines", "workflow", "runtime"}
    assert not {"study.plan", "study.configuration"} & (lowlevel | keras)


def test_the_engines_are_compared_again_when_any_of_them_changes():
    engines = {"checks.reference", "engines.full_batch", "engines.keras_models"}
    assert engines <= set(modules_of("check", "checks.three_engines"))


def test_each_experiment_is_run_again_for_its_own_code_only():
    trained = {module_of(name, "run") for name, it in EXPERIMENTS.items() if it.seconds}
    assert len(trained) > 4
    engines = {"engines.mini_batch", "engines.network", "engines.batchnorm"}
    reading = {f"experiments.{name}" for name in ("reading", "judging", "drawing")}
    for module in trained:
        used = set(modules_of("run_experiment", module))
        assert {module, "experiments.common"} | engines <= used
        assert not (trained - {module}) & used
        assert not (reading | {"study.experiments", "study.plan"}) & used


def test_every_library_module_is_imported_in_a_way_that_is_followed():
    """A relative or a starred import would be missed, and so would a module that does not exist."""
    for path in digests.SCRIPTS.glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [alias.name for alias in node.names]
                assert "*" not in names, path
                folder, *parts = str(node.module).split(".")
                if folder == digests.PACKAGE:
                    source = digests.SCRIPTS.joinpath(folder, *parts)
                    files = [source / name for name in names] if source.is_dir() else [source]
                    assert all(file.with_suffix(".py").exists() for file in files), (path, names)


def test_the_digest_of_the_study_changes_with_code_rules_and_templates_only(
    tree: Path, monkeypatch: pytest.MonkeyPatch
):
    root = tree.parent / "study"
    shutil.copytree(tree, root / "scripts/fmstudy")
    monkeypatch.setattr(digests, "SCRIPTS", root / "scripts")
    tree = root / "scripts/fmstudy"
    templates, rules = root / "report/templates", root / "workflow/rules"
    templates.mkdir(parents=True, exist_ok=True)
    rules.mkdir(parents=True, exist_ok=True)
    page, rule = templates / "page.j2", rules / "data.smk"
    page.write_text("hello")
    rule.write_text("rule a:")

    def now() -> str:
        forget()
        return digests.study_digest()

    start = now()
    module = tree / "bottom.py"
    module.write_text(module.read_text() + "\n# a remark\n")
    assert now() == start
    module.write_text(module.read_text().replace("LIMIT = 3", "LIMIT = 4"))
    edited = now()
    assert edited != start
    page.write_text("hello again")
    templated = now()
    assert templated not in (start, edited)
    rule.write_text("rule b:")
    assert now() != templated
