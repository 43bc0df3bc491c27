"""Jobs start in a sensible order: experiments are planned as they run, and the longest go first."""

import re

import pytest
import yaml
from fixtures import REPOSITORY
from fixtures import experiments as tiny

from fmstudy import bn_affine, bn_batches, bn_depth, bn_init, bn_rates, bn_shift, cost, estimates
from fmstudy import study as studies
from fmstudy.bn_common import Data
from fmstudy.experiments import EXPERIMENTS
from fmstudy.minibatch import MiniBatches, Samples, orders
from fmstudy.network import Network
from fmstudy.probes import Probe
from fmstudy.spec import RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

ACTIVATIONS = ("sigmoid", "relu")
RUN = {
    "learning-rate": (bn_rates.learning_rate, tiny.RATES),
    "speed": (bn_rates.speed, tiny.SPEED),
    "batch-size": (bn_batches.batch_size, tiny.SIZES),
    "evaluation": (bn_batches.evaluation, tiny.EVALUATION),
    "shift": (bn_shift.shift, tiny.SHIFT | {"activations": ACTIVATIONS}),
    "noisy": (bn_shift.noisy, tiny.NOISY),
    "gamma-beta": (bn_affine.gamma_beta, tiny.AFFINE),
    "depth": (bn_depth.depth, tiny.DEPTH),
    "init": (bn_init.init, tiny.INIT),
    "placement": (bn_rates.placement, tiny.PLACES | {"activations": ACTIVATIONS}),
}


@pytest.fixture(scope="module")
def data(samples):
    sizes = (tiny.FITTED + 3, tiny.VALIDATION - 3, tiny.TEST)  # 80 % of 84 are 67
    return Data(*(Samples.of(*samples(n, n)) for n in sizes))


@pytest.mark.parametrize("name", RUN)
def test_an_experiment_takes_the_steps_that_are_planned(data, monkeypatch, name):
    experiment, settings = RUN[name]
    taken = []

    def train(_, order, *_rest, **_options):
        taken.append(order.shape)
        return False

    monkeypatch.setattr(MiniBatches, "train", train)
    for look in ("distributions", "shift", "landscape"):
        monkeypatch.setattr(Probe, look, lambda *_: [])
    best = {f"{activation}/{arm}": 0.1 for activation in ACTIVATIONS for arm in ("plain", "bn")}
    experiment(settings | {"best": best}, tiny.SEED, data)
    planned = estimates.PLANS[name](settings)
    assert sum(steps for steps, _ in taken) == sum(it.steps for it in planned)
    assert sum(s * size for s, size in taken) == sum(it.steps * it.batch for it in planned)


def test_every_experiment_that_trains_is_planned():
    assert set(estimates.PLANS) == {name for name, it in EXPERIMENTS.items() if it.module}


def test_the_arithmetic_of_steps_is_that_of_what_is_trained(data, monkeypatch):
    done = cost.Work()
    monkeypatch.setattr("fmstudy.minibatch.DONE", done)
    spec = RunSpec("lowlevel", hidden=(7, 6), bias="vector", batch_norm="before", batch_size=8)
    # Forward 2 * (784 * 7 + 7 * 6 + 6 * 10) a sample; backward as far down as anything is trained.
    forward, inner, last = 2 * (784 * 7 + 42 + 60), 2 * 42, 2 * 60
    for what, expected in {
        "all": 3 * forward - 2 * 784 * 7,
        "affine": forward + inner + last,
        "output": forward + last,
    }.items():
        network = Network(spec, 1)
        trained = {
            "all": network.variables,
            "affine": [*network.gammas, *network.betas],
            "output": [network.coefficients[-1], network.biases[-1]],
        }[what]
        batches = MiniBatches(spec, data.fitted, network=network, trained=trained)
        batches.start(1)
        before = done.arithmetic
        batches.train(orders(len(data.fitted), 8, 1, 5))
        assert done.arithmetic - before == 5 * 8 * expected, what
    before = done.arithmetic
    batches.score(data.test, batches.exact())
    assert done.arithmetic - before == (len(data.fitted) + len(data.test)) * forward


@pytest.fixture(scope="module")
def study():
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    return studies.build(config)[0]


def test_of_trainings_on_one_engine_those_with_more_arithmetic_rank_higher(study):
    for engine in ("lowlevel", "keras"):
        runs = [(run.arithmetic, name) for name, run in study.runs.items() if run.engine == engine]
        ranks = [estimates.priority(study, f"train_{engine}", name) for _, name in sorted(runs)]
        assert ranks == sorted(ranks)
        assert ranks[0] > 0


def test_an_experiment_that_another_waits_for_ranks_above_its_own_seconds(study):
    settings = study.batchnorm.settings
    own = {name: estimates.of_experiment(name, settings[name]) for name in study.batchnorm.trained}
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
    assert {*names, "fetch_dataset"} <= ranked
    assert declared == {
        rule: [f'priority("{rule}")'] if rule in ranked else [] for rule in declared
    }


def test_every_job_has_an_estimate(study):
    assert estimates.seconds_of(study, "train_lowlevel", "mlp-300") > 10
    assert estimates.seconds_of(study, "run_experiment", "shift") > 1
    assert estimates.seconds_of(study, "plot_weights") == estimates.seconds_of(study, "plot_curves")
    for rule in ("render_pdf", "collect_experiment", "plot_curves", "unheard_of"):
        assert estimates.seconds_of(study, rule) > 0


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
    assert estimates.memory_of_experiments(60_000, 10_000) > 1270 + 280
