# Fashion-MNIST: a student's deep-learning study, reproduced and checked.
#
#   snakemake --cores 4 report/final.html     the whole study (also without the target)
#   snakemake --list-target-rules             all targets
#
# The files are in the order of the data flow.


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/analysis.smk"


# What the configuration does not name has no rule.
if study.has("checks"):

    include: "workflow/rules/engines.smk"


if study.has("batchnorm"):

    include: "workflow/rules/batchnorm.smk"


if study.has("noise"):

    include: "workflow/rules/noise.smk"


include: "workflow/rules/figures.smk"


if study.has("closer"):

    include: "workflow/rules/errors.smk"


include: "workflow/rules/report.smk"


if study.has("playground"):

    include: "workflow/rules/playground.smk"


include: "workflow/rules/exports.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/hooks.smk"


rule report:
    """The report as a page and a PDF, and its tables as LaTeX; the default target."""
    default_target: workflow.default_target is None  # another Snakefile may have its own
    input:
        reports,
        LATEX,
