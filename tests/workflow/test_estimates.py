"""Jobs start in a sensible order, the longest first, and ask for the memory that they need."""

import re

import pytest
import yaml
from fixtures import REPOSITORY

from fmstudy.study import plan
from fmstudy.study.spec import RunSpec
from fmstudy.workflow import estimates


@pytest.fixture(scope="module")
def study():
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    return plan.build(config)[0]


def test_of_trainings_on_one_engine_those_with_more_arithmetic_rank_higher(study):
    for engine in ("lowlevel", "keras"):
        runs = [(run.arithmetic, name) for name, run in study.runs.items() if run.engine == engine]
        ranks = [estimates.priority(study, f"train_{engine}", name) for _, name in sorted(runs)]
        assert ranks == sorted(ranks)
        assert ranks[0] > 0


def test_an_experiment_that_another_waits_for_ranks_above_its_own_seconds(study):
    trained = study.batchnorm.trained
    own = {name: estimates.job_seconds(study, "run_experiment", name) for name in trained}
    ranks = {name: estimates.priority(study, "run_experiment", name) for name in own}
    assert ranks["learning-rate"] == round(own["learning-rate"] + own["speed"])
    assert ranks["placement"] == round(own["placement"])


def test_the_data_go_first_and_what_is_not_worth_a_guess_last(study):
    every = [estimates.priority(study, "train_lowlevel", "mlp-1000")]
    assert estimates.priority(study, "prepare_dataset") > max(every)
    assert estimates.priority(study, "plot_curves", "A") == 0
    for rule in ("check_statistics", "find_duplicates", "compare_engines", "measure_machine"):
        assert estimates.priority(study, rule) > 0


def test_rules_of_ranked_jobs_have_a_priority_and_no_others(study):
    names = dict.fromkeys(["train_lowlevel", "train_keras"], study.runs)
    names["run_experiment"] = study.batchnorm.trained
    ranked, declared = set(), {}
    for file in (REPOSITORY / "workflow/rules").glob("*.smk"):
        text = file.read_text(encoding="utf-8")
        for rule, block in re.findall(r"^rule (\w+):\n((?:\s.*\n|\n)*)", text, re.M):
            declared[rule] = re.findall(r"^    priority: (.*)", block, re.M)
            if any(estimates.priority(study, rule, name) for name in names.get(rule, [""])):
                ranked.add(rule)
    assert set(names) <= ranked
    assert declared == {
        rule: [f'priority("{rule}")'] if rule in ranked else [] for rule in declared
    }


def test_every_job_has_an_estimate(study):
    assert estimates.job_seconds(study, "train_lowlevel", "mlp-300") > 10
    assert estimates.job_seconds(study, "run_experiment", "shift") > 1
    assert estimates.job_seconds(study, "plot_weights") == estimates.job_seconds(
        study, "plot_curves"
    )
    for rule in ("render_pdf", "collect_experiment", "plot_curves", "unheard_of"):
        assert estimates.job_seconds(study, rule) > 0


def test_memory_is_asked_for_as_images_and_batches_need_it():
    whole = RunSpec("lowlevel", hidden=(300, 100))
    part = whole.varied(train_samples=6000, test_samples=2000)
    normalized = whole.varied(batch_norm="before", hidden=(1000,))
    # Measured: 1,189 MB with all images, and 280 of Snakemake; a cluster ends what takes more.
    assert 1189 + 280 < estimates.memory(whole) < 2 * 1189
    assert estimates.memory(part) < estimates.memory(whole)
    # What normalized layers keep of a whole batch, 240 MB each for 1,000 units.
    wide = normalized.varied(hidden=(1000, 1000))
    assert estimates.memory(wide) == estimates.memory(normalized) + 480
    assert estimates.experiment_memory(784, 60_000, 10_000) > 1270 + 280
