"""Render the report from the study's tables and figures."""

from fmstudy import report, runtime

with runtime.job(snakemake.log[0]):
    templates, context = report.of_job(snakemake, report.PAGE)
    runtime.write_text(snakemake.output[0], report.render(templates, context))
