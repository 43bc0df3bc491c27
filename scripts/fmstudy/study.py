"""The study: from the checked configuration to models, experiments and the runs they need.

This is the one place that knows which run serves which figure or table.  It has no TensorFlow
and no Snakemake in it, so that the workflow can ask it while it is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from fmstudy.configuration import KeyPath, Problem, nearest
from fmstudy.experiments import EXPERIMENTS
from fmstudy.spec import PENALTIES, RunSpec, number

SECTIONS = {"part_a": "Part A", "part_b": "Part B", "batchnorm": "Part C"}

# What only one of the engines has.
ONLY = {
    "lowlevel": {"bias", "weight_std", "penalty", "delta"},
    "keras": {"dropout", "batch_size", "validation_split", "bn_momentum"},
}
_SPEC_KEYS = {field.name for field in fields(RunSpec)}
_WHOLE = {"epochs", "batch_size", "train_samples", "test_samples", "width"}
_RANGES = {  # of swept values; (lowest, highest, whether the lowest itself is allowed)
    "width": (1, 10_000, True),
    "delta": (0, 1e6, True),
    "dropout": (0, 0.999, True),
    "learning_rate": (0, 1000, False),
    "weight_std": (0, 100, False),
    "batch_size": (1, 60_000, True),
    "epochs": (1, 1_000_000, True),
}


@dataclass(frozen=True)
class Model:
    """A model of the study: a run specification with a name, a title, and seeds."""

    name: str
    title: str
    section: str
    spec: RunSpec
    seeds: tuple[int, ...]

    @property
    def run(self) -> str:
        """The name of the run that trains this model."""
        return self.spec.name

    def as_dict(self) -> dict[str, Any]:
        """Give what figures and tables need of the model, in plain built-in types."""
        return {
            "name": self.name,
            "title": self.title,
            "section": self.section,
            "engine": self.spec.engine,
            "run": self.run,
            "seeds": list(self.seeds),
            "spec": self.spec.as_dict(),
        }


@dataclass(frozen=True)
class Sweep:
    """One model trained with one of its keys varied; `models` holds one model a value."""

    name: str
    title: str
    section: str
    vary: str
    base: str
    values: tuple[float, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True)
class Comparison:
    """Models whose learning curves are drawn on shared axes, and whose differences are tested.

    Each is compared with the first of them, or with the previous one.
    """

    name: str
    title: str
    section: str
    models: tuple[Model, ...]
    against: str = "first"


@dataclass(frozen=True)
class LongerTraining:
    """One long run of a model, read off after several numbers of epochs."""

    base: str
    at: tuple[int, ...]
    model: Model


@dataclass(frozen=True)
class Closer:
    """What is looked at more closely: models shown in detail, and what counts as a near-duplicate.

    A test image is one if its pixels correlate so much with those of a training image.
    """

    models: tuple[Model, ...]
    leave_out: tuple[Model, ...]
    correlation: float


@dataclass(frozen=True)
class BatchNorm:
    """The experiments on batch normalization that a study runs.

    common     the settings of the common net and of the data
    settings   by experiment: its own, with the common ones
    arms       by experiment, of those that read off models: the models, by their names in it
    """

    file: str
    seeds: tuple[int, ...]
    common: dict[str, Any]
    settings: dict[str, dict[str, Any]]
    arms: dict[str, dict[str, Model]]

    @property
    def trained(self) -> list[str]:
        """The experiments that train nets of their own."""
        return [name for name in self.settings if name not in self.arms]


@dataclass(frozen=True)
class Study:
    """The whole study, resolved."""

    title: str
    directory: str
    report: str
    data: dict[str, Any]
    models: dict[str, Model]
    epochs: LongerTraining
    depth: tuple[Model, ...]
    weights: tuple[Model, ...]
    sweeps: dict[str, Sweep]
    comparisons: dict[str, Comparison]
    batchnorm: BatchNorm
    closer: Closer
    published_file: str
    published_models: dict[str, tuple[str, ...]]
    published_numbers: dict[str, tuple[str, ...]]
    claims_file: str
    replicates: tuple[Model, ...]
    checks: dict[str, int]

    def section(self, name: str) -> list[Model]:
        """Give the models that the report shows in section `name`, in configured order."""
        return [model for model in self.models.values() if model.section == name]

    @property
    def redoing(self) -> list[Model]:
        """The models that re-do a model of the source, each once."""
        names = (name for names in self.published_models.values() for name in names)
        return [self.models[name] for name in dict.fromkeys(names)]

    @property
    def compared(self) -> list[Model]:
        """The models of all comparisons, each once."""
        named = {m.name: m for comparison in self.comparisons.values() for m in comparison.models}
        return list(named.values())

    @property
    def uses_all(self) -> bool:
        """Whether the study uses every image of the data set, as the source does."""
        return (self.data["train_samples"], self.data["test_samples"]) == (60_000, 10_000)

    def trained(self) -> Iterator[Model]:
        """Give every model that is trained anywhere in the study, experiments' ones included."""
        yield from self.models.values()
        yield self.epochs.model
        for sweep in self.sweeps.values():
            yield from sweep.models

    @cached_property  # each job asks for its own
    def runs(self) -> dict[str, RunSpec]:
        """The specification of every run, by name; the same run asked for twice stands once."""
        return {model.run: model.spec for model in self.trained()}

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """Every training, as (run, seed), without repetition, in the study's order."""
        pairs = ((model.run, seed) for model in self.trained() for seed in model.seeds)
        return list(dict.fromkeys(pairs))


def build(config: Mapping[str, Any]) -> tuple[Study | None, list[Problem]]:
    """Resolve a configuration that has the right form.

    Gives the study and no problems, or None and every problem found.
    """
    builder = _Builder(config)
    study = builder.build()
    return (None, builder.problems) if builder.problems else (study, [])


class _Builder:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.problems: list[Problem] = []
        self.models: dict[str, Model] = {}

    def refuse(self, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(path, text))

    def build(self) -> Study | None:
        config = self.config
        for group in ("models", "sweeps", "comparisons"):
            self.check_names(group)
        for name in config["models"]:
            self.add_model(name)
        if self.problems:  # what follows would only repeat them
            return None
        return Study(
            title=config["title"],
            directory=config["output"]["directory"],
            report=config["output"]["report"],
            data=dict(config["data"]),
            models=self.models,
            epochs=self.longer_training(),
            depth=self.of_one_engine(("depth", "models")),
            weights=self.weight_models(),
            sweeps={name: self.sweep(name) for name in config["sweeps"]},
            comparisons={name: self.comparison(name) for name in config["comparisons"]},
            batchnorm=self.batchnorm(),
            closer=Closer(
                models=self.named(("closer", "models")),
                leave_out=self.named(("closer", "leave_out")),
                correlation=float(config["closer"]["duplicates"]["correlation"]),
            ),
            published_file=config["published"]["file"],
            published_models=self.published_models(),
            published_numbers={
                source: tuple(given["numbers"])
                for source, given in config["published"]["models"].items()
            },
            claims_file=config["claims"]["file"],
            replicates=self.replicates(),
            checks=dict(config["checks"]),
        )

    def check_names(self, group: str) -> None:
        """Names become names of files, and not every disk tells upper from lower case."""
        first: dict[str, str] = {}
        for name in self.config[group]:
            other = first.setdefault(name.lower(), name)
            if other != name:
                self.refuse(
                    (group, name),
                    f"differs from {other} in upper and lower case only; rename one.",
                )

    def add_model(self, name: str) -> None:
        given = self.config["models"][name]
        path: KeyPath = ("models", name)
        engine = given["engine"]
        other_engine = "keras" if engine == "lowlevel" else "lowlevel"
        for key in sorted(ONLY[other_engine] & set(given)):
            if given[key] not in ("none", 0):
                allowed = sorted(ONLY[engine])
                self.refuse(
                    (*path, key),
                    f"belongs to the engine {other_engine}; this model has engine {engine}, "
                    f"whose own keys are {', '.join(allowed)}.",
                )
        if given.get("penalty", "none") == "none" and given.get("delta"):
            self.refuse(
                (*path, "delta"),
                f"has no penalty to scale: add penalty ({', '.join(PENALTIES[1:])}), or drop it.",
            )
        if given.get("penalty", "none") != "none" and "delta" not in given:
            self.refuse((*path, "penalty"), "needs its strength: add delta, such as 1.0e-4.")
        for key in ("bn_momentum", "bn_epsilon"):
            if key in given and given.get("batch_norm", "none") == "none":
                self.refuse((*path, key), "needs batch_norm: before (or after), or drop it.")
        if (given.get("dropout") or given.get("batch_norm", "none") != "none") and not given[
            "hidden"
        ]:
            self.refuse(
                (*path, "hidden"), "dropout and batch_norm work on hidden layers; there is none."
            )
        settings = dict(self.config["defaults"][engine])
        settings.update({key: value for key, value in given.items() if key in _SPEC_KEYS})
        if engine == "keras":
            settings = {"bias": "vector", "weight_std": None} | settings
        settings["hidden"] = tuple(int(units) for units in given["hidden"])
        settings["train_samples"] = self.config["data"]["train_samples"]
        settings["test_samples"] = self.config["data"]["test_samples"]
        spec = RunSpec(**{key: _typed(key, value) for key, value in settings.items()})
        if spec.batch_size and spec.batch_size > spec.fitted_samples:
            self.refuse(
                (*path, "batch_size"),
                f"is {spec.batch_size}, but only {spec.fitted_samples} samples are left for "
                "training (data: train_samples, less validation_split).",
            )
        section, other = ("part_b", "part_a") if engine == "keras" else ("part_a", "part_b")
        if given.get("section") == other:
            self.refuse(
                (*path, "section"),
                f"is {other}, whose models have the other engine; choose {section} or batchnorm.",
            )
        self.models[name] = Model(
            name=name,
            title=given.get("title", name),
            section=given.get("section", section),
            spec=spec,
            seeds=tuple(int(seed) for seed in given.get("seeds", self.config["seeds"])),
        )

    def model(self, name: str, path: KeyPath) -> Model:
        """Find a model by name; an unknown one is a problem and stands as any other."""
        if name not in self.models:
            self.refuse(
                path,
                f'no model is called "{name}".{nearest(name, self.models)} '
                f"Models: {', '.join(self.models)}.",
            )
            return next(iter(self.models.values()))
        return self.models[name]

    def named(self, path: KeyPath) -> tuple[Model, ...]:
        names: Any = self.config
        for part in path:
            names = names[part]
        return tuple(self.model(name, (*path, index)) for index, name in enumerate(names))

    def of_one_engine(self, path: KeyPath) -> tuple[Model, ...]:
        """Find models by name that are to stand side by side, which needs one engine."""
        models = self.named(path)
        if len({model.spec.engine for model in models}) > 1 and not self.problems:
            self.refuse(
                path,
                "hold models of both engines; their epochs are not the same thing "
                "(one step against one pass in mini-batches). Compare within one engine.",
            )
        return models

    def weight_models(self) -> tuple[Model, ...]:
        models = self.named(("weights", "models"))
        for index, name in enumerate(self.config["weights"]["models"]):
            if self.engine(name) == "keras":
                self.refuse(("weights", "models", index), f"{name} is not a low-level model.")
        return models

    def replicates(self) -> tuple[Model, ...]:
        """The models of the target `replicates`, with its seeds in the place of their own."""
        seeds = tuple(int(seed) for seed in self.config["replicates"]["seeds"])
        models = self.named(("replicates", "models"))
        return tuple(replace(model, seeds=seeds) for model in models)

    def engine(self, name: str) -> str | None:
        """Give a model's engine; None for an unknown model, which is a problem already."""
        return self.models[name].spec.engine if name in self.models else None

    def seeds(self, given: Mapping[str, Any], model: Model) -> tuple[int, ...]:
        return tuple(int(seed) for seed in given.get("seeds", model.seeds))

    def longer_training(self) -> LongerTraining:
        given = self.config["epochs"]
        base = self.model(given["model"], ("epochs", "model"))
        if self.engine(given["model"]) == "keras":
            self.refuse(
                ("epochs", "model"),
                f"{base.name} is a Keras model, whose test set is looked at once, at the end; "
                "take a low-level one.",
            )
        at = tuple(sorted(int(epochs) for epochs in given["at"]))
        spec = base.spec.varied(epochs=at[-1])
        model = Model(
            f"{base.name}-{at[-1]}-epochs",
            f"{base.title}, {at[-1]:,} epochs",
            base.section,
            spec,
            self.seeds(given, base),
        )
        return LongerTraining(base.name, at, model)

    def sweep(self, name: str) -> Sweep:
        given = self.config["sweeps"][name]
        path: KeyPath = ("sweeps", name)
        base = self.model(given["model"], (*path, "model"))
        vary = given["vary"]
        if base.name == given["model"]:  # else it stands for an unknown model
            self.check_sweep(vary, base, (*path, "vary"))
        models = []
        for index, value in enumerate(given["values"]):
            self.check_swept(vary, value, base, (*path, "values", index))
            value = _typed(vary, value)
            change = {"hidden": (value,)} if vary == "width" else {vary: value}
            models.append(
                Model(
                    name=f"{base.name}-{vary}-{number(value)}",
                    title=f"{vary.replace('_', ' ')} {number(value)}",
                    section=base.section,
                    spec=base.spec.varied(**change),
                    seeds=self.seeds(given, base),
                )
            )
        return Sweep(
            name=name,
            title=given["title"],
            section=given.get("section", base.section),
            vary=vary,
            base=base.name,
            values=tuple(_typed(vary, value) for value in given["values"]),
            models=tuple(models),
        )

    def check_sweep(self, vary: str, base: Model, path: KeyPath) -> None:
        if vary == "width" and len(base.spec.hidden) != 1:
            self.refuse(path, f"width needs a model with one hidden layer; {base.name} has not.")
        if vary == "delta" and base.spec.penalty == "none":
            self.refuse(path, f"delta needs a model with a penalty; {base.name} has none.")
        owner = next((engine for engine, keys in ONLY.items() if vary in keys), base.spec.engine)
        if owner != base.spec.engine:
            self.refuse(path, f"{vary} belongs to the engine {owner}; {base.name} has the other.")
        elif vary == "dropout" and not base.spec.hidden:
            self.refuse(path, f"dropout works on hidden layers; {base.name} has none.")

    def check_swept(self, vary: str, value: float, base: Model, path: KeyPath) -> None:
        lowest, highest, inclusive = _RANGES[vary]
        if not (lowest <= value <= highest) or (value == lowest and not inclusive):
            above = "at least" if inclusive else "greater than"
            self.refuse(path, f"is {value}; {vary} must be {above} {lowest}, at most {highest:g}.")
        if vary in _WHOLE and value != int(value):
            self.refuse(path, f"is {value}; {vary} must be a whole number.")
        if vary == "batch_size" and value > base.spec.fitted_samples:
            self.refuse(
                path, f"is {value}; only {base.spec.fitted_samples} samples are trained on."
            )

    def comparison(self, name: str) -> Comparison:
        given = self.config["comparisons"][name]
        models = self.of_one_engine(("comparisons", name, "models"))
        return Comparison(
            name,
            given["title"],
            given.get("section", models[0].section),
            models,
            given.get("against", "first"),
        )

    def batchnorm(self) -> BatchNorm:
        given = self.config["batchnorm"]
        data = {key: self.config["data"][key] for key in ("train_samples", "test_samples")}
        common = given["net"] | data
        settings: dict[str, dict[str, Any]] = {}
        arms: dict[str, dict[str, Model]] = {}
        for name in EXPERIMENTS:  # in the order of the report
            own = given["experiments"].get(name)
            if own is None:
                continue
            path: KeyPath = ("batchnorm", "experiments", name)
            if "arms" in own:
                arms[name] = {
                    arm: self.model(model, (*path, "arms", arm))
                    for arm, model in own["arms"].items()
                }
            settings[name] = common | own
        self.check_batches(given, settings)
        if "speed" in settings:
            self.check_speed(given)
        return BatchNorm(given["file"], tuple(map(int, given["seeds"])), common, settings, arms)

    def check_batches(self, given: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """No batch can hold more samples than are left for training."""
        fitted = RunSpec(
            "lowlevel",
            validation_split=given["net"]["validation_split"],
            train_samples=self.config["data"]["train_samples"],
        ).fitted_samples
        experiments: KeyPath = ("batchnorm", "experiments")
        asked: list[tuple[KeyPath, int]] = [
            (("batchnorm", "net", "batch_size"), given["net"]["batch_size"])
        ]
        if "batch-size" in settings:
            sizes = settings["batch-size"]["sizes"]
            asked += [
                ((*experiments, "batch-size", "sizes", index), size)
                for index, size in enumerate(sizes)
            ]
        if "evaluation" in settings:
            size = settings["evaluation"]["epoch"]["batch_size"]
            asked.append(((*experiments, "evaluation", "epoch", "batch_size"), size))
        for path, size in asked:
            if size > fitted:
                self.refuse(
                    path,
                    f"is {size}, but only {fitted} samples are left for training "
                    "(data: train_samples, less batchnorm: net: validation_split).",
                )

    def check_speed(self, given: Mapping[str, Any]) -> None:
        """The experiment speed takes its rates from learning-rate."""
        grids = given["experiments"].get("learning-rate", {"grids": []})["grids"]
        there = {grid["activation"] for grid in grids if grid["optimizer"] == "sgd"}
        for index, activation in enumerate(given["experiments"]["speed"]["activations"]):
            if activation not in there:
                self.refuse(
                    ("batchnorm", "experiments", "speed", "activations", index),
                    f"is {activation}, for which batchnorm.experiments.learning-rate has no grid "
                    "with optimizer sgd; speed takes its rates from there.",
                )

    def published_models(self) -> dict[str, tuple[str, ...]]:
        given = self.config["published"]["models"]
        return {
            source: tuple(
                self.model(name, ("published", "models", source, "redone_by", index)).name
                for index, name in enumerate(names["redone_by"])
            )
            for source, names in given.items()
        }


def _typed(key: str, value: Any) -> Any:
    """Make 200.0 the whole number 200 where one is meant, and 1 the fraction 1.0 elsewhere."""
    if key in _WHOLE and value is not None:
        return int(value)
    if isinstance(value, int) and key not in ("hidden",):
        return float(value)
    return value
