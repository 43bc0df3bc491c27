"""Which part of a result's noise is due to initial weights, batches, dropout, images, rounding."""

import math

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import FITTED, SEED, TEST, VALIDATION
from fixtures.nets import values
from scipy import stats

from fmstudy.analysis.columns import read_rows
from fmstudy.checks import reference
from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.engines.keras_models import train_keras
from fmstudy.experiments.noise import figure, quantities, run
from fmstudy.figures.contents import panels
from fmstudy.runtime import write_table
from fmstudy.study.spec import REFERENCE

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")

SPEC = REFERENCE["keras"].varied(
    hidden=(7, 6), epochs=2, batch_size=10, learning_rate=0.05,
    train_samples=FITTED + VALIDATION, test_samples=TEST, validation_split=0.238,
)  # fmt: skip
SOURCES = list(quantities.NAMES)


def settings(**changes):
    spec = SPEC.varied(**changes).as_dict()
    return {"spec": spec, "dropout": 0.5, "at": [1, 2], "sources": SOURCES}


def losses(seed, data):
    """The test loss after the last epoch, by source."""
    found = values(run.run(settings(), seed, data), "test_loss", "source", "epoch")
    return {source: found[source, 2] for source in SOURCES}


@pytest.fixture(scope="module")
def found(data):
    return {seed: losses(seed, data) for seed in (run.FIXED, SEED, SEED + 1)}


def by_hand(data, weights, images, order_seed):
    """The test loss after training in NumPy float64."""
    x, labels = (tensor.numpy().T for tensor in (data.fitted.x, data.fitted.labels))
    net = reference.Net(3, SPEC.activation)
    p = {f"coefficients{layer}": w.astype(float) for layer, w in enumerate(weights)}
    p |= {f"bias{layer}": np.zeros((len(w), 1)) for layer, w in enumerate(weights)}
    optimizer = reference.Adam(SPEC.learning_rate)
    for epoch in (1, 2):
        order = images[batch_order(FITTED, order_seed, epoch)]
        for start in range(0, FITTED, SPEC.batch_size):
            batch = order[start : start + SPEC.batch_size]
            seen = reference.evaluate(net, p, x[:, batch].astype(float), labels[:, batch])
            p = optimizer.step(p, seen.gradients)
    logits = reference.logits(net, p, data.test.x.numpy().T.astype(float))
    return reference.cross_entropy(logits, data.test.labels.numpy().T)


@pytest.mark.parametrize(
    ("source", "weights_seed", "order_seed", "bootstrap"),
    [
        ("weights", SEED, run.FIXED, False),
        ("order", run.FIXED, SEED, False),
        ("images", run.FIXED, run.FIXED, True),
        ("rounding", run.FIXED, run.FIXED, False),
        ("all", SEED, SEED, True),
    ],
)
def test_a_training_varies_its_source_and_nothing_else(
    data, found, source, weights_seed, order_seed, bootstrap
):
    images = np.arange(FITTED)
    if bootstrap:
        images = np.random.default_rng([SEED, 2]).integers(FITTED, size=FITTED)
    expected = by_hand(data, initial_weights(SPEC, weights_seed), images, order_seed)
    assert found[SEED][source] == pytest.approx(expected, rel=1e-5)


def test_only_what_varies_depends_on_the_seed(found):
    for source in SOURCES:
        different = {found[seed][source] for seed in found}
        assert len(different) > (1 if source == "rounding" else 2), source
    start = found[run.FIXED]
    assert start["weights"] == start["order"]  # nothing differs from the training that is fixed
    assert len({found[SEED][source] for source in SOURCES}) == len(SOURCES)
    rounded = [found[seed]["rounding"] for seed in found]
    assert rounded == pytest.approx([start["weights"]] * 3, rel=1e-5)


def test_the_training_that_is_fixed_is_that_of_a_model_with_its_seed(data, found):
    train = [
        np.concatenate([getattr(part, key).numpy().T for part in (data.fitted, data.validation)], 1)
        for key in ("x", "labels")
    ]
    test = data.test.x.numpy().T, data.test.labels.numpy().T
    for source, dropout in (("weights", 0.0), ("order", 0.0), ("dropout", 0.5)):
        trained = train_keras(SPEC.varied(dropout=dropout), run.FIXED, train, test)
        loss = trained.history.last("test")["loss"]
        assert found[run.FIXED][source] == pytest.approx(loss, rel=1e-6)


def test_a_model_that_has_dropout_varies_its_masks_together_with_all_else(data):
    own = settings(dropout=0.5) | {"sources": ["all"], "at": [1]}
    masks = [run.Net(SPEC.varied(dropout=0.5), seed, data) for seed in (SEED, run.FIXED)]
    varied, fixed = (run.train(net, "all", SEED, [1], data) for net in masks)
    assert run.run(own, SEED, data) == varied != fixed


def test_rounding_moves_every_weight_to_the_next_number_up_or_down():
    weights = initial_weights(SPEC, 1)
    for seed in (1, 2):
        for before, after in zip(weights, run.nudged(weights, seed), strict=True):
            assert after.dtype == np.float32
            ordered = np.abs(before.view(np.int32) - after.view(np.int32))
            assert (ordered == 1).all()
    up = [run.nudged(weights, seed)[0] > weights[0] for seed in (1, 2)]
    # within four standard deviations: half go up, and half differ between seeds
    near = pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(weights[0].size))
    assert up[0].mean() == near
    assert (up[0] != up[1]).mean() == near


def test_a_bootstrap_sample_misses_some_images_and_repeats_others():
    drawn = run.resampled(10_000, 1)
    assert (drawn.min() >= 0, drawn.max() < 10_000, len(drawn)) == (True, True, 10_000)
    # The fraction of distinct images is 1 - 1/e, with a standard deviation of 0.0031.
    assert len(np.unique(drawn)) / 10_000 == pytest.approx(1 - 1 / math.e, abs=0.0125)
    assert (drawn != run.resampled(10_000, 2)).mean() > 0.99


def test_the_errors_of_test_images_are_those_of_a_share_and_of_a_mean(data):
    rows = run.run(settings() | {"sources": ["weights"], "at": [1]}, SEED, data)
    of = {each["measure"]: each["value"] for each in rows}
    share = of["test_accuracy"]
    assert of["test_accuracy_error"] == pytest.approx(math.sqrt(share * (1 - share) / TEST))
    assert of["test_loss_error"] > 0
    assert len(rows) == 4


# The table and the figure


def results(scales, seeds=4):
    """Results of seeds whose metrics lie at +-1 scale around 0.5, by source."""
    parts = []
    for seed in range(seeds):
        rows = []
        for source, scale in scales.items():
            value = 0.5 + (scale if seed % 2 else -scale)
            for kind in ("loss", "accuracy"):
                keys = {"source": source, "epoch": 3}
                rows.append(keys | {"measure": f"test_{kind}", "value": value})
                rows.append(keys | {"measure": f"test_{kind}_error", "value": 0.02})
        parts.append(pd.DataFrame(rows))
    return quantities.noise_table(range(seeds), parts)


def test_deviations_of_sources_are_told_apart():
    table = results({"weights": 0.03, "rounding": 0.001}).set_index("source")
    assert list(table.index) == ["initial weights", "rounding", "test images"]
    expected = 0.03 * math.sqrt(4 / 3)
    assert table.loc["initial weights", "accuracy_deviation"] == pytest.approx(expected)
    assert table.loc["rounding", "loss_deviation"] == pytest.approx(expected / 30)
    assert table.loc["test images", "accuracy_deviation"] == pytest.approx(0.02)
    assert table["trainings"].tolist() == [4, 4, 8]
    assert pd.isna(table.loc["test images", "loss_deviation_low"])


def test_the_interval_holds_the_true_deviation_in_95_of_100_cases():
    random = np.random.default_rng(3)
    intervals = [quantities.deviation(random.normal(0, 2.0, 8))[1:] for _ in range(1000)]
    held = np.mean([low <= 2.0 <= high for low, high in intervals])
    assert stats.binom.cdf(held * 1000, 1000, 0.95) > 1e-3
    assert stats.binom.sf(held * 1000 - 1, 1000, 0.95) > 1e-3


def test_one_training_has_no_deviation_and_no_figure():
    table = results({"weights": 0.03}, seeds=1)
    assert pd.isna(table.loc[0, "loss_deviation"])
    assert "two trainings" in figure.draw(table, "Keras 3").title


def test_a_diverged_training_is_left_out():
    """Its accuracy, too, although it is finite: that of a guess."""
    measures = [f"test_{it}" for it in ("loss", "accuracy", "loss_error", "accuracy_error")]
    parts = []
    for loss, accuracy in ((0.1, 0.8), (math.nan, 0.1), (0.3, 0.9)):
        part = pd.DataFrame({"source": "order", "epoch": 1, "measure": measures})
        parts.append(part.assign(value=[loss, accuracy, 0.01, 0.01]))
    table = quantities.noise_table([1, 2, 3], parts)
    assert table.loc[0, "trainings"] == 2
    assert table.loc[0, "loss_deviation"] == pytest.approx(0.2 / math.sqrt(2))
    assert table.loc[0, "accuracy_deviation"] == pytest.approx(0.1 / math.sqrt(2))


def test_the_figure_tells_deviations_in_points_and_shows_those_of_test_images():
    drawing = figure.draw(results({"weights": 0.03, "all": 0.04}), "Keras 3")
    assert "Keras 3" in drawing.title
    accuracy, loss = drawing.figure.axes
    for axes, scale in ((accuracy, 100), (loss, 1)):
        [diamond] = [line for line in axes.lines if line.get_marker() == "D"]
        assert list(diamond.get_xdata()) == pytest.approx([0.02 * scale])


def test_the_table_can_be_read_for_the_page(tmp_path):
    write_table(tmp_path / "noise.csv", results({"weights": 0.03}))
    first, last = read_rows(tmp_path / "noise.csv")
    assert first["source"] == "initial weights"
    assert last["accuracy_deviation_low"] is None


def test_no_source_counts_as_training_data_that_a_reader_can_hide():
    """`training images` is the name of a source."""
    drawing = figure.draw(results({"images": 0.03, "order": 0.02}), "Keras 3")
    kinds = {series.kind for panel in panels(drawing.figure) for series in panel.series}
    assert "train" not in kinds
