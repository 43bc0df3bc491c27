"""TensorFlow works on the device and with the threads that a job has, and repeats itself exactly.

GPUs are made up: what is asked of TensorFlow is noted, and never done.
"""

import numpy as np
import pytest
import tensorflow as tf

from fmstudy import runtime
from fmstudy.engines import device
from fmstudy.runtime import StudyError

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


@pytest.fixture
def asked(monkeypatch) -> list[tuple]:
    """What TensorFlow is asked for on a machine with two GPUs, in order."""
    gpus = [tf.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(2)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    notes: list[tuple] = []
    for module, name in (
        (tf.config, "set_visible_devices"),
        (tf.config.experimental, "set_memory_growth"),
        (tf.config.experimental, "enable_tensor_float_32_execution"),
    ):
        monkeypatch.setattr(module, name, lambda *args, name=name: notes.append((name, *args)))
    return notes


def test_all_gpus_are_hidden_unless_a_job_asks_for_one(asked):
    device.prepare_device(1)
    assert asked == [("set_visible_devices", [], "GPU")]


def test_a_gpu_computes_in_float32_and_gives_others_the_memory_that_a_job_does_not_need(asked):
    first = tf.config.list_physical_devices("GPU")[0]
    device.prepare_device(1, "gpu")
    assert sorted(asked) == [
        ("enable_tensor_float_32_execution", False),
        ("set_memory_growth", first, True),
        ("set_visible_devices", [first], "GPU"),
    ]


@pytest.mark.parametrize(("cuda", "remedy"), [(False, "Run make gpu"), (True, "nvidia-smi")])
def test_a_missing_gpu_is_reported_with_what_to_do(monkeypatch, cuda, remedy):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: cuda)
    with pytest.raises(StudyError, match=f"finds no GPU here.*{remedy}.*or set device: cpu"):
        device.prepare_device(1, "gpu")


def test_a_result_names_the_gpu_that_made_it(monkeypatch):
    on_processor = device.machine()
    assert on_processor == runtime.machine()
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["it"])
    details = {"device_name": "Tesla T4", "compute_capability": (7, 5)}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    both = f"{on_processor['processor']} + Tesla T4"
    assert device.machine() == on_processor | {"processor": both}


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
