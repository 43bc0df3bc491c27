"""Which rules run again when a module is edited, by the digests that stand in their parameters."""

import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from fixtures.rules import TRAINED, carried, functions, reads_table, rules, uses
from fixtures.workflow import append

from fmstudy.study.experiments import EXPERIMENTS, figures_of, module_of
from fmstudy.workflow import digest as digests


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where digests keep what they have read, so that each test reads only what it edits."""
    return tmp_path_factory.mktemp("memory") / "digests.json"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: Path) -> Iterator[Path]:
    """A copy of the scripts and the library, which the digests are made of."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(digests.SCRIPTS, tmp_path / "scripts", ignore=leave)
    monkeypatch.setattr(digests, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(digests, "CACHE", memory)
    yield tmp_path / "scripts"
    digests._sources.cache_clear()


def now() -> dict[str, str]:
    """The digest of each rule, read anew as by the next run of the workflow."""
    digests._sources.cache_clear()
    return {rule: digests.digest(*arguments) for rule, arguments in uses().items()}


@cache
def covered() -> dict[str, list[str]]:
    """The modules of which each rule carries the digest."""
    return {rule: digests.modules_of(*arguments) for rule, arguments in uses().items()}


def users_of(module: str) -> set[str]:
    """The rules that run again when a module is edited."""
    return {rule for rule, modules in covered().items() if module in modules}


def jobs(*rules: str) -> set[str]:
    """The rules as `uses` names them, which adds the wildcard that a digest depends on."""
    return {name for name in covered() if name.partition(" ")[0] in rules}


def test_every_rule_carries_the_digest_of_its_script_and_of_the_functions_that_it_names():
    by_parts = {
        "ledger_call(": "analysis.ledger",
        "strengths_call(": "analysis.strength",
        "judged(": "experiments.judging",
    }
    for name, body in rules().items():
        [script] = re.findall(r'script:\n        "../../scripts/(\w+)\.py"', body)
        named = {function.rpartition(".")[0] for function in functions(body)}
        named |= set(re.findall(r'^        function="([\w.]+)\.\w+",$', body, re.M))
        parts = re.findall(r'module_of\(wildcards\.experiment, "(\w+)', body)
        named |= {module_of("shift", part) for part in parts}
        named |= {module for part, module in by_parts.items() if part in body}
        first, *modules = carried(body, experiment="shift", figure="shift")
        assert (first, set(modules)) == (
            script,
            named | ({"analysis.columns"} if reads_table(body) else set()),
        ), name


ENGINES = {"compare_engines"}


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("engines.full_batch", {"train_lowlevel"} | ENGINES),
        ("engines.chunks", {"train_lowlevel"} | ENGINES),
        ("engines.keras_models", {"train_keras", "run_noise"} | ENGINES),
        (
            "engines.network",
            jobs("train_lowlevel", "check_equality", "run_experiment", "run_noise") | ENGINES,
        ),
        ("checks.reference", {"collect_arms", "check_equality"} | ENGINES),
        ("experiments.common", jobs("run_experiment", "run_noise")),
        (
            "experiments.reading",
            jobs("collect_experiment", "collect_arms", "judge_batchnorm", "plot_experiment")
            | {"collect_noise", "plot_noise"},
        ),
        ("experiments.judging", jobs("collect_experiment", "collect_arms", "judge_batchnorm")),
        ("experiments.drawing", jobs("plot_experiment", "plot_noise")),
        ("experiments.noise.run", {"run_noise"}),
        ("experiments.noise.quantities", {"collect_noise", "plot_noise"}),
        ("experiments.trained_models", {"collect_arms"}),
        ("experiments.arm_curves", {"plot_experiment dropout", "plot_experiment placement-keras"}),
        ("experiments.rate_curves", {"plot_experiment noisy", "plot_experiment placement"}),
        ("figures.network", {"plot_network"}),
        ("report.rendering", {"render_report", "render_pdf"}),
        ("predict.layers", {"export_models", "collect_playground", "render_playground"}),
        ("predict.prepare", {"render_playground"}),
        ("report.playground", {"collect_playground", "render_playground"}),
        ("report.playground_page", {"render_playground"}),
    ],
)
def test_an_edited_module_runs_its_users_again_and_nothing_else(module: str, users: set[str]):
    assert users_of(module) == users


# The figures that use a quantity of their experiment.
DRAWN_FROM_QUANTITIES = {
    "learning-rate": {"plot_experiment learning-rate"},
    "speed": {"plot_experiment speed"},
    "batch-size": {"plot_experiment batch-size"},
}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_edited_experiment_runs_its_own_jobs_again_and_no_others(scripts: Path, experiment: str):
    """An edited figure redraws that figure alone; an edited quantity or figure trains nothing."""
    for figure, module in figures_of(experiment).items():
        assert users_of(module) == {f"plot_experiment {figure}"}
    if experiment in TRAINED:
        assert users_of(module_of(experiment, "run")) == {f"run_experiment {experiment}"}
        collected = {f"collect_experiment {experiment}"}
        users = collected | DRAWN_FROM_QUANTITIES.get(experiment, set())
        assert users_of(module_of(experiment, "quantities")) == users


def test_an_edited_figure_is_drawn_again_and_no_table_is_made_again():
    edited = users_of("figures.plots")
    assert {"plot_models", "plot_depth", "plot_data"} <= edited
    assert all(rule.startswith("plot_") for rule in edited)


def test_an_edited_column_is_written_again_and_nothing_is_trained_again():
    written = jobs("export_tables", "render_report", "render_pdf", "collect_explorer")
    written |= jobs("render_playground", "export_models", "pack_bundle")
    reading = jobs(*(name for name, body in rules().items() if reads_table(body)))
    assert len(reading) > 10
    assert users_of("analysis.columns") == reading | written


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("experiments.shift.landscape", {"plot_experiment shift-landscape"}),
        ("experiments.depth.run", {"run_experiment depth"}),
    ],
)
def test_an_edit_changes_the_digests_of_its_users_only(scripts: Path, module: str, users: set[str]):
    before = now()
    append(scripts / f"fmstudy/{module.replace('.', '/')}.py", "\nADDED = 1\n")
    after = now()
    assert {rule for rule in before if after[rule] != before[rule]} == users == users_of(module)


def test_an_edited_comment_runs_nothing_again(scripts: Path):
    before = now()
    for path in (scripts / "fmstudy").rglob("*.py"):
        append(path, "\n# a remark\n")
    assert now() == before
