"""Probes measure what they say, in NumPy float64 and by hand, and change nothing."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from fixtures.descent import numerical_gradient
from fixtures.nets import arrays, in_numpy
from scipy import stats

from fmstudy.checks import reference
from fmstudy.engines.mini_batch import MiniBatches, Samples, orders, times
from fmstudy.engines.network import Network
from fmstudy.experiments.probes import (
    FAR,
    PERCENTILES,
    REACH,
    Probe,
    _moved,
    inside,
    sent_gradient_norms,
)
from fmstudy.study.spec import RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, RATE = 45, 0.5
HIDDEN = (7, 6, 5)
NETS = [(a, place) for a in ("sigmoid", "relu") for place in ("none", "before", "after")]
SPEC = RunSpec(
    "lowlevel", hidden=HIDDEN, bias="vector", weight_std=None, optimizer="sgd",
    learning_rate=0.1, batch_size=8, train_samples=N,
)  # fmt: skip
each_net = pytest.mark.parametrize(("activation", "place"), NETS)


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(8)
    x = random.random((784, N), dtype=np.float32) * (random.random((784, N)) < 0.5)
    return Samples.of(
        x.astype(np.float32), np.eye(10, dtype=np.float32)[:, random.integers(0, 10, N)]
    )


def network(activation, place, seed=3, **changes):
    """A net none of whose variables has a special value such as 0 or 1."""
    net = Network(SPEC.varied(activation=activation, batch_norm=place, **changes), seed)
    random = np.random.default_rng([11, seed])
    for variable in net.variables:
        variable.assign_add(random.normal(0.0, 0.1, variable.shape).astype(np.float32))
    return net


def onwards(net, p, layer, h):
    """Sends h, what `layer` hidden layers made of x, through the rest; gives all that is met."""
    normalized, received, sent = [], [], []

    def normal(z, i):
        normalized.append(reference.batch_norm(z, 1.0, 0.0, net.epsilon)[0])
        return p[f"gamma{i}"] * normalized[-1] + p[f"beta{i}"]

    for i in range(layer, net.layers - 1):
        z = p[f"coefficients{i}"] @ h + p.get(f"bias{i}", 0.0)
        received.append(normal(z, i) if net.batch_norm == "before" else z)
        h = reference.activate(net.activation, received[-1])
        h = normal(h, i) if net.batch_norm == "after" else h
        sent.append(h)
    last = net.layers - 1
    return normalized, received, sent, p[f"coefficients{last}"] @ h + p[f"bias{last}"]


def gradients(net, p, batch):
    return reference.evaluate(net, p, *arrays(batch)).gradients


def norm(arrays):
    return np.sqrt(sum((array**2).sum() for array in arrays))


def found(measures):
    """A probe's measures by name and layer, each once."""
    values = {(name, layer): value for name, layer, value in measures}
    assert len(values) == len(measures)
    return values


def all_of(probe, rate=RATE):
    return probe.distributions() + probe.shift(rate) + probe.landscape(rate)


# ------------------------------------------------------------------------------------- inside
@each_net
def test_inside_is_what_the_net_does(batch, activation, place):
    net = network(activation, place)
    seen = inside(net, batch.x)
    np.testing.assert_array_equal(seen.logits, net.logits(times(batch.x))[0])
    wanted = onwards(*in_numpy(net), 0, arrays(batch)[0])
    assert len(seen.received) == len(seen.sent) == len(HIDDEN)
    assert len(seen.normalized) == (0 if place == "none" else len(HIDDEN))
    for given, expected in zip(seen, wanted, strict=True):
        given = given if isinstance(given, list) else [given]
        expected = expected if isinstance(expected, list) else [expected]
        for mine, theirs in zip(given, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=3e-5)


def test_what_is_normalized_has_mean_0_and_deviation_1(batch):
    for x in inside(network("relu", "before", bn_epsilon=1e-6), batch.x).normalized:
        np.testing.assert_allclose(x.numpy().mean(axis=1), 0.0, atol=1e-4)
        np.testing.assert_allclose(x.numpy().std(axis=1), 1.0, atol=1e-3)


@each_net
def test_a_look_gives_loss_and_gradients_of_the_reference(batch, activation, place):
    net = network(activation, place)
    loss, given = Probe(net, batch).look()
    wanted = reference.evaluate(*in_numpy(net), *arrays(batch))
    assert loss == pytest.approx(wanted.loss, abs=1e-6)
    for name, gradient in zip(net.named_arrays(), given, strict=True):
        np.testing.assert_allclose(gradient, wanted.gradients[name], atol=2e-6, err_msg=name)


# ------------------------------------------------------------------------------ distributions
def test_drift_is_the_distance_of_distributions_in_old_deviations(batch):
    net = network("relu", "before")
    probe = Probe(net, batch, unit=2)
    old = [z.numpy() for z in inside(net, batch.x).received]
    first = found(probe.distributions())
    assert {name for name, _ in first} == {f"percentile_{p}" for p in PERCENTILES}
    for layer, z in enumerate(old, start=1):
        for p in PERCENTILES:
            assert first[f"percentile_{p}", layer] == pytest.approx(
                np.percentile(z[2], p), abs=1e-5
            )
    for variable in net.variables:
        variable.assign(variable * 1.3 + 0.02)
    new = [z.numpy() for z in inside(net, batch.x).received]
    second = found(probe.distributions())
    for layer, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        wanted = np.mean(
            [stats.wasserstein_distance(a, b) / a.std() for a, b in zip(before, after, strict=True)]
        )
        assert wanted > 0.01
        assert second["drift", layer] == pytest.approx(wanted, rel=1e-4)
    third = found(probe.distributions())  # since the look before, when nothing has changed
    assert all(third["drift", layer] == 0.0 for layer in (1, 2, 3))


def test_a_unit_that_receives_a_constant_has_no_drift(batch):
    """Its deviation, computed, may not be 0 but rounding, by which nothing may be divided."""
    net = network("relu", "none")
    rows = net.coefficients[0].numpy()
    rows[1] = 0.0
    net.coefficients[0].assign(rows)
    bias = net.biases[0].numpy()
    bias[1] = 0.1
    net.biases[0].assign(bias)
    old = inside(net, batch.x).received[0].numpy()
    assert np.ptp(old[1]) == 0.0
    probe = Probe(net, batch)
    probe.distributions()
    net.biases[0].assign_add(tf.ones((HIDDEN[0], 1)))
    others = np.delete(old, 1, axis=0)
    drift = found(probe.distributions())["drift", 1]
    assert drift == pytest.approx((1.0 / others.std(axis=1)).mean(), rel=1e-4)


# -------------------------------------------------------------------------------------- shift
@each_net
def test_shift_is_that_of_layers_below_which_are_updated_by_hand(batch, activation, place):
    net = network(activation, place)
    kind, p = in_numpy(net)
    g = gradients(kind, p, batch)
    measures = found(Probe(net, batch).shift(RATE))
    assert ("shift_size", 1) not in measures and ("shift_cosine", 1) not in measures
    for layer in range(kind.layers):
        w, mine = p[f"coefficients{layer}"], g[f"coefficients{layer}"]
        assert measures["gradient_norm", layer + 1] == pytest.approx(norm([mine]), rel=1e-4)
        assert measures["effective_rate", layer + 1] == pytest.approx(RATE / (w**2).sum(), rel=1e-5)
        if layer == 0:
            continue
        moved = {
            name: array - RATE * g[name] if int(name[-1]) < layer else array
            for name, array in p.items()
        }
        other = gradients(kind, moved, batch)[f"coefficients{layer}"]
        size = norm([other - mine]) / norm([mine])
        cosine = (other * mine).sum() / norm([other]) / norm([mine])
        assert size > 0.001
        assert measures["shift_size", layer + 1] == pytest.approx(size, rel=1e-3, abs=1e-5)
        assert 1.0 - measures["shift_cosine", layer + 1] == pytest.approx(
            1.0 - cosine, rel=1e-3, abs=1e-6
        )


def test_without_an_update_nothing_shifts(batch):
    measures = found(Probe(network("relu", "before"), batch).shift(0.0))
    for layer in (2, 3, 4):
        assert measures["shift_size", layer] == 0.0
        assert measures["shift_cosine", layer] == pytest.approx(1.0, abs=1e-12)


# ---------------------------------------------------------------------------------- landscape
@each_net
def test_landscape_is_that_of_the_reference(batch, activation, place):
    net = network(activation, place)
    kind, p = in_numpy(net)
    g = gradients(kind, p, batch)
    start = reference.evaluate(kind, p, *arrays(batch)).loss
    size = norm(g.values())
    weights = norm(array for name, array in p.items() if name.startswith("coefficients"))

    def way(step):
        there = {name: array - step * g[name] for name, array in p.items()}
        look = reference.evaluate(kind, there, *arrays(batch))
        change = norm(look.gradients[name] - g[name] for name in g)
        return look.loss, change / norm(there[name] - p[name] for name in p)

    near = [way(RATE * reach) for reach in REACH]
    far = [way(share * weights / size) for share in FAR]
    measures = found(Probe(net, batch).landscape(RATE))
    assert all(layer is None for _, layer in measures)

    def same(name, value):
        assert measures[name, None] == pytest.approx(value, rel=2e-3, abs=1e-6), name

    same("loss", start)
    same("weight_norm", weights)
    same("loss_range", np.ptp([start, *(loss for loss, _ in near)]))
    same("loss_range_scaled", np.ptp([start, *(loss for loss, _ in far)]))
    same("gradient_change", max(change for _, change in near))
    same("gradient_change_scaled", weights**2 * max(change for _, change in far))


# ------------------------------------------------------------------------- and nothing changes
@each_net
def test_probes_leave_every_bit_of_the_net(batch, activation, place):
    net = network(activation, place)
    before = [variable.numpy().tobytes() for variable in net.variables]
    all_of(Probe(net, batch))
    sent_gradient_norms(net, batch)
    inside(net, batch.x)
    assert [variable.numpy().tobytes() for variable in net.variables] == before


def test_variables_come_back_after_an_error_on_the_way():
    variable = tf.Variable([0.1, 0.2])
    with pytest.raises(ZeroDivisionError), _moved([variable], [np.ones(2, np.float32)], 0.3):
        np.testing.assert_allclose(variable, [-0.2, -0.1], atol=1e-6)
        raise ZeroDivisionError
    assert variable.numpy().tolist() == np.float32([0.1, 0.2]).tolist()


def test_a_training_with_probes_is_the_training_without(batch):
    batches = MiniBatches(SPEC.varied(batch_norm="before", optimizer="adam"), batch)
    order = orders(N, 8, 2, 9)

    def trained(look):
        batches.start(2, rate=0.01)
        assert batches.train(order, 3, look)
        return [v.numpy().tobytes() for v in batches.network.variables]

    probe, seen = Probe(batches.network, batch.part(0, 16)), []
    probed = trained(lambda step: seen.append((step, all_of(probe))))
    assert trained(None) == probed
    assert [step for step, _ in seen] == [3, 6, 9]
    losses = [found(measures)["loss", None] for _, measures in seen]
    assert len(set(losses)) == 3  # it saw the net as it was at each step


# ----------------------------------------------------------------------- gradients by what is sent
@each_net
def test_gradients_by_what_is_sent_are_finite_differences(batch, activation, place):
    few = batch.part(0, 6)
    net = network(activation, place)
    kind, p = in_numpy(net)
    x, labels = arrays(few)
    sent = onwards(kind, p, 0, x)[2]
    for layer, (norm_here, h) in enumerate(
        zip(sent_gradient_norms(net, few), sent, strict=True), start=1
    ):
        gradient = numerical_gradient(
            lambda h=h, layer=layer: reference.cross_entropy(
                onwards(kind, p, layer, h)[-1], labels
            ),
            h,
        )
        assert norm_here == pytest.approx(norm([gradient]), rel=1e-3)


def test_gradients_that_all_but_vanish_are_not_taken_for_0(batch):
    """The squares of theirs are smaller than any float32; the growth of 0 would be nothing."""
    net = network("sigmoid", "none", hidden=(6,) * 40)
    norms = sent_gradient_norms(net, batch)
    kind, p = in_numpy(net)
    x, labels = arrays(batch)
    _, received, _, z = onwards(kind, p, 0, x)
    g = (reference.softmax(z) - labels) / N
    wanted = []
    for layer in reversed(range(40)):
        g = p[f"coefficients{layer + 1}"].T @ g
        wanted.insert(0, norm([g]))
        g = g * reference.activation_derivative("sigmoid", received[layer])
    assert wanted[0] < 1e-23
    np.testing.assert_allclose(norms, wanted, rtol=1e-3)
    assert all(small < large for small, large in itertools.pairwise(norms))
