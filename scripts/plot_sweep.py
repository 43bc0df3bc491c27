"""Draw the final metrics of a sweep."""

from fmstudy import figures, runtime, svg, tables

with runtime.job(snakemake.log[0]):
    drawing = figures.sweep_summary(tables.read(snakemake.input.table), snakemake.params.sweep)
    svg.save(drawing, snakemake.output.figure)
