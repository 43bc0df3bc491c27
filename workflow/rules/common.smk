# The only Python among the rules: the configuration is checked here, and the study resolved
# into the runs and files that the rules ask for.

import os
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

HERE = Path(workflow.basedir)  # of the main Snakefile
sys.path.insert(0, str(HERE / "scripts"))

from fmstudy import configuration
from fmstudy import study as studies
from fmstudy.digest import digest
from fmstudy.spec import RUN_PATTERN


def beside(path):
    """Find a file of the study in the working directory or, if it is not there, beside the Snakefile."""
    return path if Path(path).exists() else os.path.relpath(HERE / path)


DEFAULT_CONFIGURATION = beside("config/config.yaml")
# Before Snakemake reads it, because Snakemake does not say where a mistake in YAML is.
ORIGINS = configuration.read_origins([DEFAULT_CONFIGURATION, *workflow.configfiles])


configfile: DEFAULT_CONFIGURATION


def resolve_study():
    """Check the configuration and resolve it; a mistake in it ends here, before the first job."""
    schema = yaml.safe_load((HERE / "workflow/schemas/config.schema.yaml").read_text())
    problems = configuration.check_form(config, schema)
    if problems:
        raise WorkflowError(str(configuration.report(problems, ORIGINS)))
    study, problems = studies.build(config)
    if problems:
        raise WorkflowError(str(configuration.report(problems, ORIGINS)))
    rows, complaints = studies.read_published(
        beside(study.published_file), study.published_models
    )
    if complaints:
        raise WorkflowError("\n".join(complaints))
    return study


study = resolve_study()

DATA = "results/data"  # the same for every study
RESULTS = study.directory
LOGS = RESULTS.replace("results", "logs", 1)
RUN = f"{RESULTS}/runs/{{run}}/seed-{{seed}}"
RUNS = study.runs

TENSORS = {name: f"{DATA}/{name}.npy" for name in ("x_train", "y_train", "x_test", "y_test")}
TRAINED = {
    "history": f"{RUN}/history.csv",
    "metrics": f"{RUN}/metrics.json",
    "predictions": f"{RUN}/predictions.npy",
    "weights": f"{RUN}/weights.npz",
    "provenance": f"{RUN}/provenance.json",
}


wildcard_constraints:
    run=RUN_PATTERN,
    seed=r"\d+",


def specification(wildcards):
    """Give what defines a run, for the script that trains it."""
    if wildcards.run not in RUNS:
        raise WorkflowError(
            f"The configuration asks for no run called {wildcards.run}."
            f"{configuration.nearest(wildcards.run, RUNS)} Runs: {', '.join(RUNS)}."
        )
    return RUNS[wildcards.run].as_dict()


def priority(wildcards):
    """Rank trainings by their arithmetic, so that the longest start first."""
    return int(RUNS[wildcards.run].arithmetic / 1e9) if wildcards.run in RUNS else 0


def minutes(wildcards):
    """Allow a training five times what a slow core (20 GFLOP/s) needs for its arithmetic."""
    arithmetic = RUNS[wildcards.run].arithmetic if wildcards.run in RUNS else 0
    return 5 + int(5 * arithmetic / 20e9 / 60)


def of_runs(models, file):
    """Give the file that every training of the models leaves under this name, none twice."""
    paths = (
        TRAINED[file].format(run=model.run, seed=seed) for model in models for seed in model.seeds
    )
    return list(dict.fromkeys(paths))


def as_dicts(models):
    """Give what a script must know of the models, as parameters that Snakemake can track."""
    return [model.as_dict() for model in models]
