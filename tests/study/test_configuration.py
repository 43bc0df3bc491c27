"""A mistake in the configuration is refused before anything runs, in words a person can act on."""

from functools import partial
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY, find
from fixtures.mistakes import check_only, refusal

from fmstudy.study import configuration, plan, published
from fmstudy.study.configuration import ConfigurationError
from fmstudy.study.reader import read_command_line, read_study

DEFAULT = REPOSITORY / "config/config.yaml"
QUICK = REPOSITORY / "config/quick.yaml"
FULL = REPOSITORY / "config/full.yaml"
THOROUGH = REPOSITORY / "config/thorough.yaml"


def check(*files: Path) -> plan.Study:
    """Do with configuration files, each changing those before, what the workflow does."""
    config, origins = read_study(files, find)
    study, problems = plan.build(config)
    if problems:
        raise configuration.report(problems, origins)
    return study


@pytest.fixture
def refused(tmp_path):
    good = DEFAULT.read_text(encoding="utf-8")
    return partial(refusal, check, good, tmp_path / "mine.yaml")


# What is right


@pytest.mark.parametrize(
    "files",
    [[DEFAULT], [QUICK], [FULL], [THOROUGH]],
    ids=["default", "quick", "full", "thorough"],
)
def test_configuration_that_comes_with_the_study_is_valid(files):
    study = check(*files)
    rows, complaints = published.read(REPOSITORY / study.published_file, study.published_numbers)
    assert complaints == []
    assert rows


# Keys and values


MODEL_A = "  A:\n    title: A (300)\n    engine: lowlevel\n    hidden: [300]\n"


def model_a(line: str) -> tuple[str, str]:
    """An edit that gives model A one more key."""
    return MODEL_A, f"{MODEL_A}    {line}\n"


PLAYGROUND = "playground:\n  models: [softmax, keras-4, keras-4r]\n"

MISTAKES = [
    # unknown keys, at every depth
    ("\nseeds:", "\nseed:\n  - 1\nseeds:", "seed:\n", ["seed: unknown key", '"seeds"']),
    (*model_a("hiden: [3]"), "hiden", ["models.A.hiden: unknown key", '"hidden"', "penalty"]),
    ("    vary: width", "    varyy: 1\n    vary: width", "varyy", ["sweeps.width.varyy", '"vary"']),
    ("  timeout: 30", "  timout: 1\n  timeout: 30", "timout", ["data.timout", '"timeout"']),
    # wrong types
    ("  timeout: 30", "  timeout: [3]", None, ["data.timeout: must be a number", "a list of 1"]),
    ("  timeout: 30", "  timeout:", None, ["data.timeout: must be a number", "nothing"]),
    ("  timeout: 30", "  timeout: true", None, ["data.timeout: must be a number", "found true"]),
    ("\nseeds: [101, 102, 103]", "\nseeds: 1", None, ["seeds: must be a list", "found 1"]),
    ("\nseeds: [101, 102, 103]", "\nseeds: [1, 2.5]", None,
     ["seeds[1]: must be a whole number", "2.5"]),
    (*model_a("epochs: many"), "epochs: many", ["A.epochs: must be a whole number", '"many"']),
    (*model_a("epochs: '2_0'"), "epochs: '2_0'", ["A.epochs: must be a whole number", '"2_0"']),
    (*model_a("epochs: '1e-3'"), "1e-3", ["A.epochs: must be a whole number", "0.001"]),
    (*model_a("learning_rate: 'nan'"), "'nan'", ["A.learning_rate: must be a number", '"nan"']),
    (*model_a("learning_rate: 1e999"), "1e999", ["A.learning_rate: must be a finite number"]),
    # out of range
    ("  train_samples: 60000", "  train_samples: 60001", None,
     ["data.train_samples: is 60001, but Fashion-MNIST has 60,000 training images"]),
    (*model_a("learning_rate: 0"), "rate: 0", ["A.learning_rate: must be greater than 0"]),
    (*model_a("delta: -1"), "delta: -1", ["A.delta: must be at least 0; found -1"]),
    (*model_a("dropout: 1"), "dropout: 1", ["A.dropout: must be less than 1; found 1"]),
    ("\nseeds: [101, 102, 103]", "\nseeds: [-1]", None, ["seeds[0]: must be at least 0; found -1"]),
    ("\nseeds: [101, 102, 103]", "\nseeds: []", None,
     ["seeds: must be a list with 1 or more entries", "a list of 0"]),
    ("\nseeds: [101, 102, 103]", "\nseeds: [4, 7, 4]", None, ["seeds: contains 4 twice"]),
    # words
    (*model_a("activation: rellu"), "rellu", ["must be one of relu, sigmoid", 'mean "relu"']),
    (*model_a("penalty: L2"), "penalty: L2", ["A.penalty", "none, l1, l1_signed, l2"]),
    ("    vary: width", "    vary: widht", None, ["sweeps.width.vary", 'mean "width"']),
    # names
    (MODEL_A, f"{MODEL_A}  my model:\n    engine: keras\n    hidden: []\n", "  my model:",
     ["models.my model: must be at most 40 letters, digits and hyphens", '"my model"']),
    ("  directory: results  ", "  directory: /tmp/x  ", None, ["output.directory", "/tmp/x"]),
    ("    correlation: 0.985", "    correlation: 1.5", None,
     ["closer.duplicates.correlation: must be at most 1; found 1.5"]),
    # how sure it is
    ("    models: [B, B-L1-signed, B-L2]\n",
     "    models: [B, B-L1-signed, B-L2]\n    against: frist\n", "against: frist",
     ["comparisons.penalties.against: must be one of first, previous", 'mean "first"']),
    ("      redone_by: [A]\n", "      redoneby: [A]\n      redone_by: [A]\n", "redoneby",
     ["published.models.mlp-300.redoneby: unknown key", '"redone_by"']),
    ("redone_by: [A]", "redone_by: [A, B, softmax]", None, ["must be a list with at most 2"]),
    ("redone_by: [A]", "redone_by: [A, A]", None, ["mlp-300.redone_by: contains 'A' twice"]),
    ("numbers: [b1-test-acc, b1-test-loss]", "numbers: []", None,
     ["published.models.keras-1 (softmax).numbers: must be a list with 1 or more entries"]),
    ("  file: config/claims.yaml ", "  fil: config/claims.yaml\n  file: config/claims.yaml ",
     "fil:", ["claims.fil: unknown key", '"file"']),
    ("  pairs: 200 ", "  pairs: 1 ", None, ["checks.pairs: must be at least 2; found 1"]),
    ("  repetitions: 2000 ", "  repetitions: 99 ", None, ["checks.repetitions", "at least 100"]),
    ("  seeds: [101, 102, 103, 104, 105,", "  seeds: [1, 2, 3, 4, 4,", None,
     ["replicates.seeds: contains 4 twice"]),
    # the experiments on batch normalization
    ("    shift:\n", "    shfit: {}\n    shift:\n", "shfit",
     ["batchnorm.experiments.shfit: unknown key", 'mean "shift"', "Allowed here: curves,"]),
    ("      usable: 0.8 ", "      usabel: 1\n      usable: 0.8 ", "usabel",
     ["batchnorm.experiments.learning-rate.usabel: unknown key", 'Did you mean "usable"?']),
    ("      usable: 0.8 ", "      # ", "    learning-rate:\n",
     ["batchnorm.experiments.learning-rate: the key usable is missing"]),
    ("levels: [0.8, 0.85, 0.87]", "levels: [0.8, 1.2]", None,
     ["batchnorm.experiments.speed.levels[1]: must be less than 1; found 1.2"]),
    ("          optimizer: adam\n", "          optimizer: adma\n", None,
     ["learning-rate.grids[2].optimizer: must be one of sgd, momentum, adam", 'mean "adam"']),
    ("momenta: [0.99, 0.9]        #", "momenta: [1]        #", None,
     ["batchnorm.experiments.batch-size.momenta[0]: must be less than 1; found 1"]),
    ("      deviations: [0.001, 0.01, 0.1, 1.0]\n", "      deviations: [0.1]\n", None,
     ["batchnorm.experiments.init.deviations: must be a list with 2 or more entries"]),
    ("      arms: {B/plain: B, B/bn: B-BN, keras/plain: keras-4, keras/bn: keras-4-BN}",
     "      arms: {B/plain: B}", None,
     ["batchnorm.experiments.curves.arms: must have at least 2 keys"]),
    ("      arms: {B/plain: B,", "      arms: {B plain: B,", None,
     ["batchnorm.experiments.curves.arms", "letters, digits, hyphens and slashes", '"B plain"']),
    # missing
    ("      numbers: [a2-train-acc, a2-train-loss, a2-test-acc, a2-test-loss]\n", "",
     "    mlp-300:\n", ["published.models.mlp-300: the key numbers is missing"]),
    ("  pairs: 200 ", "  # ", "checks:\n", ["checks: the key pairs is missing"]),
    (MODEL_A, "  A:\n    hidden: [300]\n", "  A:\n", ["models.A: the key engine is missing"]),
]  # fmt: skip


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_number_that_is_not_finite_is_refused(refused, value):
    lines = refused(*model_a(f"weight_std: {value}"), f"weight_std: {value}")
    assert any("models.A.weight_std: must be a finite number" in line for line in lines)
    lines = refused("values: [100, 200,", f"values: [{value}, 200,")
    assert any("sweeps.width.values[0]: must be a whole number" in line for line in lines)


def test_every_missing_key_is_named_once(refused):
    lines = refused(MODEL_A, "  A:\n    title: nothing\n", "  A:\n")
    named = [line.split(": ", 1)[1] for line in lines[1:]]
    assert named == [
        "models.A: the key engine is missing here.",
        "models.A: the key hidden is missing here.",
    ]


def test_all_mistakes_are_told_at_once(refused):
    lines = refused(*model_a("hiden: [3]\n    epochs: -1"), "epochs: -1")
    assert lines[0].startswith("The configuration has 2 mistakes")
    assert len(lines) == 3


# What must hang together


KERAS_1 = "    title: Keras 1 (softmax)\n    engine: keras\n    hidden: []\n"
NORMALIZED = "    batch_norm: before\n"
ALL = ", ".join(yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))["models"])
LONG = f"{{engine: lowlevel, hidden: {[10_000] * 30}, weight_std: 0.123456789, penalty: l1_signed, "
LONG += "delta: 1.23456789e-7, activation: sigmoid, bias: vector}"


MISFITS = [
    ("depth:\n  models: [softmax, A, B]", "depth:\n  models: [softmax, AB, B]", "[softmax, AB",
     ["depth.models[1]", 'no model is called "AB"', 'Did you mean "']),
    ("depth:\n  models: [softmax, A, B]", "depth:\n  models: [A, keras-2]", "[A, keras-2]",
     ["depth.models: ", "both engines"]),
    (*model_a("section: part_b"), "section: part_b", ["models.A.section: "]),
    ("    models: [keras-2, keras-5]", "    models: [keras-2, kers-5]", None,
     ["comparisons.keras-2-vs-5.models[1]", 'no model is called "kers-5"', '"keras-5"']),
    ("    model: A\n    vary: width", "    model: AA\n    vary: width", None,
     ["sweeps.width.model", 'no model is called "AA"', "Models: softmax, A, B,"]),
    ("  model: softmax\n", "  model: sofmax\n", None, ["epochs.model", '"softmax"']),
    ("  models: [softmax, B, keras-4, keras-4r]", "  models: [softmax, B, kers-4]", None,
     ["closer.models[2]", 'no model is called "kers-4"', '"keras-4"']),
    ("  leave_out: [B-L2-strong]", f"  leave_out: [{ALL}]",
     "leave_out: [softmax", ["closer.leave_out: names every model; keep at least one of softmax"]),
    (MODEL_A, f"{MODEL_A}  deep: {LONG}\n", "  deep:",
     ["models.deep: gives a training the name mlp-10000-", "a folder's name may have 240",
      "Use fewer layers, or numbers with fewer digits"]),
    (PLAYGROUND, "playground:\n  models: [softmax, kers-4]\n", "  models: [softmax, kers",
     ["playground.models[1]", 'no model is called "kers-4"', '"keras-4"']),
    (PLAYGROUND, "playground:\n  models: [softmax, A, B, keras-4]\n", "  models: [softmax, A, B, k",
     ["playground.models: must be a list with at most 3 entries"]),
    (PLAYGROUND, "playground:\n  models: [keras-5, keras-5r, A]\n", "  models: [keras-5, keras",
     ["playground.models: have 3,100,622", "at most 2,400,000 fit into a page"]),
    ("  playground: report/playground.html", "  playground: report/final.html", None,
     ["output.playground: is the file of the report; choose another name"]),
    ("  playground: report/playground.html", "  playground: elsewhere.html", None,
     ["output.playground", "an .html file in the folder report"]),
    ("redone_by: [A]", "redone_by: [B, C9]", None,
     ["published.models.mlp-300.redone_by[1]", 'no model is called "C9"']),
    ("  models: [softmax, A, B, B-L1,", "  models: [sofmax, A, B, B-L1,", None,
     ["replicates.models[0]", 'no model is called "sofmax"', '"softmax"']),
    ("  models: [B, B-L1, B-L1-signed", "  models: [B, keras-2, B-L1-signed", None,
     ["weights.models[1]: keras-2 is not a low-level model"]),
    (*model_a("delta: 1.0e-4"), "delta: 1.0e-4", ["models.A.delta", "no penalty", "l1_signed"]),
    (*model_a("penalty: l2"), "penalty: l2", ["models.A.penalty", "add delta"]),
    (*model_a("dropout: 0.3"), "dropout: 0.3", ["models.A.dropout", "engine keras", "bias"]),
    (*model_a("batch_size: 60"), "batch_size: 60", ["models.A.batch_size", "engine keras"]),
    ("    hidden: [200]\n", "    hidden: [200]\n    bias: scalar\n", "bias: scalar\n",
     ["models.keras-2.bias", "engine lowlevel", "batch_size"]),
    (*model_a("bn_momentum: 0"), "bn_momentum: 0", ["models.A.bn_momentum", "engine keras"]),
    (*model_a("bn_epsilon: 0.1"), "bn_epsilon: 0.1", ["models.A.bn_epsilon", "batch_norm: before"]),
    (KERAS_1, f"{KERAS_1}    dropout: 0.5\n", "hidden: []\n    dropout",
     ["models.keras-1.hidden", "need hidden layers"]),
    ("    hidden: [200]\n", "    hidden: [200]\n    batch_size: 48001\n", "batch_size: 48001",
     ["models.keras-2.batch_size", "48001", "only 48000 samples"]),
    (MODEL_A, f"{MODEL_A}  KERAS-2:\n    engine: lowlevel\n    hidden: []\n",
     "  keras-2:\n", ["models.keras-2", "KERAS-2", "only in case"]),
    ("    models: [B, B-BN]", "    models: [B, keras-2]", None,
     ["comparisons.bn-lowlevel.models", "both engines"]),
    ("    model: A\n    vary: width", "    model: B\n    vary: width", "vary: width",
     ["sweeps.width.vary", "one hidden layer; B has 2"]),
    ("    model: B-L1\n    vary: delta", "    model: B\n    vary: delta",
     "values: [1.0e-5, 1.0e-4, 1.0e-3, 0.1]\n",
     ["sweeps.l1.values[0]: B with delta 1e−5: delta has no penalty to scale: add penalty (l1,"]),
    ("values: [100, 200,", "values: [0, 200,", None,
     ["sweeps.width.values[0]: must be at least 1; found 0"]),
    ("values: [100, 200,", "values: [100.5, 200,", None,
     ["sweeps.width.values[0]", "100.5", "whole number"]),
    ("values: [100, 200,", "values: [20000, 200,", None,
     ["sweeps.width.values[0]: must be at most 10000; found 20000"]),
    ("  model: softmax\n", "  model: keras-1\n", None, ["epochs.model: keras-1 is a Keras model"]),
    ("    vary: width\n    values: [100, 200, 300, 500, 700, 1000]",
     "    vary: dropout\n    values: [0, 0.3]", "values: [0, 0.3]",
     ["sweeps.width.values[1]: A with dropout 0.3: dropout belongs to the engine keras"]),
    ("    model: A\n    vary: width\n    values: [100, 200,",
     "    model: keras-2\n    vary: batch_size\n    values: [60000, 200,", "values: [60000",
     ["sweeps.width.values[0]: keras-2 with batch size 60,000: batch_size is 60000", "only 48000"]),
    ("  model: keras-3\n  dropout:", "  model: A\n  dropout:", None,
     ["noise.model: A is a low-level model"]),
    ("  model: keras-3\n", "  model: keras-1\n", "  sources: [weights",
     ["noise.sources: dropout needs hidden layers; keras-1 has none"]),
    # the experiments on batch normalization
    ("B/bn: B-BN,", "B/bn: B-NB,", None,
     ["batchnorm.experiments.curves.arms.B/bn", 'no model is called "B-NB"', 'mean "B-BN"',
      "Models: softmax, A,"]),
    ("    batch_size: 60\n", "    batch_size: 48001\n", None,
     ["batchnorm.net.batch_size: is 48001, but only 48000 samples are left for training",
      "data: train_samples, less batchnorm: net: validation_split"]),
    ("    batch_size: 60\n", "    batch_size: 1\n", None,
     ["batchnorm.net.batch_size: must be at least 2; found 1"]),
    ("sizes: [1, 2, 4, 16, 60, 256, 1024]", "sizes: [30000]", None,
     ["batch-size.sizes: are all greater than examples, which is 24000; add a smaller size"]),
    ("rates: [0.0316, 0.1, 0.316]", "rates: [0.1, 0.1000001]", None,
     ["batch-size.rates: contains 0.1 and 0.1000001, which tables cannot tell apart"]),
    ("          optimizer: adam\n", "          optimizer: sgd\n",
     "        - activation: relu\n          optimizer: sgd\n          rates: [1.0e-5",
     ["grids[2]: is a second grid for relu with sgd; put all rates into one"]),
    ("sizes: [1, 2, 4, 16, 60, 256, 1024]", "sizes: [1, 60000]", None,
     ["batchnorm.experiments.batch-size.sizes[1]: is 60000, but only 48000"]),
    ("epoch: {hidden: [600, 400, 200], batch_size: 256}",
     "epoch: {hidden: [600, 400, 200], batch_size: 50000}", None,
     ["batchnorm.experiments.evaluation.epoch.batch_size: is 50000, but only 48000"]),
    ("          optimizer: sgd\n          rates: [0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0, "
     "3.16, 10.0]\n        - activation: relu\n          optimizer: sgd\n",
     "          optimizer: adam\n          rates: [0.001, 0.01]\n        - activation: relu\n"
     "          optimizer: sgd\n", "      activations: [sigmoid, relu]\n      epochs: 8\n",
     ["batchnorm.experiments.speed.activations[0]: is sigmoid",
      "batchnorm.experiments.learning-rate has no grid with optimizer sgd",
      "speed takes its rates from there"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "marked", "parts"),
    [*MISTAKES, *MISFITS],
    ids=[m[-1][0] for m in [*MISTAKES, *MISFITS]],
)
def test_mistake_is_named_with_its_line_and_what_to_do(refused, old, new, marked, parts):
    check_only(refused(old, new, marked), parts)


@pytest.mark.parametrize(
    ("model", "vary", "values", "complaint"),
    [
        ("A", "hidden", "[[], [3, 0]]", "values[1][1]: must be at least 1; found 0."),
        ("A", "activation", "[relu, 3]", "values[1]: must be one of relu, sigmoid; found 3."),
        ("A", "bn_momentum", "[0, 0.9]",
         "values[0]: A with bn momentum 0: bn_momentum belongs to the engine keras; this model has "
         "engine lowlevel, whose own keys are bias, delta, penalty, weight_std."),
        ("softmax", "batch_norm", "[none, before]",
         "values[1]: softmax with batch norm before: hidden is [], but dropout and batch_norm need "
         "hidden layers."),
        ("keras-2", "validation_split", "[0.1, 0.9]",
         "values[1]: keras-2 with validation split 0.9: batch_size is 6001, but only 5999 samples "
         "are left for training (data: train_samples, less validation_split)."),
        ("A", "[width, epochs]", "[1, 2]", "values: must be a group of keys, found a list of 2."),
        ("A", "[width, epochs]", "{width: [1, 2], epoch: [1, 2], epochs: [1, 3]}",
         'values.epoch: unknown key. Did you mean "epochs"? Allowed here: width, epochs.'),
        ("A", "[width, epochs]", "{width: [1, 2], epochs: [1, 2, 3, 4, 5, 6, 7, 8, 9]}",
         "values.epochs: must be a list with at most 8 entries; found a list of 9."),
        ("A", "[width, epochs, bias]", "{}", "vary: must be a list with at most 2 entries; found a "
         "list of 3."),
        ("A", "[width, hidden]", "{width: [1, 2], hidden: [[], [3]]}",
         "vary: has width and hidden, which set the same layers; choose one of them."),
        ("A", "[delta, width]", "{delta: [0, 1, 2], width: [1, 2]}",
         "values.delta[1]: A with delta 1, width 1: delta has no penalty to scale: add penalty "
         "(l1, l1_signed, l2), or drop it."),
    ],
)  # fmt: skip
def test_swept_values_that_do_not_fit_the_model_are_refused_once(
    tmp_path, model, vary, values, complaint
):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        f"models:\n  keras-2:\n    batch_size: 6001\nsweeps:\n  it:\n    title: It\n"
        f"    model: {model}\n    vary: {vary}\n    values: {values}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        check(DEFAULT, mine)
    line = 8 if complaint.startswith("vary") else 9
    assert str(caught.value).splitlines()[1:] == [f"  {mine}, line {line}: sweeps.it.{complaint}"]


# Files


def test_mistake_is_placed_in_the_file_that_made_it(tmp_path):
    """Of the files that lie over each other, the last one that sets the key."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("data:\n  timeout: soon\n")
    with pytest.raises(ConfigurationError) as caught:
        check(DEFAULT, mine)
    assert f"{mine}, line 2: data.timeout" in str(caught.value)


@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        (
            "models:\n  A-width-300:\n    engine: lowlevel\n    hidden: [7]\n",
            "line 2: models.A-width-300: sweeps.width.values gives this name to a model, too; "
            "rename this one.",
        ),
        (
            "models:\n  softmax-2000-epochs:\n    engine: lowlevel\n    hidden: []\n",
            "line 2: models.softmax-2000-epochs: epochs.at gives this name to a model, too; "
            "rename this one.",
        ),
        (
            "sweeps:\n  wide:\n    title: Wide\n    model: A\n    vary: width\n    seeds: [7]\n"
            "    values: [300, 400]\n",
            "line 7: sweeps.wide.values: gives the name A-width-300 to another model than "
            "sweeps.width.values; use the same seeds in both, or drop the value from one.",
        ),
    ],
)
def test_a_name_that_would_stand_for_two_models_is_refused(tmp_path, added, complaint):
    mine = tmp_path / "mine.yaml"
    mine.write_text(added)
    with pytest.raises(ConfigurationError) as caught:
        check(DEFAULT, mine)
    assert str(caught.value).splitlines()[1:] == [f"  {mine}, {complaint}"]


def test_what_another_file_adds_stands_behind_what_the_main_file_has(tmp_path):
    main, mine = tmp_path / "main.yaml", tmp_path / "mine.yaml"
    main.write_text("title: x\nmodels:\n  B: {hidden: [1], engine: keras}\n  A: {hidden: [2]}\n")
    mine.write_text("models:\n  own: {hidden: [3]}\n  A: {seeds: [1], hidden: [4]}\nseeds: [1]\n")
    config, _ = read_study([main, mine], find)
    assert list(config) == ["title", "models", "seeds"]
    assert list(config["models"]) == ["B", "A", "own"]
    assert list(config["models"]["A"]) == ["hidden", "seeds"]
    assert config["models"]["A"]["hidden"] == [4]


def test_missing_group_is_placed_in_the_main_file(tmp_path):
    """Not in a file that overlays it, nor on the command line."""
    text = DEFAULT.read_text(encoding="utf-8")
    main, mine = tmp_path / "main.yaml", tmp_path / "mine.yaml"
    main.write_text(text.replace("\ndata:", "\ndtaa:"), encoding="utf-8")
    mine.write_text("seeds: [1]\n")
    config, origins = read_study([main, mine], find)
    problems = plan.build(config | read_command_line({"title": "x"}, (), origins))[1]
    missing = str(configuration.report(problems, origins)).splitlines()[1]
    assert missing == f"  {main}: the key data is missing here."


@pytest.mark.parametrize("title", ["A: 300 ReLU", "[sic", "", "- 1", "2020-01-01", "9" * 5000])
def test_text_on_the_command_line_stays_that_text(title):
    assert read_command_line({"title": title}, (), read_study([DEFAULT], find)[1]) == {
        "title": title
    }


def test_alias_bomb_on_the_command_line_is_refused():
    bomb: object = "x"
    for _ in range(9):
        bomb = [bomb] * 9
    with pytest.raises(
        ConfigurationError, match=r"\(--config\): seeds: has more than 50,000 values"
    ):
        read_command_line({"seeds": bomb}, (), read_study([DEFAULT], find)[1])


def test_mistake_on_the_command_line_is_placed_there(tmp_path):
    origins = read_study([DEFAULT], find)[1]
    given = read_command_line({"data": {"timeout": "-1"}, "seeds": ["1", "2"]}, (), origins)
    assert given == {"data": {"timeout": -1}, "seeds": [1, 2]}
    problem = configuration.Problem(("data", "timeout"), "must be greater than 0; found -1.")
    elsewhere = configuration.Problem(("data", "test_samples"), "must be at most 10000.")
    lines = str(configuration.report([problem, elsewhere], origins)).splitlines()
    assert lines[1].startswith("  command line (--config): data.timeout: must be")
    assert lines[2].startswith(f"  {DEFAULT}, line ")
