"""The configuration becomes models, experiments and runs; what is the same is trained once."""

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml
from fixtures import REPOSITORY
from PIL import Image

from fmstudy.study import plan, reader
from fmstudy.study.description import explorer_groups
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.published import COLUMNS as PUBLISHED_COLUMNS
from fmstudy.study.published import read as read_published
from fmstudy.study.published import values as published_values
from fmstudy.study.spec import SECTIONS, RunSpec

DEFAULT = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
QUICK = yaml.safe_load((REPOSITORY / "config/quick.yaml").read_text(encoding="utf-8"))
FULL = yaml.safe_load((REPOSITORY / "config/full.yaml").read_text(encoding="utf-8"))


def built(change: dict | None = None) -> plan.Study:
    """The default study, with a change laid over it as Snakemake does."""
    config = copy.deepcopy(DEFAULT)
    reader.merge(config, change or {})
    study, problems = plan.build(config)
    assert problems == []
    return study


def smallest(data: dict) -> tuple[plan.Study | None, list]:
    """The smallest study of some data, or what is wrong with it."""
    model = {"engine": "lowlevel", "hidden": []}
    return plan.build({"title": "Mine", "data": data, "models": {"model": model}})


@pytest.fixture(scope="module")
def study():
    return built()


# Models


def test_model_is_what_its_lines_and_the_defaults_say(study):
    net = {"hidden": (300, 100), "activation": "relu", "bias": "scalar", "weight_std": 0.05}
    trained = {"optimizer": "adam", "learning_rate": 0.001, "epochs": 200}
    expected = RunSpec("lowlevel", penalty="l2", delta=1e-3, **net, **trained)
    assert study.models["B-L2"].spec == expected
    net = {"hidden": (600, 400, 200), "bias": "vector", "weight_std": None, "dropout": 0.3}
    trained = {"epochs": 20, "batch_size": 256, "validation_split": 0.2}
    followed = {"train_metrics_samples": 10_000}
    assert study.models["keras-4r"].spec == RunSpec("keras", **net, **trained, **followed)


def test_model_of_a_user_needs_only_its_own_lines():
    mine = {"engine": "keras", "hidden": [64, 32], "learning_rate": 0.01, "seeds": [7]}
    before, study = built(), built({"models": {"mine": mine}})
    model = study.models["mine"]
    assert (model.title, model.section, model.seeds) == ("mine", "part_b", (7,))
    assert model.run == "keras-mlp-64-32_rate-0.01"
    assert set(study.trainings) - set(before.trainings) == {(model.run, 7)}
    assert set(before.trainings) <= set(study.trainings)


def test_sections_follow_the_engine_unless_said_otherwise(study):
    assert {"B-BN", "keras-4-BN"} <= {model.name for model in study.section("batchnorm")}
    assert {model.spec.engine for model in study.section("part_a")} == {"lowlevel"}
    assert {model.spec.engine for model in study.section("part_b")} == {"keras"}
    assert set(study.models) == {
        model.name for section in SECTIONS for model in study.section(section)
    }


def test_whole_numbers_and_fractions_may_be_written_either_way(study):
    """300.0 units are 300, and a rate of 1 is 1.0: no second run for another way of writing."""
    same = {"A": {"hidden": [300.0], "epochs": 200.0}, "B-L2": {"delta": 0.001}}
    assert built({"models": same}).runs == study.runs
    one = built({"models": {"A": {"learning_rate": 1}}}).models["A"].spec.learning_rate
    assert isinstance(one, float)
    change = {"batchnorm": {"experiments": {"shift": {"every": 100.0, "epochs": 4.0}}}}
    shift = built(change).batchnorm.settings["shift"]
    assert repr([shift["every"], shift["epochs"]]) == "[100, 4]"


def test_the_templates_for_models_sweeps_and_comparisons_are_as_good_as_they_look():
    digits = REPOSITORY / "config/studies/digits/config.yaml"
    config = yaml.safe_load(digits.read_text(encoding="utf-8"))
    for page in ("add-a-model", "add-a-sweep", "add-a-comparison"):
        text = (REPOSITORY / f"docs/how-to/{page}.md").read_text(encoding="utf-8")
        for block in re.findall("```yaml.*?\n(.*?)```", text, re.S):
            reader.merge(config, yaml.safe_load(block))
    study, problems = plan.build(config)
    assert problems == []
    assert study.models["my-net"].run.startswith("mlp-500-200-50_vector-bias_l2-1e-4_bn-before")
    assert study.models["my-keras-net"].spec.batch_norm == "after"
    assert len(study.sweeps["rates-and-batches"].models) == 4
    assert {"dropout", "depth", "optimizers"} <= {*study.sweeps}
    assert "penalty" in study.comparisons


# Runs


def test_width_300_of_the_sweep_is_model_a_s_run(study):
    by_width = {model.spec.hidden: model for model in study.sweeps["width"].models}
    assert by_width[(300,)].run == study.models["A"].run == "mlp-300"


def test_run_that_is_needed_twice_is_trained_once(study):
    trainings = study.trainings
    assert len(trainings) == len(set(trainings))
    assert trainings.count(("mlp-300", 101)) == 1
    deltas = {model.spec.delta: model.run for model in study.sweeps["l2"].models}
    assert deltas[1e-3] == study.models["B-L2"].run
    assert deltas[1e-4] == study.models["B-L2-weak"].run


def test_every_figure_s_run_is_trained(study):
    shown = [
        *study.depth,
        *study.weights,
        study.epochs.model,
        *(model for sweep in study.sweeps.values() for model in sweep.models),
        *(model for comparison in study.comparisons.values() for model in comparison.models),
    ]
    needed = {(model.run, seed) for model in shown for seed in model.seeds}
    assert needed <= set(study.trainings)
    assert {run for run, _ in study.trainings} == set(study.runs)


def test_edited_delta_changes_exactly_one_run(study):
    edited = built({"models": {"B-L1-signed": {"delta": 2.0e-5}}})
    assert set(study.runs) - set(edited.runs) == {"mlp-300-100_l1-signed-1e-5"}
    assert set(edited.runs) - set(study.runs) == {"mlp-300-100_l1-signed-2e-5"}
    assert built({"models": {"A": {"title": "other"}}}).runs == study.runs


def test_added_seed_adds_only_that_seed_s_trainings(study):
    more = built({"seeds": [101, 102, 103, 5]})
    added = set(more.trainings) - set(study.trainings)
    assert {seed for _, seed in added} == {5}
    assert set(study.trainings) <= set(more.trainings)
    assert ("mlp-300", 5) in added


def test_more_epochs_by_default_keep_the_runs_that_say_their_own():
    longer = built({"defaults": {"lowlevel": {"epochs": 300}}, "models": {"B": {"epochs": 200}}})
    assert longer.models["B"].run == "mlp-300-100"
    assert longer.models["A"].run == "mlp-300_epochs-300"


# Experiments


def test_sweep_trains_its_own_seeds_or_those_of_its_model(study):
    assert {model.seeds for model in study.sweeps["width"].models} == {(101,)}
    config = copy.deepcopy(DEFAULT)
    del config["sweeps"]["width"]["seeds"]
    config["models"]["A"]["seeds"] = [8, 9]
    swept, problems = plan.build(config)
    assert problems == []
    assert {model.seeds for model in swept.sweeps["width"].models} == {(8, 9)}


def test_sweep_varies_one_key_and_nothing_else(study):
    for name, base in (("l1", "B-L1"), ("l2", "B-L2")):
        sweep, spec = study.sweeps[name], study.models[base].spec
        assert sweep.values[:3] == (1e-5, 1e-4, 1e-3)
        assert [model.spec for model in sweep.models] == [
            spec.varied(delta=delta) for delta in sweep.values
        ]


def swept(**given) -> plan.Sweep:
    return built({"sweeps": {"it": {"title": "It"} | given}}).sweeps["it"]


def test_any_hyperparameter_can_be_swept_also_words_and_layers():
    for key, values, named in (
        ("hidden", [[], [30], [30, 10]], ["none", "30", "30-10"]),
        ("activation", ["relu", "sigmoid"], ["relu", "sigmoid"]),
        ("penalty", ["none", "l1_signed", "l2"], ["none", "l1-signed", "l2"]),
        ("bn_epsilon", [0.001, 0.1], ["1e-3", "0.1"]),
    ):
        base = "B-BN" if key == "bn_epsilon" else "B-L2"
        sweep = swept(model=base, vary=key, values=values)
        assert [it.name for it in sweep.models] == [f"{base}-{key}-{name}" for name in named]
        assert [getattr(it.spec, key) for it in sweep.models] == [
            tuple(value) if key == "hidden" else value for value in values
        ]
        assert sweep.is_numeric == (key == "bn_epsilon")
    titles = [it.title for it in swept(model="A", vary="hidden", values=[[], [3, 2]]).models]
    assert titles == ["hidden layers none", "hidden layers 3-2"]


def test_a_swept_none_goes_without_the_settings_that_need_the_other():
    config = {"normal": {"engine": "keras", "hidden": [9], "batch_norm": "after"}}
    config["normal"] |= {"bn_momentum": 0.9, "bn_epsilon": 0.1, "title": "N"}
    sweeps = {
        "norm": {"title": "N", "model": "normal", "vary": "batch_norm"}
        | {"values": ["none", "before", "after"]},
        "penalty": {"title": "P", "model": "B-L2", "vary": "penalty", "values": ["none", "l2"]},
    }
    study = built({"models": config, "sweeps": sweeps})
    plain, _, same = (it.run for it in study.sweeps["norm"].models)
    assert (plain, same) == ("keras-mlp-9", study.models["normal"].run)
    assert [it.run for it in study.sweeps["penalty"].models] == [
        "mlp-300-100",
        "mlp-300-100_l2-1e-3",
    ]


def test_a_grid_has_one_model_per_pair_of_values_row_by_row():
    grid = {"learning_rate": [0.01, 0.001], "batch_size": [32, 256]}
    sweep = swept(model="keras-2", vary=["batch_size", "learning_rate"], values=grid)
    assert (sweep.vary, sweep.is_grid) == (("batch_size", "learning_rate"), True)
    assert sweep.values == ((32, 256), (0.01, 0.001))
    assert [(it.spec.batch_size, it.spec.learning_rate) for it in sweep.models] == [
        (32, 0.01), (32, 0.001), (256, 0.01), (256, 0.001)
    ]  # fmt: skip
    assert sweep.models[0].name == "keras-2-batch_size-32-learning_rate-0.01"
    assert sweep.models[0].title == "batch size 32, learning rate 0.01"
    assert sweep.models[3].run == "keras-mlp-200"  # the model itself
    assert sweep.settings[1] == {"batch_size": 32, "learning_rate": 0.001}
    study = built()
    group = explorer_groups(replace(study, sweeps={"it": sweep}))[-1]
    assert group["models"][1]["title"] == "It: batch size 32, learning rate 0.001"


def test_longer_training_is_one_run_of_the_most_epochs(study):
    at = built({"epochs": {"at": [1000, 50, 400]}}).epochs
    assert at.at == (50, 400, 1000)
    assert at.model.spec == study.models["softmax"].spec.varied(epochs=1000)
    assert at.model.run == "softmax_epochs-1000"


def test_quick_study_has_every_section_and_experiment_with_less_of_each(study):
    quick = built(QUICK)
    assert set(quick.models) == set(study.models)
    assert set(quick.sweeps) == set(study.sweeps)
    assert set(quick.comparisons) == set(study.comparisons)
    assert (quick.directory, quick.report) != (study.directory, study.report)
    assert {spec.train_samples for spec in quick.runs.values()} == {3000}
    work = [sum(s.runs[run].arithmetic for run, _ in s.trainings) for s in (quick, study)]
    assert work[0] < work[1] / 20


# The published numbers


ROW = ["a1-test-acc", "A", "softmax", "200 epochs", "test", "accuracy"]
ROW += ["79.89", "percent", "79.89%"]


def published(tmp_path, *rows, header=PUBLISHED_COLUMNS, encoding="utf-8", numbers=None):
    """Read rows; what the configuration lists is the ids of the rows, all of softmax."""
    file = tmp_path / "published.csv"
    file.write_text("\n".join(",".join(row) for row in (header, *rows)) + "\n", encoding=encoding)
    numbers = numbers or {"softmax": [row[0] for row in rows if row], "mlp-300": []}
    rows, complaints = read_published(file, numbers)
    return rows, [complaint.removeprefix(str(file)) for complaint in complaints]


def edited(**change):
    return [change.get(key, value) for key, value in zip(PUBLISHED_COLUMNS, ROW, strict=True)]


def loss(value, as_written, metric="loss"):
    return edited(id="b", metric=metric, unit="nats", value=value, as_written=as_written)


def test_a_penalized_loss_may_be_negative_since_a_penalty_may_be(tmp_path):
    assert published(tmp_path, loss("-0.5", "-0.50", metric="penalized loss"))[1] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_published_numbers_are_read(tmp_path, encoding):
    """Also from a file that a spreadsheet has marked as UTF-8."""
    rows, complaints = published(tmp_path, ROW, encoding=encoding)
    assert complaints == []
    assert rows == [dict(zip(PUBLISHED_COLUMNS, ROW, strict=True)) | {"value": 79.89}]


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (edited(id="b", model="sofmax"), ['re-does "sofmax"', 'Did you mean "softmax"?']),
        (ROW, ['duplicate id "a1-test-acc"']),
        (edited(value="79,89"), ["must have 9 columns"]),
        (edited()[:-1], ["must have 9 columns"]),
        (
            edited(id="b", value="about 80"),
            ['value must be a number, such as 0.55; found "about 80"'],
        ),
        (edited(id="b", value="nan"), ['value must be a number, such as 0.55; found "nan"']),
        (edited(id="b", value="7_9.89"), ["value must be a number", 'found "7_9.89"']),
        (
            edited(id="b", value="8693", as_written="8693%"),
            ["value must be from 0 to 100", "found 8693"],
        ),
        (edited(id="b", value="12"), ["value is 12, but as_written is 79.89%", "the same number"]),
        (edited(id="b", value="-1", as_written="-1%"), ["value must be from 0 to 100", "found -1"]),
        (edited(id="b", unit="nats"), ["unit must be percent for the metric accuracy"]),
        (edited(id="b", metric="loss"), ['unit must be nats for the metric loss; found "percent"']),
        (loss("-0.5", "-0.5"), ["value must be at least 0, since it is a loss; found -0.5"]),
        (loss("0.5", "0.5%"), ["as_written must have no percent sign where unit is nats"]),
        (edited(id="b", part="Z"), ['part must be one of A, B, C; found "Z"']),
        (edited(id="b", as_written="~80%"), ["as_written must be a number", 'found "~80%"']),
        (edited(id="b", as_written="80..0%"), ["as_written must be a number"]),
        (edited(id="b", split="tset"), ['split must be one of train, test; found "tset"']),
        (edited(id="b", metric="acc"), ["metric must be one of accuracy, loss"]),
        (edited(id="b", unit="%"), ["unit must be one of percent, nats"]),
    ],
)
def test_mistake_in_the_published_numbers_is_named_with_its_line(tmp_path, row, parts):
    _, complaints = published(tmp_path, ROW, row)
    assert len(complaints) == 1
    assert complaints[0].startswith(", line 3: ")
    for part in parts:
        assert part in complaints[0]


def test_line_is_right_below_an_empty_line(tmp_path):
    _, complaints = published(tmp_path, ROW, [], edited(id="b", value="x"))
    assert complaints[0].startswith(", line 4: ")


@pytest.mark.parametrize("header", [PUBLISHED_COLUMNS[1:], [*PUBLISHED_COLUMNS, "more"], ["x"]])
def test_published_numbers_without_their_columns_are_refused(tmp_path, header):
    rows, complaints = published(tmp_path, ROW, header=header)
    assert rows == []
    assert complaints == [f", line 1: must be {','.join(PUBLISHED_COLUMNS)}."]


def test_published_number_whose_row_is_lost_is_named(tmp_path):
    numbers = {"softmax": ["a1-test-acc", "a1-test-loss"], "mlp-300": []}
    rows, complaints = published(tmp_path, ROW, numbers=numbers)
    assert len(rows) == 1
    assert complaints == [
        ': the number "a1-test-loss" of "softmax" has no row; the configuration lists it under '
        "published: models. Restore the row, or remove the id from that list."
    ]


def test_published_number_that_nobody_listed_is_named_with_its_line(tmp_path):
    numbers = {"softmax": ["a1-test-acc"], "mlp-300": []}
    _, complaints = published(tmp_path, ROW, edited(id="a1-test-ac"), numbers=numbers)
    assert len(complaints) == 1
    for part in (", line 3: ", '"a1-test-ac"', "models: softmax: numbers", 'mean "a1-test-acc"?'):
        assert part in complaints[0]


def test_published_number_under_another_model_is_missed_there_and_unknown_here(tmp_path):
    numbers = {"softmax": [], "mlp-300": ["a1-test-acc"]}
    _, complaints = published(tmp_path, ROW, numbers=numbers)
    assert len(complaints) == 1
    assert "models: softmax: numbers" in complaints[0]


def test_every_published_number_of_the_source_is_listed_once_in_the_configuration(study):
    rows, complaints = read_published(REPOSITORY / study.published_file, study.published_numbers)
    assert complaints == []
    listed = [number for numbers in study.published_numbers.values() for number in numbers]
    assert sorted(listed) == sorted(row["id"] for row in rows)
    assert set(study.published_numbers) == set(study.published_models)


# How sure it is


def test_replicates_are_the_same_runs_with_seeds_of_their_own(study):
    assert {model.seeds for model in study.replicates} == {tuple(range(101, 111))}
    for model in study.replicates:
        assert model.spec == study.models[model.name].spec
        assert study.models[model.name].seeds == (101, 102, 103)
    assert {seed for _, seed in study.trainings} == {101, 102, 103}, (
        "for the report, none is trained"
    )


def test_comparison_is_against_the_first_model_unless_said_otherwise(study):
    assert study.comparisons["penalties"].against == "first"
    assert study.comparisons["depth"].against == "previous"


def test_pairs_are_with_the_first_model_or_with_the_previous_one(study):
    penalties, depth = study.comparisons["penalties"], study.comparisons["depth"]
    assert penalties.pairs == [("B", "B-L1-signed"), ("B", "B-L2")]
    assert depth.pairs == [("softmax", "A"), ("A", "B")]


def test_the_notation_of_a_folder_of_one_s_own_reruns_nothing(tmp_path):
    for name in ("ash", "oak"):
        (tmp_path / name).mkdir()
        for place in range(60):
            Image.new("L", (4, 4), place).save(tmp_path / name / f"{place}.png")
    own = {"name": "my", "folder": str(tmp_path)}
    same = {"folder": f"file://{tmp_path}/", "test_share": 0.2, "split_seed": 0}
    same |= {"things": ["image", "images"]}
    identities = [study.data_identity for study, _ in map(smallest, (own, own | same)) if study]
    assert identities == [{"name": "my", "folder": str(tmp_path)}] * 2


def test_a_folder_s_name_that_cannot_be_a_class_s_is_refused(tmp_path):
    for name in ("=ash", "oak"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "1.png")
        Image.new("L", (4, 4)).save(tmp_path / name / "2.png")
    given = {"name": "my", "folder": str(tmp_path)}
    refused = [it.text for it in smallest(given)[1] if "the name of a class" in it.text]
    assert "formula" in refused[0]
    assert "name the classes under data: classes" in refused[0]
    named = smallest(given | {"classes": ["ash", "oak"]})[1]
    assert not [it for it in named if "the name of a class" in it.text]


def test_the_data_set_decides_shapes_and_numbers_of_images():
    study = built({"data": {"name": "digits", "train_samples": 1438, "test_samples": 359}})
    assert study.data_set.key == "digits"
    assert study.uses_all_images
    assert study.data_identity == {"name": "Digits"}
    assert study.models["softmax"].spec.layer_sizes == (64, 10)
    assert study.models["softmax"].run == "softmax_n-1438-359"
    assert study.batchnorm.common["features"] == study.noise.spec.features == 64


def test_data_that_do_not_fit_are_refused_at_their_keys(tmp_path):
    for name, classes in (("few", 2), ("none", 1)):
        for label in range(classes):
            (tmp_path / name / str(label)).mkdir(parents=True)
            for image in range(20):
                file = tmp_path / name / f"{label}/{image}.png"
                Image.fromarray(np.zeros((4, 4), np.uint8)).save(file)
    for data, key, text in (
        ({"train_samples": 60_001}, "train_samples", "is 60001, but Fashion-MNIST has 60,000"),
        ({"name": "digits"}, "train_samples", "is 60000, but Digits has 1,438 training images."),
        ({"name": "my", "folder": str(tmp_path / "few")}, "folder", "has 32 training images"),
        ({"name": "my", "folder": str(tmp_path / "none")}, "folder", "1 classes; a study needs 2"),
    ):
        config = copy.deepcopy(DEFAULT)
        config["data"] |= data
        study, problems = plan.build(config)
        assert study is None
        assert any(it.path == ("data", key) and text in it.text for it in problems), problems


def test_study_uses_all_images_only_if_it_uses_all_of_both_parts(study):
    assert study.uses_all_images
    assert not built({"data": {"train_samples": 59_999}}).uses_all_images
    assert not built({"data": {"test_samples": 9_999}}).uses_all_images


def test_published_values_belong_to_the_model_that_follows_the_source_to_the_letter():
    row = {"split": "test", "metric": "penalized loss", "unit": "nats", "model": "L1"}
    row["value"] = 0.29
    values = published_values([row], {"L1": ["signed", "true"]})
    assert values == {"signed": {"test_loss": 0.29}}


def test_a_closer_look_is_at_models_of_the_study(study):
    assert [model.name for model in study.errors.models] == ["softmax", "B", "keras-4", "keras-4r"]
    assert 0 < study.errors.correlation <= 1


# The playground


def names(study: plan.Study) -> list[str]:
    return [model.name for model in study.playground.models]


def test_the_playground_has_a_linear_model_and_a_net_with_and_without_dropout(study):
    assert names(study) == ["softmax", "keras-4", "keras-4r"]
    assert study.playground.file == "report/playground.html"
    assert built(QUICK).playground.file != study.playground.file


def test_the_playground_takes_the_models_that_it_is_given():
    assert names(built({"playground": {"models": ["keras-4-BN", "A"]}})) == ["keras-4-BN", "A"]


# Batch normalization


def test_an_experiment_has_the_settings_of_the_common_net_and_its_own(study):
    settings = study.batchnorm.settings
    assert settings["noisy"]["hidden"] == [100, 100, 100]
    assert settings["noisy"]["scale"] == 0.5
    assert (settings["noisy"]["train_samples"], settings["noisy"]["test_samples"]) == (60000, 10000)
    assert settings["gamma-beta"]["learning_rate"] == 0.003  # its own
    assert settings["shift"]["learning_rate"] == study.batchnorm.common["learning_rate"] == 0.1
    assert study.batchnorm.seeds == (101, 102, 103)


def test_experiments_stand_in_the_order_of_the_report_and_some_read_off_models(study):
    change = {"batchnorm": {"experiments": {"dropout": {"arms": {"bn": "B-BN", "plain": "B"}}}}}
    more = built(change).batchnorm
    assert list(more.settings) == [name for name in EXPERIMENTS if name != "placement-keras"]
    arms = {arm: model.name for arm, model in more.arms["dropout"].items()}
    assert arms == {"bn": "B-BN", "plain": "B"}
    assert list(more.arms) == ["curves", "dropout"]
    assert set(more.trained) == {name for name, it in EXPERIMENTS.items() if it.seconds}
    assert set(study.batchnorm.trained) == set(more.trained)


def test_the_full_study_runs_every_experiment_with_more_seeds_and_trains_what_it_needs(study):
    full = built(FULL)
    assert list(full.batchnorm.settings) == list(EXPERIMENTS)
    assert set(study.batchnorm.seeds) < set(full.batchnorm.seeds)
    assert set(study.trainings) < set(full.trainings)
    assert full.directory == study.directory
    assert full.report != study.report
    assert built(QUICK).batchnorm.seeds == (101,)


def test_predictions_are_on_quantities_that_the_full_study_has_settings_for():
    """Levels, batches, momenta, deviations and depths in predictions are those of the studies."""
    expected = yaml.safe_load((REPOSITORY / "config/batchnorm.yaml").read_text(encoding="utf-8"))
    settings = built(FULL).batchnorm.settings
    known = {
        "speed": [f"{100 * level:g}" for level in settings["speed"]["levels"]],
        "batch-size": [f"{size}" for size in settings["batch-size"]["sizes"]],
        "evaluation": [f"{momentum:g}" for momentum in settings["evaluation"]["momenta"]],
        "depth": [f"{depth}" for depth in settings["depth"]["trained"]],
        "init": [f"{std:g}" for std in settings["init"]["deviations"]],
    }
    for name, prediction in expected["predictions"].items():
        for key in ("quantity", "minus"):
            number = re.search(r"(?:/|steps_|seconds_)([\d.]+)", prediction["test"].get(key, ""))
            if number:
                assert number[1] in known[prediction["experiment"]], name
