"""Render the report from the study's tables and figures."""

from fmstudy import runtime
from fmstudy.report import rendering

with runtime.job(snakemake.log[0]):
    templates, context = rendering.of_job(snakemake, rendering.PAGE)
    runtime.write_text(snakemake.output[0], rendering.render(templates, context))
