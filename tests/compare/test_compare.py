"""Two result folders compared: what differs, and whether the numbers differ beyond noise."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures import runs
from fixtures.compared import BAD, GOOD, IMAGES, SPEC, study, two

import compare_studies
from fmstudy import runtime
from fmstudy.analysis.verdicts import NO_VALUE
from fmstudy.compare import differences, folder, numbers, page
from fmstudy.compare.numbers import BEYOND, IDENTICAL, TOO_FEW, WITHIN
from fmstudy.study.spec import DIVERGED

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Runs the command; gives its exit code, what it prints, and the page."""

    def run(first: str, second: str) -> tuple[int, str, str]:
        file = tmp_path / "comparison.html"
        code = compare_studies.main(first, second, "--page", str(file))
        said = capsys.readouterr()
        return code, said.out + said.err, file.read_text(encoding="utf-8") if not code else ""

    return run


def rows(first: str, second: str, metric: str = "test_loss") -> dict[str, numbers.Row]:
    folders = folder.load(first), folder.load(second)
    models, _ = numbers.match(*folders)
    return {row["model"].name: row for row in numbers.compare(metric, *folders, models)}


def test_equal_results_are_called_equal(tmp_path: Path, compared: Compare):
    first, _ = two(tmp_path)
    shutil.copytree(first, tmp_path / "copy")
    code, said, written = compared(first, str(tmp_path / "copy"))
    assert code == 0
    assert said.startswith(
        "The results are equal: all 6 trainings that one and copy have in common"
    )
    assert "Nothing else differs" in said
    assert "No setting differs" in written
    assert {row["verdict"] for row in rows(first, first).values()} == {IDENTICAL}


def test_a_changed_rate_is_named_and_its_effect_is_beyond_noise(tmp_path: Path, compared: Compare):
    first, second = two(tmp_path)
    code, said, written = compared(first, second)
    assert code == 0
    assert "of 6 trainings with the same model and seed, 3 made the same predictions" in said
    assert "Beyond noise: 1 of 2 models in test loss." in said
    assert "What differs: configuration: defaults.learning_rate (0.001 → 0.01). The same" in said
    assert "learning rate: 0.001 → 0.01" in written
    assert "Model &lt;i&gt;B" in written
    assert "<i>B" not in written
    found = rows(first, second)
    assert (found["A"]["verdict"], found["A"]["word"]) == (BEYOND, "better")
    assert found["A"]["how"] == "3 pairs"
    assert found["<i>B"]["verdict"] == IDENTICAL
    assert found["A"]["family"] == 1  # identical models are not tested
    assert found["A"]["difference"] == pytest.approx(-1.06, abs=0.02)


def test_a_changed_seed_is_no_evidence(tmp_path: Path, compared: Compare):
    """Identical pairs would make the difference seem exact: 0, with an error of 0."""
    one, other = ({seed: BAD[seed] for seed in seeds} for seeds in ((1, 2, 3), (1, 2, 4)))
    first = study(tmp_path / "one", {"A": (SPEC, one)}, {"seeds": [1, 2, 3]})
    second = study(tmp_path / "two", {"A": (SPEC, other)}, {"seeds": [1, 2, 4]})
    _, said, _ = compared(first, second)
    assert said.startswith(
        "The results differ by their seeds, but all 2 trainings with the same model and seed made "
        "the same predictions. No difference in the numbers is beyond noise."
    )
    row = rows(first, second)["A"]
    assert (row["verdict"], row["how"]) == (WITHIN, "3 and 3")
    assert row["low"] < row["difference"] < row["high"]
    assert row["difference"] == pytest.approx(row["second_value"] - row["first_value"])


def test_one_seed_cannot_tell(tmp_path: Path, compared: Compare):
    _, said, _ = compared(*two(tmp_path, seeds=[1]))
    assert "Whether that is more than noise cannot be told from so few seeds." in said
    assert rows(str(tmp_path / "one"), str(tmp_path / "two"))["A"]["verdict"] == TOO_FEW


def test_only_trainings_from_equal_weights_are_pairs(tmp_path: Path):
    first, second = two(tmp_path)
    one, other = folder.load(first), folder.load(second)
    for key, training in other.trainings.items():
        started = {split: 1.01 * loss for split, loss in training.start.items()}
        other.trainings[key] = replace(training, start=started)
    models, _ = numbers.match(one, other)
    [row, _] = numbers.compare("test_loss", one, other, models)
    assert (row["how"], row["kind"]) == ("3 and 3", "unpaired")


def test_p_values_are_corrected_for_the_models_that_differ(tmp_path: Path):
    specs = [SPEC.varied(hidden=(units,)) for units in (5, 6, 7)]
    nearly = {seed: BAD[5 - seed] for seed in (1, 2, 3, 4)}
    first = study(tmp_path / "one", {f"M{it.hidden}": (it, BAD) for it in specs})
    second = study(tmp_path / "two", {f"M{it.hidden}": (it, nearly) for it in specs})
    for row in rows(first, second).values():
        assert row["family"] == 3
        assert row["p_holm"] == pytest.approx(min(1.0, 3 * row["p"]))


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"images": 20}, "40 and 20 test images"), ({"content": "1" * 64}, "their data sets differ")],
)
def test_numbers_on_other_images_are_listed_but_not_compared(
    tmp_path: Path, compared: Compare, given: dict[str, str], reason: str
):
    models = {"A": (SPEC, BAD)}
    code, said, written = compared(
        study(tmp_path / "one", models), study(tmp_path / "two", models, **given)
    )
    assert code == 0
    assert said.startswith("The numbers of one and two cannot be compared: ")
    assert reason in said
    assert ">2.194 " in written  # the mean loss of A
    assert "not comparable" in written
    assert BEYOND not in said


def test_a_folder_without_a_record_is_compared_by_what_is_there(tmp_path: Path, compared: Compare):
    first, second = two(tmp_path)
    record = json.loads(Path(first, "study.json").read_text(encoding="utf-8"))
    Path(first, "study.json").unlink()
    lines = ["model,title,run", *(f"{it['name']},Old,{it['run']}" for it in record["models"])]
    runtime.write_text(Path(first, "tables/part_a.csv"), "\n".join(lines) + "\n")
    code, said, written = compared(first, second)
    assert code == 0
    assert "configuration (as far as it is known from the trainings): learning_rate" in said
    assert "one has no <code>study.json</code>" in written
    assert "Beyond noise: 1 of 2 models in test loss." in said
    assert "labels of the images are not recorded" in written


def test_damaged_trainings_are_left_out_and_named(tmp_path: Path, compared: Compare):
    first, second = two(tmp_path)
    place = Path(first, "runs", SPEC.name)
    (place / "seed-1/metrics.json").write_text("{", encoding="utf-8")
    changed = bytearray((place / "seed-2/predictions.npy").read_bytes())
    changed[-1] ^= 1
    (place / "seed-2/predictions.npy").write_bytes(changed)
    code, said, written = compared(first, second)
    assert code == 0
    assert "2 trainings of one could not be used" in said
    assert "seed-1/metrics.json: damaged" in written
    assert "seed-2/predictions.npy: changed since it was made" in written
    assert "same command again" not in written


def test_what_is_no_result_folder_is_refused_with_advice(tmp_path: Path, compared: Compare):
    first, _ = two(tmp_path / "results")
    for given, advice in {
        "": "make compare A=results/quick B=results/mine",
        str(tmp_path / "nowhere"): "not found. Name the folders of two finished studies",
        str(tmp_path / "results"): f"Did you mean {first} or",
        str(tmp_path): "Run that study first",
    }.items():
        code, said, _ = compared(first, given)
        assert (code, advice in said) == (1, True), said
    shutil.rmtree(Path(first, "runs"))
    Path(first, "runs", "mlp", "seed-1").mkdir(parents=True)
    code, said, _ = compared(first, first)
    assert code == 1
    assert "holds no training that can be read" in said


def test_other_versions_machines_and_code_are_named(tmp_path: Path):
    first, _ = two(tmp_path)
    one, other = folder.load(first), folder.load(first)
    for training in other.trainings.values():
        training.metrics["versions"]["tensorflow"] = "9.9"
        training.metrics["code"] = "new"
        training.provenance["machine"]["cores"] = 99
    del other.record["versions"]["scipy"]  # not recorded does not mean different
    answer, differs = page.compare(one, other)["sentences"]
    assert answer.startswith("The results are equal")
    assert "code: low-level trainings (code → new); versions: tensorflow (" in differs
    assert "→ 9.9); machine: cores (" in differs
    assert "The same: configuration and data." in differs


def test_diverged_trainings_have_no_value(tmp_path: Path, compared: Compare):
    first, second = two(tmp_path)
    fast = SPEC.varied(learning_rate=0.01)
    for seed in GOOD:
        runs.train(Path(second, "runs"), fast, seed, DIVERGED)
    code, _, written = compared(first, second)
    assert code == 0
    assert rows(first, second)["A"]["verdict"] == NO_VALUE
    assert "3 and 0" in written


def test_settings_are_compared_key_by_key():
    one = {"a": {"b": [1, 2], "same": 1}, "grids": [{"rate": 1}, {"rate": 2}], "title": "x"}
    other = {"a": {"b": [1, 3], "same": 1, "new": {"c": None}}, "grids": [{"rate": 1}, {"rate": 3}]}
    folders = [folder.ResultFolder("", record={"configuration": it}) for it in (one, other)]
    found = differences.configuration(*folders)
    assert found is not None
    assert list(found) == ["a", "grids", "title"]  # names last
    assert [tuple(it) for its in found.values() for it in its] == [
        ("a.b", "[1, 2]", "[1, 3]"),
        ("a.new", "–", "{c: null}"),
        ("grids[1].rate", "2", "3"),
        ("title", "x", "–"),
    ]


def test_models_are_matched_by_name_then_by_run(tmp_path: Path):
    fast, slow = SPEC.varied(learning_rate=0.1), SPEC
    first = study(tmp_path / "one", {"A": (slow, BAD), "B": (SPEC.varied(hidden=(9,)), BAD)})
    second = study(tmp_path / "two", {"A": (fast, GOOD), "C": (SPEC.varied(hidden=(9,)), BAD)})
    models, only = numbers.match(folder.load(first), folder.load(second))
    assert [(it.first["name"], it.second["name"]) for it in models] == [("A", "A"), ("B", "C")]
    assert only == [[], []]


def test_long_tables_are_folded(tmp_path: Path):
    first, second = two(tmp_path)
    found = page.compare(folder.load(first), folder.load(second))
    report = Path(compare_studies.__file__).parents[1] / "report"
    for repeated, folded in ((1, 0), (40, 1)):
        row = found["metrics"]["test_loss"][0]
        found["metrics"] = {"test_loss": [row] * repeated + [row]}
        assert page.render(report, found).count("<summary>Test loss") == folded


def test_the_test_images_count_as_well(tmp_path: Path):
    """The interval is wider than over seeds alone."""
    first, second = two(tmp_path)
    with_images = rows(first, second)["A"]
    one, other = folder.load(first), folder.load(second)
    for it in (one, other):
        it.labels = it.labels[:0]
    models, _ = numbers.match(one, other)
    [alone, _] = numbers.compare("test_loss", one, other, models)
    assert alone["difference"] == pytest.approx(with_images["difference"])
    assert alone["high"] - alone["low"] < with_images["high"] - with_images["low"]
    assert one.images == IMAGES
