"""What jobs will take, roughly, before any of them has run: time and memory.

From the time the longest start first, and a run says how long it will take before it has measured
anything.  Only the order and the proportions matter, so seconds of one machine will do.  The memory
is what a scheduler of a cluster is asked for, and so has some air.
"""

from __future__ import annotations

from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.plan import Study
from fmstudy.study.spec import FEATURES, RunSpec

START = 2.0  # seconds: TensorFlow, the data, the first compilation
STEP = 3e-4  # seconds of a training step beside its arithmetic
SPEED = 100e9  # operations per second of one thread

FIRST = 100_000  # the priority of what everything waits for
TRAININGS = ("train_lowlevel", "train_keras")
SECONDS = {  # of one of the other jobs, by rule, or else by the verb that its name begins with
    "check_equality": 1.5,
    "compare_engines": 25.0,
    "measure_machine": 5.0,
    "render_pdf": 13.0,
    "render_report": 3.0,
    "collect": 0.6,
    "judge": 0.9,
    "plot": 0.8,
}
WITH_ALL_IMAGES = {"check_statistics": 140.0, "find_duplicates": 12.0}
OTHERWISE = 0.7
# What starts early, if it takes long.  Tables and figures do not: they fill the cores that no
# training needs any more.
RANKED = {*TRAININGS, *WITH_ALL_IMAGES, "run_experiment"}
RANKED |= {"compare_engines", "check_equality", "measure_machine"}


def of_training(spec: RunSpec) -> float:
    """Seconds of a training."""
    batches = -(-spec.fitted_samples // spec.batch_size) if spec.batch_size else 1
    return START + spec.epochs * batches * STEP + spec.arithmetic / SPEED


def seconds_of(study: Study, rule: str, name: str = "") -> float:
    """Seconds of a job of a rule; `name` is a run or an experiment."""
    share = study.data["train_samples"] / 60_000
    if rule in TRAININGS:
        return of_training(study.runs[name])
    if rule == "run_experiment":
        return START + share * EXPERIMENTS[name].seconds
    if rule in WITH_ALL_IMAGES:
        return OTHERWISE + share * WITH_ALL_IMAGES[rule]
    return SECONDS.get(rule, SECONDS.get(rule.partition("_")[0], OTHERWISE))


def priority(study: Study, rule: str, name: str = "") -> int:
    """Rank a job: by its seconds and those of the longest experiment that waits for its results.

    So the longest start first, and no long one waits for a short one that could have been over.
    """
    if rule in ("fetch_dataset", "prepare_dataset"):
        return FIRST
    seconds = seconds_of(study, rule, name) if rule in RANKED else 0.0
    if rule == "run_experiment":
        after = [it for it in study.batchnorm.trained if EXPERIMENTS[it].after == name]
        seconds += max((seconds_of(study, rule, it) for it in after), default=0.0)
    return round(seconds)


# ------------------------------------------------------------------------------------- memory
BASE = 1300.0  # MB: TensorFlow, the code that it compiles, a cluster job's two Snakemakes, and air
IMAGE = 4e-6 * FEATURES  # MB of one image, float32
COPIES = 2  # of all images, in the forms that products want or while they are turned
KEPT = 2  # (units, samples) tensors of each normalized layer between two sweeps of a full batch


def memory(spec: RunSpec) -> int:
    """MB to allow a training.

    Measured on one thread, with 60,000 and 10,000 images and no warm process: 1,162 to 1,189 MB on
    the low-level engine, with 300 or 1,000 units and with batch normalization; 1,140 MB on Keras.
    """
    images = IMAGE * (spec.train_samples + spec.test_samples)
    full_batch_normalized = spec.engine == "lowlevel" and spec.batch_norm != "none"
    kept = 4e-6 * KEPT * sum(spec.hidden) * spec.train_samples if full_batch_normalized else 0.0
    return round(BASE + max(COPIES * images, images + kept))


def minutes(spec: RunSpec) -> int:
    """Minutes to allow a training: five times what a slow core (20 GFLOP/s) needs."""
    return 5 + int(5 * spec.arithmetic / 20e9 / 60)


def memory_of_experiments(train_samples: int, test_samples: int) -> int:
    """MB to allow an experiment on batch normalization; measured: up to 1,270 with all images."""
    return round(BASE + COPIES * IMAGE * (train_samples + test_samples))
