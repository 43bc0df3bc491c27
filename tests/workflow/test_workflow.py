"""The workflow as a person uses it: what it makes, what it makes again, what it refuses.

A copy of the repository with the tiny study of data/config.yaml is built once; most tests ask
what would run after an edit. Which rules an edited module concerns: see test_digest.py.
"""

import base64
import csv
import io
import json
import os
import random
import re
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fixtures import REPOSITORY, as_windows_saves, run_command, studies
from fixtures.disturbed import digests
from fixtures.workflow import Plan, Planner, append, clone, configure, copy, edit, snakemake

from fmstudy.workflow.layout import TRAINING_FILES

pytestmark = pytest.mark.workflow

# What of the closer look is made again when any model is another one.
OF_ALL_MODELS = {"compare_predictions": 1, "plot_predictions": 1, "collect_explorer": 1}
# The report is made again with any table, figure or code, its tables for papers with any table,
# and the drawing of the stages with any number that stands in it.
PAGES = {"render_report": 1, "render_pdf": 1}
TABLED = PAGES | {"export_tables": 1}
COUNTED = {"plot_workflow": 1}
# What is made for a new or changed low-level model of any kind.
OF_A_MODEL = OF_ALL_MODELS | TABLED | COUNTED
OF_A_MODEL |= {"train_lowlevel": 1, "collect_models": 1, "collect_runs": 1, "measure_gaps": 1}
OF_A_MODEL |= {"estimate_models": 1, "plot_curves": 1}
# The figures that show single seeds read the table of all trainings.
COMPARED = {"plot_models": 1, "plot_close_models": 1, "plot_lessons": 1}
OF_A_MODEL |= COMPARED | {"plot_depth": 1}
# Intervals and verdicts borrow variance from all models.
OF_A_MODEL |= {"judge_claims": 1, "compare_models": 1, "compare_pairs": 1, "judge_published": 1}
OF_A_MODEL |= {"locate_strengths": 1, "collect_settings": 1}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which nothing was run."""
    return clone(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def built(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may edit."""
    return copy(finished, tmp_path / "built")


@pytest.fixture
def carried(finished: Path, tmp_path: Path) -> Path:
    """A fresh clone to which the results were copied, without times, and nothing else."""
    (tmp_path / "carried").mkdir()
    directory = clone(tmp_path / "carried")
    shutil.copytree(finished / "results", directory / "results", copy_function=shutil.copyfile)
    for name in ("final.html", "final.pdf", "playground.html"):
        shutil.copyfile(finished / "report" / name, directory / "report" / name)
    for path in directory.rglob("*.*"):  # as in a clone made after the results
        os.utime(path)
    return directory


# ------------------------------------------------------------------------- what it makes
def test_every_training_leaves_its_five_files(finished: Path):
    trainings = sorted(p for p in finished.glob("results/runs/*/seed-*") if p.is_dir())
    # 5 models, the long run and 2 swept values that no model has; softmax and the long run twice
    assert len(trainings) == 10
    for training in trainings:
        assert {p.name for p in training.iterdir()} == set(TRAINING_FILES.values())
        metrics = json.loads((training / "metrics.json").read_text())
        assert metrics["run"] == training.parent.name
        assert metrics["status"] == "finished"


def test_the_report_holds_every_model_and_no_foreign_markup(finished: Path):
    page = (finished / "report/final.html").read_text(encoding="utf-8")
    for title in ("A: 8 ReLU", "Keras 2 with BN"):
        assert title in page
    assert "<script>alert" not in page
    drawn = sorted(path.stem for path in finished.glob("results/figures/*.svg"))
    assert page.count('<div class="panels') == len(drawn)
    for suffix in ("csv", "png"):  # beside each its values and a picture
        beside = sorted(path.stem for path in finished.glob(f"results/figures/*.{suffix}"))
        assert beside == drawn


def test_every_table_is_written_for_papers_too_and_the_stages_are_drawn(finished: Path):
    tables, figures = finished / "results/tables", finished / "results/figures"
    shown = {path.stem for path in tables.glob("*.tex")}
    assert {"part_a", "runs", "claims", "bn_predictions"} <= shown
    assert shown <= {path.stem for path in tables.glob("*.csv")}
    # The trainings are those that left files.
    trained = len(list(finished.glob("results/runs/*/seed-*")))
    assert f"{trained} trainings" in (figures / "workflow.csv").read_text(encoding="utf-8")


def test_a_second_run_does_nothing(planner: Planner, finished: Path):
    def dates() -> dict[Path, int]:
        files = (path for path in finished.glob("re*/**/*") if path.is_file())
        return {path: path.stat().st_mtime_ns for path in files}

    before = dates()
    assert planner.planned(finished) == {}
    done = snakemake(finished, "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert dates() == before


def imported_tensorflow(directory: Path) -> set[str]:
    """The rules that have jobs which imported TensorFlow themselves."""
    logs = directory.glob("logs/**/*.log")
    told = [log for log in logs if "TensorFlow took" in log.read_text(encoding="utf-8")]
    return {log.relative_to(directory / "logs").parts[0].removesuffix(".log") for log in told}


def test_the_configuration_that_the_page_offers_makes_the_same_study(planner: Planner, built: Path):
    """In a copy of the repository whose own configuration is that of another study."""
    page = (built / "report/final.html").read_text(encoding="utf-8")
    [packed] = re.findall(r'study\.tar\.xz" href="data:application/x-xz;base64,([^"]+)', page)
    shutil.rmtree(built / "config")
    shutil.copytree(REPOSITORY / "config", built / "config")
    assert planner.planned(built)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as archive:
        archive.extractall(built, filter="data")
    shutil.copytree(built / "fashion-mnist-study", built, dirs_exist_ok=True)
    assert planner.planned(built) == {}


def test_scripts_with_new_times_rerun_nothing(planner: Planner, built: Path):
    """As in another clone; what they do has a digest in the parameters of each job."""
    for path in (built / "scripts").glob("*.py"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    assert planner.planned(built) == {}


def test_jobs_start_where_tensorflow_is_imported(finished: Path):
    assert not imported_tensorflow(finished)


def test_a_run_has_the_same_bytes_again_with_one_core_in_another_directory_and_started_cold(
    finished: Path, data_folder: Path, tmp_path: Path
):
    configure(tmp_path, data_folder)
    experiment = "results/batchnorm/learning-rate/seed-1/results.csv"
    names = [
        "mlp-6-4_l2-1e-3_epochs-3_n-500-200",
        "keras-mlp-8_epochs-1_batch-100_followed-300_n-500-200",
    ]
    runs = [f"results/runs/{name}/seed-1" for name in names]
    wanted = [experiment, *(f"{run}/metrics.json" for run in runs)]
    snakefile = ("--snakefile", str(finished / "Snakefile"))
    done = snakemake(tmp_path, *snakefile, "--cores", "1", *wanted, warm=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported_tensorflow(tmp_path) == {"train_lowlevel", "train_keras", "run_experiment"}
    files = ("history.csv", "metrics.json", "predictions.npy", "weights.npz")
    for path in [experiment, *(f"{run}/{file}" for run in runs for file in files)]:
        assert (tmp_path / path).read_bytes() == (finished / path).read_bytes(), path


def change(path: Path, old: bytes, new: bytes) -> None:
    """Edit a file of a copied study, which shares it with the original."""
    content = path.read_bytes()
    assert old in content
    path.unlink()
    path.write_bytes(content.replace(old, new, 1))


@pytest.mark.faults
def test_damaged_results_are_noticed_and_rebuilt(finished: Path, built: Path):
    net, keras = "mlp-8_epochs-3_n-500-200", "keras-mlp-8_epochs-1_batch-100_followed-300_n-500-200"
    faults = {
        f"results/runs/{net}/seed-1/metrics.json": (b'"accuracy": ', b'"accuracy": 1'),
        f"results/runs/{keras}/seed-1/history.csv": (b"\n0,validation", b""),
        "results/batchnorm/learning-rate/seed-1/results.csv": (b",test_accuracy,0.", b",x,0."),
        "results/noise/seed-2/results.csv": (b"0.", b"1."),
        "results/tables/epochs.csv": (b",", b""),
    }
    targets = ("part_a", "part_b", "bn_learning-rate", "noise")
    made = ["results/figures/epochs.svg", *(f"results/tables/{name}.csv" for name in targets)]
    for path, (old, new) in faults.items():
        change(built / path, old, new)
    done = snakemake(built, "--cores", "2", *made)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "5 files have an unknown origin or changed content and will be rebuilt" in told
    for path in (*made, *faults):
        assert (built / path).read_bytes() == (finished / path).read_bytes(), path


def test_a_training_refuses_data_with_another_label(built: Path):
    """Also if somebody tells Snakemake to accept them."""
    path = built / "results/data/fashion-mnist/y_train.npy"
    labels = np.load(path)
    labels[:, 3] = np.roll(labels[:, 3], 7)
    path.unlink()
    np.save(path, labels)
    assert (
        snakemake(
            built, "--cores", "1", "--touch", "results/data/fashion-mnist/y_train.npy"
        ).returncode
        == 0
    )
    result = "results/runs/mlp-8_epochs-3_n-500-200/seed-1/metrics.json"
    failed = snakemake(built, "--cores", "1", result)
    assert failed.returncode == 1
    told = failed.stdout + failed.stderr
    assert "results/data/fashion-mnist/y_train.npy: its values have changed" in told
    assert "Delete it and run the same command again." in told
    assert not (built / result).exists()


def test_an_experiment_leaves_results_quantities_and_verdicts(finished: Path):
    assert {path.parent.name for path in finished.glob("results/batchnorm/*/seed-1")} == {
        *("learning-rate", "speed", "evaluation")
    }
    for name in ("curves", "learning-rate", "speed", "evaluation"):
        for kind in ("", "_quantities", "_predictions"):
            with open(finished / f"results/tables/bn_{name}{kind}.csv", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            assert rows, (name, kind)
        assert {row["experiment"] for row in rows} == {name}
        assert {row["outcome"] for row in rows} == {"open"}, "of one seed"
    with open(finished / "results/tables/bn_predictions.csv", encoding="utf-8") as file:
        reasons = {row["prediction"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons["depth-theory"] == "The experiment depth is not run in this study."
    assert reasons["evaluation-epoch"] == "One seed does not show how much runs vary."
    assert reasons["rate-range-adam"].startswith("This study has no decades/relu/adam/bn and no ")


def test_a_figure_drawn_again_has_the_same_bytes(built: Path):
    files = [built / f"results/figures/curves_A.{suffix}" for suffix in ("svg", "png", "csv")]
    before = [path.read_bytes() for path in files]
    files[0].unlink()
    done = snakemake(built, "--cores", "1", "results/figures/curves_A.svg")
    assert done.returncode == 0, done.stderr
    assert [path.read_bytes() for path in files] == before


# ------------------------------------------------------------------- what it makes again
def test_copied_results_count_as_those_of_the_folder_where_they_were_made(
    planner: Planner, built: Path, carried: Path
):
    assert planner.planned(carried) == {}
    for directory in (built, carried):
        edit(directory / "config/config.yaml", "rates: [0.1, 1.0]", "rates: [0.1, 0.5]")
    jobs = planner.planned(built)
    assert jobs["run_experiment"] == 2
    assert planner.planned(carried) == jobs


def test_of_an_edited_result_nothing_is_shown(planner: Planner, carried: Path):
    edit(carried / "results/tables/settings.csv", "0.001", "0.002")
    assert planner.planned(carried) == TABLED | {"collect_settings": 1}


def test_an_edited_delta_trains_one_run_again_and_what_depends_on_it(planner: Planner, built: Path):
    edit(built / "config/config.yaml", "delta: 1.0e-3}", "delta: 2.0e-3}")
    jobs = planner.planned(built)
    of_this_model = ("collect_weights", "plot_weights")
    of_its_errors = ("collect_classes", "plot_errors")
    assert jobs == OF_A_MODEL | dict.fromkeys((*of_this_model, *of_its_errors), 1)


def test_a_model_and_a_claim_of_ones_own_get_their_places_and_replicates_their_seeds(
    planner: Planner, built: Path
):
    claim = """
  mine:
    part: A
    topic: softmax
    place: My own
    says: The low-level model beats guessing.
    test: {level: {metric: test_accuracy, model: A}, more: 0.1}
"""
    append(built / "config/claims.yaml", claim)
    judged = {"judge_claims": 1, "compare_models": 1} | COMPARED
    judged |= {"compare_pairs": 1, "collect_explorer": 1}
    assert planner.planned(built) == judged | TABLED
    edit(
        built / "config/config.yaml",
        "  keras-2: {title",
        "  my-net: {title: My own net, engine: lowlevel, hidden: [5]}\n  keras-2: {title",
    )
    assert planner.planned(built) == OF_A_MODEL
    of_judges = {"estimate_replicates": 1, "compare_replicates": 1, "judge_replicates": 1}
    missing = {"train_lowlevel": 1}  # of the four trainings
    assert planner.planned(built, "replicates") == {"replicates": 1} | of_judges | missing

    before = set(built.glob("results/runs/*/seed-*"))
    done = snakemake(built, "--cores", "2", "report/final.html", "replicates")
    assert done.returncode == 0, done.stdout + done.stderr
    trained = set(built.glob("results/runs/*/seed-*")) - before
    assert {f"{it.parent.name.split('_')[0]} {it.name}" for it in trained} == {
        *("mlp-5 seed-1", "mlp-8 seed-2"),
    }
    page = (built / "report/final.html").read_text(encoding="utf-8")
    assert "My own net" in page
    assert "The low-level model beats guessing." in page
    with open(built / "results/tables/replicates_intervals.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["model"], row["seeds"]) for row in rows} == {("softmax", "2"), ("A", "2")}
    assert all(row["low"] for row in rows)
    assert planner.planned(built) == {"render_pdf": 1, "export_tables": 1}, "not asked for"


def test_a_changed_published_number_is_judged_again_and_a_lost_one_is_refused(
    planner: Planner, built: Path
):
    published = built / "config/published.csv"
    edit(published, ",0.6124331,nats,0.6124331", ",9.6,nats,9.6")
    jobs = planner.planned(built)
    assert "judge_published" in jobs
    assert not {"train_lowlevel", "train_keras"} & set(jobs)
    lines = published.read_text(encoding="utf-8").splitlines(keepends=True)
    published.write_text("".join(lines[:4] + lines[5:]), encoding="utf-8")
    done = planner.snakemake(built, "report/final.html", "--dry-run")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert 'the number "a1-test-loss" of "softmax" has no row' in said
    assert "Traceback" not in said


JUDGED = {"judge_batchnorm": 1} | TABLED


def rerun(experiments: int) -> dict[str, int]:
    """The jobs for so many experiments that have to be run again."""
    each = ("run_experiment", "collect_experiment", "plot_experiment")
    return JUDGED | {"collect_experiment_costs": 1} | dict.fromkeys(each, experiments)


def test_an_edited_setting_runs_its_experiment_again_and_what_depends_on_it(
    planner: Planner, built: Path
):
    edit(built / "config/config.yaml", "steps: 4,", "steps: 5,")
    assert planner.planned(built) == rerun(1)


def test_edited_rates_run_the_experiment_again_that_starts_from_them(planner: Planner, built: Path):
    edit(built / "config/config.yaml", "rates: [0.1, 1.0]", "rates: [0.1, 0.5]")
    assert planner.planned(built) == rerun(2)


def test_an_added_seed_runs_itself_only(planner: Planner, built: Path):
    edit(built / "config/config.yaml", "yaml\n  seeds: [1]", "yaml\n  seeds: [1, 2]")
    # the experiment learning-rate gets a seed, and speed starts from what both say of its rates
    assert planner.planned(built) == rerun(3) | {"run_experiment": 4} | COUNTED


def test_an_edited_prediction_is_judged_again_and_runs_no_experiment(planner: Planner, built: Path):
    edit(
        built / "config/batchnorm.yaml",
        "{quantity: loss_error/epoch/0.99, about: 0, within: 0.02}",
        "{quantity: loss_error/epoch/0.99, about: 0, within: 0.5}",
    )
    assert planner.planned(built) == JUDGED | {"collect_experiment": 1, "plot_experiment": 1}


def test_an_edited_claim_is_judged_again_and_nothing_else(planner: Planner, built: Path):
    edit(built / "config/batchnorm.yaml", "says: It regularizes.", "says: It regularizes!")
    assert planner.planned(built) == {"judge_batchnorm": 1} | TABLED


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("engines/full_batch", {"train_lowlevel": 8, "compare_engines": 1}),
        ("experiments/evaluation/run", rerun(1)),
        ("experiments/evaluation/figure", PAGES | {"plot_experiment": 1}),
        ("report/rendering", PAGES),
    ],
)
def test_an_edited_module_runs_its_users_again(
    planner: Planner, built: Path, module: str, jobs: dict[str, int]
):
    append(built / f"scripts/fmstudy/{module}.py", "\nADDED = 1\n")
    found = planner.planned(built)
    assert found | jobs == found
    others = {"prepare_dataset", "train_lowlevel", "train_keras", "run_experiment"}
    assert not (set(found) - set(jobs)) & others
    if "train_lowlevel" not in jobs:
        assert found == jobs


def test_another_device_runs_again_what_tensorflow_computes_and_is_refused_where_it_is_missing(
    planner: Planner, built: Path, monkeypatch: pytest.MonkeyPatch
):
    """Refused before the first job, however many jobs there are, and only if one needs it."""
    append(built / "config/config.yaml", "\ndevice: gpu\n")
    jobs, whole = planner.planned(built), planner.planned(built, "report", "--forceall")
    computed = {"train_lowlevel", "train_keras", "run_experiment", "run_noise"}
    computed |= {"compare_engines", "check_equality", "measure_machine"}
    assert {rule: jobs.get(rule) for rule in computed & set(whole)} == {
        rule: whole[rule] for rule in computed & set(whole)
    }
    assert len(computed & set(whole)) > 4
    assert not {"fetch_dataset", "prepare_dataset"} & set(jobs)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # as on a machine without one
    done = snakemake(built, "--cores", "1", "report")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "GPU" in line]
    assert re.search(r"config\.yaml, line \d+: device: is gpu, but TensorFlow .* no GPU here", line)
    assert "or set device: cpu." in line
    assert "Traceback" not in done.stderr
    assert planner.planned(built) == jobs, "nothing was run"


def test_another_notation_of_the_configuration_runs_nothing_again(planner: Planner, built: Path):
    """Other orders of keys, and other forms of numbers."""
    paths = (studies.CONFIG, studies.CLAIMS, studies.EXPECTED)
    files = {path: yaml.safe_load((built / path).read_text(encoding="utf-8")) for path in paths}
    studies.write(studies.respelled(files, random.Random(1)), built)
    assert planner.planned(built) == {}


def test_an_edited_comment_or_docstring_runs_nothing_again(planner: Planner, built: Path):
    path = built / "scripts/fmstudy/engines/full_batch.py"
    edit(path, '"""Full-batch training', '"""# Training in full batches')
    for edited in (path, built / "scripts/train.py"):
        append(edited, "\n# a remark\n")
    assert planner.planned(built) == {}


def test_configuration_saved_on_windows_runs_nothing_again(planner: Planner, built: Path):
    for path in (built / "config").glob("*.*"):
        path.write_bytes(as_windows_saves(path.read_bytes()))
    assert planner.planned(built) == {}
    assert planner.planned(built, "report", "--configfile", "config/config.yaml") == {}


def test_an_edited_template_renders_the_report_again_and_nothing_else(
    planner: Planner, built: Path
):
    append(next((built / "report/templates").rglob("*.j2")), "\n")
    assert planner.planned(built) == PAGES


def test_an_edited_font_draws_every_figure_again(planner: Planner, built: Path):
    drawn = planner.planned(built, "figures", "--forceall")
    with open(built / "report/fonts/ReportSans-Regular.ttf", "ab") as font:
        font.write(b"\0")
    plots = {rule: count for rule, count in drawn.items() if rule.startswith("plot_")}
    assert planner.planned(built) == plots | PAGES | {"render_playground": 1}


def braced(value: Any) -> Any:
    """Put braces into every title and sentence of a configuration."""
    if isinstance(value, list):
        return [braced(item) for item in value]
    if not isinstance(value, dict):
        return value
    texts = ("title", "says")
    return {k: f"{{best}} {v}" if k in texts else braced(v) for k, v in value.items()}


def test_titles_and_texts_may_hold_braces(planner: Planner, built: Path):
    """Which Snakemake takes for wildcards, in some of what a rule is given."""
    for name in ("config", "claims"):
        path = built / f"config/{name}.yaml"
        content = braced(yaml.safe_load(path.read_text(encoding="utf-8")))
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    planner.planned(built, "report", "replicates", "exports", "--forceall")  # every rule
    figures = [f"results/figures/{name}.svg" for name in ("epochs", "curves_A", "sweep_width")]
    done = snakemake(built, "--cores", "2", *figures, "results/tables/claims.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    for path in figures:
        assert "{best} " in (built / path).read_text(encoding="utf-8")
    assert "{best} A layer helps." in (built / "results/tables/claims.csv").read_text("utf-8")


def test_the_report_of_snakemake_shows_main_results_with_captions_and_changes_none(
    planner: Planner, built: Path
):
    planned, before = planner.planned(built), digests(built)
    done = planner.snakemake(built, "--report", "shown.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(built / "shown.zip") as archive:
        page = archive.read("shown/report.html").decode()
        shown = {Path(name).name for name in archive.namelist()}
    assert {"final.html", "final.pdf", "models.png", "part_a.csv", "sweep_l2.png"} <= shown
    assert len(shown) < 50, "the main results only"
    assert "The final metrics of the sweep" in page  # a caption
    assert "each with the rule, the parameters" in page  # the description
    assert '"runtime": ' in page  # the statistics are not empty
    assert (planner.planned(built), digests(built)) == (planned, before)


# --------------------------------------------------------------------- what can be asked
@pytest.fixture(scope="module")
def targets(planner: Planner, fresh: Path) -> dict[str, str]:
    """The help text of every target."""
    listed = planner.snakemake(fresh, "--list-target-rules").stdout
    return dict(re.findall(r"^(\w+) \((.+)\)$", listed, re.MULTILINE))


@pytest.fixture(scope="module")
def plan(planner: Planner, fresh: Path, targets: dict[str, str]) -> Plan:
    """What all targets for people would run, each from nothing."""
    return planner.plan(fresh, *targets)


def test_every_target_for_people_has_a_help_text_and_can_be_planned(targets, plan: Plan):
    for_people = {
        *("data", "part_a", "part_b", "batchnorm", "epochs", "depth", "sweep_width", "sweep_l2"),
        *("bn_curves", "bn_learning_rate", "bn_speed", "bn_evaluation"),
        *("closer", "engines", "ledger", "replicates", "tables", "figures", "exports", "report"),
    }
    assert for_people <= set(targets)
    for target in targets:  # among them rules that have neither wildcards nor inputs
        assert len(plan.counts(target)) > (target in for_people), target


def test_every_rule_says_in_a_line_of_its_own_what_it_makes(planner: Planner, fresh: Path):
    listed = planner.snakemake(fresh, "--list-rules").stdout.splitlines()
    lines = dict(re.findall(r"^(\w+) \((.+)\)$", line)[0] for line in listed)
    assert len(set(lines.values())) == len(lines)
    assert lines["sweep_l2"] == "Delta: model B-L2 with delta 0.001, 1; table and curves."


def test_a_sweep_alone_trains_its_own_runs_only(plan: Plan):
    jobs = plan.counts("sweep_width")
    assert jobs["train_lowlevel"] == 2
    assert "train_keras" not in jobs


def test_a_grid_trains_every_pair_and_draws_maps_instead_of_curves(planner: Planner, fresh: Path):
    grid = "{width: [4, 8], optimizer: [adam, sgd]}"
    given = f"sweeps={{it: {{title: It, model: A, vary: [width, optimizer], values: {grid}}}}}"
    jobs = planner.planned(fresh, "sweep_it", "--config", given)
    assert {key: jobs.get(key) for key in ("train_lowlevel", "collect_sweep", "plot_grid")} == {
        "train_lowlevel": 4, "collect_sweep": 1, "plot_grid": 1
    }  # fmt: skip
    assert "plot_sweep" not in jobs


DATA = {"prepare_dataset": 1}
SHOWN = {"plot_experiment": 1}


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("bn_evaluation", {"run_experiment": 1, "collect_experiment": 1}),
        ("bn_learning_rate", {"run_experiment": 1, "collect_experiment": 1}),
        ("bn_speed", {"run_experiment": 2, "collect_experiment": 1}),  # after learning-rate
        ("bn_curves", {"train_keras": 2, "collect_arms": 1}),
    ],
)
def test_an_experiment_alone_plans_its_own_jobs_only(plan: Plan, target: str, jobs: dict[str, int]):
    assert plan.counts(target) == {target: 1} | DATA | jobs | SHOWN


@pytest.mark.parametrize("kind", ["--dag", "--rulegraph"])
def test_drawings_are_graphs_that_graphviz_reads(planner: Planner, fresh: Path, kind: str):
    done = planner.snakemake(fresh, "report/final.html", kind)
    assert done.stdout.startswith("digraph")
    assert "Progress" not in done.stderr
    assert shutil.which("dot"), "graphviz is missing; run: make setup"
    assert "</svg>" in run_command("dot", "-Tsvg", input=done.stdout).stdout


def test_snakemake_finds_nothing_to_mend(planner: Planner, fresh: Path):
    done = planner.snakemake(fresh, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_studies_of_the_repository_can_be_planned(planner: Planner, tmp_path: Path):
    where = ("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(tmp_path))
    default = planner.planned(tmp_path, "report/final.html", *where)
    assert default["train_lowlevel"] > 20
    assert default["run_experiment"] == 10 * 3  # experiments that train nets, seeds
    quick, full, thorough = (
        planner.planned(
            tmp_path,
            *(f"report/{name}.html", *where),
            *("--configfile", str(REPOSITORY / f"config/{name}.yaml")),
        )
        for name in ("quick", "full", "thorough")
    )
    assert set(quick) == set(full) == set(thorough) == set(default)
    assert thorough["train_lowlevel"] > 2 * default["train_lowlevel"]
    assert quick["run_experiment"] == 10
    assert full["run_experiment"] == 10 * 10
    assert full["train_keras"] == default["train_keras"] + 2 * 3
    assert full["collect_arms"] == default["collect_arms"] + 2
    rates, digits = (
        planner.planned(
            tmp_path,
            *(f"report/{name}.html", *where),
            *("--configfile", str(REPOSITORY / f"config/studies/{name}/config.yaml")),
        )
        for name in ("learning-rate", "digits")
    )
    assert rates["plot_sweep"] == 3
    assert {"compare_models", "compare_predictions"} < set(digits) - set(rates)
    assert not {"judge_claims", "run_experiment", "check_statistics"} & (set(digits) | set(rates))


def test_what_a_study_does_not_name_is_no_target(planner: Planner, fresh: Path, tmp_path: Path):
    """A file given by --configfile is the whole study, and results have its name."""
    whole = yaml.safe_load((fresh / "config/config.yaml").read_text(encoding="utf-8"))
    small = {key: whole[key] for key in ("title", "data")}
    small["models"] = {"only": {"engine": "lowlevel", "hidden": []}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small))
    given = ("--configfile", str(tmp_path / "small.yaml"))
    jobs = planner.planned(fresh, "report", "tables", "figures", *given)
    assert jobs["train_lowlevel"] == 1
    assert not {it for it in jobs if it.startswith(("judge", "run", "check", "collect_epochs"))}
    listed = planner.snakemake(fresh, "--list-target-rules", *given).stdout
    targets = {line.split()[0] for line in listed.splitlines() if line and line[0] != " "}
    assert targets >= {"data", "part_a", "tables", "figures", "exports", "report"}
    assert not targets & {"part_b", "batchnorm", "epochs", "depth", "noise", "ledger", "replicates"}
    assert not targets & {"engines", "closer", "playground"}


# ------------------------------------------------------------------------ what it refuses
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("timeout: 5", "timeot: 5", 'unknown key. Did you mean "timeout"?'),
        ("train_samples: 500", "train_samples: many", "must be a whole number"),
        ("seeds: [1]", "seeds: [1]\nseeds: [2]", "duplicate key seeds"),
        ("seeds: [1]", "seeds: [1", "not valid YAML"),
        ("seeds: [1]", "? [a, b]\n: 1", "a key must be text; found a list"),
        ("seeds: [1]", "seeds: " + "[" * 3000 + "]" * 3000, "more than 20 levels of lists"),
        ("models: [softmax, A]}", "models: [softmx, A]}", 'Did you mean "softmax"?'),
        ("file: config/published.csv", 'file: "config/{old}.csv"', "a path without braces"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_before_any_job(
    planner: Planner, fresh: Path, tmp_path: Path, old: str, new: str, expected: str
):
    configure(tmp_path)
    edit(tmp_path / "config/config.yaml", old, new)
    said = refused(planner, fresh, tmp_path)
    assert expected in said
    assert "config/config.yaml" in said
    assert re.search(r"line \d+", said)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("data:\n\ttimeout: 3\n", "mine.yaml, line 2: not valid YAML"),
        ("seeds: [1\n", "mine.yaml, line 2: not valid YAML"),
        ("", "mine.yaml: must contain keys and values"),
        (
            "\n".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9 if i else 'x'}]" for i in range(12)),
            "mine.yaml, line 6: more than 50,000 values",
        ),
        (None, "mine.yaml: cannot be read: not a regular file"),
        (
            'models: {"mine\\n": {engine: keras, hidden: []}}',
            "line 1: models.mine\\n: must be at most",
        ),
        ("seeds: [-1]\n", "mine.yaml, line 1: seeds[0]: must be at least 0"),
    ],
    ids=["tab", "bracket", "empty", "bomb", "folder", "line break", "value"],
)
def test_a_mistake_in_a_file_given_by_configfile_is_named(
    planner: Planner, fresh: Path, tmp_path: Path, content: str | None, expected: str
):
    """Snakemake reads such a file before ours, but the default profile even before that."""
    configure(tmp_path)
    mine = tmp_path / "mine.yaml"
    if content is None:
        mine.mkdir()
    else:
        mine.write_text(content)
    assert expected in refused(planner, fresh, tmp_path, "--configfile", "mine.yaml")


def test_a_table_without_content_is_named(planner: Planner, fresh: Path, tmp_path: Path):
    configure(tmp_path)
    (tmp_path / "config/published.csv").touch()
    assert "config/published.csv, line 1: must be id," in refused(planner, fresh, tmp_path)


def test_a_missing_group_is_placed_in_the_main_file(planner: Planner, fresh: Path, tmp_path: Path):
    configure(tmp_path)
    edit(tmp_path / "config/config.yaml", 'title: "A tiny study"\n', "")
    said = refused(planner, fresh, tmp_path, "--config", "seeds=[2]")
    assert "  config/config.yaml: the key title is missing here." in said


def test_a_folder_with_braces_is_refused_as_snakemake_cannot_run_there(
    planner: Planner, fresh: Path, tmp_path: Path
):
    folder = tmp_path / "my {study}"
    folder.symlink_to(fresh)
    done = planner.snakemake(tmp_path, "data", "--dag", "--snakefile", str(folder / "Snakefile"))
    assert done.returncode != 0
    assert "my {study}: braces mark wildcards in Snakemake" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def refused(planner: Planner, fresh: Path, directory: Path, *options: str) -> str:
    """What is said of a mistake in the configuration that is found there."""
    snakefile = ("--snakefile", str(fresh / "Snakefile"))
    done = planner.snakemake(directory, "--cores", "1", "data", *snakefile, *options)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    assert ".smk" not in said, "a person's mistake, so no place in our own files"
    assert not (directory / "results").exists()
    return said


def test_no_part_of_a_path_is_run_by_a_shell(fresh: Path, tmp_path: Path):
    directory = tmp_path / "a $(touch ran) `touch ran`; touch ran & 'b\" <c> %s עברית" / "x"
    shutil.copytree(fresh, directory, symlinks=True)
    done = snakemake(directory, "--cores", "1", "results/tables/settings.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (directory / "results/tables/settings.csv").exists()
    assert not [*tmp_path.rglob("ran"), *Path.cwd().glob("ran")]


def test_a_mistake_in_the_predictions_is_named_before_any_job(
    planner: Planner, fresh: Path, tmp_path: Path
):
    configure(tmp_path)
    shutil.copy(fresh / "config/batchnorm.yaml", tmp_path / "config")
    edit(tmp_path / "config/batchnorm.yaml", "claim: C17", "claim: C71")
    said = refused(planner, fresh, tmp_path)
    assert re.search(r"config/batchnorm\.yaml, line \d+: predictions\.\S+\.claim: no claim", said)
    assert 'Did you mean "C7"?' in said


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("seeds=[one]", "command line (--config): seeds[0]: must be a whole number"),
        ("data:train_samples=5000", "write a group as --config 'data={train_samples: 5000}'"),
        ("title=a\x1bb", "command line (--config): title: contains the control character U+001B"),
        ("title=\udcff", "command line (--config): title: contains the control character U+DCFF"),
    ],
)
def test_a_mistake_on_the_command_line_is_named_as_such(
    planner: Planner, fresh: Path, wrong: str, expected: str
):
    done = planner.snakemake(fresh, "report", "--dry-run", "--config", wrong)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert expected in said
    assert "Traceback" not in said


@pytest.mark.parametrize("option", ["-s{}", "--snakefile={}"])
def test_the_command_line_is_checked_for_the_snakefile_that_it_names_and_no_other(
    planner: Planner, fresh: Path, tmp_path: Path, option: str
):
    wrong = ("--dry-run", "--config", "data.timeout=3")
    done = planner.snakemake(tmp_path, option.format(fresh / "Snakefile"), *wrong)
    assert "--config 'data={timeout: 3}'" in done.stdout + done.stderr
    (tmp_path / "Snakefile").write_text("rule all:\n")
    other = option.format(tmp_path / "Snakefile")
    template = tmp_path / "template.yaml"
    template.write_text("__use_yte__: true\nx: ?2\n")
    done = planner.snakemake(fresh, other, "--dry-run", "--configfile", str(template))
    assert done.returncode == 0, done.stdout + done.stderr


def test_models_that_another_file_adds_stand_behind_the_others(
    planner: Planner, fresh: Path, tmp_path: Path
):
    """A refusal lists all models in their order."""
    mine = tmp_path / "mine.yaml"
    models = "models:\n  own: {engine: lowlevel, hidden: [3]}\nweights: {models: [none]}\n"
    mine.write_text(f"extends: config/config.yaml\n{models}")
    done = planner.snakemake(fresh, "report", "--dry-run", "--configfile", str(mine))
    said = done.stdout + done.stderr
    listed = said.partition("Models: ")[2].partition(".")[0].split(", ")
    assert listed == [*yaml.safe_load((fresh / "config/config.yaml").read_text())["models"], "own"]


def test_numbers_on_the_command_line_are_numbers(planner: Planner, fresh: Path):
    jobs = planner.planned(fresh, "results/tables/part_b.csv", "--config", "seeds=[7, 8]")
    assert jobs["train_keras"] == 2


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("results/runs/mlp-9/seed-1/metrics.json", "snakemake --list-target-rules"),
        ("sweep_widht", 'Did you mean "sweep_width"?'),
        ("report/finall.html", 'Did you mean "report/final.html"?'),
        (
            "report/quick.html",
            "snakemake --cores 2 report/quick.html --configfile config/quick.yaml",
        ),
    ],
)
def test_what_the_configuration_does_not_have_cannot_be_asked_for(
    planner: Planner, fresh: Path, wrong: str, hint: str
):
    done = planner.snakemake(fresh, wrong, "--dry-run")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert wrong in said
    assert hint in said
    assert "Traceback" not in said
