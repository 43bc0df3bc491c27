"""Runs jobs in forks of processes that have already imported large libraries.

Importing TensorFlow takes longer than many trainings, and importing the libraries for tables and
figures takes longer than making one.  So a local run of Snakemake keeps one process that has
imported TensorFlow and one that has imported the other libraries (`warmserver`).  Each job asks one
of them to fork a child that runs the job's script:

    Snakemake ── starts ──> warm process ── forks ──> child: runs the job's script
        └─────── starts ──> job: hands over its script, waits, ends as the child ended

The child has the job's environment, directory and terminal, so scripts behave the same.  Jobs that
find no warm process, such as those on a cluster, run their scripts themselves.  FMSTUDY_WARM=0 in
Snakemake's environment disables warm processes.

The processes communicate through abstract sockets of Linux, which have a name but no file.  They
need no writable folder and disappear when all processes are killed.  They have no permissions
either, so each side checks that the other one belongs to the same user.

Each job imports this module before it hands over, so at the top level it imports only the standard
library.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

# Users set it to 0; for jobs, it is "@" and the beginning of the names of the sockets.
VARIABLE = "FMSTUDY_WARM"
# Kinds of jobs, each with its own warm process and socket.
TRAINING, ANALYSIS = "training", "analysis"

# Optional imports of Keras, which take 1.4 s and are not needed here.
EXTRAS = ("matplotlib", "pandas", "sklearn")


@contextmanager
def job(log_file: str, threads: int) -> Iterator[logging.Logger]:
    """Run the body of a script like `runtime.job`, with TensorFlow imported.

    If a warm process takes over, its child runs the body, and this process ends as the child ended.
    """
    with _job(log_file, threads, TRAINING) as log:
        if "tensorflow" not in sys.modules:
            started = time.monotonic()
            import_tensorflow()
            log.info("TensorFlow took %.1f s to import", time.monotonic() - started)
        yield log


@contextmanager
def analysis(log_file: str, threads: int) -> Iterator[logging.Logger]:
    """Run the body of a script that makes tables or figures like `job`, without TensorFlow."""
    with _job(log_file, threads, ANALYSIS) as log:
        yield log


@contextmanager
def _job(log_file: str, threads: int, kind: str) -> Iterator[logging.Logger]:
    if threads == 1:  # libraries fix their number of threads when they are imported
        _hand_over(log_file, kind)
    from fmstudy import runtime

    with runtime.job(log_file) as log:
        yield log


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their extras, which can be imported later."""
    hidden = [name for name in EXTRAS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # makes imports fail
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


def start() -> None:
    """Start the warm processes, and set their address in the environment of jobs.

    They cost almost nothing until the first job asks for one, and end with this process, even if it
    is killed.  If they cannot be started, jobs run without them.
    """
    # On other systems, forking after loading libraries or detecting the parent's end may fail.
    if sys.platform != "linux" or os.environ.get(VARIABLE):
        return
    with suppress(OSError):
        address = f"@fmstudy-{secrets.token_hex(8)}"
        for kind in (TRAINING, ANALYSIS):
            atexit.register(_stop, _server(kind, address))
        os.environ[VARIABLE] = address


def why_no_gpu() -> str:
    """Say why TensorFlow has no GPU, as `engines.device` does, from another process.

    A warm process must not look: a fork cannot use CUDA that its parent has initialized.
    """
    command = [sys.executable, "-P", "-m", "fmstudy.engines.device"]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"} | _environment()
    done = subprocess.run(
        command, env=os.environ | quiet, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _name(address: str, kind: str) -> str:
    """Return the name of a warm process's socket; NUL takes it out of the file system."""
    return f"\0{address[1:]}-{kind}"


def is_same_user(connection: socket.socket) -> bool:
    """Return whether the process at the other end belongs to this user."""
    size = struct.calcsize("3i")  # process, user, group
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return bool(struct.unpack("3i", peer)[1] == os.geteuid())


def _server(kind: str, address: str) -> subprocess.Popen[bytes]:
    module = "fmstudy.workflow.warmserver"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(_name(address, kind))
        listener.listen(128)
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, kind, str(listener.fileno())],
            stdin=subprocess.PIPE,  # closes when this process ends
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env=os.environ | _environment(),
        )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


def _environment() -> dict[str, str]:
    """Return the numbers of threads that Snakemake sets for jobs, and the path to our library."""
    path = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return single | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def _hand_over(log_file: str, kind: str) -> None:
    """Have a warm process run the script, and exit with its code; return if there is none.

    The job sends its standard output and error, then a line of JSON with script, directory and
    environment.  It receives a line when the child starts, and one with its exit code.
    """
    address = os.environ.get(VARIABLE, "")
    if not address.startswith("@"):
        return
    request = {"script": sys.argv[0], "directory": os.getcwd(), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(_name(address, kind))
            if not is_same_user(connection):
                return
            socket.send_fds(connection, [b"\n"], [1, 2])
            connection.sendall(json.dumps(request).encode() + b"\n")
            answers = connection.makefile("rb")
            if not answers.readline():
                return
        except OSError:
            return
        # When this process ends, the connection closes, which ends the child.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # at once, and without a traceback
        answer = answers.readline()
    code = json.loads(answer)["exit"] if answer else -signal.SIGKILL
    if code < 0:
        _report_signal(-code, log_file)
        code = 128 - code  # as in a shell
    sys.exit(code)


def signal_message(number: int) -> str:
    """Describe the signal that ended a job, with advice."""
    text = f"Ended by signal {number} ({signal.strsignal(number) or 'unknown'})."
    if number == signal.SIGKILL:
        text += " If nobody killed it, it ran out of memory: use fewer cores (snakemake --cores 1)."
    return text


def _report_signal(number: int, log_file: str) -> None:
    with open(log_file, "a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} ERROR {signal_message(number)}\n")
    from fmstudy.runtime import QUIET

    if not os.environ.get(QUIET):
        print(f"{signal_message(number)} Log: {log_file}", file=sys.stderr)
