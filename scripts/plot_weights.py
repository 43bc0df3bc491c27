"""Draw what penalties make of the weights."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    params = snakemake.params
    drawing = figures.weight_histograms(params.models, tables.Runs.holding(snakemake.input))
    svg.save(drawing, snakemake.output.figure)
