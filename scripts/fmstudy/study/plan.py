"""Resolves the checked configuration to models, sweeps, comparisons, experiments and their runs.

Only this module decides which runs a figure or table needs.  It uses neither TensorFlow nor
Snakemake, so that the workflow can import it quickly when it is parsed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any, ClassVar, get_args

from fmstudy.data import sets
from fmstudy.data.folders import Refused, local_path
from fmstudy.study import absent, form, schema
from fmstudy.study.absent import Absent
from fmstudy.study.configuration import KeyPath, Problem, key_text, unknown
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.spec import ONLY, REFERENCE, RunSpec
from fmstudy.study.spec import number as number_in_name
from fmstudy.study.words import setting_name, setting_text

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
    """A base model with one key varied, or with two: a grid.

    vary     the varied key; of a grid, both
    values   its values; of a grid, the values of each key
    models   one model per value; of a grid, one per pair of values, row by row: the values of the
             first key are its rows, those of the second one its columns
    """

    name: str
    title: str
    section: str
    vary: str | tuple[str, ...]
    base: str
    values: tuple[Any, ...]
    models: tuple[Model, ...]

    @property
    def is_grid(self) -> bool:
        """Whether two keys vary."""
        return not isinstance(self.vary, str)

    @property
    def is_numeric(self) -> bool:
        """Whether one key varies and its values are numbers, so that they lie along a line."""
        return all(isinstance(value, int | float) for value in self.values)

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The varied settings of each model, by their columns in the sweep's table."""
        values = {"value": self.values}
        if not isinstance(self.vary, str):
            values = dict(zip(self.vary, self.values, strict=True))
        in_table = [[_in_table(it) for it in each] for each in values.values()]
        return [dict(zip(values, row, strict=True)) for row in itertools.product(*in_table)]


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

    @property
    def device(self) -> str:
        """Where TensorFlow computes: cpu or gpu."""
        return str(self.configuration.get("device", "cpu"))

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
    def grids(self) -> list[str]:
        """The names of the sweeps of two keys."""
        return [name for name, sweep in self.sweeps.items() if sweep.is_grid]

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
        own = {key: it for key, it in self.data.items() if key not in elsewhere}
        if "folder" in own:
            own["folder"] = str(local_path(own["folder"]))
        return own | {"name": self.data_set.name}  # notation does not matter

    @property
    def own_files(self) -> list[str]:
        """The files of the data set, if it is a user's own folder."""
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
        if problems := form.check(list[schema.Text], list(data_set.classes))[1]:
            self.refuse(
                ("data", "folder"),
                f"the name of a class, which is that of its folder, {problems[0].text} Rename the "
                "folder, or name the classes under data: classes.",
            )
        for split, images in (("train", data_set.train), ("test", data_set.test)):
            key, least = f"{split}_samples", schema.LEAST_IMAGES[split]
            kind = "training" if split == "train" else "test"
            if images < least:
                text = f"has {images} {kind} images; a study needs at least {least}."
                self.refuse(("data", "folder"), text)
            elif data.setdefault(key, images) > images:
                text = f"is {data[key]}, but {data_set.name} has {images:,} {kind} images. "
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
        sections = ("part_a", "part_b")
        section, other = sections if given.engine == "lowlevel" else sections[::-1]
        if given.section == other:
            self.refuse(
                ("models", name, "section"),
                f"is {other}, whose models have the other engine; choose {section} or batchnorm.",
            )
        spec = self.specify(given, lambda key, text: self.refuse(("models", name, key), text))
        seeds = tuple(given.seeds or self.config.seeds)
        self.models[name] = Model(name, given.title or name, given.section or section, spec, seeds)

    def specify(self, given: schema.Model, refuse: Callable[[str, str], None]) -> RunSpec:
        """Specify the training of a model; refuse keys that do not fit together."""
        engine, explicit = given.engine, given.model_fields_set
        other_engine = "lowlevel" if engine == "keras" else "keras"
        for key in sorted(ONLY[other_engine] & explicit):
            if getattr(given, key) != _OFF.get(key):
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
            if key in explicit - ONLY[other_engine] and given.batch_norm == "none":
                refuse(key, "needs batch_norm: before (or after), or drop it.")
        if (given.dropout or given.batch_norm != "none") and not given.hidden:
            refuse("hidden", "is [], but dropout and batch_norm need hidden layers.")
        spec = RunSpec.from_dict(
            REFERENCE[engine].as_dict()
            | getattr(self.config.defaults, engine).model_dump()
            | given.model_dump(exclude_unset=True, exclude={"title", "section", "seeds"})
            | self.sizes
            | self.ends
        )
        if text := _batch_fault(spec.batch_size or 0, spec, "validation_split"):
            refuse("batch_size", text)
        return spec

    def check_batch(self, path: KeyPath, size: int, spec: RunSpec, held_out: str) -> None:
        """Reject a mini-batch larger than the number of training samples."""
        if text := _batch_fault(size, spec, held_out):
            self.refuse(path, text)

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
        base = self.find_model(given.model, (*path, "model"))
        seeds = tuple(given.seeds or base.seeds)
        values: dict[str, list[Any]] = given.values
        vary: str | tuple[str, ...] = given.vary
        if isinstance(vary, str):
            values, swept = {vary: given.values}, tuple(given.values)
        else:
            vary, swept = tuple(vary), tuple(map(tuple, values.values()))
        section = given.section or base.section
        sweep = partial(Sweep, name, given.title, section, vary, base.name, swept)
        if base.name != given.model:  # an unknown model
            return sweep(models=())
        if fault := _width_fault(values, base):
            self.refuse((*path, "vary"), fault)
            return sweep(models=())
        faults: dict[str, Problem] = {}  # each once, not for every value

        def refuse(changes: dict[str, Any], key: str, text: str) -> None:
            place: KeyPath = ("values",)
            if isinstance(vary, str):
                place = ("values", values[vary].index(changes[vary]))
            elif key in changes:
                place = ("values", key, values[key].index(changes[key]))
            text = f"{base.name} with {_words(changes)}: {key} {text}"
            faults.setdefault(text.partition(": ")[2], Problem((*path, *place), text))

        rows = [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]
        models = tuple(self.swept_model(base, it, seeds, partial(refuse, it)) for it in rows)
        self.problems += faults.values()
        return sweep(models=models)

    def swept_model(
        self,
        base: Model,
        changes: dict[str, Any],
        seeds: tuple[int, ...],
        refuse: Callable[[str, str], None],
    ) -> Model:
        """Vary a model; what it becomes must fit together as any model must."""
        settings = self.config.models[base.name].model_dump(exclude_unset=True)
        for key, dependent in _DEPENDENT.items():  # none goes without what needs the other
            if changes.get(key) == "none":
                settings = {it: value for it, value in settings.items() if it not in dependent}
        for key, value in changes.items():
            settings |= {"hidden": [value]} if key == "width" else {key: value}
        spec = self.specify(schema.Model(**settings), refuse)
        named = "-".join(f"{key}-{_in_name(value)}" for key, value in changes.items())
        return Model(f"{base.name}-{named}", _words(changes), base.section, spec, seeds)

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


# Values by which a model says that it goes without what only the other engine has.
_OFF = {"penalty": "none", "delta": 0, "dropout": 0}
# Settings that have no meaning where the other one is none.
_DEPENDENT = {"penalty": ("delta",), "batch_norm": ("bn_momentum", "bn_epsilon")}


def _batch_fault(size: int, spec: RunSpec, held_out: str) -> str:
    """Say that a mini-batch is larger than the number of training samples, if so."""
    if size <= spec.fitted_samples:
        return ""
    return (
        f"is {size}, but only {spec.fitted_samples} samples are left for training "
        f"(data: train_samples, less {held_out})."
    )


def _width_fault(values: Iterable[str], base: Model) -> str:
    """Say why the width of a model cannot vary, if it is to."""
    layers = len(base.spec.hidden)
    if "width" in values and layers != 1:
        return f"width needs exactly one hidden layer; {base.name} has {layers}."
    if {"width", "hidden"} <= set(values):
        return "has width and hidden, which set the same layers; choose one of them."
    return ""


def _words(changes: Mapping[str, Any]) -> str:
    """Describe varied settings: learning rate 0.01, batch size 32."""
    return ", ".join(f"{setting_name(key)} {setting_text(it)}" for key, it in changes.items())


def _in_name(value: Any) -> str:
    """Format a swept value as in the name of its model."""
    if isinstance(value, str):
        return value.replace("_", "-")
    return number_in_name(value) if isinstance(value, int | float) else setting_text(value)


def _in_table(value: Any) -> Any:
    """Return a swept value as in a table, whose cells are numbers and words."""
    return setting_text(value) if isinstance(value, list) else value
