"""A warm process: it has imported large libraries, and forks a child for each job that asks.

`warmstart` starts it and says how jobs talk to it.  Nothing but the import may happen in
it: no operation, no thread, for a fork does not take threads along.  And what trains, tells or
draws is imported after the fork, so a child runs the code as it is, not as it was.

The fork server of `multiprocessing` is not for this: it serves only the process that started it,
while jobs are processes that Snakemake starts, and it takes functions to call by pickle.
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
from pathlib import Path
from typing import NamedTuple

from fmstudy.workflow.warmstart import TRAINING, VARIABLE, import_tensorflow

PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent ends


class Child(NamedTuple):
    """A fork that runs a job's script.

    connection   to the job that waits for it
    ended        the end of a pipe of which the child holds the other one, as long as it lives
    """

    pid: int
    connection: socket.socket
    ended: int


def main(listener: socket.socket) -> None:
    """Serve the jobs that connect to a listening socket until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the jobs, and they their children
    server = os.getpid()
    address, connection = Path(listener.getsockname()), None
    try:
        connection = serve(listener)
    finally:
        if connection is None:  # this is not a child
            with suppress(OSError):
                address.unlink()
                address.parent.rmdir()  # by the last to leave
    if connection is not None:
        run(connection, server)


def serve(listener: socket.socket) -> socket.socket | None:
    """Fork for each job that connects.

    Returns twice: in each child, with the connection to its job; in the end, with None.
    """
    kind = Path(listener.getsockname()).name
    children: dict[int, Child] = {}  # by each of their descriptors
    poll = select.poll()
    poll.register(0, 0)  # that the other side has hung up is told unasked
    poll.register(listener, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                return None
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                load(kind)  # the first job waits for it
                try:
                    child = fork(connection)
                except OSError:  # no process or memory left: the job runs its script itself
                    connection.close()
                    continue
                if child is None:
                    listener.close()
                    for other in set(children.values()):
                        other.connection.close()
                        os.close(other.ended)
                    return connection
                for own in (child.connection.fileno(), child.ended):
                    children[own] = child
                    poll.register(own, 0)
            elif descriptor in children:
                child = children[descriptor]
                if descriptor == child.connection.fileno():  # its job has gone
                    os.kill(child.pid, signal.SIGKILL)
                for own in (child.connection.fileno(), child.ended):
                    del children[own]
                    poll.unregister(own)
                finish(child)


def load(kind: str) -> None:
    """Import, once, what takes long for jobs of this kind."""
    if kind == TRAINING:
        import_tensorflow()
    else:
        import matplotlib.pyplot  # noqa: F401
        import sklearn.metrics  # noqa: F401  # and with it scipy.stats and scipy.optimize
        import yaml  # noqa: F401
        from matplotlib.backends import backend_agg, backend_svg  # noqa: F401
    import pandas  # noqa: F401
    from snakemake import iocontainers, logging  # noqa: F401  # with which every script begins

    gc.freeze()  # else each child would go through, and so copy, all that the modules hold


def fork(connection: socket.socket) -> Child | None:
    """Fork; gives None in the child."""
    ended, held = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(ended)
        os.close(held)
        raise
    os.close(held if pid else ended)
    return Child(pid, connection, ended) if pid else None


def finish(child: Child) -> None:
    """Tell the job, if it is still there, how its child has ended."""
    _, status = os.waitpid(child.pid, 0)
    with child.connection, suppress(OSError):
        answer = {"exit": os.waitstatus_to_exitcode(status)}
        child.connection.sendall(json.dumps(answer).encode() + b"\n")
    os.close(child.ended)


def run(connection: socket.socket, server: int) -> None:
    """Become the job: take its terminal, directory and environment, and run its script."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        return  # which has ended before it could matter to us
    with connection, open(os.devnull) as nothing:
        _, (out, err), _, _ = socket.recv_fds(connection, 1, 2)
        for source, target in ((nothing.fileno(), 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        os.close(out)
        os.close(err)
        request = json.loads(connection.makefile("rb").readline())
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        del os.environ[VARIABLE]  # it runs here
        connection.sendall(b"started\n")
    sys.argv = [request["script"]]
    runpy.run_path(request["script"], run_name="__main__")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
