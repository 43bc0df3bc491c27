"""A study is complete in itself, or extends another one; what it does not name does not exist."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures import REPOSITORY, find
from fixtures.workflow import SMALL, TINY

from fmstudy.report import reuse
from fmstudy.study import absent, claims, description, experiments, plan, reader
from fmstudy.study.configuration import ConfigurationError
from fmstudy.study.resolved import Resolved, resolve
from fmstudy.workflow.layout import Layout

WHOLE = yaml.safe_load(TINY.read_text(encoding="utf-8"))
DEFAULT = "config/config.yaml"


def built(config: dict[str, Any], name: str = "mine") -> plan.Study:
    study, problems = plan.build(config, name)
    assert study, problems
    return study


def only(*groups: str) -> dict[str, Any]:
    """The tiny study with nothing but what every study needs, and these groups."""
    return copy.deepcopy({key: WHOLE[key] for key in ("title", "data", "models", *groups)})


def read(tmp_path: Path, text: str, *more: Path | str) -> Resolved:
    """Check a file as the workflow does, and the files after it."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(text, encoding="utf-8")
    return resolve(*reader.read_study([mine, *more], find), find, reader.name_of(mine))


def refused(tmp_path: Path, text: str, *more: Path | str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text, *more)
    return str(caught.value)


# What a study has


OF_GROUP = {
    "epochs": "epochs", "depth": "depth", "weights": "weights", "comparisons": "comparisons",
    "batchnorm": "bn_claims", "noise": "noise", "closer": "calibration", "published": "ledger",
    "claims": "claims", "checks": "statistics", "playground": "playground",
    "sweeps": "sweep_width", "replicates": "none of the report",
}  # fmt: skip


@pytest.mark.parametrize("group", absent.GROUPS)
def test_any_group_but_three_may_be_missing_or_the_only_one(group):
    without = copy.deepcopy(WHOLE)
    del without[group]
    for config, has in ((without, False), (only(group), True)):
        study = built(config)
        layout = Layout(study)
        assert study.has(group) is has
        tables = {Path(path).stem for path in layout.all_tables()}
        assert (OF_GROUP[group] in tables) is (has and group != "replicates")
        assert tables >= {"part_a", "part_b", "settings", "runs", "intervals"}
        described = description.describe_study(study, experiments.Expected())
        assert description.explorer_groups(study)
        assert bool(described["epochs"]) is study.has("epochs")


def test_a_section_without_models_has_no_table():
    config = only()
    config["models"] = {"net": {"engine": "keras", "hidden": [4]}}
    study = built(config)
    assert Layout(study).sections == ["part_b"]
    assert list(description.describe_study(study, experiments.Expected())["sections"]) == ["part_b"]


def test_seeds_defaults_and_files_follow_from_the_name_of_the_study():
    config = only("playground")
    config["models"] = {"softmax": {"engine": "lowlevel", "hidden": []}}
    config["playground"] = {"models": ["softmax"]}
    study = built(config)
    assert study.models["softmax"].seeds == (1,)
    assert study.models["softmax"].run.startswith("softmax_n-")
    assert (study.directory, study.report) == ("results/mine", "report/mine.html")
    assert study.playground.file == "report/mine-playground.html"
    config["output"] = {"report": "report/page.html"}
    study = built(config)
    assert (study.directory, study.report) == ("results/mine", "report/page.html")
    assert study.playground.file == "report/page-playground.html"


@pytest.mark.parametrize("name", ["config", "a b", "Ünïcode"])
def test_a_name_that_is_no_file_name_is_refused_with_what_to_write(name):
    problems = plan.build(only(), name)[1]
    texts = [it.text for it in problems]
    assert bool(texts) is (name != "config")
    assert all(f'"{name}" cannot stand for it' in it and "write output:" in it for it in texts)


def test_the_name_is_that_of_the_folder_or_of_the_file():
    assert reader.name_of("studies/mine/config.yaml") == "mine"
    assert reader.name_of("studies/mine.yaml") == "mine"


@pytest.mark.parametrize("name", SMALL)
def test_the_studies_to_copy_are_complete_and_have_no_places_of_their_own(name):
    file = REPOSITORY / f"config/studies/{name}/config.yaml"
    config, origins = reader.read_study([file], find)
    assert ("extends",) not in origins
    assert "output" not in config  # so that a copy has its own
    assert resolve(config, origins, find, "copy").study.directory == "results/copy"


# Files that extend others


def test_a_file_that_extends_another_changes_its_settings(tmp_path):
    study = read(tmp_path, f"extends: {DEFAULT}\nseeds: [7]\ndata: {{train_samples: 5000}}\n").study
    assert study.models["A"].seeds == (7,)
    assert study.data["test_samples"] == 10_000
    assert study.directory == "results"


def test_a_file_is_looked_for_beside_the_one_that_names_it(tmp_path):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(only()), encoding="utf-8")
    (tmp_path / "middle.yaml").write_text("extends: base.yaml\ntitle: middle\nseeds: [3]\n")
    study = read(tmp_path, "extends: middle.yaml\nseeds: [5]\n").study
    assert (study.title, study.models["A"].seeds) == ("middle", (5,))
    assert study.directory == "results/mine"


def test_further_files_change_the_first_one(tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text(f"extends: {DEFAULT}\nseeds: [9]\n")
    study = read(tmp_path, f"extends: {DEFAULT}\nseeds: [7]\ntitle: mine\n", more).study
    assert (study.title, study.models["A"].seeds) == ("mine", (9,))
    said = refused(tmp_path, yaml.safe_dump(only()), more)
    assert f"{more}, line 1: extends: {DEFAULT} is not among the files before" in said


def test_a_file_that_extends_itself_or_nothing_is_refused(tmp_path):
    said = refused(tmp_path, "title: x\nextends: mine.yaml\n")
    assert said == f"{tmp_path}/mine.yaml, line 2: extends: mine.yaml is this file, or extends it."
    assert "none.yaml: cannot be read" in refused(tmp_path, "extends: none.yaml\n")
    assert "File name too long" in refused(tmp_path, f"extends: {'x' * 300}\n")
    assert "must be the path" in refused(tmp_path, "extends: [1]\n")


def test_a_file_that_only_changes_settings_is_told_what_to_add(tmp_path):
    lines = refused(tmp_path, "seeds: [7]\ntitle: mine\n").splitlines()
    assert lines[0] == "The configuration has 2 mistakes; nothing was run."
    assert "the key data is missing here." in lines[1]
    assert f"extends: {DEFAULT}" in lines[1]
    assert "extends" not in refused(tmp_path, f"extends: {DEFAULT}\nmodels: {{x: {{}}}}\n")


# What a study leaves out


def test_a_part_goes_with_all_that_needs_it(tmp_path):
    whole = read(tmp_path, f"extends: {DEFAULT}\n")
    small = read(tmp_path, f"extends: {DEFAULT}\nwithout: [part_b]\n")
    study = small.study
    assert {model.spec.engine for model in study.models.values()} == {"lowlevel"}
    assert set(study.comparisons) == {"depth", "penalties", "penalties-alternative", "bn-lowlevel"}
    assert set(study.sweeps) == set(whole.study.sweeps)
    assert not study.has("noise")
    assert set(study.batchnorm.arms["curves"]) == {"B/plain", "B/bn"}
    assert [model.name for model in study.playground.models] == ["softmax"]
    assert {row["part"] for row in small.published} == {"A"}
    assert {claim["part"] for claim in small.claims.values()} == {"A", "C"}
    assert small.expected.predictions.items() < whole.expected.predictions.items()
    assert not [it for it in small.expected.predictions.values() if "Keras model" in it["says"]]
    aside = [key for it in small.expected.claims.values() for key in it.get("set_aside", {})]
    assert aside
    assert {*aside} < {*small.expected.predictions}
    assert "keras-" not in yaml.safe_dump(study.configuration)
    assert "keras-" not in str([small.claims, small.published])
    kept = [model for model in whole.study.models.values() if model.spec.engine == "lowlevel"]
    assert list(study.models.values()) == kept, "the same runs, in the same order"


def test_models_and_groups_go_alone(tmp_path):
    text = f"extends: {DEFAULT}\nwithout: [B, noise, claims, batchnorm]\n"
    small = read(tmp_path, text)
    study = small.study
    assert not {"B", "B-BN", "keras-4-BN"} & set(study.models)
    assert not [study.has(group) for group in ("noise", "claims", "batchnorm") if study.has(group)]
    assert [model.name for model in study.depth] == ["softmax", "A"]
    assert [model.name for model in study.comparisons["depth"].models] == ["softmax", "A"]
    assert "penalties" not in study.comparisons, "all were compared with B"
    assert "mlp-300-100" not in study.published_models
    assert small.claims == {}


def test_a_number_reproduced_by_an_alternative_alone_is_left_out(tmp_path):
    small = read(tmp_path, f"extends: {DEFAULT}\nwithout: [B-L1-signed, B-L2-weak]\n")
    assert "mlp-300-100 L1" not in small.study.published_models
    assert small.study.published_models["mlp-300-100 L2"] == ("B-L2",)
    assert not [it for it in small.claims.values() if "a4-test-acc" in str(it)]


def test_a_net_goes_with_its_other_models_in_an_experiment(tmp_path):
    small = read(tmp_path, f"extends: {DEFAULT}\nwithout: [keras-4]\n")
    assert set(small.study.batchnorm.arms["curves"]) == {"B/plain", "B/bn"}
    assert "keras-4-BN" in small.study.models


def test_a_claim_loses_what_refers_to_something_absent(tmp_path):
    said = {"part": "A", "topic": "any", "place": "here", "says": "so", "part_c": "C1"}
    said |= {"test": {"longer": {"metric": "test_loss"}, "less": 0}}
    said |= {"printed": {"add": ["a1-test-acc"], "more": 0}}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump({"claims": {"any": said}}))
    lost = absent.Absent(groups=["batchnorm"], numbers=["a1-test-acc"])
    known = claims.Known([], {}, {}, [], [], is_longer=True, absent=lost)
    left = claims.read(tmp_path / "claims.yaml", known)["any"]
    assert {*said} - {*left} == {"part_c", "printed"}
    with pytest.raises(ConfigurationError, match=r"longer: needs the group epochs"):
        claims.read(tmp_path / "claims.yaml", replace(known, is_longer=False))


def test_a_study_without_sections_or_longer_training_has_no_claims_about_them(tmp_path):
    small = read(tmp_path, f"extends: {DEFAULT}\nwithout: [epochs, batchnorm, part_b]\n")
    assert small.claims
    assert {claim["part"] for claim in small.claims.values()} == {"A"}
    assert not [it for it in small.claims.values() if "longer" in it.get("test", {})]


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("[part_d]", 'without[0]: no section, group or model is called "part_d". Did you mean'),
        ("[keras-5, kers-4]", 'without[1]: no section, group or model is called "kers-4". Did you'),
        ("[part_a, part_b]", "without: names every model; keep at least one of softmax, A"),
    ],
)
def test_an_unknown_name_is_refused(tmp_path, without, said):
    assert f"line 2: {said}" in refused(tmp_path, f"extends: {DEFAULT}\nwithout: {without}\n")


def test_a_name_of_a_model_and_of_a_group_is_refused(tmp_path):
    model = "models: {depth: {engine: lowlevel, hidden: []}}\n"
    said = refused(tmp_path, f"extends: {DEFAULT}\nwithout: [depth]\n{model}")
    assert "line 2: without[0]: depth is a model and a group or section, too; rename" in said


def test_the_archive_of_a_study_that_leaves_something_out_makes_it_again(tmp_path, monkeypatch):
    """The files that the configuration names have all of it, so the archive leaves it out again."""
    monkeypatch.setattr(reuse, "_archive", lambda *_: b"")  # compressing takes a second
    small = read(tmp_path, f"extends: {DEFAULT}\nwithout: [part_b]\n")
    study = small.study
    files = [find(study.given[group]["file"]) for group in ("published", "claims", "batchnorm")]
    described = reuse.describe(study.configuration, REPOSITORY / "CITATION.cff", files, study.given)
    assert "keras-" not in described["config"]
    packed = yaml.safe_load(reuse.packed_files(study.given, files)[DEFAULT])
    again = resolve(packed, reader.read(REPOSITORY / DEFAULT)[1], find)
    assert again == small
