"""How far a run has come and how long it will take: read from logs, and estimated."""

import heapq
import random
import time
from collections.abc import Iterable

import pytest

from fmstudy import runtime
from fmstudy.workflow import progress
from fmstudy.workflow.progress import Job, Outlook, Stage, State


def training(id: int, seconds: float, **more) -> Job:
    """A training that typically works for so many seconds."""
    wildcards = {"run": f"net-{id}", "seed": "1"}
    rule = more.pop("rule", "train_lowlevel")
    return Job(id, rule, 2.0 + seconds, wildcards, **more)


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
    assert (stage.subject, stage.share) == ("mlp-300_l1-1e-5, seed 3", 0.75)
    assert abs(stage.at - time.time()) < 60


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


# ------------------------------------------------------------------------------------ what is left
def left(seconds: list[float], slots: int) -> float:
    jobs = [Job(id, "render", it) for id, it in enumerate(seconds)]
    return State(jobs, slots).outlook(0.0).seconds


def test_the_time_left_depends_on_the_work_the_cores_and_the_longest_job():
    assert left([5, 5, 5, 5], slots=1) == 20
    assert left([5, 5, 5, 5], slots=2) == 10
    assert left([2, 2, 2, 30], slots=4) == 30
    assert left([], slots=2) == 0


# ------------------------------------------------------------------------- a whole run, simulated
def phase(job: Job) -> int:
    """When its turn comes: after the trainings come the figures, and last the PDF."""
    return {"plot_curves": 1, "render_pdf": 2}.get(job.rule, 0)


class World:
    """A run with made-up times: what happens in it is told to a `State` as Snakemake would.

    Jobs take `slower` times what is typical, and trainings `start` seconds more; two jobs of the
    same kind differ by some 10 %.
    """

    def __init__(self, jobs: list[Job], slots: int, slower: dict[str, float], start: float) -> None:
        chance = random.Random(7)
        self.jobs, self.slots, self.start = jobs, slots, start
        self.takes = {
            job.id: job.seconds * slower.get(job.rule, slower["others"]) * chance.gauss(1.0, 0.1)
            + (start if job.trains else 0.0)
            for job in jobs
        }

    def stage(self, job: Job, began: float, now: float) -> Stage | None:
        """What the log of a job says, which names every hundredth of the work."""
        if not job.trains or now - began < self.start:
            return None
        work = self.takes[job.id] - self.start
        done = int(100 * (now - began - self.start) / work)
        return Stage(job.name, done / 100, began + self.start + work * done / 100)

    def run(
        self, state: State, monkeypatch: pytest.MonkeyPatch, looks: Iterable[float] = ()
    ) -> tuple[float, list[Outlook]]:
        """Give the time at the end, and what is left at each of some times before."""
        logs: dict[str, Stage | None] = {}
        monkeypatch.setattr(progress, "read_stage", lambda log, since=0.0: logs[str(log)])
        now, ends, free = 0.0, [], self.slots
        looks, outlooks = list(looks), []
        waiting = sorted(self.jobs, key=lambda job: (phase(job), -job.seconds))
        while waiting or ends:
            turn = phase(waiting[0]) if waiting else 0
            before = {job.id for job in self.jobs if phase(job) < turn}
            ready = [job for job in waiting if phase(job) == turn and before <= state.done]
            for job in ready[:free]:
                waiting.remove(job)
                state.start([job.id], now)
                heapq.heappush(ends, (now + self.takes[job.id], job.id))
                free -= 1
            while looks and looks[0] < ends[0][0]:
                look = looks.pop(0)
                for id, began in state.running.items():
                    logs[str(state.jobs[id].log)] = self.stage(state.jobs[id], began, look)
                state.read_logs()
                outlooks.append(state.outlook(look))
            now, id = heapq.heappop(ends)
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
    for _ in range(40):
        jobs.append(Job(len(jobs), "plot_curves", 1.6))
    jobs.append(Job(len(jobs), "render_pdf", 14.0))
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
    ratios = {
        share: outlook.seconds / (end - share * end)
        for share, outlook in zip(shares, outlooks, strict=True)
    }
    assert all(1 / 1.5 < ratio < 1.5 for ratio in ratios.values()), ratios
    assert state.done == set(state.jobs)


def test_a_job_is_named_by_what_tells_it_from_others():
    assert Job(1, "plot_curves", 1.0, {"model": "A"}).name == "plot_curves A"
    assert training(2, 1.0).name == "train_lowlevel net-2 seed 1"
