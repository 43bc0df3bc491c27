# Fashion-MNIST: a student's deep-learning study, reproduced and checked.
#
#   snakemake --cores 4 report/final.html     the whole study (also without the target)
#   snakemake --list-target-rules             all targets
#
# The files are in the order of the data flow.


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/engines.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/batchnorm.smk"


if study.noise.seeds:

    include: "workflow/rules/noise.smk"


include: "workflow/rules/figures.smk"
include: "workflow/rules/errors.smk"
include: "workflow/rules/report.smk"


if study.playground.models:

    include: "workflow/rules/playground.smk"


include: "workflow/rules/targets.smk"
include: "workflow/rules/hooks.smk"


rule report:
    """The report as a page and a PDF, and its tables as LaTeX; the default target."""
    default_target: workflow.default_target is None  # another Snakefile may have its own
    input:
        reports,
        LATEX,
