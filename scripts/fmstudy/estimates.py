"""What jobs will take, roughly, before any of them has run: time and memory.

From the time the longest start first, and a run says how long it will take before it has measured
anything.  The order and the proportions matter, so a few figures of one machine will do: seconds
that a job and a step cost beside their arithmetic, and operations a second of one thread.  The
memory is what a scheduler of a cluster is asked for, and so has some air.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fmstudy.experiments import EXPERIMENTS
from fmstudy.spec import FEATURES, RunSpec
from fmstudy.study import Study

Settings = Mapping[str, Any]

START = 2.0  # seconds: TensorFlow, the data, the first compilation
STEP, LAYER = 1e-4, 5e-5  # seconds of a step, and of each of its layers
# Operations per second of one thread; full batches skip blank pixels, which count here.
FULL_BATCH, SMALL_BATCHES = 130e9, 90e9
ARMS = 2  # without and with batch normalization
PROBES = 15  # looks at loss and gradients in each look of the experiment shift
TIMED = 5 * 300  # steps of each net that the experiment speed times in the end


class Planned(NamedTuple):
    """Trainings of one net in an experiment: all their steps, the batch, and what looks take.

    looked   samples that are sent through the net between the steps, the way there and back as 3
    """

    hidden: tuple[int, ...]
    batch: int
    steps: int
    looked: float = 0.0

    @property
    def seconds(self) -> float:
        """How long that takes."""
        net = RunSpec("lowlevel", hidden=self.hidden)
        arithmetic = self.steps * self.batch * net.step_arithmetic
        arithmetic += self.looked * net.forward_arithmetic
        overhead = STEP + LAYER * len(net.layer_sizes)
        return self.steps * overhead + arithmetic / SMALL_BATCHES


def of_training(spec: RunSpec) -> float:
    """Seconds of a training."""
    if spec.batch_size is None:
        return START + spec.arithmetic / FULL_BATCH
    steps = spec.epochs * -(-spec.fitted_samples // spec.batch_size)
    overhead = STEP + LAYER * len(spec.layer_sizes)
    return START + steps * overhead + spec.arithmetic / SMALL_BATCHES


def of_experiment(name: str, settings: Settings) -> float:
    """Seconds of an experiment with one seed, if no training ends early."""
    return START + sum(planned.seconds for planned in PLANS[name](settings))


# ------------------------------------------------------------------- what each experiment does
def _fitted(settings: Settings) -> int:
    return RunSpec(
        "lowlevel",
        train_samples=settings["train_samples"],
        validation_split=settings["validation_split"],
    ).fitted_samples


def _steps(settings: Settings) -> int:
    """The steps of one training of an experiment: whole batches, one at least."""
    whole = _fitted(settings) // settings["batch_size"]
    return max(1, round(settings["epochs"] * whole))


def _trainings(settings: Settings, count: int, looked: float = 0.0) -> list[Planned]:
    """So many trainings of the experiments' common net; `looked` is of each of them."""
    hidden, batch = tuple(settings["hidden"]), settings["batch_size"]
    return [Planned(hidden, batch, count * _steps(settings), count * looked)]


def _followed(settings: Settings) -> float:
    """The samples of all looks at one training: some for statistics, and the validation set."""
    looks = 1 + _steps(settings) // settings["every"]
    held_out = settings["train_samples"] - _fitted(settings)
    return looks * (settings["statistics_samples"] + held_out)


def _learning_rate(settings: Settings) -> list[Planned]:
    return _trainings(settings, ARMS * sum(len(grid["rates"]) for grid in settings["grids"]))


def _speed(settings: Settings) -> list[Planned]:
    nets = ARMS * len(settings["activations"])
    timed = Planned(
        tuple(settings["hidden"]),
        settings["batch_size"],
        nets * min(TIMED, TIMED // 300 * _steps(settings)),
    )
    return [*_trainings(settings, nets, _followed(settings)), timed]


def _batch_size(settings: Settings) -> list[Planned]:
    examples = min(settings["examples"], _fitted(settings))
    hidden = tuple(settings["hidden"])
    sizes = [size for size in settings["sizes"] if size <= examples]
    return [Planned(hidden, size, ARMS * (examples // size)) for size in sizes]


def _evaluation(settings: Settings) -> list[Planned]:
    epoch, full, fitted = settings["epoch"], settings["full"], _fitted(settings)
    return [
        Planned(tuple(epoch["hidden"]), epoch["batch_size"], max(1, fitted // epoch["batch_size"])),
        Planned(tuple(full["hidden"]), min(full["samples"], fitted), full["steps"]),
    ]


def _shift(settings: Settings) -> list[Planned]:
    looks = 1 + _steps(settings) // settings["every"]
    looked = 3.0 * PROBES * looks * settings["probe_samples"]
    return _trainings(settings, ARMS * len(settings["activations"]), looked)


def _noisy(settings: Settings) -> list[Planned]:
    nets = (ARMS + 1) * len(settings["activations"])
    return _trainings(settings, nets, _followed(settings))


def _gamma_beta(settings: Settings) -> list[Planned]:
    return _trainings(settings, 3)


def _depth(settings: Settings) -> list[Planned]:
    nets = ARMS * len(settings["activations"])
    return [
        Planned((settings["width"],) * layers, settings["batch_size"], nets * _steps(settings))
        for layers in settings["trained"]
    ]


def _init(settings: Settings) -> list[Planned]:
    trainings = ARMS * len(settings["deviations"]) * len(settings["rates"]) + 1
    return _trainings(settings, trainings * len(settings["activations"]))


def _placement(settings: Settings) -> list[Planned]:
    return _trainings(settings, ARMS * len(settings["rates"]) * len(settings["activations"]))


PLANS: dict[str, Callable[[Settings], list[Planned]]] = {
    "learning-rate": _learning_rate,
    "speed": _speed,
    "batch-size": _batch_size,
    "evaluation": _evaluation,
    "shift": _shift,
    "noisy": _noisy,
    "gamma-beta": _gamma_beta,
    "depth": _depth,
    "init": _init,
    "placement": _placement,
}


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


def memory_of_experiments(train_samples: int, test_samples: int) -> int:
    """MB to allow an experiment on batch normalization; measured: up to 1,270 with all images."""
    return round(BASE + COPIES * IMAGE * (train_samples + test_samples))


# ------------------------------------------------------------------------- the order of all jobs
FIRST = 100_000  # what everything waits for
TRAININGS = ("train_lowlevel", "train_keras")
# What starts early, if it takes long.  Tables and figures do not: they fill the cores that no
# training needs any more.
RANKED = {*TRAININGS, "run_experiment", "check_statistics"}
RANKED |= {"compare_engines", "find_duplicates", "check_equality", "measure_machine"}
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
OTHERWISE = 0.7


def seconds_of(study: Study, rule: str, name: str = "") -> float:
    """Seconds of a job of a rule; `name` is a run or an experiment."""
    images = study.data["train_samples"], study.data["test_samples"]
    if rule in TRAININGS:
        return of_training(study.runs[name])
    if rule == "run_experiment":
        return of_experiment(name, study.batchnorm.settings[name])
    if rule == "check_statistics":  # a pair is two trainings of a small net
        return study.checks["pairs"] / 2 + study.checks["repetitions"] / 50
    if rule == "find_duplicates":
        return 1.0 + 2.0 * FEATURES * images[0] * images[1] / SMALL_BATCHES
    return SECONDS.get(rule, SECONDS.get(rule.partition("_")[0], OTHERWISE))


def priority(study: Study, rule: str, name: str = "") -> int:
    """Rank a job: by its seconds and those of the longest experiment that waits for its results.

    So the longest start first, and no long one waits for a short one that could have been over.
    """
    if rule in ("fetch_dataset", "prepare_dataset"):
        return FIRST
    seconds = seconds_of(study, rule, name) if rule in RANKED else 0.0
    if rule == "run_experiment":
        seconds += max(
            (
                of_experiment(waiting, settings)
                for waiting, settings in study.batchnorm.settings.items()
                if EXPERIMENTS[waiting].after == name
            ),
            default=0.0,
        )
    return round(seconds)
