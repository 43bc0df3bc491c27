# The only Python among the rules: the configuration is checked here, and the study resolved
# into the runs and files that the rules ask for.

import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.utils import min_version, update_config

min_version("9.27")

HERE = Path(workflow.basedir)  # of the main Snakefile
sys.path.insert(0, str(HERE / "scripts"))

from fmstudy.report import pdf
from fmstudy.runtime import versions
from fmstudy.study import claims, configuration, description, experiments, plan
from fmstudy.study import published as published_numbers
from fmstudy.study.description import as_dicts
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.spec import SECTIONS
from fmstudy.workflow import estimates, layout, progress, terminal, wording
from fmstudy.workflow.digest import digest, of_study
from fmstudy.workflow.layout import DATA, TENSORS

# From here on a person sees what matters of what Snakemake says.
screen = None
if workflow.is_main_process:
    screen = terminal.install(logger, workflow.output_settings, lambda: this_run())


def beside(path):
    """Find a file of the study in the working directory or, if it is not there, beside the Snakefile."""
    return path if Path(path).exists() else os.path.relpath(HERE / path)


def refuse(error):
    """End with a message for a person, without the places in our own files."""
    logger.error(str(error))
    sys.exit(1)


if re.search("[{}]", str(HERE)):
    refuse(f"{HERE}: Snakemake takes braces for wildcards; rename the folder.")

DEFAULT_CONFIGURATION = beside("config/config.yaml")
try:  # before Snakemake reads it, because Snakemake does not say where a mistake in YAML is
    ORIGINS = configuration.read_origins([DEFAULT_CONFIGURATION, *workflow.configfiles])
except configuration.ConfigurationError as error:
    refuse(error)


configfile: DEFAULT_CONFIGURATION


update_config(config, configuration.read_command_line(workflow.config_settings.config, (), ORIGINS))


def resolve_study():
    """Check the configuration and resolve it; a mistake in it ends here, before the first job."""
    study, problems = plan.build(config)
    if problems:
        refuse(configuration.report(problems, ORIGINS))
    try:
        rows = published_numbers.read_checked(beside(study.published_file), study.published_numbers)
    except configuration.ConfigurationError as error:
        refuse(error)
    return study, rows


def resolve_claims():
    """Check what the source is said to claim against the study; a mistake ends here too."""
    ids = [row["id"] for row in PUBLISHED_ROWS]
    try:
        return claims.read(CLAIMS_FILE, study.models, study.sweeps, ids)
    except configuration.ConfigurationError as error:
        refuse(error)


def resolve_expected():
    """Check what is said of batch normalization, and what was predicted."""
    try:
        return experiments.read(beside(study.batchnorm.file))
    except configuration.ConfigurationError as error:
        refuse(error)


study, PUBLISHED_ROWS = resolve_study()
PUBLISHED_VALUES = published_numbers.values(PUBLISHED_ROWS, study.published_models)
CLAIMS_FILE = beside(study.claims_file)
CLAIMS = resolve_claims()
EXPECTED = resolve_expected()

PACKAGES = ["tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pandas", "matplotlib"]
PACKAGES += ["snakemake", "jinja2"]
PATHS = layout.Layout(study)
LOGS, FIGURES_DIRECTORY, TABLES_DIRECTORY = PATHS.logs, PATHS.figures, PATHS.tables
EXPERIMENT, NEIGHBORS = PATHS.experiment, PATHS.neighbors
TRAINED = PATHS.trained()
table, figure, figure_files, files_of_figures = (
    PATHS.table,
    PATHS.figure,
    PATHS.figure_files,
    PATHS.files_of_figures,
)
of_runs = PATHS.of_runs

ALL_MODELS = [model for model in study.models.values() if model not in study.closer.leave_out]
MODEL_GROUPS = {name: study.section(name) for name in SECTIONS} | {"depth": study.depth}
CLAIMED_MODELS = [study.models[name] for name in claims.models_of(CLAIMS)]
CLAIMED_SWEEPS = {name: study.sweeps[name] for name in claims.sweeps_of(CLAIMS)}
TOLD = description.whole(study, EXPECTED)  # to the report
TOLD |= {"versions": versions(PACKAGES), "code": of_study()}
TABLES = PATHS.all_tables()
LATEX = [str(Path(path).with_suffix(".tex")) for path in TABLES]
FIGURES = PATHS.all_figures()
SHOWN = [re.sub(r"\.svg$", ".csv", path) for path in FIGURES]  # the values in them
PICTURES = [re.sub(r"\.svg$", ".png", path) for path in FIGURES]
TEMPLATES = sorted(
    os.path.relpath(path) for path in (HERE / "report/templates").rglob("*") if path.is_file()
)
FONTS = sorted(os.path.relpath(path) for path in (HERE / "report/fonts").glob("*.ttf"))


def any_of(names):
    """Give a pattern of these names, for a wildcard; one that nothing has if there are none."""
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    seed=r"\d+",


def specification(wildcards):
    """Give what defines a run, for the script that trains it."""
    return study.runs[wildcards.run].as_dict()


def priority(rule):
    """Rank the jobs of a rule by how long they will take, so that the longest start first."""

    def of_job(wildcards):
        return estimates.priority(study, rule, named(wildcards))

    return of_job


def named(wildcards):
    """Give the run or the experiment that a job is about, if any."""
    return wildcards.get("run") or wildcards.get("experiment") or ""


def memory_of_experiment(wildcards):
    """Give the megabytes that an experiment is allowed."""
    return estimates.memory_of_experiments(study.data["train_samples"], study.data["test_samples"])


def memory(wildcards, attempt):
    """Give the megabytes that a training is allowed, and more where a cluster has found it too few."""
    return attempt * estimates.memory(study.runs[wildcards.run])


def minutes(wildcards, attempt):
    """Allow a training five times what a slow core (20 GFLOP/s) needs for its arithmetic."""
    arithmetic = study.runs[wildcards.run].arithmetic
    return attempt * (5 + int(5 * arithmetic / 20e9 / 60))


def seconds_of(job):
    """Estimate the seconds of a job; a target for people, or a touched file, takes none."""
    if job.is_norun or workflow.touch:
        return 0.0
    return estimates.seconds_of(study, job.rule.name, named(job.wildcards))


def this_run():
    """Describe what Snakemake is about to do."""
    dag, scheduler = workflow.dag, workflow.scheduler
    by_id = {job.jobid: job for job in dag.needrun_jobs()}
    jobs = [
        progress.Job(
            job.jobid,
            job.rule.name,
            seconds_of(job),
            job.wildcards_dict,
            log=str(job.log[0]) if job.log else None,
            reason=wording.why(
                dag.reason(job).get_names(),
                dag.reason(job).params_changed.only_new,
                job.params.get("code"),
            ),
        )
        for job in by_id.values()
    ]
    targets = [
        str(path)
        for job in dag.targetjobs
        for path in (job.input if job.is_norun else job.output)
        if job.is_norun or job.rule in dag.targetrules or path in dag.targetfiles
    ]
    return progress.Run(
        jobs,
        slots=workflow.cores if workflow.local_exec else min(workflow.nodes, len(jobs)),
        targets=targets,
        keep_going=workflow.execution_settings.keep_going,
        finished=lambda id: dag.finished(by_id[id]),
        failed=lambda id: by_id[id] in scheduler.failed,
        retried=lambda id: by_id[id].restart_times >= by_id[id].attempt,
    )


def call(function, **settings):
    """Name the function that makes an output, and its settings, which may depend on wildcards."""

    def of_job(wildcards):
        resolved = (
            (name, value(wildcards) if callable(value) else value)
            for name, value in settings.items()
        )
        return {"function": function} | dict(resolved)

    return of_job


def published(models):
    """Give the published values of the models that have any, by model."""
    return {
        model.name: PUBLISHED_VALUES[model.name]
        for model in models
        if model.name in PUBLISHED_VALUES
    }


def settings_of_run(wildcards):
    """Give what an experiment must know to be run; another level asked for judges it anew only."""
    settings = study.batchnorm.settings[wildcards.experiment]
    return {key: value for key, value in settings.items() if key not in ("usable", "levels")}


def runs_of_arms(wildcards):
    """Give what an experiment needs of the runs of the models that it reads off."""
    models = study.batchnorm.arms[wildcards.experiment].values()
    return of_runs(models, "metrics", "history", "predictions", "weights", "provenance")


def needed_first(wildcards):
    """Give the results that an experiment starts from, if it does from any."""
    after = EXPERIMENTS[wildcards.experiment].after
    return {"rates": PATHS.of_experiment(after, "results.csv")} if after else {}


def judging_of_experiment():
    """Name what makes an experiment's quantities, and its predictions held against them."""
    about = {
        "experiment": lambda wildcards: wildcards.experiment,
        "settings": lambda wildcards: study.batchnorm.settings[wildcards.experiment],
    }
    return {
        "quantities": call("experiments.judging.experiment_quantities", **about),
        "predictions": call(
            "experiments.judging.experiment_predictions",
            expected=lambda wildcards: EXPECTED.of(wildcards.experiment),
            **about,
        ),
    }


def judging_of(models):
    """Name what holds the published numbers against these models."""
    return call(
        "analysis.ledger.ledger_table",
        published=PUBLISHED_ROWS,
        redone_by={source: list(names) for source, names in study.published_models.items()},
        models=as_dicts(models),
        whole=study.uses_all,
    )


def this_model(wildcards):
    """Give what a function must know of the model of a job."""
    return study.models[wildcards.model].as_dict()


def models_of_group(wildcards):
    """Give the models of a table."""
    return as_dicts(MODEL_GROUPS[wildcards.group])


def this_sweep(wildcards):
    """Give what a function must know of the sweep of a job."""
    return description.sweep(study.sweeps[wildcards.sweep])


def values_of_sweep(wildcards):
    """Give the values of a sweep."""
    return list(study.sweeps[wildcards.sweep].values)


def models_of_sweep(wildcards):
    """Give the models of a sweep, one per value."""
    return as_dicts(study.sweeps[wildcards.sweep].models)


def arms_of(wildcards):
    """Give the study's models that an experiment reads off, by arm."""
    arms = study.batchnorm.arms[wildcards.experiment]
    return {arm: model.as_dict() for arm, model in arms.items()}


@cache
def reports(wildcards):
    """Give what the report is made as: the page and, where it can be made, the PDF."""
    if not (problem := pdf.what_is_missing(PATHS.pdf)):
        return [study.report, PATHS.pdf]
    if workflow.is_main_process:  # not once more in each job
        logger.warning(f"Only the page is made. {problem}")
    return [study.report]


def fonts_of_pdf(wildcards):
    """Give the fonts of the PDF, or end before the first job where it cannot be made."""
    if problem := pdf.what_is_missing(PATHS.pdf):
        refuse(problem)
    return FONTS
