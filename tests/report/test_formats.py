"""Numbers are rounded half up, as by hand, wherever the study writes them."""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import pytest
from matplotlib import pyplot as plt

from fmstudy.analysis import formats
from fmstudy.figures import errors, plots
from fmstudy.report import explorer

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
    ("function", "value", "text"),
    [
        (formats.significant, 0.6385, "0.639"),
        (formats.significant, 0.99950, "1.00"),
        (formats.significant, 1.005, "1.01"),
        (formats.significant, 1.0045e-7, "1.00e−7"),
        (formats.scientific, 2.25e-7, "2.3e−7"),
        (formats.scientific, 9.95, "1.0e1"),
        (formats.seconds, 4.25, "4.3\u202fs"),
        (formats.seconds, 60.5, "1\u202fmin 01\u202fs"),
        (formats.seconds, 3630, "1\u202fh 01\u202fmin"),
        (formats.number, 0.1234565, "0.123457"),
    ],
)
def test_digits_that_count_are_rounded_half_up(function, value: float, text: str):
    assert function(value) == text


def test_the_explorer_rounds_half_up():
    assert explorer.significant(0.63845, 4) == 0.6385


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("module", [plots, errors])
def test_percentages_along_an_axis_are_those_of_its_ticks(module, axis: str):
    figure, axes = plt.subplots()
    module.percent_axis(axes, axis)
    write = (axes.xaxis if axis == "x" else axes.yaxis).get_major_formatter()
    assert [write(value) for value in (0.025, 0.07, -0.125)] == ["2.5 %", "7 %", "−12.5 %"]
    plt.close(figure)
