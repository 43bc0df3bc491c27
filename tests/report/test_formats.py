"""Numbers are rounded half up, as by hand, wherever the study writes them."""

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

import pytest
from fixtures import REPOSITORY
from fixtures.report import configured
from matplotlib import pyplot as plt

from fmstudy.analysis import formats, judging
from fmstudy.analysis.columns import column
from fmstudy.experiments import drawing
from fmstudy.figures import errors, plots
from fmstudy.numbers import number
from fmstudy.report import explorer
from fmstudy.study import plan

HALVES = ("0.6385", "0.8905", "0.0015", "0.1165", "0.5005", "0.9995", "0.65449", "0.65450")


def by_hand(text: str, digits: int) -> str:
    """Round a decimal number half up."""
    return f"{Decimal(text).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


@pytest.mark.parametrize("share", HALVES)
@pytest.mark.parametrize("percent", [formats.percent, plots.percent])
def test_text_and_figures_round_shares_alike(share: str, percent: Callable[[float], str]):
    expected = by_hand(f"{100 * Decimal(share)}", 1)
    assert percent(float(share)).replace("\N{NO-BREAK SPACE}", formats.THIN) == (
        f"{expected}{formats.THIN}%"
    )


@pytest.mark.parametrize("loss", ["0.4125", "2.0005", "1.0015", "99.9995", "100.5", "312.5"])
def test_text_and_figures_round_losses_alike(loss: str):
    digits = 3 if float(loss) < 100 else 0
    assert plots.nats(float(loss)) == by_hand(loss, digits)
    assert formats.fixed(float(loss), digits) == by_hand(loss, digits)


def test_a_loss_of_any_size_is_written():
    assert formats.fixed(3e38, 3).startswith("300,000,")
    assert plots.nats(math.nan) == formats.DIVERGED


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (formats.percent, {0.867: "86.7\u202f%", 0.1: "10.0\u202f%", None: "–"}),
        (formats.loss, {0.3839: "0.384"}),
        (formats.signed, {0.354: "+0.35", -0.354: "−0.35", 0.001: "0.00", -0.001: "0.00"}),
        (formats.points, {0.021: "+2.10", -0.0102: "−1.02"}),
        (formats.count, {60000: "60,000"}),
        (number, {0.001: "0.001", 1e-5: "1e−5", 1.0: "1", -1: "−1", 0.1234565: "0.123457"}),
        (number, {1000: "1,000", 1000.0000000000001: "1,000", 1234567.0: "1,234,567", None: "–"}),
        (formats.scientific, {3.07e-7: "3.1e−7", 2.25e-7: "2.3e−7", 9.96e-6: "1.0e−5"}),
        (formats.scientific, {9.95: "1.0e1", -0.25: "−2.5e−1", 0.0: "0.0e0", None: "–"}),
        (formats.significant, {0.6385: "0.639", 1.005: "1.01", 123.46: "123", 9999.4: "9,999"}),
        (formats.significant, {12345.6: "1.23e4", 0.001: "0.00100", 4.249e-7: "4.25e−7"}),
        (formats.significant, {-4.249e-7: "−4.25e−7", 1.0045e-7: "1.00e−7", 0.09996: "0.100"}),
        (formats.significant, {9.996: "10.0", 0.9995: "1.00", 0: "0.00", None: "–"}),
        (formats.seconds, {4.25: "4.3\u202fs", 59.97: "1\u202fmin 00\u202fs"}),
        (formats.seconds, {60.5: "1\u202fmin 01\u202fs", 7384: "2\u202fh 03\u202fmin"}),
        (partial(formats.fixed, digits=2), {100 * 0.89065: "89.07", 2.675: "2.68", -0.004: "0.00"}),
        (partial(explorer.significant, digits=4), {0.63845: 0.6385, 12345678.0: 12350000}),
    ],
)
def test_numbers_are_written_so_that_people_can_read_them_and_rounded_half_up(function, values):
    assert {value: function(value) for value in values} == values


@pytest.mark.parametrize("value", [1e-5, 0.0001, 0.001, 0.00316, 0.05, 0.3, 1, 200, 1000, 60000])
def test_a_value_reads_the_same_in_tables_titles_figures_and_text(value: float):
    config = configured()
    config["sweeps"] = {
        "s": {"title": "S", "model": "B-L2", "vary": "delta", "values": [value, 7.5]}
    }
    study, _ = plan.build(config)
    model, _ = study.sweeps["s"].models
    figure, axes = plt.subplots()
    drawing.values_x(axes, [float(value)], "delta")
    described = explorer.setting(model.spec.as_dict())
    expected = formats.FORMATS["number"](value)
    plt.close(figure)
    assert model.title == f"delta {expected}"
    assert [label.get_text() for label in axes.get_xticklabels()] == [expected]
    assert f"L2 with delta {expected}," in described
    assert column("sweep_s", "value").write({"value": value}) == expected
    assert column("settings", "delta").write({"delta": float(value)}) == expected
    assert judging.written(value, "") == expected


def test_only_names_of_runs_use_the_other_form_of_a_number():
    library = REPOSITORY / "scripts/fmstudy"
    modules = {
        path.relative_to(library).as_posix(): path.read_text() for path in library.rglob("*.py")
    }
    importing = re.compile(r"^from fmstudy\.study\.spec import .*\bnumber\b", re.MULTILINE)
    assert [name for name, text in modules.items() if importing.search(text)] == ["study/plan.py"]
    assert modules["study/plan.py"].count("number_in_name(") == 1


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("module", [plots, errors])
def test_percentages_along_an_axis_are_those_of_its_ticks(module, axis: str):
    figure, axes = plt.subplots()
    module.percent_axis(axes, axis)
    write = (axes.xaxis if axis == "x" else axes.yaxis).get_major_formatter()
    assert [write(value) for value in (0.025, 0.07, -0.125)] == ["2.5 %", "7 %", "−12.5 %"]
    plt.close(figure)
