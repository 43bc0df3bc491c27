"""Resolves the checked configuration to models, sweeps, comparisons, experiments and their runs.

Only this module decides which runs a figure or table needs.  It uses neither TensorFlow nor
Snakemake, so that the workflow can import it quickly when it is parsed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, ClassVar, get_args

from fmstudy.data import sets
from fmstudy.data.folders import Refused
from fmstudy.numbers import number
from fmstudy.study import absent, form, schema
from fmstudy.study.absent import Absent
from fmstudy.study.configuration import KeyPath, Problem, key_text, unknown
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.spec import ONLY, REFERENCE, RunSpec
from fmstudy.study.spec import number as number_in_name

LONGEST_NAME = 240  # characters of a run; file systems allow 255, and tools add suffixes


@dataclass(frozen=True)
class Model:
    """A model of the study: a run specification with a name, a title and seeds."""

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
        """Return the model in plain built-in types, for figures and tables."""
        named = {"name": self.name, "title": self.title, "section": self.section}
        trained = {"engine": self.spec.engine, "run": self.run, "seeds": list(self.seeds)}
        return named | trained | {"spec": self.spec.as_dict()}


@dataclass(frozen=True)
class Sweep:
    """A base model with one key varied; `models` has one model per value."""

    name: str
    title: str
    section: str
    vary: str
    base: str
    values: tuple[float, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True)
class Comparison:
    """Models on shared axes, each tested against the first one or the previous one."""

    name: str
    title: str
    section: str
    models: tuple[Model, ...]
    against: str

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names of the compared models, (first, second)."""
        names = [model.name for model in self.models]
        if self.against == "previous":
            return list(itertools.pairwise(names))
        return [(names[0], other) for other in names[1:]]


@dataclass(frozen=True)
class LongerTraining:
    """One long run of a model, evaluated after several numbers of epochs."""

    base: str
    at: tuple[int, ...]
    model: Model


@dataclass(frozen=True)
class ErrorAnalysis:
    """Settings of the error analysis.

    models       shown in detail by the report; none in a study without error analysis
    leave_out    excluded from the tables and figures of all models
    correlation  of its pixels with a training image, from which a test image is a near-duplicate
    """

    models: tuple[Model, ...] = ()
    leave_out: tuple[Model, ...] = ()
    correlation: float = 0.0


@dataclass(frozen=True)
class Playground:
    """The page in which people try trained models: its file and models; none without the page."""

    file: str
    models: tuple[Model, ...]

    MOST_WEIGHTS: ClassVar[int] = 2_400_000  # of all its models; in 4 bits each, 1.7 MB as text


@dataclass(frozen=True)
class BatchNorm:
    """The experiments on batch normalization.

    common     the settings of the common net and of the data
    settings   by experiment: the common settings and its own
    arms       by experiment that evaluates models of the study: these models, by arm

    Without a file, the study has no such experiments.
    """

    file: str = ""
    seeds: tuple[int, ...] = ()
    common: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    arms: dict[str, dict[str, Model]] = field(default_factory=dict)

    @property
    def trained(self) -> list[str]:
        """The names of the experiments that train their own nets."""
        return [name for name in self.settings if name not in self.arms]

    def settings_of_run(self, name: str) -> dict[str, Any]:
        """The settings that an experiment needs to run; asking for other levels reruns nothing."""
        settings = self.settings[name]
        return {key: it for key, it in settings.items() if key not in ("usable", "levels")}

    def arms_of(self, name: str) -> dict[str, dict[str, Any]]:
        """The models that an experiment evaluates, in plain types, by arm."""
        return {arm: model.as_dict() for arm, model in self.arms[name].items()}


@dataclass(frozen=True)
class Noise:
    """Trainings of a Keras model that vary one source of randomness each, once per seed.

    model     the model; None, with no seeds, in a study without these trainings
    dropout   fraction of hidden outputs dropped in the trainings that vary the masks
    at        epochs after which the test images are evaluated
    """

    model: Model | None = None
    dropout: float = 0.0
    at: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    @property
    def spec(self) -> RunSpec:
        """The specification of a training."""
        assert self.model is not None
        return self.model.spec.varied(epochs=self.at[-1])

    @property
    def title(self) -> str:
        """The title of the model."""
        return self.model.title if self.model else ""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a job, which trains once per source."""
        if not self.model:
            return {}
        spec = self.spec.as_dict()
        sizes = {key: spec[key] for key in ("train_samples", "test_samples", "validation_split")}
        own = {"dropout": self.dropout, "at": list(self.at), "sources": list(self.sources)}
        return {"spec": spec} | sizes | own


@dataclass(frozen=True)
class Study:
    """The whole study, resolved.

    `configuration` is what it was resolved from, in plain types and with all defaults of groups.
    What the configuration does not name is None or empty.  `given` is the same before the study
    left out what is `absent`.
    """

    configuration: dict[str, Any]
    title: str
    directory: str
    report: str
    data: dict[str, Any]
    data_set: sets.DataSet
    models: dict[str, Model]
    epochs: LongerTraining | None
    depth: tuple[Model, ...]
    weights: tuple[Model, ...]
    sweeps: dict[str, Sweep]
    comparisons: dict[str, Comparison]
    batchnorm: BatchNorm
    noise: Noise
    errors: ErrorAnalysis
    playground: Playground
    published_file: str
    published_models: dict[str, tuple[str, ...]]
    published_numbers: dict[str, tuple[str, ...]]
    published_assumed: dict[str, str]
    claims_file: str
    replicates: tuple[Model, ...]
    checks: dict[str, int]
    given: dict[str, Any]
    absent: Absent = field(default_factory=Absent)

    def has(self, group: str) -> bool:
        """Return whether the study has an optional group of the configuration."""
        return group in self.configuration

    @property
    def has_source(self) -> bool:
        """Whether the study checks published numbers or claims."""
        return bool(self.published_models or self.claims_file)

    def section(self, name: str) -> list[Model]:
        """Return the models that the report shows in section `name`, in configured order."""
        return [model for model in self.models.values() if model.section == name]

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers of images used: train_samples, test_samples."""
        return {key: self.data[key] for key in ("train_samples", "test_samples")}

    @property
    def uses_all_images(self) -> bool:
        """Whether the study uses every image of the data set, as the source does."""
        return list(self.sizes.values()) == [self.data_set.train, self.data_set.test]

    @property
    def data_identity(self) -> dict[str, Any]:
        """The settings that the tensors depend on."""
        elsewhere = {"sources", "timeout", "train_samples", "test_samples"}
        return {key: it for key, it in self.data.items() if key not in elsewhere}

    @property
    def own_files(self) -> list[str]:
        """The files of the data set, if it is in a folder of one's own."""
        own = self.data_set.own
        return [str(path) for paths in own.files.values() for path in paths] if own else []

    def trained_models(self) -> Iterator[Model]:
        """Yield every trained model, including those of longer training and sweeps."""
        yield from self.models.values()
        if self.epochs:
            yield self.epochs.model
        for sweep in self.sweeps.values():
            yield from sweep.models

    @cached_property  # used for each job
    def runs(self) -> dict[str, RunSpec]:
        """The specification of every distinct run, by name."""
        return {model.run: model.spec for model in self.trained_models()}

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """Every distinct training as (run, seed), in the study's order."""
        pairs = ((model.run, seed) for model in self.trained_models() for seed in model.seeds)
        return list(dict.fromkeys(pairs))


def build(config: Mapping[str, Any], name: str = "study") -> tuple[Study | None, list[Problem]]:
    """Check a configuration and resolve it; results and pages have `name` unless it says another.

    Returns the study and no problems, or None and every problem found: violations of the schema or,
    if there are none, inconsistencies between its parts.
    """
    checked, problems = form.check(schema.Configuration, config)
    if problems:
        return None, problems
    builder = _Builder(checked, name)
    study = builder.build()
    if not study or builder.problems or not checked.without:
        return (None, builder.problems) if builder.problems else (study, [])
    if problems := list(absent.check(study.configuration)):
        return None, problems
    left, lost = absent.take_out(study.configuration)
    smaller, problems = build(left, name)
    return smaller and replace(smaller, given=study.given, absent=lost), problems


class _Builder:
    def __init__(self, config: schema.Configuration, name: str) -> None:
        self.config = config
        self.name = name
        self.problems: list[Problem] = []
        self.models: dict[str, Model] = {}
        self.data_set, self.data = self.find_data(config.data)
        self.sizes = {key: self.data[key] for key in ("train_samples", "test_samples")}
        self.ends = {"features": self.data_set.features, "classes": len(self.data_set.classes)}

    def refuse(self, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(path, text))

    def find_data(self, given: schema.Data) -> tuple[sets.DataSet, dict[str, Any]]:
        """Return the data set and the settings for it, with all that are missing.

        Where it cannot be used, record a problem, and return any.
        """
        data = form.plain(given)
        try:
            data_set = sets.describe(data)
        except Refused as refused:
            self.refuse(("data", refused.key), refused.text)
            return sets.FASHION_MNIST, {"train_samples": 1000, "test_samples": 1000}
        for split, images in (("train", data_set.train), ("test", data_set.test)):
            key, least = f"{split}_samples", schema.LEAST_IMAGES[split]
            if images < least:
                text = f"has {images} {split} images; a study needs at least {least}."
                self.refuse(("data", "folder"), text)
            elif data.setdefault(key, images) > images:
                text = f"is {data[key]}, but {data_set.name} has {images:,} {split} images. "
                text += "Choose fewer, or drop the key to use all."
                self.refuse(("data", key), text)
            data.setdefault(key, images)
        defaults = {"sources": list(data_set.sources), "timeout": sets.TIMEOUT}
        return data_set, defaults | data | {"name": data_set.name}

    def build(self) -> Study | None:
        config, published = self.config, self.config.published
        output = self.output()
        self.check_names("models", config.models)
        self.check_names("sweeps", config.sweeps)
        self.check_names("comparisons", config.comparisons)
        for name, model in config.models.items():
            self.add_model(name, model)
        if self.problems:  # the remaining checks would only repeat them
            return None
        epochs = self.longer_training()
        sweeps = {name: self.sweep(name, it) for name, it in config.sweeps.items()}
        if not self.problems:
            self.check_derived(epochs, sweeps)
        source = published.models if published else {}
        plain = form.plain(config)
        plain |= {"output": output, "seeds": config.seeds}
        plain["data"] |= {"name": self.data_set.name} | self.sizes
        plain |= {"defaults": config.defaults.model_dump()}
        return Study(
            configuration=plain,
            given=plain,
            title=config.title,
            directory=output["directory"],
            report=output["report"],
            data=self.data,
            data_set=self.data_set,
            models=self.models,
            epochs=epochs,
            depth=self.same_engine(("depth", "models"), self.listed("depth")),
            weights=self.weight_models(),
            sweeps=sweeps,
            comparisons={
                name: self.comparison(name, it) for name, it in config.comparisons.items()
            },
            batchnorm=self.batchnorm(),
            noise=self.noise(),
            errors=self.errors(),
            playground=self.playground(output),
            published_file=published.file if published else "",
            published_models=self.published_models(source),
            published_numbers={name: tuple(it.numbers) for name, it in source.items()},
            published_assumed={
                name: it.assumed for name, it in source.items() if it.assumed is not None
            },
            claims_file=config.claims.file if config.claims else "",
            replicates=self.replicates(),
            checks=config.checks.model_dump() if config.checks else {},
        )

    def output(self) -> dict[str, str]:
        """Return where results and pages are written: where the configuration says, or by name."""
        given, name = self.config.output.model_dump(exclude_none=True), self.name
        page = given.get("report", f"report/{name}.html")
        playground = f"report/{PurePosixPath(page).stem}-playground.html"
        found = {"directory": f"results/{name}", "report": page, "playground": playground} | given
        if not self.config.playground:
            del found["playground"]
        if problems := form.check(schema.Output, found)[1]:
            self.refuse(
                ("output",),
                f'is missing, and the study\'s name "{name}" cannot stand for it: '
                f"{problems[0].text} Rename the study, or write output: with directory and report.",
            )
        if found.get("playground", "").lower() == page.lower():
            self.refuse(("output", "playground"), "is the file of the report; choose another name.")
        return found

    def listed(self, group: str) -> list[str]:
        """Return the models that a group lists; none if the study does not have it."""
        given = getattr(self.config, group)
        return given.models if given else []

    def errors(self) -> ErrorAnalysis:
        given = self.config.closer
        if given is None:
            return ErrorAnalysis()
        path: KeyPath = ("closer", "leave_out")
        leave_out = self.find_models(path, given.leave_out)
        if len(leave_out) == len(self.models):
            self.refuse(path, f"names every model; keep at least one of {', '.join(self.models)}.")
        models = self.find_models(("closer", "models"), given.models)
        return ErrorAnalysis(models, leave_out, given.duplicates.correlation)

    def check_names(self, group: str, names: Iterable[str]) -> None:
        """Reject names that differ only in case: they become file names."""
        first: dict[str, str] = {}
        for name in names:
            if (other := first.setdefault(name.lower(), name)) != name:
                text = f"differs from {other} only in case; rename one of them."
                self.refuse((group, name), text)

    def check_derived(self, epochs: LongerTraining | None, sweeps: Mapping[str, Sweep]) -> None:
        """Reject names of runs that are too long, and a name that stands for two different models.

        Results are in a folder named after the run; the report finds models by their names.
        """
        derived: list[tuple[KeyPath, Model]] = [(("epochs", "at"), epochs.model)] if epochs else []
        derived += [
            (("sweeps", sweep.name, "values"), model)
            for sweep in sweeps.values()
            for model in sweep.models
        ]
        for path, model in [*((("models", it.name), it) for it in self.models.values()), *derived]:
            if len(model.run) > LONGEST_NAME:
                self.refuse(
                    path,
                    f"gives a training the name {model.run}, which has {len(model.run)} "
                    f"characters; a folder's name may have {LONGEST_NAME}. Use fewer layers, or "
                    "numbers with fewer digits.",
                )
        first: dict[str, tuple[KeyPath, Model]] = {}
        for path, model in derived:
            if model.name in self.models:
                text = f"{key_text(path)} gives this name to a model, too; rename this one."
                self.refuse(("models", model.name), text)
            other, same = first.setdefault(model.name, (path, model))
            if (same.spec, same.seeds) != (model.spec, model.seeds):
                text = (
                    f"gives the name {model.name} to another model than {key_text(other)}; use "
                    "the same seeds in both, or drop the value from one."
                )
                self.refuse(path, text)

    def add_model(self, name: str, given: schema.Model) -> None:
        def refuse(key: str, text: str) -> None:
            self.refuse(("models", name, key), text)

        config, engine, explicit = self.config, given.engine, given.model_fields_set
        keras = engine == "keras"
        other_engine = "lowlevel" if keras else "keras"
        section, other_section = ("part_b", "part_a") if keras else ("part_a", "part_b")
        for key in sorted(ONLY[other_engine] & explicit):
            if getattr(given, key) not in ("none", 0):
                refuse(
                    key,
                    f"belongs to the engine {other_engine}; this model has engine {engine}, "
                    f"whose own keys are {', '.join(sorted(ONLY[engine]))}.",
                )
        if given.penalty == "none" and given.delta:
            _, *penalties = get_args(schema.Penalty)
            text = f"has no penalty to scale: add penalty ({', '.join(penalties)}), or drop it."
            refuse("delta", text)
        if given.penalty != "none" and given.delta is None:
            refuse("penalty", "needs its strength: add delta, such as 1.0e-4.")
        for key in ("bn_momentum", "bn_epsilon"):
            if key in explicit and given.batch_norm == "none":
                refuse(key, "needs batch_norm: before (or after), or drop it.")
        if (given.dropout or given.batch_norm != "none") and not given.hidden:
            refuse("hidden", "dropout and batch_norm need hidden layers, but there are none.")
        spec = RunSpec.from_dict(
            REFERENCE[engine].as_dict()
            | getattr(config.defaults, engine).model_dump()
            | given.model_dump(exclude_unset=True, exclude={"title", "section", "seeds"})
            | self.sizes
            | self.ends
        )
        if spec.batch_size:
            held_out = "validation_split"
            self.check_batch(("models", name, "batch_size"), spec.batch_size, spec, held_out)
        if given.section == other_section:
            refuse(
                "section",
                f"is {other_section}, whose models have the other engine; "
                f"choose {section} or batchnorm.",
            )
        seeds = tuple(given.seeds or config.seeds)
        self.models[name] = Model(name, given.title or name, given.section or section, spec, seeds)

    def check_batch(self, path: KeyPath, size: int, spec: RunSpec, held_out: str) -> None:
        """Reject a mini-batch larger than the number of training samples."""
        if size > spec.fitted_samples:
            self.refuse(
                path,
                f"is {size}, but only {spec.fitted_samples} samples are left for training "
                f"(data: train_samples, less {held_out}).",
            )

    def find_model(self, name: str, path: KeyPath) -> Model:
        """Find a model by name; for an unknown one, record a problem and return any model."""
        if name not in self.models:
            self.refuse(path, unknown("model", name, self.models))
            return next(iter(self.models.values()))
        return self.models[name]

    def find_models(self, path: KeyPath, names: Iterable[str]) -> tuple[Model, ...]:
        """Find models by their names, listed at `path`."""
        return tuple(self.find_model(name, (*path, index)) for index, name in enumerate(names))

    def same_engine(self, path: KeyPath, names: Iterable[str]) -> tuple[Model, ...]:
        """Find models by name that are compared, and so must have the same engine."""
        models = self.find_models(path, names)
        if len({model.spec.engine for model in models}) > 1 and not self.problems:
            self.refuse(
                path,
                "mix models of both engines, whose epochs differ (one step against one pass in "
                "mini-batches). Compare models of one engine.",
            )
        return models

    def weight_models(self) -> tuple[Model, ...]:
        path, names = ("weights", "models"), self.listed("weights")
        for index, name in enumerate(names):
            if self.is_keras(name):
                self.refuse((*path, index), f"{name} is not a low-level model.")
        return self.find_models(path, names)

    def published_models(
        self, given: Mapping[str, schema.PublishedModel]
    ) -> dict[str, tuple[str, ...]]:
        for source, model in given.items():
            self.find_models(("published", "models", source, "redone_by"), model.redone_by)
        return {source: tuple(model.redone_by) for source, model in given.items()}

    def noise(self) -> Noise:
        given = self.config.noise
        if given is None:
            return Noise()
        model = self.find_model(given.model, ("noise", "model"))
        if not self.is_keras(given.model):
            self.refuse(
                ("noise", "model"),
                f"{model.name} is a low-level model, whose full batches have no order; "
                "choose a Keras model.",
            )
        elif not model.spec.hidden and "dropout" in given.sources:
            self.refuse(
                ("noise", "sources"), f"dropout needs hidden layers; {model.name} has none."
            )
        at, sources, seeds = tuple(sorted(given.at)), tuple(given.sources), tuple(given.seeds)
        return Noise(model, given.dropout, at, sources, seeds)

    def playground(self, output: Mapping[str, str]) -> Playground:
        path: KeyPath = ("playground", "models")
        models = self.find_models(path, self.listed("playground"))
        weights, most = sum(model.spec.parameters for model in models), Playground.MOST_WEIGHTS
        if weights > most:
            self.refuse(
                path,
                f"have {weights:,} parameters together; at most {most:,} fit into a page. "
                "Choose smaller or fewer models.",
            )
        return Playground(output.get("playground", ""), models)

    def replicates(self) -> tuple[Model, ...]:
        """Return the models of the target `replicates`, with the seeds of that target."""
        given = self.config.replicates
        if given is None:
            return ()
        models = self.find_models(("replicates", "models"), given.models)
        return tuple(replace(model, seeds=tuple(given.seeds)) for model in models)

    def is_keras(self, name: str) -> bool:
        """Whether a model exists and is a Keras model."""
        return name in self.models and self.models[name].spec.engine == "keras"

    def longer_training(self) -> LongerTraining | None:
        given, path = self.config.epochs, ("epochs", "model")
        if given is None:
            return None
        base = self.find_model(given.model, path)
        if self.is_keras(given.model):
            self.refuse(
                path,
                f"{base.name} is a Keras model, which is tested only once, at the end; "
                "choose a low-level model.",
            )
        at = tuple(sorted(given.at))
        model = Model(
            f"{base.name}-{at[-1]}-epochs",
            f"{base.title}, {at[-1]:,} epochs",
            base.section,
            base.spec.varied(epochs=at[-1]),
            tuple(given.seeds or base.seeds),
        )
        return LongerTraining(base.name, at, model)

    def sweep(self, name: str, given: schema.Sweep) -> Sweep:
        path: KeyPath = ("sweeps", name)
        base, vary = self.find_model(given.model, (*path, "model")), given.vary
        if base.name == given.model:  # otherwise the model is unknown
            self.check_sweep(vary, base, (*path, "vary"))
        found = [
            self.sweep_value(vary, value, base, (*path, "values", index))
            for index, value in enumerate(given.values)
        ]
        values = tuple(value for value in found if value is not None)
        models = tuple(
            Model(
                name=f"{base.name}-{vary}-{number_in_name(value)}",
                title=f"{vary.replace('_', ' ')} {number(value)}",
                section=base.section,
                spec=base.spec.varied(
                    **({"hidden": (value,)} if vary == "width" else {vary: value})
                ),
                seeds=tuple(given.seeds or base.seeds),
            )
            for value in values
        )
        section = given.section or base.section
        return Sweep(name, given.title, section, vary, base.name, values, models)

    def check_sweep(self, vary: str, base: Model, path: KeyPath) -> None:
        if vary == "width" and len(base.spec.hidden) != 1:
            layers = len(base.spec.hidden)
            self.refuse(path, f"width needs exactly one hidden layer; {base.name} has {layers}.")
        if vary == "delta" and base.spec.penalty == "none":
            self.refuse(path, f"delta needs a model with a penalty; {base.name} has none.")
        owner = next((engine for engine, keys in ONLY.items() if vary in keys), base.spec.engine)
        if owner != base.spec.engine:
            self.refuse(
                path, f"{vary} belongs to the engine {owner}; {base.name} has the other one."
            )
        elif vary == "dropout" and not base.spec.hidden:
            self.refuse(path, f"dropout needs hidden layers; {base.name} has none.")

    def sweep_value(self, vary: str, value: float, base: Model, path: KeyPath) -> Any:
        """Return a swept value with the type of the varied key; None if it is invalid."""
        value, problems = form.check(schema.SWEPT[vary], value, path)
        self.problems += problems
        if vary == "batch_size" and not problems and value > base.spec.fitted_samples:
            self.refuse(
                path, f"is {value}, but training uses only {base.spec.fitted_samples} samples."
            )
        return value

    def comparison(self, name: str, given: schema.Comparison) -> Comparison:
        models = self.same_engine(("comparisons", name, "models"), given.models)
        section = given.section or models[0].section
        return Comparison(name, given.title, section, models, given.against)

    def batchnorm(self) -> BatchNorm:
        given = self.config.batchnorm
        if given is None:
            return BatchNorm()
        explicit = form.plain(given)
        common, chosen = explicit["net"] | self.sizes | self.ends, explicit["experiments"]
        # in the order of the report
        settings = {name: common | chosen[name] for name in EXPERIMENTS if name in chosen}
        path: KeyPath = ("batchnorm", "experiments")
        arms = {
            name: {
                arm: self.find_model(model, (*path, name, "arms", arm))
                for arm, model in chosen[name]["arms"].items()
            }
            for name in settings
            if "arms" in chosen[name]
        }
        self.check_batches(given)
        self.check_grids(given.experiments)
        return BatchNorm(given.file, tuple(given.seeds), common, settings, arms)

    def check_batches(self, given: schema.BatchNorm) -> None:
        """Reject batches larger than the number of training samples."""
        split, samples = given.net.validation_split, self.sizes["train_samples"]
        spec = RunSpec("lowlevel", validation_split=split, train_samples=samples)
        batches: dict[KeyPath, int] = {("net", "batch_size"): given.net.batch_size}
        if experiment := given.experiments.batch_size:
            path = ("batchnorm", "experiments", "batch-size", "sizes")
            if min(experiment.sizes) > experiment.examples:
                self.refuse(
                    path,
                    f"are all greater than examples, which is {experiment.examples}; add a smaller "
                    "size.",
                )
            for index, size in enumerate(experiment.sizes):
                batches["experiments", "batch-size", "sizes", index] = size
        if evaluation := given.experiments.evaluation:
            size = evaluation.epoch.batch_size
            batches["experiments", "evaluation", "epoch", "batch_size"] = size
        for place, size in batches.items():
            self.check_batch(("batchnorm", *place), size, spec, "batchnorm: net: validation_split")

    def check_grids(self, given: schema.Experiments) -> None:
        """Check that no two grids are for the same nets, and that speed has its rates."""
        grids = given.learning_rate.grids if given.learning_rate else []
        nets = [(grid.activation, grid.optimizer) for grid in grids]
        for index, net in enumerate(nets):
            if net in nets[:index]:
                self.refuse(
                    ("batchnorm", "experiments", "learning-rate", "grids", index),
                    f"is a second grid for {' with '.join(net)}; put all rates into one.",
                )
        available = {grid.activation for grid in grids if grid.optimizer == "sgd"}
        for index, activation in enumerate(given.speed.activations if given.speed else []):
            if activation not in available:
                self.refuse(
                    ("batchnorm", "experiments", "speed", "activations", index),
                    f"is {activation}, for which batchnorm.experiments.learning-rate has no grid "
                    "with optimizer sgd; speed takes its rates from there.",
                )
