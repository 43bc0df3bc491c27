"""What the files in config/ may say: every key with its type, its range and its meaning.

Configuration   config.yaml, and what is laid over it
Claims          claims.yaml
Expectations    batchnorm.yaml

What a type cannot say (a model that is named must exist, a penalty needs its delta, ...) is checked
in `study`, `claims` and `experiments`. Editors complete and check these files by the JSON schemas
in workflow/schemas, which `python -m fmstudy.schema workflow/schemas` writes.
"""

import sys
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from fmstudy import form
from fmstudy.form import Group, optional, pattern
from fmstudy.spec import RunSpec

T = TypeVar("T")


def _distinct(entries: list[Any]) -> list[Any]:
    for index, entry in enumerate(entries):
        if entry in entries[:index]:
            raise ValueError(f"holds {entry!r} twice; each entry may stand once.")
    return entries


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# 200.0 is the whole number 200. How a number is written changes no run and no parameter of a job.
WHOLE = BeforeValidator(_whole)
SHORT = AfterValidator(_whole)

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[
    str,
    pattern(
        "^[A-Za-z0-9][A-Za-z0-9-]{0,39}$",
        "letters, digits and hyphens, at most 40, the first no hyphen",
    ),
]
ArmName = Annotated[
    str,
    pattern("^[A-Za-z0-9][A-Za-z0-9/-]{0,39}$", "letters, digits, hyphens and slashes, at most 40"),
]
Reference = Annotated[str, pattern("^[a-z]+[0-9]{4}$", "the key of a reference such as ioffe2015")]
Entries = Annotated[
    list[T],
    Field(json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]
CLOSED = {"additionalProperties": False}
ByName = Annotated[dict[Name, T], Field(json_schema_extra=CLOSED)]

Section = Annotated[
    Literal["part_a", "part_b", "batchnorm"],
    Field(description="where the report shows it; by default, with the models of the same engine"),
]
Activation = Annotated[
    Literal["relu", "sigmoid"], Field(description="activation of the hidden layers")
]
Bias = Annotated[
    Literal["scalar", "vector"],
    Field(description="one bias per layer, as in the source, or one per unit"),
]
WeightStd = Annotated[
    float, Field(gt=0, le=100, description="standard deviation of the normal initial weights")
]
Optimizer = Annotated[Literal["adam", "sgd"], Field(description="how the weights are updated")]
LearningRate = Annotated[float, Field(gt=0, le=1000, description="learning rate of the optimizer")]
Epochs = Annotated[
    int, Field(ge=1, le=1_000_000, description="passes over the training images"), WHOLE
]
PartialEpochs = Annotated[
    float,
    Field(gt=0, le=1000, description="passes over the training images, or a part of one"),
    SHORT,
]
BatchSize = Annotated[int, Field(ge=1, le=60_000, description="images per mini-batch"), WHOLE]
ValidationSplit = Annotated[
    float,
    Field(ge=0.01, le=0.9, description="share of the training images, from the end, held out"),
]
Penalty = Literal["none", "l1", "l1_signed", "l2"]
Delta = Annotated[float, Field(ge=0, le=1_000_000, description="strength of the penalty")]
Dropout = Annotated[
    float,
    Field(ge=0, lt=1, description="share of each hidden layer's outputs set to 0 in training"),
]
BnMomentum = Annotated[
    float, Field(ge=0, lt=1, description="momentum of the moving statistics used for inference")
]
BnEpsilon = Annotated[float, Field(gt=0, le=1, description="added to the batch variance")]
Units = Annotated[int, Field(ge=1, le=10_000, description="units of a hidden layer"), WHOLE]
Hidden = Annotated[
    list[Units],  # the run's name, which lists them, has to fit into a file name
    Field(max_length=30, description="units of each hidden layer; [] is softmax regression"),
]
Seed = Annotated[int, Field(ge=0, le=4_294_967_295), WHOLE]
Seeds = Annotated[
    Entries[Seed], Field(min_length=1, description="one training for each of these seeds")
]
ModelNames = Annotated[Entries[Name], Field(min_length=1, description="names of models")]
Steps = Annotated[int, Field(ge=1, le=1_000_000, description="training steps"), WHOLE]
Samples = Annotated[int, Field(ge=2, le=60_000, description="number of images"), WHOLE]


# --------------------------------------------------------------------------- the study's settings
class Output(Group):
    """Where results and report go."""

    directory: Annotated[
        str,
        pattern(
            "^results(/[A-Za-z0-9][A-Za-z0-9_-]*)*$",
            "results, or a folder in it, such as results/quick",
        ),
    ]
    report: Annotated[
        str,
        pattern(
            "^report/[A-Za-z0-9][A-Za-z0-9._-]*\\.html$",
            "a file in the folder report whose name ends in .html, such as report/final.html",
        ),
    ]


class Data(Group):
    """The data set."""

    sources: Entries[Text] = Field(
        min_length=1, description="folders or web folders, tried in this order"
    )
    timeout: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds without a byte before a download is given up"),
        SHORT,
    ]
    train_samples: Annotated[
        int, Field(ge=100, le=60_000, description="training images used, from the first"), WHOLE
    ]
    test_samples: Annotated[
        int, Field(ge=100, le=10_000, description="test images used, from the first"), WHOLE
    ]


class LowlevelDefaults(Group):
    """Settings of low-level models that do not set their own."""

    activation: Activation
    bias: Bias
    weight_std: WeightStd
    optimizer: Optimizer
    learning_rate: LearningRate
    epochs: Epochs


class KerasDefaults(Group):
    """Settings of Keras models that do not set their own."""

    activation: Activation
    optimizer: Optimizer
    learning_rate: LearningRate
    epochs: Epochs
    batch_size: BatchSize
    validation_split: ValidationSplit


class Defaults(Group):
    """Settings of models that do not set their own, by engine."""

    lowlevel: LowlevelDefaults
    keras: KerasDefaults


class Model(Group):
    """A model: its layers, and what differs from the defaults of its engine."""

    title: Text = optional("how figures and tables call it; by default, its name")
    section: Section = optional()
    engine: Literal["lowlevel", "keras"] = Field(
        description="low-level TensorFlow on all images at once, or Keras in mini-batches"
    )
    hidden: Hidden
    seeds: Seeds = optional()
    activation: Activation = optional()
    bias: Bias = optional()
    weight_std: WeightStd = optional()
    penalty: Penalty = optional(
        "added to the loss, times delta: sum of |w|, sum of w, or sum of w squared",
        default=RunSpec.penalty,
    )
    delta: Delta = RunSpec.delta
    dropout: Dropout = RunSpec.dropout
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


class LongerTraining(Group):
    """One long run of a model, whose metrics are read off after several numbers of epochs."""

    model: Name = Field(description="name of the model")
    at: Entries[Epochs] = Field(min_length=1, description="numbers of epochs")
    seeds: Seeds = optional()


class Models(Group):
    """Models that a part of the report shows together."""

    models: ModelNames


# What a sweep can vary, and the type of its values.
SWEPT: dict[str, Any] = {
    "width": Units,
    "delta": Delta,
    "dropout": Dropout,
    "learning_rate": LearningRate,
    "weight_std": WeightStd,
    "batch_size": BatchSize,
    "epochs": Epochs,
}


class Sweep(Group):
    """One model trained again and again with one key varied."""

    title: Text = Field(description="how figures and tables call it")
    section: Section = optional()
    model: Name = Field(description="name of the model")
    vary: Literal[tuple(SWEPT)] = Field(  # type: ignore[valid-type]
        description="the key that is varied; width is the units of a single hidden layer"
    )
    values: Entries[Annotated[float, SHORT]] = Field(
        min_length=2, description="the values of that key"
    )
    seeds: Seeds = optional()


class Comparison(Group):
    """Models with learning curves on shared axes, and tests of their differences."""

    title: Text = Field(description="how figures and tables call it")
    section: Section = optional()
    models: Entries[Name] = Field(
        min_length=2, max_length=4, description="names of models with the same engine"
    )
    against: Literal["first", "previous"] = Field(
        "first", description="the model that each is tested against"
    )


class NearDuplicates(Group):
    """Which test images count as near-duplicates of training images."""

    correlation: float = Field(
        gt=0, le=1, description="at least this correlation of the pixels; 1 is equal pictures only"
    )


class Closer(Group):
    """Mistakes and calibration."""

    models: ModelNames
    leave_out: Entries[Name] = Field(description="models that only guess")
    duplicates: NearDuplicates


class PublishedModel(Group):
    """A model of the source."""

    redone_by: Entries[Name] = Field(
        min_length=1,
        max_length=2,
        description="the model that follows the source to the letter, and an alternative reading",
    )
    numbers: Entries[Name] = Field(
        min_length=1, description="ids of its rows in the published numbers"
    )


class Published(Group):
    """The numbers that the source prints."""

    file: Text = Field(description="CSV file of these numbers")
    models: dict[str, PublishedModel] = Field(description="the models of that file")


class ClaimsFile(Group):
    """The claims that the source makes."""

    file: Text = Field(description="YAML file of these claims")


class Replicates(Group):
    """More seeds for narrow intervals."""

    models: ModelNames
    seeds: Seeds


class Checks(Group):
    """How often the statistics themselves are put to the test."""

    pairs: Annotated[
        int, Field(ge=2, le=100_000, description="comparisons of a small model with itself"), WHOLE
    ]
    repetitions: Annotated[
        int, Field(ge=100, le=1_000_000, description="simulations of each interval"), WHOLE
    ]


# ----------------------------------------------------------- the experiments of Part C
Activations = Annotated[
    Entries[Activation], Field(min_length=1, description="activations of the nets")
]
Rates = Annotated[Entries[LearningRate], Field(min_length=1, description="learning rates")]
Momenta = Annotated[
    Entries[BnMomentum], Field(min_length=1, description="momenta of moving statistics")
]
Depths = Annotated[Entries[Annotated[int, Field(ge=1, le=100), WHOLE]], Field(min_length=1)]


class Net(Group):
    """The net of all experiments that do not set their own."""

    hidden: Hidden = Field(min_length=1)
    batch_size: BatchSize
    learning_rate: LearningRate
    validation_split: ValidationSplit
    bn_epsilon: BnEpsilon


class Arms(Group):
    """An experiment on models of this study."""

    arms: Annotated[dict[ArmName, Name], Field(json_schema_extra=CLOSED)] = Field(
        min_length=2, description="names of the models, by their names in the experiment"
    )


class Grid(Group):
    """Learning rates for one activation and one optimizer."""

    activation: Activation
    optimizer: Literal["sgd", "momentum", "adam"] = Field(description="how weights are updated")
    rates: Rates


class LearningRateExperiment(Group):
    """At which learning rates nets train."""

    epochs: PartialEpochs
    usable: float = Field(gt=0, lt=1, description="validation accuracy at a usable rate")
    grids: list[Grid] = Field(min_length=1, description="the learning rates that are tried")


class SpeedExperiment(Group):
    """How many steps, and how much time, to an accuracy, at the best rates of learning-rate."""

    activations: Activations
    epochs: PartialEpochs
    every: Steps = Field(description="steps between two evaluations")
    statistics_samples: Samples = Field(description="images for the exact statistics")
    levels: Entries[Annotated[float, Field(gt=0, lt=1)]] = Field(
        min_length=1, description="validation accuracies to reach"
    )


class BatchSizeExperiment(Group):
    """What becomes of batch normalization in small batches."""

    activation: Activation
    sizes: Entries[BatchSize] = Field(min_length=1, description="mini-batch sizes")
    examples: Samples = Field(description="training images, the same number for every size")
    momenta: Momenta


class OneEpoch(Group):
    """Training for one epoch of mini-batches."""

    hidden: Hidden = Field(min_length=1)
    batch_size: BatchSize


class FullBatch(Group):
    """Training on some images at once."""

    hidden: Hidden = Field(min_length=1)
    steps: Steps
    samples: Samples


class EvaluationExperiment(Group):
    """Moving statistics compared with exact ones."""

    momenta: Momenta
    epoch: OneEpoch
    full: FullBatch


class ShiftExperiment(Group):
    """Whether layers shift, and whether the loss is smoother."""

    activations: Activations
    epochs: PartialEpochs
    every: Steps = Field(description="steps between two measurements")
    probe_samples: Samples = Field(description="images of the fixed batch for measurements")


class NoisyExperiment(Group):
    """Whether random shifts behind the normalization hurt."""

    activations: Activations
    epochs: PartialEpochs
    every: Steps = Field(description="steps between two evaluations")
    statistics_samples: Samples = Field(description="images for the exact statistics")
    scale: float = Field(ge=0, le=1, description="random factors are within 1 +- this")
    shift: float = Field(
        ge=0, le=100, description="random shifts are within +- this, in standard deviations"
    )


class GammaBetaExperiment(Group):
    """What gamma and beta learn, and what they can do alone."""

    activation: Activation
    epochs: PartialEpochs
    learning_rate: LearningRate
    shape_samples: Samples = Field(description="images for the shapes of distributions")


class DepthExperiment(Group):
    """Whether gradients vanish or explode, and whether deep nets train."""

    activations: Activations
    width: Units
    depths: Depths = Field(description="hidden layers of nets with gradients before training")
    gradient_samples: Samples = Field(description="images for these gradients")
    trained: Depths = Field(description="hidden layers of nets that are trained")
    epochs: PartialEpochs
    learning_rate: LearningRate


class InitExperiment(Group):
    """How much the initial weights matter."""

    activations: Activations
    deviations: Entries[WeightStd] = Field(
        min_length=2, description="standard deviations of the initial weights"
    )
    rates: Rates
    epochs: PartialEpochs
    invariance_samples: Samples = Field(description="images for the test of invariance")


class PlacementExperiment(Group):
    """Batch normalization before or after the activation."""

    activations: Activations
    rates: Rates
    epochs: PartialEpochs


class Experiments(Group):
    """The experiments that are run, with their settings."""

    curves: Arms = optional("learning curves of models with and without batch normalization")
    learning_rate: LearningRateExperiment = optional(
        "the learning rates at which nets train", alias="learning-rate"
    )
    speed: SpeedExperiment = optional("steps and seconds to an accuracy")
    batch_size: BatchSizeExperiment = optional("small batches", alias="batch-size")
    evaluation: EvaluationExperiment = optional("moving statistics compared with exact ones")
    shift: ShiftExperiment = optional("shift of the layers, and smoothness of the loss")
    noisy: NoisyExperiment = optional("random shifts")
    gamma_beta: GammaBetaExperiment = optional(
        "what gamma and beta learn, and can do alone", alias="gamma-beta"
    )
    depth: DepthExperiment = optional("gradients and training of deep nets")
    init: InitExperiment = optional("initial weights")
    placement: PlacementExperiment = optional("before or after the activation")
    placement_keras: Arms = optional("the same for Keras models", alias="placement-keras")
    dropout: Arms = optional("batch normalization and dropout in Keras models")


class BatchNorm(Group):
    """The experiments on batch normalization."""

    file: Text = Field(description="YAML file of claims and predictions")
    seeds: Seeds
    net: Net
    experiments: Experiments


class Configuration(Group):
    """Configuration of the study."""

    title: Text = Field(description="title of the report")
    output: Output
    data: Data
    seeds: Seeds
    defaults: Defaults
    models: ByName[Model] = Field(min_length=1, description="the models, by name")
    epochs: LongerTraining
    depth: Models
    weights: Models
    sweeps: ByName[Sweep] = Field(description="the sweeps, by name")
    comparisons: ByName[Comparison] = Field(description="the comparisons, by name")
    batchnorm: BatchNorm
    closer: Closer
    published: Published
    claims: ClaimsFile
    replicates: Replicates
    checks: Checks


# -------------------------------------------------------------------------- claims of the source
Metric = Annotated[
    Literal[
        "train_accuracy",
        "train_loss",
        "train_objective",
        "validation_accuracy",
        "validation_loss",
        "validation_objective",
        "test_accuracy",
        "test_loss",
        "test_objective",
        "gap_accuracy",
        "gap_loss",
        "test_gap_accuracy",
        "test_gap_loss",
        "norm",
        "near_zero_share",
        "sum_absolute",
        "gamma_deviation",
        "beta_mean",
        "gamma_one",
    ],
    Field(description="what is measured"),
]
Epoch = Annotated[int, Field(ge=0, le=1_000_000, description="number of an epoch"), WHOLE]


class Expectation(Group):
    """What is expected of a quantity: one of more, less and about."""

    more: float = optional("it is more than this")
    less: float = optional("it is less than this")
    about: float = optional("it is this, give or take what stands after within")
    within: float = optional("how far about may be off", gt=0)


class Level(Group):
    """A metric of a model."""

    metric: Metric
    model: Name = Field(description="name of the model")
    epoch: Epoch = optional()


class Compare(Level):
    """A metric of a model minus that of another one."""

    with_: Name = Field(alias="with", description="name of the model it is compared with")


class Course(Group):
    """The change of a metric from one epoch to another, perhaps minus that over other epochs."""

    metric: Metric
    model: Name = Field(description="name of the model")
    from_: Epoch = Field(alias="from")
    to: Epoch
    minus: list[Epoch] = optional("first and last of the other epochs", min_length=2, max_length=2)


class Longer(Group):
    """The change of a metric over the longer training."""

    metric: Metric


class Trend(Group):
    """The change along a line fitted to a sweep."""

    metric: Metric
    sweep: Name = Field(description="name of the sweep")
    from_: float = optional("value at which the change begins", alias="from")
    to: float = optional("value at which it ends")
    scale: Literal["linear", "log"] = Field("linear", description="scale of the values")


class Test(Expectation):
    """A hypothesis on our runs."""

    compare: Compare = optional("a metric of a model minus that of another one")
    level: Level = optional("a metric of a model")
    course: Course = optional("the change of a metric from one epoch to another")
    longer: Longer = optional("the change of a metric over the longer training")
    trend: Trend = optional("the change along a line fitted to a sweep")


class Printed(Expectation):
    """A hypothesis on the numbers that the source prints."""

    add: Entries[Name] = Field(min_length=1, description="ids of published numbers")
    subtract: Entries[Name] = optional("ids of published numbers")


class Claim(Group):
    """A claim of the source, and the hypotheses that test it."""

    part: Literal["A", "B", "C"] = Field(description="part of the source")
    topic: Name = Field(description="claims with the same topic are one family")
    place: Text = Field(description="where the source says it")
    says: Text = Field(description="what it says, in our words")
    test: Test = optional("the hypothesis on our runs")
    printed: Printed = optional("the hypothesis on the printed numbers")
    untested: Text = optional("why no run can test it")
    part_c: Annotated[str, pattern("^C[0-9]+$", "a claim of config/batchnorm.yaml such as C4")] = (
        optional()
    )
    literature: Entries[Reference] = optional("keys of references")


class Claims(Group):
    """Claims of the source."""

    claims: ByName[Claim] = Field(min_length=1, description="the claims, by name")


# ------------------------------------------------------------- what is expected of the experiments
Quantity = Annotated[
    str,
    pattern(
        "^[a-z_0-9]+(/[A-Za-z0-9.+-]+)*$", "the name of a quantity such as decades/relu/sgd/bn"
    ),
]


class Recorded(Group):
    """When the predictions were recorded."""

    commit: Annotated[str, pattern("^[0-9a-f]{7,40}$", "the hash of a commit")]
    date: Annotated[
        str,
        pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 'a date such as "2026-11-22", in quotation marks'),
    ]


class CommonClaim(Group):
    """A common claim about batch normalization."""

    says: Text = Field(description="the claim, in our words")
    literature: Entries[Reference] = Field(min_length=1, description="keys of references")
    literature_says: Text = Field(description="what these references say about it, in our words")
    set_aside: ByName[Text] = optional("predictions without a vote on it, each with the reason")


class PredictionTest(Expectation):
    """A hypothesis on a quantity of an experiment."""

    quantity: Quantity
    minus: Quantity = optional("the quantity that is subtracted, seed by seed")


class Prediction(Group):
    """A hypothesis, and the verdict that we expected."""

    experiment: Literal[tuple(form.keys(Experiments))] = Field(  # type: ignore[valid-type]
        description="name of the experiment"
    )
    seen: bool = optional("whether it was written after its runs were seen")
    claim: Name = optional("the claim that its verdict counts for")
    says: Text = Field(description="the hypothesis in words")
    test: PredictionTest
    expect: Literal["supported", "contradicted", "not resolved"] = Field(
        description="the verdict that we expected"
    )


class Expectations(Group):
    """Claims about batch normalization, and predictions."""

    recorded: Recorded
    claims: ByName[CommonClaim] = Field(min_length=1, description="the claims, by name")
    predictions: ByName[Prediction] = Field(description="the predictions, by name")


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON schemas by name; overlay is for files that are laid over config.yaml."""
    return {
        "config": form.json_schema(Configuration),
        "overlay": form.json_schema(Configuration, partial=True),
        "claims": form.json_schema(Claims),
        "batchnorm": form.json_schema(Expectations),
    }


if __name__ == "__main__":
    form.write_schemas(sys.argv[1], json_schemas())
