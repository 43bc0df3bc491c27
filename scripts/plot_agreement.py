"""Draw how alike models are."""

from fmstudy import closer_figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    table = tables.read(snakemake.input.table)
    drawing = closer_figures.agreement(table, snakemake.params.models)
    svg.save(drawing, snakemake.output.figure)
