"""Facts for the texts of the report, from made-up results."""

from itertools import combinations

from fmstudy.analysis.verdicts import TOO_FEW, UNRESOLVED
from fmstudy.report import parts
from fmstudy.report.outcomes import without_signs


def model(name: str, accuracy: float | None, parameters: int) -> dict:
    return {"name": name, "result": {"test_accuracy": accuracy, "parameters": parameters}}


MODELS = [model("small", 0.8, 10), model("large", 0.81, 99), model("best", 0.82, 50)]
MODELS += [model("poor", 0.5, 5), model("diverged", None, 1)]


def pairs(alike: set[str], other: str = "better") -> list[dict]:
    """All pairs of models; those in `alike` cannot be told from the best one."""
    return [
        {"metric": metric, "first": first, "second": second}
        | {
            "verdict": UNRESOLVED
            if metric[5:] == "loss" or {first, second} - alike == {"best"}
            else other
        }
        for metric in ("test_accuracy", "test_loss")
        for first, second in combinations([it["name"] for it in MODELS], 2)
    ]


def test_the_smallest_model_that_cannot_be_told_from_the_best_one_is_named():
    found = parts.choice(MODELS, pairs({"small", "large"}))
    assert (found.best["name"], found.small["name"]) == ("best", "small")
    assert (found.alike, found.others) == (2, 3)
    alone = parts.choice(MODELS, pairs(set()))
    assert (alone.alike, alone.small["name"]) == (0, "best")
    assert parts.choice(MODELS, pairs({"large"})).small["name"] == "best"


def test_nothing_is_recommended_where_nothing_can_be_judged():
    assert parts.choice(MODELS, pairs(set(), TOO_FEW)) is None
    assert parts.choice(MODELS, []) is None
    assert parts.choice([MODELS[-1]], []) is None


def test_the_interval_of_a_size_has_no_signs_unless_zero_is_within():
    assert without_signs("−2.72 to −1.71") == "1.71 to 2.72"
    assert without_signs("+0.2 to +0.3") == "0.2 to 0.3"
    assert without_signs("−0.1 to +0.3") == "−0.1 to +0.3"
    assert without_signs("") == ""
