"""A real SLURM of one node on this machine, for tests; it leaves nothing behind.

    python tests/slurm/slurmcluster.py squeue     # any command, while the cluster is there
    CPUS=1 python tests/slurm/slurmcluster.py sh  # look around by hand

Needs the packages in requirements/apt-slurm.txt, in the versions of Debian 12.  All files of the
cluster are in one temporary folder: configuration, key, sockets, spool, logs.  Its daemons listen
on free ports, and are ended by their process ids; an installed SLURM or munge is neither used nor
disturbed.  There is no accounting database; what ran is in `completed()`.

As root, or as any other person: then jobs run as that person.  The host's name must resolve, and
the folder for temporary files be on a local disk.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {  # Debian's package of each command
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
}
PATIENCE = 60  # seconds for the node to be ready; it takes two


class ClusterError(Exception):
    """The cluster cannot be started: what is missing, or what its daemons said."""


@dataclass
class Cluster:
    """A running cluster: its folder, the environment for its commands, its processes."""

    folder: Path
    environment: dict[str, str]
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str) -> str:
        """Run a command of SLURM, such as squeue; give what it prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def running(self) -> dict[str, str]:
        """Give what each job that runs now was submitted for, by the job's number."""
        lines = self.run("squeue", "--noheader", "--states=running", "--format=%i|%k")
        return dict(line.split("|", 1) for line in lines.splitlines())

    def training_at_work(self, directory: Path) -> str | None:
        """Give the number of a job whose training has begun, in a study that lies in `directory`.

        Before that a job starts Snakemake, twice, which takes longer than it takes to cancel it.
        """
        for log in directory.glob("logs/**/train_*/*/seed-*.log"):
            for number, comment in self.running().items():
                if f"_{log.parent.name}_" in comment:
                    return number
        return None

    def completed(self) -> list[dict[str, str]]:
        """Give the record that SLURM has kept of each job that has ended, in that order."""
        path = self.folder / "completed"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [dict(item.split("=", 1) for item in line.split() if "=" in item) for line in lines]

    def start(self, *command: str) -> None:
        """Start a daemon in the foreground, so that its process is ours to end."""
        log = self.folder / f"{Path(command[0]).name}.out"
        with open(log, "w", encoding="utf-8") as out:
            self.daemons.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            )

    def stop(self) -> None:
        """End what runs: first the jobs, for which their node has to be there, then the daemons."""
        try:
            self.run("scancel", f"--user={os.getuid()}")
            end = time.monotonic() + 20  # after KillWait they are ended by force
            while self.run("squeue", "--noheader") and time.monotonic() < end:
                time.sleep(0.1)
        except (ClusterError, FileNotFoundError):
            pass  # the controller never answered
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def missing_packages() -> list[str]:
    """Name the packages of Debian that a cluster needs and this machine lacks."""
    return [package for command, package in PACKAGES.items() if not find(command)]


def find(command: str) -> str | None:
    """Find a command, also one that only root has in PATH."""
    return shutil.which(command, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


@contextmanager
def cluster(cpus: int = 2, memory_mb: int = 8000) -> Iterator[Cluster]:
    """Start a cluster, whose node runs jobs on so many processors, and end it afterwards."""
    if missing := missing_packages():
        raise ClusterError(f"no SLURM: sudo apt-get install {' '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has 107 characters
    folder.chmod(0o711)  # munge refuses a socket that not everybody could reach
    made = Cluster(folder, os.environ | {"SLURM_CONF": str(folder / "slurm.conf")})
    try:
        wrap_srun(made)
        configure(made, cpus, memory_mb)
        start_munge(made)
        made.start(find("slurmctld"), "-D", "-c", "-f", str(folder / "slurm.conf"))
        made.start(find("slurmd"), "-D", "-N", "localhost", "-f", str(folder / "slurm.conf"))
        wait_until_ready(made)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wrap_srun(made: Cluster) -> None:
    """Put an srun first in PATH that knows where the configuration is.

    Within a job, Snakemake's plugin calls srun without any variable that begins with SLURM_, so
    that the real one would look for an installed SLURM.
    """
    bin = made.folder / "bin"
    bin.mkdir()
    srun = bin / "srun"
    configuration = made.environment["SLURM_CONF"]
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {find("srun")} "$@"\n')
    srun.chmod(0o755)
    made.environment["PATH"] = f"{bin}:{made.environment.get('PATH', os.defpath)}"


def start_munge(made: Cluster) -> None:
    """Start the service that signs what SLURM's parts say to each other, with a key of its own."""
    key = made.folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {"key": key, "pid": "munge.pid", "log": "munge.log", "seed": "munge.seed"}
    options = [f"--{name}-file={made.folder / path}" for name, path in files.items()]
    made.start(find("munged"), "--foreground", f"--socket={made.folder / 'munge'}", *options)
    wait(made, (made.folder / "munge").exists)


def configure(made: Cluster, cpus: int, memory_mb: int) -> None:
    """Write slurm.conf: one node that shares out processors and memory, and no accounting."""
    folder, user = made.folder, os.getuid()
    controller, node = free_ports(2)
    (folder / "slurm.conf").write_text(
        f"""\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# A container lets nobody make control groups, so processes are followed by their group.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed
MinJobAge=300
KillWait=5
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb}
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
""",
        encoding="utf-8",
    )


def free_ports(count: int) -> list[int]:
    """Give ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until_ready(made: Cluster) -> None:
    """Wait until the node takes jobs."""

    def is_idle() -> bool:
        try:
            return made.run("sinfo", "--noheader", "--format=%T").strip() == "idle"
        except ClusterError:
            return False  # the controller does not answer yet

    wait(made, is_idle)


def wait(made: Cluster, is_so: Callable[[], bool]) -> None:
    """Wait until something is so, or tell what the daemons said of why it is not."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        ended = [daemon.args[0] for daemon in made.daemons if daemon.poll() is not None]
        if ended or time.monotonic() > end:
            what = f"{ended[0]} ended" if ended else f"not ready after {PATIENCE} s"
            logs = sorted(made.folder.glob("*.log")) + sorted(made.folder.glob("*.out"))
            said = "\n".join(path.read_text(errors="replace")[-2000:] for path in logs)
            raise ClusterError(f"The cluster does not start: {what}.\n{said}")
        time.sleep(0.1)


def main(command: Sequence[str]) -> int:
    """Run a command while a cluster is there; give its exit code."""
    if not command:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # and end the daemons
    try:
        with cluster(cpus=int(os.environ.get("CPUS", "2"))) as made:
            return subprocess.run(command, env=made.environment, check=False).returncode
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
