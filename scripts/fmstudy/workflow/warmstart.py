"""Jobs start where the large libraries that they use are already imported.

To import TensorFlow takes seconds of a core; many a training takes less.  To import what makes
tables and figures takes longer than to make one.  So a local run of Snakemake keeps one process
that has imported TensorFlow and one that has imported the others, which have done nothing else
(`warmserver`), and each job asks one of them for a copy of itself, a fork, that goes on
with the job's script:

    Snakemake ── starts ──> warm process ── forks ──> child: runs the job's script
        └─────── starts ──> job: hands its script over, waits, ends as the child ended

The child has the job's environment, directory and terminal, so all that a script does is the same
as without; and a job that finds no warm process, such as one on a cluster, runs its script itself.
FMSTUDY_WARM=0 in the environment of Snakemake turns it off.

Quick to import, because each job does before it hands over: nothing here at the top may import
more than the standard library.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

# What a person sets to 0; and what tells a job the directory of the warm processes' sockets.
VARIABLE = "FMSTUDY_WARM"
# The kinds of jobs, each with a warm process and a socket of its own.
TRAINING, ANALYSIS = "training", "analysis"

# Keras imports these where it finds them, for uses that are none of ours: 1.4 s of a core.
EXTRAS = ("matplotlib", "pandas", "sklearn")


@contextmanager
def job(log_file: str, threads: int) -> Iterator[logging.Logger]:
    """Run the body of a script as `runtime.job` does, where TensorFlow is imported.

    Where the warm process takes the script over, the body is run by a child of it: here the
    process ends as that child ended.  It takes over jobs of one thread, because libraries are
    told how many threads they have when they are imported.
    """
    if threads == 1:
        _hand_over(log_file, TRAINING)
    from fmstudy import runtime

    with runtime.job(log_file) as log:
        if "tensorflow" not in sys.modules:
            started = time.monotonic()
            import_tensorflow()
            log.info("TensorFlow took %.1f s to import", time.monotonic() - started)
        yield log


@contextmanager
def analysis(log_file: str, threads: int) -> Iterator[logging.Logger]:
    """Run the body of a script that makes tables or figures, without TensorFlow.

    Where the other warm process takes the script over, all is as `job` has it.
    """
    if threads == 1:
        _hand_over(log_file, ANALYSIS)
    from fmstudy import runtime

    with runtime.job(log_file) as log:
        yield log


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their extras, which can be imported afterwards."""
    left_out = [name for name in EXTRAS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]  # not to be found
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        for name in left_out:
            del sys.modules[name]


def start() -> None:
    """Start the warm processes, and tell the jobs by the environment where they are.

    They cost next to nothing until the first job asks for one, and they end with this process,
    however that ends.  Where they cannot be started, jobs do without.
    """
    # Elsewhere a process may not be forked after libraries were loaded, or left without a parent.
    if sys.platform != "linux" or os.environ.get(VARIABLE):
        return
    with suppress(OSError):
        directory = tempfile.TemporaryDirectory(prefix="fmstudy-")  # for nobody else's eyes
        atexit.register(directory.cleanup)
        for kind in (TRAINING, ANALYSIS):
            atexit.register(_stop, _server(kind, directory.name))
        os.environ[VARIABLE] = directory.name


def _server(kind: str, directory: str) -> subprocess.Popen[bytes]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(directory) / kind))
        listener.listen(128)
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "fmstudy.workflow.warmserver", str(listener.fileno())],
            stdin=subprocess.PIPE,  # the end of which tells it that we have ended
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env=os.environ | _of_one_thread() | _finding_the_library(),
        )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


def _of_one_thread() -> dict[str, str]:
    """What Snakemake sets for a job of one thread, as far as libraries of ours look at it."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _finding_the_library() -> dict[str, str]:
    there = str(Path(__file__).resolve().parents[2])
    return {"PYTHONPATH": os.pathsep.join([there, *filter(None, [os.environ.get("PYTHONPATH")])])}


def _hand_over(log_file: str, kind: str) -> None:
    """End as the script ends in a child of the warm process; return if there is no such process.

    What goes over the socket: standard output and error, then a line of JSON with script, directory
    and environment; back comes a line when the child starts, and one with how it ended.
    """
    directory = os.environ.get(VARIABLE, "")
    if not os.path.isabs(directory):
        return
    request = {"script": sys.argv[0], "directory": os.getcwd(), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.path.join(directory, kind))
            socket.send_fds(connection, [b"\n"], [1, 2])
            connection.sendall(json.dumps(request).encode() + b"\n")
            answers = connection.makefile("rb")
            if not answers.readline():
                return
        except OSError:
            return
        # Whatever ends this process from now on closes the connection, and that ends the child.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # at once, and without a traceback
        answer = answers.readline()
    code = json.loads(answer)["exit"] if answer else -signal.SIGKILL
    if code < 0:
        _tell_of_signal(-code, log_file)
        code = 128 - code  # as a shell has it
    sys.exit(code)


def ending(number: int) -> str:
    """Say that a signal ended a job, and what to do about it."""
    text = f"Ended by signal {number} ({signal.strsignal(number) or 'unknown'})."
    if number == signal.SIGKILL:
        text += " Unless somebody killed it, memory ran out: use fewer cores (snakemake --cores 1)."
    return text


def _tell_of_signal(number: int, log_file: str) -> None:
    with open(log_file, "a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {ending(number)}\n")
    from fmstudy.runtime import QUIET

    if not os.environ.get(QUIET):
        print(f"{ending(number)} Log: {log_file}", file=sys.stderr)
