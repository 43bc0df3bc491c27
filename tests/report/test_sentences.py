"""Every variant of every macro in report/text/sentences.md is a whole sentence, and reachable.

The macros are rendered with made-up values.  Run this file with `-s` to read all variants.
"""

import itertools
import re
from types import SimpleNamespace as Values

import pytest
from fixtures import REPOSITORY
from fixtures.texts import marked
from jinja2 import Environment, StrictUndefined, nodes

from fmstudy.report.outcomes import Claim, Pair
from fmstudy.report.pages import FILTERS

TEXT = (REPOSITORY / "report/text/sentences.md").read_text(encoding="utf-8")
# Within a sentence: these have no period.
WORDS = {"unresolved", "seeds", "models", "pairs", "families", "tests", "mean"}
WORDS |= {"range", "range_of_points"}


def environment() -> Environment:
    made = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        comment_start_string="<!--",
        comment_end_string="-->",
    )
    made.filters |= FILTERS
    return made


MODELS = [
    Values(
        title=title,
        spec=Values(delta=0.001, epochs=200),
        result=Values(seeds=seeds, gap_accuracy=0.02, test_accuracy=0.9, parameters=1000),
        seconds=seconds,
    )
    for title, seeds, seconds in (("First", 1, 10.0), ("Second", 3, 20.0), ("Third", 2, None))
]
FIRST, SECOND, THIRD = MODELS
ROWS = [
    Values(value=100, epochs=200, test_accuracy=0.8, gap_accuracy=0.01),
    Values(value=500, epochs=2000, test_accuracy=0.9, gap_accuracy=0.03),
]


def compared() -> list[Pair]:
    found = []
    verdicts = ("better", "worse", "smaller gap", "larger gap", "not resolved")
    verdicts += ("too few seeds", "no value", "not planned")
    metrics = ("test_accuracy", "test_loss", "test_gap_accuracy", "test_gap_loss")
    for verdict, metric, low in itertools.product(verdicts, metrics, (-0.2, 0.1)):
        row = {"difference": 0.2, "low": low, "high": 0.3}
        values = ("0.20 points", "+0.20 points", "+0.10 to +0.30", "0.30 points", row)
        found.append(Pair(FIRST, SECOND, metric, verdict, *values))  # type: ignore[arg-type]
    return found


def claims() -> list[Claim]:
    keys = re.findall(r'it\.key == "([^"]+)"', TEXT)
    row = {"hypothesis": "test accuracy of First: above 3 points"}
    return [
        Claim(key, verdict, "+0.20 points", interval, "The first is better", row)
        for key in [*dict.fromkeys(keys), "another"]
        for verdict in ("supported", "contradicted", "not resolved")
        for interval in ("+0.10 to +0.30", "")
    ]


def sweeps() -> list[Values]:
    low, high = ROWS
    flat = Values(**vars(high) | {"gap_accuracy": 0.005})
    ends = ((low, high), (low, flat), (high, low))
    return [Values(first=a, last=b, best=best) for a, b in ends for best in (a, b)]


def longer() -> list[Values]:
    first, last = ROWS
    return [
        Values(model=FIRST, first=first, last=last, gain=gain, fall=gain, points="4.50",
               is_plateau=plateau)
        for gain, plateau in itertools.product((0.05, -0.01), (True, False))
    ]  # fmt: skip


def choices(**values: list) -> list[Values]:
    """One for each combination of the values."""
    return [
        Values(**dict(zip(values, it, strict=True))) for it in itertools.product(*values.values())
    ]


BOTH = [True, False]
DEPTH = choices(mostly_first=BOTH, wider=["A", ""], not_wider=["B", ""], steps=[compared()[:1]])
READINGS = choices(
    printed=[0.2], written=[0.3], other=[0.4], only_written_fits=BOTH, other_is_closer=BOTH
)
GAPS = choices(kind=["loss"], names=["A"], is_none=BOTH, is_all=BOTH)
STRONG = choices(guesses=BOTH, accuracy=[0.1], shrinks=BOTH, norm=[1.0], base_norm=[2.0])
ACCURACIES = choices(
    above=[0, 1, 2, 3], count=[3], by=[(1.0, 2.0)], are_mostly_above=BOTH,
    published=[(85.5, 92.8)], reproduced=[(84.3, 89.3)],
)  # fmt: skip
SHARES = Values(near_zero_share=0.1)
RANGES = [Values(low=0.1, high=0.1), Values(low=0.1, high=0.2)]
DATA: list[dict] = [
    {"set": {"name": "MNIST", "references": references}, "shape": [8, 9]}
    | {"train": {"samples": 1000}, "test": {"samples": 100}}
    for references in ([], ["xiao2017"])
]
# For each macro, the arguments with which it is called.
CALLS: dict[str, list[tuple]] = {
    "compare": [(it,) for it in compared()],
    "on_claim": [(it,) for it in claims()],
    "width": [(it,) for it in sweeps()],
    "first_layer": [(compared()[0], it, source) for it in (None, *DEPTH) for source in BOTH],
    "costly": [(compared()[0],)],
    "dropout": [
        (it,)
        for it in choices(
            accuracy=["open", "better", "worse", "mixed"], loss=["better", "worse", "open"]
        )
    ],
    "resolution": [
        (it,)
        for it in choices(
            models=[1, 2],
            seeds=[1, 3],
            resolution=[None, 0.01],
            low_level=[0.004],
            keras=[None, 0.014],
            half_width=[None, 0.02],
        )
    ],
    "best_value": [
        (Values(sweep="Rate of A", data="test", value="learning rate 0.01", accuracy=0.8),)
    ],
    "comparison": [(1, 2, "MNIST"), (3, 9, "MNIST")],
    "contents": [(data, "digits") for data in DATA] + [(DATA[0], "images")],
    "balance": [
        (it,)
        for it in choices(
            is_exact=BOTH,
            is_close=BOTH,
            classes=[10],
            train=[(5, 6)],
            test=[(1, 2)],
            guessing=[0.1],
        )
    ],
    "validation": [
        (it,)
        for it in choices(
            validation=[(5, 6)], validation_is_exact=BOTH, validation_is_close=BOTH
        )
    ],
    "part": [
        (Values(numbers=numbers, reproduced=1), count, "Keras")
        for numbers in (0, 2)
        for count in (1, 2)
    ],
    "metrics": [(it,) for it in MODELS],
    "metrics_of_readings": [(it,) for it in MODELS],
    "settled": [(it, 100) for it in claims()],
    "settling": [(it, FIRST, 100) for it in claims()],
    "training_longer": [(it,) for it in longer()],
    "longer": [(it,) for it in (None, *longer())],
    "gain": [(it,) for it in longer()],
    "one_seed": [()],
    "short": [(it,) for it in (None, *compared())],
    "ends_with_gap": [
        (it,) for it in (*MODELS, Values(title="Third", result=Values(gap_accuracy=None)))
    ],
    "widest": [(it,) for it in sweeps()],
    "depth": [(it,) for it in (None, *DEPTH)],
    "deeper": [(FIRST, it) for it in (None, SECOND)],
    "wider": [(it,) for it in DEPTH if it.wider or it.not_wider],
    "signed_sum": [(it,) for it in READINGS],
    "l1_in_short": [(it,) for it in READINGS],
    "l2_in_short": [(it, 0.001) for it in READINGS],
    "part_b_in_short": [(it,) for it in ACCURACIES],
    "smaller_gaps": [(it,) for it in GAPS],
    "penalties": [(it,) for it in (None, *(Values(accuracy=gap) for gap in GAPS))],
    "strong": [(it, FIRST) for it in STRONG],
    "strong_curves": [(it, FIRST) for it in (None, *STRONG)],
    "strong_weights": [(it,) for it in STRONG],
    "near_zero": [(it,) for it in (None, Values(true=SHARES, signed=SHARES))],
    "above": [(it,) for it in ACCURACIES],
    "unresolved": [(it,) for it in compared()],
    "choice": [
        (it,) for it in choices(best=[SECOND], others=[1, 9], alike=[0, 1, 4, 9], small=[FIRST])
    ],
    "small": [(it,) for it in choices(best=[SECOND], small=[FIRST, SECOND, THIRD])],
    "confused": [
        (Values(**{"class": "Shirt"}, taken=131.3, taken_for="T-shirt/top", support=1000),)
    ],
    **{name: [(1,), (3,)] for name in ("seeds", "models", "pairs", "families", "tests", "mean")},
    "range": [(it,) for it in RANGES],
    "range_of_points": [(it,) for it in RANGES],
    "jobs": [
        (it,) for it in choices(experiments=[0, 2], trainings=[1, 2], core_seconds=[100.0])
    ],
}  # fmt: skip


def macros() -> list[str]:
    return [it.name for it in environment().parse(TEXT).find_all(nodes.Macro)]


@pytest.fixture(scope="module")
def rendered() -> tuple[dict[str, set[str]], set[tuple[str, int]]]:
    """The variants by macro, and the branches that nothing reached."""
    text, marks = marked(TEXT)
    reached: set[int] = set()
    made = environment()
    made.globals["reach"] = lambda number: reached.add(number) or ""
    module = made.from_string(text).module
    said = {
        name: {getattr(module, name)(*given).strip() for given in calls}
        for name, calls in CALLS.items()
    }
    return said, {mark for mark in marks if mark[1] not in reached}


def test_every_macro_is_called():
    assert set(macros()) == set(CALLS)


def test_every_branch_is_reached(rendered):
    assert not rendered[1]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_each_variant_is_a_whole_sentence(rendered, name):
    for text in sorted(rendered[0][name]):
        print(f"{name}: {text}")
        assert text
        assert not re.search(r"None\b(?! of)|nan|\s\s|\n| [.,;:)]|[.,;:]{2}|\( |\{|\}", text), text
        if name not in WORDS:
            plain = text.replace("**", "")
            assert re.match(r"[A-Z“0-9]", plain), text
            assert plain.endswith("."), text
            assert text.count("**") in (0, 2), text
            assert text.count("(") == text.count(")"), text
