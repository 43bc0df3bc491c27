"""Both engines, the experiments' net and the checks take images and classes of any number."""

import numpy as np
import pytest

from fmstudy.checks import equality
from fmstudy.checks.three_engines import NETS, engines_table
from fmstudy.engines.full_batch import train_lowlevel
from fmstudy.engines.keras_models import train_keras
from fmstudy.engines.mini_batch import MiniBatches, Samples
from fmstudy.study.spec import RunSpec

SHAPE = {"features": 15, "classes": 3}
N = 24


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Images (15, n) in [0, 1] and one-hot labels (3, n)."""
    random = np.random.default_rng(6)
    x = random.uniform(size=(SHAPE["features"], N)).astype(np.float32)
    return x, np.eye(3, dtype=np.float32)[:, np.arange(N) % 3]


def test_both_engines_train_on_any_shape(one_thread, data):
    low = RunSpec("lowlevel", hidden=(4,), epochs=2, train_samples=N, test_samples=N, **SHAPE)
    high = low.varied(engine="keras", bias="vector", batch_size=8, validation_split=0.25)
    assert low.parameters == 15 * 4 + 1 + 4 * 3 + 1
    for spec, train in ((low, train_lowlevel), (high, train_keras)):
        assert train(spec, 1, data, data).predictions.shape == (3, N)


def test_experiments_and_checks_take_any_shape(one_thread, data):
    spec = RunSpec("lowlevel", hidden=(4,), bias="vector", batch_norm="before", batch_size=8)
    batches = MiniBatches(spec.varied(**SHAPE), Samples.of(*data))
    batches.start(1)
    assert batches.train(np.arange(N, dtype=np.int32).reshape(3, 8))
    samples = Samples.of(*data)
    assert 0 <= batches.score(samples, batches.exact()).accuracy <= 1
    assert 0 <= batches.score_in_batches(samples, 8).accuracy <= 1
    assert len(equality.equality(samples, 8, 0.001, 1)) > 0
    table = engines_table(*data, steps=1, nets={"Softmax": NETS["Softmax"]})
    assert set(table["kept"]) == {"yes"}
