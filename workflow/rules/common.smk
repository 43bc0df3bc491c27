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

from fmstudy import claims, configuration, estimates, experiments, pdf, progress, terminal, wording
from fmstudy import published as published_numbers
from fmstudy import study as studies
from fmstudy.digest import digest, of_rules, of_study
from fmstudy.experiments import EXPERIMENTS
from fmstudy.runtime import versions

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


DEFAULT_CONFIGURATION = beside("config/config.yaml")
try:  # before Snakemake reads it, because Snakemake does not say where a mistake in YAML is
    ORIGINS = configuration.read_origins([DEFAULT_CONFIGURATION, *workflow.configfiles])
except configuration.ConfigurationError as error:
    refuse(error)


configfile: DEFAULT_CONFIGURATION


update_config(config, configuration.read_command_line(workflow.config_settings.config, (), ORIGINS))


def resolve_study():
    """Check the configuration and resolve it; a mistake in it ends here, before the first job."""
    study, problems = studies.build(config)
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

DATA = "results/data"  # the same for every study
RESULTS = study.directory
LOGS = RESULTS.replace("results", "logs", 1)
PDF = str(Path(study.report).with_suffix(".pdf"))
RUN = f"{RESULTS}/runs/{{run}}/seed-{{seed}}"
EXPERIMENT = f"{RESULTS}/batchnorm/{{experiment}}"
TABLES_DIRECTORY = f"{RESULTS}/tables"
FIGURES_DIRECTORY = f"{RESULTS}/figures"
EXPLORER = f"{RESULTS}/explorer.json.gz"
NEIGHBOURS = f"{RESULTS}/data/neighbours.csv"  # of the images that this study uses
PUBLISHED = beside(study.published_file)
TEMPLATES = sorted(
    os.path.relpath(path) for path in (HERE / "report/templates").rglob("*") if path.is_file()
)
FONTS = sorted(os.path.relpath(path) for path in (HERE / "report/fonts").glob("*.ttf"))
PACKAGES = ["tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pandas"]
PACKAGES += ["matplotlib", "snakemake", "jinja2"]

CLAIMED_SWEEPS = claims.sweeps_of(CLAIMS)
CLAIMED_MODELS = [study.models[name] for name in claims.models_of(CLAIMS)]
CLAIMED_RUNS = [
    *CLAIMED_MODELS,
    *(model for name in CLAIMED_SWEEPS for model in study.sweeps[name].models),
    study.epochs.model,
]

RUNS = study.runs
RUNS_OF = {  # by engine, as a pattern
    engine: "|".join(re.escape(name) for name, run in RUNS.items() if run.engine == engine)
    or "none"
    for engine in ("lowlevel", "keras")
}
MODEL_GROUPS = {name: study.section(name) for name in studies.SECTIONS} | {"depth": study.depth}
MODEL_PATTERN = "|".join(study.models)
SWEEP_PATTERN = "|".join(study.sweeps) or "none"
COMPARISON_PATTERN = "|".join(study.comparisons) or "none"
ALL_MODELS = [model for model in study.models.values() if model not in study.closer.leave_out]
EXPERIMENT_PATTERN = "|".join(study.batchnorm.settings) or "none"
TRAINED_EXPERIMENTS = "|".join(study.batchnorm.trained) or "none"
MEMORY_OF_EXPERIMENTS = estimates.memory_of_experiments(
    study.data["train_samples"], study.data["test_samples"]
)
# The figures of the experiments; what goes on inside the nets takes two.
EXPERIMENT_OF = {name: name for name in study.batchnorm.settings}
if "shift" in EXPERIMENT_OF:
    EXPERIMENT_OF["shift-landscape"] = "shift"
# Models whose one layer of weights can be drawn as a picture for each class.
LINEAR = [name for name, model in study.models.items() if not model.spec.hidden]

TENSORS = {name: f"{DATA}/{name}.npy" for name in ("x_train", "y_train", "x_test", "y_test")}
TRAINED = {
    "history": f"{RUN}/history.csv",
    "metrics": f"{RUN}/metrics.json",
    "predictions": f"{RUN}/predictions.npy",
    "weights": f"{RUN}/weights.npz",
    "provenance": f"{RUN}/provenance.json",
}


wildcard_constraints:
    seed=r"\d+",


def specification(wildcards):
    """Give what defines a run, for the script that trains it."""
    return RUNS[wildcards.run].as_dict()


def priority(rule):
    """Rank the jobs of a rule by how long they will take, so that the longest start first."""

    def of_job(wildcards):
        return estimates.priority(study, rule, named(wildcards))

    return of_job


def named(wildcards):
    """Give the run or the experiment that a job is about, if any."""
    return wildcards.get("run") or wildcards.get("experiment") or ""


def memory(wildcards, attempt):
    """Give the megabytes that a training is allowed, and more where a cluster has found it too few."""
    return attempt * estimates.memory(RUNS[wildcards.run])


def minutes(wildcards, attempt):
    """Allow a training five times what a slow core (20 GFLOP/s) needs for its arithmetic."""
    arithmetic = RUNS[wildcards.run].arithmetic
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
            needs=frozenset(needed.jobid for needed in dag.dependencies[job]),
            priority=job.priority,
            threads=job.threads,
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
        pace=f"{LOGS}/pace.json",
        keep_going=workflow.execution_settings.keep_going,
        finished=lambda id: dag.finished(by_id[id]),
        failed=lambda id: by_id[id] in scheduler.failed,
        retried=lambda id: by_id[id].restart_times >= by_id[id].attempt,
    )


def of_runs(models, file):
    """Give the file that every training of the models leaves under this name, none twice."""
    paths = (
        TRAINED[file].format(run=model.run, seed=seed) for model in models for seed in model.seeds
    )
    return list(dict.fromkeys(paths))


def as_dicts(models):
    """Give what a script must know of the models, as parameters that Snakemake can track."""
    return [model.as_dict() for model in models]


def published(models):
    """Give the published values of the models that have any, by model."""
    return {
        model.name: PUBLISHED_VALUES[model.name]
        for model in models
        if model.name in PUBLISHED_VALUES
    }


def comparisons_as_dicts(among=None):
    """Give what a script must know of the comparisons, or of those whose models are all among some."""
    names = study.models if among is None else [model.name for model in among]
    return [
        {
            "name": comparison.name,
            "title": comparison.title,
            "section": comparison.section,
            "models": [model.name for model in comparison.models],
            "against": comparison.against,
        }
        for comparison in study.comparisons.values()
        if all(model.name in names for model in comparison.models)
    ]


def sweep_with_models(sweep):
    """Give what a script must know of a sweep and its models."""
    return sweep_as_dict(sweep) | {"models": as_dicts(sweep.models)}


def sweep_as_dict(sweep):
    """Give what a script must know of a sweep."""
    return {
        "name": sweep.name,
        "title": sweep.title,
        "section": sweep.section,
        "vary": sweep.vary,
        "base": sweep.base,
        "values": list(sweep.values),
    }


def explored():
    """Give all models in groups, for the explorer of the page: sections first, then sweeps."""
    of_sections = [
        (
            title,
            section,
            [it for it in (*study.models.values(), study.epochs.model) if it.section == section],
        )
        for section, title in studies.SECTIONS.items()
    ]
    of_sweeps = [(sweep.title, "sweep", sweep.models) for sweep in study.sweeps.values()]
    return [
        {"title": title, "kind": kind, "models": as_dicts(models)}
        for title, kind, models in of_sections + of_sweeps
        if models
    ]


def explored_first():
    """Give the names of the models that the explorer shows first: those of the first comparison."""
    compared = [model.name for it in study.comparisons.values() for model in it.models]
    return list(dict.fromkeys(compared or study.models))[:3]


def as_parameters():
    """Give the whole study, for the report."""
    return {
        "title": study.title,
        "models": as_dicts(study.models.values()),
        "sections": dict(studies.SECTIONS),
        "sweeps": [sweep_as_dict(sweep) for sweep in study.sweeps.values()],
        "comparisons": comparisons_as_dicts(),
        "epochs": {"base": study.epochs.base, "at": list(study.epochs.at)},
        "depth": [model.name for model in study.depth],
        "weights": [model.name for model in study.weights],
        "closer": {
            "models": [model.name for model in study.closer.models],
            "leave_out": [model.name for model in study.closer.leave_out],
            "correlation": study.closer.correlation,
        },
        "batchnorm": {
            "seeds": list(study.batchnorm.seeds),
            "recorded": EXPECTED.recorded,
            "set_aside": {
                name: claim.get("set_aside", {}) for name, claim in EXPECTED.claims.items()
            },
            "experiments": {
                name: {
                    "title": experiment.title,
                    "question": experiment.question,
                    "run": name in study.batchnorm.settings,
                    "settings": study.batchnorm.settings.get(name),
                    "arms": {
                        arm: model.name for arm, model in study.batchnorm.arms.get(name, {}).items()
                    },
                }
                for name, experiment in EXPERIMENTS.items()
            },
        },
        "versions": versions(PACKAGES),
        "directory": RESULTS,
        "report": study.report,
        "code": of_study(),
    }


def table(name):
    """Give the path of a table."""
    return f"{TABLES_DIRECTORY}/{name}.csv"


def figure(name):
    """Give the path of a figure."""
    return f"{FIGURES_DIRECTORY}/{name}.svg"


def figure_files(name):
    """Give what is written of a figure: for pages, for elsewhere, and the values that it shows."""
    files = {"figure": "svg", "picture": "png", "data": "csv"}
    return {file: f"{FIGURES_DIRECTORY}/{name}.{suffix}" for file, suffix in files.items()}


def files_of_figures(**names):
    """Give what is written of several figures by one job: each SVG by its name, the rest beside."""
    beside = [
        f"{FIGURES_DIRECTORY}/{name}.{end}" for name in names.values() for end in ("png", "csv")
    ]
    return {key: figure(name) for key, name in names.items()} | {"beside": beside}


def files_of_experiment(experiment, file):
    """Give the file that each seed of an experiment leaves under this name."""
    place = EXPERIMENT.format(experiment=experiment)
    return [f"{place}/seed-{seed}/{file}" for seed in study.batchnorm.seeds]


def settings_of_run(wildcards):
    """Give what an experiment must know to be run; another level asked for judges it anew only."""
    settings = study.batchnorm.settings[wildcards.experiment]
    return {key: value for key, value in settings.items() if key not in ("usable", "levels")}


def runs_of_arms(wildcards):
    """Give what an experiment needs of the runs of the models that it reads off."""
    models = study.batchnorm.arms[wildcards.experiment].values()
    kinds = ("metrics", "history", "predictions", "weights", "provenance")
    return [path for kind in kinds for path in of_runs(models, kind)]


def needed_first(wildcards):
    """Give the results that an experiment starts from, if it does from any."""
    after = EXPERIMENTS[wildcards.experiment].after
    return {"rates": files_of_experiment(after, "results.csv")} if after else {}


def tables_of_experiment(name):
    """Give the tables of an experiment: results, times, quantities, and predictions."""
    kinds = ("times", "quantities", "predictions")
    return {"table": table(f"bn_{name}"), **{kind: table(f"bn_{name}_{kind}") for kind in kinds}}


def judging(wildcards):
    """Give what a script must know to test the predictions on an experiment."""
    name = wildcards.experiment
    return {
        "experiment": name,
        "settings": study.batchnorm.settings[name],
        "predictions": EXPECTED.of(name),
    }


def results_of_experiment(name):
    """Give tables and figures of an experiment."""
    kinds = ("", "_quantities", "_predictions")
    figures = [shown for shown, experiment in EXPERIMENT_OF.items() if experiment == name]
    return [
        *(table(f"bn_{name}{kind}") for kind in kinds),
        *(figure(f"bn_{shown}") for shown in figures),
    ]


def results_of_sweep(name):
    """Give table and figures of a sweep."""
    return [table(f"sweep_{name}"), figure(f"sweep_{name}"), figure(f"sweep_{name}_curves")]


def results_of_section(section):
    """Give table and figures of a section's models, sweeps and comparisons."""
    sweeps = [name for name, sweep in study.sweeps.items() if sweep.section == section]
    comparisons = [name for name, it in study.comparisons.items() if it.section == section]
    return [
        table(section),
        *(figure(f"curves_{model.name}") for model in study.section(section)),
        *(path for name in sweeps for path in results_of_sweep(name)),
        *(figure(f"compare_{name}") for name in comparisons),
    ]


def closer_tables(models):
    """Give the tables of a closer look at all models, and those of these models by themselves."""
    names = ("calibration", "agreement", "hardest", "similarity", "duplicates")
    return [table(name) for name in (*names, *(f"classes_{model.name}" for model in models))]


def closer_figures(models):
    """Give the figures of a closer look at all models, and those of these models by themselves."""
    kinds = ("confusion", "calibration", "mistakes")
    return [
        figure(name)
        for name in (
            *("classes", "calibration", "agreement", "hardest", "duplicates"),
            *(f"{kind}_{model.name}" for model in models for kind in kinds),
            *(f"weights_{model.name}" for model in models if model.name in LINEAR),
        )
    ]


TABLES = [
    table(name)
    for name in (
        *MODEL_GROUPS,
        "epochs",
        *(f"sweep_{sweep}" for sweep in study.sweeps),
        "weights",
        "gaps",
        "intervals",
        "comparisons",
        "ledger",
        "claims",
        "statistics",
        "runs",
        "cost",
        "machine",
        "engines",
        *(f"bn_{name}_quantities" for name in study.batchnorm.settings),
        *("bn_predictions", "bn_claims", "bn_costs", "bn_equality"),
        "workflow",
    )
] + closer_tables(study.closer.models)
LATEX = [str(Path(path).with_suffix(".tex")) for path in TABLES]
FIGURES = [
    figure(name)
    for name in (
        "data",
        "models",
        *(f"curves_{model}" for model in study.models),
        "epochs",
        "depth",
        "weights",
        *(f"sweep_{sweep}{kind}" for sweep in study.sweeps for kind in ("", "_curves")),
        *(f"compare_{comparison}" for comparison in study.comparisons),
        *(f"bn_{shown}" for shown in EXPERIMENT_OF),
        "bn_network",
    )
] + closer_figures(study.closer.models)
SHOWN = [*FIGURES, figure("workflow")]  # all that the report shows
# Beside each figure its values, and the same as a picture of pixels.
FIGURE_DATA = [re.sub(r"\.svg$", ".csv", path) for path in SHOWN]
PICTURES = [re.sub(r"\.svg$", ".png", path) for path in FIGURES]


@cache
def reports(wildcards):
    """Give what the report is made as: the page and, where it can be made, the PDF."""
    if not (problem := pdf.what_is_missing(PDF)):
        return [study.report, PDF]
    if workflow.is_main_process:  # not once more in each job
        logger.warning(f"Only the page is made. {problem}")
    return [study.report]


def fonts_of_pdf(wildcards):
    """Give the fonts of the PDF, or end before the first job where it cannot be made."""
    if problem := pdf.what_is_missing(PDF):
        refuse(problem)
    return FONTS
