"""The study as a module of another Snakefile, in another directory."""

import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY, run_command
from fixtures.workflow import TINY, Plan, Planner, clone, snakemake

pytestmark = pytest.mark.workflow

AUTHOR = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
TINY_TEXT = TINY.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the tiny study."""
    return clone(tmp_path_factory.mktemp("study"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Another person's project, with files of the same names as the study's."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("samples: [a, b]\n")
    (tmp_path / "CITATION.cff").write_text("title: Another project\n")
    return tmp_path


def planned(planner: Planner, directory: Path, *arguments: str) -> Counter[str]:
    """The jobs of a plan, by rule; the prefix of renamed rules is left out."""
    counts = Counter(planner.planned(directory, *arguments))
    return Counter({rule.removeprefix("study_"): count for rule, count in counts.items()})


@pytest.mark.parametrize(
    ("prefix", "config", "renamed"),
    [
        ("", "", ""),
        ("    prefix: 'sub/folder'\n", "", " as study_*"),
        ("    prefix: 'sub/folder'\n", "    config: config['tiny']\n", ""),
    ],
)
def test_every_rule_can_be_used_under_any_name_and_prefix_and_with_any_configuration(
    planner: Planner, study: Path, project: Path, prefix: str, config: str, renamed: str
):
    tiny = yaml.safe_load(TINY_TEXT)
    (project / "config/config.yaml").write_text(yaml.safe_dump({"tiny": tiny}, sort_keys=False))
    (project / "Snakefile").write_text(
        "configfile: 'config/config.yaml'\n"
        f"module study:\n    snakefile: '{study}/Snakefile'\n{prefix}{config}"
        f"use rule * from study{renamed}\n"
    )
    names = ("report", "closer", "replicates", "exports", "bundle")
    targets = [f"study_{name}" if renamed else name for name in names]
    expected = planned(planner, study, *names)
    found = planned(planner, project, *targets)
    assert found == expected + Counter(report=found["report"])


def test_the_other_workflow_keeps_its_target_its_rules_and_its_output(
    planner: Planner, study: Path, project: Path
):
    (project / "Snakefile").write_text(
        "rule all:\n    input: 'mine.txt'\n"
        "rule mine:\n    output: 'mine.txt'\n    shell: 'echo > {output}'\n"
        f"module study:\n    snakefile: '{study}/Snakefile'\n"
        "use rule * from study\n"
        "assert {rule.group for rule in workflow.rules if rule.name in ('all', 'mine')} == {None}\n"
    )
    assert planner.plan(project, "all").counts() == {"all": 1, "mine": 1}
    assert planner.plan(project, "--nolock").counts() == {"all": 1, "mine": 1}, "the default"
    done = planner.snakemake(project, "--dry-run")
    assert "Job stats:" in done.stdout + done.stderr, "Snakemake's own output"


def test_a_snakefile_that_only_uses_the_study_has_its_default_target(
    planner: Planner, study: Path, tmp_path: Path
):
    text = f"module study:\n    snakefile: '{study}/Snakefile'\nuse rule * from study\n"
    (tmp_path / "Snakefile").write_text(text)
    assert planner.plan(tmp_path, "--nolock").counts()["report"] == 1


def test_the_snakefile_in_the_folder_workflow_is_the_same_study(planner: Planner, study: Path):
    same = ("--nolock", "--snakefile", "workflow/Snakefile")
    assert planner.plan(study, *same).counts() == planner.plan(study, "--nolock").counts()


def test_a_project_uses_the_study_from_a_git_host(
    planner: Planner, study: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
):
    """As snakedeploy sets it up, with a folder in place of the host."""
    host = tmp_path_factory.mktemp("host")
    shutil.copytree(study, host / "owner/study", symlinks=True)
    for arguments in (["init"], ["add", "."], [*AUTHOR, "commit", "--message=x"], ["tag", "v1"]):
        run_command("git", *arguments, cwd=host / "owner/study")
    (project / "config/config.yaml").write_text(TINY_TEXT)
    (project / "workflow").mkdir()
    (project / "workflow/Snakefile").write_text(
        "configfile: 'config/config.yaml'\n"
        "module study:\n"
        "    snakefile: github('owner/study', path='workflow/Snakefile', tag='v1')\n"
        "    config: config\n"
        "use rule * from study\n"
    )
    environment = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{host}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(host / "cache"),
    }
    command = (sys.executable, "-m", "snakemake", "part_b", "--dag")
    done = run_command(*command, cwd=project, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    assert Plan(done.stdout).counts() == planner.plan(study, "part_b").counts()


def test_its_configuration_may_extend_that_of_the_study(
    planner: Planner, study: Path, tmp_path: Path
):
    (tmp_path / "Snakefile").write_text(
        f"module study:\n    snakefile: '{study}/Snakefile'\n"
        "    config: {'extends': 'config/config.yaml', 'without': ['batchnorm'], 'seeds': [4, 5]}\n"
        "use rule * from study\n"
    )
    jobs = planner.planned(tmp_path, "part_a", "part_b")
    assert jobs["train_keras"] == 2
    assert jobs["plot_sweep"] == 2


def test_a_mistake_in_its_configuration_is_named(planner: Planner, study: Path, tmp_path: Path):
    (tmp_path / "tiny.yaml").write_text(TINY_TEXT.replace("timeout: 5", "timeot: 5"))
    (tmp_path / "Snakefile").write_text(
        "configfile: 'tiny.yaml'\n"
        f"module study:\n    snakefile: '{study}/Snakefile'\n    config: config\n"
        "use rule * from study\n"
    )
    done = planner.snakemake(tmp_path, "data", "--dry-run")
    said = done.stdout + done.stderr
    assert 'config of the module study: data.timeot: unknown key. Did you mean "timeout"?' in said
    assert "Traceback" not in said


def test_the_example_in_the_documentation_runs(study: Path, tmp_path: Path):
    page = (REPOSITORY / "docs/how-to/use-in-snakemake.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python.*?\n(.*?)```", page, re.S)
    (tmp_path / "Snakefile").write_text("\n".join(blocks))
    (tmp_path / "fmstudy").symlink_to(study)
    done = snakemake(tmp_path, "--cores", "1", "all", "fashion/results/figures/workflow.svg")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = (tmp_path / "fashion/results/tables/settings.csv").read_text().count("\n")
    assert (tmp_path / "summary.txt").read_text().split() == [str(rows)]
