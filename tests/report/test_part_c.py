"""What the texts of Part C rest on: answers, rows of tables, and all variants of sentences."""

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures import REPOSITORY
from fixtures.report import EXPECTED
from fixtures.texts import marked

from fmstudy.analysis.columns import column
from fmstudy.analysis.formats import FORMATS
from fmstudy.report import experiment_rows as rows
from fmstudy.report import experiments
from fmstudy.report.experiments import Experiment, Hypothesis
from fmstudy.report.outcomes import Pair
from fmstudy.report.prose import Html, Prose
from fmstudy.report.rendering import math_markup
from fmstudy.study.experiments import EXPERIMENTS

TEXTS = REPOSITORY / "report/text"


def quantity(name: str, mean: float | None, low=None, high=None) -> dict:
    return {"quantity": name, "mean": mean, "low": low, "high": high}


def experiment(settings=None, quantities=(), hypotheses=()) -> Experiment:
    return Experiment(
        "trial",
        "A trial",
        is_run=True,
        settings=settings or {},
        arms={},
        hypotheses={it.name: it for it in hypotheses},
        quantities={row["quantity"]: row for row in quantities},
    )


# --------------------------------------------------------------------------------------- answers
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["supported", "supported"], "yes"),
        (["supported", "not resolved"], "yes"),
        (["contradicted"], "no"),
        (["supported", "contradicted"], "in part"),
        (["supported", "not resolved", "not resolved"], "in part"),
        (["not resolved"], "not resolved"),
        (["too few seeds", "too few seeds"], "too few seeds"),
        ([], "not resolved"),
    ],
)
def test_an_answer_follows_from_the_verdicts(words, answer):
    told = [Hypothesis(str(i), verdict=it, measured="1") for i, it in enumerate(words)]
    it = experiment(hypotheses=told)
    assert it.answer(*it.hypotheses) == answer


def test_hypotheses_without_a_value_have_no_vote():
    it = experiment(
        hypotheses=[Hypothesis("a", verdict="supported", measured="1"), Hypothesis("b")]
    )
    assert it.answer("a", "b", "unknown") == "yes"
    assert [each.name for each in it.of("a", "b", "unknown")] == ["a"]


def test_an_answer_knows_whether_its_hypotheses_were_written_after_results():
    late = Hypothesis("late", "supported", measured="1", is_seen=True)
    it = experiment(hypotheses=[late, Hypothesis("early", "supported", measured="1")])
    assert it.is_seen("late", "early")
    assert not it.is_seen("early", "unknown")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["better", "not resolved"], "yes"),
        (["worse"], "no"),
        (["better", "worse"], "in part"),
        (["no value"], "not resolved"),
        (["too few seeds"], "too few seeds"),
    ],
)
def test_whether_losses_are_lower_follows_from_the_comparisons(words, answer):
    pairs = [(SimpleNamespace(verdict="worse"), SimpleNamespace(verdict=it)) for it in words]
    assert experiments.lower_loss(pairs) == answer


def test_the_highest_level_is_that_of_both_networks_with_every_seed():
    settings = {"activations": ["relu", "sigmoid"], "levels": [0.8, 0.85, 0.87]}
    reached = {"80": (1, 1), "85": (1, 1), "87": (0.5, 1)}
    quantities = [
        quantity(f"reached_{level}/relu/{arm}", share)
        for level, shares in reached.items()
        for arm, share in zip(("plain", "bn"), shares, strict=True)
    ]
    quantities += [quantity("steps_85/relu/plain", 3.0), quantity("steps_85/relu/bn", 2.0)]
    [found] = experiment(settings, quantities).levels_reached()
    assert (found.activation, found.level) == ("ReLU", 0.85)
    assert (found.plain, found.bn) == (1000, 100)


def test_random_shifts_undo_a_share_of_the_benefit_where_there_is_one():
    quantities = [
        quantity(f"loss/{activation}/{arm}", loss)
        for activation, losses in (("relu", (0.5, 0.3, 0.35)), ("sigmoid", (0.3, 0.4, 0.5)))
        for arm, loss in zip(("plain", "bn", "noisy"), losses, strict=True)
    ]
    [found] = experiment({"rates": {"sigmoid": [], "relu": []}}, quantities).undone()
    assert found.activation == "ReLU"
    assert found.share == pytest.approx(0.25)


# ---------------------------------------------------------------------------------------- tables
def test_rows_of_learning_rates():
    settings = {"epochs": 3, "grids": [{"activation": "relu", "optimizer": "sgd"}]}
    quantities = [
        quantity("decades/relu/sgd/bn", 3.5, 3.0, 4.0),
        quantity("highest/relu/sgd/bn", 1.0),
        quantity("best_rate/relu/sgd/bn", -1.0),
        quantity("test_accuracy/relu/sgd/bn", 0.87, 0.86, 0.88),
    ]
    table = rows.rates(experiment(settings, quantities))
    plain, bn = table.rows
    assert bn["title"] == "ReLU, SGD, batch norm"
    assert (bn["decades"], bn["decades_low"], bn["decades_high"]) == (3.5, 3.0, 4.0)
    assert (bn["highest_usable_rate"], bn["best_rate"]) == (10, pytest.approx(0.1))
    assert bn["at_best_high"] == 0.88
    assert plain["decades"] is plain["highest_usable_rate"] is plain["at_equal"] is None
    assert table.heads["at_best"] == "Test accuracy there after 3 epochs, %"


def test_rows_of_speed_say_never_and_not_always():
    settings = {"activations": ["sigmoid"], "levels": [0.8, 0.85]}
    quantities = [
        quantity("step_seconds/sigmoid/plain", 0.002),
        quantity("reached_80/sigmoid/plain", 0.5),
        quantity("steps_80/sigmoid/plain", 3.0),
        quantity("seconds_80/sigmoid/plain", 0.3),
        quantity("reached_85/sigmoid/plain", 0.0),
    ]
    table = rows.speed(experiment(settings, quantities))
    plain, bn = table.rows
    assert plain["milliseconds"] == 2
    assert plain["steps_1"] == "1,000 (not always)"
    assert plain["steps_1_note"].startswith("2.0")
    assert plain["steps_2"] == bn["steps_1"] == "never"
    assert bn["milliseconds"] is None
    assert list(table.heads) == ["steps_1", "steps_2"]


def test_rows_of_inference_statistics():
    settings = {
        "momenta": [0.99, 0.9],
        "epoch": {"hidden": [600, 400], "batch_size": 256},
        "full": {"hidden": [300], "steps": 200, "samples": 6000},
    }
    found = rows.evaluation(experiment(settings, [quantity("loss_error/full/0.9", 0.1)])).rows
    assert [row["momentum"] for row in found] == [0.99, 0.9, 0.99, 0.9]
    assert found[0]["title"] == "One epoch of 600-400, batches of 256"
    assert found[3]["title"] == "200 full-batch steps of 300 on 6,000 images"
    assert [row["loss_error"] for row in found] == [None, None, None, 0.1]


def test_rows_of_shift_turn_decades_into_numbers():
    quantities = [quantity("drift/relu/bn", 0.05), quantity("gradient_change/relu/bn", 0.5)]
    plain, bn = rows.shift(experiment({"activations": ["relu"]}, quantities)).rows
    assert (bn["drift"], bn["gradient_change"]) == (0.05, pytest.approx(10**0.5))
    assert plain["drift"] is bn["effective_rate"] is None


def test_rows_of_deviations_have_a_column_per_engine():
    given = [
        ("gradient_x", "lowlevel", 1e-7),
        ("gradient_x", "keras", 2e-7),
        ("output", "keras", 3e-7),
    ]
    found = rows.equality(
        {"quantity": name, "engine": engine, "deviation": value} for name, engine, value in given
    ).rows
    assert found == [
        {"title": "Gradient x", "lowlevel": 1e-7, "keras": 2e-7},
        {"title": "Output", "lowlevel": None, "keras": 3e-7},
    ]


def test_rows_of_steps_are_those_of_experiments_and_of_models():
    quantities = [
        quantity("step_seconds/relu/plain", 0.001),
        quantity("step_seconds/relu/bn", 0.002),
        quantity("step_factor/relu", 1.5),
    ]
    spec = {"batch_size": 100, "train_samples": 1000, "validation_split": 0.2, "epochs": 5}
    first = {"title": "Net", "spec": spec, "seconds": 4.0}
    pairs = [(first, {**first, "seconds": 6.0}), (first, {**first, "seconds": None})]
    net = {"hidden": [10, 5], "batch_size": 60}
    found = rows.steps(experiment({"activations": ["relu"]}, quantities), net, pairs).rows
    assert [row["title"] for row in found] == ["10-5 ReLU", "Net"]
    assert [row["factor"] for row in found] == pytest.approx([1.5, 1.5])
    assert (found[1]["plain"], found[1]["bn"]) == pytest.approx((100, 150))  # ms of 40 steps


# ------------------------------------------------------------------------------------- sentences
VERDICTS = ("supported", "contradicted", "not resolved", "too few seeds")


def outcomes() -> list[Hypothesis]:
    """A hypothesis with each verdict and sign; one with a single seed has no interval."""
    return [
        Hypothesis("trial", verdict, f"{sign}0.50 nats", "0.50 nats", "+0.1 to +0.9",
                   float(f"{sign}0.5"), 0.1, 0.9)
        if verdict != "too few seeds"
        else Hypothesis("trial", verdict, f"{sign}0.50 nats", "0.50 nats", "",
                        float(f"{sign}0.5"))
        for verdict, sign in itertools.product(VERDICTS, "+-")
    ]  # fmt: skip


def counted(**given) -> SimpleNamespace:
    empty = {"claims": 18, "supported": 3, "contradicted": 2, "in_part": 1, "decided": 0}
    return SimpleNamespace(**(empty | {"shown": []} | given))


CLAIMS = [
    {"verdict": word, "seen": seen}
    for seen in ("no", "in part", "yes")
    for word in (*VERDICTS[:3], "supported in part", "literature only", "not tested")
]
ABOUT_CLAIMS = (
    "larger_rates",
    "faster",
    "more_accurate",
    "small_batches",
    "gradients",
    "averages",
    "dropout",
)
TITLES = [SimpleNamespace(title=title) for title in ("One model", "Another model")]
PAIRS = [
    Pair(*TITLES, "test_loss", verdict, amount, amount and f"+{amount}", interval)
    for verdict, amount, interval in (
        ("better", "0.5 nats", "+0.1 to +0.9"),
        ("worse", "0.5 nats", "+0.1 to +0.9"),
        ("not resolved", "0.5 nats", "-0.1 to +0.9"),
        ("too few seeds", "0.5 nats", ""),
        ("no value", "", ""),
    )
]  # fmt: skip
SHARES = [
    SimpleNamespace(activation="ReLU", share=0.2),
    SimpleNamespace(activation="sigmoid", share=0),
]
OTHERS = {  # what macros that are not about a hypothesis alone are given
    "answer": [
        (word, seen)
        for word in ("yes", "no", "in part", "too few seeds", "not resolved")
        for seen in (False, True)
    ],
    "losses": [(word,) for word in ("yes", "no", "in part", "too few seeds", "not resolved")],
    "loss": [(pair,) for pair in PAIRS],
    "headline": [
        (counted(**counts), rates, batches)
        for counts in ({"decided": 6}, {"shown": ["init"]}, {})
        for rates in CLAIMS
        for batches in CLAIMS
    ],
    "keras_statistics": [(it, 0.86, 0.89) for it in outcomes()],
    "undone": [(SHARES,), (SHARES[:1],)],
    "off": [(it, it) for it in outcomes()],
    "four": [(it, -0.01) for it in outcomes()],
    "moving": [(it, "At the end,") for it in outcomes()],
    "explodes": [(it, growth) for it in outcomes() for growth in (0.8, 1.2)],
    "vanishes": [(it, 0.2, 1.0) for it in outcomes()],
    "trained_deep": [(it, 40, 0.7, 0.2) for it in outcomes()],
    "afterwards": [(["C1"],), (["C1", "C2", "C3"],)],
    "waiting": [(["Depth"],), (["Depth", "Dropout"],)],
    "failed": [
        ({"says": "It holds.", "prediction": "a", "expect": "supported", "verdict": "contradicted",
          "unit": unit, "estimate": 0.5},)
        for unit in ("points", "factor", "")
    ],
}  # fmt: skip
OTHERS |= {name: [(row,) for row in CLAIMS] for name in ABOUT_CLAIMS}
OF_A_NETWORK = ("wider", "steps", "half", "turns", "range", "shifted", "place")
# A macro whose white space is removed is a part of a sentence.
SENTENCES = (TEXTS / "part-c/sentences.md").read_text(encoding="utf-8")
MACROS = re.findall(r"{% macro (\w+)\([^)]*\) %", SENTENCES)


@pytest.fixture(scope="module")
def reached() -> set[int]:
    """The branches that `say` has rendered."""
    return set()


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory, reached: set[int]):
    """A function that renders a sentence by the name of its macro."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "part-c").mkdir()
    (folder / "part-c/sentences.md").write_text(marked(SENTENCES)[0], encoding="utf-8")
    (folder / "one.md").write_text(
        '{% import "part-c/sentences.md" as say with context %}\n{{ say[name](*given) }}\n'
    )
    known = {"experiment": lambda name: experiment({"every": 100}), "column": column}
    known["reach"] = lambda number: reached.add(number) or ""
    blocks = {"refer": lambda kind, key: Html("Table 7")}
    prose = Prose(str(folder), blocks, math_markup, known, FORMATS)
    return lambda name, *given: re.sub("<[^>]+>", "", prose("one", name=name, given=given))


def variants(say, name: str) -> list[str]:
    given = OTHERS.get(name) or [
        (it, "ReLU network") if name in OF_A_NETWORK else (it,) for it in outcomes()
    ]
    return [say(name, *each) for each in given]


def test_every_branch_is_reached(say, reached):
    for name in MACROS:
        variants(say, name)
    assert not {mark for mark in marked(SENTENCES)[1] if mark[1] not in reached}


@pytest.mark.parametrize("name", MACROS)
def test_a_sentence_is_whole_in_every_variant(say, name):
    told = variants(say, name)
    for text in told:
        assert re.fullmatch(r"[A-Z“0-9].*[.:]", text, re.S), text
        assert not re.search(r"None|Undefined|nan|\s[.,;:]|\(\)|\(;|  |\{|–", text), text
    assert len(set(told)) > 1


def test_every_experiment_has_a_text():
    assert {path.stem for path in Path(TEXTS / "part-c").glob("*.md")} >= set(EXPERIMENTS)


def test_texts_name_hypotheses_that_exist():
    named = {
        name
        for path in (TEXTS / "part-c").glob("*.md")
        for call in re.findall(
            r"it\.of\(([^)]*)\)|set names = \[(.*?)\]", path.read_text(encoding="utf-8")
        )
        for name in re.findall(r'"([^"]+)"', "".join(call))
    }
    assert named
    assert named <= set(EXPECTED.predictions)
