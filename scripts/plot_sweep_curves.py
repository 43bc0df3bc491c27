"""Draw the learning curves of a sweep."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    drawing = figures.sweep_curves(
        params.models, params.sweep, tables.Runs.holding(snakemake.input)
    )
    svg.save(drawing, snakemake.output.figure)
