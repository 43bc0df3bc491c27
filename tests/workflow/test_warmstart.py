"""Jobs start where large libraries are imported; all else is as if they had imported them.

A few lines stand for TensorFlow, which note the process that imported them; a short program
stands for Snakemake, and others for the scripts of jobs.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmstudy import runtime
from fmstudy.workflow import digest, warmstart

SCRIPTS = digest.SCRIPTS
# A script says where it is run.
TELL = """
    import json, tensorflow
    tell = {"pid": os.getpid(), "tensorflow": tensorflow.PID, "parent": os.getppid()}
    print(json.dumps(tell), flush=True)
"""
WAIT = TELL + "    time.sleep(600)\n"


class Snakemake:
    """A process that has started the warm one, and jobs that run beside each other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        program = "import os, sys; from fmstudy.workflow import warmstart; warmstart.start(); "
        program += "print(os.environ.get(warmstart.VARIABLE, ''), flush=True); sys.stdin.read()"
        # A group of processes of its own, which Ctrl-C ends without the tests.
        self.process = self._python("-c", program, stdin=subprocess.PIPE, process_group=0)
        self.address = self.process.stdout.readline().strip()

    def job(
        self, body: str, threads: int = 1, kind: str = "job", before: str = "", **options
    ) -> subprocess.Popen:
        """Start a job with this body of a script; its log is job.log."""
        script = self.folder / f"job-{len(list(self.folder.iterdir()))}.py"
        script.write_text(
            f"import os, signal, sys, time\n{before}\n"
            "from fmstudy.workflow import warmstart\n"
            f"with warmstart.{kind}({str(self.log)!r}, {threads}) as log:\n"
            + textwrap.indent(textwrap.dedent(body), "    ")
        )
        environment = {**self.environment, "FMSTUDY_WARM": self.address}
        options["env"] = environment | options.get("env", {})
        return self._python(str(script), process_group=self.process.pid, **options)

    @property
    def log(self) -> Path:
        return self.folder / "job.log"

    def _python(self, *arguments: str, **options) -> subprocess.Popen:
        options = {"env": self.environment, "stderr": subprocess.PIPE} | options
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Processes that Ctrl-C ends, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def libraries(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python finds our library, and few lines for the large ones."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    for name in ("tensorflow", "keras", "pandas"):
        (folder / f"{name}.py").write_text("import os\nPID = os.getpid()\n")
    path = os.pathsep.join([str(SCRIPTS), str(folder)])
    return {**os.environ, "PYTHONPATH": path, "FMSTUDY_WARM": ""}


@pytest.fixture
def snakemake(tmp_path: Path, libraries: dict[str, str]) -> Iterator[Snakemake]:
    """A run of Snakemake that has started, and ends with the test."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    run = Snakemake(folder, libraries)
    yield run
    run.process.communicate("")


def told(job: subprocess.Popen) -> dict[str, int]:
    return json.loads(job.stdout.readline())


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something holds within a minute."""
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def has_ended(pid: int) -> bool:
    """Whether a process is no more, or nothing of it but its entry."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def sockets(address: str) -> list[str]:
    """The kinds of the warm processes that still listen at an address."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return sorted(it.rpartition("-")[2] for it in lines if f" {address}-" in it)


# ------------------------------------------------------------------------- where jobs run
def test_jobs_share_one_import_and_have_a_process_each(snakemake: Snakemake):
    jobs = [snakemake.job(WAIT) for _ in range(3)]
    where = [told(job) for job in jobs]
    assert len({each["tensorflow"] for each in where}) == 1
    assert {each["parent"] for each in where} == {where[0]["tensorflow"]}
    assert len({each["pid"] for each in where} | {job.pid for job in jobs}) == 6
    for job in jobs:
        job.kill()
        job.communicate()


def test_jobs_that_do_not_train_start_where_their_own_libraries_are_imported(
    snakemake: Snakemake, libraries: dict[str, str]
):
    folder = Path(libraries["PYTHONPATH"].split(os.pathsep)[1])
    for name in (
        *("matplotlib.pyplot", "matplotlib.backends.backend_agg"),
        *("matplotlib.backends.backend_svg", "sklearn.metrics"),
    ):
        *packages, module = name.split(".")
        (package := folder.joinpath(*packages)).mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / f"{module}.py").write_text("import os\nPID = os.getpid()\n")
    body = """
        import json, matplotlib.pyplot
        tell = {"matplotlib": matplotlib.pyplot.PID, "tensorflow": "tensorflow" in sys.modules}
        print(json.dumps({**tell, "pid": os.getpid(), "parent": os.getppid()}), flush=True)
    """
    training = told(snakemake.job(TELL))
    where = [told(snakemake.job(body, kind="analysis")) for _ in range(2)]
    assert {each["parent"] for each in where} == {where[0]["matplotlib"]}
    assert len({training["parent"], where[0]["parent"], *(each["pid"] for each in where)}) == 4
    assert not any(each["tensorflow"] for each in where)


@pytest.mark.parametrize(
    ("address", "threads"),
    [("", 1), ("0", 1), ("@nowhere", 1), (None, 2)],
    ids=["none", "turned off", "ended", "more threads"],
)
def test_a_job_that_finds_no_warm_process_or_may_not_use_it_runs_its_script(
    snakemake: Snakemake, address: str | None, threads: int
):
    environment = {} if address is None else {"FMSTUDY_WARM": address}
    job = snakemake.job(TELL, threads, env=environment)
    where = told(job)
    assert where["pid"] == where["tensorflow"] == job.pid
    assert job.wait() == 0


def test_a_job_runs_its_script_when_the_warm_process_cannot_import(
    snakemake: Snakemake, libraries: dict[str, str]
):
    module = Path(libraries["PYTHONPATH"].split(os.pathsep)[1]) / "tensorflow.py"
    module.write_text("raise ImportError('half installed')\n")
    job = snakemake.job(TELL)
    _, errors = job.communicate()
    assert job.returncode == 1
    assert "half installed" in errors
    assert "Traceback" in snakemake.log.read_text()
    assert eventually(lambda: sockets(snakemake.address) == ["analysis"])


def test_a_script_finds_directory_environment_and_streams_of_its_job(
    snakemake: Snakemake, tmp_path: Path
):
    body = """
        print(os.getcwd(), ascii(os.environ["GIVEN"]), os.environ.get("FMSTUDY_WARM"), sys.argv)
        print(repr(sys.stdin.read()))
        os.system("echo from below >&2")
        log.warning("from the script")
        sys.exit(3)
    """
    given = "ä \udcff"  # a byte that is no UTF-8, as Python has it
    job = snakemake.job(body, cwd=tmp_path, env={"GIVEN": given})
    output, errors = job.communicate()
    assert job.returncode == 3
    first, second = output.splitlines()
    assert first == f"{tmp_path} {given!a} None ['{job.args[1]}']"
    assert second == "''"
    assert errors == "from the script\n"
    assert "TensorFlow took" not in snakemake.log.read_text()
    assert snakemake.log.read_text().startswith("from below\n")


# ----------------------------------------------------------------------------- how jobs end
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("body", "code", "on_screen", "in_log"),
    [
        ("pass", 0, "", ""),
        ("sys.exit(3)", 3, "", ""),
        (
            "from fmstudy.runtime import StudyError; raise StudyError('no such file')",
            1,
            "no such file\n",
            "ERROR no such file\n",
        ),
        (
            "1 / 0",
            1,
            "ZeroDivisionError: division by zero\nThis is a bug",
            "Traceback (most recent",
        ),
    ],
    ids=["well", "by a code", "by a mistake", "by a fault"],
)
def test_a_job_ends_as_its_script_does(
    snakemake: Snakemake, warm: bool, body: str, code: int, on_screen: str, in_log: str
):
    job = snakemake.job(body, env={} if warm else {"FMSTUDY_WARM": "0"})
    _, errors = job.communicate()
    assert job.returncode == code
    assert on_screen in errors
    assert bool(errors) == bool(on_screen)
    assert "Traceback" not in errors
    assert in_log in snakemake.log.read_text()


def test_a_job_whose_child_was_killed_says_so(snakemake: Snakemake):
    job = snakemake.job("os.kill(os.getpid(), signal.SIGKILL)")
    _, errors = job.communicate()
    assert job.returncode == 128 + signal.SIGKILL
    expected = warmstart.signal_message(signal.SIGKILL)
    assert errors == f"{expected} Log: {snakemake.log}\n"
    assert f"ERROR {expected}\n" in snakemake.log.read_text()


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), signal.SIGKILL)", "1 / 0"])
def test_errors_are_for_the_log_alone_where_somebody_reads_it(snakemake: Snakemake, body: str):
    job = snakemake.job("log.warning('heed this'); " + body, env={runtime.QUIET: "1"})
    _, errors = job.communicate()
    assert errors == "heed this\n"
    assert " ERROR " in snakemake.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_is_ended_takes_its_child_along(snakemake: Snakemake, number: int):
    job = snakemake.job(WAIT)
    child = told(job)["pid"]
    job.send_signal(number)
    assert job.wait() == -number
    assert job.stderr.read() == ""
    assert eventually(lambda: has_ended(child))
    assert told(snakemake.job(TELL))["pid"] != child  # and others go on


def test_a_job_whose_warm_process_ends_says_so_and_takes_its_child_along(snakemake: Snakemake):
    job = snakemake.job(WAIT)
    where = told(job)
    os.kill(where["tensorflow"], signal.SIGKILL)
    assert job.wait() == 128 + signal.SIGKILL
    assert eventually(lambda: has_ended(where["pid"]))
    later = snakemake.job(TELL)
    assert told(later)["pid"] == later.pid


# ------------------------------------------------------------------- how long all this lives
def end(snakemake: Snakemake) -> None:
    snakemake.process.stdin.close()


@pytest.mark.parametrize(
    "ending",
    [
        end,
        lambda it: it.process.terminate(),
        lambda it: it.process.kill(),
        lambda it: os.killpg(it.process.pid, signal.SIGINT),
    ],
    ids=["by itself", "terminated", "killed", "Ctrl-C"],
)
def test_nothing_outlives_snakemake(
    tmp_path: Path, libraries: dict[str, str], ending: Callable[[Snakemake], None]
):
    folder = tmp_path / "jobs"
    folder.mkdir()
    started = Snakemake(folder, libraries)
    job = started.job(WAIT)
    where = told(job)
    ending(started)
    assert job.wait(60) in (128 + signal.SIGKILL, -signal.SIGINT)
    for process in (started.process.pid, where["tensorflow"], where["pid"]):
        assert eventually(lambda process=process: has_ended(process))
    assert eventually(lambda: not sockets(started.address))
    started.process.wait()


# ----------------------------------------------------------------------------- other users
PRETEND = "import os; os.geteuid = lambda: 4321; "  # to be somebody else


def test_a_job_of_somebody_else_runs_its_script_itself(snakemake: Snakemake):
    job = snakemake.job(TELL, before=PRETEND)
    assert told(job)["pid"] == job.pid


def test_nothing_runs_for_somebody_else(tmp_path: Path, libraries: dict[str, str]):
    (tmp_path / "libraries/sitecustomize.py").write_text(
        "import sys\nif 'fmstudy.workflow.warmserver' in sys.orig_argv:\n    " + PRETEND
    )
    run = Snakemake(tmp_path, libraries)
    job = run.job(TELL)
    assert told(job)["pid"] == job.pid
    run.process.communicate("")


def test_nothing_is_left_in_folders_when_all_processes_are_killed(
    tmp_path: Path, libraries: dict[str, str]
):
    (temporary := tmp_path / "temporary").mkdir()
    run = Snakemake(tmp_path, libraries | {"TMPDIR": str(temporary)})
    assert sockets(run.address) == ["analysis", "training"]
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    assert not list(temporary.iterdir())
    assert eventually(lambda: not sockets(run.address))


def test_another_user_gets_no_child(snakemake: Snakemake):
    if os.geteuid() != 0:
        pytest.skip("only root can start processes of another user")
    program = """
        import os, socket, sys
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(chr(0) + sys.argv[1])
            print(connection.recv(1))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), f"{snakemake.address[1:]}-training"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert found.stdout == "b''\n" or "ConnectionResetError" in found.stderr
    assert told(snakemake.job(TELL))["pid"]  # and others go on


# ------------------------------------------------------------------------ when it is imported
def test_the_warm_process_imports_nothing_until_a_job_asks(
    snakemake: Snakemake, libraries: dict[str, str]
):
    module = Path(libraries["PYTHONPATH"].split(os.pathsep)[1]) / "tensorflow.py"
    module.write_text("import os\nPID = os.getpid()\nLATE = True\n")
    job = snakemake.job("import tensorflow; print(tensorflow.LATE)")
    assert job.stdout.readline() == "True\n"


def test_it_can_be_turned_off(libraries: dict[str, str], tmp_path: Path):
    run = Snakemake(tmp_path, libraries | {"FMSTUDY_WARM": "0"})
    assert run.address == "0"
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text()
    assert children == ""
    run.process.communicate("")


# -------------------------------------------------------------------------- what is imported
def test_tensorflow_is_imported_without_extras_that_can_be_imported_afterwards(
    libraries: dict[str, str],
):
    folder = Path(libraries["PYTHONPATH"].split(os.pathsep)[1])
    for name in warmstart.EXTRAS:
        (folder / f"{name}.py").write_text("")
    (folder / "keras.py").write_text(
        "FOUND = []\n"
        f"for name in {warmstart.EXTRAS!r}:\n"
        "    try:\n        __import__(name)\n        FOUND.append(name)\n"
        "    except ImportError:\n        pass\n"
    )
    program = """
        import pandas
        from fmstudy.workflow.warmstart import import_tensorflow
        import_tensorflow()
        import keras, matplotlib, sklearn, sys
        assert keras.FOUND == ["pandas"], keras.FOUND  # which was there before
        assert sys.modules["pandas"] is pandas
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=libraries, check=True, timeout=60
    )


def test_jobs_hand_over_before_they_import_anything_that_takes_long():
    standard = sys.stdlib_module_names | {"fmstudy"}
    files = [path for path in SCRIPTS.glob("*.py") if "with warmstart." in path.read_text()]
    assert len(files) > 4
    for path in (*files, SCRIPTS / "fmstudy/workflow/warmstart.py"):
        top = ast.parse(path.read_text(encoding="utf-8")).body
        for node in top:
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= standard, path
            elif isinstance(node, ast.ImportFrom):
                assert str(node.module).split(".")[0] in standard, path
                if str(node.module).split(".")[0] == "fmstudy":
                    assert node.module == "fmstudy.workflow", path
                    assert [alias.name for alias in node.names] == ["warmstart"], path
