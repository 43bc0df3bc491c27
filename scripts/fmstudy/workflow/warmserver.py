"""A warm process, which has imported large libraries and forks a child for each job.

`warmstart` starts it and describes how jobs connect.  It may only import libraries, because
operations could start threads, which a fork does not copy.  The study's own code is imported after
the fork, so that children run the current code.

The fork server of `multiprocessing` does not fit: it serves only the process that started it, while
Snakemake starts the jobs, and it receives functions by pickle.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import NamedTuple

from fmstudy.workflow.warmstart import TRAINING, VARIABLE, import_tensorflow, is_same_user

PR_SET_PDEATHSIG = 1  # Linux: set the signal for the end of the parent process


class Child(NamedTuple):
    """A fork that runs a job's script."""

    pid: int
    connection: socket.socket  # to the waiting job
    ended: int  # the read end of a pipe that closes when the child ends


def main(kind: str, listener: socket.socket) -> None:
    """Serve jobs of this kind that connect to a listening socket, until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the jobs, and so their children
    server = os.getpid()
    if connection := serve(listener, kind):
        run(connection, server)


def serve(listener: socket.socket, kind: str) -> socket.socket | None:
    """Fork for each job that connects.

    Returns the connection to the job in each child, and None at the end of the server.
    """
    children: dict[int, Child] = {}  # by both of their descriptors
    poll = select.poll()
    poll.register(0, 0)  # a hang-up is always reported
    poll.register(listener, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                return None
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                if not is_same_user(connection):
                    connection.close()
                    continue
                load(kind)  # only the first job waits for it
                pipe: tuple[int, ...] = ()
                try:
                    ended, held = pipe = os.pipe()
                    pid = os.fork()
                except OSError:  # no processes or memory: the job runs its script itself
                    connection.close()
                    for end in pipe:
                        os.close(end)
                    continue
                if not pid:
                    listener.close()
                    for other in set(children.values()):
                        other.connection.close()
                        os.close(other.ended)
                    return connection
                os.close(held)
                child = Child(pid, connection, ended)
                for own in (connection.fileno(), ended):
                    children[own] = child
                    poll.register(own, 0)
            elif descriptor in children:
                child = children[descriptor]
                if descriptor == child.connection.fileno():  # its job has ended
                    os.kill(child.pid, signal.SIGKILL)
                for own in (child.connection.fileno(), child.ended):
                    del children[own]
                    poll.unregister(own)
                finish(child)


def load(kind: str) -> None:
    """Import the large libraries for jobs of this kind."""
    if kind == TRAINING:
        import_tensorflow()
    else:
        import matplotlib.pyplot  # noqa: F401
        import sklearn.metrics  # noqa: F401  # includes scipy.stats and scipy.optimize
        import yaml  # noqa: F401
        from matplotlib.backends import backend_agg, backend_svg  # noqa: F401
    import pandas  # noqa: F401
    from snakemake import iocontainers, logging  # noqa: F401  # imported by every script

    gc.freeze()  # otherwise garbage collection in children would copy the modules' memory


def finish(child: Child) -> None:
    """Report a child's exit code to its job, if that still exists."""
    _, status = os.waitpid(child.pid, 0)
    with child.connection, suppress(OSError):
        answer = {"exit": os.waitstatus_to_exitcode(status)}
        child.connection.sendall(json.dumps(answer).encode() + b"\n")
    os.close(child.ended)


def run(connection: socket.socket, server: int) -> None:
    """Run a job's script with its terminal, directory and environment."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        return  # the server ended before prctl took effect
    with connection, open(os.devnull) as null:
        _, (out, err), _, _ = socket.recv_fds(connection, 1, 2)
        for source, target in ((null.fileno(), 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        os.close(out)
        os.close(err)
        request = json.loads(connection.makefile("rb").readline())
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        del os.environ[VARIABLE]  # so that the script runs here
        connection.sendall(b"started\n")
    sys.argv = [request["script"]]
    runpy.run_path(request["script"], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
