"""TensorFlow works with the threads that a job has, and repeats itself exactly."""

import numpy as np
import pytest
import tensorflow as tf

from fmstudy.engines import device

pytestmark = pytest.mark.usefixtures("one_thread")


def test_tensorflow_has_the_threads_that_it_was_given():
    assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    assert tf.config.threading.get_inter_op_parallelism_threads() == 1


def test_another_number_of_threads_is_refused_once_tensorflow_works():
    """So the number is passed on: a training never runs with other threads than its job has."""
    tf.zeros(1)
    device.prepare_device(1)
    with pytest.raises(RuntimeError, match="Intra op parallelism cannot be modified"):
        device.prepare_device(2)


def test_kernels_are_deterministic():
    """Then TensorFlow refuses random numbers that no seed determines."""
    with pytest.raises(RuntimeError, match="determinism is enabled"):
        tf.random.uniform([1])


def test_images_are_turned_to_one_row_per_image():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)  # 2 features, 3 images
    turned = device.samples_major(x)
    assert turned.dtype == tf.float32
    np.testing.assert_array_equal(turned.numpy(), [[0, 3], [1, 4], [2, 5]])


def test_optimizers_are_known_by_the_names_of_the_configuration():
    assert set(device.OPTIMIZERS) == {"adam", "sgd"}
    for make in device.OPTIMIZERS.values():
        assert float(make(learning_rate=0.25).learning_rate) == 0.25
