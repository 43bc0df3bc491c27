"""The set-up installs what is locked, on any machine, and says what it cannot do."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY, run_command

from fmstudy import runtime

SYSTEM_PACKAGES = ["dataset-fashion-mnist", "graphviz", "libpango-1.0-0", "libpangoft2-1.0-0"]
OF_TESTS = ["chromium-headless-shell", "qpdf", "poppler-utils"]
OF_SLURM = ["slurmctld", "slurmd", "slurm-client", "munge"]


# The lock files

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = {"study": PROJECT["project"]["dependencies"], **PROJECT["dependency-groups"]}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(name: str) -> set[str]:
    """Names of the packages that the study or a dependency group needs, without included groups."""
    entries = [entry for entry in DECLARED[name] if isinstance(entry, str)]
    return {canonical(re.match(r"[\w.-]+", entry)[0]) for entry in entries}


def locked(name: str) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Version and hashes of each package in a lock file, by package and platform marker."""
    text = (REPOSITORY / f"requirements/{name}.txt").read_text(encoding="utf-8")
    text = text.replace("\\\n", " ")  # hashes are on separate lines
    entries = re.findall(r"^([\w.-]+)==(\S+) *(?:; ([^#\n]*?))? *((?:--hash=\S+ *)*)$", text, re.M)
    assert len(entries) == len(re.findall(r"^\w", text, re.M)), name
    return {(canonical(p), marker): (version, h.split()) for p, version, marker, h in entries}


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_package_is_locked_by_hashes_without_address_or_option(name):
    packages = locked(name)
    assert declared(name)
    assert declared(name) <= {package for package, _ in packages}
    for package, (_, hashes) in packages.items():
        assert hashes or name == "pytorch", package
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", item) for item in hashes), package
    for line in (REPOSITORY / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines():
        assert "://" not in line and " @ " not in line and not line.startswith("-"), line


@pytest.mark.parametrize(
    ("larger", "smaller"),
    [("slurm", "study"), ("lsf", "study"), ("kubernetes", "study"), ("dev", "slurm")],
)
def test_a_larger_lock_holds_the_smaller_one(larger, smaller):
    larger = locked(larger)
    everywhere = {name: entry for (name, marker), entry in larger.items() if not marker}
    different = {
        (name, marker): entry[0]
        for (name, marker), entry in locked(smaller).items()
        if larger.get((name, marker), everywhere.get(name)) != entry
    }
    assert different == {}


def test_an_environment_for_gpus_has_all_others_but_one_tensorflow():
    """Both builds have the same files, so an environment with both would be damaged."""
    versions = {
        name: {each for (package, _), (each, _) in locked(name).items() if package == "tensorflow"}
        for name in ("study", "gpu")
    }
    assert versions["gpu"] == versions["study"]
    assert locked("dev").keys() - locked("gpu").keys() == {
        (package, marker) for package, marker in locked("dev") if package.startswith("tensorflow")
    }
    assert "tensorflow-cpu" not in {package for package, _ in locked("gpu")}
    assert "nvidia-cudnn-cu12" in {package for package, _ in locked("gpu")}


def test_peers_are_locked_with_the_study_versions_of_what_they_share():
    ours = {name: version for (name, _), (version, _) in locked("study").items()}
    peers = locked("bench")
    shared = {(name, version) for (name, _), (version, _) in peers.items() if name in ours}
    assert {name for name, _ in shared} >= {"numpy", "scipy"}
    assert shared <= set(ours.items())


def test_conda_environment_has_the_locked_versions():
    content = yaml.safe_load((REPOSITORY / "workflow/envs/study.yaml").read_text(encoding="utf-8"))
    assert content["channels"] == ["conda-forge", "nodefaults"]
    *_, with_pip = content["dependencies"]
    pins = {tuple(part.strip() for part in pin.partition(";")[::2]) for pin in with_pip["pip"]}
    assert pins == {
        (f"{name}=={version}", marker)
        for (name, marker), (version, _) in locked("study").items()
        if name in declared("study")
    }


@pytest.mark.parametrize("installed", ["tensorflow", "tensorflow-cpu"])
def test_results_name_the_version_of_tensorflow_whichever_is_installed(monkeypatch, installed):
    def version(name: str) -> str:
        if name != installed:
            raise metadata.PackageNotFoundError(name)
        return "2.21.0"

    monkeypatch.setattr(metadata, "version", version)
    assert runtime.versions(["tensorflow"])["tensorflow"] == "2.21.0"


def test_without_the_packages_their_versions_are_the_locked_ones(monkeypatch):
    """As where Snakemake plans jobs that run in an environment of conda."""

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    found = runtime.versions(["tensorflow", "keras"])
    expected = {name: version for (name, _), (version, _) in locked("study").items()}
    assert found["tensorflow"] == expected["tensorflow"]
    assert found["keras"] == expected["keras"]


def test_one_version_is_named_everywhere_in_a_form_for_tags_and_packages():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    version = PROJECT["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(-rc\d+)?", version)
    assert citation["version"] == version
    assert re.search(r"^## ([^\s,]+)", changes, re.M)[1] == version


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

    def install(self, name: str = "apt", *options: object) -> str:
        """Run the script; give what it printed. It must succeed, whatever happens."""
        script = REPOSITORY / "scripts/install_system_packages.sh"
        packages = REPOSITORY / f"requirements/{name}.txt"
        done = run_command("/bin/sh", script, *options, packages, env={"PATH": str(self.bin)})
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
    [("apt", SYSTEM_PACKAGES), ("apt-test", OF_TESTS), ("apt-slurm", OF_SLURM)],
)
def test_lists_name_the_system_packages_and_what_each_is_for(machine, name, packages):
    machine.has_apt(installed=[], user=1000, sudo=False)
    output = machine.install(name)
    assert re.findall(r"^  (\S+): \w+", output, re.M) == packages


@pytest.mark.parametrize(
    ("installed", "user", "sudo", "fails", "missing"),
    [
        (SYSTEM_PACKAGES, 0, True, "nothing", []),
        (["dataset-fashion-mnist"], 0, False, "nothing", SYSTEM_PACKAGES[1:]),
        ([], 1000, True, "nothing", SYSTEM_PACKAGES),
        ([], 0, False, "update", SYSTEM_PACKAGES),
    ],
    ids=["all is there", "root", "sudo", "update fails"],
)
def test_only_what_is_missing_is_installed(machine, installed, user, sudo, fails, missing):
    machine.has_apt(installed, user, sudo, fails)
    output = machine.install()
    assert machine.calls == (installing(*missing) if missing else [])
    assert bool(output) == bool(missing)
    assert "could not" not in output


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


def test_systems_without_apt_are_told_the_names(machine):
    output = machine.install()
    assert re.findall(r"^  (\S+): \w+", output, re.M) == SYSTEM_PACKAGES


@pytest.mark.parametrize("kind", ["no apt", "no rights", "apt fails"])
def test_what_could_not_be_had_is_tried_and_told_once(machine, tmp_path, kind):
    once = ("apt-test", "--once", tmp_path / "note")
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
    once = ("apt-test", "--once", tmp_path / "note")
    machine.has_apt(installed=["qpdf"], user=0, sudo=False)
    machine.install(*once)
    assert machine.calls == installing(*(name for name in OF_TESTS if name != "qpdf"))
    machine.has_apt(installed=OF_TESTS, user=0, sudo=False)
    assert machine.install(*once) == ""
    assert not (tmp_path / "note").exists()


# The Python environment


def make_environment(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    script = REPOSITORY / "scripts/make_environment.sh"
    return run_command(
        "/bin/sh", script, *arguments, env=os.environ | {"PIP_NO_INDEX": "1"} | settings
    )


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_a_python_that_does_not_fit_is_named_with_the_way_out(machine, tmp_path, version):
    machine.has("python3", f"echo {version}")
    done = make_environment(tmp_path / "venv", "", "lock.txt", PATH=str(machine.bin))
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert f"python3 ({version}), python3.13 (not found)" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_debian_without_venv_is_told_what_to_install(machine, tmp_path):
    machine.has("python3.12", 'case "$*" in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac')
    done = make_environment(tmp_path / "venv", "python3.12", "lock.txt", PATH=str(machine.bin))
    assert done.returncode == 1
    assert "sudo apt-get install python3.12-venv" in done.stderr


@dataclass
class Environment:
    """A folder with an environment, a lock file of one package, and the only copy of that."""

    folder: Path

    def __post_init__(self) -> None:
        self.venv, self.lock = self.folder / "venv", self.folder / "lock.txt"

    def lock_package(self, version: str, name: str = "tiny") -> None:
        """Offer a version of a package, and lock it."""
        info = f"{name}-{version}.dist-info"
        members = {
            f"{name}.py": f"version = {version!r}\n",
            f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        }
        lines = [f"{member},,{len(text)}\n" for member, text in members.items()]
        members[f"{info}/RECORD"] = "".join(lines) + f"{info}/RECORD,,\n"
        wheel = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for member, text in members.items():
                archive.writestr(zipfile.ZipInfo(member), text)  # dated the same each time
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self.lock.write_text(f"{name}=={version} --hash=sha256:{digest}\n", encoding="utf-8")

    def make(self, python: str = "", *options: str) -> subprocess.CompletedProcess[str]:
        """Call the script as on a machine whose pip is told to find packages in the folder."""
        told = {"PIP_FIND_LINKS": str(self.folder), "UV_CACHE_DIR": str(self.folder / "cache")}
        return make_environment(*options, self.venv, python, self.lock, **told)

    def is_current(self) -> bool:
        return self.make("", "--check").returncode == 0

    def file(self, name: str) -> Path:
        [path] = self.venv.glob(f"lib/python*/site-packages/{name}")
        return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def environment(shared) -> Environment:
    """A finished environment, repaired where the test before has damaged it."""
    shared.lock_package("1.0")
    done = shared.make(sys.executable)
    assert done.returncode == 0, done.stderr
    return shared


def test_a_finished_environment_stays_and_new_locks_are_installed(environment):
    assert environment.is_current()
    assert environment.make(sys.executable).stdout == ""

    environment.lock_package("2.0")
    assert not environment.is_current()
    assert environment.make(sys.executable).returncode == 0
    assert environment.is_current()
    assert "2.0" in environment.file("tiny.py").read_text(encoding="utf-8")


def test_a_package_that_is_no_longer_locked_is_removed(environment):
    tiny = environment.file("tiny.py")
    environment.lock_package("1.0", name="other")
    environment.make(sys.executable)
    assert environment.file("other.py").exists()
    assert not tiny.exists()


def test_an_environment_that_was_moved_is_not_current(environment):
    """The commands in it begin with the path of its Python."""
    moved = environment.venv.rename(environment.folder / "moved")
    assert make_environment("--check", moved, "", environment.lock).returncode == 1
    moved.rename(environment.venv)
    assert environment.is_current()


def test_uv_installs_with_the_package_sources_of_pip(environment):
    environment.lock_package("2.0")
    environment.make(sys.executable)
    installer = environment.file("tiny-*.dist-info/INSTALLER")
    assert installer.read_text(encoding="utf-8").strip() == "uv"


def test_without_uv_pip_rebuilds_a_damaged_environment(environment):
    """No uv is in the environment, beside another Python, or to be had."""
    environment.file("tiny.py").unlink()
    done = environment.make()
    assert done.returncode == 0, done.stderr
    assert "Rebuilding" in done.stdout
    assert environment.file("tiny.py").exists()
    installer = environment.file("tiny-*.dist-info/INSTALLER")
    assert installer.read_text(encoding="utf-8").strip() == "pip"


@pytest.mark.parametrize("lost", ["tiny.py", "tiny-1.0.dist-info/INSTALLER"])
def test_a_package_that_lost_a_file_is_installed_again(environment, lost):
    file = environment.file(lost)
    file.unlink()
    assert "Replacing damaged packages: tiny" in environment.make(sys.executable).stdout
    assert file.exists()
    assert environment.make(sys.executable).stdout == ""


def test_a_package_whose_file_was_cut_short_is_installed_again(environment):
    """Cutting the file also cuts its copy in uv's cache, to which it is a link."""
    tiny = environment.file("tiny.py")
    with tiny.open("r+") as file:
        file.truncate(3)
    environment.make(sys.executable)
    assert tiny.read_text(encoding="utf-8") == "version = '1.0'\n"


def test_another_version_installed_by_hand_is_replaced(environment):
    locked_text = environment.lock.read_text(encoding="utf-8")
    environment.lock_package("2.0")
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-index"]
    places = ["--find-links", environment.folder, "--python", environment.venv / "bin/python"]
    assert run_command(*uv, *places, "tiny==2.0").returncode == 0
    environment.lock.write_text(locked_text, encoding="utf-8")
    assert environment.is_current()  # as far as an instant look tells
    environment.make(sys.executable)
    assert "1.0" in environment.file("tiny.py").read_text(encoding="utf-8")


def test_nothing_can_be_repaired_without_a_whole_pip(environment):
    look = [environment.venv / "bin/python", REPOSITORY / "scripts/find_damaged_packages.py"]
    assert run_command(*look).returncode == 0
    installer = environment.file("pip-*.dist-info/INSTALLER")
    text = installer.read_text(encoding="utf-8")
    installer.unlink()
    assert run_command(*look).returncode == 1
    installer.write_text(text, encoding="utf-8")


def test_a_failed_installation_is_not_taken_for_a_finished_one(environment):
    environment.lock.write_text(f"tiny==3.0 --hash=sha256:{64 * '0'}\n", encoding="utf-8")
    done = environment.make(sys.executable)
    assert done.returncode == 1
    assert "could not be installed" in done.stderr
    assert not environment.is_current()


# What set-up must never touch


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout in which somebody has also made an environment."""
    folder = tmp_path / "holds/checkout"
    shutil.copytree(REPOSITORY / "scripts", folder / "scripts", ignore=lambda _, names: {"fmstudy"})
    shutil.copy(REPOSITORY / "Makefile", folder)
    (folder / "requirements").mkdir()
    shutil.copy(REPOSITORY / "requirements/uv.txt", folder / "requirements")
    (folder / "requirements/apt.txt").touch()
    return folder


@pytest.mark.parametrize(
    ("venv", "files", "reason"),
    [
        (".", ["pyvenv.cfg"], "it contains the study itself"),
        ("..", ["../pyvenv.cfg"], "it contains the study itself"),
        ("link", ["pyvenv.cfg"], "it contains the study itself"),
        ("", [], "no folder is given"),
        ("Makefile", [], "it is not a folder"),
        ("mine", ["mine/notes.txt"], "nor a Python environment"),
        ("mine", ["mine/pyvenv.cfg", "mine/Makefile"], "it contains Makefile"),
        ("mine", ["mine/pyvenv.cfg", "mine/.git/HEAD"], "it contains .git"),
    ],
)
@pytest.mark.parametrize("target", ["setup", "distclean"])
def test_a_folder_that_is_no_environment_is_refused_whole(checkout, target, venv, files, reason):
    (checkout / "link").symlink_to(checkout)
    for file in files:
        (checkout / file).parent.mkdir(parents=True, exist_ok=True)
        (checkout / file).touch()
    (checkout / "results").mkdir(exist_ok=True)  # which `distclean` would clean, too
    before = sorted(checkout.parent.rglob("*"))
    done = run_make(checkout, target, f"VENV={venv}", f"PYTHON={sys.executable}")
    assert done.returncode != 0
    assert reason in done.stderr
    assert sorted(checkout.parent.rglob("*")) == before


def test_distclean_removes_an_environment(checkout):
    venv = checkout / ".venv"
    (venv / "lib64").mkdir(parents=True)
    for name in ("pyvenv.cfg", ".gitignore", ".setup-stamp"):
        (venv / name).touch()
    assert run_make(checkout, "distclean").returncode == 0
    assert not venv.exists()
    assert (checkout / "Makefile").exists()
    assert run_make(checkout, "distclean").returncode == 0  # nothing is left to remove


# The targets of the Makefile


@pytest.fixture
def study(tmp_path):
    """A folder with our Makefile and a finished environment whose snakemake only notes its call."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    commands = tmp_path / ".venv/bin"
    for folder in [commands, tmp_path / "scripts"]:
        folder.mkdir(parents=True)
    (tmp_path / "scripts/make_environment.sh").write_text("exit 0\n", encoding="utf-8")
    shutil.copy(REPOSITORY / "scripts/unlock.sh", tmp_path / "scripts")
    for name, body in {"python": "", "snakemake": 'echo "$@"; command -v python'}.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    return tmp_path


def run_make(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    ours = ("MAKE", "MFLAGS", "PYTHON", "VENV", "CORES")  # of the make that runs these tests
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)} | more
    return run_command("make", *arguments, cwd=folder, env=env)


def make(folder: Path, *arguments: str, **more: str) -> str:
    done = run_make(folder, *arguments, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_lists_every_target_for_people(study):
    listed = re.findall(r"^  make (\S+) +\S", make(study), re.M)
    expected = """
        help setup slurm lsf kubernetes gpu report new quick compare predict test test-faults
        test-all bench lint audit hooks format docs schemas lock clean distclean
    """
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
    assert called == f"--cores 3 {request_}"
    assert python == str(study / ".venv/bin/python")


@pytest.mark.parametrize(
    ("given", "folder"), [("", "results"), ("quick", "results/quick"), ("my/mine/", "results/mine")]
)
def test_pictures_are_predicted_with_names_and_settings_as_they_are_given(study, given, folder):
    program = '#!/bin/sh\nfor it in "$@"; do echo "<$it>"; done\n'
    (study / ".venv/bin/python").write_text(program, encoding="utf-8")
    settings = {"IMAGE": "a 'b' & $(c) $d.png", "MODELS": "A B-L2", "JSON": "x y.json"}
    done = make(
        study, "predict", *(f"{key}={it}" for key, it in settings.items()), f"STUDY={given}"
    )
    wanted = ["scripts/predict_images.py", "--results", folder, "--models", "A B-L2"]
    wanted += ["--picture", "", "--json", "x y.json", "--", "a 'b' & $(c) $d.png"]
    assert done.splitlines() == [f"<{it}>" for it in wanted]
    refused = run_make(study, "predict")
    assert refused.returncode != 0
    assert "make predict IMAGE=photo.jpg" in refused.stderr


def test_a_new_study_is_a_copy_that_runs_under_its_name(study):
    template = study / "config/studies/digits/config.yaml"
    template.parent.mkdir(parents=True)
    template.write_text("title: Digits\n", encoding="utf-8")
    assert make(study, "new", "STUDY=mine").strip().endswith("make report STUDY=mine")
    assert (study / "config/studies/mine/config.yaml").read_text() == "title: Digits\n"
    called = "report --configfile config/studies/mine/config.yaml"
    assert make(study, "report", "STUDY=mine", "CORES=3").splitlines()[0] == f"--cores 3 {called}"
    called = f"report --configfile {template}"
    path = make(study, "report", f"STUDY={template.parent}", "CORES=3")
    assert path.splitlines()[0] == f"--cores 3 {called}"
    for words, said in (
        (["new"], "Name the study"),
        (["new", "STUDY=../x"], "Name the study"),
        (["new", "STUDY=quick"], "belongs to something else"),
        (["new", "STUDY=comparison"], "belongs to something else"),
        (["new", "STUDY=mine"], "exists already"),
        (["new", "STUDY=other", "FROM=none"], "Studies: digits mine"),
        (["report", "STUDY=none"], "make new STUDY=none"),
    ):
        done = run_make(study, *words)
        assert done.returncode
        assert said in done.stderr


@pytest.mark.parametrize("target", ["quick", "test", "lint"])
def test_modules_of_another_installation_do_not_get_into_the_environment(study, target):
    (study / "scripts/install_system_packages.sh").touch()
    for name in ("python", "snakemake", "pytest", "ruff", "snakefmt", "codespell", "mypy"):
        command = study / ".venv/bin" / name
        command.write_text('#!/bin/sh\necho "$PYTHONPATH$PYTHONHOME"\n', encoding="utf-8")
        command.chmod(0o755)
    assert make(study, target, PYTHONPATH="elsewhere", PYTHONHOME="elsewhere").strip() == ""


@pytest.fixture
def lock(study):
    """The lock of a run in the folder, as Snakemake leaves it when it is killed."""
    lock = study / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("results/x.csv\n", encoding="utf-8")
    return lock


def test_the_lock_of_a_killed_run_is_removed_before_the_next(study, lock):
    said, called, _ = make(study, "quick").splitlines()
    assert said == "Removed the lock of a run that was killed here."
    assert called.endswith("config/quick.yaml")
    assert not lock.exists()
    assert "Removed" not in make(study, "quick")


@pytest.mark.parametrize("name", ["snakemake", "x/.snakemake/scripts/tmp1.py", "fmstudy.warm"])
def test_the_lock_of_a_live_run_or_job_stays_where_it_is(study, lock, name):
    (link := study / "link").symlink_to(study)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", name],
        cwd=link,
        stdin=subprocess.PIPE,
    ) as process:
        make(study, "report")
        assert lock.exists()
        process.stdin.close()
    make(study, "report")
    assert not lock.exists()


@pytest.mark.parametrize("says", ["echo nfs", "echo 'UNKNOWN (0x19830326)'", "exit 1"])
def test_a_lock_on_a_disk_that_other_machines_may_use_stays(study, lock, says):
    (study / ".venv/bin/stat").write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
    (study / ".venv/bin/stat").chmod(0o755)
    path = f"{study / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    make(study, "report", PATH=path)
    assert lock.exists()


@pytest.mark.parametrize("home", ["missing", "a file", "a folder"])
def test_caches_go_into_the_study_where_the_home_folder_cannot_have_them(study, tmp_path, home):
    command = study / ".venv/bin/snakemake"
    command.write_text('#!/bin/sh\necho "$XDG_CACHE_HOME $MPLCONFIGDIR"\n', encoding="utf-8")
    path = tmp_path / "home"
    if home == "a file":
        path.touch()
    elif home == "a folder":
        path.mkdir()
    caches = study / ".snakemake/caches"
    expected = "" if home == "a folder" else f"{caches} {caches}/matplotlib"
    home_folder = {"HOME": "" if home == "missing" else str(path)}
    assert make(study, "report", XDG_CACHE_HOME="", **home_folder).strip() == expected


def test_a_cluster_gets_the_study_and_what_submits_it(study):
    for name in ("make_environment", "install_system_packages"):
        (study / f"scripts/{name}.sh").write_text('echo "$@"\n', encoding="utf-8")
    assert " ".join(make(study, "slurm").split()).startswith(
        "requirements/apt.txt .venv requirements/study.txt requirements/slurm.txt Ready"
    )


@pytest.mark.parametrize("target", ["setup", "slurm", "gpu", "report", "test"])
def test_an_environment_for_gpus_stays_one(study, target):
    """Whatever is installed later comes from its lock, the last one named, which holds it all."""
    (study / "scripts/make_environment.sh").write_text('echo "$@"\n', encoding="utf-8")
    (study / "scripts/install_system_packages.sh").touch()
    (study / ".venv/bin/pytest").touch(mode=0o755)
    if target != "gpu":
        assert "gpu.txt" not in make(study, target)
        (study / ".venv/.setup-stamp").write_text("3.11\n1 2 requirements/gpu.txt\n")
    [line] = re.findall(r"^(?:--check )?\.venv .*\.txt$", make(study, target), re.M)
    assert line.split()[-1] == "requirements/gpu.txt"


def test_only_tests_look_for_the_system_packages_of_tests_and_all_start_at_once(study):
    """With the environment finished, nothing but one instant look stands before the work."""
    called = 'echo "system packages: $*"\n'
    (study / "scripts/install_system_packages.sh").write_text(called, encoding="utf-8")
    for name in ("pytest", "ruff", "snakefmt", "codespell", "mypy"):
        shutil.copy(study / ".venv/bin/python", study / f".venv/bin/{name}")
    looked = [
        f"system packages: --once .venv/.no-{name} requirements/{name}.txt"
        for name in ("apt", "apt-test")
    ]
    assert make(study, "test").splitlines() == looked
    for target in ("report", "lint"):
        assert "system packages" not in make(study, target)


def test_clean_removes_what_the_study_makes_and_nothing_else(study):
    made = ["resources/a", "results/a/b", "logs/a", ".snakemake/a", "report/final.html"]
    made += ["report/playground.html", "report/quick-playground.html"]
    kept = ["config/config.yaml", "report/notes.html", "report/templates/a.html", ".venv/a"]
    for name in made + kept:
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).touch()
    make(study, "clean")
    assert [name for name in made if (study / name).exists()] == []
    assert [name for name in kept if not (study / name).exists()] == []
