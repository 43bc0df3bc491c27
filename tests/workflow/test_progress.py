"""How far a run has come and how long it will take: read from logs, and estimated."""

import heapq
import random
import time
from collections.abc import Iterable

import pytest

from fmstudy import progress, runtime
from fmstudy.progress import START, Job, Outlook, Pace, Stage, State


def training(id: int, seconds: float, **more) -> Job:
    """A training that typically works for so many seconds."""
    wildcards = {"run": f"net-{id}", "seed": "1"}
    rule = more.pop("rule", "train_lowlevel")
    return Job(id, rule, START + seconds, wildcards, priority=seconds, **more)


# ----------------------------------------------------------------------- what jobs say themselves
def test_what_a_job_says_of_its_progress_is_read_from_its_log(tmp_path):
    log = tmp_path / "job.log"
    with runtime.job(log) as job:
        job.info("Reading the data")
        said = runtime.Progress("mlp-300_l1-1e-5, seed 3", 2000, "epochs", every=0)
        said.update(500, "loss 0.5123")
        said.update(1500, "loss 0.4001")
    stage = progress.read_stage(log, since=time.time() - 5)
    assert stage is not None
    assert (stage.subject, stage.unit) == ("mlp-300_l1-1e-5, seed 3", "epochs")
    assert (stage.first, stage.done, stage.total) == (0, 1500, 2000)
    assert (stage.share, stage.span) == (0.75, 0.75)
    assert abs(stage.at - time.time()) < 60
    assert stage.began <= stage.at


def test_start_and_end_stand_in_the_log_however_short_the_work(tmp_path):
    log = tmp_path / "job.log"
    with runtime.job(log):
        said = runtime.Progress("net, seed 1", 3, "epochs")
        for epoch in (1, 2, 3):
            said.update(epoch)
    lines = [line for line in log.read_text().splitlines() if "epochs" in line]
    assert [line.split("seed 1: ")[1].split(",")[0] for line in lines] == [
        "0 of 3 epochs",
        "3 of 3 epochs",
    ]


def test_a_job_says_nothing_of_its_progress_to_the_terminal(tmp_path, capfd):
    with runtime.job(tmp_path / "job.log") as job:
        runtime.Progress("net, seed 1", 10, "epochs", every=0).update(5)
        job.warning("The disk is nearly full")
    assert capfd.readouterr().err == "The disk is nearly full\n"


def test_only_the_last_subject_of_this_run_counts(tmp_path):
    log = tmp_path / "job.log"
    with runtime.job(log):
        runtime.Progress("first part", 10, "steps", every=0).update(10)
        runtime.Progress("second part", 40, "steps", every=0).update(4)
    assert (stage := progress.read_stage(log)) is not None
    assert (stage.subject, stage.share) == ("second part", 0.1)
    # The log that an earlier run has left, before the job opens its own.
    assert progress.read_stage(log, since=time.time() + 60) is None
    assert progress.read_stage(tmp_path / "none.log") is None


# ------------------------------------------------------------------------------- how fast it goes
def test_a_factor_comes_from_what_is_most_alike():
    pace = Pace()
    assert pace.factor(("train_lowlevel",)) == 1.0
    for _ in range(9):
        pace.learn(("train_lowlevel",), 300.0, 100.0)
    assert pace.factor(("train_lowlevel",)) == pytest.approx(3.0, rel=0.04)
    # Nothing is known of the other engine but that this machine may be slow.
    assert 2.0 < pace.factor(("train_keras",)) < 3.0
    for _ in range(9):
        pace.learn(("train_keras",), 50.0, 100.0)
    assert pace.factor(("train_keras",)) == pytest.approx(0.5, rel=0.3)
    assert pace.factor(("train_lowlevel",)) == pytest.approx(3.0, rel=0.04)


def test_the_next_run_starts_from_what_this_one_has_learned(tmp_path):
    pace = Pace()
    pace.learn(("others", "render_pdf"), 60.0, 20.0)
    pace.learn(("train_keras",), 100.0, 200.0)
    path = tmp_path / "pace.json"
    runtime.write_json(path, {"/".join(kind): it for kind, it in pace.factors().items()})
    later = Pace(progress.read_factors(path))
    for kind in pace.sums:
        assert later.factor(kind) == pytest.approx(pace.factor(kind))
    assert later.known(("train_keras",))
    assert not later.known(("train_lowlevel",))
    path.write_text("spoilt")
    assert progress.read_factors(path) == {}


# ------------------------------------------------------------------------------------ the schedule
def left(jobs: list[Job], slots: int, running: tuple[int, ...] = (), failed: int = -1) -> float:
    """Seconds left, estimated at the moment when these jobs have started and that one failed."""
    state = State(jobs, slots)
    state.start([*running, failed], 0.0)
    state.fail(failed)
    return state.outlook(0.0).seconds


def test_the_schedule_heeds_the_longest_job_the_order_and_the_cores():
    def jobs(*seconds: float) -> list[Job]:
        return [Job(id, "render", it, priority=id) for id, it in enumerate(seconds)]

    assert left(jobs(5, 5, 5, 5), slots=1) == 20
    assert left(jobs(5, 5, 5, 5), slots=2) == 10
    assert left(jobs(2, 2, 2, 30), slots=4) == 30
    assert left(jobs(6, 2, 2, 2), slots=2) == 8  # the long one has the lowest priority
    equal = [Job(id, "render", it) for id, it in enumerate((2, 2, 2, 6))]
    assert left(equal, slots=2) == 6
    assert left(jobs(9, 2, 2, 2), slots=2, running=(0,)) == 9
    wide = [Job(0, "render", 3, threads=2), Job(1, "render", 4, threads=8), Job(2, "render", 5)]
    assert left(wide, slots=2) == 12


def test_jobs_wait_for_what_they_need_and_for_nothing_that_has_failed():
    jobs = [
        Job(0, "render", 8),
        Job(1, "render", 5),
        Job(2, "collect", 2, needs=frozenset({0, 1, 77})),  # 77 was done before
        Job(3, "render", 1, needs=frozenset({2})),
    ]
    assert left(jobs, slots=4) == 11
    assert left(jobs, slots=4, failed=0) == 5


def test_trainings_of_nearly_no_arithmetic_do_not_make_the_machine_slow(monkeypatch):
    state = State([training(1, 1e-4, log="1.log"), Job(2, "plot_curves", 1.0)], slots=1)
    stage = Stage("net-1, seed 1", 0, 3, 3, "epochs", began=5.0, at=7.0)
    monkeypatch.setattr(progress, "read_stage", lambda log, since: stage)
    state.start([1], 0.0)
    state.finish(1, 8.0)
    assert state.outlook(8.0).seconds < 3 * state.jobs[2].typical()


# ------------------------------------------------------------------------- a whole run, simulated
class World:
    """A run with made-up times: what happens in it is told to a `State` as Snakemake would.

    Trainings take `slower` times what is typical, and what is around them `start` seconds; two
    jobs of the same kind differ by some 10 %.
    """

    def __init__(self, jobs: list[Job], slots: int, slower: dict[str, float], start: float) -> None:
        chance = random.Random(7)
        self.jobs, self.slots, self.start = jobs, slots, start
        self.work = {
            job.id: job.typical() * slower.get(job.rule, slower["others"]) * chance.gauss(1.0, 0.1)
            for job in jobs
        }
        self.takes = {job.id: self.work[job.id] + (start if job.trains else 0.0) for job in jobs}

    def stage(self, job: Job, elapsed: float) -> Stage | None:
        """What the log of a job says, which names every hundredth of the work."""
        inside = elapsed - 0.7 * self.start
        if not job.trains or inside < 0.0:
            return None
        done = min(int(100 * inside / self.work[job.id]), 100)
        return Stage(job.name, 0, done, 100, "epochs", 0.0, self.work[job.id] * done / 100)

    def run(
        self, state: State, monkeypatch: pytest.MonkeyPatch, looks: Iterable[float] = ()
    ) -> tuple[float, list[Outlook]]:
        """Give the time at the end, and what is left at each of some times before."""
        logs: dict[str, Stage | None] = {}
        monkeypatch.setattr(progress, "read_stage", lambda log, since=0.0: logs[str(log)])
        now, ends, free = 0.0, [], self.slots
        looks, outlooks = list(looks), []
        waiting = sorted(self.jobs, key=lambda job: -job.priority)
        while waiting or ends:
            for job in [job for job in waiting if job.needs <= state.done][:free]:
                waiting.remove(job)
                state.start([job.id], now)
                heapq.heappush(ends, (now + self.takes[job.id], job.id))
                free -= 1
            while looks and looks[0] < ends[0][0]:
                look = looks.pop(0)
                for id, began in state.running.items():
                    job = state.jobs[id]
                    stage = self.stage(job, look - began)
                    moved = began + 0.7 * self.start
                    logs[str(job.log)] = stage and Stage(
                        *(stage.subject, 0, stage.done, 100, "epochs", moved, moved + stage.at)
                    )
                state.look()
                outlooks.append(state.outlook(look))
            now, id = heapq.heappop(ends)
            job = state.jobs[id]
            logs[str(job.log)] = self.stage(job, 1e9)
            state.finish(id, now)
            free += 1
        return now, outlooks


def a_study() -> list[Job]:
    """Trainings of both engines, experiments, and tables and figures after them."""
    chance = random.Random(3)
    jobs: list[Job] = []
    for rule, number, longest in (("train_lowlevel", 50, 400.0), ("train_keras", 20, 120.0)):
        for _ in range(number):
            size = longest * chance.random() ** 2 + 1.0
            jobs.append(training(len(jobs), size, rule=rule, log=f"{len(jobs)}.log"))
    for number in range(20):
        wildcards = {"experiment": f"experiment-{number % 5}", "seed": "1"}
        jobs.append(Job(len(jobs), "run_experiment", 30.0, wildcards))
    before = frozenset(job.id for job in jobs)
    for _ in range(40):
        jobs.append(Job(len(jobs), "plot_curves", 1.6, needs=before))
    jobs.append(Job(len(jobs), "render_pdf", 14.0, needs=frozenset(job.id for job in jobs)))
    return jobs


# How much longer than typical: the machine as a whole, then each kind of work against it.
@pytest.mark.parametrize("machine", [3.0, 1.0, 1 / 3])
@pytest.mark.parametrize(
    "kinds",
    [
        {"train_lowlevel": 1.0, "train_keras": 1.0, "others": 1.0},
        {"train_lowlevel": 0.8, "train_keras": 1.25, "others": 1.0},
        {"train_lowlevel": 1.15, "train_keras": 1.0, "others": 1.2},
    ],
)
@pytest.mark.parametrize(("slots", "start"), [(2, 0.3), (8, 5.0)])
def test_the_estimate_is_believable_on_fast_and_slow_machines(
    machine, kinds, slots, start, monkeypatch
):
    jobs = a_study()
    slower = {kind: machine * factor for kind, factor in kinds.items()}
    world = World(jobs, slots, slower, machine * start)
    end, _ = world.run(State(jobs, slots), monkeypatch)
    shares = (0.25, 0.5, 0.75)
    state = State(jobs, slots)
    _, outlooks = world.run(state, monkeypatch, [share * end for share in shares])
    errors = {}
    for share, outlook in zip(shares, outlooks, strict=True):
        now = share * end
        # It says "roughly" where a third of what is left is of a kind that was not measured yet.
        allowed = 0.3 if outlook.rough else 0.2
        errors[share] = (outlook.seconds / (end - now) - 1.0) / allowed
    assert all(abs(error) < 1.0 for error in errors.values()), errors
    assert state.done == set(state.jobs)


def test_a_job_is_named_by_what_tells_it_from_others():
    assert Job(1, "plot_curves", 1.0, {"model": "A"}).name == "plot_curves A"
    assert training(2, 1.0).name == "train_lowlevel net-2 seed 1"
