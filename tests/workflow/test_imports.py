"""No job waits for a library that it does not need, nor does the planning of the study."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from fixtures.rules import TRAINED, uses

from fmstudy.workflow.digest import PACKAGE, SCRIPTS, modules_of

TENSORFLOW = {"tensorflow", "keras"}  # seconds of a core, and 0.7 GB
SLOW = TENSORFLOW | {"matplotlib", "pandas", "scipy", "sklearn", "weasyprint"}
# The jobs that train, differentiate or normalize with it, measure its speed, or write its files.
NEED_TENSORFLOW = {
    *("train_lowlevel", "train_keras", "compare_engines", "check_equality", "measure_machine"),
    *("run_noise", "export_models"),
    *(f"run_experiment {name}" for name in TRAINED),
}
WARM_START = "workflow.warmstart"


def imported_anywhere(path: Path) -> set[str]:
    """The packages that a file imports, also in a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


def loaded_by(modules: set[str]) -> set[str]:
    """The packages that a process holds when it has imported these modules of the library."""
    code = "".join(f"import {PACKAGE}.{name}\n" for name in sorted(modules))
    code += "import sys; print(*(name for name in sys.modules if '.' not in name))"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=SCRIPTS)
    return set(done.stdout.split())


def test_only_jobs_that_train_import_tensorflow_and_they_start_warm():
    need_it, others = set(), {WARM_START}
    for rule, (script, *named) in uses().items():
        modules = {*modules_of(script, *named)} - {WARM_START}  # which does so for jobs that train
        library = (SCRIPTS / PACKAGE / f"{name.replace('.', '/')}.py" for name in modules)
        files = [SCRIPTS / f"{script}.py", *library]
        trains = any(imported_anywhere(file) & TENSORFLOW for file in files)
        if trains:
            need_it.add(rule)
        else:
            others |= modules
        assert ("warmstart.job(" in files[0].read_text(encoding="utf-8")) == trains, rule
    assert need_it == NEED_TENSORFLOW
    assert not loaded_by(others) & TENSORFLOW  # which libraries of others could bring, too


def test_the_study_is_planned_without_slow_libraries():
    rules = [path.read_text(encoding="utf-8") for path in SCRIPTS.parent.glob("workflow/rules/*")]
    modules = set()
    for line in re.findall(rf"^from {PACKAGE}.*", "\n".join(rules), re.MULTILINE):
        package, _, names = line.removeprefix("from ").partition(" import ")
        path = package.split(".")[1:]
        for name in names.split(","):
            whole = [*path, name.split()[0]]
            there = SCRIPTS.joinpath(PACKAGE, *whole).with_suffix(".py").exists()
            modules.add(".".join(whole if there else path))
    assert {"study.resolved", "study.experiments", "workflow.digest"} <= modules
    assert not loaded_by(modules) & SLOW
