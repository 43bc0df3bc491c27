# Fashion-MNIST: a student's deep-learning study, re-done and checked.
#
#   snakemake --cores 4 report/final.html     the whole study (also without the target)
#   snakemake --list-target-rules             what else can be asked for
#
# The order of the files is the way of the data.


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/engines.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/batchnorm.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/closer.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/hooks.smk"


rule report:
    """The report, as a page and as a PDF, and its tables as LaTeX: this is made without a target."""
    default_target: True
    input:
        reports,
        LATEX,
