"""Which rules run again when a module is edited, by the digests that stand in their parameters."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.rules import carried, rules, uses
from fixtures.workflow import append

from fmstudy.study.experiments import EXPERIMENTS
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


def test_every_rule_carries_the_digest_of_its_script_and_of_the_functions_that_it_names():
    by_parts = {"ledger_call(": {"analysis.ledger"}, "**JUDGED": {"experiments.judging"}}
    for name, body in rules().items():
        if name in ("fetch_dataset", "run_experiment"):
            continue  # the result has to have a checksum, whoever fetches it; see `uses`
        [script] = re.findall(r'script:\n        "../../scripts/(\w+)\.py"', body)
        named = set(re.findall(r'call\(\s*"([\w.]+)\.\w+"', body))
        named |= set(re.findall(r'^        module="([\w.]+)",$', body, re.M))
        for part, modules_of_part in by_parts.items():
            named |= modules_of_part if part in body else set()
        first, *modules = carried(body)
        assert (first, set(modules)) == (
            script,
            named | ({"analysis.columns"} if name in READING else set()),
        ), name


# Their functions read tables, which is by the description of the columns.
READING = {"collect_experiment", "collect_arms", "judge_batchnorm", "compare_predictions"}
READING |= {"plot_experiment", "plot_predictions", "plot_models"}
READING |= {"plot_epochs", "plot_depth", "plot_sweep"}
ENGINES = {"compare_engines"}
EXPERIMENTS_TRAINED = {name for name, it in EXPERIMENTS.items() if it.module}


@pytest.mark.parametrize(
    ("module", "users"),
    [
        ("engines.full_batch", {"train_lowlevel"} | ENGINES),
        ("engines.chunks", {"train_lowlevel"} | ENGINES),
        ("engines.keras_models", {"train_keras"} | ENGINES),
        (
            "engines.network",
            {"train_lowlevel", "check_equality"} | EXPERIMENTS_TRAINED | ENGINES,
        ),
        ("checks.reference", {"collect_arms", "check_equality"} | ENGINES),
        ("experiments.rates", {"learning-rate", "placement", "speed"}),
        ("experiments.batches", {"batch-size", "evaluation"}),
        ("experiments.depth", {"depth"}),
        (
            "experiments.quantities",
            {"collect_experiment", "collect_arms", "judge_batchnorm"}
            | {"plot_experiment", "plot_network"},
        ),
        ("experiments.figures", {"plot_experiment", "plot_network"}),
        ("report.rendering", {"render_report", "render_pdf"}),
    ],
)
def test_an_edited_module_runs_its_users_again_and_nothing_else(
    scripts: Path, module: str, users: set[str]
):
    before = now()
    append(scripts / f"fmstudy/{module.replace('.', '/')}.py", "\nADDED = 1\n")
    after = now()
    assert {rule for rule in before if after[rule] != before[rule]} == users


def test_an_edited_figure_is_drawn_again_and_no_table_is_made_again(scripts: Path):
    before = now()
    append(scripts / "fmstudy/figures/plots.py", "\nADDED = 1\n")
    after = now()
    edited = {rule for rule in before if after[rule] != before[rule]}
    assert {"plot_curves", "plot_comparison", "plot_data"} <= edited
    assert all(rule.startswith("plot_") for rule in edited)


def test_an_edited_column_is_written_again_and_nothing_is_trained_again(scripts: Path):
    before = now()
    append(scripts / "fmstudy/analysis/columns.py", "\nADDED = 1\n")
    after = now()
    edited = {rule for rule in before if after[rule] != before[rule]}
    assert READING | {"export_tables", "render_report", "render_pdf", "collect_explorer"} == edited
    trained = {rule for rule in before if rule.startswith("train_")} | EXPERIMENTS_TRAINED
    assert trained <= set(before)
    assert not edited & (trained | ENGINES | {"check_equality", "check_statistics"})


def test_an_edited_comment_runs_nothing_again(scripts: Path):
    before = now()
    for path in (scripts / "fmstudy").rglob("*.py"):
        append(path, "\n# a remark\n")
    assert now() == before
