"""The set-up installs what is locked, on any machine, and says what it cannot do."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY

SYSTEM_PACKAGES = ["dataset-fashion-mnist", "graphviz", "libpango-1.0-0", "libpangoft2-1.0-0"]
OF_TESTS = ["chromium-headless-shell", "qpdf", "poppler-utils"]
OF_SLURM = ["slurmctld", "slurmd", "slurm-client", "munge"]


# The lock files

LOCKS = ["requirements.txt", "requirements-slurm.txt", "requirements-dev.txt"]
LOCKS += ["requirements-bench.txt"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(file: str) -> set[str]:
    """Names of the packages that an .in file asks for."""
    lines = (REPOSITORY / file).read_text(encoding="utf-8").splitlines()
    return {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines if re.match(r"\w", line)}


def locked(file: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Version and hashes of each locked package, by name and the platforms it is meant for."""
    text = (REPOSITORY / file).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = re.findall(r"^([\w.-]+)==(\S+) *(?:; ([^#\n]*?))? *((?:--hash=\S+ *)*)$", text, re.M)
    assert len(entries) == len(re.findall(r"^\w", text, re.M)), f"{file} has lines of another kind"
    return {(canonical(n), marker): (version, h.split()) for n, version, marker, h in entries}


def version_of(package: str) -> str:
    [version] = {v for (name, _), (v, _) in locked("requirements.txt").items() if name == package}
    return version


@pytest.mark.parametrize("name", ["requirements", "requirements-slurm", "requirements-dev"])
def test_every_package_asked_for_is_locked(name):
    asked = direct(f"{name}.in")
    assert asked
    assert asked <= {package for package, _ in locked(f"{name}.txt")}


@pytest.mark.parametrize("file", LOCKS)
def test_every_locked_package_has_hashes(file):
    for package, (_, hashes) in locked(file).items():
        assert hashes, package
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", item) for item in hashes), package


@pytest.mark.parametrize("file", LOCKS)
def test_lock_files_hold_no_address_and_no_option(file):
    for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines():
        assert "://" not in line and " @ " not in line, line
        assert not line.startswith("-"), line


@pytest.mark.parametrize(
    ("larger", "smaller"),
    [("slurm.txt", "requirements.txt"), ("dev.txt", "requirements-slurm.txt")],
)
def test_a_larger_lock_holds_the_smaller_one(larger, smaller):
    larger = locked(f"requirements-{larger}")
    everywhere = {name: entry for (name, marker), entry in larger.items() if not marker}
    different = {
        (name, marker): entry[0]
        for (name, marker), entry in locked(smaller).items()
        if larger.get((name, marker), everywhere.get(name)) != entry
    }
    assert different == {}


def test_peers_are_locked_with_the_study_versions_of_what_they_share():
    ours = {name: version for (name, _), (version, _) in locked("requirements.txt").items()}
    peers = locked("requirements-bench.txt")
    assert direct("requirements-bench.in") <= {name for name, _ in peers}
    shared = {(name, version) for (name, _), (version, _) in peers.items() if name in ours}
    assert {name for name, _ in shared} >= {"numpy", "scipy"}
    assert shared <= set(ours.items())


def test_conda_environment_has_the_locked_versions():
    content = yaml.safe_load((REPOSITORY / "workflow/envs/study.yaml").read_text(encoding="utf-8"))
    assert content["channels"] == ["conda-forge", "nodefaults"]
    *_, with_pip = content["dependencies"]
    pins = dict(pin.split("==") for pin in with_pip["pip"])
    assert pins == {package: version_of(package) for package in direct("requirements.in")}


def test_citation_and_project_name_the_same_version():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]


# System packages, on machines made of a few fake commands


class Machine:
    """A PATH with a few real tools and fake commands that note how they were called."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.notes = folder / "bin", folder / "calls"
        self.bin.mkdir()
        for tool in ["awk", "cat", "env", "grep", "sed", "tr", "true"]:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def has(self, command: str, body: str) -> None:
        path = self.bin / command
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def has_apt(self, installed: list[str], user: int, sudo: bool, fails: str = "nothing") -> None:
        self.has("id", f"echo {user}")
        self.has(
            "dpkg",
            f'case " {" ".join(installed)} " in *" $2 "*) echo "Status: install ok installed" ;;\n'
            '*) echo "Status: deinstall ok config-files" ;; esac',
        )
        self.has(
            "apt-get",
            f'echo "$DEBIAN_FRONTEND: apt-get $*" >>"{self.notes}"\n'
            f'case "$*" in *{fails}*) echo "E: refused" >&2; exit 100 ;; esac',
        )
        self.has("sudo", f'{"" if sudo else "exit 1"}\n[ "$1" = -n ] && shift && exec "$@"')

    def install(self, name: str = "apt.txt", *options: object) -> str:
        """Run the script; give what it printed. It must succeed, whatever happens."""
        script = REPOSITORY / "scripts/install_system_packages.sh"
        done = subprocess.run(
            ["/bin/sh", script, *options, REPOSITORY / name],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def calls(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def installing(*packages: str) -> list[str]:
    """The calls that install these packages and no others, without a question."""
    return ["noninteractive: apt-get -qq update"] + [
        f"noninteractive: apt-get -qq install -y --no-install-recommends {name}"
        for name in packages
    ]


@pytest.mark.parametrize(
    ("name", "packages"),
    [("apt.txt", SYSTEM_PACKAGES), ("apt-test.txt", OF_TESTS), ("apt-slurm.txt", OF_SLURM)],
)
def test_lists_name_the_system_packages_and_what_each_is_for(machine, name, packages):
    machine.has_apt(installed=[], user=1000, sudo=False)
    output = machine.install(name)
    assert re.findall(r"^  (\S+): \w+", output, re.M) == packages


def test_nothing_is_installed_where_all_is_there(machine):
    machine.has_apt(installed=SYSTEM_PACKAGES, user=0, sudo=True)
    assert machine.install() == ""
    assert machine.calls == []


def test_root_installs_only_what_is_missing(machine):
    machine.has_apt(installed=["dataset-fashion-mnist"], user=0, sudo=False)
    machine.install()
    assert machine.calls == installing(*SYSTEM_PACKAGES[1:])


def test_a_user_with_sudo_installs_all_that_is_missing(machine):
    machine.has_apt(installed=[], user=1000, sudo=True)
    machine.install()
    assert machine.calls == installing(*SYSTEM_PACKAGES)


def test_without_rights_the_exact_command_is_printed(machine):
    machine.has_apt(installed=SYSTEM_PACKAGES[1:], user=1000, sudo=False)
    output = machine.install()
    assert machine.calls == []
    assert "sudo apt-get install --no-install-recommends dataset-fashion-mnist\n" in output
    assert "graphviz" not in output


def test_a_package_that_fails_stops_neither_the_others_nor_the_set_up(machine):
    machine.has_apt(installed=[], user=0, sudo=False, fails="install*fashion")
    output = machine.install()
    assert machine.calls == installing(*SYSTEM_PACKAGES)
    assert re.findall(r"^  (\S+): \w+", output, re.M) == ["dataset-fashion-mnist"]
    assert output.endswith("apt-get install --no-install-recommends dataset-fashion-mnist\n")


def test_an_update_that_fails_does_not_prevent_the_installation(machine):
    machine.has_apt(installed=[], user=0, sudo=False, fails="update")
    output = machine.install()
    assert machine.calls == installing(*SYSTEM_PACKAGES)
    assert "could not" not in output


def test_systems_without_apt_are_told_the_names(machine):
    output = machine.install()
    assert re.findall(r"^  (\S+): \w+", output, re.M) == SYSTEM_PACKAGES


@pytest.mark.parametrize("kind", ["no apt", "no rights", "apt fails"])
def test_what_could_not_be_had_is_tried_and_told_once(machine, tmp_path, kind):
    once = ("apt-test.txt", "--once", tmp_path / "note")
    if kind != "no apt":
        user = 0 if kind == "apt fails" else 1000
        machine.has_apt(installed=["qpdf"], user=user, sudo=False, fails="install*")
    assert "chromium-headless-shell: the browser" in machine.install(*once)
    calls = list(machine.calls)
    assert machine.install(*once) == ""
    assert machine.calls == calls

    machine.has_apt(installed=[], user=0, sudo=False)  # now one more is missing
    if kind != "no apt":
        machine.install(*once)
        assert machine.calls == calls + installing(*OF_TESTS)


def test_what_is_there_or_could_be_installed_leaves_no_note(machine, tmp_path):
    once = ("apt-test.txt", "--once", tmp_path / "note")
    machine.has_apt(installed=["qpdf"], user=0, sudo=False)
    machine.install(*once)
    assert machine.calls == installing(*(name for name in OF_TESTS if name != "qpdf"))
    machine.has_apt(installed=OF_TESTS, user=0, sudo=False)
    assert machine.install(*once) == ""
    assert not (tmp_path / "note").exists()


# The Python environment


def make_environment(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", REPOSITORY / "scripts/make_environment.sh", *map(str, arguments)],
        env={**os.environ, "PIP_NO_INDEX": "1", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_a_python_that_does_not_fit_is_named_with_the_way_out(machine, tmp_path, version):
    machine.has("python3", f"echo {version}")
    done = make_environment(tmp_path / "venv", "", "lock.txt", PATH=str(machine.bin))
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert f"python3 ({version}), python3.13 (not there)" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_debian_without_venv_is_told_what_to_install(machine, tmp_path):
    machine.has("python3.12", 'case "$*" in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac')
    done = make_environment(tmp_path / "venv", "python3.12", "lock.txt", PATH=str(machine.bin))
    assert done.returncode == 1
    assert "sudo apt-get install python3.12-venv" in done.stderr


def test_environment_is_made_once_and_again_when_it_no_longer_fits(tmp_path):
    lock, venv = tmp_path / "lock.txt", tmp_path / "venv"
    lock.write_text("# no package\n", encoding="utf-8")

    def is_current(place: Path = venv) -> bool:
        return make_environment("--check", place, "", lock).returncode == 0

    assert not is_current()
    assert make_environment(venv, sys.executable, lock).returncode == 0
    assert is_current()
    assert make_environment(venv, "", lock).stdout == ""

    lock.write_text("# other packages\n", encoding="utf-8")
    assert not is_current()
    assert make_environment(venv, "", lock).returncode == 0
    assert is_current()

    moved = venv.rename(tmp_path / "moved")  # its commands begin with the path of its Python
    assert not is_current(moved)

    # The installation of a package was interrupted: pip takes it for installed, we must not.
    (moved / ".setup-stamp").unlink()
    [installer] = moved.glob("lib/python*/site-packages/pip-*.dist-info/INSTALLER")
    installer.unlink()
    again = make_environment(moved, sys.executable, lock)
    assert again.returncode == 0
    assert "anew" in again.stdout
    assert installer.exists() and is_current(moved)


def test_a_failed_installation_is_not_taken_for_a_finished_one(tmp_path):
    lock, venv = tmp_path / "lock.txt", tmp_path / "venv"
    lock.write_text(f"a-package==1.0 --hash=sha256:{64 * '0'}\n", encoding="utf-8")
    done = make_environment(venv, sys.executable, lock)
    assert done.returncode == 1
    assert "could not be installed" in done.stderr
    assert make_environment("--check", venv, "", lock).returncode == 1


# The targets of the Makefile


@pytest.fixture
def study(tmp_path):
    """A folder with our Makefile and a finished environment whose snakemake only notes its call."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    commands = tmp_path / ".venv/bin"
    for folder in [commands, tmp_path / "scripts"]:
        folder.mkdir(parents=True)
    (tmp_path / "scripts/make_environment.sh").write_text("exit 0\n", encoding="utf-8")
    for name, body in {"python": "", "snakemake": 'echo "$@"; command -v python'}.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    return tmp_path


def make(folder: Path, *arguments: str) -> str:
    ours = ("MAKE", "MFLAGS", "PYTHON", "VENV", "CORES")  # of the make that runs these tests
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout


def test_make_alone_lists_every_target_for_people(study):
    listed = re.findall(r"^  make (\w+) +\S", make(study), re.M)
    expected = "help setup slurm report quick progress test bench lint format lock clean distclean"
    assert listed == expected.split()


@pytest.mark.parametrize(
    ("target", "request_"),
    [
        ("report", "report"),
        # before --configfile, which would take it for a second file
        ("quick", "report --configfile config/quick.yaml"),
    ],
)
def test_report_targets_call_snakemake_with_the_environment_first(study, target, request_):
    called, python = make(study, target, "CORES=3").splitlines()
    assert called == f"--cores 3 --rerun-incomplete --scheduler greedy {request_}"
    assert python == str(study / ".venv/bin/python")


def test_a_cluster_gets_the_study_and_what_submits_it(study):
    for name in ("make_environment", "install_system_packages"):
        (study / f"scripts/{name}.sh").write_text('echo "$@"\n', encoding="utf-8")
    assert " ".join(make(study, "slurm").split()).startswith(
        "apt.txt .venv requirements.txt requirements-slurm.txt Ready"
    )


def test_only_tests_look_for_the_system_packages_of_tests_and_all_start_at_once(study):
    """With the environment finished, nothing but one instant look stands before the work."""
    called = 'echo "system packages: $*"\n'
    (study / "scripts/install_system_packages.sh").write_text(called, encoding="utf-8")
    for name in ("pytest", "ruff", "snakefmt", "mypy"):
        shutil.copy(study / ".venv/bin/python", study / f".venv/bin/{name}")
    looked = [
        f"system packages: --once .venv/.no-{name} {name}.txt" for name in ("apt", "apt-test")
    ]
    assert make(study, "test").splitlines() == looked
    for target in ("report", "lint"):
        assert "system packages" not in make(study, target)


def test_clean_removes_what_the_study_makes_and_nothing_else(study):
    made = ["resources/a", "results/a/b", "logs/a", ".snakemake/a", "report/final.html"]
    kept = ["config/config.yaml", "report/notes.html", "report/templates/a.html", ".venv/a"]
    for name in made + kept:
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).touch()
    make(study, "clean")
    assert [name for name in made if (study / name).exists()] == []
    assert [name for name in kept if not (study / name).exists()] == []
