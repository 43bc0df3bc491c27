"""A batch in chunks is the batch: nothing is lost, and what blank pixels would add is 0."""

import numpy as np
import pytest
import tensorflow as tf

from fmstudy.engines.chunks import Chunks, order_by_borders

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 8


def bordered(n: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Images (side², n), blank outside a random rectangle, some all over; one-hot labels."""
    random = np.random.default_rng(n)
    x = random.uniform(-1.0, 1.0, (side, side, n)).astype(np.float32)
    for image in range(n):
        top, left = random.integers(0, side, 2)
        bottom, right = random.integers(0, side + 1, 2)
        x[:top, :, image] = x[bottom:, :, image] = 0.0
        x[:, :left, image] = x[:, right:, image] = 0.0
    return x.reshape(-1, n), np.eye(10, dtype=np.float32)[:, random.integers(0, 10, n)]


def restored(chunks: Chunks, features: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples and labels that the chunks hold, in the order in which they were given."""
    x, labels = np.zeros((features, chunks.samples)), np.zeros((10, chunks.samples))
    start = 0
    for index in range(chunks.count):
        chunk = chunks[index]
        columns = chunks.order[start : start + chunk.x.shape[1]]
        rows = np.arange(features) if chunk.selection is None else chunk.selection.pixels.numpy()
        x[np.ix_(rows, columns)], labels[:, columns] = chunk.x, chunk.labels
        if chunk.x_transposed is not None:
            np.testing.assert_array_equal(chunk.x_transposed, chunk.x.numpy().T)
        start += len(columns)
    return x, labels


@pytest.mark.parametrize("size", [1, 7, 20, 40, 100])
@pytest.mark.parametrize("compact", [True, False])
def test_every_sample_is_in_one_chunk_with_its_label(size, compact):
    x, labels = bordered(40)
    chunks = Chunks(x, labels, size, compact=compact)
    given, given_labels = restored(chunks, len(x))
    np.testing.assert_array_equal(given, x)
    np.testing.assert_array_equal(given_labels, labels)
    assert sorted(chunks.order) == list(range(40))
    assert chunks.count == -(-40 // size)


@pytest.mark.parametrize("size", [1, 7, 40])
@pytest.mark.parametrize("copied", [True, False])
def test_products_and_gradients_are_those_of_all_pixels(size, copied):
    x, labels = bordered(40)
    chunks = Chunks(x, labels, size, copied=copied)
    random = np.random.default_rng(3)
    weights = random.normal(size=(5, len(x))).astype(np.float32)
    dz = random.normal(size=(5, 40)).astype(np.float32)
    given, start = tf.constant(weights), 0
    total = tf.zeros_like(chunks.layout(given))
    for index in range(chunks.count):
        chunk = chunks[index]
        columns = chunks.order[start : start + chunk.x.shape[1]]
        with tf.GradientTape() as tape:
            tape.watch(given)
            z = chunk.product(chunks.layout(given))
            upstream = tf.reduce_sum(z * dz[:, columns])
        exact = weights.astype(float) @ x[:, columns]
        np.testing.assert_allclose(z, exact, atol=1e-5)
        by_weights = dz[:, columns].astype(float) @ x[:, columns].T
        np.testing.assert_allclose(tape.gradient(upstream, given), by_weights, atol=1e-5)
        total += chunk.gradient(tf.constant(dz[:, columns]))
        start += len(columns)
    np.testing.assert_allclose(chunks.layout(total), dz.astype(float) @ x.T, atol=1e-5)


def test_chunks_of_samples_with_the_same_borders_carry_little_else():
    x, labels = np.zeros((SIDE, SIDE, 60), np.float32), np.eye(10, dtype=np.float32)[:, [0] * 60]
    x[:4, :, ::2] = x[4:, :, 1::2] = 1.0  # by turns the upper and the lower half
    chunks = Chunks(x.reshape(-1, 60), labels, 30)
    # Half of the pixels, and a multiple of 16 with at least one that is blank.
    assert chunks.share == pytest.approx(48 / 64)
    assert [set(chunks.order[:30] % 2), set(chunks.order[30:] % 2)] in ([{0}, {1}], [{1}, {0}])


def test_data_without_blanks_are_taken_as_they_are():
    x, labels = bordered(40)
    chunks = Chunks(x + 2.0, labels, 7)
    assert chunks.share == 1.0
    np.testing.assert_array_equal(chunks.order, np.arange(40))
    assert chunks[0].selection is None
    weights = tf.ones((3, len(x)))
    assert chunks.layout(weights) is weights


def test_samples_are_sorted_by_columns_then_rows_and_equal_ones_keep_their_order():
    shown = np.zeros((3, 3, 5), bool)
    for image, pixel in enumerate([(2, 1), (0, 2), (1, 1), (0, 1), (1, 1)]):
        shown[(*pixel, image)] = True
    assert order_by_borders(shown.reshape(9, 5)).tolist() == [3, 2, 4, 0, 1]


def test_features_that_are_no_square_image_are_sorted_too():
    shown = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], bool)[:, [2, 0, 1]]
    assert order_by_borders(shown).tolist() == [2, 1, 0]
