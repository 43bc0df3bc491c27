# Checks and resolves the configuration; input functions that several rules use.

import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]
sys.path.insert(0, str(HERE / "scripts"))

from fmstudy.report import pdf
from fmstudy.runtime import versions
from fmstudy.study import configuration, description, reader, shown
from fmstudy.study.description import as_dicts, call
from fmstudy.study.experiments import DRAWN_BY, module_of
from fmstudy.study.resolved import resolve
from fmstudy.study.spec import section_titles
from fmstudy.workflow import arguments, estimates, planned, terminal
from fmstudy.workflow.digest import digest, study_digest
from fmstudy.workflow.layout import Layout
from fmstudy.workflow.planned import job_subject

# Another Snakefile may use this study as a module (docs/how-to/use-in-snakemake.md).  What it shows,
# and the files in its folder, are its own.
is_module = not workflow.modifier.is_main_snakefile()
has_given_config = workflow.modifier.skip_configfile  # by `config:` of the module

# Replace Snakemake's terminal output by a summary.
screen = None
if workflow.is_main_process and not is_module:
    screen = terminal.install(
        logger,
        workflow.output_settings,
        lambda: planned.describe_run(workflow, study),
        lambda target: arguments.explain_target(target, workflow.rules, DEFAULT_CONFIGURATION),
    )


def own_file(path):
    """Return the path of a file beside the Snakefile, which no prefix of a module changes."""
    return local(os.path.relpath(HERE / path))


def find_file(path):
    """Find a file that the configuration names, in the working directory or else beside it."""
    return local(path) if os.path.exists(path) else own_file(path)


def refuse(error):
    """Exit with a message, without a traceback."""
    logger.error(str(error))
    sys.exit(1)


if re.search("[{}]", str(HERE)):
    refuse(f"{HERE}: braces mark wildcards in Snakemake; rename the folder.")

find_default = own_file if is_module else find_file
DEFAULT_CONFIGURATION = find_default("config/config.yaml")
# A study is complete in itself, so the default one is read only if no file is given, or one that
# extends it.  There is no `configfile:`, which would merge it with any other.
if has_given_config:
    STUDY_FILES = [find_file(str(config["extends"]))] if "extends" in config else []
elif is_module:
    STUDY_FILES = [DEFAULT_CONFIGURATION]
else:
    STUDY_FILES = workflow.config_settings.configfiles or [DEFAULT_CONFIGURATION]
try:
    settings, origins = reader.read_study(STUDY_FILES, find_file)
    if has_given_config:
        reader.merge(settings, {key: it for key, it in config.items() if key != "extends"})
        origins[()] = f"config of the module {__name__}"
    else:
        given = reader.read_command_line(workflow.config_settings.config, (), origins)
        reader.merge(settings, given)
    resolved = resolve(settings, origins, find_file, *map(reader.name_of, STUDY_FILES[:1]))
except configuration.ConfigurationError as error:
    refuse(error)

study, layout = resolved.study, Layout(resolved.study)
LOGS, table, figure, run_files = layout.logs, layout.table, layout.figure, layout.run_files
TENSORS = layout.tensors
# What jobs that compute with TensorFlow get in a study on a GPU, and no others: a parameter, and the
# resources by which the plugins for SLURM and Kubernetes ask for one.
DEVICE, GPUS = {}, {}
if study.device == "gpu":
    DEVICE, GPUS = {"device": "gpu"}, {"gpu": 1, "gpu_manufacturer": "nvidia"}
REPORT_DATA = description.describe_study(study, resolved.expected)
REPORT_DATA |= {"versions": versions(), "code": study_digest()}
ALL_MODELS = [model for model in study.models.values() if model not in study.errors.leave_out]
MODEL_GROUPS = {name: study.section(name) for name in layout.sections}
MODEL_GROUPS |= {"depth": study.depth} if study.depth else {}
SECTION_TABLES = list(map(table, layout.sections))
# Tables that other rules read if the study has them, for `**`.
COMPARED = {"comparisons": table("comparisons")} if study.has("comparisons") else {}
CLAIMED = {"claims": table("claims")} if study.has("claims") else {}
RUNS_BY_MODEL = {name: model.run for name, model in study.models.items()}
TABLES = layout.all_tables()
LATEX = [str(Path(path).with_suffix(".tex")) for path in TABLES]
TEMPLATES, EXPORT_TEMPLATES, FONTS = (
    sorted(
        own_file(path)
        for pattern in patterns
        for path in (HERE / "report").glob(pattern)
        if path.is_file()
    )
    for patterns in (("templates/**/*", "text/**/*.md"), ("exports/*",), ("fonts/*.ttf",))
)

PLAYGROUND_FILES = [
    own_file(f"report/{file}")
    for file in ("playground/page.html.j2", "playground/style.css", "playground/script.js")
    + ("templates/style.css", "templates/theme.js")
]


wildcard_constraints:
    seed=r"\d+",


def any_of(names):
    """Return a wildcard constraint that matches these names, or no job if there are none."""
    return "|".join(map(re.escape, names)) or "none"


def main_result(files, caption, place, name):
    """Show the first of a rule's files in `snakemake --report`, with a caption in workflow/report.

    Of a figure, this is the PNG, because the SVG takes its font from the page.  The place is a
    category, or a category and a subcategory with a slash between them.
    """
    key = "beside" if "beside" in files else next(iter(files))
    first, *others = files[key] if key == "beside" else [files[key]]
    category, _, subcategory = place.partition("/")
    shown = report(
        first,
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=subcategory or None,
        labels={"result": name},
    )
    return files | {key: [shown, *others] if others else shown}


def priority(rule):
    """Rank the jobs of a rule by estimated duration, so that the longest start first."""
    return lambda wildcards: estimates.priority(study, rule, job_subject(wildcards))


def memory(wildcards, attempt):
    """Return a training's memory limit in MB, with more on each further attempt."""
    return attempt * estimates.memory(study.runs[wildcards.run])


def minutes(wildcards, attempt):
    """Return a training's time limit in minutes, with more on each further attempt."""
    return attempt * estimates.minutes(study.runs[wildcards.run])


def this_model(wildcards):
    """Return the model of a job."""
    return study.models[wildcards.model].as_dict()


def this_sweep(wildcards):
    """Return the sweep of a job, without its models."""
    return description.sweep(study.sweeps[wildcards.sweep])


def models_of_sweep(wildcards):
    """Return the models of the sweep of a job, one per value."""
    return as_dicts(study.sweeps[wildcards.sweep].models)


@cache
def reports(wildcards):
    """Return the files of the report: the page, the playground and, if it can be made, the PDF."""
    pages = [study.report, *([study.playground.file] if study.has("playground") else [])]
    if not (problem := pdf.what_is_missing(layout.pdf)):
        return [*pages, layout.pdf]
    if workflow.is_main_process:  # not again in each job
        logger.warning(f"Making only the page, not the PDF. {problem}")
    return pages


def fonts_of_pdf(wildcards):
    """Return the fonts of the PDF, or exit before the first job if it cannot be made."""
    if problem := pdf.what_is_missing(layout.pdf):
        refuse(problem)
    return FONTS
