"""What we expected of batch normalization is read whole, and stays what it was before the runs."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures import REFERENCES, REPOSITORY, run_command
from fixtures.mistakes import check_only, refusal

from fmstudy.study import experiments, form, schema
from fmstudy.study.configuration import ConfigurationError
from fmstudy.study.experiments import EXPERIMENTS

FILE = REPOSITORY / "config/batchnorm.yaml"

GOOD = """\
recorded:
  commit: "0123abc"
  date: "2026-11-22"
seen_seeds: [1, 2]
claims:
  C1:
    says: It works.
    literature: [ioffe2015]
    literature_says: So they say.
  C20:
    says: It always works.
    literature: [wu2018, ioffe2015]
    literature_says: Not in small batches.
predictions:
  first:
    experiment: shift
    seen: true
    claim: C1
    says: It shifts less.
    test: {quantity: drift/relu/bn, minus: drift/relu/plain, less: 0}
    expect: not resolved
  second:
    experiment: depth
    says: It grows.
    test: {quantity: growth/relu/bn, about: 1.21, within: 0.05}
    expect: supported
"""


def read(file: Path) -> experiments.Expected:
    return experiments.read(file, ["ioffe2015", "wu2018"])


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., list[str]]:
    return partial(refusal, read, GOOD, tmp_path / "batchnorm.yaml")


def test_a_good_file_is_read_in_its_order(tmp_path: Path):
    file = tmp_path / "batchnorm.yaml"
    file.write_text(GOOD, encoding="utf-8")
    expected = read(file)
    assert list(expected.claims) == ["C1", "C20"]
    assert list(expected.predictions) == ["first", "second"]
    assert expected.recorded == {"commit": "0123abc", "date": "2026-11-22"}
    assert list(expected.of("depth")) == ["second"]
    assert expected.of("curves") == {}


def test_predictions_for_a_revised_experiment_count_as_seen_and_stand_as_written(tmp_path: Path):
    file = tmp_path / "batchnorm.yaml"
    file.write_text(f"revised:\n  depth: It was unfair.\n{GOOD}", encoding="utf-8")
    expected = read(file)
    assert expected.revised == {"depth": "It was unfair."}
    assert expected.predictions["second"]["seen"]
    assert expected.of("depth")["second"]["seen"]
    file.write_text(f"revised:\n  deep: It was unfair.\n{GOOD}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r'line 2.*"deep"|deep.*line 2'):
        read(file)


LESS = "test: {quantity: drift/relu/bn, minus: drift/relu/plain, less: 0}"
ABOUT = "about: 1.21, within: 0.05"
RECORDED = 'recorded:\n  commit: "0123abc"\n  date: "2026-11-22"\n'
MISTAKES = [
    # names
    ("experiment: shift", "experiment: shfit", "shfit",
     ["predictions.first.experiment: must be one of curves, learning-rate", '"shfit"',
      'Did you mean "shift"?']),
    ("claim: C1\n", "claim: C2\n", "claim: C2",
     ["predictions.first.claim", 'no claim is called "C2"', "Did you mean", "Claims: C1, C20."]),
    ("    claim: C1\n", "    clam: C1\n", "clam",
     ["predictions.first.clam: unknown key", 'Did you mean "claim"?']),
    ("  second:\n", "  second one:\n", "second one", ["at most 40 letters, digits and hyphens"]),
    ("literature: [ioffe2015]", "literature: [Ioffe 2015]", "[Ioffe",
     ["claims.C1.literature[0]", "the key of a reference, such as ioffe2015"]),
    # expectations
    (", less: 0}", "}", LESS[:10], ["predictions.first.test", "exactly one of more, less, about"]),
    (", less: 0}", ", less: 0, more: 0}", LESS[:10],
     ["predictions.first.test", "exactly one of more, less, about"]),
    (ABOUT, "about: 1.21", "test: {quantity: growth",
     ["predictions.second.test", "about and within require each other"]),
    (ABOUT, "more: 1, within: 0.05", "test: {quantity: growth",
     ["predictions.second.test", "about and within require each other"]),
    (ABOUT, "about: 1.21, within: 0", "within: 0",
     ["predictions.second.test.within: must be greater than 0"]),
    ("less: 0}", "les: 0}", "les: 0",
     ["predictions.first.test.les: unknown key", 'Did you mean "less"?']),
    ("literature: [wu2018, ioffe2015]", "literature: [wu2018, ioffe2051]", "[wu2018, ioffe2051]",
     ["claims.C20.literature[1]", 'no reference is called "ioffe2051"', 'mean "ioffe2015"?']),
    # quantities
    ("quantity: growth/relu/bn", "quantity: grwoth/relu/bn", "grwoth",
     ["predictions.second.test.quantity: depth measures no grwoth", 'Did you mean "growth"?',
      "Quantities of this experiment: growth, growth_size, test_accuracy."]),
    ("minus: drift/relu/plain", "minus: loss_range/relu/plain", "minus: loss_range",
     ["predictions.first.test.minus: loss_range cannot be subtracted from drift",
      "subtract quantities with the same unit"]),
    ("quantity: drift/relu/bn", "quantity: validation_loss/relu/bn", "minus: drift",
     ["predictions.first.test.minus: drift cannot be subtracted from validation_loss"]),
    ("quantity: growth/relu/bn", "quantity: growth relu", "growth relu",
     ["predictions.second.test.quantity: must be the name of a quantity, such as decades"]),
    ("expect: not resolved", "expect: unresolved", "unresolved",
     ["predictions.first.expect: must be one of supported, contradicted, not resolved"]),
    ("    expect: supported\n", "", "  second:", ["predictions.second: the key expect is missing"]),
    # what was recorded, and when
    (RECORDED, RECORDED + "other: 1\n", "other:",
     ["unknown key. Allowed here: recorded, seen_seeds"]),
    ('  date: "2026-11-22"\n', "", "recorded:", ["recorded: the key date is missing"]),
    ('"0123abc"', "main", "commit: main", ["recorded.commit: must be the hash of a commit"]),
    ('"0123abc"', "1234567", "commit: 1234567", ["recorded.commit: must be", "1234567"]),
    ('"2026-11-22"', "2026-11-22", "date: 2026", ["recorded.date: must be", "quotation marks"]),
    # form
    ("says: It always works.", "says: 2026-11-22", "says: 2026",
     ["claims.C20.says: must be text, found 2026-11-22. Put it in quotation marks."]),
    ("says: It always works.", "says: ''", "says: ''", ["claims.C20.says"]),
    ("literature: [ioffe2015]", "literature: []", "literature: []",
     ["claims.C1.literature: must be a list with 1 or more"]),
    ("seen: true", "seen: maybe", "seen: maybe", ["predictions.first.seen"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "marked", "parts"), MISTAKES, ids=[f"{m[-1][0]}: {m[2]}" for m in MISTAKES]
)
def test_a_mistake_is_named_with_its_line_and_what_is_allowed(refused, old, new, marked, parts):
    check_only(refused(old, new, marked), parts)


def test_predictions_without_what_was_recorded_are_refused(tmp_path: Path):
    (tmp_path / "batchnorm.yaml").write_text(GOOD.replace(RECORDED, ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"batchnorm\.yaml: the key recorded is missing"):
        read(tmp_path / "batchnorm.yaml")


def test_all_mistakes_are_told_at_once(refused):
    wrong = GOOD.replace("C1\n", "C9\n").replace(", less: 0}", "}")
    assert len(refused(GOOD, wrong, "claim: C9")) == 1 + 2


# ------------------------------------------------------------------------- the repository's file
@pytest.fixture(scope="module")
def expected() -> experiments.Expected:
    return experiments.read(FILE, REFERENCES)


def test_every_claim_of_the_list_is_there_once(expected):
    assert list(expected.claims) == [f"C{i}" for i in range(1, 19)]


def test_every_experiment_has_predictions_and_none_is_on_another(expected):
    assert {it["experiment"] for it in expected.predictions.values()} == set(EXPERIMENTS)
    names = [name for experiment in EXPERIMENTS for name in expected.of(experiment)]
    assert sorted(names) == sorted(expected.predictions)


def test_the_experiments_that_can_be_configured_are_those_that_exist():
    assert set(form.keys(schema.Experiments)) == set(EXPERIMENTS)


def test_no_seed_of_the_default_study_had_been_seen(expected):
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    seeds = {*config["seeds"], *config["batchnorm"]["seeds"], *config["replicates"]["seeds"]}
    assert seeds.isdisjoint(expected.seen_seeds)


def test_each_experiment_has_a_folder_with_its_code_and_each_folder_is_of_an_experiment():
    library = REPOSITORY / "scripts/fmstudy"
    wanted = set()
    for name, it in EXPERIMENTS.items():
        assert it.after in ("", *EXPERIMENTS), name
        parts = {"__init__", *it.figures} | ({"run", "quantities"} if it.seconds else set())
        wanted |= {experiments.module_of(name, part) for part in parts}
    noise = ("__init__", "run", "quantities", "figure")  # not about batch normalization
    wanted |= {experiments.module_of("noise", part) for part in noise}
    folders = (library / "experiments").glob("*/*.py")
    assert {".".join(path.relative_to(library).with_suffix("").parts) for path in folders} == wanted


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("git", "-C", REPOSITORY, *arguments)


def recorded_predictions(commit: str) -> dict[str, dict[str, Any]]:
    """The predictions as that commit has them; skips the test where its history is not there."""
    try:
        there = git("cat-file", "-e", f"{commit}^{{commit}}")
    except FileNotFoundError:
        pytest.skip("git is not installed, so the recorded predictions cannot be read")
    if there.returncode != 0:
        pytest.skip(
            f"the commit {commit} is not in this copy's history (no clone, or a shallow one)"
        )
    shown = git("show", f"{commit}:config/batchnorm.yaml")
    assert shown.returncode == 0, f"the commit {commit} holds no predictions: {shown.stderr}"
    return yaml.safe_load(shown.stdout)["predictions"]


def test_no_prediction_was_changed_after_it_was_recorded(expected):
    recorded = recorded_predictions(expected.recorded["commit"])
    assert len(recorded) > 10
    given = yaml.safe_load(FILE.read_text(encoding="utf-8"))["predictions"]
    for name, prediction in recorded.items():
        assert given.get(name) == prediction, name


def test_what_was_added_later_says_that_the_runs_had_been_seen(expected):
    recorded = recorded_predictions(expected.recorded["commit"])
    for name, prediction in expected.predictions.items():
        assert name in recorded or prediction.get("seen"), name


def test_the_recorded_commit_is_of_the_recorded_date_and_held_the_predictions_first(expected):
    commit = expected.recorded["commit"]
    recorded_predictions(commit)
    assert git("show", "-s", "--format=%cs", commit).stdout.strip() == expected.recorded["date"]
    first = git("log", "--diff-filter=A", "--format=%H", "--", "config/batchnorm.yaml").stdout
    assert first.split()[-1].startswith(commit)
