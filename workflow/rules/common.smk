# The only Python among the rules: the configuration is checked and resolved here; what depends on
# wildcards is a function.

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
from fmstudy.study import configuration, description
from fmstudy.study.description import as_dicts, call
from fmstudy.study.experiments import DRAWN_BY, module_of
from fmstudy.study.resolved import resolve
from fmstudy.study.spec import SECTIONS
from fmstudy.workflow import estimates, planned, terminal
from fmstudy.workflow.digest import digest, of_study
from fmstudy.workflow.layout import DATA, TENSORS, Layout
from fmstudy.workflow.planned import named

# From here on a person sees what matters of what Snakemake says.
screen = None
if workflow.is_main_process:
    screen = terminal.install(
        logger, workflow.output_settings, lambda: planned.this_run(workflow, study)
    )


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
    origins = configuration.read_origins([DEFAULT_CONFIGURATION, *workflow.configfiles])
except configuration.ConfigurationError as error:
    refuse(error)


configfile: DEFAULT_CONFIGURATION


update_config(config, configuration.read_command_line(workflow.config_settings.config, (), origins))
try:
    asked = resolve(config, origins, beside)
except configuration.ConfigurationError as error:
    refuse(error)

study, paths = asked.study, Layout(asked.study)
LOGS, table, figure, of_runs = paths.logs, paths.table, paths.figure, paths.of_runs
TOLD = description.whole(study, asked.expected)  # to the report
TOLD |= {"versions": versions(), "code": of_study()}
ALL_MODELS = [model for model in study.models.values() if model not in study.closer.leave_out]
MODEL_GROUPS = {name: study.section(name) for name in SECTIONS} | {"depth": study.depth}
TABLES, FIGURES = paths.all_tables(), paths.all_figures()
LATEX, SHOWN, PICTURES = (
    [str(Path(path).with_suffix(ending)) for path in files]
    for files, ending in ((TABLES, ".tex"), (FIGURES, ".csv"), (FIGURES, ".png"))
)
TEMPLATES, FONTS = (
    sorted(os.path.relpath(path) for path in (HERE / "report").glob(files) if path.is_file())
    for files in ("templates/**/*", "fonts/*.ttf")
)


wildcard_constraints:
    seed=r"\d+",


def any_of(names):
    """Give a pattern of these names, for a wildcard; one that nothing has if there are none."""
    return "|".join(map(re.escape, names)) or "none"


def priority(rule):
    """Rank the jobs of a rule by how long they will take, so that the longest start first."""
    return lambda wildcards: estimates.priority(study, rule, named(wildcards))


def memory(wildcards, attempt):
    """Give the megabytes that a training is allowed, and more where a cluster has found it too few."""
    return attempt * estimates.memory(study.runs[wildcards.run])


def minutes(wildcards, attempt):
    """Give the minutes that a training is allowed, and more at the second attempt."""
    return attempt * estimates.minutes(study.runs[wildcards.run])


def this_model(wildcards):
    """Give what a function must know of the model of a job."""
    return study.models[wildcards.model].as_dict()


def this_sweep(wildcards):
    """Give what a function must know of the sweep of a job."""
    return description.sweep(study.sweeps[wildcards.sweep])


def models_of_sweep(wildcards):
    """Give the models of the sweep of a job, one per value."""
    return as_dicts(study.sweeps[wildcards.sweep].models)


def judging_of(models):
    """Name what holds the published numbers against these models."""
    return call(
        "analysis.ledger.ledger_table",
        published=asked.published,
        redone_by={source: list(names) for source, names in study.published_models.items()},
        models=as_dicts(models),
        whole=study.uses_all,
    )


@cache
def reports(wildcards):
    """Give what the report is made as: the page and, where it can be made, the PDF."""
    if not (problem := pdf.what_is_missing(paths.pdf)):
        return [study.report, paths.pdf]
    if workflow.is_main_process:  # not once more in each job
        logger.warning(f"Only the page is made. {problem}")
    return [study.report]


def fonts_of_pdf(wildcards):
    """Give the fonts of the PDF, or end before the first job where it cannot be made."""
    if problem := pdf.what_is_missing(paths.pdf):
        refuse(problem)
    return FONTS
