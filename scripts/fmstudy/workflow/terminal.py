"""The terminal output of a run: the plan, one line of progress, failures, and the result.

Snakemake writes about fifteen lines per job.  `install` replaces its terminal handler by one that
summarizes the records that it knows; others, such as warnings and unexpected errors, go to
Snakemake's handler, which prints them as usual.  If the new handler fails, it prints one warning
and passes on everything from then on.  Snakemake's log file stays complete.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fmstudy import runtime
from fmstudy.workflow import wording
from fmstudy.workflow.progress import Outlook, Run, State

# Options of Snakemake that request its own output.
DETAILS = ("verbose", "printshellcmds", "debug_dag", "show_failed_logs")

POLL = 1.0  # seconds between two checks of Snakemake's jobs
LOG_POLL = 2.0  # seconds between two readings of the jobs' logs
LINE_INTERVAL = 30.0  # seconds between two lines of progress without a terminal
HOLD = 1.0  # seconds to wait until Snakemake names the job of an error

# Events of Snakemake's logger that the line of progress summarizes.
ROUTINE = {
    *("workflow_started", "run_info", "resources_info", "rulegraph", "shellcmd", "progress"),
    *("job_info", "group_info", "job_started", "job_finished"),
}
# The same for messages without an event; all other messages are shown.
NOISE = re.compile(
    "Assuming unrestricted shared filesystem usage|Building DAG of jobs|Using shell: "
    "|Group jobs: inactive|Conda environments: ignored|Singularity containers: ignored"
    "|Config file .* is extended by additional config"
    "|Select jobs to execute|Removing output files of failed job|Trying to restart job "
    "|Shutting down, this might take some time|Complete log|Elapsed time: "
    "|Reasons:|Some jobs were triggered by provenance|Rules with provenance triggered jobs"
    "|SLURM run ID: |Job \\S+ has been submitted with SLURM jobid|Cleaning up SLURM log files"
    "|'sacct' unavailable|\\d+ jobs? ha(s|ve) missing provenance|Rules with missing metadata"
)
UNKNOWN_TARGET = re.compile(r"No rule to produce (.+) \(if you use input functions")
# Snakemake's final messages after failures, each of which was already shown.
FAILED = re.compile(
    "Exiting because a job execution failed|.*At least one job did not complete", re.S
)


class Terminal(logging.Handler):
    """Replaces Snakemake's handler for the terminal, `snakemakes`, and writes to its stream.

    describe    returns the run after Snakemake has planned it
    explain     returns the message for a target that no rule makes
    dry         whether this is a dry run
    quiet       values of --quiet: rules, progress, all
    logs        Snakemake's log files
    poll        seconds between two calls of `tick` by a thread; 0 starts none
    """

    def __init__(
        self,
        snakemakes: logging.StreamHandler,
        describe: Callable[[], Run],
        *,
        explain: Callable[[str], str] | None = None,
        dry: bool = False,
        quiet: Collection[str] = (),
        logs: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        poll: float = POLL,
    ) -> None:
        super().__init__()
        self.snakemakes, self.describe, self.explain = snakemakes, describe, explain
        self.dry, self.quiet, self.logs = dry, set(quiet), logs
        self.clock, self.poll = clock, poll
        self.stream = snakemakes.stream
        self.in_place = _is_terminal(self.stream)
        self.working = True  # until an error in this handler
        self.run: Run | None = None
        self.state = State([], 1)
        self.line = ""  # of progress
        self.drawn = self.interrupted = self.has_failed = False
        self.failures = 0  # number shown
        self.held: dict[int | None, logging.LogRecord] = {}  # waiting errors, by thread
        self.over = threading.Event()

    # ---------------------------------------------------------------------- Snakemake's records
    def emit(self, record: logging.LogRecord) -> None:
        """Process a record, or pass it on."""
        handled = False
        if self.working:
            try:
                handled = self._process(record)
            except Exception as error:
                self._give_up(error)
        if not handled:
            self._pass_on(record)

    def _process(self, record: logging.LogRecord) -> bool:
        event, details = str(getattr(record, "event", None) or ""), vars(record)
        state, now = self.state, self.clock()
        held = self.held.get(record.thread)
        if held and event != "job_error":
            self._release(held)
        match event:
            case "run_info":
                if not self.run:
                    self._begin(details)
            case "job_started":
                state.start((id for id in details["jobs"] if isinstance(id, int)), now)
            case "group_info":
                state.start((job.jobid for job in details["jobs"]), now, grouped=True)
            case "job_finished":
                state.finish(details["job_id"], now)
            case "job_error":
                shown = self._show_failure(details, held)
                self.held.pop(record.thread, None)
                return shown
            case "group_error":
                return self._show_group(details)
            case "error":
                return self._show_error(record)
            case "":
                return self._show_message(record)
        return event in ROUTINE

    def _show_message(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        if record.levelno >= logging.WARNING:
            return self._is_summary(text)
        if text.startswith("Terminating processes on user request"):
            self.interrupted = True
            self._print("Interrupted: stopping the running jobs.")
            return True
        if text.startswith("This was a dry-run"):
            return self.run is not None
        return bool(NOISE.match(text))

    # --------------------------------------------------------------------------------- failures
    def _show_error(self, record: logging.LogRecord) -> bool:
        """Handle an exception, usually of a job, which Snakemake names in the next record."""
        name, text = getattr(record, "exception", ""), str(record.msg)
        if name == "LockException":
            self._print_error(
                f"Another run is using {os.getcwd()}, or a run was killed there.\n"
                "If no other run is active, unlock the folder and run the same command again:\n"
                "    snakemake --unlock"
            )
        elif self.explain and (found := UNKNOWN_TARGET.search(text)):
            self._print_error(self.explain(found[1]))
        elif name.endswith("Error") and (told := wording.system_error(text)):
            self._print_error(told)
        elif not self.run or self.over.is_set():
            return self._is_summary(text)
        else:
            self.held[record.thread] = record
        return True

    def _is_summary(self, text: str) -> bool:
        """Return whether a message only summarizes failures that were already shown."""
        return (self.has_failed or self.interrupted) and bool(FAILED.match(text))

    def _release(self, error: logging.LogRecord) -> None:
        """Pass on an error without a job."""
        self.has_failed = True
        self.held.pop(error.thread, None)
        self._pass_on(error)

    def _show_failure(self, details: Mapping[str, Any], error: logging.LogRecord | None) -> bool:
        began = self.state.running.get(details["jobid"], 0.0)
        self.state.fail(details["jobid"])
        if self.run is None or details.get("indent"):  # of a group, which was already shown
            return self.run is not None
        text = str(error.msg) if error else ""
        found = wording.last_error(details["log"], began)
        if not found and (self.interrupted or wording.ending_signal(text) == 2):  # Ctrl-C
            return True
        reason = found or wording.failure_cause(details, text, began)
        self._block(
            self._job_name(details), reason, details["log"], self.run.retried(details["jobid"])
        )
        return True

    def _show_group(self, details: Mapping[str, Any]) -> bool:
        """Show the jobs of a group whose logs have an error."""
        if self.run is None:
            return False
        jobs = details["job_error_info"]
        again = any(self.run.retried(job["jobid"]) for job in jobs)
        failed = False
        for job in jobs:
            began = self.state.running.get(job["jobid"], 0.0)
            if text := wording.last_error(job["log"], began):
                failed = True
                self._block(self._job_name(job), text, job["log"], again)
        if not failed:
            rules = ", ".join(sorted({job["rule_name"] for job in jobs}))
            text = next((job["rule_msg"] for job in jobs if job["rule_msg"]), rules)
            self._block(f"a group of {len(jobs)} jobs", text, details["aux_logs"], again)
        return True

    def _job_name(self, details: Mapping[str, Any]) -> str:
        job = self.state.jobs.get(details["jobid"])
        return job.name if job else str(details["rule_name"])

    def _block(self, name: str, text: str, logs: Sequence[str], again: bool) -> None:
        lines = text.strip().splitlines()
        if again:  # in full if it finally fails
            self._print_error(f"Failed, will be retried: {name}\n    {lines[0]}")
            return
        self.has_failed = True
        self.failures += 1
        lines += [f"Log: {log}" for log in logs if log not in text and Path(log).exists()]
        self._print_error("\n    ".join([f"Failed: {name}", *lines]))

    # ----------------------------------------------------------------------------- begin and end
    def _begin(self, details: Mapping[str, Any]) -> None:
        """Start with the jobs that Snakemake has planned."""
        run = self.describe()
        self.began = self.logs_read = self.shown = self.clock()
        self.state = State(run.jobs, run.slots)
        self.run = run
        outlook = self.state.outlook(self.began)
        if self.dry:
            self._print("\n".join(wording.table(run, outlook, list(details.get("stats", ())))))
        else:
            os.environ[runtime.QUIET] = "1"  # jobs' errors are shown here, from their logs
            if "rules" not in self.quiet:
                self._print(wording.plan(run, outlook))
                if self.logs:
                    self._print(f"Complete log: {os.path.relpath(self.logs[0])}")
        if self.poll and not self.dry:
            thread = threading.Thread(target=self._follow, name="terminal", daemon=True)
            thread.start()

    def end(self, success: bool = False) -> None:
        """Show the outcome of the run, once."""
        self._guard(self._end, success)

    def _end(self, success: bool) -> None:
        self.over.set()
        for held in list(self.held.values()):
            self._release(held)
        if self.run and not self.dry:
            self._poll_jobs(self.run)
            if not (success and "rules" in self.quiet):
                self._print(self._outcome(self.run, success))

    def _outcome(self, run: Run, success: bool) -> str:
        time = wording.exact_duration(self.clock() - self.began)
        if success:
            made = (f"\n    {it}" for it in wording.group_files(run.targets))
            return f"Finished in {time}:{''.join(made)}"
        jobs = f"{len(self.state.done)} of {len(run.jobs)} jobs done"
        failed = max(self.failures, len(self.state.failed))
        if self.interrupted:
            return f"Interrupted after {time}: {jobs}. The same command continues."
        if not failed:
            # Before the first job, a message says what to change.
            continues = " The same command continues." if self.state.done else ""
            return f"Stopped after {time}: {jobs}.{continues}"
        return (
            f"Stopped after {time}: {failed} failed, {jobs}. "
            "Fix the cause; the same command continues."
        )

    def close(self) -> None:
        """Close both handlers, as Snakemake does before it exits."""
        self.end()
        super().close()
        self.snakemakes.close()

    # ------------------------------------------------------------------------------- during the run
    def _follow(self) -> None:
        while not self.over.wait(self.poll):
            self.tick()

    def tick(self) -> None:
        """Check on the jobs and show progress, if due."""
        if self.run:
            self._guard(self._tick, self.run)

    def _tick(self, run: Run) -> None:
        now = self.clock()
        for held in list(self.held.values()):
            if now - held.created >= HOLD:
                self._release(held)
        self._poll_jobs(run)
        if now - self.logs_read >= LOG_POLL:
            self.logs_read = now
            self.state.read_logs()
            self.line = self._progress(self.state.outlook(now))
        if not self.line or "progress" in self.quiet or "all" in self.quiet:
            return
        if self.in_place:
            width = _width(self.stream)
            # Over the full width, so that output of jobs starts on the next line.
            self.stream.write(f"\r{self.line[:width]:<{width}}")
            self.stream.flush()
            self.drawn = True
        elif now - self.shown >= LINE_INTERVAL:
            self.shown = now
            self._print(self.line)

    def _poll_jobs(self, run: Run) -> None:
        """Check which jobs have ended: with --quiet, Snakemake does not log this."""
        for id in list(self.state.running):
            if run.finished(id):
                self.state.finish(id, self.clock())
            elif run.failed(id):
                self.state.fail(id)

    def _progress(self, outlook: Outlook) -> str:
        state = self.state
        running = sorted(state.running, key=lambda id: -outlook.left.get(id, 0.0))
        if self.interrupted or (self.has_failed and self.run and not self.run.keep_going):
            names = "; ".join(map(self._job, running))
            return f"Stopping, {wording.count(len(running))} still running: {names}".rstrip(": ")
        share = min(int(100 * outlook.share), 99)  # 100 only at the end
        duration = wording.rough_duration(outlook.seconds)
        left = f"{'roughly' if outlook.rough else 'about'} {duration} left"
        jobs = f"{len(state.done)} of {len(state.jobs)} jobs"
        now = "; ".join(map(self._job, running[:4]))
        return f"{share} % of the work, {left}, {jobs}: {now}".rstrip(": ")

    def _job(self, id: int) -> str:
        stage, name = self.state.stages.get(id), self.state.jobs[id].name
        return f"{stage.subject} {int(100 * stage.share)} %" if stage else name

    # ------------------------------------------------------------------------------------ output
    def _guard(self, act: Callable[..., None], *arguments: Any) -> None:
        """Act, unless this handler has failed or the run is over."""
        self.acquire()
        try:
            if self.working and not self.over.is_set():
                act(*arguments)
        except Exception as error:
            self._give_up(error)
        finally:
            self.release()

    def _erase(self) -> None:
        if self.drawn:
            self.drawn = False
            self.stream.write("\r\033[K")
            self.stream.flush()

    def _print(self, text: str) -> None:
        if "all" not in self.quiet or self.dry:
            self._erase()
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def _print_error(self, text: str) -> None:
        self._pass_on(logging.LogRecord("fmstudy", logging.ERROR, "", 0, text, (), None))

    def _pass_on(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):
            self._erase()
        self.snakemakes.handle(record)

    def _give_up(self, error: Exception) -> None:
        self.working = False
        self.over.set()
        os.environ.pop(runtime.QUIET, None)  # jobs print their own errors again
        text = f"Switching to Snakemake's own output ({type(error).__name__}: {error})."
        self._pass_on(logging.LogRecord("fmstudy", logging.WARNING, "", 0, text, (), None))
        for held in list(self.held.values()):
            self._release(held)


def install(
    logger: logging.Logger,
    settings: Any,
    describe: Callable[[], Run],
    explain: Callable[[str], str] | None = None,
) -> Terminal | None:
    """Replace Snakemake's handler for the terminal by a Terminal.

    `settings` are Snakemake's output settings.  Does nothing and returns None if they ask for
    Snakemake's own output, or if a logger plugin writes to the terminal instead.
    """
    snakemakes = next((it for it in logger.handlers if it.name == "DefaultStreamHandler"), None)
    dry = bool(getattr(settings, "dryrun", False))
    quiet = {str(getattr(it, "name", it)).lower() for it in getattr(settings, "quiet", None) or ()}
    full = os.environ.get(wording.VARIABLE) == "full" or (dry and bool(quiet))
    full |= any(getattr(settings, name, False) for name in DETAILS)
    if full or not isinstance(snakemakes, logging.StreamHandler):
        return None
    logs = [it.baseFilename for it in logger.handlers if isinstance(it, logging.FileHandler)]
    terminal = Terminal(snakemakes, describe, explain=explain, dry=dry, quiet=quiet, logs=logs)
    logger.removeHandler(snakemakes)
    logger.addHandler(terminal)
    return terminal


def _is_terminal(stream: Any) -> bool:
    return os.environ.get("TERM") != "dumb" and bool(getattr(stream, "isatty", bool)())


def _width(stream: Any) -> int:
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80
