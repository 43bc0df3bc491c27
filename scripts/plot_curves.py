"""Draw the learning curves of one model, or of several on shared axes."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    runs = tables.Runs.holding(snakemake.input)
    drawing = figures.learning_curves(params.models, runs, params.published)
    svg.save(drawing, snakemake.output.figure)
