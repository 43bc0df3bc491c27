"""Rough estimates of the time and memory of jobs.

The times determine priorities and the first estimate of a run's duration.  Only their order and
proportions matter, so measurements on one machine suffice.  The memory is requested from a
cluster's scheduler and so includes a margin.
"""

from __future__ import annotations

from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.plan import Study
from fmstudy.study.spec import RunSpec

START = 2.0  # seconds: TensorFlow, the data, the first compilation
STEP = 3e-4  # seconds of overhead per training step
SPEED = 100e9  # operations per second on one thread

FIRST = 100_000  # priority of jobs that all others wait for
TRAININGS = ("train_lowlevel", "train_keras")
SECONDS = {  # of other jobs, by rule or by the first word of its name
    "check_equality": 1.5,
    "compare_engines": 25.0,
    "measure_machine": 5.0,
    "render_pdf": 13.0,
    "render_playground": 3.0,
    "render_report": 3.0,
    "collect": 0.6,
    "judge": 0.9,
    "plot": 0.8,
}
PIXELS = 60_000 * 784  # of all training images of Fashion-MNIST
WITH_ALL_IMAGES = {"check_statistics": 140.0, "find_duplicates": 12.0}
OTHERWISE = 0.7
# Rules whose long jobs start early.  Tables and figures run later, on cores without trainings.
RANKED = {*TRAININGS, *WITH_ALL_IMAGES, "run_experiment", "run_noise"}
RANKED |= {"compare_engines", "check_equality", "measure_machine", "collect_arms"}


def training_seconds(spec: RunSpec) -> float:
    """Estimate the seconds of a training."""
    batches = -(-spec.fitted_samples // spec.batch_size) if spec.batch_size else 1
    return START + spec.epochs * batches * STEP + spec.arithmetic / SPEED


def job_seconds(study: Study, rule: str, name: str = "") -> float:
    """Estimate the seconds of a job of a rule; `name` is a run or an experiment."""
    share = study.data["train_samples"] * study.data_set.features / PIXELS
    if rule in TRAININGS:
        return training_seconds(study.runs[name])
    if rule == "run_noise":
        return START + len(study.noise.sources) * training_seconds(study.noise.spec)
    if rule == "run_experiment":
        return START + share * EXPERIMENTS[name].seconds
    if rule in WITH_ALL_IMAGES:
        return OTHERWISE + share * WITH_ALL_IMAGES[rule]
    return SECONDS.get(rule, SECONDS.get(rule.partition("_")[0], OTHERWISE))


def priority(study: Study, rule: str, name: str = "") -> int:
    """Rank a job by its seconds plus those of the longest experiment that needs its results."""
    if rule == "prepare_dataset":
        return FIRST
    seconds = job_seconds(study, rule, name) if rule in RANKED else 0.0
    if rule == "run_experiment":
        after = [it for it in study.batchnorm.trained if EXPERIMENTS[it].after == name]
        seconds += max((job_seconds(study, rule, it) for it in after), default=0.0)
    return round(seconds)


# ------------------------------------------------------------------------------------- memory
BASE = 1300.0  # MB: TensorFlow, compiled code, two Snakemakes in a cluster job, and a margin
PIXEL = 4e-6  # MB, float32
COPIES = 2  # of all images, in other layouts or during transposition
KEPT = 2  # stored (units, samples) tensors per normalized layer of a full batch


def memory(spec: RunSpec) -> int:
    """Return the memory limit of a training in MB.

    Measured on one thread, with 60,000 and 10,000 images and no warm process: 1,162 to 1,189 MB on
    the low-level engine, with 300 or 1,000 units and with batch normalization; 1,140 MB on Keras.
    """
    images = PIXEL * spec.features * (spec.train_samples + spec.test_samples)
    full_batch_normalized = spec.engine == "lowlevel" and spec.batch_norm != "none"
    kept = 4e-6 * KEPT * sum(spec.hidden) * spec.train_samples if full_batch_normalized else 0.0
    return round(BASE + max(COPIES * images, images + kept))


def minutes(spec: RunSpec) -> int:
    """Return the time limit of a training in minutes: five times that of a core at 20 GFLOP/s."""
    return 5 + int(5 * spec.arithmetic / 20e9 / 60)


def experiment_memory(features: int, train_samples: int, test_samples: int) -> int:
    """Return the memory limit of an experiment in MB; measured: up to 1,270 with all images."""
    return round(BASE + COPIES * PIXEL * features * (train_samples + test_samples))
