"""Mistakes in the file of claims are told with line, key and what is allowed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
from fixtures import REFERENCES, REPOSITORY, find
from fixtures.mistakes import refusal

from fmstudy.analysis import measures
from fmstudy.study import claims, experiments, form, plan, published, reader, schema
from fmstudy.study.configuration import ConfigurationError

FILE = REPOSITORY / "config/claims.yaml"

GOOD = """\
claims:
  level:
    part: A
    topic: softmax
    place: "Question 1"
    says: It does well.
    test:
      level: {metric: test_accuracy, model: softmax}
      about: 0.8
      within: 0.02
  compare:
    part: B
    topic: depth
    place: "Question 2"
    says: More is better.
    test:
      compare: {metric: test_loss, model: B, with: A}
      less: 0
    printed: {add: [b-test-loss], subtract: [a-test-loss], less: 0}
  trend:
    part: A
    topic: width
    place: "Question 3"
    says: Wider is better.
    test:
      trend: {metric: test_accuracy, sweep: width, from: 100, scale: log}
      more: 0
  course:
    part: A
    topic: softmax
    place: "Question 4"
    says: It rises.
    test:
      course: {metric: test_accuracy, model: softmax, from: 0, to: 5, minus: [5, 9]}
      more: 0
  longer:
    part: A
    topic: softmax
    place: "Question 5"
    says: It goes on.
    test:
      longer: {metric: test_accuracy}
      more: 0
  any:
    part: C
    topic: others
    place: "Question 6"
    says: It works on any data.
    untested: Nobody can show it.
    literature: [ioffe2015]
"""
MODELS = {"softmax": None, "A": None, "B": None}
SWEEPS = {
    name: plan.Sweep(name, name, "part_a", vary, "A", values, ())
    for name, vary, values in (
        ("width", "width", (100, 300)),
        ("l2", "delta", (0.1, 1.0)),
        ("words", "activation", ("relu", "sigmoid")),
        ("grid", ("width", "epochs"), ((1, 2), (3, 4))),
    )
}
UNITS = {"a-test-loss": "nats", "b-test-loss": "nats", "a-test-acc": "percent"}
KNOWN = claims.Known(MODELS, SWEEPS, UNITS, ["C1", "C2"], ["ioffe2015", "wu2018"], True)


def read(file: Path) -> dict:
    return claims.read(file, KNOWN)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., list[str]]:
    return partial(refusal, read, GOOD, tmp_path / "claims.yaml")


def test_good_claims_are_read_in_their_order(tmp_path: Path):
    file = tmp_path / "claims.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert list(read(file)) == ["level", "compare", "trend", "course", "longer", "any"]
    content = read(file)
    assert claims.pairs_of(content) == [("A", "B")]
    assert claims.sweeps_of(content) == ["width"]


def test_a_default_that_is_written_out_leaves_no_trace(tmp_path: Path):
    file, found = tmp_path / "claims.yaml", []
    for scale in ("", ", scale: linear"):
        file.write_text(GOOD.replace(", scale: log", scale), encoding="utf-8")
        found.append(repr(read(file)))
    assert found[0] == found[1]


LEVEL = "      level: {metric: test_accuracy, model: softmax}\n"
COMPARE = "{metric: test_loss, model: B, with: A}"
NONE = "    untested: Nobody can show it.\n"
MISTAKES = [
    # names
    (COMPARE, COMPARE.replace("B", "C9"), "model: C9",
     ["claims.compare.test.compare.model", 'no model is called "C9"', "Models: softmax, A, B."]),
    ("model: softmax}\n      about", "model: sofmax}\n      about", "sofmax",
     ["claims.level.test.level.model", 'Did you mean "softmax"?']),
    ("sweep: width", "sweep: widht", "widht",
     ["claims.trend.test.trend.sweep", 'no sweep is called "widht"', 'mean "width"', "l2"]),
    *(("sweep: width", f"sweep: {name}", name,
       [f"claims.trend.test.trend.sweep: is {name}, whose values do not lie along a line",
        "a trend needs a sweep of one key with numbers. Compare models instead."])
      for name in ("words", "grid")),
    ("add: [b-test-loss]", "add: [b-test-los]", "b-test-los]",
     ["claims.compare.printed.add[0]", 'called "b-test-los"', 'Did you mean "b-test-loss"?']),
    ("subtract: [a-test-loss]", "subtract: [zzz]", "zzz",
     ["claims.compare.printed.subtract[0]", 'no published number is called "zzz"']),
    ("subtract: [a-test-loss]", "subtract: [a-test-acc]", "a-test-acc",
     ["claims.compare.printed.subtract[0]: is in percent, but b-test-loss is in nats",
      "add and subtract either accuracies or losses"]),
    ("    literature: [ioffe2015]\n", "    part_c: C99\n", "part_c: C99",
     ["claims.any.part_c", 'no claim is called "C99"', "Claims: C1, C2."]),
    ("[ioffe2015]", "[ioffe2051]", "[ioffe2051]",
     ["claims.any.literature[0]", 'no reference is called "ioffe2051"', 'mean "ioffe2015"?',
      "References: ioffe2015, wu2018."]),
    # kinds
    (LEVEL, LEVEL + "      longer: {metric: test_loss}\n", "    test:\n      level",
     ["claims.level.test", "exactly one of compare, level, course, longer, trend"]),
    ("      longer: {metric: test_accuracy}\n", "", "    test:\n      more",
     ["claims.longer.test", "exactly one of compare, level, course, longer, trend"]),
    # expectations
    ("      less: 0\n", "", "    test:\n      compare",
     ["claims.compare.test", "exactly one of more, less, about"]),
    ("      less: 0\n", "      less: 0\n      more: 0\n", "    test:\n      compare",
     ["claims.compare.test", "exactly one of more, less, about"]),
    (", less: 0}", "}", "printed", ["claims.compare.printed", "exactly one of more, less, about"]),
    ("      within: 0.02\n", "", "    test:\n      level",
     ["claims.level.test", "about and within require each other"]),
    ("      less: 0\n", "      less: 0\n      within: 1\n", "    test:\n      compare",
     ["claims.compare.test", "about and within require each other"]),
    ("within: 0.02", "within: 0", "within: 0", ["claims.level.test.within", "greater than 0"]),
    # tests, or none
    (NONE, "", "any:", ["claims.any: needs a test, or the reason for having none"]),
    ("      about: 0.8\n      within: 0.02\n",
     "      about: 0.8\n      within: 0.02\n    untested: But why.\n", "untested: But",
     ["claims.level.untested", "conflicts with test"]),
    # form
    ("says: It does well.", "sais: It does well.", "sais",
     ["claims.level.sais: unknown key", 'Did you mean "says"?']),
    ("says: It goes on.", "says: ''", "says: ''", ["claims.longer.says"]),
    ("metric: test_loss, model: B", "metric: test_los, model: B", "test_los,",
     ["compare.metric: must be one of", '"test_los"', 'Did you mean "test_loss"?']),
    ("    part: C\n", "    part: D\n", "part: D", ["claims.any.part: must be one of A, B, C"]),
    ("    topic: width\n", "", "trend:", ["claims.trend", "the key topic is missing"]),
    ("minus: [5, 9]", "minus: [5]", "minus: [5]", ["course.minus: must be a list with 2 or more"]),
    ("from: 0,", "from: zero,", "from: zero", ["course.from: must be a whole number", '"zero"']),
    ("scale: log", "scale: lg", "scale: lg", ["trend.scale: must be one of linear, log"]),
    ("sweep: width,", "sweeps: width,", "sweeps:", ["unknown key", 'Did you mean "sweep"?']),
    ("[ioffe2015]", "[Ioffe]", "[Ioffe]", ["claims.any.literature[0]", "such as ioffe2015"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "marked", "parts"), MISTAKES, ids=[f"{m[-1][0]} {m[1]!r}" for m in MISTAKES]
)
def test_mistake_is_named_with_its_line_and_what_is_allowed(refused, old, new, marked, parts):
    _, *complaints = refused(old, new, marked)
    for part in parts:
        assert part in "\n".join(complaints)


def test_all_that_does_not_hang_together_is_told_at_once(refused):
    wrong = GOOD.replace("model: B, with: A", "model: C, with: D").replace("sweep: w", "sweep: x")
    lines = refused(GOOD, wrong, "model: C")
    assert lines[0].startswith("The configuration has 3 mistakes")
    assert len(lines) == 4


def test_claim_that_stands_twice_is_refused_with_both_lines(tmp_path: Path):
    file = tmp_path / "claims.yaml"
    again = GOOD[GOOD.index("  any:") :]
    file.write_text(GOOD + again, encoding="utf-8")
    line = GOOD.count("\n") + 1
    with pytest.raises(ConfigurationError, match=f"line {line}: duplicate key claims.any"):
        read(file)


# The claims that come with the study


@pytest.fixture(scope="module", params=["config", "quick"])
def study(request: pytest.FixtureRequest) -> plan.Study:
    config, _ = reader.read_study([REPOSITORY / f"config/{request.param}.yaml"], find)
    built, problems = plan.build(config)
    assert problems == []
    return built


@pytest.fixture(scope="module")
def own(study: plan.Study) -> dict:
    rows, _ = published.read(REPOSITORY / study.published_file, study.published_numbers)
    units = {row["id"]: row["unit"] for row in rows}
    part_c = experiments.read(REPOSITORY / study.batchnorm.file, REFERENCES).claims
    known = claims.Known(study.models, study.sweeps, units, part_c, REFERENCES, True)
    return claims.read(REPOSITORY / study.claims_file, known)


def test_claims_of_the_source_fit_the_study_and_cover_its_parts(own: dict):
    assert len(own) >= 30
    assert {claim["part"] for claim in own.values()} == {"A", "B", "C"}
    tested = [claim for claim in own.values() if "test" in claim]
    assert len(tested) >= 30
    kinds = {kind for claim in tested for kind in claims.KINDS if kind in claim["test"]}
    assert kinds == set(claims.KINDS)


def test_every_claim_says_where_it_stands_and_what_in_a_sentence(own: dict):
    for name, claim in own.items():
        says = claim["says"].strip()
        assert says.endswith("."), name
        assert claim["place"].startswith(("Question 1", "Part B", "Part C")), name
    said = [claim["says"] for claim in own.values()]
    assert len(set(said)) == len(said)


def test_claims_of_a_topic_belong_to_one_part(own: dict):
    topics: dict[str, set[str]] = {}
    for claim in own.values():
        topics.setdefault(claim["topic"], set()).add(claim["part"])
    assert {topic for topic, parts in topics.items() if len(parts) > 1} == set()


def test_courses_and_epochs_are_within_the_trainings(own: dict, study: plan.Study):
    if not study.uses_all_images:
        pytest.skip("the quick study's trainings are shorter, which its table then says")
    tests = [
        (name, test)
        for name, claim in own.items()
        for kind in ("course", "compare", "level")
        if (test := claim.get("test", {}).get(kind))
    ]
    assert len(tests) > 10
    for name, test in tests:
        epochs = [test.get(key, 0) for key in ("epoch", "from", "to")] + test.get("minus", [])
        assert max(epochs) <= study.models[test["model"]].spec.epochs, name


def test_metrics_that_a_claim_may_name_are_those_that_can_be_measured():
    named = get_args(form.keys(schema.OfMetric)["metric"])
    assert sorted(named) == sorted(measures.METRICS)
