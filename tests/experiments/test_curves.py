"""Learning curves of the study's models, over epochs and seconds."""

from pathlib import Path

import pandas as pd
import pytest
from fixtures.experiments import BLUE, ORANGE, drawn, line, times

from fmstudy.figures import svg

pytestmark = pytest.mark.usefixtures("coarse")


def test_values_of_an_experiment_are_named_by_panel_and_arm(tmp_path: Path):
    svg.save(drawn("curves"), tmp_path / "figure.svg")
    shown = pd.read_csv(tmp_path / "figure.csv")
    epochs = shown[shown["panel"] == "B: loss against epochs, nats"]
    means = epochs[epochs["series"] == "plain"]
    assert list(means["x"]) == [0, 1, 2, 3]
    assert list(means["y"]) == pytest.approx([2.0, 1.405, 0.905, 0.405])
    assert {"batch norm, train", "plain seed 2"} <= set(epochs["series"])


def test_curves_are_means_over_epochs_and_over_seconds():
    drawing = drawn("curves")
    above, below = drawing.figure.axes
    epochs, losses = line(above, BLUE)
    assert epochs == [0, 1, 2, 3]
    assert losses == pytest.approx([2.0, 1.405, 0.905, 0.405])
    seconds, losses = line(below, ORANGE)
    assert seconds == pytest.approx([0, 20, 40, 60])
    assert losses == pytest.approx([2.0, 1.305, 0.805, 0.305])
    untimed = drawn("curves", timed=times("curves").head(0))
    assert len(untimed.figure.axes) == 1


def test_arms_with_keras_are_named_with_their_last_loss():
    texts = {text.get_text() for text in drawn("dropout").figure.axes[0].texts}
    assert {"batch norm 0.305", "plain 0.405"} <= texts
