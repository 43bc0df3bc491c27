"""Render the report from the study's tables and figures, and record what they are of."""

from fmstudy import runtime
from fmstudy.report import rendering

with runtime.job(snakemake.log[0]):
    templates, context = rendering.of_job(snakemake, rendering.PAGE)
    record = rendering.record(context, runtime.read_array(snakemake.input.labels))
    runtime.write_json(snakemake.output.record, record)
    runtime.write_text(snakemake.output.page, rendering.render(templates, context))
