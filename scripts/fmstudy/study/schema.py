"""The schema of the files in config/: every key with its type, range and meaning.

Configuration   a study: config.yaml, or a file of its own, or files that change these
Claims          claims.yaml
Expectations    batchnorm.yaml

`plan`, `claims` and `experiments` check what a type cannot express (named models must exist, a
penalty needs its delta, ...).  `python -m fmstudy.study.schema workflow/schemas` writes the JSON
schemas by which editors complete and check these files.
"""

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    create_model,
)

from fmstudy import runtime
from fmstudy.data import sets
from fmstudy.data.folders import LONGEST_SIDE, SPLIT_SEED, TEST_SHARE
from fmstudy.study import form, text
from fmstudy.study.form import Group, key, optional, pattern
from fmstudy.study.spec import REFERENCE, RunSpec

T = TypeVar("T")


def _distinct(entries: list[Any]) -> list[Any]:
    for index, entry in enumerate(entries):
        for other in entries[:index]:
            if entry == other:
                raise ValueError(f"contains {entry!r} twice; entries must be distinct.")
            if isinstance(entry, float) and math.isclose(entry, other, rel_tol=1e-5, abs_tol=1e-8):
                raise ValueError(
                    f"contains {other!r} and {entry!r}, which tables cannot tell apart; "
                    "drop one of them."
                )
    return entries


Text = Annotated[str, Field(min_length=1), AfterValidator(text.checked)]
Name = Annotated[
    str,
    pattern(
        "^[A-Za-z0-9][A-Za-z0-9-]{0,39}$",
        "at most 40 letters, digits and hyphens, not starting with a hyphen",
    ),
]
ModelName = Annotated[Name, key("name of the model")]
ArmName = Annotated[
    str,
    pattern("^[A-Za-z0-9][A-Za-z0-9/-]{0,39}$", "at most 40 letters, digits, hyphens and slashes"),
]
Reference = Annotated[str, pattern("^[a-z]+[0-9]{4}$", "the key of a reference, such as ioffe2015")]
Title = Annotated[Text, key("name in figures and tables")]
CLOSED: dict[str, Any] = {"additionalProperties": False}
ByName = Annotated[dict[Name, T], Field(json_schema_extra=CLOSED)]
Entries = Annotated[
    list[T], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})
]
Some = Annotated[Entries[T], Field(min_length=1)]
# A number; if it is whole, jobs get it as an integer.
Number = Annotated[float, AfterValidator(form.whole_numbers)]

Section = Annotated[
    Literal["part_a", "part_b", "batchnorm"],
    key("section of the report; by default, that of the models of the same engine"),
]
Activation = Annotated[Literal["relu", "sigmoid"], key("of the hidden layers")]
Bias = Annotated[Literal["scalar", "vector"], key("one per layer, or one per unit")]
WeightStd = Annotated[float, key("standard deviation of the normal initial weights", gt=0, le=100)]
Optimizer = Annotated[Literal["adam", "sgd"], key("how the weights are updated")]
LearningRate = Annotated[float, key("of the optimizer", gt=0, le=1000)]
Epochs = Annotated[int, key("passes over the training images", ge=1, le=1_000_000)]
PartialEpochs = Annotated[
    Number, key("passes over the training images, or part of one", gt=0, le=1000)
]
BatchSize = Annotated[int, key("images per mini-batch", ge=1)]
ValidationSplit = Annotated[
    float, key("fraction of the training images, from the end", ge=0.01, le=0.9)
]
TrainMetricsSamples = Annotated[
    int,
    key(
        "training images, from the first, for the training metrics after each epoch; the final "
        "metrics are of all",
        ge=1,
    ),
]
Penalty = Literal["none", "l1", "l1_signed", "l2"]
BnMomentum = Annotated[float, key("of the moving statistics", ge=0, lt=1)]
BnEpsilon = Annotated[float, key("added to the batch variance", gt=0, le=1)]
Units = Annotated[int, key("units of a hidden layer", ge=1, le=10_000)]
Hidden = Annotated[  # limited, because the run's name lists them and must fit into a file name
    list[Units], key("units of each hidden layer; [] is softmax", max_length=30)
]
Seeds = Annotated[
    Some[Annotated[int, Field(ge=0, le=4_294_967_295)]], key("one training for each of these seeds")
]
ModelNames = Annotated[Some[Name], key("names of models")]
Steps = Annotated[int, key("training steps", ge=1, le=1_000_000)]
Samples = Annotated[int, key("number of images", ge=2)]
LEAST_IMAGES = {"train": 50, "test": 20}


# --------------------------------------------------------------------------- the study's settings
PageFile = Annotated[
    str,
    pattern(
        "^report/[A-Za-z0-9][A-Za-z0-9._-]{0,199}\\.html$",
        "an .html file in the folder report, such as report/final.html, with at most 200 letters, "
        "digits, dots, hyphens and underscores",
    ),
]


class Output(Group):
    """Where results and the report are written; by default, under the study's name."""

    directory: Annotated[
        str,
        pattern(
            "^results(/[A-Za-z0-9][A-Za-z0-9_-]{0,99}){0,9}$",
            "results or a folder in it, such as results/quick, with names of at most 100 letters, "
            "digits, hyphens and underscores",
        ),
    ] = optional()
    report: PageFile = optional()
    playground: PageFile = optional()


class Data(Group):
    """The data set: a ready-made one, or a folder of your own."""

    name: Text = optional(
        f"{', '.join(sets.READY_MADE)}, or a name of your own, with folder",
        default=sets.FASHION_MNIST.name,
    )
    sources: Some[Text] = optional(
        "where a ready-made set is fetched from: local folders or web addresses of folders, tried "
        "in this order"
    )
    timeout: Number = optional(
        "seconds without a byte before giving up", gt=0, le=3600, default=sets.TIMEOUT
    )
    train_samples: int = optional(
        "training images, from the first; by default, all", ge=LEAST_IMAGES["train"]
    )
    test_samples: int = optional(
        "test images, from the first; by default, all", ge=LEAST_IMAGES["test"]
    )
    folder: Text = optional(
        "data of your own: IDX files, or one folder of PNGs per class, also below train and test"
    )
    classes: Annotated[Some[Text], Field(min_length=2)] = optional(
        "names of the classes in your folder, by label"
    )
    test_share: float = optional(
        "fraction of your images for testing, if they have no test split",
        gt=0,
        lt=1,
        default=TEST_SHARE,
    )
    split_seed: int = optional(
        "seed of that split, and of the order of your images", ge=0, default=SPLIT_SEED
    )
    size: list[Annotated[int, Field(ge=2, le=LONGEST_SIDE)]] = optional(
        "rows and columns that your PNGs are resized to", min_length=2, max_length=2
    )
    things: list[Text] = optional(
        "what one of your images shows, and many, such as [leaf, leaves]",
        min_length=2,
        max_length=2,
        default=list(sets.DataSet.things),
    )


BOTH: Any = RunSpec
LOWLEVEL: Any = REFERENCE["lowlevel"]
KERAS: Any = REFERENCE["keras"]


class SharedDefaults(Group):
    """Settings of models that do not set their own, with the same defaults for both engines."""

    activation: Activation = BOTH.activation
    optimizer: Optimizer = BOTH.optimizer
    learning_rate: LearningRate = BOTH.learning_rate


class LowlevelDefaults(SharedDefaults):
    """Settings of low-level models that do not set their own."""

    epochs: Epochs = LOWLEVEL.epochs
    bias: Bias = LOWLEVEL.bias
    weight_std: WeightStd = LOWLEVEL.weight_std


class KerasDefaults(SharedDefaults):
    """Settings of Keras models that do not set their own."""

    epochs: Epochs = KERAS.epochs
    batch_size: BatchSize = KERAS.batch_size
    validation_split: ValidationSplit = KERAS.validation_split
    train_metrics_samples: TrainMetricsSamples = KERAS.train_metrics_samples


class Defaults(Group):
    """Settings of models that do not set their own, by engine."""

    lowlevel: LowlevelDefaults = LowlevelDefaults()
    keras: KerasDefaults = KerasDefaults()


class Model(Group):
    """A model: its layers, and settings that differ from the defaults of its engine."""

    title: Title = optional("name in figures and tables; by default, the model's name")
    section: Section = optional()
    engine: Literal["lowlevel", "keras"] = key("low-level TensorFlow, or Keras in mini-batches")
    hidden: Hidden
    seeds: Seeds = optional()
    activation: Activation = optional()
    bias: Bias = optional()
    weight_std: WeightStd = optional()
    penalty: Penalty = optional(
        "added to the loss, times delta: sum of |w|, sum of w, or sum of w squared",
        default=RunSpec.penalty,
    )
    delta: float = optional("strength of the penalty", ge=0, le=1_000_000)
    dropout: float = optional(
        "fraction of hidden outputs dropped", ge=0, lt=1, default=RunSpec.dropout
    )
    batch_norm: Literal["none", "before", "after"] = optional(
        "batch normalization before or after the activation", default=RunSpec.batch_norm
    )
    bn_momentum: BnMomentum = RunSpec.bn_momentum
    bn_epsilon: BnEpsilon = RunSpec.bn_epsilon
    optimizer: Optimizer = optional()
    learning_rate: LearningRate = optional()
    epochs: Epochs = optional()
    batch_size: BatchSize = optional()
    validation_split: ValidationSplit = optional()
    train_metrics_samples: TrainMetricsSamples = optional()


class LongerTraining(Group):
    """One long run of a model, evaluated after several numbers of epochs."""

    model: ModelName
    at: Some[Epochs] = key("numbers of epochs")
    seeds: Seeds = optional()


class Models(Group):
    """Models that the report shows side by side."""

    models: ModelNames


# The keys that a sweep can vary: hyperparameters, and the width of a single hidden layer.
_KEPT = {"title", "section", "engine", "seeds", "train_metrics_samples"}
_TYPES = {"width": Units} | {
    key: field.rebuild_annotation() for key, field in Model.model_fields.items() if key not in _KEPT
}
MOST_VALUES = 8  # of each key of a grid, whose cells hold numbers that must be readable
SWEPT: dict[str, Any] = {
    key: Annotated[Entries[kind], Field(min_length=2)]  # type: ignore[valid-type]
    for key, kind in _TYPES.items()
}
_Swept: Any = Literal[tuple(SWEPT)]
_PAIR: Any = Annotated[Entries[_Swept], Field(min_length=2, max_length=2)]


def _one_or_two(vary: Any) -> Any:
    return form.fit(_PAIR if isinstance(vary, list) else _Swept, vary)


def _grid(keys: Iterable[str]) -> type[Group]:
    """Return the group of the values of a grid."""
    of_key = {
        name: (Annotated[SWEPT[name], Field(max_length=MOST_VALUES)], key(f"values of {name}"))
        for name in keys
    }
    make: Any = create_model
    group: type[Group] = make("Values", __base__=Group, __doc__="Values of a grid.", **of_key)
    return group


_ANY_GRID = _grid(SWEPT)
_ANY_VALUES: Any = Annotated[list[float | str | Hidden], Field(min_length=2)]


def _of_varied(values: Any, info: ValidationInfo) -> Any:
    """Check values against the types of the varied keys, if those are known."""
    vary = info.data.get("vary", [])
    if isinstance(vary, str):
        return form.fit(SWEPT[vary], values)
    return form.fit(_grid(vary), values).model_dump() if vary else values


def _json_schema(*kinds: Any) -> WithJsonSchema:
    schemas = [TypeAdapter(kind).json_schema() for kind in kinds]
    for grid in schemas:
        grid.pop("required", None)
    return WithJsonSchema({"anyOf": schemas})


class Sweep(Group):
    """One model trained with several values of one key, or with all pairs of values of two."""

    title: Title
    section: Section = optional()
    model: ModelName
    vary: Annotated[Any, AfterValidator(_one_or_two), _json_schema(_Swept, _PAIR)] = key(
        "the varied key, or two keys; width is the number of units of a single hidden layer"
    )
    values: Annotated[
        Any,
        AfterValidator(_of_varied),
        _json_schema(_ANY_VALUES, _ANY_GRID),
    ] = key("values of the varied key; of two keys, the values of each, by key")
    seeds: Seeds = optional()


class Comparison(Group):
    """Models whose learning curves one figure shows, and tests of their differences."""

    title: Title
    section: Section = optional()
    models: Entries[Name] = key("models of one engine", min_length=2, max_length=6)
    against: Literal["first", "previous"] = optional(
        "the model that each one is tested against", default="first"
    )


class NearDuplicates(Group):
    """Which test images count as near-duplicates of training images."""

    correlation: float = key("minimum correlation of the pixels", gt=0, le=1)


class ErrorAnalysis(Models):
    """Error analysis: models shown in detail, and the definition of near-duplicates."""

    leave_out: Entries[Name] = optional(
        "names of models that only guess, which are excluded", default=[]
    )
    duplicates: NearDuplicates = NearDuplicates(correlation=0.985)


class Playground(Group):
    """The page in which people try trained models."""

    models: Entries[Name] = key("models side by side", min_length=1, max_length=3)


class PublishedModel(Group):
    """A model of the source, and its reproduction."""

    redone_by: Some[Name] = key(
        "the model that follows the source to the letter, and an alternative", max_length=2
    )
    numbers: Some[Name] = key("ids of its rows in the published numbers")
    assumed: Text = optional("what the source does not say, so that we had to assume it")


Source = Literal["weights", "order", "dropout", "images", "rounding", "all"]


class Noise(Group):
    """How much each source of randomness moves the result of one Keras model."""

    model: ModelName
    dropout: float = key("fraction of hidden outputs dropped where masks vary", gt=0, lt=1)
    at: Some[Epochs] = key("epochs after which the test images are evaluated; the last one ends")
    sources: Some[Source] = key("what varies, one training for each; `all` varies all of these")
    seeds: Seeds


class File(Group):
    """A separate file."""

    file: str = pattern("^[^{}\\n]+$", "a path without braces, which mark Snakemake's wildcards")


class Published(File):
    """The numbers that the source prints."""

    models: dict[Text, PublishedModel] = key("the models of that file")


class Replicates(Models):
    """More seeds for narrow intervals."""

    seeds: Seeds


class Checks(Group):
    """The number of repetitions in the tests of the statistics."""

    pairs: int = key("comparisons of a small model with itself", ge=2, le=100_000)
    repetitions: int = key("simulations per interval", ge=100, le=1_000_000)


# --------------------------------------------------------------------- the experiments of Part C
Rates = Annotated[Some[LearningRate], key("learning rates")]
Momenta = Annotated[Some[BnMomentum], key("momenta of moving statistics")]
Depths = Some[Annotated[int, Field(ge=1, le=100)]]
Net = Annotated[Hidden, Field(min_length=1)]
Level = Annotated[float, Field(gt=0, lt=1)]


class CommonNet(Group):
    """The default net of the experiments."""

    hidden: Net
    batch_size: int = key("images per mini-batch", ge=2)
    learning_rate: LearningRate
    validation_split: ValidationSplit
    bn_epsilon: BnEpsilon


class Arms(Group):
    """An experiment on models of this study."""

    arms: dict[ArmName, Name] = key(
        "models, by their names in the experiment", min_length=2, json_schema_extra=CLOSED
    )


class Grid(Group):
    """Learning rates for one activation and one optimizer."""

    activation: Activation
    optimizer: Literal["sgd", "momentum", "adam"] = key("how the weights are updated")
    rates: Annotated[Rates, Field(min_length=2)]


class LearningRateExperiment(Group):
    """At which learning rates nets train."""

    epochs: PartialEpochs
    usable: Level = key("validation accuracy at a usable rate")
    grids: list[Grid] = key("the learning rates to try", min_length=1)


class Trained(Group):
    """Training of nets with these activations."""

    activations: Some[Activation] = key("activations")
    epochs: PartialEpochs


class Placement(Trained):
    """Batch normalization before or after the activation."""

    rates: Rates


class Speed(Trained):
    """Steps and time to reach an accuracy, at the best rates from learning-rate."""

    every: Steps = key("steps between two evaluations")
    statistics_samples: Samples = key("images for the exact statistics")
    levels: Some[Level] = key("validation accuracies to reach")


class Noisy(Group):
    """Whether random shifts after normalization hurt."""

    epochs: PartialEpochs
    rates: Annotated[dict[Activation, Rates], form.ordered(["sigmoid", "relu"])] = key(
        "learning rates by activation, from which each net gets its best one", min_length=1
    )
    scale: float = key("maximum deviation of random factors from 1", ge=0, le=1)
    shift: float = key("maximum random shift, in standard deviations", ge=0, le=100)


class Shift(Trained):
    """Whether layers shift and the loss is smoother."""

    every: Steps = key("steps between two measurements")
    probe_samples: Samples = key("images of the fixed batch for measurements")


class Depth(Trained):
    """Whether gradients vanish or explode and deep nets train."""

    width: Units
    depths: Depths = key("numbers of hidden layers for gradients before training")
    gradient_samples: Samples = key("images for these gradients")
    trained: Depths = key("numbers of hidden layers of the trained nets")
    learning_rate: LearningRate


class Init(Trained):
    """How much the initial weights matter."""

    deviations: Entries[WeightStd] = key("of the initial weights", min_length=2)
    rates: Rates
    invariance_samples: Samples = key("images for the test of invariance")


class GammaBeta(Group):
    """What gamma and beta learn, and what they achieve alone."""

    activation: Activation
    epochs: PartialEpochs
    learning_rate: LearningRate
    shape_samples: Samples = key("images for the shapes of the distributions")


class SmallBatches(Group):
    """How batch normalization works with small batches."""

    activation: Activation
    sizes: Some[BatchSize] = key("mini-batch sizes")
    rates: Rates = key(
        "learning rates for batches of the common size; for others, proportional to its root"
    )
    examples: Samples = key("training images, the same number for every size")
    momenta: Momenta


class OneEpoch(Group):
    """Training for one epoch of mini-batches."""

    hidden: Net
    batch_size: BatchSize


class FullBatch(Group):
    """Full-batch training on some images."""

    hidden: Net
    steps: Steps
    samples: Samples


class Evaluation(Group):
    """Moving statistics compared with exact ones."""

    momenta: Momenta
    epoch: OneEpoch
    full: FullBatch


class Experiments(Group):
    """The experiments to run, with their settings."""

    curves: Arms = optional("learning curves of models with and without batch normalization")
    learning_rate: LearningRateExperiment = optional(alias="learning-rate")
    speed: Speed = optional()
    batch_size: SmallBatches = optional(alias="batch-size")
    evaluation: Evaluation = optional()
    shift: Shift = optional()
    noisy: Noisy = optional()
    gamma_beta: GammaBeta = optional(alias="gamma-beta")
    depth: Depth = optional()
    init: Init = optional()
    placement: Placement = optional()
    placement_keras: Arms = optional("placement in Keras models", alias="placement-keras")
    dropout: Arms = optional("batch normalization and dropout in Keras models")


ExperimentName: Any = Literal[tuple(form.keys(Experiments))]


class BatchNorm(File):
    """The experiments on batch normalization."""

    seeds: Seeds
    net: CommonNet
    experiments: Experiments


class Configuration(Group):
    """Configuration of a study: what it does not name does not exist."""

    extends: Text = optional("the file of the study whose settings this file changes")
    without: Entries[Text] = optional(
        "sections (part_a, part_b, batchnorm), groups and models that this study does not have",
        default=[],
    )
    title: Text = key("title of the report")
    output: Output = Output()
    device: Literal["cpu", "gpu"] = optional("where TensorFlow computes", default="cpu")
    data: Data
    seeds: Seeds = optional(default=[1])
    defaults: Defaults = Defaults()
    models: ByName[Model] = key("the models, by name", min_length=1)
    epochs: LongerTraining = optional()
    depth: Models = optional()
    weights: Models = optional()
    sweeps: ByName[Sweep] = optional("the sweeps, by name", default={})
    comparisons: ByName[Comparison] = optional("the comparisons, by name", default={})
    batchnorm: BatchNorm = optional()
    noise: Noise = optional()
    closer: ErrorAnalysis = optional()
    playground: Playground = optional()
    published: Published = optional()
    claims: File = optional("the claims of the source, in a separate file")
    replicates: Replicates = optional()
    checks: Checks = optional()


# -------------------------------------------------------------------------- claims of the source
METRICS = (
    *(f"train_{kind}" for kind in ("accuracy", "loss", "objective")),
    *(f"validation_{kind}" for kind in ("accuracy", "loss", "objective")),
    *(f"test_{kind}" for kind in ("accuracy", "loss", "objective")),
    *("gap_accuracy", "gap_loss", "test_gap_accuracy", "test_gap_loss"),
    *("norm", "near_zero_share", "zero_share", "sum_absolute"),
    *("gamma_deviation", "beta_mean", "gamma_one"),
)
Epoch = Annotated[int, key("number of an epoch", ge=0, le=1_000_000)]


class Expectation(Group):
    """The expected value of a quantity: one of more, less and about."""

    more: float = optional("it is more than this")
    less: float = optional("it is less than this")
    about: float = optional("it is within a distance of this, given by within")
    within: float = optional("maximum distance from about", gt=0)


class OfMetric(Group):
    """A metric."""

    metric: Literal[METRICS] = key("what is measured")  # type: ignore[valid-type]


class OfModel(OfMetric):
    """A metric of a model."""

    model: ModelName


class AtEpoch(OfModel):
    """A metric of a model, at an epoch or at the end."""

    epoch: Epoch = optional()


class Compare(AtEpoch):
    """A metric of a model minus that of another model."""

    with_: Name = key("name of the other model", alias="with")


class Course(OfModel):
    """The change of a metric between two epochs, optionally minus that between two others."""

    from_: Epoch = Field(alias="from")
    to: Epoch
    minus: list[Epoch] = optional("the two other epochs", min_length=2, max_length=2)


class Trend(OfMetric):
    """The change of a metric along a line fitted to a sweep."""

    sweep: Name = key("name of the sweep")
    from_: float = optional("smallest value used", alias="from")
    to: float = optional("largest value used")
    scale: Literal["linear", "log"] = optional("scale of the values", default="linear")


class Test(Expectation):
    """A hypothesis about our runs."""

    compare: Compare = optional()
    level: AtEpoch = optional()
    course: Course = optional()
    longer: OfMetric = optional("the change of a metric over the longer training")
    trend: Trend = optional()


class Printed(Expectation):
    """A hypothesis about the numbers that the source prints."""

    add: Some[Name] = key("ids of published numbers")
    subtract: Entries[Name] = optional("ids of published numbers")


class Claim(Group):
    """A claim of the source, and the hypotheses that test it."""

    part: Literal["A", "B", "C"] = key("part of the source")
    topic: Name = key("claims with the same topic form one family")
    place: Text = key("location in the source")
    says: Text = key("the claim, in our words")
    test: Test = optional()
    printed: Printed = optional()
    untested: Text = optional("why no run can test it")
    part_c: Annotated[str, pattern("^C[0-9]+$", "a claim in config/batchnorm.yaml, such as C4")] = (
        optional()
    )
    literature: Entries[Reference] = optional("keys of references")


class Claims(Group):
    """Claims of the source."""

    claims: ByName[Claim] = key("the claims, by name", min_length=1)


# -------------------------------------------------------- claims and predictions of the experiments
Quantity = Annotated[
    str,
    pattern(
        "^[a-z_0-9]+(/[A-Za-z0-9.+-]+)*$", "the name of a quantity, such as decades/relu/sgd/bn"
    ),
]


class Recorded(Group):
    """When the predictions were recorded."""

    commit: str = pattern("^[0-9a-f]{7,40}$", "the hash of a commit")
    date: str = pattern(
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 'a date, such as "2026-11-22", in quotation marks'
    )


class CommonClaim(Group):
    """A common claim about batch normalization."""

    says: Text = key("the claim, in our words")
    literature: Some[Reference] = key("keys of references")
    literature_says: Text = key("what the references say about it, in our words")
    set_aside: ByName[Text] = optional(
        "predictions excluded from its verdict, each with the reason"
    )


class PredictionTest(Expectation):
    """A hypothesis about a quantity of an experiment."""

    quantity: Quantity
    minus: Quantity = optional("quantity to subtract, seed by seed")


class Prediction(Group):
    """A hypothesis and the verdict that we expected."""

    experiment: ExperimentName = key("name of the experiment")
    seen: bool = optional("whether it was written after we had seen its runs")
    claim: Name = optional("the claim that its verdict supports or contradicts")
    says: Text = key("the hypothesis in words")
    test: PredictionTest
    expect: Literal["supported", "contradicted", "not resolved"] = key(
        "the verdict that we expected"
    )


class Expectations(Group):
    """Claims and predictions about batch normalization."""

    recorded: Recorded
    seen_seeds: Seeds = key("seeds of the results that we had seen when we wrote what is seen")
    revised: Annotated[dict[ExperimentName, Text], form.ordered(form.keys(Experiments))] = optional(
        "experiments that were changed after we had seen their results, each with the reason"
    )
    claims: ByName[CommonClaim] = key("the claims, by name", min_length=1)
    predictions: ByName[Prediction] = key("the predictions, by name")


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schemas by name."""
    files: dict[str, type[Group]]
    files = {"config": Configuration, "claims": Claims, "batchnorm": Expectations}
    schemas = {name: kind.model_json_schema() for name, kind in files.items()}
    for group in (schemas["config"], *schemas["config"]["$defs"].values()):
        group.pop("required", None)  # so that files that overlay config.yaml may omit any key
    return schemas


if __name__ == "__main__":
    for name, content in json_schemas().items():
        written = json.dumps(content, indent=1) + "\n"
        runtime.write_text(Path(sys.argv[1], f"{name}.schema.json"), written)
