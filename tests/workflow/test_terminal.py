"""What a person sees of a run: records as Snakemake logs them, a made-up screen and clock."""

import io
import logging
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from fixtures import REPOSITORY, run_command

from fmstudy import runtime
from fmstudy.workflow import terminal, wording
from fmstudy.workflow.progress import Job, Run


class Screen(io.StringIO):
    """What was written; a terminal of 80 columns if it is one."""

    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.isatty = lambda: tty

    @property
    def lines(self) -> list[str]:
        return self.getvalue().removesuffix("\n").split("\n") if self.getvalue() else []


class Snakemake:
    """Logs what Snakemake logs, to a Terminal in a run of these jobs."""

    def __init__(self, jobs: list[Job], tty: bool = False, **options) -> None:
        run = {
            key: options.pop(key) for key in ("targets", "retried", "keep_going") if key in options
        }
        self.now, self.screen = 1e9, Screen(tty)
        self.logger = logging.Logger("snakemake")
        self.terminal = terminal.Terminal(
            logging.StreamHandler(self.screen),
            lambda: Run(jobs, 2, **run),
            clock=lambda: self.now,
            poll=0,  # no thread
            **options,
        )
        self.logger.addHandler(self.terminal)

    def log(self, text: str | None = None, level: int = logging.INFO, **extra) -> None:
        self.logger.log(level, text, extra=extra)

    def plan(self) -> None:
        self.log("Building DAG of jobs...")
        self.log("Job stats:\njob  count", event="run_info", stats={})

    def start(self, *ids: int) -> None:
        self.log("Select jobs to execute...")
        self.log(f"Execute {len(ids)} jobs...", event="job_started", jobs=list(ids))
        self.log(" Rule: plot", event="job_info", jobid=ids[0])

    def finish(self, id: int) -> None:
        self.log(f"Finished jobid: {id} (Rule: plot)", event="job_finished", job_id=id)
        self.log(None, event="progress", done=1, total=2)

    def fail(self, id: int, exception: str = "", log: Path | None = None, **more) -> None:
        """As the local executor does: first the exception, then the job."""
        if exception:
            self.log(exception, logging.ERROR, event="error", exception="RuleException")
        said = {"rule_msg": None, "shellcmd": None, "log": [str(log)] if log else []} | more
        text = f"Error in rule plot, jobid: {id}"
        self.log(text, logging.ERROR, event="job_error", jobid=id, rule_name="plot", **said)

    def exit(self) -> None:
        """The end of a run in which something has failed."""
        self.log("Shutting down, this might take some time.")
        self.log("Exiting because a job execution failed. Look above", logging.ERROR)
        self.terminal.end()
        self.log("Complete log(s): x.log")
        text = "WorkflowError:\nAt least one job did not complete successfully."
        self.log(text, logging.ERROR, event="error", exception="WorkflowError")
        self.terminal.close()

    def pass_seconds(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            self.terminal.tick()


JOBS = [
    Job(1, "train_lowlevel", 50.0, {"run": "mlp-8", "seed": "1"}, log="1.log"),
    Job(2, "plot", 10.0, {"model": "A"}),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Leaves nothing in the environment, and finds no logs but the test's."""
    monkeypatch.setenv(runtime.QUIET, "")
    monkeypatch.delenv(wording.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)


# ----------------------------------------------------------------------------- a run that goes well
def test_a_run_is_a_plan_its_progress_and_what_it_made():
    run = Snakemake(JOBS, targets=["report/quick.html", "report/quick.pdf"], logs=["x.log"])
    run.log("Assuming unrestricted shared filesystem usage.")
    run.log("Workflow has started!", event="workflow_started")
    run.plan()
    assert os.environ[runtime.QUIET], "jobs leave errors to the terminal"
    run.start(1)
    run.pass_seconds(31)
    run.finish(1)
    run.start(2)
    run.pass_seconds(9)
    run.finish(2)
    run.terminal.end(success=True)
    run.log("Elapsed time: 0:00:40")
    run.terminal.close()
    assert run.screen.lines == [
        "2 jobs to run, 1 of them trainings: roughly 50 s with 2 at a time.",
        "Complete log: x.log",
        "50 % of the work, roughly 20 s left, 0 of 2 jobs: train_lowlevel mlp-8 seed 1",
        "Finished in 40.0 s:",
        "    report/quick.html",
        "    report/quick.pdf",
    ]


def test_elsewhere_than_on_a_terminal_there_is_a_line_every_half_minute():
    run = Snakemake(JOBS)
    run.plan()
    run.start(1)
    run.pass_seconds(300)
    assert sum("% of the work" in line for line in run.screen.lines) == 10


def test_on_a_terminal_one_line_is_updated_in_place():
    run = Snakemake(JOBS, tty=True)
    run.plan()
    run.start(1)
    before = len(run.screen.lines)
    run.pass_seconds(20)
    shown = run.screen.getvalue().split("\r")
    assert len(run.screen.lines) == before + 1  # the unfinished one
    # All of the line is overwritten, and what others print starts on the next.
    assert {len(text) for text in shown[1:]} == {80}
    assert len(set(shown)) > 5
    run.log("The disk is nearly full", logging.WARNING)
    assert run.screen.getvalue().endswith("\r\033[KThe disk is nearly full\n")


def test_a_training_is_followed_by_its_log():
    run = Snakemake(JOBS)
    run.plan()
    run.start(1)
    run.now = time.time()
    with runtime.job("1.log"):
        runtime.Progress("mlp-8, seed 1", 200, "epochs", every=0).update(80)
    run.pass_seconds(3)
    assert "mlp-8, seed 1 40 %" in run.terminal.line


def test_jobs_that_finish_unheard_are_noticed():
    run = Snakemake(JOBS)
    run.plan()
    run.start(1)
    run.terminal.run.__dict__["finished"] = lambda id: id == 1  # Snakemake told to be quiet
    run.pass_seconds(3)
    assert "1 of 2 jobs" in run.terminal.line


def test_nothing_to_be_done_is_one_line():
    run = Snakemake([])
    run.log("Assuming unrestricted shared filesystem usage.")
    run.log("Building DAG of jobs...")
    run.log("Nothing to be done (all requested files are present and up to date).")
    run.terminal.close()
    assert len(run.screen.lines) == 1


# --------------------------------------------------------------------------------------- failures
STATUS = "RuleException:\nCalledProcessError in file x.smk, line 3:\nCommand 'python plot.py' "


def failure(tmp_path: Path, written: str = "", exception: str = "", **more) -> list[str]:
    """What is said of a job that fails."""
    run = Snakemake(JOBS)
    run.now = time.time()
    run.plan()
    run.start(2)
    log = tmp_path / "2.log"
    if written:
        log.write_text(written)
    run.fail(2, exception, log, **more)
    before = run.screen.lines
    run.exit()
    assert run.screen.lines[:-1] == before, "what Snakemake says at the end is dropped"
    assert run.screen.lines[-1].startswith("Stopped after 0.0 s: 1 failed, 0 of 2 jobs done.")
    assert before[1] == "Failed: plot A"
    return [line.strip() for line in before[2:]]


def test_a_failed_job_is_told_with_what_it_noted_in_its_log(tmp_path):
    with pytest.raises(SystemExit), runtime.job(tmp_path / "2.log"):
        raise runtime.StudyError("x.gz has the wrong content.\nFetch it again: snakemake data")
    said = failure(tmp_path, exception=STATUS + "returned non-zero exit status 1.")
    assert said == [
        *("x.gz has the wrong content.", "Fetch it again: snakemake data"),
        f"Log: {tmp_path / '2.log'}",
    ]


def test_a_fault_is_told_without_its_traceback(tmp_path):
    with pytest.raises(SystemExit), runtime.job(tmp_path / "2.log"):
        {}["spec"]
    said = failure(tmp_path, exception=STATUS + "returned non-zero exit status 1.")
    where = f"This is a bug in the study; the traceback is in {tmp_path / '2.log'}"
    assert said == ["KeyError: 'spec'", where]


@pytest.mark.parametrize(
    "how", ["died with <Signals.SIGKILL: 9>.", "returned non-zero exit status 137."]
)
def test_a_job_that_was_killed_is_told_with_what_to_do(tmp_path, how):
    said = failure(tmp_path, exception=STATUS + how)
    assert said[0].startswith(
        "Ended by signal 9 (Killed). If nobody killed it, it ran out of memory"
    )


def test_a_command_is_told_with_its_status_and_the_end_of_its_log(tmp_path):
    text = STATUS + "returned non-zero exit status 3."
    said = failure(tmp_path, "one\ntwo\nthree\nno such file\n", text, shellcmd="make it")
    assert said[:-1] == ["two", "three", "no such file", "Exit status 3. Command: make it"]


def test_a_job_of_a_cluster_is_told_with_what_the_cluster_says(tmp_path):
    said = failure(tmp_path, rule_msg="SLURM status is: 'CANCELLED'")
    assert said == ["SLURM status is: 'CANCELLED'"]


@pytest.mark.parametrize(("keep_going", "then"), [(False, "Stopping, 1 job still"), (True, "% of")])
def test_after_a_failure_the_running_jobs_are_what_is_left_unless_others_go_on(keep_going, then):
    run = Snakemake(JOBS, keep_going=keep_going)
    run.plan()
    run.start(1, 2)
    run.fail(2, STATUS + "returned non-zero exit status 1.")
    run.pass_seconds(3)
    assert then in run.terminal.line
    assert "train_lowlevel" in run.terminal.line


def test_what_an_earlier_run_left_in_the_log_does_not_count(tmp_path):
    log = tmp_path / "2.log"
    log.write_text("2026-01-01 00:00:00,000 ERROR of yesterday\n")
    os.utime(log, (0, 0))
    said = failure(tmp_path, exception="ValueError in file x.smk, line 3: in run")
    assert said[0] == "ValueError in file x.smk, line 3: in run"


def test_a_job_that_is_tried_again_is_no_failure_yet():
    run = Snakemake(JOBS, retried=lambda id: True)
    run.plan()
    run.start(2)
    run.fail(2, STATUS + "returned non-zero exit status 1.", rule_msg="first\nsecond")
    assert run.screen.lines[1:] == ["Failed, will be retried: plot A", "    first"]
    run.pass_seconds(3)
    assert "% of the work" in run.terminal.line
    run.log("Trying to restart job 2.")
    run.start(2)
    run.finish(2)
    run.terminal.end(success=True)
    assert run.screen.lines[-1] == "Finished in 3.0 s:"


def test_of_a_group_those_are_told_that_failed(tmp_path):
    log = tmp_path / "1.log"
    with pytest.raises(SystemExit), runtime.job(log):
        raise runtime.StudyError("no data")
    run = Snakemake(JOBS)
    run.plan()
    run.log(
        "Group job 1", event="group_info", jobs=[types.SimpleNamespace(jobid=i) for i in (1, 2)]
    )
    told = {"rule_name": "plot", "rule_msg": None, "shellcmd": None, "indent": True}
    jobs = [told | {"jobid": 1, "log": [str(log)]}, told | {"jobid": 2, "log": []}]
    more = {"aux_logs": ["slurm.log"], "job_error_info": jobs}
    run.log("Error in group 1", logging.ERROR, event="group_error", **more)
    for job in jobs:
        run.log("Error in rule", logging.ERROR, event="job_error", **job)
    failed = ["Failed: train_lowlevel mlp-8 seed 1", "    no data", f"    Log: {log}"]
    assert run.screen.lines[1:] == failed


@pytest.mark.parametrize("first", ["Snakemake", "the job"])
def test_an_interruption_is_no_failure_of_jobs(first):
    run = Snakemake(JOBS)
    run.plan()
    run.start(2)
    if first == "the job":
        run.fail(2, STATUS + "died with <Signals.SIGINT: 2>.")
    run.log("Terminating processes on user request, this might take some time.")
    if first == "Snakemake":
        run.fail(2, STATUS + "returned non-zero exit status 1.")
    run.exit()
    assert run.screen.lines[1:] == [
        "Interrupted: stopping the running jobs.",
        "Interrupted after 0.0 s: 0 of 2 jobs done. The same command continues.",
    ]


def test_a_run_that_is_refused_before_its_first_job_does_not_promise_to_continue():
    run = Snakemake(JOBS)
    run.plan()
    run.terminal.close()
    assert run.screen.lines[1:] == ["Stopped after 0.0 s: 0 of 2 jobs done."]


def test_the_lock_of_a_killed_run_is_told_with_what_to_do():
    run = Snakemake(JOBS)
    text = "Error: Directory cannot be locked."
    run.log(text, logging.ERROR, event="error", exception="LockException")
    assert "snakemake --unlock" in run.screen.getvalue()
    assert "Directory cannot" not in run.screen.getvalue()


def test_target_that_no_rule_makes_is_explained():
    run = Snakemake(JOBS, explain=lambda target: f"{target}?")
    text = "MissingRuleException:\nNo rule to produce a/b (c).html (if you use input functions)"
    run.log(text, logging.ERROR, event="error", exception="MissingRuleException")
    assert run.screen.lines == ["a/b (c).html?"]


@pytest.mark.parametrize("planned", [True, False])
@pytest.mark.parametrize(
    ("exception", "text", "expected"),
    [
        (
            "OSError",
            "OSError: [Errno 28] No space left on device",
            "{cwd}: No space left on device.",
        ),
        (
            "PermissionError",
            "PermissionError: [Errno 13] Permission denied: '/x/.snakemake'",
            "/x/.snakemake: Permission denied. Change the permissions, or use a folder of",
        ),
    ],
)
def test_a_disk_that_stops_snakemake_is_told_with_what_to_do(planned, exception, text, expected):
    run = Snakemake(JOBS)
    if planned:
        run.plan()
    text = f"Traceback (most recent call last):\n\n  File x.py, line 1, in lock\n\n{text}\n"
    run.log(text, logging.ERROR, event="error", exception=exception)
    assert expected.format(cwd=os.getcwd()) in run.screen.getvalue()
    assert "Traceback" not in run.screen.getvalue()


def test_a_disk_that_is_full_before_a_job_begins_is_told_with_what_to_do(tmp_path):
    text = 'RuleException:\nOSError in file "x.smk", line 30:\n[Errno 28] No space left on device\n'
    [said, *_] = failure(tmp_path, exception=text)
    assert said.startswith(f"{os.getcwd()}: No space left on device. Free some space on this disk")


# ------------------------------------------------------------------- what it does not understand
def test_what_is_not_understood_is_passed_on():
    run = Snakemake(JOBS)
    run.log("Hello")
    run.plan()
    run.log("You should know this")
    run.log("Careful", logging.WARNING)
    run.log("Something new", event="new_event")
    run.log("Exiting because a job execution failed.", logging.ERROR)  # when none was told
    assert [line for line in run.screen.lines if "to run" not in line] == [
        *("Hello", "You should know this", "Careful", "Something new"),
        "Exiting because a job execution failed.",
    ]


@pytest.mark.parametrize("then", ["message", "time", "end"])
def test_an_error_that_belongs_to_no_job_is_passed_on(then):
    run = Snakemake(JOBS)
    run.plan()
    run.start(1)
    text = "MissingOutputException in rule plot"
    run.log(text, logging.ERROR, event="error", exception="MissingOutputException")
    if then == "message":
        run.log("Removing output files of failed job")
    elif then == "time":
        run.now = time.time()
        run.pass_seconds(2)
    else:
        run.terminal.close()
    assert run.screen.lines.count(text) == 1


@pytest.mark.parametrize("where", ["plan", "record", "tick", "failure"])
def test_a_fault_in_here_is_told_once_and_all_is_as_snakemake_has_it(where, monkeypatch):
    def fault(*_):
        raise KeyError("spec")

    run = Snakemake(JOBS, retried=fault if where == "failure" else lambda id: False)
    if where == "plan":
        run.terminal.describe = fault
    run.plan()
    if where == "record":
        run.log("Execute", event="job_started")  # without its jobs
    if where == "tick":
        monkeypatch.setattr(terminal.State, "outlook", fault)
        run.pass_seconds(3)
    run.start(1)
    run.fail(1, "RuleException")
    text = run.screen.getvalue()
    assert text.count("Switching to Snakemake's own output (KeyError: ") == 1
    assert "Error in rule plot, jobid: 1" in text
    assert text.count("RuleException") == 1
    assert runtime.QUIET not in os.environ, "jobs tell of their errors themselves"


# ------------------------------------------------------------------------------ more, and less
def test_quiet_hides_progress_plan_and_result_but_no_failure():
    def lines(*quiet: str) -> list[str]:
        run = Snakemake([JOBS[1]], targets=["a"], quiet=quiet)
        run.plan()
        run.start(2)
        run.pass_seconds(31)
        run.terminal.end(success=True)
        return [line.split()[0] for line in run.screen.lines]

    assert lines() == ["1", "90", "Finished", "a"]
    assert lines("progress") == ["1", "Finished", "a"]
    assert lines("rules") == ["90"]
    assert lines("all") == []
    run = Snakemake(JOBS, quiet=["rules", "progress"])
    run.plan()
    run.fail(2, "RuleException")
    assert run.screen.lines[0] == "Failed: plot A"


def test_a_dry_run_is_a_table_of_rules_and_reasons():
    jobs = [
        Job(1, "train", 50.0, reason="code changed"),
        Job(2, "train", 50.0, reason="missing output"),
        Job(3, "train", 50.0, reason="code changed"),
        Job(4, "report", 0.0, reason="upstream job"),
    ]
    run = Snakemake(jobs, dry=True)
    run.plan()
    run.log(" Rule: train", event="job_info", jobid=1)
    run.plan()
    run.log("Reasons:\n    (check individual jobs above for details)")
    run.log("This was a dry-run (flag -n). The order of jobs does not reflect")
    run.terminal.close()
    assert run.screen.lines == [
        "rule    jobs  why",
        "train      3  code changed 2, missing output 1",
        "report     1  upstream job",
        "total      4  roughly 1 min with 2 at a time",
        "Nothing was run. FMSTUDY_OUTPUT=full snakemake -n ... shows every job.",
    ]


def test_the_first_of_several_reasons_is_told_and_code_is_no_parameter():
    params, derived = (
        "params have changed since last execution",
        "input files updated by another job",
    )
    assert wording.run_reason([derived, params], {"5"}) == "parameters changed"
    assert wording.run_reason([derived, params], {"'0a1b'"}, "0a1b") == "code changed"
    assert wording.run_reason([derived, params], {"'0a1b'", "5"}, "0a1b") == "parameters changed"
    assert wording.run_reason([params], {"5"}, is_unknown=True) == "unknown or changed result"
    assert wording.run_reason([derived]) == "upstream job"
    assert wording.run_reason(["something new", derived]) == "something new"
    assert wording.run_reason([]) == ""


def test_many_files_of_a_kind_are_named_by_a_pattern():
    files = ["report/a.html", *(f"tables/{i}.tex" for i in range(5)), "report/a.pdf"]
    grouped = ["report/a.html", "tables/*.tex (5 files)", "report/a.pdf"]
    assert list(wording.group_files(files)) == grouped


def test_durations_are_said_no_more_exactly_than_they_are_known_and_on_every_terminal():
    seconds = [1, 44, 59, 130, 1700, 2000, 5300, 7100, 90_000]
    assert [wording.rough_duration(value) for value in seconds] == [
        *("5 s", "45 s", "1 min", "2 min", "28 min", "35 min", "1 h 30 min", "2 h", "25 h")
    ]
    said = [wording.exact_duration(seconds) for seconds in (0.4, 112, 6190)]
    assert said == ["0.4 s", "1 min 52 s", "1 h 43 min"]
    assert all(text.isascii() for text in said)


def logger_of(*names: str) -> logging.Logger:
    """A logger with handlers of these names."""
    logger = logging.Logger("snakemake")
    for name in names:
        handler = logging.StreamHandler(Screen(False))
        handler.name = name
        logger.addHandler(handler)
    return logger


def test_only_snakemakes_own_handler_is_replaced():
    settings = types.SimpleNamespace(dryrun=False, quiet=None, verbose=False)
    assert terminal.install(logger_of("a plugin's"), settings, lambda: Run([], 1)) is None
    logger = logger_of("a plugin's", "DefaultStreamHandler")
    installed = terminal.install(logger, settings, lambda: Run([], 1))
    assert [handler.name for handler in logger.handlers] == ["a plugin's", installed.name]


@pytest.mark.parametrize(
    ("settings", "variable", "full"),
    [
        ({}, "", False),
        ({}, "full", True),
        ({"verbose": True}, "", True),
        ({"printshellcmds": True}, "", True),
        ({"quiet": ["RULES"]}, "", False),
        ({"dryrun": True}, "", False),
        ({"dryrun": True, "quiet": ["RULES"]}, "", True),
    ],
)
def test_switches_of_snakemake_are_heeded(settings, variable, full, monkeypatch):
    monkeypatch.setenv(wording.VARIABLE, variable)
    quiet = [types.SimpleNamespace(name=name) for name in settings.get("quiet", ())]
    made = types.SimpleNamespace(**(settings | {"quiet": quiet}))
    logger = logger_of("DefaultStreamHandler")
    assert (terminal.install(logger, made, lambda: Run([], 1)) is None) == full


# ------------------------------------------------------------------------------- with Snakemake
# The study's hooks and its terminal around jobs that do nothing, twenty of them before the last.
SNAKEFILE = """
import sys

sys.path.insert(0, {scripts!r})
from fmstudy.workflow import progress, terminal, wording

screen = None
if workflow.is_main_process:
    screen = terminal.install(logger, workflow.output_settings, lambda: describe_run())


def describe_run():
    jobs = [
        progress.Job(
            job.jobid,
            job.rule.name,
            1.0,
            job.wildcards_dict,
            reason=wording.run_reason(workflow.dag.reason(job).get_names()),
        )
        for job in workflow.dag.needrun_jobs()
    ]
    return progress.Run(jobs, 1, targets=["threads.txt"])


is_module = False


include: {hooks!r}


rule last:
    default_target: True
    input:
        [f"{{i}}.txt" for i in range(20)],
    output:
        "threads.txt",
    shell:
        "ls /proc/$PPID/task | wc -l > {{output}}"


rule one:
    output:
        "{{i}}.txt",
    shell:
        "touch {{output}}"


rule fails:
    output:
        "fails",
    shell:
        "exit 3"
"""


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder with this Snakefile."""
    hooks, scripts = REPOSITORY / "workflow/rules/hooks.smk", REPOSITORY / "scripts"
    text = SNAKEFILE.format(hooks=str(hooks), scripts=str(scripts))
    (folder / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return run_command(*command, cwd=folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder in which all jobs were run, and what Snakemake has written."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, snakemake(folder)


@pytest.mark.workflow
def test_a_real_run_says_what_it_does_and_that_nothing_is_left_to_do(finished):
    folder, done = finished
    plan, log, *_, end, made = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert plan == "21 jobs to run: roughly 20 s with 1 at a time."
    assert (folder / log.removeprefix("Complete log: ")).is_file()
    assert (end.startswith("Finished in "), made) == (True, "    threads.txt")
    assert snakemake(folder).stderr.count("\n") == 1


@pytest.mark.workflow
def test_a_real_failure_is_told_once(tmp_path):
    done = snakemake(tmp_path, "fails")
    assert done.returncode == 1
    *_, failed, why, stopped = done.stderr.splitlines()
    assert failed == "Failed: fails"
    assert why == "    Exit status 3; its output is above. Command: exit 3"
    assert stopped.startswith("Stopped after ")


def timers(folder: Path) -> bool:
    """Whether Snakemake had a thread for each of twenty jobs before the last."""
    return int((folder / "threads.txt").read_text()) > 20


@pytest.mark.workflow
def test_timers_do_not_pile_up_in_snakemake_unless_a_rate_is_asked_for(finished, tmp_path):
    assert not timers(finished[0])
    assert snakemake(tmp_path, "--max-jobs-per-timespan=90/1s").returncode == 0
    assert timers(tmp_path), "Snakemake has no more timers: `without_default_rate` can go"


@pytest.mark.workflow
def test_a_dry_run_of_the_study_is_a_table(tmp_path):
    command = [sys.executable, "-m", "snakemake", "data", "--dry-run", "--directory", str(tmp_path)]
    command += ["--snakefile", str(REPOSITORY / "Snakefile")]
    done = run_command(*command, cwd=tmp_path)
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert rows[:3] == [
        ["rule", "jobs", "why"],
        ["prepare_dataset", "1", "missing output"],
        ["data", "1", "upstream job"],
    ]
    assert len(rows) == 5
    [profile] = done.stderr.splitlines()
    assert profile.startswith(f"Using workflow specific profile {REPOSITORY}/profiles/default")
