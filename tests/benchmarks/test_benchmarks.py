"""The benchmarks measure the same work of everybody, and say so where they cannot.

Nothing here asserts a time: what is checked is that contestants train alike, that they take turns,
and that results become tables as they should.
"""

import dataclasses
import importlib
import re

import numpy as np
import pytest
from fixtures import REPOSITORY

from benchmarks import computing, page, rounds, run, worker, workflow
from benchmarks.computing import KERAS, LOWLEVEL
from benchmarks.contestants import CONTESTANTS, reference
from benchmarks.problem import Problem
from benchmarks.rounds import Entry, Machine, Measured, NotMeasured, Worker
from fmstudy.runtime import StudyError

pytestmark = pytest.mark.benchmark

EPOCHS = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory, samples) -> str:
    """The study's files with 200 random samples."""
    directory = tmp_path_factory.mktemp("data")
    for split in ("train", "test"):
        for name, array in zip("xy", samples(200), strict=True):
            np.save(directory / f"{name}_{split}.npy", np.ascontiguousarray(array))
    return str(directory)


@pytest.fixture
def problems(data) -> dict[str, Problem]:
    """The two kinds of work, small; the last batch of an epoch and the last chunk are shorter."""
    small = {"train_samples": 200, "test_samples": 100, "epochs": EPOCHS}
    return {
        "step": Problem(LOWLEVEL.varied(hidden=(12,), bias="vector", **small), data),
        "epoch": Problem(KERAS.varied(hidden=(12, 8), batch_size=50, **small), data),
    }


def losses_of(problem: Problem, name: str) -> dict[str, list[float]]:
    """By form, the losses of a contestant; compiling PyTorch takes longer than a test may."""
    module = importlib.import_module(f"benchmarks.contestants.{CONTESTANTS[name].module}")
    return {
        form: make(problem).run(1, EPOCHS)
        for form, make in module.forms(problem).items()
        if "torch.compile" not in form
    }


# ------------------------------------------------------------------------------- the same work
@pytest.mark.parametrize("kind", ["step", "epoch"])
@pytest.mark.parametrize("name", computing.PEERS)
def test_everybody_has_the_losses_of_the_derivation_by_hand(
    problems, name, kind, one_thread, monkeypatch
):
    if (name, kind) == ("eager", "epoch"):
        pytest.skip("the source trains in mini-batches only with Keras")
    if CONTESTANTS[name].peer:
        pytest.importorskip({"pytorch": "torch", "jax": "optax"}[name])
        own = importlib.import_module(f"benchmarks.contestants.{CONTESTANTS[name].module}")
        monkeypatch.setattr(own, "CHUNK", 70)  # two chunks and a shorter one
    [expected] = losses_of(problems[kind], "reference").values()
    assert expected[0] > expected[-1] + 0.01
    for form, losses in losses_of(problems[kind], name).items():
        # Losses that are NaN are not compared.
        away, compared = rounds.deviation(losses, expected)
        # Of scikit-learn's small batches only the first epoch can have our order.
        assert compared == (1 if (name, kind) == ("sklearn", "epoch") else EPOCHS), form
        assert away < 1e-5, form


@pytest.mark.parametrize("kind", ["step", "epoch"])
def test_another_epsilon_would_be_seen(problems, kind, monkeypatch):
    [expected] = losses_of(problems[kind], "reference").values()
    monkeypatch.setattr(reference, "EPSILON", 1e-4)
    [others] = losses_of(problems[kind], "reference").values()
    assert rounds.deviation(others, expected)[0] > computing.TOLERANCE[kind]


def test_arithmetic_is_that_of_the_products_of_a_unit(data):
    weights = 784 * 300 + 300 * 10
    step = 3 * 2 * weights - 2 * 784 * 300  # but for the first layer's gradient by its inputs
    spec = LOWLEVEL.varied(hidden=(300,))
    assert Problem(spec, data).arithmetic == step * 60_000
    assert Problem(spec, data, evaluated=True).arithmetic == step * 60_000 + 2 * weights * 10_000
    more = spec.varied(epochs=7).arithmetic - spec.varied(epochs=6).arithmetic
    assert Problem(spec, data, evaluated=True).arithmetic == more
    assert Problem(KERAS.varied(hidden=(300,)), data).arithmetic == step * 48_000


# ------------------------------------------------------------------------------------ processes
@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(rounds.cores()[-1], "false", tmp_path / "log")


def entry(problem: Problem, name: str) -> Entry:
    return Entry(name, CONTESTANTS[name].title, name, problem, 1e9)


def test_a_process_reports_losses_and_times(problems, machine):
    [found] = rounds.alternate(
        [entry(problems["step"], "reference")], 2, machine, lambda _: None, EPOCHS, lasts=0.01
    )
    assert found.reason == ""
    [expected] = losses_of(problems["step"], "reference").values()
    assert found.losses[found.form] == pytest.approx(expected, rel=1e-12)
    assert len(found.seconds) == 2
    assert all(seconds > 0 for seconds in found.seconds)
    assert found.busy > 0
    assert set(found.versions) == {"python", "numpy"}


def test_a_missing_package_and_a_process_that_dies_are_reasons(problems, machine, monkeypatch):
    [dead] = rounds.alternate([entry(problems["step"], "jax")], 1, machine, lambda _: None)
    assert (dead.reason, dead.seconds) == ("its process ended with 1", [])
    monkeypatch.setitem(CONTESTANTS, "jax", CONTESTANTS["jax"]._replace(module="nowhere"))
    with pytest.raises(NotImplementedError, match="JAX with optax cannot be imported"):
        worker.start("jax", problems["step"], 1)


def test_an_error_inside_is_reported_and_the_process_goes_on(problems, machine):
    process = Worker("reference", machine)
    try:
        with pytest.raises(NotMeasured, match="KeyError"):
            process.ask(do="round", key="unknown", units=1)
        told = process.start(entry(problems["step"], "reference"), losses=1)
        assert told["form"] == "double precision"
    finally:
        process.close()


def test_contestants_take_turns(problems, machine, monkeypatch):
    asked = []

    class Fake:
        def __init__(self, name, machine):
            self.name, self.machine = name, machine

        def start(self, entry, losses):
            asked.append(("start", entry.key))
            told = {"form": "f", "forms": {"f": 0.25}, "losses": {"f": [1.0]}}
            return told | {"needed": 1e9, "versions": {}}

        def ask(self, do, key, units):
            asked.append((do, key))
            assert units == 4  # a second's worth
            return {"clock": 1.0, "processor": 0.5}

        def close(self):
            asked.append(("close", self.name))

    monkeypatch.setattr(rounds, "Worker", Fake)
    entries = [entry(problems["step"], name) for name in ("product", "study", "keras")]
    found = rounds.alternate(entries, 2, machine, lambda _: None)
    starts, turns, ends = asked[:3], asked[3:9], asked[9:]
    assert {do for do, _ in starts} == {"start"}
    assert [key for _, key in turns] == ["product", "study", "keras"] * 2
    assert ends == [("close", name) for name in ("product", "study", "keras")]
    assert found[0].seconds == [0.25, 0.25]
    assert found[0].busy == 0.5
    processor = dataclasses.replace(machine, clock="processor")
    [one] = rounds.alternate(entries[:1], 1, processor, lambda _: None)
    assert (one.seconds, one.busy) == ([0.125], 0.5)


# -------------------------------------------------------------------------------- what is told
def measured(problem: Problem, name: str, seconds: list[float], losses: list[float]) -> Measured:
    one = Measured(entry(problem, name), form="f", forms={"f": seconds[0]}, losses={"f": losses})
    one.seconds = seconds
    return one


@pytest.fixture
def found(problems) -> dict[str, list[dict]]:
    """Tables from made-up rounds: Keras is half as fast, JAX trains something else."""
    problem = problems["step"]
    product = measured(problem, "product", [0.5, 1.0], [])
    contestants = [
        product,
        measured(problem, "study", [1.0, 2.0], [2.0, 1.0]),
        measured(problem, "keras", [2.0, 5.0], [2.0, 1.0]),
        measured(problem, "jax", [0.1, 0.1], [2.0, 1.1]),
        Measured(entry(problem, "pytorch"), reason="PyTorch cannot be imported"),
    ]
    expected = measured(problem, "reference", [1.0], [2.0, 1.000001])
    return {
        "machine": [{"what": "cores", "value": "2"}],
        "step": computing.step_rows(product, contestants[1:2]),
        "peers": computing.peer_rows("step", contestants, expected),
        "turnaround": [
            {"what": "a run", "target": "3"} | rounds.spread("seconds", [2.0, 1.5, 3.0])
        ],
        "bound": [{"what": "the default study", "note": "not measured: no cost.csv"}],
        "growth": computing.growth_rows(
            [("width", 100, "units"), ("width", 200, "units")], contestants[1:3]
        ),
        "graph": [
            {"trainings": 10.0, "jobs": 99.0, "parse": 1, "dry_run": 2, "dag": 2, "no_op": 0.5},
            {"trainings": 1000, "note": "it broke"},
        ],
    }


def test_ratios_are_taken_within_rounds(found):
    assert found["step"][1]["share"] == 0.5
    [keras] = [row for row in found["peers"] if "Keras" in row["who"]]
    assert (keras["times_low"], keras["times"], keras["times_high"]) == (2.0, 2.25, 2.5)
    assert keras["same"] == "yes"
    assert found["growth"][1]["times"] == 2.25


def test_who_trains_something_else_is_not_compared(found):
    [jax] = [row for row in found["peers"] if "JAX" in row["who"]]
    assert jax["same"] == "no"
    assert jax["deviation"] == pytest.approx(0.1, rel=1e-3)
    assert "times" not in jax
    text = page.markdown("peers", found["peers"])
    [line] = [line for line in text.splitlines() if "JAX" in line]
    assert "not compared" in line
    assert "**differ**" in line


def test_who_could_not_be_measured_has_a_reason_in_the_table(found):
    for name, reason in {
        "peers": "not measured: PyTorch cannot be imported",
        "bound": "no cost.csv",
        "graph": "it broke",
    }.items():
        assert reason in page.markdown(name, found[name])


def test_without_the_yardstick_or_the_expected_losses_the_rest_is_told(problems):
    problem = problems["step"]
    product = Measured(entry(problem, "product"), reason="too little memory")
    study = measured(problem, "study", [1.0], [2.0])
    rows = computing.step_rows(product, [study])
    assert rows[0]["note"] == "too little memory"
    assert "share" not in rows[1]
    expected = Measured(entry(problem, "reference"), reason="too little memory")
    [row] = computing.peer_rows("step", [product, study], expected)
    assert row["same"] == "no"
    assert "could not be checked" in row["note"]
    assert "times" not in row


def test_tables_are_whole_and_come_back_from_their_files(found, tmp_path):
    for name, rows in found.items():
        page.write_table(tmp_path / f"{name}.csv", rows)
        text = page.markdown(name, rows)
        widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
        assert widths == {len(page.TABLES[name]) + 1}
    again = page.read_tables(tmp_path)
    assert [page.markdown(name, again[name]) for name in page.TABLES] == [
        page.markdown(name, found[name]) for name in page.TABLES
    ]


def test_the_page_is_replaced_between_its_markers_only(found):
    before = (REPOSITORY / "docs/explanation/performance.md").read_text(encoding="utf-8")
    after = page.fill(before, found)
    places = re.compile(r"(<!-- (\w+): .*? -->).*?(<!-- end of \2 -->)", re.DOTALL)
    assert places.sub("", after) == places.sub("", before)
    assert page.markdown("step", found["step"]) in after
    assert page.fill(page.fill(after, {}), found) == after
    with pytest.raises(ValueError, match="graph"):
        page.fill(before.replace("<!-- graph:", "<!-- grph:"), found)


def test_the_page_in_the_repository_is_what_its_files_say():
    text = (REPOSITORY / "docs/explanation/performance.md").read_text(encoding="utf-8")
    assert page.fill(text, page.read_tables(REPOSITORY / "docs/explanation/performance")) == text


def test_the_figure_is_small_and_drawn_from_whatever_there_is(found, tmp_path):
    path = tmp_path / "performance.png"
    assert not page.draw({}, path)
    assert page.draw({"step": found["step"]}, path)
    assert page.draw(found, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.9456, "0.946"), (12.34, "12.3"), (57_500.0, "57,500"), (2.1e-6, "2.1e-06")],
)
def test_numbers_have_three_digits(value, text):
    assert page.number(value) == text


# ------------------------------------------------------------------------------- the workflow
def test_the_bound_is_arithmetic_by_rate(tmp_path):
    cost = tmp_path / "cost.csv"
    [row] = workflow.bound_rows(cost, lambda: pytest.fail("measured for nothing"), 2)
    assert "make report" in row["note"]
    lines = [("70.0", "50.0", "10.0", "4e12", "2026-01-01T00:01:10Z")]
    lines += [("120.0", "90.0", "20.0", "6e12", "2026-01-01T00:02:40Z")]
    head = ("seconds", "training_seconds", "evaluation_seconds", "arithmetic", "finished")
    cost.write_text("\n".join(map(",".join, [head, *lines])), encoding="utf-8")
    rows = {row["what"]: row["value"] for row in workflow.bound_rows(cost, lambda: 1e11, 2)}
    assert rows["trainings"] == 2
    assert rows["bound: arithmetic by that rate"] == 100.0
    assert rows["seconds of their jobs by 2 cores"] == 95.0
    assert rows["the part of training and evaluation"] == 85.0
    assert rows["first training's start to last one's end"] == 160.0
    assert rows["the same, by the bound"] == pytest.approx(1.6)
    assert rows["budget of the study: 1.25 bound + 60 s"] == 185.0
    cost.write_text("run,seed\na,1\n")
    [row] = workflow.bound_rows(cost, lambda: pytest.fail("measured for nothing"), 2)
    assert "not of this version" in row["note"]


@pytest.mark.parametrize("quick", [True, False])
def test_waiting_is_measured_without_the_training_that_a_new_delta_needs(quick, monkeypatch):
    commands = []

    def run(copy, *command):
        commands.append(command)
        config = (copy.directory / "config/config.yaml").read_text(encoding="utf-8")
        made = copy.directory / "results/runs/new/seed-1/provenance.json"
        if "delta: 0.002" in config and not made.exists():
            made.parent.mkdir(parents=True)
            made.write_text('{"seconds": {"training": 3.0, "evaluation": 1.5, "whole": 6.0}}')
        return workflow.Taken(10.0, 2.0, "")

    monkeypatch.setattr(workflow.Copy, "run", run)
    rows = workflow.measure_turnaround(quick, 2, 3, lambda _: None)
    seconds = {row["what"]: row["seconds"] for row in rows}
    assert seconds.pop("a changed delta, but for its training") == 5.5
    assert set(seconds.values()) == {10.0}
    assert len(rows) == 8
    assert sum("--dag" in command for command in commands) == 3
    chosen = ["config/quick.yaml" in command for command in commands if "--dry-run" in command]
    assert chosen == [not quick] * 3


@pytest.mark.workflow
def test_a_graph_has_as_many_trainings_as_asked_for(tmp_path):
    copy = workflow.Copy(tmp_path / "study")
    workflow.give_trainings(copy, 23)
    printed = copy.snakemake("report", "--dry-run", "--quiet", "rules").printed
    jobs = workflow.jobs_of(printed)
    assert jobs["train_lowlevel"] + jobs["train_keras"] == 23
    with pytest.raises(NotMeasured, match="no-such-target"):
        copy.snakemake("no-such-target", "--dry-run")


# ---------------------------------------------------------------------------- the command line
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "stp"], "invalid choice: 'stp' (choose from"),
        (["--rounds", "0"], "--rounds 0: must be at least 1"),
        (["--core", "4096"], "--core 4096"),
        (["--peers", "/no/such/python"], "no such command"),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        run.parse(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_sections_are_measured_in_order_and_a_quick_run_does_not_touch_the_documents():
    assert run.parse(["--only", "graph", "step"]).only == ["step", "graph"]
    assert run.parse([]).only == list(run.SECTIONS)
    assert run.parse([]).output == REPOSITORY / "docs/explanation"
    assert run.parse(["--quick"]).output == REPOSITORY / "results/benchmarks"


def test_a_section_alone_leaves_the_others_tables(found, tmp_path):
    run.write(found, tmp_path)
    run.write({"bound": [{"what": "trainings", "value": 89.0, "unit": ""}]}, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert page.markdown("growth", found["growth"]) in text
    assert "| trainings | 89 |" in text
    assert {path.stem for path in (tmp_path / "performance").glob("*.csv")} == set(page.TABLES)


def test_other_work_on_the_core_is_told():
    [waits] = run.busy_rows({"step": [{"busy": 0.99}, {"busy": 0.98}], "peers": [{"busy": 0.6}]})
    [shared] = run.busy_rows({"step": [{"busy": 0.7}, {"note": "x"}], "peers": [{"busy": 0.6}]})
    assert waits["value"] == "98 % of its time (median; 60 % at least)"
    assert shared["value"].startswith("65 % of its time")
    assert "measure again" in shared["value"]
    assert run.busy_rows({"bound": [{"what": "x"}]}) == []


def test_data_that_are_missing_are_asked_for(tmp_path):
    with pytest.raises(StudyError, match=r"x_train\.npy is missing"):
        run.prepare_data(tmp_path, lambda _: None)
